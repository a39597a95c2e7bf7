/** Numbers for pairs of small integers: a thread and a key. Dense where their product is small, otherwise in order of appearance. */
import { mix } from './row-table.ts';

export class Pairs {
  readonly #second: number;
  readonly #dense: boolean;
  /** Open addressing: the number of the pair plus one; 0: free. */
  #slots = new Int32Array(64);
  #firsts = new Int32Array(32);
  #seconds = new Int32Array(32);
  #count = 0;

  /** For pairs of `first` by `second` numbers, of which about `occurring` may occur. */
  constructor(first: number, second: number, occurring: number) {
    this.#second = second;
    this.#dense = first * second <= occurring * 2 + 1024;
    if (this.#dense) this.#count = first * second;
  }

  /** No number is as high. */
  get count(): number {
    return this.#count;
  }

  of(first: number, second: number): number {
    return this.#dense ? first * this.#second + second : this.#find(first, second);
  }

  #find(first: number, second: number): number {
    const slot = this.#slot(first, second);
    if (this.#slots[slot] !== 0) return this.#slots[slot] - 1;
    const pair = this.#count++;
    this.#slots[slot] = pair + 1;
    this.#firsts[pair] = first;
    this.#seconds[pair] = second;
    if (this.#count === this.#firsts.length) this.#grow();
    return pair;
  }

  /** Where a pair is, or belongs. */
  #slot(first: number, second: number): number {
    const mask = this.#slots.length - 1;
    for (let slot = mix(first, second) & mask; ; slot = (slot + 1) & mask) {
      const pair = this.#slots[slot] - 1;
      if (pair < 0 || (this.#firsts[pair] === first && this.#seconds[pair] === second)) return slot;
    }
  }

  #grow(): void {
    this.#firsts = doubled(this.#firsts);
    this.#seconds = doubled(this.#seconds);
    this.#slots = new Int32Array(this.#slots.length * 2);
    for (let pair = 0; pair < this.#count; pair++) {
      this.#slots[this.#slot(this.#firsts[pair], this.#seconds[pair])] = pair + 1;
    }
  }
}

/** A copy with as much room again. */
export function doubled(old: Int32Array): Int32Array<ArrayBuffer> {
  const next = new Int32Array(old.length * 2);
  next.set(old);
  return next;
}
