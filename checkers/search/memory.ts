/**
 * A set of records of equal length, compared exactly: two records with one hash are two records. Of each, the last words may be
 * sets of bits: then a record is there already where another one has the same words before these, and all of its bits.
 *
 * Records lie in pages, so that growing copies none; only the table of their places is made anew, twice as large.
 */
const PAGE_WORDS = 1 << 16;
const SMALL = 64;

export class Memory {
  readonly #width: number;
  /** How many words are compared for being the same. */
  readonly #same: number;
  readonly #perPage: number;
  /** The first one grows to its full size, for most sets are small. */
  readonly #pages: Int32Array[];
  readonly #mayTake: (bytes: number) => boolean;
  #count = 0;
  /** Open addressing: number of the record, plus one; 0: empty. */
  #table = new Int32Array(1024);
  /** No room was given for a record: it, and others since, may be missing. */
  isFull = false;

  /**
   * @param sets how many words at the end are sets of bits
   * @param mayTake asked before memory is taken; on false nothing more is remembered
   */
  constructor(width: number, mayTake: (bytes: number) => boolean = () => true, sets = 0) {
    this.#width = width;
    this.#same = width - sets;
    this.#perPage = Math.max(1, Math.floor(PAGE_WORDS / width));
    this.#mayTake = mayTake;
    this.#pages = [new Int32Array(Math.min(SMALL, this.#perPage) * width)];
  }

  get bytes(): number {
    const first = this.#pages[0].byteLength;
    return first + (this.#pages.length - 1) * this.#perPage * this.#width * 4 + this.#table.byteLength;
  }

  get count(): number {
    return this.#count;
  }

  /** All of them, in the order in which they came. */
  records(): Int32Array[] {
    return Array.from({ length: this.#count }, (_, id) => {
      const base = (id % this.#perPage) * this.#width;
      return this.#pages[Math.floor(id / this.#perPage)].slice(base, base + this.#width);
    });
  }

  /** Remembers the record; false if it was there. */
  add(record: Int32Array): boolean {
    const width = this.#width;
    if (2 * this.#count >= this.#table.length) this.#widen();
    const mask = this.#table.length - 1;
    let at = hash(record, 0, this.#same) & mask;
    for (;;) {
      const id = this.#table[at];
      if (id === 0) break;
      if (this.#covers(id - 1, record)) return false;
      at = (at + 1) & mask;
    }
    if (this.#count * width === this.#pages[0].length || this.#count === this.#pages.length * this.#perPage)
      this.#grow();
    if (this.isFull) return true;
    const page = this.#pages[this.#pages.length - 1];
    const base = (this.#count % this.#perPage) * width;
    for (let i = 0; i < width; i++) page[base + i] = record[i];
    this.#table[at] = ++this.#count;
    return true;
  }

  #covers(id: number, record: Int32Array): boolean {
    const page = this.#pages[Math.floor(id / this.#perPage)];
    const base = (id % this.#perPage) * this.#width;
    for (let i = 0; i < this.#same; i++) if (record[i] !== page[base + i]) return false;
    for (let i = this.#same; i < this.#width; i++) if ((record[i] & ~page[base + i]) !== 0) return false;
    return true;
  }

  #grow(): void {
    const [first] = this.#pages;
    const page = this.#perPage * this.#width;
    if (this.#count * this.#width < page) {
      this.#pages[0] = new Int32Array(Math.min(page, 2 * first.length));
      this.#pages[0].set(first);
    } else if (this.#mayTake(4 * page)) {
      this.#pages.push(new Int32Array(page));
    } else {
      this.isFull = true;
    }
  }

  #widen(): void {
    if (!this.#mayTake(2 * this.#table.byteLength)) {
      this.isFull = true;
      return;
    }
    const table = new Int32Array(this.#table.length * 2);
    const mask = table.length - 1;
    for (let id = 0; id < this.#count; id++) {
      const page = this.#pages[Math.floor(id / this.#perPage)];
      let at = hash(page, (id % this.#perPage) * this.#width, this.#same) & mask;
      while (table[at] !== 0) at = (at + 1) & mask;
      table[at] = id + 1;
    }
    this.#table = table;
  }
}

/** MurmurHash3's mixing of 32-bit words. */
function hash(words: Int32Array, from: number, count: number): number {
  let h = 0x2f0b4c5d;
  for (let i = from; i < from + count; i++) {
    let k = Math.imul(words[i], 0xcc9e2d51);
    k = Math.imul((k << 15) | (k >>> 17), 0x1b873593);
    h ^= k;
    h = Math.imul((h << 13) | (h >>> 19), 5) - 0x19ab949c;
  }
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
