/** From a key without an order to the few operations that cannot all stand. */
import type { Budget } from '../checker.ts';
import type { Machine, State } from '../model.ts';
import type { History } from '../../history/history.ts';
import type { Deeds } from './cells.ts';
import type { Problem } from './problem.ts';
import { layOut } from './problem.ts';
import { Noticed } from './noticed.ts';
import type { SearchResult } from './search.ts';
import { search } from './search.ts';

export interface Core {
  /** Rows that cannot all stand, whichever of the others took effect; ascending. */
  readonly rows: readonly number[];
  /** The one of the rows that found no place, and the states there were before it. */
  readonly stuck: number;
  readonly states: readonly State[];
  /** Whether no single one of the rows can be spared. */
  readonly minimal: boolean;
  /** Whether it was not found out that without `stuck` the rows could stand: then another one of them may be to blame. */
  readonly blamesAny?: boolean;
}

/** Orders tried for one question, and for all of them: enough for a few thousand operations. */
const STEPS_PER_QUESTION = 20_000;
const STEPS_IN_ALL = 1_000_000;
/** The same for one that decides what is said, after it was given up once. */
const STEPS_PER_LAST_QUESTION = 100_000;
/** Operations laid out in all; bounds what long keys cost. */
const OPERATIONS_IN_ALL = 4_000_000;

/** Of more operations than these, no more is tried once so many questions in a row were given up. */
const LONG = 300;
const GIVEN_UP_MAX = 6;

/** Operations called last: so many are tried alone at first. */
const LAST_FEW = 8;

type Impossible = SearchResult & { readonly type: 'impossible' };

/**
 * Spares one part after another: a read or failed cas is left out, a write or successful cas may be missing. Both only make
 * room, so whatever is still impossible proves the whole impossible. `rows` are those of the problem that failed.
 */
export function shrink(
  history: History,
  machine: Machine,
  problem: Problem,
  failure: Impossible,
  budget: Budget,
): Core {
  const until = history.ret[problem.row[failure.stuck]];
  const rows: number[] = [];
  const spare: number[] = [];
  for (let op = 0; op < problem.count; op++) {
    const row = problem.row[op];
    if (history.call[row] >= until) continue;
    rows.push(row);
    // Nothing called after that return can help; so nothing may be demanded that could be helped by it.
    spare.push(history.ret[row] > until || problem.optional[op] === 1 ? 1 : 0);
  }
  const spared = Uint8Array.from(spare);
  const shrinker = new Shrinker(history, machine, rows, spared, budget);
  const minimal = shrinker.run();
  return { ...shrinker.core(problem.row[failure.stuck], failure.states, minimal), minimal };
}

class Shrinker {
  readonly #history: History;
  readonly #machine: Machine;
  readonly #rows: readonly number[];
  readonly #budget: Budget;
  /** 1 for rows that are spared. */
  readonly #spared: Uint8Array;
  readonly #pure: Uint8Array;
  readonly #noticed: Noticed | undefined;
  #last: { readonly problem: Problem; readonly result: Impossible } | undefined;
  #steps = 0;
  #operations = 0;
  #givenUp = 0;

  constructor(history: History, machine: Machine, rows: readonly number[], spared: Uint8Array, budget: Budget) {
    this.#history = history;
    this.#machine = machine;
    this.#rows = rows;
    this.#budget = budget;
    this.#spared = spared;
    this.#pure = Uint8Array.from(rows, (row) => (machine.pure(row) ? 1 : 0));
    this.#noticed = machine.deeds === undefined ? undefined : new Noticed(rows, machine.deeds);
  }

  /**
   * Delta debugging (Zeller): ever smaller chunks, from the oldest operations on. What clashes mostly lies near the end, so all
   * but the last few are tried first. True if each single one that is left was found to be needed.
   */
  run(): boolean {
    let left = this.#rows.length;
    for (let size = LAST_FEW; size < left; size *= 4) {
      const outcome = this.#trySparing(0, left - size);
      if (outcome === 'exhausted') return false;
      if (outcome !== 'spared') continue;
      left = size;
      break;
    }
    for (let size = left >> 1; size >= 1; size = size >> 1) {
      let spared = true;
      // Single operations are gone over until none can be spared.
      while (spared) {
        spared = false;
        const unknown: number[] = [];
        for (let from = this.#rows.length - left; from < this.#rows.length; from += size) {
          const outcome = this.#trySparing(from, Math.min(from + size, this.#rows.length));
          if (outcome === 'exhausted') return false;
          spared ||= outcome === 'spared';
          if (outcome === 'unknown') unknown.push(from);
        }
        if (size > 1) break;
        if (spared) continue;
        for (const from of unknown) {
          const outcome = this.#trySparing(from, from + 1, STEPS_PER_LAST_QUESTION);
          if (outcome === 'exhausted' || outcome === 'unknown') return false;
          spared ||= outcome === 'spared';
        }
      }
    }
    return true;
  }

