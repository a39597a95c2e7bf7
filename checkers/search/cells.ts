/**
 * The outlook of objects that are cells, each with a value that is written and found: registers under transactions.
 *
 * A value that nobody who is left will look for is no value. A value that someone who is left must still find is not written over
 * where nobody is left who could write it again; nor is it written where something must come in between that writes over it.
 * For values written once these are the rules of zones (Gibbons & Korach 1997), cell by cell.
 */
import { NONE } from '../../history/history.ts';
import type { State } from '../model.ts';
import { ILLEGAL } from '../model.ts';
import { Lists } from './lists.ts';
import type { Left, Outlook } from './outlook.ts';
import type { Places, Problem } from './problem.ts';

/** The cells as the states of a machine. */
export interface Cells {
  get(state: State, cell: number): number;
  set(state: State, cell: number, value: number): State;
}

/** What one operation does: its own writes hide the cells that it reads after them. */
export interface Deeds {
  /** Alternating: a cell, and the value found in it. */
  readonly finds: readonly number[];
  /** Alternating: a cell, and the value left in it. */
  readonly leaves: readonly number[];
  /** Alternating: a cell, and a value that it must not hold then. */
  readonly denies?: readonly number[];
  /** It reads what it cannot: another value than it wrote itself, or than it read just before. No state allows it. */
  readonly contradictsItself?: boolean;
}

export class CellsOutlook implements Outlook {
  readonly initial: State;
  readonly step: (state: State, op: number) => State;
  readonly idle: Uint8Array;
  readonly #cells: Cells;
  readonly #deeds: readonly Deeds[];
  /** Cells of which some operation says what they do not hold: there, what is held matters though nobody looks for it. */
  readonly #denied: ReadonlySet<number>;
  /** A value that no operation speaks of. */
  readonly #nothing: number;
  readonly #must: (op: number) => boolean;
  /** Pairs of a cell and a value are numbered. */
  readonly #pairs = new Map<number, Map<number, number>>();
  #count = 0;
  readonly #readers: Lists;
  readonly #writers: Lists;
  /** Of each pair, the reader called last of those that must be placed; NONE. */
  readonly #lastCalled: Int32Array;
  /** By cell: all that write it and must be placed. */
  readonly #writersOfCell: Lists;

