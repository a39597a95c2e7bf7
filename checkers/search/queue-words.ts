/** What a row says or does to a queue. */
import { INFO, METHODS, NULL_REF, OK } from '../../history/history.ts';
import type { History } from '../../history/history.ts';
import type { Value } from '../../history/operation.ts';

export const ENQUEUE = METHODS.indexOf('enqueue');
export const DEQUEUE = METHODS.indexOf('dequeue');
export const DRAIN = METHODS.indexOf('drain');

/** Acknowledged, or nobody knows. */
export const mayCount = ({ outcome }: History, row: number): boolean => outcome[row] === OK || outcome[row] === INFO;

/** A dequeue that found the queue empty. */
export const foundEmpty = ({ f, outcome, value }: History, row: number): boolean =>
  f[row] === DEQUEUE && outcome[row] === OK && value[row] === NULL_REF;

/** References of what a drain took, in its order; undefined where its answer is no list. */
export function drained({ value, values }: History, row: number): Int32Array | undefined {
  const list = value[row] === NULL_REF ? [] : values.get(value[row]);
  return Array.isArray(list) ? Int32Array.from(list as readonly Value[], (one) => values.intern(one)) : undefined;
}

export function meaninglessOfQueue(history: History, row: number): string | undefined {
  const { f, outcome, value, values } = history;
  if (f[row] === ENQUEUE && value[row] === NULL_REF)
    return 'was asked to enqueue null, which is the answer of an empty queue';
  if (f[row] !== DRAIN || outcome[row] !== OK || drained(history, row) !== undefined) return undefined;
  return `answered a drain with ${JSON.stringify(values.get(value[row]))}, which is no list`;
}
