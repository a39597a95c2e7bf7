/** What is known of logs: which value lies at which offset, and who said so. */
import { type History, NONE } from '../../history/history.ts';
import type { Value } from '../../history/operation.ts';
import { mix } from '../sessions/row-table.ts';
import { isExact } from './elements.ts';

export interface Entry {
  readonly offset: number;
  /** Reference. */
  readonly value: number;
}

/** `[offset, value]`, as the answer of a send. Undefined: it is something else. */
export function entryOf(history: History, value: Value): Entry | undefined {
  if (!Array.isArray(value) || value.length !== 2) return undefined;
  const [offset, held] = value as readonly Value[];
  if (typeof offset !== 'number' || !Number.isSafeInteger(offset) || !isExact(held)) return undefined;
  return { offset, value: history.values.intern(held) };
}

/** `[[offset, value], …]`, as the answer of a poll; null is none. Undefined: it is something else. */
export function entriesOf(history: History, value: Value): readonly Entry[] | undefined {
  if (value === null) return [];
  if (!Array.isArray(value)) return undefined;
  const entries = (value as readonly Value[]).map((item) => entryOf(history, item));
  return entries.includes(undefined) ? undefined : (entries as readonly Entry[]); // none is undefined
}

/** Offsets of keys' logs, as numbers from 0 in the order in which they come. */
export class Places {
  key = new Int32Array(64);
  offset = new Float64Array(64);
  /** Reference: what was first said to lie there. */
  value = new Int32Array(64);
  /** The row that said so. */
  by = new Int32Array(64);
  /** The row of the first poll that returned it; NONE. */
  polled = new Int32Array(64);
  #slots = new Int32Array(256).fill(NONE);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** NONE where nobody spoke of it. */
  find(key: number, offset: number): number {
    return this.#slots[this.#slot(key, offset)];
  }

  /** Its number; what `row` says lies there counts where nobody spoke of it before. */
  put(key: number, { offset, value }: Entry, row: number): number {
    const slot = this.#slot(key, offset);
    if (this.#slots[slot] !== NONE) return this.#slots[slot];
    const place = this.#count++;
    if (place === this.key.length) this.#grow();
    this.key[place] = key;
    this.offset[place] = offset;
    this.value[place] = value;
    this.by[place] = row;
    this.polled[place] = NONE;
    this.#slots[slot] = place;
    if (this.#count * 2 > this.#slots.length) this.#rehash();
    return place;
  }

  /** All of them, by key and offset. */
  inOrder(keys: number): Int32Array {
    const starts = new Int32Array(keys + 1);
    for (let place = 0; place < this.#count; place++) starts[this.key[place] + 1]++;
    for (let k = 0; k < keys; k++) starts[k + 1] += starts[k];
    const offsets = new Float64Array(this.#count);
    const next = starts.slice();
    for (let place = 0; place < this.#count; place++) offsets[next[this.key[place]]++] = this.offset[place];
    const order = new Int32Array(this.#count);
    for (let k = 0; k < keys; k++) {
      offsets.subarray(starts[k], starts[k + 1]).sort();
      for (let rank = starts[k]; rank < starts[k + 1]; rank++) order[rank] = this.find(k, offsets[rank]);
    }
    return order;
  }

  #slot(key: number, offset: number): number {
    const mask = this.#slots.length - 1;
    let at = mix(key, mix(offset | 0, Math.floor(offset / 0x100000000))) & mask;
    for (let held = this.#slots[at]; held !== NONE; held = this.#slots[at]) {
      if (this.offset[held] === offset && this.key[held] === key) break;
      at = (at + 1) & mask;
    }
    return at;
  }

  #grow(): void {
    const wider = (from: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> => {
      const to = new Int32Array(from.length * 2);
      to.set(from);
      return to;
    };
    const offsets = new Float64Array(this.offset.length * 2);
    offsets.set(this.offset);
    this.offset = offsets;
    [this.key, this.value, this.by, this.polled] = [this.key, this.value, this.by, this.polled].map(wider);
  }

  #rehash(): void {
    this.#slots = new Int32Array(this.#slots.length * 2).fill(NONE);
    for (let place = 0; place < this.#count; place++) {
      this.#slots[this.#slot(this.key[place], this.offset[place])] = place;
    }
  }
}

/** Polls that were answered, and the places that each returned, one after the other. */
export class Polls {
  readonly rows: number[] = [];
  readonly #ends: number[] = [];
  #places = new Int32Array(64);
  #count = 0;

  /** A place of the poll that comes next. */
  push(place: number): void {
    if (this.#count === this.#places.length) {
      const wider = new Int32Array(this.#count * 2);
      wider.set(this.#places);
      this.#places = wider;
    }
    this.#places[this.#count++] = place;
  }

  end(row: number): void {
    this.rows.push(row);
    this.#ends.push(this.#count);
  }

  /** Of the poll at this index of `rows`. */
  places(index: number): Int32Array {
    return this.#places.subarray(index === 0 ? 0 : this.#ends[index - 1], this.#ends[index]);
  }
}
