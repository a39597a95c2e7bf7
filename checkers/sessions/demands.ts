/**
 * What a state has to show of one key: none of some writes may be missing from it, though newer ones may have replaced them.
 * Lists of such demands, each under a number of its own, in typed arrays: there are as many as operations.
 */
import { NONE } from '../../history/history.ts';
import type { Places } from '../positions.ts';
import { doubled } from './pairs.ts';
import { INITIAL, type Registers } from './registers.ts';

/** A write that must be visible, or a newer one of its key. */
export interface Demand {
  readonly write: number;
  /** The operation of the session that makes the write count: its own write, or its read of it. */
  readonly by: number;
  /** The read that showed a later write of that session, so that this state must show the earlier one too. Or NONE. */
  readonly via: number;
}

export class Demands {
  readonly #registers: Registers;
  readonly #call: Int32Array;
  /** No write is done before it was asked for. */
  readonly #done: Int32Array;
  readonly #versions: Places;
  /** The newest demand of each list, plus one; 0: the list is empty. */
  readonly #newest: Int32Array;
  #write = new Int32Array(256);
  #by = new Int32Array(256);
  #via = new Int32Array(256);
  /** The next older demand of the list, or the next free place; plus one, 0: none. */
  #older = new Int32Array(256);
  #used = 0;
  #free = 0;
  #steps = 0;

  constructor(registers: Registers, lists: number) {
    this.#registers = registers;
    this.#call = registers.history.call;
    this.#done = registers.done;
    this.#versions = registers.versions;
    this.#newest = new Int32Array(lists);
  }

  /** Comparisons made so far: those of one list may be many in a history made for it. */
  get steps(): number {
    return this.#steps;
  }

  /**
   * Adds a demand to a list, and drops what it implies: whatever is older than a dropped one is older than the new one too. So a
   * list is as long as there are concurrent writes, not as the session is.
   */
  add(list: number, write: number, by: number, via: number): void {
    const head = this.#newest[list];
    if (head !== 0 && this.#older[head - 1] === 0) {
      // One alone is mostly implied, and makes room.
      this.#steps++;
      const other = this.#write[head - 1];
      const relation = other === write ? 1 : this.#relation(other, write);
      if (relation > 0) return;
      if (relation < 0) {
        this.#write[head - 1] = write;
        this.#by[head - 1] = by;
        this.#via[head - 1] = via;
        return;
      }
    }
    for (let at = head; at !== 0; at = this.#older[at - 1]) {
      this.#steps++;
      const other = this.#write[at - 1];
      if (other === write || this.#implied(write, other)) return;
    }
    let previous = 0;
    for (let at = head; at !== 0; ) {
      const older = this.#older[at - 1];
      if (this.#implied(this.#write[at - 1], write)) {
        if (previous === 0) this.#newest[list] = older;
        else this.#older[previous - 1] = older;
        this.#older[at - 1] = this.#free;
        this.#free = at;
      } else previous = at;
      at = older;
    }
    const place = this.#place();
    this.#write[place] = write;
    this.#by[place] = by;
    this.#via[place] = via;
    this.#older[place] = this.#newest[list];
    this.#newest[list] = place + 1;
  }

  /** The newest demand of a list, or NONE; the others through `older`. */
  newest(list: number): number {
    return this.#newest[list] - 1;
  }

  older(demand: number): number {
    return this.#older[demand] - 1;
  }

  write(demand: number): number {
    return this.#write[demand];
  }

  by(demand: number): number {
    return this.#by[demand];
  }

  via(demand: number): number {
    return this.#via[demand];
  }

  /** As one object, for explanations. */
  get(demand: number): Demand {
    return { write: this.#write[demand], by: this.#by[demand], via: this.#via[demand] };
  }

  /**
   * Below 0: a state showing `shown` (a write or INITIAL) fails a demand; above 0: it meets it, as versions or time tell; 0: it does if
   * what it shows is newer, which nothing else tells.
   */
  met(demand: number, shown: number): number {
    const write = this.#write[demand];
    if (write === shown) return 1;
    if (shown === INITIAL || this.#done[shown] < this.#call[write]) return -1;
    const { group, history, at } = this.#versions;
    if (group[shown] !== NONE && group[shown] === group[write]) {
      const order = history[shown] === history[write] ? at[shown] - at[write] : this.#registers.compare(shown, write);
      if (order < 0) return -1;
      if (order > 0) return 1;
    }
    return this.#done[write] < this.#call[shown] ? 1 : 0;
  }

  /** The demand that a state showing `shown` fails; NONE if it fails none. */
  failed(list: number, shown: number): number {
    for (let demand = this.#newest[list] - 1; demand !== NONE; demand = this.#older[demand] - 1) {
      if (shown >= INITIAL && this.met(demand, shown) < 0) return demand;
    }
    return NONE;
  }

  clear(list: number): void {
    for (let at = this.#newest[list]; at !== 0; ) {
      const older = this.#older[at - 1];
      this.#older[at - 1] = this.#free;
      this.#free = at;
      at = older;
    }
    this.#newest[list] = 0;
  }

  /** Whether asking for b asks for a too. */
  #implied(a: number, b: number): boolean {
    return this.#relation(a, b) < 0;
  }

  /** Below 0: asking for b asks for a too; above 0: the other way round. No write is done before it was asked for, so never both. */
  #relation(a: number, b: number): number {
    const { group, history, at } = this.#versions;
    const call = this.#call;
    const done = this.#done;
    if (group[a] === NONE) {
      if (done[a] < call[b]) return -1;
      return group[b] === NONE && done[b] < call[a] ? 1 : 0;
    }
    if (group[b] === NONE) return done[b] < call[a] ? 1 : 0;
    if (group[a] !== group[b]) return 0;
    const order = history[a] === history[b] ? at[a] - at[b] : this.#registers.compare(a, b);
    if (order < 0) return call[a] <= call[b] ? -1 : 0;
    return order > 0 && call[b] <= call[a] ? 1 : 0;
  }

  #place(): number {
    if (this.#free !== 0) {
      const place = this.#free - 1;
      this.#free = this.#older[place];
      return place;
    }
    if (this.#used === this.#write.length) {
      this.#write = doubled(this.#write);
      this.#by = doubled(this.#by);
      this.#via = doubled(this.#via);
      this.#older = doubled(this.#older);
    }
    return this.#used++;
  }
}
