/**
 * Short texts seen lately, by the words of their bytes: keys, sessions and paths come again and again, and most are
 * found here without a look at their bytes one by one.
 */
const SLOTS_BITS = 9;
/** What an entry holds: three words, their masks, the length in bytes (0: none) and the text's number. */
const ENTRY = 8;
const BYTES_MAX = 12;

export class RecentTexts {
  readonly #entries = new Int32Array(ENTRY << SLOTS_BITS);
  /** Of the text found last. */
  length = 0;

  /**
   * The number of the text that begins there, or -1. What was kept must end itself, as a string does with its quote. Reads
   * up to twelve bytes.
   */
  find(view: DataView, at: number): number {
    const entries = this.#entries;
    const a = view.getInt32(at, true);
    const b = view.getInt32(at + 4, true);
    const entry = slotOf(a, b);
    if (((a ^ entries[entry]) & entries[entry + 3]) !== 0 || entries[entry + 6] === 0) return -1;
    if (((b ^ entries[entry + 1]) & entries[entry + 4]) !== 0) return -1;
    if (((view.getInt32(at + 8, true) ^ entries[entry + 2]) & entries[entry + 5]) !== 0) return -1;
    this.length = entries[entry + 6];
    return entries[entry + 7];
  }

  /** Keeps the text that goes from `at` to `end`, unless it is long. */
  keep(view: DataView, at: number, end: number, id: number): void {
    const length = end - at;
    if (length > BYTES_MAX) return;
    const entry = slotOf(view.getInt32(at, true), view.getInt32(at + 4, true));
    for (let word = 0; word < 3; word++) {
      const left = Math.min(4, Math.max(0, length - word * 4));
      this.#entries[entry + word] = view.getInt32(at + word * 4, true);
      this.#entries[entry + 3 + word] = left === 4 ? -1 : (1 << (left * 8)) - 1;
    }
    this.#entries[entry + 6] = length;
    this.#entries[entry + 7] = id;
  }
}

/** Bytes past a short text count too: they are mostly the same, and if not, it is only found less often. */
const slotOf = (a: number, b: number): number =>
  (Math.imul(a ^ Math.imul(b, 0x85ebca6b), 0x9e3779b1) >>> (32 - SLOTS_BITS)) * ENTRY;
