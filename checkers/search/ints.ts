/** A list of 32-bit integers that grows page by page: nothing is copied, and no more is taken than a page too much. */
const PAGE_BITS = 14;
const PAGE = 1 << PAGE_BITS;

export class Ints {
  readonly #pages: Int32Array[] = [];
  length = 0;

  get bytes(): number {
    return this.#pages.length * PAGE * 4;
  }

  get(at: number): number {
    return this.#pages[at >> PAGE_BITS][at & (PAGE - 1)];
  }

  push(value: number): void {
    const at = this.length++;
    if (at >> PAGE_BITS === this.#pages.length) this.#pages.push(new Int32Array(PAGE));
    this.#pages[at >> PAGE_BITS][at & (PAGE - 1)] = value;
  }
}

/** Two words that are unlike for unlike pairs, as a rule: sums and exclusive ors of them make hashes of sets and arrays. */
export function mix(a: number, b: number, seed: number): number {
  let h = Math.imul(a ^ seed, 0xcc9e2d51) ^ Math.imul(b + seed, 0x1b873593);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13) ^ b, 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** Numbers of things by their hashes; whoever asks compares the things themselves. */
export class Buckets {
  /** Number plus one; 0: empty. */
  #table = new Int32Array(1024);
  #count = 0;
  readonly #hashOf: (id: number) => number;

  constructor(hashOf: (id: number) => number) {
    this.#hashOf = hashOf;
  }

  get bytes(): number {
    return this.#table.byteLength;
  }

  /** The first of that hash that `fits`; -1: none. */
  find(hash: number, fits: (id: number) => boolean): number {
    const mask = this.#table.length - 1;
    for (let at = hash & mask; this.#table[at] !== 0; at = (at + 1) & mask) {
      const id = this.#table[at] - 1;
      if (this.#hashOf(id) === hash && fits(id)) return id;
    }
    return -1;
  }

  add(hash: number, id: number): void {
    if (2 * ++this.#count >= this.#table.length) this.#widen();
    this.#put(this.#table, hash, id);
  }

  #put(table: Int32Array, hash: number, id: number): void {
    const mask = table.length - 1;
    let at = hash & mask;
    while (table[at] !== 0) at = (at + 1) & mask;
    table[at] = id + 1;
  }

  #widen(): void {
    const table = new Int32Array(this.#table.length * 2);
    for (const entry of this.#table) if (entry !== 0) this.#put(table, this.#hashOf(entry - 1), entry - 1);
    this.#table = table;
  }
}
