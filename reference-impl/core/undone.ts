/**
 * What committed entries had replaced, for whoever writes them again after a promotion by force has undone them. Of what is
 * committed the state keeps the newest version of each key only; the rest is made again from the log, as far as it reaches.
 */
import type { Log } from './log.ts';
import { type State, sameValue } from './state.ts';
import type { Entry, Key, Value } from './types.ts';

export interface Replaced {
  /** An item for each entry: a value, null for none, undefined where it replaced nothing or that is not known. */
  readonly overwrote: readonly (Value | undefined)[];
  /** Indices of those of which it is not known. */
  readonly unknownAt: readonly number[];
}

/** Of the entries from `from` on, which are all of the log, and applied to the state. */
export function replacedFrom(log: Log, state: State, from: number): Replaced {
  const overwrote: (Value | undefined)[] = [];
  const unknownAt: number[] = [];
  // A key that is not there: what was compacted may have made one.
  const held = new Map<Key, Value>();
  for (const entry of log.slice(log.first, log.lastIndex)) {
    const replaced = log.base === 0 ? replacedBy(entry, held, state, null) : replacedBy(entry, held, state, undefined);
    if (entry.index < from) continue;
    overwrote.push(replaced === 'unknown' ? undefined : replaced?.value);
    if (replaced === 'unknown') unknownAt.push(entry.index);
  }
  return { overwrote, unknownAt };
}

/** Undefined: it made no version. `otherwise`: what a key holds of which nothing has been seen; undefined: unknown. */
function replacedBy(
  { index, command }: Entry,
  held: Map<Key, Value>,
  state: State,
  otherwise: Value | undefined,
): { readonly value: Value } | 'unknown' | undefined {
  if (command.type !== 'write' && command.type !== 'cas') return undefined;
  const { key } = command;
  const seen = held.get(key);
  const before = seen === undefined ? otherwise : seen;
  if (command.type === 'write') {
    held.set(key, command.value);
    return before === undefined ? 'unknown' : { value: before };
  }
  const newest = state.local(key)?.index ?? 0;
  // No entry behind the newest version of its key has made one, and the one at its place has.
  if (before === undefined && index < newest) return 'unknown';
  const matched = before === undefined ? index === newest : sameValue(before, command.expected);
  if (!matched) return undefined;
  held.set(key, command.next);
  return { value: command.expected };
}
