/**
 * How far an order of one object's operations can be carried, and where it ends: every configuration at once, in the order of
 * events (Lowe, Testing for linearizability, 2017: just-in-time linearisation).
 *
 * The search decides in the least time and memory; this one is for what it found impossible. It looks at a window of the
 * history and remembers what explanations tell: the configurations before the operation that fits nowhere, which operation each
 * placed last, and what is tried from there. Operations are placed only when one returns that has no place yet. On registers,
 * writes that nobody notices are not placed ahead of need; once another blind write is placed while they are pending they
 * have become spare: they may have happened just before it.
 */
import type { Budget } from '../checker.ts';
import type { Machine, State } from '../model.ts';
import { ILLEGAL } from '../model.ts';
import { NEVER } from '../../history/history.ts';
import type { History } from '../../history/history.ts';

/** What was placed, the newest first. */
export interface Placed {
  readonly row: number;
  readonly before: Placed | undefined;
}

/** Placed operations that are still pending, those that need no place, and all that was placed. */
export interface Standing {
  readonly state: State;
  readonly done: ReadonlySet<number>;
  readonly spare: ReadonlySet<number>;
  readonly placed: Placed | undefined;
}

/** An order that was tried in vain: where it began, and operations, each with the state after it; the last one is illegal. */
export interface Path {
  readonly start: Standing;
  readonly steps: readonly { readonly row: number; readonly state: State }[];
}

/** `steps`: orders tried. */
export type Frontier = { readonly steps: number } & (
  | { readonly type: 'found'; readonly standings: readonly Standing[] }
  | {
      readonly type: 'stuck';
      readonly row: number;
      readonly standings: readonly Standing[];
      /** Rows that were pending at that return, `row` among them, in the order of their calls. */
      readonly pending: readonly number[];
      readonly paths: readonly Path[];
    }
  | { readonly type: 'stopped'; readonly reason: string }
);

export interface Window {
  /** Rows of one object, ascending. */
  readonly rows: readonly number[];
  /** Rows that may have happened or not, whatever their outcome. */
  readonly mayBeMissing: ReadonlySet<number>;
  /** What the object can hold before the first of them. */
  readonly states: readonly State[];
}

const PATHS_MAX = 10;
const ASK_EVERY = 1024;

export function explore(
  history: History,
  machine: Machine,
  window: Window,
  budget: Budget,
  stepsMax: number,
  settled?: Settled,
): Frontier {
  return new Explorer(history, machine, window, budget, stepsMax).run(settled);
}

/**
 * Told after each return that every order agrees on: how all stands then, and what is pending. Orders that differ only in
 * which of pending operations that do the same goes first count as one, in which the one that ends first does.
 */
export type Settled = (row: number, standing: Standing, pending: readonly number[]) => void;

interface Mutable {
  state: State;
  done: Set<number>;
  spare: Set<number>;
  placed: Placed | undefined;
  /** What was placed since the return that is being decided, and from where. */
  trail: { row: number; state: State }[];
  start: Standing | undefined;
}

/** What pending reads and cas of a register need, and the cas that deny something. */
interface Sought {
  readonly reads: ReadonlySet<State>;
  readonly swaps: ReadonlySet<State>;
  readonly denials: readonly number[];
}

class Explorer {
  readonly #history: History;
  readonly #machine: Machine;
  readonly #window: Window;
  readonly #budget: Budget;
  readonly #stepsMax: number;
  readonly #pending: number[] = [];
  #standings: Mutable[];
  #paths: Path[] = [];
  #steps = 0;