  core(stuck: number, states: readonly State[], isMinimal: boolean): Omit<Core, 'minimal'> {
    const rows = this.#rows.filter((_, i) => this.#spared[i] === 0);
    const { problem, result } = this.#last ?? {};
    const core =
      problem === undefined || result === undefined
        ? { stuck, states }
        : { stuck: problem.row[result.stuck], states: result.states };
    if (isMinimal) return { rows, ...core };
    const at = this.#rows.indexOf(core.stuck);
    this.#spared[at] = 1;
    const isNeeded = this.#judge(STEPS_PER_LAST_QUESTION).type === 'found';
    this.#spared[at] = 0;
    return { rows, ...core, blamesAny: !isNeeded };
  }

  #trySparing(from: number, to: number, stepsMax = STEPS_PER_QUESTION): 'spared' | 'needed' | 'unknown' | 'exhausted' {
    const before = this.#spared.slice(from, to);
    if (before.every((bit) => bit === 1)) return 'needed';
    this.#spared.fill(1, from, to);
    if (this.#isSpent()) {
      this.#spared.set(before, from);
      return 'exhausted';
    }
    const { type } = this.#judge(stepsMax);
    if (type === 'impossible') return 'spared';
    this.#spared.set(before, from);
    return type === 'found' ? 'needed' : 'unknown';
  }

  #isSpent(): boolean {
    if (this.#steps > STEPS_IN_ALL || this.#operations > OPERATIONS_IN_ALL) return true;
    return this.#givenUp >= GIVEN_UP_MAX || this.#budget.spent() !== undefined;
  }

  #judge(stepsMax: number): SearchResult {
    const rows: number[] = [];
    const mayBeMissing: number[] = [];
    const keep = (i: number): void => {
      if (this.#spared[i] === 1 && this.#pure[i] === 1) return;
      rows.push(this.#rows[i]);
      mayBeMissing.push(this.#spared[i]);
    };
    if (this.#noticed === undefined) for (let i = 0; i < this.#rows.length; i++) keep(i);
    else for (const i of this.#noticed.by(this.#spared)) keep(i);
    this.#operations += this.#noticed === undefined ? this.#rows.length : rows.length;
    const problem = layOut(this.#history, this.#machine, rows, Uint8Array.from(mayBeMissing));
    const result = search(problem, this.#machine, { budget: this.#budget, stepsMax });
    this.#steps += result.steps;
    this.#givenUp = result.type === 'stopped' && rows.length > LONG ? this.#givenUp + 1 : 0;
    if (result.type === 'impossible') this.#last = { problem, result };
    return result;
  }
}

/**
 * Where those shown cannot all stand, whichever of the others happened: the row that finds no place, and the states before it.
 * Undefined where that was not found out. `rows` were all called before `until`; what is not over by then may be missing.
 */
export function refuteWith(
  history: History,
  machine: Machine,
  rows: readonly number[],
  shown: ReadonlySet<number>,
  until: number,
  budget: Budget,
): { readonly stuck: number; readonly states: readonly State[] } | undefined {
  const mustStand = (row: number): boolean => shown.has(row) && history.ret[row] <= until;
  // A read that may be missing says nothing.
  const says = rows.filter((row) => !machine.pure(row) || mustStand(row));
  const kept = machine.deeds === undefined ? says : noticedBy(machine.deeds, says, mustStand);
  const problem = layOut(
    history,
    machine,
    kept,
    Uint8Array.from(kept, (row) => (mustStand(row) ? 0 : 1)),
  );
  const result = search(problem, machine, { budget, stepsMax: STEPS_PER_QUESTION });
  return result.type === 'impossible' ? { stuck: problem.row[result.stuck], states: result.states } : undefined;
}

function noticedBy(
  deedsOf: (row: number) => Deeds,
  rows: readonly number[],
  mustStand: (row: number) => boolean,
): readonly number[] {
  const spared = rows.map((row) => (mustStand(row) ? 0 : 1));
  return new Noticed(rows, deedsOf).by(spared).map((i) => rows[i]);
}
