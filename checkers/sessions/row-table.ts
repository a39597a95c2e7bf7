/** Rows by a hash of some of their columns, in open addressing: a JavaScript Map ends at 16.7 million entries. */
import { NONE } from '../../history/history.ts';

export class RowTable {
  readonly #slots: Int32Array;
  readonly #mask: number;

  /** For at most this many rows. */
  constructor(rows: number) {
    let size = 16;
    while (size < rows * 2) size *= 2;
    this.#slots = new Int32Array(size).fill(NONE);
    this.#mask = size - 1;
  }

  /** The slot that holds a row that is the same, or the free one where such a row belongs. */
  slot(hash: number, same: (row: number) => boolean): number {
    const slots = this.#slots;
    let at = hash & this.#mask;
    while (slots[at] !== NONE && !same(slots[at])) at = (at + 1) & this.#mask;
    return at;
  }

  /** The row in a slot, or NONE. */
  at(slot: number): number {
    return this.#slots[slot];
  }

  put(slot: number, row: number): void {
    this.#slots[slot] = row;
  }
}

/** Two integers into one, spread over 32 bits. */
export function mix(a: number, b: number): number {
  let h = Math.imul(a, 0x9e3779b1) ^ Math.imul(b, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 15), 0xc2b2ae35);
  return h ^ (h >>> 13);
}
