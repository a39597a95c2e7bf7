/** What is known of a log: which value lies at which offset, and who said so. */
import { type History, NONE } from '../../history/history.ts';
import type { Value } from '../../history/operation.ts';
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

/** Values of one key's log by offset. */
export class Log {
  /** By offset: the value first said to lie there, and the row that said so. */
  readonly at = new Map<number, { readonly value: number; readonly row: number }>();
  /** By value: its offsets. */
  readonly offsets = new Map<number, number[]>();
  /** By offset: the row that polled it first. */
  readonly polled = new Map<number, number>();
  /** Acknowledged sends by offset. */
  readonly acknowledged = new Map<number, number>();

  /** The row that said another value lies at this offset; NONE. */
  put({ offset, value }: Entry, row: number): number {
    const held = this.at.get(offset);
    if (held === undefined) this.at.set(offset, { value, row });
    else if (held.value !== value) return held.row;
    const offsets = this.offsets.get(value);
    if (offsets === undefined) this.offsets.set(value, [offset]);
    else if (!offsets.includes(offset)) offsets.push(offset);
    return NONE;
  }
}
