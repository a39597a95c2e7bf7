/** About how much an entry takes, for bounds on memory and on messages: exact enough for those, and cheap. */
import type { Entry, Key, Membership, Value } from './types.ts';

/** The objects round its contents, its place, its origin and what it was written after. */
const ENTRY_BYTES = 128;
const MEMBER_BYTES = 128;
/** A number, or what holds an item of an array or a field of an object. */
const SLOT_BYTES = 8;

export function entryBytes({ command }: Entry): number {
  switch (command.type) {
    case 'noop':
      return ENTRY_BYTES;
    case 'write':
      return ENTRY_BYTES + keyBytes(command.key) + valueBytes(command.value);
    case 'cas':
      return ENTRY_BYTES + keyBytes(command.key) + valueBytes(command.expected) + valueBytes(command.next);
    case 'members':
      return ENTRY_BYTES + memberCount(command.members) * MEMBER_BYTES;
  }
}

function memberCount({ voters, learners }: Membership): number {
  return voters.length + learners.length;
}

function keyBytes(key: Key): number {
  return typeof key === 'string' ? key.length : SLOT_BYTES;
}

function valueBytes(value: Value): number {
  if (typeof value === 'string') return SLOT_BYTES + value.length;
  if (typeof value !== 'object' || value === null) return SLOT_BYTES;
  let bytes = SLOT_BYTES;
  if (Array.isArray(value)) {
    for (const item of value as readonly Value[]) bytes += valueBytes(item);
    return bytes;
  }
  for (const [name, item] of Object.entries(value)) bytes += name.length + SLOT_BYTES + valueBytes(item);
  return bytes;
}
