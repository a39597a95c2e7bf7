/**
 * What the client keeps in the store itself lies apart from users' keys: its own keys begin with `~` and something else,
 * and a user's key that begins with `~` is stored with another one before it.
 */
import { groupName, groupOf } from '../core/slots.ts';
import type { GroupId, Key } from '../core/types.ts';

/** How a user's key is called in the store. */
export function storedKey(key: Key): Key {
  return typeof key === 'string' && key.startsWith('~') ? `~${key}` : key;
}

/** What all devices of a user have written, as a token. */
export function seenKey(user: string): Key {
  return `~seen/${user}`;
}

/** How far the nodes are from a region, as somebody there measured it. */
export function latencyKey(region: string): Key {
  return `~latency/${region}`;
}

/** The one group that has all these keys as they are stored; undefined: there is none. */
export function groupOfAll(keys: readonly Key[], groups: number): GroupId | undefined {
  if (groups === 1 || keys.length === 0) return groupName(0);
  const first = groupOf(keys[0], groups);
  for (let i = 1; i < keys.length; i++) if (groupOf(keys[i], groups) !== first) return undefined;
  return groupName(first);
}
