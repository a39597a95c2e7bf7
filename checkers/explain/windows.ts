/** Cuts of one object's history: the operations around a moment, and all that may have happened before them. */
import type { Machine, State } from '../model.ts';
import { ILLEGAL } from '../model.ts';
import { NEVER, READ } from '../../history/history.ts';
import type { History } from '../../history/history.ts';
import type { Window } from './frontier.ts';
import { pendingBetween, rowAt } from './nearby.ts';
import { wholeOf } from './whole.ts';
import type { Whole } from './whole.ts';

/** A register's state that is none of its values: what it held before the window, where nobody there found it. */
export const OTHER: State = -3;
const NOTHING: State = -5;

/** What others than those shown can do to them is not told where they are more than this. */
const OTHERS_MAX = 5000;
/** Rows looked through for the operations of one key, one by one. */
const ROWS_MAX = 200_000;

export class Windows {
  readonly #history: History;
  readonly #machine: Machine;
  readonly #whole: Whole;

  constructor(history: History, machine: Machine, whole = wholeOf(history)) {
    this.#history = history;
    this.#machine = machine;
    this.#whole = whole;
  }

  /** All of the key (or object of several) called before `until`; undefined where that is more than `most`. */
  whole(key: number, until: number, most = Number.POSITIVE_INFINITY): Window | undefined {
    const rows: number[] = [];
    const end = rowAt(this.#history, until);
    if (end > ROWS_MAX && most < ROWS_MAX) return undefined;
    for (let row = 0; row < end; row++) {
      if (!this.#isOf(key, row)) continue;
      if (rows.length >= most) return undefined;
      rows.push(row);
    }
    return { rows, mayBeMissing: new Set(), states: [this.#machine.initial] };
  }

  /**
   * Of a register: the `size` operations called last before `until`, after whatever the register may have held. It allows
   * more than the whole history does, never less. Undefined where the key has no more operations than that.
   */
  last(key: number, until: number, size: number): Window | undefined {
    if (this.#machine.register === undefined) return undefined;
    const rows: number[] = [];
    let first = rowAt(this.#history, until);
    const stop = Math.max(0, first - ROWS_MAX);
    while (first > stop && rows.length < size) if (this.#isOf(key, --first)) rows.push(first);
    if (rows.length < size) return undefined;
    // A read that was asked for before the window may have been served before it.
    const since = this.#history.call[first];
    return this.#afterAnything(rows.reverse(), this.#changes(key, since, since));
  }

  /**
   * Of a register: the rows shown, and of all others those that could make a difference to them since the first of them was
   * asked for, which may have happened or not; after whatever the register may have held by then.
   */
  near(key: number, shown: readonly number[], until: number): Window | undefined {
    if (this.#machine.register === undefined) return undefined;
    const others = this.#changes(key, this.#history.call[Math.min(...shown)], until);
    const window = this.#afterAnything(
      shown.toSorted((a, b) => a - b),
      others.filter((row) => !shown.includes(row)),
    );
    return window.rows.length > OTHERS_MAX ? undefined : window;
  }

  /** The same since the beginning of the key, of any object; undefined where the others are too many. */
  alone(key: number, shown: readonly number[], until: number): Window | undefined {
    const { register } = this.#machine;
    const noticesAll = register === undefined || shown.some((row) => this.#denies(row));
    const others = noticesAll ? this.#changesOf(key, shown, until) : this.#writersFor(key, shown, until);
    if (others === undefined) return undefined;
    const noticed = noticesAll ? this.#noticeable(shown, others) : others;
    const rows = [...shown, ...noticed].sort((a, b) => a - b);
    return { rows, mayBeMissing: new Set(noticed), states: [this.#machine.initial] };
  }

  #afterAnything(rows: readonly number[], others: readonly number[]): Window {
    const noticed = this.#noticeable(rows, others);
    const all = [...noticed, ...rows].sort((a, b) => a - b);
    const found = all.map((row) => this.#needs(row)).filter((state) => state !== ILLEGAL);
    return { rows: all, mayBeMissing: new Set(noticed), states: [OTHER, ...found] };
  }

  /** What may change the object and was pending at some moment between. */
  #changes(key: number, since: number, until: number): number[] {
    const rows: number[] = [];
    pendingBetween(this.#history, since, until, (row) => {
      if (this.#isOf(key, row) && !this.#machine.pure(row)) rows.push(row);
    });
    return rows;
  }

  #changesOf(key: number, shown: readonly number[], until: number): number[] | undefined {
    const rows: number[] = [];
    const end = rowAt(this.#history, until);
    for (let row = 0; row < end; row++) {
      if (!this.#isOf(key, row) || shown.includes(row) || this.#machine.pure(row)) continue;
      if (rows.length === OTHERS_MAX) return undefined;
      rows.push(row);
    }
    return rows;
  }

  /**
   * Of a register: what left a value that one of `shown` found, directly or by a cas. Backwards, for who is found mostly came
   * before; what did not is found in another pass.
   */
  #writersFor(key: number, shown: readonly number[], until: number): number[] | undefined {
    const { key: keyOf, f } = this.#history;
    const needed = new Set(shown.map((row) => this.#needs(row)));
    const kept = new Set<number>();
    const end = rowAt(this.#history, until);
    for (let known = 0; known < needed.size; ) {
      known = needed.size;
      for (let row = end - 1; row >= 0; row--) {
        if (keyOf[row] !== key || f[row] === READ || !needed.has(this.#leaves(row))) continue;
        if (shown.includes(row) || kept.has(row)) continue;
        if (kept.size === OTHERS_MAX) return undefined;
        kept.add(row);
        needed.add(this.#needs(row));
      }
    }
    return [...kept];
  }

  /**
   * Those of `others` that one of `rows` can notice, directly or by a cas. Of writes that never ended and whose value nobody
   * finds, as many will do as there are denials to serve.
   */
  #noticeable(rows: readonly number[], others: readonly number[]): readonly number[] {
    if (this.#machine.register === undefined) return others;
    const needed = new Set(rows.map((row) => this.#needs(row)));
    const kept = new Set<number>();
    for (let known = 0; known < needed.size; ) {
      known = needed.size;
      for (let i = others.length - 1; i >= 0; i--) {
        if (!needed.has(this.#leaves(others[i]))) continue;
        kept.add(others[i]);
        needed.add(this.#needs(others[i]));
      }
    }
    const denials = rows.filter((row) => this.#denies(row));
    let servants = 0;
    for (const row of others) {
      if (kept.has(row) || denials.length === 0) continue;
      const state = this.#leaves(row);
      const servesAll = denials.every((denial) => this.#machine.step(state, denial) !== ILLEGAL);
      const lasts = this.#history.ret[row] === NEVER && this.#needs(row) === ILLEGAL;
      if (!servesAll || !lasts || servants++ < denials.length) kept.add(row);
    }
    return others.filter((row) => kept.has(row));
  }

  #needs(row: number): State {
    return this.#machine.register?.needs(row) ?? ILLEGAL;
  }

  /** NOTHING where it leaves all as it is, which nobody finds. */
  #leaves(row: number): State {
    const state = this.#machine.register?.leaves(row) ?? ILLEGAL;
    return state === ILLEGAL ? NOTHING : state;
  }

  /** Says only what it did not find. */
  #denies(row: number): boolean {
    return this.#machine.pure(row) && this.#needs(row) === ILLEGAL;
  }

  #isOf(key: number, row: number): boolean {
    const { of, isFirst } = this.#whole;
    return of[row] === key && isFirst(row) && this.#machine.relevant(row);
  }
}
