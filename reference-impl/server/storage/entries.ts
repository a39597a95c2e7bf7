/** Entries and their parts in MessagePack, as the log and the images have them. Not as they travel: this layout lasts. */
import type { Command, Entry, Key, Membership, NodeId, Position, TokenPart, Value } from '../../core/types.ts';
import type { Reader, Writer } from '../../wire/bytes.ts';
import { writePlain } from '../../wire/values.ts';

/** Arrays and maps within a value. What came over the wire is less deep. */
const DEPTH = 64;

const COMMANDS = ['noop', 'write', 'cas', 'members'] as const;
/** Which fields of an entry are there, beside the number of its command in the lowest bits. */
const ENTRY = { command: 3, term: 4, origin: 8, after: 16, stamp: 32 } as const;

/** The first index, then the entries one after another; an entry says its term where it is not that of the one before. */
export function packEntries(out: Writer, entries: readonly Entry[]): void {
  out.number(entries[0].index);
  out.array(entries.length);
  let term = 0;
  for (const entry of entries) {
    packEntry(out, entry, entry.term !== term);
    term = entry.term;
  }
}

function packEntry(out: Writer, entry: Entry, withTerm: boolean): void {
  const { command, origin, after, stampMs } = entry;
  const mask =
    COMMANDS.indexOf(command.type) |
    (withTerm ? ENTRY.term : 0) |
    (origin === undefined ? 0 : ENTRY.origin) |
    (after === undefined ? 0 : ENTRY.after) |
    (stampMs === undefined ? 0 : ENTRY.stamp);
  const ofCommand = command.type === 'noop' ? 0 : command.type === 'write' ? 2 : command.type === 'cas' ? 3 : 1;
  out.array(1 + (withTerm ? 1 : 0) + ofCommand + (origin ? 2 : 0) + (after ? 1 : 0) + (stampMs === undefined ? 0 : 1));
  out.number(mask);
  if (withTerm) out.number(entry.term);
  packCommand(out, command);
  if (origin !== undefined) {
    out.string(origin.client);
    out.number(origin.sequence);
  }
  if (after !== undefined) packToken(out, after);
  if (stampMs !== undefined) out.number(stampMs);
}

function packCommand(out: Writer, command: Command): void {
  switch (command.type) {
    case 'noop':
      return;
    case 'write':
      packKey(out, command.key);
      packValue(out, command.value);
      return;
    case 'cas':
      packKey(out, command.key);
      packValue(out, command.expected);
      packValue(out, command.next);
      return;
    case 'members':
      packMembers(out, command.members);
      return;
  }
}

export function unpackEntries(from: Reader): readonly Entry[] {
  const first = from.number();
  const count = from.array(from.left);
  const entries: Entry[] = [];
  let term = 0;
  for (let i = 0; i < count; i++) {
    from.array(from.left);
    const mask = from.number();
    if (mask & ENTRY.term) term = from.number();
    entries.push(unpackEntry(from, mask, term, first + i));
  }
  return entries;
}

function unpackEntry(from: Reader, mask: number, term: number, index: number): Entry {
  const command = unpackCommand(from, mask & ENTRY.command);
  // Most entries have none of the rest: one shape for those.
  if ((mask & (ENTRY.origin | ENTRY.after | ENTRY.stamp)) === 0) return { term, index, command };
  const origin = mask & ENTRY.origin ? { client: from.string(from.left), sequence: from.number() } : undefined;
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

function unpackCommand(from: Reader, number: number): Command {
  const type = COMMANDS[number];
  switch (type) {
    case 'noop':
      return { type };
    case 'write':
      return { type, key: unpackKey(from), value: unpackValue(from) };
    case 'cas':
      return { type, key: unpackKey(from), expected: unpackValue(from), next: unpackValue(from) };
    case 'members':
      return { type, members: unpackMembers(from) };
    default:
      throw new Error(`a command has number ${number}`);
  }
}

export function packKey(out: Writer, key: Key): void {
  if (typeof key === 'string') out.string(key);
  else out.number(key);
}

export function unpackKey(from: Reader): Key {
  return from.isString() ? from.string(from.left) : from.number();
}

export function packValue(out: Writer, value: Value): void {
  writePlain(out, value, DEPTH);
}

export function unpackValue(from: Reader): Value {
  return from.plain(DEPTH);
}

export function packToken(out: Writer, token: readonly TokenPart[]): void {
  out.array(token.length);
  for (const part of token) {
    out.array(3);
    out.string(part.group);
    out.number(part.term);
    out.number(part.index);
  }
}

export function unpackToken(from: Reader): readonly TokenPart[] {
  const parts: TokenPart[] = [];
  for (let left = from.array(from.left); left > 0; left--) {
    from.array(from.left);
    parts.push({ group: from.string(from.left), term: from.number(), index: from.number() });
  }
  return parts;
}

export function packPositions(out: Writer, positions: readonly Position[]): void {
  out.array(positions.length * 2);
  for (const { term, index } of positions) {
    out.number(term);
    out.number(index);
  }
}

export function unpackPositions(from: Reader): readonly Position[] {
  const positions: Position[] = [];
  for (let left = from.array(from.left) / 2; left > 0; left--)
    positions.push({ term: from.number(), index: from.number() });
  return positions;
}

export function packMembers(out: Writer, { voters, learners, addresses }: Membership): void {
  out.array(addresses === undefined ? 2 : 3);
  packValue(out, voters);
  packValue(out, learners);
  if (addresses !== undefined) packValue(out, addresses);
}

export function unpackMembers(from: Reader): Membership {
  const fields = from.array(from.left);
  const voters = unpackNames(from);
  const learners = unpackNames(from);
  if (fields === 2) return { voters, learners };
  const addresses = unpackValue(from);
  // Written by `packMembers`, and the record's checksum holds.
  return { voters, learners, addresses: addresses as Readonly<Record<NodeId, string>> };
}

function unpackNames(from: Reader): readonly NodeId[] {
  const names: NodeId[] = [];
  for (let left = from.array(from.left); left > 0; left--) names.push(from.string(from.left));
  return names;
}
