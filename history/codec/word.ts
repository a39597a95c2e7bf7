/** A text of up to twelve bytes, compared four at a time. */
export class Word {
  readonly code: number;
  readonly length: number;
  readonly #a: number;
  readonly #b: number;
  readonly #c: number;
  readonly #maskA: number;
  readonly #maskB: number;
  readonly #maskC: number;

  constructor(text: string, code: number) {
    const bytes = Buffer.alloc(12);
    const mask = Buffer.alloc(12);
    this.length = bytes.write(text);
    mask.fill(0xff, 0, this.length);
    this.code = code;
    [this.#a, this.#b, this.#c] = [bytes.readInt32LE(0), bytes.readInt32LE(4), bytes.readInt32LE(8)];
    [this.#maskA, this.#maskB, this.#maskC] = [mask.readInt32LE(0), mask.readInt32LE(4), mask.readInt32LE(8)];
  }

  /** Its first four bytes. Of a shorter word, not all of them are its own. */
  get head(): number {
    return this.#a;
  }

  /** Whether it stands at `at`. Reads up to eleven bytes past its end. */
  isAt(view: DataView, at: number): boolean {
    if ((view.getInt32(at, true) & this.#maskA) !== this.#a) return false;
    if (this.#maskB === 0) return true;
    if ((view.getInt32(at + 4, true) & this.#maskB) !== this.#b) return false;
    return this.#maskC === 0 || (view.getInt32(at + 8, true) & this.#maskC) === this.#c;
  }
}

/** Bytes that must follow the last line in the buffer handed to `FieldScanner`. */
export const SLACK_BYTES = 16;

const SLOTS = 64;

/** Some words of which one is looked for: mostly found by their first four bytes. */
export class Words {
  readonly #words: readonly Word[];
  /** By the hash of the first four bytes: a word that begins so. */
  readonly #likely: readonly Word[];

  constructor(words: readonly Word[]) {
    this.#words = words;
    const [first] = words;
    if (first === undefined) throw new Error('there are no words to look for');
    const likely = new Array<Word>(SLOTS).fill(first);
    for (const word of words) likely[slotOf(word.head)] = word;
    this.#likely = likely;
  }

  /** The word that stands there. Reads up to eleven bytes past its end. */
  at(view: DataView, at: number): Word | undefined {
    const likely = this.#likely[slotOf(view.getInt32(at, true))];
    return likely.isAt(view, at) ? likely : this.#words.find((word) => word.isAt(view, at));
  }
}

const slotOf = (head: number): number => Math.imul(head, 0x9e3779b1) >>> 26;
