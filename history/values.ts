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
 * A number's JSON text; of one that no double holds, a string with a mark and all its digits, so that `JSON.parse` keeps
 * them: two integers, or two numbers too large or too small, must never become one value. `Values` takes the mark off
 * again. Fractions are the doubles that are nearest, as everywhere in JSON.
 */
export function markInteger(text: string): string {
  // Leading zeros are for JSON.parse to refuse.
  if (/^-?(?:\d{1,15}|0\d+)$/.test(text)) return text;
  const number = Number(text);
  if (Number.isFinite(number) && !Number.isInteger(number)) return text;
  const { digits, power } = decimal(text);
  if (digits === '' || (power < 0 && number !== 0 && Number.isSafeInteger(number))) return text;
  if (Number.isFinite(number)) {
    const held = decimal(String(number));
    if (held.digits === digits && held.power === power) return text;
  }
  const sign = text.startsWith('-') ? '-' : '';
  return `"\\u0000${sign}${power >= 0 && power <= 30 ? digits + '0'.repeat(power) : `${digits}e${power}`}"`;
}

/** Text that is a keyword in EDN. */
export const KEYWORD: RegExp =
  /^:[\p{L}*+!_?$%&=<>.-][\p{L}\w*+!?$%&=<>.#'-]*(?:\/[\p{L}*+!_?$%&=<>.-][\p{L}\w*+!?$%&=<>.#'-]*)?$/u;

/**
 * A string of EDN; one that reads like a keyword, `":a"`, with a mark, for keywords keep their colon as strings do not: the two must
 * never become one value. The mark stays on: in JSON it is what tells them apart.
 */
export function markColon(text: string): string {
  return KEYWORD.test(text) ? `\0${text}` : text;
}

export function withoutColonMark(text: string): string {
  return text.startsWith('\0:') ? text.slice(1) : text;
}

/** Its digits, without zeros at either end, times ten to the power. */
function decimal(text: string): { readonly digits: string; readonly power: number } {
  const [, whole = '', fraction = '', exponent = '0'] = /^-?(\d+)(?:\.(\d*))?(?:e([+-]?\d+))?$/i.exec(text) ?? [];
  const digits = `${whole}${fraction}`.replace(/^0+/, '');
  const significant = digits.replace(/0+$/, '');
  return { digits: significant, power: Number(exponent) - fraction.length + digits.length - significant.length };
}

/** JSON text of a value, marked integers as they were written. Undefined, which JSON does not have, is null. */
export function jsonOf(value: Value | undefined): string {
  const text = JSON.stringify(value ?? null);
  return text.includes('"\\u0000') ? text.replace(/"\\u0000(-?\d+(?:e-?\d+)?)"/g, '$1') : text;
}

/** A value whose marked integers are numbers again, as near as a double comes. */
export function withoutMarks(value: Value): Value {
  const text = jsonOf(value);
  return text === JSON.stringify(value) ? value : (JSON.parse(text) as Value); // JSON has no other values
}

/** A value whose objects have their members in the order of their names: objects are equal whatever order they were written in. */
function inOrder(value: Value): Value {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    const list = value as readonly Value[];
    return list.some(isObject) ? list.map(inOrder) : list;
  }
  const members = Object.entries(value as { readonly [name: string]: Value });
  if (members.length > 1) members.sort(([a], [b]) => (a < b ? -1 : 1)); // no two are the same
  return Object.fromEntries(members.map(([name, member]) => [name, inOrder(member)]));
}

const isObject = (value: Value): boolean => typeof value === 'object' && value !== null;

/** The number behind a field that may be a marked integer, as near as a double comes. */
export function unmarked(value: unknown): unknown {
  return typeof value === 'string' && /^\0-?\d/.test(value) ? Number(value.slice(1)) : value;
}

/**
 * Values by reference: an integer of 31 bits is its own reference (`n * 2`), everything else is interned by its JSON text,
 * the members of objects in the order of their names (`id * 2 + 1`). Two values are equal iff their references are.
 */
export class Values {
  readonly #texts: Texts;

  constructor(shared?: SharedTexts) {
    this.#texts = new Texts(shared);
    if (shared === undefined) this.#texts.intern('null');
  }

  intern(value: Value): number {
    // Adding 0 makes a negative zero the zero that JSON writes.
    return isInline(value) ? value * 2 + 0 : this.#texts.intern(jsonOf(inOrder(value))) * 2 + 1;
  }

  /** The same for a value whose JSON text, exactly as `JSON.stringify` writes it, is `bytes[from … to-1]`. */
  internBytes(bytes: Uint8Array, from: number, to: number): number {
    return this.#texts.internBytes(bytes, from, to) * 2 + 1;
  }

  /** Its JSON text, every digit of its numbers with it. */
  json(ref: number): string {
    return (ref & 1) === 0 ? String(ref >> 1) : this.#texts.text(ref >> 1);
  }

  /** The value itself; a number that no double holds comes as the string of its digits. */
  get(ref: number): Value {
    if ((ref & 1) === 0) return ref >> 1;
    const text = this.#texts.text(ref >> 1);
    if (!/^-?\d/.test(text)) return JSON.parse(text) as Value; // we wrote that text
    return markInteger(text) === text ? Number(text) : text;
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
