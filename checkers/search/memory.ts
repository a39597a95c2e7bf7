/** A set of records of equal length, compared exactly: two records with one hash are two records. */
export class Memory {
  readonly #width: number;
  #records: Int32Array;
  #count = 0;
  /** Open addressing: number of the record, plus one; 0: empty. */
  #table = new Int32Array(1024);

  constructor(width: number) {
    this.#width = width;
    this.#records = new Int32Array(256 * width);
  }

  get bytes(): number {
    return this.#records.byteLength + this.#table.byteLength;
  }

  /** Remembers the record; false if it was there. */
  add(record: Int32Array): boolean {
    const width = this.#width;
    if (2 * this.#count >= this.#table.length) this.#widen();
    const mask = this.#table.length - 1;
    let at = hash(record, 0, width) & mask;
    for (;;) {
      const id = this.#table[at];
      if (id === 0) break;
      if (this.#equals(record, (id - 1) * width)) return false;
      at = (at + 1) & mask;
    }
    if ((this.#count + 1) * width > this.#records.length) {
      const wider = new Int32Array(this.#records.length * 2);
      wider.set(this.#records);
      this.#records = wider;
    }
    const base = this.#count * width;
    for (let i = 0; i < width; i++) this.#records[base + i] = record[i];
    this.#table[at] = ++this.#count;
    return true;
  }

  #equals(record: Int32Array, base: number): boolean {
    for (let i = 0; i < this.#width; i++) if (record[i] !== this.#records[base + i]) return false;
    return true;
  }

  #widen(): void {
    const table = new Int32Array(this.#table.length * 2);
    const mask = table.length - 1;
    for (let id = 1; id <= this.#count; id++) {
      let at = hash(this.#records, (id - 1) * this.#width, this.#width) & mask;
      while (table[at] !== 0) at = (at + 1) & mask;
      table[at] = id;
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
