/** Keys, values, positions, tokens, entries and members as they travel. Arrays by place; optional fields nil. */
import type {
  Command,
  Entry,
  Key,
  Membership,
  Origin,
  Position,
  StoredRequest,
  StoredValue,
  Token,
  TokenPart,
  Value,
} from '../core/types.ts';
import { Malformed, Unsendable } from './bytes.ts';
import type { Reader, Writer } from './bytes.ts';

/** Limits of what is taken and sent, bytes of MessagePack unless said otherwise. */
export const limits = {
  keyBytes: 1024,
  valueBytes: 64 * 1024,
  /** Arrays and maps within a value. */
  depth: 32,
  /** Names of nodes, groups, clients, users. */
  nameBytes: 128,
  addressBytes: 300,
  /** Keys of one read. */
  keys: 1000,
  members: 64,
  groups: 256,
} as const;

export function writeKey(out: Writer, key: Key): void {
  const start = out.at;
  if (typeof key === 'string') out.string(key);
  else out.number(key);
  if (out.at - start > limits.keyBytes + 3) throw new Unsendable(`a key of more than ${limits.keyBytes} bytes`);
}

export function readKey(from: Reader): Key {
  return from.isString() ? from.string(limits.keyBytes) : from.number();
}

export function writeValue(out: Writer, value: Value): void {
  const start = out.at;
  writePlain(out, value, limits.depth);
  if (out.at - start > limits.valueBytes) throw new Unsendable(`a value of more than ${limits.valueBytes} bytes`);
}

/** Without the limit on its bytes. */
export function writePlain(out: Writer, value: Value, depth: number): void {
  if (typeof value === 'string') out.string(value);
  else if (typeof value === 'number') out.number(value);
  else if (typeof value === 'boolean') out.boolean(value);
  else if (value === null) out.nil();
  else if (typeof value !== 'object') throw new Unsendable(`a value of type ${typeof value}`);
  else if (depth <= 0) throw new Unsendable('a value nested too deeply');
  else if (Array.isArray(value)) {
    out.array(value.length);
    for (const item of value as readonly Value[]) writePlain(out, item, depth - 1);
  } else {
    const fields = Object.entries(value);
    out.map(fields.length);
    for (const [name, field] of fields) {
      if (name === '__proto__') throw new Unsendable("a field named '__proto__'");
      out.string(name);
      writePlain(out, field, depth - 1);
    }
  }
}

export function readValue(from: Reader): Value {
  const start = from.at;
  const value = from.plain(limits.depth);
  if (from.at - start > limits.valueBytes) throw new Malformed(`a value of more than ${limits.valueBytes} bytes`);
  return value;
}

export function writePosition(out: Writer, { term, index }: Position): void {
  out.number(term);
  out.number(index);
}

export function readPosition(from: Reader): Position {
  return { term: from.whole(), index: from.whole() };
}

export function writeOptional<T>(out: Writer, value: T | undefined, write: (out: Writer, value: T) => void): void {
  if (value === undefined) out.nil();
  else write(out, value);
}

export function readOptional<T>(from: Reader, read: (from: Reader) => T): T | undefined {
  return from.nil() ? undefined : read(from);
}

export function writePart(out: Writer, part: TokenPart): void {
  out.string(part.group);
  writePosition(out, part);
}

export function readPart(from: Reader): TokenPart {
  return { group: readName(from), term: from.whole(), index: from.whole() };
}

export function writeToken(out: Writer, token: Token): void {
  out.array(token.length);
  for (const part of token) writePart(out, part);
}

export function readToken(from: Reader): Token {
  return readMany(from, limits.groups, readPart);
}

export function readName(from: Reader): string {
  return from.string(limits.nameBytes);
}

/** A number of milliseconds, 0 or above. */
export function readMs(from: Reader): number {
  const ms = from.number();
  if (ms < 0) throw new Malformed('a time below 0');
  return ms;
}

export function readMany<T>(from: Reader, most: number, read: (from: Reader) => T): T[] {
  const count = from.array(most);
  const items: T[] = [];
  for (let i = 0; i < count; i++) items.push(read(from));
  return items;
}

export function writeNames(out: Writer, names: readonly string[]): void {
  out.array(names.length);
  for (const name of names) out.string(name);
}

export function readNames(from: Reader): string[] {
  return readMany(from, limits.members, readName);
}

export function writeMembers(out: Writer, { voters, learners, addresses = {} }: Membership): void {
  writeNames(out, voters);
  writeNames(out, learners);
  const known = Object.entries(addresses);
  out.array(known.length);
  for (const [node, address] of known) {
    out.string(node);
    out.string(address);
  }
}

