/**
 * Rows by (class, number): writes by key and value, or by replication group and log index. Where the numbers of each class lie
 * close together, as counters and log indices do, they are addressed directly, and neighbours in time are neighbours in memory;
 * otherwise they are hashed. Typed arrays: a JavaScript Map ends at 16.7 million entries.
 *
 * First `measure` all that will be put, then `ready`, then `put` and look up.
 */
import { NONE } from '../../history/history.ts';
import { mix } from './row-table.ts';

/** How many slots a row may cost before hashing is cheaper. */
const SLOTS_A_ROW_MAX = 3;

export class Buckets {
  /** Row plus one of the newest row in a slot; 0: none. */
  #slots = new Int32Array(0);
  /** The row put into the slot before this one, plus one; 0: none. */
  readonly #next: Int32Array;
  /** For each class its lowest and highest number, and where its slots begin. */
  readonly #lowest: Float64Array;
  readonly #highest: Float64Array;
  readonly #start: Float64Array;
  #rows = 0;
  #whole = true;
  #hashMask = 0;

  constructor(rows: number, classes: number) {
    this.#next = new Int32Array(rows);
    this.#lowest = new Float64Array(classes).fill(Number.POSITIVE_INFINITY);
    this.#highest = new Float64Array(classes).fill(Number.NEGATIVE_INFINITY);
    this.#start = new Float64Array(classes);
  }

  measure(of: number, number: number): void {
    this.#rows++;
    if (number < this.#lowest[of]) this.#lowest[of] = number;
    if (number > this.#highest[of]) this.#highest[of] = number;
    if (number !== Math.floor(number)) this.#whole = false;
  }

  ready(): void {
    const most = this.#rows * SLOTS_A_ROW_MAX + 1024;
    let apart = 0;
    let least = Number.POSITIVE_INFINITY;
    let largest = Number.NEGATIVE_INFINITY;
    for (let of = 0; of < this.#start.length; of++) {
      if (this.#highest[of] < this.#lowest[of]) continue;
      this.#start[of] = apart - this.#lowest[of];
      apart += this.#highest[of] - this.#lowest[of] + 1;
      least = Math.min(least, this.#lowest[of]);
      largest = Math.max(largest, this.#highest[of]);
    }
    if (this.#whole && apart <= most) {
      this.#slots = new Int32Array(apart);
    } else if (this.#whole && largest - least < most) {
      // Numbers are rare in each class and close together over all, as where values are unique among all keys.
      const size = largest - least + 1;
      for (let of = 0; of < this.#start.length; of++) this.#start[of] = ((mix(of, 1) >>> 0) % size) - least;
      this.#slots = new Int32Array(size);
    } else {
      let size = 16;
      while (size < this.#rows * 2) size *= 2;
      this.#hashMask = size - 1;
      this.#slots = new Int32Array(size);
    }
  }

  /** NONE: nothing that was measured is there. */
  #slot(of: number, number: number): number {
    if (number < this.#lowest[of] || number > this.#highest[of]) return NONE;
    if (this.#hashMask !== 0) return mix(of, number | 0) & this.#hashMask;
    const slot = this.#start[of] + number;
    return slot < this.#slots.length ? slot : slot - this.#slots.length;
  }

  /** The newest row in the slot of a class and number, or NONE. It may be there under others: see `next`. */
  first(of: number, number: number): number {
    const slot = this.#slot(of, number);
    return slot === NONE ? NONE : this.#slots[slot] - 1;
  }

  /** The row that was in the slot before this one, or NONE. */
  next(row: number): number {
    return this.#next[row] - 1;
  }

  /** At most one row for each that differs: what is put again and again makes the search slow. */
  put(of: number, number: number, row: number): void {
    const slot = this.#slot(of, number);
    this.#next[row] = this.#slots[slot];
    this.#slots[slot] = row + 1;
  }
}
