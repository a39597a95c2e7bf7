/** What the byte scanners of JSON Lines and EDN have in common. */

const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;
/** The largest integer that is its own reference. */
export const SMALL_MAX = 0x3fffffff;
/** More digits than this may not fit a double exactly. */
export const EXACT_DIGITS = 15;

/** In place of a place: here stands what a scanner leaves to the reader of everything. */
export const UNUSUAL = -1;

/** No common event has more fields; one that does goes on in the places of its first ones. */
const FIELDS_MAX = 64;
/** Numbers in an entry of `beginnings`, and bytes of a beginning that are compared. */
export const BEGINNING = 10;
const BEGINNING_BYTES_MAX = 16;
export const LAST_BEGINNING = (FIELDS_MAX - 1) * BEGINNING;

/** Whether each of the four bytes is one of 0x30 … 0x39. */
const areDigits = (word: number): boolean =>
  ((word & 0xf0f0f0f0) | (((word + 0x06060606) & 0xf0f0f0f0) >>> 4)) === (0x33333333 | 0);

export abstract class Scanner {
  protected bytes: Uint8Array = new Uint8Array(0);
  protected view: DataView = new DataView(new ArrayBuffer(0));
  /** What `decimal` read. */
  protected number = Number.NaN;
  /**
   * How the last event began its n-th field, up to the field's value: `,"time":`. Writers begin all events alike, so most
   * often these very bytes stand there again. An entry: the field, the length in bytes (0: too long to keep), then each
   * word with the mask that ends it.
   */
  protected readonly beginnings = new Int32Array(FIELDS_MAX * BEGINNING);

  /** Looks at this buffer from now on. */
  over(bytes: Uint8Array): void {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  protected beginsAsBefore(n: number, at: number): boolean {
    const view = this.view;
    const beginnings = this.beginnings;
    const length = beginnings[n + 1];
    if (length === 0 || view.getInt32(at, true) !== beginnings[n + 2]) return false;
    if (((view.getInt32(at + 4, true) ^ beginnings[n + 4]) & beginnings[n + 5]) !== 0) return false;
    if (length <= 8) return true;
    if (((view.getInt32(at + 8, true) ^ beginnings[n + 6]) & beginnings[n + 7]) !== 0) return false;
    return length <= 12 || ((view.getInt32(at + 12, true) ^ beginnings[n + 8]) & beginnings[n + 9]) === 0;
  }

  /** Remembers that the n-th field, whose value stands at `at`, began at `start`: at least five bytes before. */
  protected remember(n: number, field: number, start: number, at: number): void {
    const length = at - start;
    const { beginnings, view } = this;
    beginnings[n] = field;
    beginnings[n + 1] = length > BEGINNING_BYTES_MAX ? 0 : length;
    if (length > BEGINNING_BYTES_MAX) return;
    for (let word = 0; word < 4; word++) {
      const left = Math.min(4, Math.max(0, length - word * 4));
      beginnings[n + 2 + word * 2] = left === 0 ? 0 : view.getInt32(start + word * 4, true);
      beginnings[n + 3 + word * 2] = left === 4 ? -1 : (1 << (left * 8)) - 1;
    }
  }

  /** An integer of plain digits, into `number`. */
  protected decimal(at: number): number {
    const bytes = this.bytes;
    const view = this.view;
    const negative = bytes[at] === MINUS;
    if (negative) at++;
    const start = at;
    let number = 0;
    // Four digits at once: https://lemire.me/blog/2018/09/30/quickly-identifying-a-sequence-of-digits-in-a-string-of-characters/
    for (let word = view.getInt32(at, true); areDigits(word); word = view.getInt32(at, true)) {
      const pairs = Math.imul(word & 0x0f0f0f0f, 2561) >>> 8;
      number = number * 10_000 + (Math.imul(pairs & 0x00ff00ff, 6_553_601) >>> 16);
      at += 4;
    }
    let byte = bytes[at];
    while (byte >= ZERO && byte <= NINE) {
      number = number * 10 + byte - ZERO;
      byte = bytes[++at];
    }
    this.number = negative ? -number : number;
    const isNumber = at > start && (bytes[start] !== ZERO || at === start + 1);
    // A fraction, an exponent, or digits beyond what was summed up exactly.
    return isNumber && byte !== 0x2e && (byte | 0x20) !== 0x65 && at - start <= EXACT_DIGITS ? at : UNUSUAL;
  }
}
