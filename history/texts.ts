/**
 * Texts by number: an open-addressing table over typed arrays, because a JavaScript `Map` costs about 100 bytes an entry
 * and ends at 16.7 million. Numbers are handed out from 0 in the order of first sight. Lies over SharedArrayBuffer.
 */

export interface SharedTexts {
  readonly heap: Uint8Array;
  readonly ends: Float64Array;
  readonly hashes: Int32Array;
  readonly slots: Int32Array;
  readonly size: number;
}

const encoder = new TextEncoder();

function grown<T extends Uint8Array | Int32Array | Float64Array>(
  old: T,
  make: new (buffer: SharedArrayBuffer) => T,
  length: number,
): T {
  const next = new make(new SharedArrayBuffer(length * old.BYTES_PER_ELEMENT));
  next.set(old);
  return next;
}

export class Texts {
  /** UTF-8, one text after the other; text `id` ends at `ends[id]`. */
  #heap: Uint8Array;
  #ends: Float64Array;
  #hashes: Int32Array;
  /** `id + 1`, or 0 for an empty slot. A power of two long, at most half full. */
  #slots: Int32Array;
  #size: number;
  /** False while the arrays belong to somebody else too: the first new text copies them. */
  #owned: boolean;

  constructor(shared?: SharedTexts) {
    this.#heap = shared?.heap ?? new Uint8Array(new SharedArrayBuffer(256));
    this.#ends = shared?.ends ?? new Float64Array(new SharedArrayBuffer(16 * 8));
    this.#hashes = shared?.hashes ?? new Int32Array(new SharedArrayBuffer(16 * 4));
    this.#slots = shared?.slots ?? new Int32Array(new SharedArrayBuffer(32 * 4));
    this.#size = shared?.size ?? 0;
    this.#owned = shared === undefined;
  }

  get size(): number {
    return this.#size;
  }

  intern(text: string): number {
    const bytes = encoder.encode(text);
    return this.internBytes(bytes, 0, bytes.length);
  }

  /** The number of the text whose UTF-8 is `bytes[from … to-1]`. */
  internBytes(bytes: Uint8Array, from: number, to: number): number {
    let hash = 0x811c9dc5 | 0;
    for (let at = from; at < to; at++) hash = Math.imul(hash ^ bytes[at], 0x01000193);
    hash ^= hash >>> 15;
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = hash & mask;
    for (let entry = slots[slot]; entry !== 0; entry = slots[slot]) {
      if (this.#hashes[entry - 1] === hash && this.#equals(entry - 1, bytes, from, to)) return entry - 1;
      slot = (slot + 1) & mask;
    }
    return this.#append(hash, bytes, from, to);
  }

  text(id: number): string {
    const start = id === 0 ? 0 : this.#ends[id - 1];
    const heap = this.#heap;
    return Buffer.from(heap.buffer, heap.byteOffset + start, this.#ends[id] - start).toString('utf8');
  }

  texts(): string[] {
    return Array.from({ length: this.#size }, (_, id) => this.text(id));
  }

  /** The same memory, for another thread. Whoever adds a text afterwards, here or there, copies first. */
  toShared(): SharedTexts {
    this.#owned = false;
    return { heap: this.#heap, ends: this.#ends, hashes: this.#hashes, slots: this.#slots, size: this.#size };
  }

  get bytes(): number {
    return this.#heap.byteLength + this.#ends.byteLength + this.#hashes.byteLength + this.#slots.byteLength;
  }

  #equals(id: number, bytes: Uint8Array, from: number, to: number): boolean {
    const start = id === 0 ? 0 : this.#ends[id - 1];
    if (this.#ends[id] - start !== to - from) return false;
    const heap = this.#heap;
    for (let at = from, mine = start; at < to; at++, mine++) if (heap[mine] !== bytes[at]) return false;
    return true;
  }

  #append(hash: number, bytes: Uint8Array, from: number, to: number): number {
    const id = this.#size;
    if (!this.#owned) this.#copy();
    if (id * 2 >= this.#slots.length) this.#rehash();
    if (id === this.#ends.length) {
      this.#ends = grown(this.#ends, Float64Array, id * 2);
      this.#hashes = grown(this.#hashes, Int32Array, id * 2);
    }
    const start = id === 0 ? 0 : this.#ends[id - 1];
    const end = start + to - from;
    if (end > this.#heap.length) this.#heap = grown(this.#heap, Uint8Array, Math.max(end, this.#heap.length * 2));
    for (let at = from, mine = start; at < to; at++, mine++) this.#heap[mine] = bytes[at];
    this.#ends[id] = end;
    this.#hashes[id] = hash;
    this.#place(id);
    this.#size = id + 1;
    return id;
  }

  #place(id: number): void {
    const mask = this.#slots.length - 1;
    let slot = this.#hashes[id] & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = id + 1;
  }

  #rehash(): void {
    this.#slots = new Int32Array(new SharedArrayBuffer(this.#slots.length * 2 * 4));
    for (let id = 0; id < this.#size; id++) this.#place(id);
  }

  #copy(): void {
    this.#heap = grown(this.#heap, Uint8Array, this.#heap.length);
    this.#ends = grown(this.#ends, Float64Array, this.#ends.length);
    this.#hashes = grown(this.#hashes, Int32Array, this.#hashes.length);
    this.#slots = grown(this.#slots, Int32Array, this.#slots.length);
    this.#owned = true;
  }
}
