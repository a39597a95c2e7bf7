/** Cuts of one object's history: the operations around a moment, and all that may have happened before them. */
import type { Machine, State } from '../model.ts';
import { ILLEGAL } from '../model.ts';
import { NEVER } from '../../history/history.ts';
import type { History } from '../../history/history.ts';
import type { Window } from './frontier.ts';

/** A register's state that is none of its values: what it held before the window, where nobody there found it. */
export const OTHER: State = -3;

/** Operations that go on for more events than this are remembered; the others are found close to the window. */
const LONG = 4096;

export class Windows {
  readonly #history: History;
  readonly #machine: Machine;
  readonly #long: readonly number[];

  constructor(history: History, machine: Machine) {
    this.#history = history;
    this.#machine = machine;
    const { length, call, ret } = history;
    const long: number[] = [];
    for (let row = 0; row < length; row++) if (ret[row] - call[row] > LONG) long.push(row);
    this.#long = long;
  }

  /** All of the key called before `until`; undefined where that is more than `most`. */
  whole(key: number, until: number, most = Number.POSITIVE_INFINITY): Window | undefined {
    const rows: number[] = [];
    const end = this.#rowAt(until);
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
    const { call, ret } = this.#history;
    const { register } = this.#machine;
    if (register === undefined) return undefined;
    const rows: number[] = [];
    let first = this.#rowAt(until);
    while (first > 0 && rows.length < size) if (this.#isOf(key, --first)) rows.push(first);
    if (rows.length < size) return undefined;
    rows.reverse();
    const since = call[first];
    const earlier: number[] = [];
    for (const row of this.#long) {
      if (row >= first) break;
      if (ret[row] > since && since - call[row] > LONG && this.#isOf(key, row)) earlier.push(row);
    }
    for (let row = this.#rowAt(since - LONG); row < first; row++) {
      if (ret[row] > since && this.#isOf(key, row)) earlier.push(row);
    }
    // A read that was asked for before the window may have been served before it.
    const noticed = this.#noticeable(
      rows,
      earlier.filter((row) => !this.#machine.pure(row)),
    );
    const found = rows.map((row) => register.needs(row)).filter((state) => state !== ILLEGAL);
    return { rows: [...noticed, ...rows], mayBeMissing: new Set(noticed), states: [OTHER, ...found] };
  }

  /** The rows shown, and of all others those that could make a difference to them, which may have happened or not. */
  alone(key: number, shown: readonly number[], until: number): Window {
    const isShown = new Set(shown);
    const others: number[] = [];
    const end = this.#rowAt(until);
    for (let row = 0; row < end; row++) {
      if (this.#isOf(key, row) && !isShown.has(row) && !this.#machine.pure(row)) others.push(row);
    }
    const noticed = this.#noticeable(shown, others);
    const rows = [...shown, ...noticed].sort((a, b) => a - b);
    return { rows, mayBeMissing: new Set(noticed), states: [this.#machine.initial] };
  }

  /**
   * Those of `others` that one of `rows` can notice, directly or by a cas. Of writes that never ended and whose value nobody
   * finds, as many will do as there are denials to serve.
   */
  #noticeable(rows: readonly number[], others: readonly number[]): number[] {
    const { register } = this.#machine;
    if (register === undefined) return [...others];
    const leaving = new Map<State, number[]>();
    for (const row of others) {
      const state = register.leaves(row);
      const known = leaving.get(state);
      if (known === undefined) leaving.set(state, [row]);
      else known.push(row);
    }
    const kept = new Set<number>();
    const found = rows.map((row) => register.needs(row)).filter((state) => state !== ILLEGAL);
    for (let state = found.pop(); state !== undefined; state = found.pop()) {
      for (const row of leaving.get(state) ?? []) {
        kept.add(row);
        if (register.needs(row) !== ILLEGAL) found.push(register.needs(row));
      }
      leaving.delete(state);
    }
    const denials = rows.filter((row) => this.#machine.pure(row) && register.needs(row) === ILLEGAL);
    let servants = 0;
    for (const row of others) {
      if (kept.has(row) || denials.length === 0) continue;
      const state = register.leaves(row);
      const servesAll = denials.every((denial) => this.#machine.step(state, denial) !== ILLEGAL);
      const lasts = this.#history.ret[row] === NEVER && register.needs(row) === ILLEGAL;
      if (!servesAll || !lasts || servants++ < denials.length) kept.add(row);
    }
    return others.filter((row) => kept.has(row));
  }

  #isOf(key: number, row: number): boolean {
    return this.#history.key[row] === key && this.#machine.relevant(row);
  }

  /** The first row called at `position` or later. */
  #rowAt(position: number): number {
    const { call, length } = this.#history;
    let [low, high] = [0, length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (call[middle] < position) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
