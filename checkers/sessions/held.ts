/** What registers hold, by what the history says of it. */
import { type History, NULL_REF } from '../../history/history.ts';
import type { Semantics } from '../checker.ts';

/**
 * References to what a register held or was left with, by the reference to a value in the history. Null that was written is null, and so
 * is null that a cas expected; null that was read stands for the initial value, unless it matches any state. In the string model either
 * is the empty string.
 */
export interface RegisterValues {
  read(reference: number): number;
  written(reference: number): number;
}

export function registerValues(history: Pick<History, 'values'>, semantics: Semantics): RegisterValues {
  const { nullRead, nullWritten } = heldForNull(history, semantics);
  return {
    read: (reference) => (reference === NULL_REF ? nullRead : reference),
    written: (reference) => (reference === NULL_REF ? nullWritten : reference),
  };
}

/** What null stands for. */
export function heldForNull(
  history: Pick<History, 'values'>,
  semantics: Semantics,
): { readonly nullRead: number; readonly nullWritten: number } {
  if (semantics.model === 'string') {
    const empty = history.values.intern('');
    return { nullRead: empty, nullWritten: empty };
  }
  const nullRead = semantics.nilRead === 'any' ? NULL_REF : history.values.intern(semantics.initial);
  return { nullRead, nullWritten: NULL_REF };
}
