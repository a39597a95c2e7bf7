/** Entries and their parts in MessagePack, as the log and the images have them. Not as they travel: this layout lasts. */
import type { Command, Entry, Membership, NodeId, Position, TokenPart } from '../../core/types.ts';
import type { Packer } from './pack.ts';
import type { Unpacker } from './unpack.ts';

const COMMANDS = ['noop', 'write', 'cas', 'members'] as const;
/** Which fields of an entry are there, beside the number of its command in the lowest bits. */
const ENTRY = { command: 3, term: 4, origin: 8, after: 16, stamp: 32 } as const;

/** The first index, then the entries one after another; an entry says its term where it is not that of the one before. */
export function packEntries(packer: Packer, entries: readonly Entry[]): void {
  packer.number(entries[0].index);
  packer.array(entries.length);
  let term = 0;
  for (const entry of entries) {
    packEntry(packer, entry, entry.term !== term);
    term = entry.term;
  }
}

function packEntry(packer: Packer, entry: Entry, withTerm: boolean): void {
  const { command, origin, after, stampMs } = entry;
  const mask =
    COMMANDS.indexOf(command.type) |
    (withTerm ? ENTRY.term : 0) |
    (origin === undefined ? 0 : ENTRY.origin) |
    (after === undefined ? 0 : ENTRY.after) |
    (stampMs === undefined ? 0 : ENTRY.stamp);
  const ofCommand = command.type === 'noop' ? 0 : command.type === 'write' ? 2 : command.type === 'cas' ? 3 : 1;
  packer.array(
    1 + (withTerm ? 1 : 0) + ofCommand + (origin ? 2 : 0) + (after ? 1 : 0) + (stampMs === undefined ? 0 : 1),
  );
  packer.number(mask);
  if (withTerm) packer.number(entry.term);
  packCommand(packer, command);
  if (origin !== undefined) {
    packer.string(origin.client);
    packer.number(origin.sequence);
  }
  if (after !== undefined) packToken(packer, after);
  if (stampMs !== undefined) packer.number(stampMs);
}

function packCommand(packer: Packer, command: Command): void {
  switch (command.type) {
    case 'noop':
      return;
    case 'write':
      packer.value(command.key);
      packer.value(command.value);
      return;
    case 'cas':
      packer.value(command.key);
      packer.value(command.expected);
      packer.value(command.next);
      return;
    case 'members':
      packMembers(packer, command.members);
      return;
  }
}

export function unpackEntries(from: Unpacker): readonly Entry[] {
  const first = from.number();
  const count = from.array();
  const entries: Entry[] = [];
  let term = 0;
  for (let i = 0; i < count; i++) {
    from.array();
    const mask = from.number();
    if (mask & ENTRY.term) term = from.number();
    entries.push(unpackEntry(from, mask, term, first + i));
  }
  return entries;
}

function unpackEntry(from: Unpacker, mask: number, term: number, index: number): Entry {
  const command = unpackCommand(from, mask & ENTRY.command);
  // Most entries have none of the rest: one shape for those.
  if ((mask & (ENTRY.origin | ENTRY.after | ENTRY.stamp)) === 0) return { term, index, command };
  const origin = mask & ENTRY.origin ? { client: from.string(), sequence: from.number() } : undefined;
  const after = mask & ENTRY.after ? unpackToken(from) : undefined;
  const stampMs = mask & ENTRY.stamp ? from.number() : undefined;
  return {
    term,
    index,
    command,
    ...(origin === undefined ? undefined : { origin }),
    ...(after === undefined ? undefined : { after }),
    ...(stampMs === undefined ? undefined : { stampMs }),
  };
}

function unpackCommand(from: Unpacker, number: number): Command {
  const type = COMMANDS[number];
  switch (type) {
    case 'noop':
      return { type };
    case 'write':
      return { type, key: unpackKey(from), value: from.value() };
    case 'cas':
      return { type, key: unpackKey(from), expected: from.value(), next: from.value() };
    case 'members':
      return { type, members: unpackMembers(from) };
    default:
      throw new Error(`a command has number ${number}`);
  }
}

export function unpackKey(from: Unpacker): string | number {
  const key = from.value();
  if (typeof key !== 'string' && typeof key !== 'number') throw new Error(`a key is ${typeof key}`);
  return key;
}

export function packToken(packer: Packer, token: readonly TokenPart[]): void {
  packer.array(token.length);
  for (const part of token) {
    packer.array(3);
    packer.string(part.group);
    packer.number(part.term);
    packer.number(part.index);
  }
}

export function unpackToken(from: Unpacker): readonly TokenPart[] {
  const parts: TokenPart[] = [];
  for (let left = from.array(); left > 0; left--) {
    from.array();
    parts.push({ group: from.string(), term: from.number(), index: from.number() });
  }
  return parts;
}

export function packPositions(packer: Packer, positions: readonly Position[]): void {
  packer.array(positions.length * 2);
  for (const { term, index } of positions) {
    packer.number(term);
    packer.number(index);
  }
}

export function unpackPositions(from: Unpacker): readonly Position[] {
  const positions: Position[] = [];
  for (let left = from.array() / 2; left > 0; left--) positions.push({ term: from.number(), index: from.number() });
  return positions;
}

export function packMembers(packer: Packer, { voters, learners, addresses }: Membership): void {
  packer.array(addresses === undefined ? 2 : 3);
  packer.value(voters);
  packer.value(learners);
  if (addresses !== undefined) packer.value(addresses);
}

export function unpackMembers(from: Unpacker): Membership {
  const fields = from.array();
  const voters = unpackNames(from);
  const learners = unpackNames(from);
  if (fields === 2) return { voters, learners };
  const addresses = from.value();
  // Written by `packMembers`, and the record's checksum holds.
  return { voters, learners, addresses: addresses as Readonly<Record<NodeId, string>> };
}

function unpackNames(from: Unpacker): readonly NodeId[] {
  const names: NodeId[] = [];
  for (let left = from.array(); left > 0; left--) names.push(from.string());
  return names;
}