  constructor(history: History, machine: Machine, window: Window, budget: Budget, stepsMax: number) {
    this.#history = history;
    this.#machine = machine;
    this.#window = window;
    this.#budget = budget;
    this.#stepsMax = stepsMax;
    this.#standings = [...new Set(window.states)].map((state) => ({
      state,
      done: new Set(),
      spare: new Set(),
      placed: undefined,
      trail: [],
      start: undefined,
    }));
  }

  run(settled?: Settled): Frontier {
    this.#oneOfAKind = settled !== undefined;
    const { call, ret } = this.#history;
    const { rows } = this.#window;
    const returning = rows.filter((row) => ret[row] !== NEVER).sort((a, b) => ret[a] - ret[b]);
    let called = 0;
    for (const row of returning) {
      while (called < rows.length && call[rows[called]] < ret[row]) this.#call(rows[called++]);
      const after = this.#return(row);
      if (after === undefined)
        return { type: 'stopped', steps: this.#steps, reason: this.#reason ?? 'too many orders' };
      if (after.length === 0) {
        const pending = [...this.#pending];
        return { type: 'stuck', steps: this.#steps, row, standings: this.#standings, pending, paths: this.#paths };
      }
      this.#standings = after;
      this.#pending.splice(this.#pending.indexOf(row), 1);
      for (const standing of after) {
        standing.done.delete(row);
        standing.spare.delete(row);
      }
      if (after.length === 1) settled?.(row, after[0], this.#pending);
    }
    while (called < rows.length) this.#call(rows[called++]);
    return { type: 'found', steps: this.#steps, standings: this.#standings };
  }

  #reason: string | undefined;

  /** Whether, of pending operations that do the same, only the one that ends first is placed. */
  #oneOfAKind = false;
  readonly #kinds = new Map<number, number | string>();

  #kindOf(row: number): number | string {
    const { f, value, expected } = this.#history;
    const kind = this.#kinds.get(row) ?? this.#machine.kind?.(row) ?? `${f[row]} ${value[row]} ${expected[row]}`;
    this.#kinds.set(row, kind);
    return kind;
  }

  /** Whether another one does the same, needs its place as much, and ends sooner. */
  #isBehind({ done, spare }: Standing, row: number): boolean {
    const { ret } = this.#history;
    return this.#pending.some(
      (other) =>
        (ret[other] < ret[row] || (ret[other] === ret[row] && other < row)) &&
        !done.has(other) &&
        spare.has(other) === spare.has(row) &&
        this.#kindOf(other) === this.#kindOf(row),
    );
  }

  #isOptional(row: number): boolean {
    return this.#history.ret[row] === NEVER || this.#window.mayBeMissing.has(row);
  }

  #call(row: number): void {
    this.#pending.push(row);
    const pure = this.#machine.pure(row);
    const optional = this.#isOptional(row);
    for (const standing of this.#standings) {
      if (pure) {
        if (this.#machine.step(standing.state, row) === ILLEGAL) continue;
        standing.done.add(row);
        standing.placed = { row, before: standing.placed };
      } else if (optional) {
        standing.spare.add(row);
      }
    }
  }

  /** All ways to have placed the operation by its return; undefined if that takes too long. */
  #return(row: number): Mutable[] | undefined {
    const needing = this.#standings.filter((standing) => !standing.done.has(row));
    if (needing.length === 0) return this.#standings;
    const after: Mutable[] = [];
    const seen = new Set<string>();
    const add = (standing: Mutable): void => {
      const name = nameOf(standing);
      if (seen.has(name)) return;
      seen.add(name);
      after.push(standing);
    };
    for (const standing of this.#standings) if (standing.done.has(row)) add({ ...standing, trail: [] });
    this.#paths = [];
    const tried = new Set<string>();
    const stack: Mutable[] = needing.map((standing) => ({ ...standing, trail: [], start: standing })).reverse();
    for (let standing = stack.pop(); standing !== undefined; standing = stack.pop()) {
      const name = nameOf(standing);
      if (tried.has(name)) continue;
      tried.add(name);
      if (this.#spent()) return undefined;
      if (standing.done.has(row)) {
        add(standing);
        continue;
      }
      if (standing.spare.has(row)) {
        const dropped = copyOf(standing);
        dropped.done.add(row);
        dropped.spare.delete(row);
        add(dropped);
      } else if (this.#machine.step(standing.state, row) === ILLEGAL && this.#paths.length < PATHS_MAX) {
        const steps = [...standing.trail, { row, state: ILLEGAL }];
        this.#paths.push({ start: standing.start ?? standing, steps });
      }
      const sought = this.#soughtIn(standing);
      for (const next of this.#pending) {
        if (standing.done.has(next) || this.#machine.pure(next)) continue;
        if (this.#oneOfAKind && this.#isBehind(standing, next)) continue;
        const placed = this.#place(standing, next, row, sought);
        if (placed !== undefined) stack.push(placed);
      }
    }
    return after;
  }

  #spent(): boolean {
    if (++this.#steps > this.#stepsMax) this.#reason = `${this.#stepsMax} orders tried`;
    else if (this.#steps % ASK_EVERY === 0) this.#reason = this.#budget.spent();
    return this.#reason !== undefined;
  }

  /** Whom another state would serve. */
  #soughtIn(standing: Mutable): Sought | undefined {
    const { register } = this.#machine;
    if (register === undefined) return undefined;
    const [reads, swaps, denials] = [new Set<State>(), new Set<State>(), [] as number[]];
    for (const row of this.#pending) {
      if (standing.done.has(row)) continue;
      const isPure = this.#machine.pure(row);
      const needs = register.needs(row);
      if (needs !== ILLEGAL) (isPure ? reads : swaps).add(needs);
      else if (isPure) denials.push(row);
    }
    return { reads, swaps, denials };
  }

  /** The standing after `next`; undefined where that is illegal, or would serve nobody. */
  #place(standing: Mutable, next: number, stuck: number, sought: Sought | undefined): Mutable | undefined {
    const machine = this.#machine;
    const state = machine.step(standing.state, next);
    if (state === ILLEGAL) return undefined;
    if (sought !== undefined && next !== stuck && (this.#isOptional(next) || this.#isBlind(next))) {
      const isNoticed =
        state !== standing.state &&
        (sought.reads.has(state) || sought.denials.some((row) => machine.step(state, row) !== ILLEGAL));
      if (!isNoticed && !sought.swaps.has(state)) return undefined;
    }
    const placed = copyOf(standing);
    placed.state = state;
    placed.done.add(next);
    placed.spare.delete(next);
    placed.placed = { row: next, before: standing.placed };
    placed.trail.push({ row: next, state });
    if (this.#isBlind(next)) {
      for (const row of this.#pending) if (!placed.done.has(row) && this.#isBlind(row)) placed.spare.add(row);
    }
    if (state !== standing.state) this.#placePure(placed);
    return placed;
  }

  #isBlind(row: number): boolean {
    const register = this.#machine.register;
    return register !== undefined && register.needs(row) === ILLEGAL && register.leaves(row) !== ILLEGAL;
  }

  #placePure(standing: Mutable): void {
    for (const row of this.#pending) {
      if (standing.done.has(row) || !this.#machine.pure(row)) continue;
      if (this.#machine.step(standing.state, row) === ILLEGAL) continue;
      standing.done.add(row);
      standing.placed = { row, before: standing.placed };
      standing.trail.push({ row, state: standing.state });
    }
  }
}

function copyOf({ state, done, spare, placed, trail, start }: Mutable): Mutable {
  return { state, done: new Set(done), spare: new Set(spare), placed, trail: [...trail], start };
}

function nameOf({ state, done, spare }: Standing): string {
  return `${state} ${[...done].sort((a, b) => a - b).join()} ${[...spare].sort((a, b) => a - b).join()}`;
}
