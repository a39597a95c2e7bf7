/** What registers hold, by what the history says of it. */
import { type History, NULL_REF } from '../../history/history.ts';
import type { Semantics } from '../checker.ts';

/**
 * Reference to what a register holds, by the reference to a value in the history. Null stands for the initial value, written or
 * read, unless it matches any state; in the string model it is the empty string.
 */
export function registerValues(history: Pick<History, 'values'>, semantics: Semantics): (reference: number) => number {
  const forNull = heldForNull(history, semantics);
  return (reference) => (reference === NULL_REF ? forNull : reference);
}

/** What null stands for. */
export function heldForNull(history: Pick<History, 'values'>, semantics: Semantics): number {
  if (semantics.model === 'string') return history.values.intern('');
  return semantics.nilRead === 'any' ? NULL_REF : history.values.intern(semantics.initial);
}
