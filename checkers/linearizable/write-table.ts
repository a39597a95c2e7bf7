/** Which row wrote a value to a key, without an object or a Map entry per write. */
import { NONE } from '../../history/history.ts';

/** How much wider than its writes a span of references may be, to be addressed directly. */
const SPAN_PER_WRITE = 8;
/** Below this, a span is addressed directly however few its writes are. */
const SPAN_ALWAYS = 64;

/**
 * References that lie close together, as those of counters and of interned values do, address a row directly, which keeps what is
 * written together together in memory. Where those of each key lie close, each key has a region of its own; where only
 * those of all keys do, all share one, and the few values that several keys were given are hashed. What else there is
 * is hashed, each key in a region of its own, with open addressing.
 */
export class WriteTable {
  /** Direct: row plus one. Hashed: pairs of reference and row plus one. 0: empty. */
  readonly slots: Int32Array;
  /** Per key: where its region begins, the reference that is addressed there, and how many are; 0: none are, or hashed. */
  readonly base: Int32Array;
  readonly lowest: Int32Array;
  readonly span: Int32Array;
  /** Mask of a hashed region; 0 where there is none. */
  readonly #mask: Int32Array;
  /** Whether all keys share one region, so that a slot may belong to another key. */
  readonly isShared: boolean;
  readonly #keyOf: Int32Array;
  #others: OtherRows | undefined;

  /**
   * `keyOf`: the keys of the rows. `writesOf`: per key, how many writes there will be at most; `lowest`, `highest`: the ends of their
   * references.
   */
  constructor(keyOf: Int32Array, writesOf: Int32Array, lowest: Int32Array, highest: Int32Array) {
    const keys = writesOf.length;
    this.#keyOf = keyOf;
    this.lowest = lowest;
    this.base = new Int32Array(keys);
    this.span = new Int32Array(keys);
    this.#mask = new Int32Array(keys);
    const common = sharedSpan(writesOf, lowest, highest);
    this.isShared = common !== undefined;
    if (common !== undefined) {
      const span = common.highest - common.lowest + 1;
      this.lowest = new Int32Array(keys).fill(common.lowest);
      this.span.fill(span);
      this.slots = new Int32Array(span);
      return;
    }
    let size = 0;
    for (let k = 0; k < keys; k++) {
      this.base[k] = size;
      if (writesOf[k] === 0) continue;
      if (isClose(writesOf[k], lowest[k], highest[k])) {
        this.span[k] = highest[k] - lowest[k] + 1;
        size += this.span[k];
      } else {
        const places = 2 ** (33 - Math.clz32(writesOf[k]));
        this.#mask[k] = places - 1;
        size += 2 * places;
      }
    }
    this.slots = new Int32Array(size);
  }

  /** False if it was there already. */
  add(key: number, ref: number, row: number): boolean {
    const { slots } = this;
    if (this.#mask[key] !== 0) {
      const at = this.#find(key, ref);
      if (slots[at] !== 0) return false;
      slots[at] = row + 1;
      slots[at + 1] = ref;
      return true;
    }
    const at = this.base[key] + (ref - this.lowest[key]);
    const there = slots[at] - 1;
    if (there === NONE) slots[at] = row + 1;
    else if (!this.isShared || this.#keyOf[there] === key) return false;
    else {
      this.#others ??= new OtherRows();
      return this.#others.add(key, ref, row);
    }
    return true;
  }

  /** The row, or NONE. */
  get(key: number, ref: number): number {
    if (this.#mask[key] !== 0) return this.slots[this.#find(key, ref)] - 1;
    const place = ref - this.lowest[key];
    if (place < 0 || place >= this.span[key]) return NONE;
    const row = this.slots[this.base[key] + place] - 1;
    if (!this.isShared || row === NONE || this.#keyOf[row] === key) return row;
    return this.#others === undefined ? NONE : this.#others.get(key, ref);
  }

  /** A hashed region is at most half full, so there is an empty place. */
  #find(key: number, ref: number): number {
    const base = this.base[key];
    const mask = this.#mask[key];
    const { slots } = this;
    let h = Math.imul(ref ^ (ref >>> 15), 0x2c1b3c6d);
    h ^= h >>> 12;
    for (let i = h & mask; ; i = (i + 1) & mask) {
      const at = base + 2 * i;
      if (slots[at] === 0 || slots[at + 1] === ref) return at;
    }
  }
}

function isClose(writes: number, lowest: number, highest: number): boolean {
  return highest - lowest < Math.max(SPAN_ALWAYS, SPAN_PER_WRITE * writes);
}

/** The span of all references, where it is close and that of some key is not. */
function sharedSpan(
  writesOf: Int32Array,
  lowest: Int32Array,
  highest: Int32Array,
): { lowest: number; highest: number } | undefined {
  let [writes, low, high, allClose] = [0, 0x7fffffff, -0x80000000, true];
  for (let k = 0; k < writesOf.length; k++) {
    if (writesOf[k] === 0) continue;
    writes += writesOf[k];
    if (lowest[k] < low) low = lowest[k];
    if (highest[k] > high) high = highest[k];
    allClose &&= isClose(writesOf[k], lowest[k], highest[k]);
  }
  return !allClose && isClose(writes, low, high) ? { lowest: low, highest: high } : undefined;
}

/** Rows by key and reference, for values that another key was given before. */
class OtherRows {
  /** Open addressing, at most half full: key, reference, row plus one; 0: empty. */
  #entries = new Int32Array(3 * 64);
  #count = 0;

  add(key: number, ref: number, row: number): boolean {
    const at = this.#find(key, ref);
    if (this.#entries[at + 2] !== 0) return false;
    this.#entries.set([key, ref, row + 1], at);
    if (6 * ++this.#count > this.#entries.length) this.#widen();
    return true;
  }

  get(key: number, ref: number): number {
    return this.#entries[this.#find(key, ref) + 2] - 1;
  }

  #find(key: number, ref: number): number {
    const mask = this.#entries.length / 3 - 1;
    let h = Math.imul(ref ^ Math.imul(key, 0x9e3779b1), 0x2c1b3c6d);
    h ^= h >>> 15;
    for (let i = h & mask; ; i = (i + 1) & mask) {
      const at = 3 * i;
      if (this.#entries[at + 2] === 0 || (this.#entries[at] === key && this.#entries[at + 1] === ref)) return at;
    }
  }

  #widen(): void {
    const old = this.#entries;
    this.#entries = new Int32Array(2 * old.length);
    for (let at = 0; at < old.length; at += 3) {
      if (old[at + 2] === 0) continue;
      this.#entries.set(old.subarray(at, at + 3), this.#find(old[at], old[at + 1]));
    }
  }
}
