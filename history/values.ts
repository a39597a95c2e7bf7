/** Values by reference. */
import type { Value } from './operation.ts';
import { Texts } from './texts.ts';
import type { SharedTexts } from './texts.ts';

/** Reference to null, in every history. */
export const NULL_REF = 1;

/** What is its own reference: an integer of 31 bits. */
export function isInline(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= -0x40000000 && value < 0x40000000;
}

/**
 * JSON text in which integers that no double holds exactly are strings with a mark, so that `JSON.parse` keeps all their
 * digits: two of them must never become one value. `Values` takes the mark off again.
 */
export function markIntegers(text: string): string {
  return text.replace(/"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g, (token) =>
    /^-?\d{16,}$/.test(token) ? markInteger(token) : token,
  );
}

export function markInteger(digits: string): string {
  return Number.isSafeInteger(Number(digits)) ? String(Number(digits)) : `"\\u0000${digits}"`;
}

/** JSON text of a value, marked integers as they were written. Undefined, which JSON does not have, is null. */
export function jsonOf(value: Value | undefined): string {
  const text = JSON.stringify(value ?? null);
  return text.includes('"\\u0000') ? text.replace(/"\\u0000(-?\d{16,})"/g, '$1') : text;
}

/** A value whose marked integers are numbers again, as near as a double comes. */
export function withoutMarks(value: Value): Value {
  const text = jsonOf(value);
  return text === JSON.stringify(value) ? value : (JSON.parse(text) as Value); // JSON has no other values
}

/** The number behind a field that may be a marked integer, as near as a double comes. */
export function unmarked(value: unknown): unknown {
  return typeof value === 'string' && /^\0-?\d{16,}$/.test(value) ? Number(value.slice(1)) : value;
}

/**
 * Values by reference: an integer of 31 bits is its own reference (`n * 2`), everything else is interned by its JSON text
 * (`id * 2 + 1`). Two values are equal iff their references are.
 */
export class Values {
  readonly #texts: Texts;

  constructor(shared?: SharedTexts) {
    this.#texts = new Texts(shared);
    if (shared === undefined) this.#texts.intern('null');
  }

  intern(value: Value): number {
    // Adding 0 makes a negative zero the zero that JSON writes.
    return isInline(value) ? value * 2 + 0 : this.#texts.intern(jsonOf(value)) * 2 + 1;
  }

  /** The same for a value whose JSON text, exactly as `JSON.stringify` writes it, is `bytes[from … to-1]`. */
  internBytes(bytes: Uint8Array, from: number, to: number): number {
    return this.#texts.internBytes(bytes, from, to) * 2 + 1;
  }

  /** The value itself; an integer that no double holds exactly comes as the string of its digits. */
  get(ref: number): Value {
    if ((ref & 1) === 0) return ref >> 1;
    const text = this.#texts.text(ref >> 1);
    const exact = !/^-?\d{16,}$/.test(text) || Number.isSafeInteger(Number(text));
    return exact ? (JSON.parse(text) as Value) : text; // we wrote that text
  }

  /** How many values are interned. */
  get size(): number {
    return this.#texts.size;
  }

  get bytes(): number {
    return this.#texts.bytes;
  }

  toShared(): SharedTexts {
    return this.#texts.toShared();
  }
}
