/** Which row wrote a value to a key, without an object or a Map entry per write. */
import { NONE } from '../../history/history.ts';

/** How much wider than its writes the span of a key's references may be, to be addressed directly. */
const SPAN_PER_WRITE = 8;
const DIRECT = -1;

/**
 * Each key has a region of its own. References that lie close together, as those of counters and of interned values do,
 * index it directly, which keeps what is written together together in memory; others are hashed, with open addressing.
 */
export class WriteTable {
  /** Direct: row plus one. Hashed: pairs of reference and row plus one. 0: empty. */
  readonly #slots: Int32Array;
  readonly #base: Float64Array;
  readonly #lowest: Int32Array;
  readonly #highest: Int32Array;
  /** Mask of a hashed region, or DIRECT. */
  readonly #mask: Int32Array;

  /** Per key: how many writes there will be at most, and the lowest and highest reference among them. */
  constructor(writesOf: Int32Array, lowest: Int32Array, highest: Int32Array) {
    const keys = writesOf.length;
    this.#lowest = lowest;
    this.#highest = highest;
    this.#base = new Float64Array(keys);
    this.#mask = new Int32Array(keys).fill(DIRECT);
    let size = 0;
    for (let k = 0; k < keys; k++) {
      this.#base[k] = size;
      if (writesOf[k] === 0) continue;
      const span = highest[k] - lowest[k] + 1;
      if (span <= SPAN_PER_WRITE * writesOf[k]) {
        size += span;
      } else {
        const places = 2 ** (33 - Math.clz32(writesOf[k]));
        this.#mask[k] = places - 1;
        size += 2 * places;
      }
    }
    this.#slots = new Int32Array(size);
  }

  /** False if it was there already. */
  add(key: number, ref: number, row: number): boolean {
    const at = this.#find(key, ref);
    if (this.#slots[at] !== 0) return false;
    this.#slots[at] = row + 1;
    if (this.#mask[key] !== DIRECT) this.#slots[at + 1] = ref;
    return true;
  }

  /** The row, or NONE. */
  get(key: number, ref: number): number {
    if (ref < this.#lowest[key] || ref > this.#highest[key]) return NONE;
    return this.#slots[this.#find(key, ref)] - 1;
  }

  /** For references from the lowest to the highest. A hashed region is at most half full, so there is an empty place. */
  #find(key: number, ref: number): number {
    const base = this.#base[key];
    const mask = this.#mask[key];
    if (mask === DIRECT) return base + ref - this.#lowest[key];
    const slots = this.#slots;
    let h = Math.imul(ref ^ (ref >>> 15), 0x2c1b3c6d);
    h ^= h >>> 12;
    for (let i = h & mask; ; i = (i + 1) & mask) {
      const at = base + 2 * i;
      if (slots[at] === 0 || slots[at + 1] === ref) return at;
    }
  }
}
