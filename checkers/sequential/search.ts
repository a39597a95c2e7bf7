/**
 * Sequential consistency (Lamport 1979): one order of all operations that each session's own order allows, in which each read returns the
 * latest write before it.
 *
 * To tell whether there is one is NP-complete (Gibbons & Korach 1997), so this is a search, with what is certain built in: causal
 * order and conflicts are never broken; what only reads is placed as soon as it can stand, for it changes nothing; and no write
 * replaces a value that is still to be read. What such a search has left is which of the possible writes comes next. States from which
 * all has been tried are remembered. Most histories need no second try.
 */
import { NONE } from '../../history/history.ts';
import type { Budget } from '../checker.ts';
import type { Case } from '../causal/judge.ts';
import { endOf, INITIAL, unitOf } from '../causal/units.ts';
import { DENIES, reference, SWAPS, WRITES } from '../linearizable/register.ts';

const ASK_EVERY = 0xfff;
/** Remembered states, each with a text of its own. */
const STATES_MAX = 300_000;
const TEXT_MAX = 200_000_000;

/** In `hidden`: a read that is taken away, with what follows from it; one that need not stand, though causality goes through it. */
export const GONE = 1;
export const UNJUDGED = 2;

export type Found = 'an order' | 'none' | { readonly undecided: string };

export class OneOrder {
  readonly #at: Case;
  /** Per read row: GONE, UNJUDGED, or 0. */
  readonly #hidden: Uint8Array;
  /** Successors of unit u: `#next[#start[u]] … #next[#start[u + 1] - 1]`. */
  readonly #start: Int32Array;
  readonly #next: Int32Array;
  /** Per unit: predecessors that are not placed yet. */
  readonly #waitsFor: Int32Array;
  /** Per write row, and after them per key for its initial value: reads that are to come. */
  readonly #pending: Int32Array;
  /** Per key: the row of the latest write, or INITIAL. */
  readonly #latest: Int32Array;
  /** Units in the order found so far, and what each replaced: row before, per write row. */
  readonly #trail: Int32Array;
  #length = 0;
  readonly #replaced: Int32Array;
  /** Units whose predecessors are placed, and that are not. */
  readonly #ready = new Set<number>();
  readonly #failed = new Set<string>();
  #texts = 0;
  readonly #units: number;

