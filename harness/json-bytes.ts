/**
 * JSON text, written as the bytes of its UTF-8 into one buffer that is used again and again. A line of a journal has some
 * forty parts: as strings, each would be an object of its own, and all of them joined, flattened and encoded afterwards.
 *
 * Short ASCII, which is nearly everything, is copied character by character; the rest goes the common way.
 */
import type { Value } from '../history/operation.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const DIGIT_0 = 0x30;
/** Below this, digits are found with 32-bit integers; numbers above are written in pieces of nine digits. */
const BILLION = 1e9;
const NUMBER_DIGITS_MAX = 16;

export class JsonBytes {
  #bytes = Buffer.allocUnsafe(128 * 1024);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** What was written since this was asked last. It will be overwritten by what is written next. */
  take(): Buffer {
    const taken = this.#bytes.subarray(0, this.#length);
    this.#length = 0;
    return taken;
  }

  /** Text that is JSON already. */
  plain(text: string): this {
    this.#reserve(text.length);
    const bytes = this.#bytes;
    let length = this.#length;
    for (let i = 0; i < text.length; i++) {
      const character = text.charCodeAt(i);
      if (character >= 0x80) return this.#encode(text);
      bytes[length++] = character;
    }
    this.#length = length;
    return this;
  }

  /** A string, in quotes. */
  text(text: string): this {
    this.#reserve(text.length + 2);
    const bytes = this.#bytes;
    let length = this.#length;
    bytes[length++] = QUOTE;
    for (let i = 0; i < text.length; i++) {
      const character = text.charCodeAt(i);
      if (character < 0x20 || character >= 0x80 || character === QUOTE || character === BACKSLASH)
        return this.#encode(JSON.stringify(text));
      bytes[length++] = character;
    }
    bytes[length++] = QUOTE;
    this.#length = length;
    return this;
  }

  /** As `String` writes it. */
  number(number: number): this {
    if (!Number.isSafeInteger(number) || number < 0) return this.plain(String(number));
    this.#reserve(NUMBER_DIGITS_MAX);
    if (number < BILLION) this.#digits(number, digitsOf(number));
    else {
      const billions = Math.floor(number / BILLION);
      this.#digits(billions, digitsOf(billions));
      this.#digits(number - billions * BILLION, 9);
    }
    return this;
  }

  /** Any value, as `JSON.stringify` writes it. */
  json(value: Value): this {
    if (typeof value === 'number' && Number.isFinite(value)) return this.number(value);
    if (typeof value === 'string') return this.text(value);
    return this.plain(JSON.stringify(value));
  }

  /** The last `count` decimal digits of a non-negative 32-bit integer. */
  #digits(number: number, count: number): void {
    let rest = number;
    for (let i = this.#length + count - 1; i >= this.#length; i--) {
      const tenth = (rest / 10) | 0;
      this.#bytes[i] = DIGIT_0 + rest - tenth * 10;
      rest = tenth;
    }
    this.#length += count;
  }

  #encode(text: string): this {
    this.#reserve(text.length * 3); // UTF-8 has at most three bytes for one UTF-16 unit
    this.#length += this.#bytes.write(text, this.#length, 'utf8');
    return this;
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(2 * (this.#length + bytes));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }
}

/** How many decimal digits a number from 0 to 999,999,999 has. */
function digitsOf(number: number): number {
  let digits = 1;
  for (let bound = 10; number >= bound; bound *= 10) digits++;
  return digits;
}