  constructor(
    problem: Problem,
    { call, end }: Places,
    machine: { readonly initial: State; readonly step: (state: State, row: number) => State },
    cells: Cells,
    cellCount: number,
    deedsOf: (row: number) => Deeds,
  ) {
    this.initial = machine.initial;
    this.step = (state, op) => machine.step(state, problem.row[op]);
    this.#cells = cells;
    this.#deeds = Array.from(problem.row, deedsOf);
    this.#must = (op) => problem.optional[op] === 0;
    const [reads, readers, writes, writers]: [number[], number[], number[], number[]] = [[], [], [], []];
    const [written, overwriters]: [number[], number[]] = [[], []];
    const values = new Set<number>();
    const denied = new Set<number>();
    this.#deeds.forEach(({ finds, leaves, denies = [] }, op) => {
      for (let i = 0; i < denies.length; i += 2) {
        values.add(denies[i + 1]);
        denied.add(denies[i]);
      }
      for (let i = 0; i < finds.length; i += 2) {
        values.add(finds[i + 1]);
        reads.push(this.#pair(finds[i], finds[i + 1]));
        readers.push(op);
      }
      for (let i = 0; i < leaves.length; i += 2) {
        values.add(leaves[i + 1]);
        writes.push(this.#pair(leaves[i], leaves[i + 1]));
        writers.push(op);
        if (!this.#must(op)) continue;
        written.push(leaves[i]);
        overwriters.push(op);
      }
    });
    this.#nothing = unusedIn(values);
    this.#denied = denied;
    this.#readers = new Lists(this.#count, reads, readers, end);
    this.#writers = new Lists(this.#count, writes, writers, end);
    this.#writersOfCell = new Lists(cellCount, written, overwriters, end);
    this.#lastCalled = new Int32Array(this.#count).fill(NONE);
    readers.forEach((op, i) => {
      const known = this.#lastCalled[reads[i]];
      if (this.#must(op) && (known === NONE || call[known] < call[op])) this.#lastCalled[reads[i]] = op;
    });
    this.idle = Uint8Array.from(this.#deeds, ({ finds, leaves, denies, contradictsItself }) =>
      finds.length === 0 && denies === undefined && contradictsItself !== true && this.#isEachUnread(leaves) ? 1 : 0,
    );
  }

  settle(before: State, after: State, op: number, left: Left): State {
    const { finds, leaves } = this.#deeds[op];
    let state = after;
    for (let i = 0; i < leaves.length; i += 2) {
      const [cell, value] = [leaves[i], leaves[i + 1]];
      const held = this.#cells.get(before, cell);
      if (held !== this.#nothing && held !== value && this.#isMissed(cell, held, left)) return ILLEGAL;
      const pair = this.#pair(cell, value);
      if (!this.#isLookedFor(cell, pair, left)) state = this.#cells.set(state, cell, this.#nothing);
      else if (this.#comesTooSoon(cell, pair, left)) return ILLEGAL;
    }
    for (let i = 0; i < finds.length; i += 2) {
      const [cell, value] = [finds[i], finds[i + 1]];
      if (this.#cells.get(state, cell) !== value || this.#isLookedFor(cell, this.#pair(cell, value), left)) continue;
      state = this.#cells.set(state, cell, this.#nothing);
    }
    return state;
  }

  /** Nobody is left to find what it writes, and it finds nothing itself that it would need a place for. */
  isMute(op: number, left: Left): boolean {
    const { leaves } = this.#deeds[op];
    for (let i = 0; i < leaves.length; i += 2) {
      if (this.#isLookedFor(leaves[i], this.#pair(leaves[i], leaves[i + 1]), left)) return false;
    }
    return true;
  }

  #isLookedFor(cell: number, pair: number, left: Left): boolean {
    return this.#denied.has(cell) || this.#readers.mayHave(pair, left);
  }

  isIdle(state: State, op: number): boolean {
    const { leaves } = this.#deeds[op];
    for (let i = 0; i < leaves.length; i += 2) {
      if (this.#cells.get(state, leaves[i]) !== this.#nothing) return false;
    }
    return true;
  }

  /** Whether somebody must still find the value that is written over, and nobody can write it again in time. */
  #isMissed(cell: number, value: number, left: Left): boolean {
    const pair = this.#pairs.get(cell)?.get(value);
    if (pair === undefined) return false;
    const reader = this.#readers.first(pair, left, this.#must);
    if (reader === NONE) return false;
    return !this.#writers.mayHave(pair, left, (op) => op !== reader && left.call[op] < left.end[reader]);
  }

  /** Whether something that must come before a reader is called writes over the value, for good. */
  #comesTooSoon(cell: number, pair: number, left: Left): boolean {
    const reader = this.#lastCalled[pair];
    if (reader === NONE || !left.has(reader)) return false;
    if (this.#writers.mayHave(pair, left, (op) => left.call[op] < left.end[reader])) return false;
    const over = this.#writersOfCell.first(cell, left);
    return over !== NONE && left.end[over] < left.call[reader];
  }

  #isEachUnread(leaves: readonly number[]): boolean {
    for (let i = 0; i < leaves.length; i += 2) {
      if (this.#denied.has(leaves[i]) || !this.#readers.isEmpty(this.#pair(leaves[i], leaves[i + 1]))) return false;
    }
    return true;
  }

  #pair(cell: number, value: number): number {
    let ofCell = this.#pairs.get(cell);
    if (ofCell === undefined) this.#pairs.set(cell, (ofCell = new Map<number, number>()));
    let pair = ofCell.get(value);
    if (pair === undefined) ofCell.set(value, (pair = this.#count++));
    return pair;
  }
}

function unusedIn(values: ReadonlySet<number>): number {
  let unused = 1;
  while (values.has(unused)) unused++;
  return unused;
}
