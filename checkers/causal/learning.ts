/** When each session learns of each write: the causal pass with nothing judged, and a log of how the clocks of sessions advance. */
import { NONE } from '../../history/history.ts';
import type { Budget } from '../checker.ts';
import { SWAPS, WRITES } from '../linearizable/register.ts';
import { IntList } from './int-list.ts';
import type { SessionOrder } from './order.ts';
import { CausalPass } from './pass.ts';
import { endOf, type Units } from './units.ts';

export class Learning extends CausalPass {
  /** Per lane: its units, in order. */
  readonly lines: readonly IntList[];
  /** Per lane, three integers each: the unit by which it learned of the writes of a chain, the chain, up to which of them. */
  readonly logs: readonly IntList[];
  isCircular = false;
  readonly #lane: Int32Array;

  constructor(units: Units, sessions: SessionOrder, budget: Budget) {
    super(units, sessions, false);
    this.lines = Array.from({ length: sessions.lanes }, () => new IntList(256));
    this.logs = Array.from({ length: sessions.lanes }, () => new IntList(256));
    this.#lane = sessions.lane;
    this.run(budget);
    for (let i = 0; i < this.length; i++) {
      const lane = sessions.lane[this.order[i]];
      if (lane !== NONE) this.lines[lane].push(this.order[i]);
    }
  }

  protected override join(row: number, other: number): void {
    const { ints, width } = this.clocks;
    const lane = this.#lane[this.at];
    const log = lane === NONE ? undefined : this.logs[lane];
    const to = row * width;
    const from = other * width;
    for (let c = 0; c < width; c++) {
      const theirs = ints[from + c];
      if (theirs <= ints[to + c]) continue;
      ints[to + c] = theirs;
      log?.push3(this.at, c, theirs);
    }
  }

  protected override circular(): void {
    this.isCircular = true;
  }

  /** All writes, those of one chain side by side in its order. */
  slots(): Slots {
    const { history, deeds } = this.units;
    const chains = this.chains;
    const start = new Int32Array(chains + 1);
    for (let c = 0; c < chains; c++) start[c + 1] = start[c] + this.last.items[c];
    const isWrite = (row: number): boolean => deeds[row] === WRITES || deeds[row] === SWAPS;
    /** Per write along the chains: how many rows it has; then, where they begin. */
    const first = new Int32Array(start[chains] + 1);
    const at = (unit: number): number => start[this.chain[unit]] + this.index[unit] - 1;
    for (let i = 0; i < this.length; i++) {
      const unit = this.order[i];
      if (this.chain[unit] === NONE) continue;
      for (let row = unit, end = endOf(history, unit); row < end; row++) if (isWrite(row)) first[at(unit) + 1]++;
    }
    for (let i = 1; i < first.length; i++) first[i] += first[i - 1];
    const count = first[first.length - 1];
    const slots: Slots = {
      count,
      start,
      first,
      unit: new Int32Array(count),
      key: new Int32Array(count),
      of: new Int32Array(history.length).fill(NONE),
    };
    for (let i = 0; i < this.length; i++) {
      const unit = this.order[i];
      if (this.chain[unit] === NONE) continue;
      let slot = first[at(unit)];
      for (let row = unit, end = endOf(history, unit); row < end; row++) {
        if (!isWrite(row)) continue;
        slots.unit[slot] = unit;
        slots.key[slot] = history.key[row];
        slots.of[row] = slot++;
      }
    }
    return slots;
  }

  /** The chain of a unit that writes, or NONE; how many of that chain write up to it. */
  chainOf(unit: number): number {
    return this.chain[unit];
  }

  indexOf(unit: number): number {
    return this.index[unit];
  }
}

/** Rows that write. Those of write i (from 1) of chain c have slots `first[start[c] + i - 1] … first[start[c] + i] - 1`. */
export interface Slots {
  readonly count: number;
  readonly start: Int32Array;
  readonly first: Int32Array;
  /** Per slot. */
  readonly unit: Int32Array;
  readonly key: Int32Array;
  /** Per row: its slot, or NONE. */
  readonly of: Int32Array;
}
