/** Elements of collections: a key and a value, as numbers from 0; and what lists hold. */
import { FAIL, type History, METHODS, NONE, NULL_REF } from '../../history/history.ts';
import type { Method, Value } from '../../history/operation.ts';
import { mix } from '../sessions/row-table.ts';

export const methodCode = (name: Method): number => (METHODS as readonly string[]).indexOf(name);

/** Numbers pairs of key and reference in the order in which they come. */
export class Elements {
  #keys = new Int32Array(64);
  #refs = new Int32Array(64);
  #slots = new Int32Array(256).fill(NONE);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  key(element: number): number {
    return this.#keys[element];
  }

  ref(element: number): number {
    return this.#refs[element];
  }

  /** NONE where it was never added. */
  find(key: number, ref: number): number {
    return this.#slots[this.#slot(key, ref)];
  }

  add(key: number, ref: number): number {
    const slot = this.#slot(key, ref);
    if (this.#slots[slot] !== NONE) return this.#slots[slot];
    if (this.#count === this.#keys.length) {
      this.#keys = wider(this.#keys);
      this.#refs = wider(this.#refs);
    }
    const element = this.#count++;
    this.#keys[element] = key;
    this.#refs[element] = ref;
    this.#slots[slot] = element;
    if (this.#count * 2 > this.#slots.length) this.#rehash();
    return element;
  }

  #slot(key: number, ref: number): number {
    const mask = this.#slots.length - 1;
    let at = mix(key, ref) & mask;
    for (let held = this.#slots[at]; held !== NONE; held = this.#slots[at]) {
      if (this.#keys[held] === key && this.#refs[held] === ref) break;
      at = (at + 1) & mask;
    }
    return at;
  }

  #rehash(): void {
    this.#slots = new Int32Array(this.#slots.length * 2).fill(NONE);
    for (let element = 0; element < this.#count; element++) {
      this.#slots[this.#slot(this.#keys[element], this.#refs[element])] = element;
    }
  }
}

function wider(from: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const to = new Int32Array(from.length * 2);
  to.set(from);
  return to;
}

/** The items of a list, or of a set of EDN; null is the empty one. Undefined: the value is neither. */
export function itemsOf(value: Value): readonly Value[] | undefined {
  if (value === null) return [];
  if (Array.isArray(value)) return value as readonly Value[];
  const set = typeof value === 'object' ? (value as { readonly [name: string]: Value })['#set'] : undefined;
  return Array.isArray(set) && Object.keys(value).length === 1 ? (set as readonly Value[]) : undefined;
}

/** Whether all numbers in it are what was recorded. */
export function isExact(value: Value): boolean {
  if (typeof value === 'number') return !Number.isInteger(value) || Number.isSafeInteger(value);
  if (Array.isArray(value)) return (value as readonly Value[]).every(isExact);
  return typeof value !== 'object' || value === null || Object.values(value).every(isExact);
}

export const INEXACT = 'an answer lists integers past 2^53, which cannot be told apart';

/** What lists hold, as references: the last one is kept, for successive reads often return the same. */
export class Lists {
  readonly #history: History;
  #last = NONE;
  #items: Int32Array | undefined;
  /** Whether some list holds integers that no double holds exactly: what they are cannot be told from it. */
  isInexact = false;

  constructor(history: History) {
    this.#history = history;
  }

  /** Undefined where the value is no list. */
  refs(ref: number): Int32Array | undefined {
    if (ref === this.#last) return this.#items;
    const { values } = this.#history;
    const isList = (ref & 1) === 1 || ref === NULL_REF; // integers are their own references
    const items = isList ? itemsOf(values.get(ref)) : undefined;
    this.#last = ref;
    if (items !== undefined && !isExact(items)) this.isInexact = true;
    this.#items = items === undefined ? undefined : Int32Array.from(items, (item) => values.intern(item));
    return this.#items;
  }
}

/** Rows in the order of their events: `row` for its invocation, `-1 - row` for its completion; NONE-like gaps are skipped. */
export function eachEvent(
  history: History,
  takes: (row: number) => boolean,
  event: (row: number, isCall: boolean) => void,
): void {
  const { length, call, ret, positions } = history;
  const at = new Int32Array(positions); // row + 1; negative: its completion
  for (let row = 0; row < length; row++) {
    if (!takes(row)) continue;
    at[call[row]] = row + 1;
    if (ret[row] < positions) at[ret[row]] = -1 - row;
  }
  for (const code of at) {
    if (code > 0) event(code - 1, true);
    else if (code < 0) event(-1 - code, false);
  }
}

/** The first operation of this method and value on the row's key that was refused; NONE if there is none. */
export function refusedRow(
  { f, key, length, outcome, value }: History,
  method: number,
  of: number,
  ref: number,
): number {
  for (let row = 0; row < length; row++) {
    if (outcome[row] === FAIL && f[row] === method && key[row] === key[of] && value[row] === ref) return row;
  }
  return NONE;
}

/** Who acts, as numbers: sessions first, then processes in the order in which they appear. */
export function holdersOf({ length, session, sessions, process }: History): Int32Array {
  const holders = new Int32Array(length);
  const numbers = new Map<number, number>();
  for (let row = 0; row < length; row++) {
    if (session[row] !== NONE) {
      holders[row] = session[row];
      continue;
    }
    const number = numbers.get(process[row]) ?? numbers.size;
    numbers.set(process[row], number);
    holders[row] = sessions.length + number;
  }
  return holders;
}

/** The nearest rank, in whole milliseconds. */
export function rankMs(sorted: Float64Array, share: number): number {
  return Math.round((sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0) / 1e6);
}
