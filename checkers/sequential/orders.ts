/**
 * All orders of a history of registers that keep to the order of each session: whether in one of them each read finds the latest write, each
 * cas what it expected, each failed cas something else. By what keys hold, not by who wrote it: values may be written any number of times.
 *
 * A depth-first search over how far each session has come and what each key holds, each such state visited once (Gibbons & Korach, Testing
 * shared memories, 1997, have the bound: O(n k^p) states of p sessions). What keeps their number small, and loses no order that matters:
 * - What only reads is placed as soon as it can stand: it changes nothing for anybody.
 * - A value that is still to be found and that nobody writes any more is not replaced.
 * - A write that nobody will notice is placed where it replaces what nobody will notice either, or just before a write that replaces it.
 * - What may not have happened precedes nothing in its session: it is placed just before whoever notices it, or not at all.
 */
import { INFO, NONE } from '../../history/history.ts';
import type { Budget } from '../checker.ts';
import { SessionOrder } from '../causal/order.ts';
import { endOf, type Units, unitOf } from '../causal/units.ts';
import { DENIES, READS, SWAPS, WRITES } from '../linearizable/register.ts';
import { Memory } from '../search/memory.ts';
import type { Threads } from '../sessions/threads.ts';
import { Demands } from './demands.ts';

const BYTES_MAX = 512 * 1024 * 1024;
const ASK_EVERY = 0x1f;

export type OrderFound =
  | { readonly type: 'found'; readonly steps: number }
  | { readonly type: 'none'; readonly steps: number }
  /** `placed`: the most operations that were placed in one order, `of` so many that must be. */
  | {
      readonly type: 'stopped';
      readonly steps: number;
      readonly reason: string;
      readonly placed: number;
      readonly of: number;
    };

export interface OrderLimits {
  readonly budget: Budget;
  /** How many choices may be made; without: as many as it takes. */
  readonly stepsMax?: number;
}

/** A choice: where in the order it was made, what there was to choose from, and keys that the next must notice. */
interface Choice {
  readonly length: number;
  readonly options: readonly number[];
  readonly debt: readonly number[];
  tried: number;
}

export class Orders {
  readonly #demands: Demands;
  /** First row of each unit; units are numbered in the order of their calls. */
  readonly #unit: number[] = [];
  readonly #ret: Float64Array;
  readonly #optional: Uint8Array;
  readonly #pure: Uint8Array;
  /** Of an optional unit with one write: its key; otherwise NONE. */
  readonly #lonely: Int32Array;
  /** Rows that count of unit u: `#rows[#from[u]] … #rows[#from[u + 1] - 1]`. */
  readonly #rows: Int32Array;
  readonly #from: Int32Array;
  readonly #next: Int32Array;
  readonly #nextFrom: Int32Array;
  readonly #waitsFor: Int32Array;
  /** Lane of each unit, or the number of its bit, below zero: -1 is the first. */
  readonly #place: Int32Array;
  readonly #lanes: number;
  readonly #ready = new Set<number>();
  readonly #trail: Int32Array;
  #length = 0;
  /** Units that must be placed, and those of them that are. */
  #mandatory = 0;
  #placed = 0;
  /** How far each lane has come, bits of what lies on none, and then what each key holds. */
  readonly #record: Int32Array;
  readonly #heldAt: number;
  /** Keys whose last write may not have happened, and was not noticed yet. */
  #debt: readonly number[] = [];
  /** Whether some unit finds something of several keys: it may notice several such writes at once. */
  #isWide = false;
  #steps = 0;
  #most = 0;

