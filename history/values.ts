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
    return isInline(value) ? value * 2 + 0 : this.#texts.intern(JSON.stringify(value)) * 2 + 1;
  }

  /** The same for a value whose JSON text, exactly as `JSON.stringify` writes it, is `bytes[from … to-1]`. */
  internBytes(bytes: Uint8Array, from: number, to: number): number {
    return this.#texts.internBytes(bytes, from, to) * 2 + 1;
  }

  get(ref: number): Value {
    return (ref & 1) === 0 ? ref >> 1 : (JSON.parse(this.#texts.text(ref >> 1)) as Value); // we wrote that text
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