export function readMembers(from: Reader): Membership {
  const voters = readNames(from);
  const learners = readNames(from);
  const known = readMany(from, limits.members, (pair) => [readName(pair), pair.string(limits.addressBytes)] as const);
  if (known.length === 0) return { voters, learners };
  return { voters, learners, addresses: Object.fromEntries(known) };
}

export function writeOrigin(out: Writer, { client, sequence }: Origin): void {
  out.string(client);
  out.number(sequence);
}

export function readOrigin(from: Reader): Origin {
  return { client: readName(from), sequence: from.whole() };
}

const NOOP = 0;
const WRITE = 1;
const CAS = 2;
const MEMBERS = 3;
/** Added to an entry's kind for each thing that it carries. */
const WITH_ORIGIN = 8;
const WITH_AFTER = 16;
const WITH_STAMP = 32;

export function writeEntry(out: Writer, entry: Entry): void {
  const { command, origin, after, stampMs } = entry;
  const carries =
    (origin === undefined ? 0 : WITH_ORIGIN) +
    (after === undefined ? 0 : WITH_AFTER) +
    (stampMs === undefined ? 0 : WITH_STAMP);
  out.number(kindOf(command) + carries);
  out.number(entry.term);
  switch (command.type) {
    case 'noop':
      break;
    case 'write':
      writeKey(out, command.key);
      writeValue(out, command.value);
      break;
    case 'cas':
      writeKey(out, command.key);
      writeValue(out, command.expected);
      writeValue(out, command.next);
      break;
    case 'members':
      writeMembers(out, command.members);
      break;
  }
  if (origin !== undefined) writeOrigin(out, origin);
  if (after !== undefined) writeToken(out, after);
  if (stampMs !== undefined) out.number(stampMs);
}

function kindOf(command: Command): number {
  switch (command.type) {
    case 'noop':
      return NOOP;
    case 'write':
      return WRITE;
    case 'cas':
      return CAS;
    case 'members':
      return MEMBERS;
  }
}

/** The entries of an append follow one another: their index is not sent. */
export function readEntry(from: Reader, index: number): Entry {
  const kind = from.whole();
  if (kind >= 2 * WITH_STAMP) throw new Malformed('an entry of no known kind');
  const term = from.whole();
  const entry: Mutable<Entry> = { term, index, command: readCommand(from, kind & 7) };
  if (kind & WITH_ORIGIN) entry.origin = readOrigin(from);
  if (kind & WITH_AFTER) entry.after = readToken(from);
  if (kind & WITH_STAMP) entry.stampMs = readMs(from);
  return entry;
}

/** For what is put together field by field: spreading the optional ones would cost more than reading them. */
export type Mutable<T> = { -readonly [Name in keyof T]: T[Name] };

function readCommand(from: Reader, kind: number): Command {
  switch (kind) {
    case NOOP:
      return { type: 'noop' };
    case WRITE:
      return { type: 'write', key: readKey(from), value: readValue(from) };
    case CAS:
      return { type: 'cas', key: readKey(from), expected: readValue(from), next: readValue(from) };
    case MEMBERS:
      return { type: 'members', members: readMembers(from) };
    default:
      throw new Malformed('an entry of no known kind');
  }
}

export function writeNumber(out: Writer, value: number): void {
  out.number(value);
}

export function writeStoredValue(out: Writer, stored: StoredValue): void {
  writeKey(out, stored.key);
  writeValue(out, stored.value);
  writePosition(out, stored);
  writeOptional(out, stored.after, writeToken);
}

export function readStoredValue(from: Reader): StoredValue {
  const key = readKey(from);
  const value = readValue(from);
  const { term, index } = readPosition(from);
  const after = readOptional(from, readToken);
  return { key, value, term, index, ...(after && { after }) };
}

export function writeStoredRequest(out: Writer, stored: StoredRequest): void {
  writeOrigin(out, stored);
  writePosition(out, stored);
  writeOptional(out, stored.stampMs, writeNumber);
  writeOptional(out, stored.mismatch, (to, found) => {
    writePosition(to, found.version);
    writeValue(to, found.actual);
  });
}

export function readStoredRequest(from: Reader): StoredRequest {
  const { client, sequence } = readOrigin(from);
  const { term, index } = readPosition(from);
  const stored: Mutable<StoredRequest> = { client, sequence, term, index };
  if (!from.nil()) stored.stampMs = readMs(from);
  if (!from.nil()) stored.mismatch = { version: readPosition(from), actual: readValue(from) };
  return stored;
}