  constructor(at: Case, hidden: Uint8Array) {
    const { units, past } = at;
    const { length, keys } = units.history;
    this.#at = at;
    this.#hidden = hidden;
    this.#units = past.length;
    this.#waitsFor = new Int32Array(length);
    this.#pending = new Int32Array(length + keys.length);
    this.#latest = new Int32Array(keys.length).fill(INITIAL);
    this.#trail = new Int32Array(past.length);
    this.#replaced = new Int32Array(length);
    this.#start = new Int32Array(length + 2);
    this.#eachEdge((from, to) => {
      this.#start[from + 2]++;
      this.#waitsFor[to]++;
    });
    for (let u = 2; u < this.#start.length; u++) this.#start[u] += this.#start[u - 1];
    this.#next = new Int32Array(this.#start[length + 1]);
    this.#eachEdge((from, to) => (this.#next[this.#start[from + 1]++] = to));
    for (let i = 0; i < past.length; i++) {
      const unit = past.order[i];
      if (this.#waitsFor[unit] === 0) this.#ready.add(unit);
      this.#eachRead(unit, (row) => this.#pending[this.#slot(row)]++);
    }
  }

  search(budget: Budget): Found {
    /** Per choice: the length of the trail before it, what may come next, and which of it is tried. */
    const choices: { readonly length: number; readonly options: readonly number[]; tried: number }[] = [];
    for (let steps = 0; ; steps++) {
      const spent = (steps & ASK_EVERY) === 0 ? budget.spent() : undefined;
      if (spent !== undefined) return { undecided: spent };
      this.#placeReads();
      if (this.#length === this.#units) return 'an order';
      const options = this.#options();
      const isNew = this.#failed.size === 0 || options.length < 2 || !this.#failed.has(this.#state());
      if (options.length > 0 && isNew) {
        if (options.length > 1) choices.push({ length: this.#length, options, tried: 0 });
        this.#place(options[0]);
        continue;
      }
      let choice = choices.pop();
      for (; choice !== undefined; choice = choices.pop()) {
        while (this.#length > choice.length) this.#undo();
        if (++choice.tried < choice.options.length) break;
        const state = this.#state();
        this.#failed.add(state);
        this.#texts += state.length;
      }
      if (choice === undefined) return 'none';
      if (this.#failed.size > STATES_MAX || this.#texts > TEXT_MAX) {
        return { undecided: `${this.#failed.size} states tried` };
      }
      choices.push(choice);
      this.#place(choice.options[choice.tried]);
    }
  }

  /** Session order, reads-from and conflicts. */
  #eachEdge(visit: (from: number, to: number) => void): void {
    const { units, sessions, past } = this.#at;
    const { history } = units;
    for (let i = 0; i < past.length; i++) {
      const unit = past.order[i];
      sessions.eachPrevious(unit, (before) => visit(before, unit));
      for (let row = unit, end = endOf(history, unit); row < end; row++) {
        if (units.source[row] >= 0 && this.#hidden[row] !== GONE) visit(unitOf(history, units.source[row]), unit);
      }
    }
    const { conflicts } = past;
    for (let i = 0; i < conflicts.length; i += 3) {
      if (this.#hidden[conflicts.at(i + 2)] === 0) visit(conflicts.at(i), conflicts.at(i + 1));
    }
  }

  #eachRead(unit: number, visit: (row: number) => void): void {
    const { history, source } = this.#at.units;
    for (let row = unit, end = endOf(history, unit); row < end; row++) {
      if (source[row] !== NONE && this.#hidden[row] === 0) visit(row);
    }
  }

  /** Where the reads of what a row returned are counted. */
  #slot(row: number): number {
    const { history, source } = this.#at.units;
    return source[row] === INITIAL ? history.length + history.key[row] : source[row];
  }

  #isWrite(row: number): boolean {
    const { deeds } = this.#at.units;
    return deeds[row] === WRITES || deeds[row] === SWAPS;
  }

  /** Whether all reads of a unit stand now, and it replaces nothing that others are to read. */
  #fits(unit: number): boolean {
    const { history, source, deeds, reading } = this.#at.units;
    for (let row = unit, end = endOf(history, unit); row < end; row++) {
      const latest = this.#latest[history.key[row]];
      if (source[row] !== NONE && this.#hidden[row] === 0 && source[row] !== latest) return false;
      if (deeds[row] === DENIES && source[row] === NONE && this.#hidden[row] === 0) {
        const held = latest === INITIAL ? reading.initial : reference(reading, history.value[latest]);
        if (held === reference(reading, history.expected[row])) return false;
      }
      if (!this.#isWrite(row)) continue;
      let left = this.#pending[latest === INITIAL ? history.length + history.key[row] : latest];
      this.#eachRead(unit, (read) => {
        if (history.key[read] === history.key[row]) left--;
      });
      if (left > 0) return false;
    }
    return true;
  }

  #writes(unit: number): boolean {
    const { history } = this.#at.units;
    for (let row = unit, end = endOf(history, unit); row < end; row++) if (this.#isWrite(row)) return true;
    return false;
  }

  /** Places whatever only reads and can stand: a set grows while it is walked. */
  #placeReads(): void {
    for (let before = -1; before !== this.#length; ) {
      before = this.#length;
      for (const unit of this.#ready) if (!this.#writes(unit) && this.#fits(unit)) this.#place(unit);
    }
  }

  /** What may come next, that which was asked for first before the others. */
  #options(): readonly number[] {
    const options: number[] = [];
    for (const unit of this.#ready) if (this.#writes(unit) && this.#fits(unit)) options.push(unit);
    return options.sort((a, b) => a - b);
  }

  #place(unit: number): void {
    const { history } = this.#at.units;
    this.#eachRead(unit, (row) => this.#pending[this.#slot(row)]--);
    for (let row = unit, end = endOf(history, unit); row < end; row++) {
      if (!this.#isWrite(row)) continue;
      this.#replaced[row] = this.#latest[history.key[row]];
      this.#latest[history.key[row]] = row;
    }
    this.#trail[this.#length++] = unit;
    this.#ready.delete(unit);
    for (let i = this.#start[unit]; i < this.#start[unit + 1]; i++) {
      if (--this.#waitsFor[this.#next[i]] === 0) this.#ready.add(this.#next[i]);
    }
  }

  #undo(): void {
    const { history } = this.#at.units;
    const unit = this.#trail[--this.#length];
    for (let i = this.#start[unit]; i < this.#start[unit + 1]; i++) {
      if (this.#waitsFor[this.#next[i]]++ === 0) this.#ready.delete(this.#next[i]);
    }
    this.#ready.add(unit);
    for (let row = endOf(history, unit) - 1; row >= unit; row--) {
      if (this.#isWrite(row)) this.#latest[history.key[row]] = this.#replaced[row];
    }
    this.#eachRead(unit, (row) => this.#pending[this.#slot(row)]++);
  }

  /** What is placed, told by what may be placed next, and what each key holds. */
  #state(): string {
    return `${[...this.#ready].sort((a, b) => a - b).join(',')};${this.#latest.join(',')}`;
  }
}