  /** @param kept rows that count; all if absent */
  constructor(units: Units, threads: Threads, kept?: Uint8Array) {
    const { history, deeds } = units;
    const { length } = history;
    const counts = (row: number): boolean =>
      (kept === undefined || kept[row] === 1) &&
      (deeds[row] === READS || deeds[row] === WRITES || deeds[row] === SWAPS || deeds[row] === DENIES);
    const active = new Uint8Array(length);
    for (let row = 0; row < length; row++) if (counts(row)) active[unitOf(history, row)] = 1;
    const sessions = new SessionOrder({ ...units, active }, threads);
    const idOf = new Int32Array(length).fill(NONE);
    for (let row = 0; row < length; row++) if (active[row] === 1) idOf[row] = this.#unit.push(row) - 1;
    const n = this.#unit.length;
    this.#ret = Float64Array.from(this.#unit, (unit) => history.ret[unit]);
    this.#optional = Uint8Array.from(this.#unit, (unit) => (history.outcome[unit] === INFO ? 1 : 0));
    this.#pure = new Uint8Array(n).fill(1);
    this.#lonely = new Int32Array(n).fill(NONE);
    this.#from = new Int32Array(n + 1);
    const rows: number[] = [];
    for (let id = 0; id < n; id++) {
      const unit = this.#unit[id];
      const first = rows.length;
      for (let row = unit, end = endOf(history, unit); row < end; row++) if (counts(row)) rows.push(row);
      if (rows.slice(first).filter((row) => deeds[row] === READS).length > 1) this.#isWide = true;
      const writes = rows.slice(first).filter((row) => deeds[row] === WRITES || deeds[row] === SWAPS);
      if (writes.length > 0) this.#pure[id] = 0;
      if (this.#optional[id] === 1 && rows.length - first === 1 && writes.length === 1) this.#lonely[id] = writes[0];
      this.#from[id + 1] = rows.length;
      if (this.#optional[id] === 0) this.#mandatory++;
    }
    this.#rows = Int32Array.from(rows);
    this.#demands = new Demands(units, rows);
    for (let id = 0; id < n; id++)
      if (this.#lonely[id] !== NONE) this.#lonely[id] = this.#demands.keyOf(this.#lonely[id]);
    this.#waitsFor = new Int32Array(n);
    this.#nextFrom = new Int32Array(n + 1);
    for (const [id, unit] of this.#unit.entries())
      sessions.eachPrevious(unit, (before) => {
        this.#waitsFor[id]++;
        this.#nextFrom[idOf[before] + 1]++;
      });
    for (let id = 0; id < n; id++) this.#nextFrom[id + 1] += this.#nextFrom[id];
    this.#next = new Int32Array(this.#nextFrom[n]);
    const at = this.#nextFrom.slice();
    for (const [id, unit] of this.#unit.entries())
      sessions.eachPrevious(unit, (before) => (this.#next[at[idOf[before]]++] = id));
    this.#lanes = sessions.lanes;
    let alone = 0;
    this.#place = Int32Array.from(this.#unit, (unit) =>
      sessions.lane[unit] === NONE ? -++alone : sessions.lane[unit],
    );
    this.#heldAt = this.#lanes + ((alone + 31) >> 5);
    this.#record = new Int32Array(this.#heldAt + this.#demands.keys);
    this.#trail = new Int32Array(n);
    for (let id = 0; id < n; id++) {
      this.#count(id, 1);
      if (this.#waitsFor[id] === 0) this.#ready.add(id);
    }
  }

  search({ budget, stepsMax = Number.POSITIVE_INFINITY }: OrderLimits): OrderFound {
    let isFull = false;
    const memory: Memory = new Memory(this.#record.length, (bytes) => {
      const left = budget.bytesLeft?.() ?? BYTES_MAX - memory.bytes;
      if (bytes > left) isFull = true;
      return !isFull;
    });
    if (this.#demands.isHopeless()) return { type: 'none', steps: 0 };
    const choices: Choice[] = [];
    for (;;) {
      this.#settle();
      if (this.#placed > this.#most) this.#most = this.#placed;
      if (this.#placed === this.#mandatory) return { type: 'found', steps: this.#steps };
      if (++this.#steps > stepsMax) return this.#stopped(`${stepsMax} choices were made`);
      const spent = (this.#steps & ASK_EVERY) === 1 ? budget.spent() : undefined;
      if (spent !== undefined || isFull) return this.#stopped(spent ?? 'the memory of the budget is spent');
      const options = this.#debt.length > 0 || memory.add(this.#state()) ? this.#options() : [];
      choices.push({ length: this.#length, options, debt: this.#debt, tried: -1 });
      if (!this.#goOn(choices)) return { type: 'none', steps: this.#steps };
    }
  }

  #stopped(reason: string): OrderFound {
    return { type: 'stopped', steps: this.#steps, reason, placed: this.#most, of: this.#mandatory };
  }

  /** Tries what is next to be tried; false where nothing is left. */
  #goOn(choices: Choice[]): boolean {
    for (let choice = choices.at(-1); choice !== undefined; choice = choices.at(-1)) {
      while (this.#length > choice.length) this.#undo();
      this.#debt = choice.debt;
      while (++choice.tried < choice.options.length) {
        const option = choice.options[choice.tried];
        if (this.#choose(option)) return true;
        while (this.#length > choice.length) this.#undo();
        this.#debt = choice.debt;
      }
      choices.pop();
    }
    return false;
  }

  /** Places a unit; false where something can't be found any more, and the order leads nowhere. */
  #choose(option: number): boolean {
    const { held } = this.#demands;
    const key = this.#blindKey(option);
    const was = key === NONE ? NONE : held[key];
    if (key !== NONE) this.#absorb(option, key);
    this.#put(option);
    if (this.#lonely[option] !== NONE) this.#debt = [...this.#debt, this.#lonely[option]];
    return !this.#losesValue(option) && (key === NONE || was === held[key] || !this.#demands.isLost(was));
  }

  /** Places what may be placed wherever it can: sets grow while they are walked. */
  #settle(): void {
    for (let before = -1; before !== this.#length; ) {
      before = this.#length;
      for (const id of this.#ready) {
        if (this.#pure[id] === 1 ? this.#fits(id) : this.#isIdle(id)) this.#put(id);
      }
    }
  }

  /** Whether a unit writes what nobody will notice, in place of what nobody will. */
  #isIdle(id: number): boolean {
    if (this.#optional[id] === 1 || !this.#fits(id)) return false;
    const { leaves, denies, left, denials, held, keyOf } = this.#demands;
    for (let i = this.#from[id]; i < this.#from[id + 1]; i++) {
      const row = this.#rows[i];
      const key = keyOf(row);
      if (leaves[row] === NONE) {
        if (denies[row] !== NONE) return false;
        continue;
      }
      const own = this.#ownNeeds(id, key, held[key]);
      if (left[leaves[row]] > 0 || denials[key] > 0 || left[held[key]] > own) return false;
    }
    return true;
  }

  #ownNeeds(id: number, key: number, slot: number): number {
    const { needs, keyOf } = this.#demands;
    let count = 0;
    for (let i = this.#from[id]; i < this.#from[id + 1]; i++) {
      if (keyOf(this.#rows[i]) === key && needs[this.#rows[i]] === slot) count++;
    }
    return count;
  }

  /** Places what nobody will notice just before a write that replaces it. */
  #absorb(option: number, key: number): void {
    if (this.#demands.denials[key] > 0) return;
    const { left, leaves } = this.#demands;
    for (let before = -1; before !== this.#length; ) {
      before = this.#length;
      for (const id of this.#ready) {
        if (id === option || this.#optional[id] === 1 || this.#blindKey(id) !== key) continue;
        if (left[leaves[this.#rows[this.#from[id]]]] === 0) this.#put(id);
      }
    }
  }

  /** The key of a unit that does nothing but write it once; otherwise NONE. */
  #blindKey(id: number): number {
    if (this.#from[id + 1] - this.#from[id] !== 1) return NONE;
    const row = this.#rows[this.#from[id]];
    const { needs, leaves, keyOf } = this.#demands;
    return leaves[row] !== NONE && needs[row] === NONE ? keyOf(row) : NONE;
  }

  /** What may come next: what must be placed before what may, what was answered first before the others. */
  #options(): readonly number[] {
    const { needs, leaves, left, denials, keyOf } = this.#demands;
    const options: number[] = [];
    const alike = new Set<string>();
    for (const id of this.#ready) {
      if (this.#pure[id] === 1 || !this.#fits(id)) continue;
      const from = this.#from[id];
      const rows = this.#rows.subarray(from, this.#from[id + 1]);
      if (!this.#pays(id, rows)) continue;
      if (this.#optional[id] === 1) {
        if (!rows.some((row) => leaves[row] !== NONE && (left[leaves[row]] > 0 || denials[keyOf(row)] > 0))) continue;
        // Of those that do the same, any will do: none precedes anything.
        const what = Array.from(rows, (row) => `${needs[row]} ${leaves[row]}`).join();
        if (alike.has(what)) continue;
        alike.add(what);
      }
      options.push(id);
    }
    return options.sort((a, b) => this.#optional[a] - this.#optional[b] || this.#ret[a] - this.#ret[b] || a - b);
  }

  /**
   * Whether a unit may follow writes that it alone shall notice: it finds what they all left; or it is one more of them, that another unit
   * of several keys notices besides, or itself may not have happened and goes on from what one of them left.
   */
  #pays(id: number, rows: Int32Array): boolean {
    if (this.#debt.length === 0) return true;
    const { needs, keyOf } = this.#demands;
    const notices = (key: number): boolean => rows.some((row) => keyOf(row) === key && needs[row] !== NONE);
    const own = this.#lonely[id];
    if (own === NONE) return this.#debt.every(notices);
    return this.#debt.includes(own) ? notices(own) : this.#isWide;
  }

  #fits(id: number): boolean {
    const { needs, denies, held, keyOf } = this.#demands;
    for (let i = this.#from[id]; i < this.#from[id + 1]; i++) {
      const row = this.#rows[i];
      const now = held[keyOf(row)];
      if ((needs[row] !== NONE && needs[row] !== now) || (denies[row] !== NONE && denies[row] === now)) return false;
    }
    return true;
  }

  /** Whether a unit that was just placed replaced what is still to be found, and is never written again. */
  #losesValue(id: number): boolean {
    const { leaves, replaced, held, keyOf } = this.#demands;
    for (let i = this.#from[id]; i < this.#from[id + 1]; i++) {
      const row = this.#rows[i];
      if (leaves[row] === NONE) continue;
      if (replaced[row] !== held[keyOf(row)] && this.#demands.isLost(replaced[row])) return true;
    }
    return false;
  }

  #put(id: number): void {
    const { needs, denies, leaves, replaced, held, keyOf } = this.#demands;
    for (let i = this.#from[id]; i < this.#from[id + 1]; i++) {
      const row = this.#rows[i];
      const key = keyOf(row);
      if (this.#debt.includes(key) && (needs[row] !== NONE || denies[row] !== NONE))
        this.#debt = this.#debt.filter((other) => other !== key);
      if (leaves[row] === NONE) continue;
      replaced[row] = held[key];
      held[key] = leaves[row];
    }
    this.#count(id, -1);
    this.#trail[this.#length++] = id;
    this.#placed += 1 - this.#optional[id];
    const place = this.#place[id];
    if (place >= 0) this.#record[place]++;
    else this.#record[this.#lanes + ((-place - 1) >> 5)] |= 1 << ((-place - 1) & 31);
    this.#ready.delete(id);
    for (let i = this.#nextFrom[id]; i < this.#nextFrom[id + 1]; i++) {
      if (--this.#waitsFor[this.#next[i]] === 0) this.#ready.add(this.#next[i]);
    }
  }

  #undo(): void {
    const id = this.#trail[--this.#length];
    const { leaves, replaced, held, keyOf } = this.#demands;
    for (let i = this.#nextFrom[id]; i < this.#nextFrom[id + 1]; i++) {
      if (this.#waitsFor[this.#next[i]]++ === 0) this.#ready.delete(this.#next[i]);
    }
    this.#ready.add(id);
    for (let i = this.#from[id + 1] - 1; i >= this.#from[id]; i--) {
      const row = this.#rows[i];
      if (leaves[row] !== NONE) held[keyOf(row)] = replaced[row];
    }
    this.#count(id, 1);
    this.#placed -= 1 - this.#optional[id];
    const place = this.#place[id];
    if (place >= 0) this.#record[place]--;
    else this.#record[this.#lanes + ((-place - 1) >> 5)] &= ~(1 << ((-place - 1) & 31));
  }

  /** Adds a unit to what is to come, or takes it away. */
  #count(id: number, by: number): void {
    for (let i = this.#from[id]; i < this.#from[id + 1]; i++) {
      this.#demands.count(this.#rows[i], this.#optional[id] === 1, by);
    }
  }

  #state(): Int32Array {
    this.#record.set(this.#demands.held, this.#heldAt);
    return this.#record;
  }
}
