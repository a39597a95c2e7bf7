/** What clients ask and what they are told, as it travels. Each is led by the client's number for the request. */
import type {
  Acknowledgement,
  CasRequest,
  Loss,
  MembersChange,
  OperatorRequest,
  ReadPath,
  ReadRequest,
  RefusalCode,
  Request,
  Response,
  Role,
  WriteRequest,
} from '../core/types.ts';
import { Malformed } from './bytes.ts';
import type { Reader, Writer } from './bytes.ts';
import { limits, readKey, readMany, readMembers, readMs, readName, readNames, readOptional } from './values.ts';
import { readOrigin, readPart, readPosition, readToken, readValue } from './values.ts';
import { writeKey, writeMembers, writeNames, writeNumber, writeOptional, writeOrigin, writePart } from './values.ts';
import { writePosition, writeToken, writeValue } from './values.ts';
import type { Mutable } from './values.ts';

/** The order is the wire's: new ones go to the end. */
const readPaths: readonly ReadPath[] = [
  'leader',
  'leader-lease',
  'follower-linearizable',
  'follower',
  'local',
  'follower+token',
  'follower+timestamp',
  'bounded',
  'region',
];
const acknowledgements: readonly Acknowledgement[] = ['leader-ack', 'quorum-ack', 'all-ack', 'all-applied'];
const roles: readonly Role[] = ['leader', 'follower', 'candidate', 'learner'];
const refusals: readonly RefusalCode[] = [
  'NOT_LEADER',
  'NOT_READY',
  'OFFSET_NOT_AVAILABLE',
  'TOKEN_UNDONE',
  'TOO_STALE',
  'LEADER_LOST',
  'LAGGING',
  'DISK_SLOW',
  'DISK_FULL',
  'HANDING_OVER',
  'WRONG_GROUP',
  'NOT_A_MEMBER',
  'CHANGE_IN_PROGRESS',
  'NOT_CAUGHT_UP',
  'ORIGIN_TOO_OLD',
  'BAD_REQUEST',
  'ELECTED_OUTSIDE',
];
const doubts = ['LEADERSHIP_LOST', 'TIMEOUT'] as const;

const READ = 0;
const WRITE = 1;
const CAS = 2;
const NOTE = 3;
const SWITCHOVER = 4;
const CHANGE_MEMBERS = 5;
const PROMOTE = 6;

/** Written as its place in the list. */
function writeOneOf<T>(out: Writer, list: readonly T[], item: T): void {
  const place = list.indexOf(item);
  if (place < 0) throw new Error(`${String(item)} is not on the wire's list`);
  out.number(place);
}

function readOneOf<T>(from: Reader, list: readonly T[]): T {
  const place = from.whole();
  if (place >= list.length) throw new Malformed('a word of no known meaning');
  return list[place];
}

export function writeRequest(out: Writer, number: number, body: Request): void {
  out.number(number);
  switch (body.type) {
    case 'read':
      out.number(READ);
      writeRead(out, body);
      break;
    case 'write':
      out.number(WRITE);
      writeKey(out, body.key);
      writeValue(out, body.value);
      writeWriting(out, body);
      break;
    case 'cas':
      out.number(CAS);
      writeKey(out, body.key);
      writeValue(out, body.expected);
      writeValue(out, body.next);
      writeWriting(out, body);
      break;
    case 'note':
      out.number(NOTE);
      out.string(body.user);
      writePart(out, body.token);
      break;
    case 'switchover':
    case 'change-members':
    case 'promote-by-force':
      writeOperator(out, body);
  }
}

export function readRequest(from: Reader): Request {
  const kind = from.whole();
  switch (kind) {
    case READ:
      return readRead(from);
    case WRITE: {
      const request: Mutable<WriteRequest> = { type: 'write', key: readKey(from), value: readValue(from) };
      return readWriting(from, request);
    }
    case CAS: {
      const key = readKey(from);
      const request: Mutable<CasRequest> = { type: 'cas', key, expected: readValue(from), next: readValue(from) };
      return readWriting(from, request);
    }
    case NOTE:
      return { type: 'note', user: readName(from), token: readPart(from) };
    default:
      return readOperator(from, kind);
  }
}

function writeRead(out: Writer, { path, keys, waitMs, token, notBeforeMs, boundMs, user }: ReadRequest): void {
  writeOneOf(out, readPaths, path);
  out.array(keys.length);
  for (const key of keys) writeKey(out, key);
  out.number(waitMs);
  writeOptional(out, token, writePosition);
  writeOptional(out, notBeforeMs, writeNumber);
  writeOptional(out, boundMs, writeNumber);
  writeOptional(out, user, writeString);
}

function readRead(from: Reader): ReadRequest {
  const path = readOneOf(from, readPaths);
  const keys = readMany(from, limits.keys, readKey);
  if (keys.length === 0) throw new Malformed('a read of no keys');
  const request: Mutable<ReadRequest> = { type: 'read', path, keys, waitMs: readMs(from) };
  const token = readOptional(from, readPosition);
  if (token !== undefined) request.token = token;
  const notBeforeMs = readOptional(from, readMs);
  if (notBeforeMs !== undefined) request.notBeforeMs = notBeforeMs;
  const boundMs = readOptional(from, readMs);
  if (boundMs !== undefined) request.boundMs = boundMs;
  const user = readOptional(from, readName);
  if (user !== undefined) request.user = user;
  return request;
}

/** A stamp is not sent: it is put in by the node that takes the request. */
function writeWriting(out: Writer, { ack, origin, after }: WriteRequest | CasRequest): void {
  if (ack === undefined) out.nil();
  else writeOneOf(out, acknowledgements, ack);
  if (origin === undefined) out.nil();
  else {
    writeOrigin(out, origin);
    out.number(origin.since);
  }
  writeOptional(out, after, writeToken);
}

function readWriting<T extends WriteRequest | CasRequest>(from: Reader, request: Mutable<T>): T {
  if (!from.nil()) request.ack = readOneOf(from, acknowledgements);
  if (!from.nil()) {
    const { client, sequence } = readOrigin(from);
    request.origin = { client, sequence, since: from.whole() };
  }
  if (!from.nil()) request.after = readToken(from);
  return request;
}

function writeOperator(out: Writer, body: OperatorRequest): void {
  switch (body.type) {
    case 'switchover':
      out.number(SWITCHOVER);
      writeOptional(out, body.group, writeString);
      writeOptional(out, body.to, writeString);
      break;
    case 'change-members':
      out.number(CHANGE_MEMBERS);
      writeOptional(out, body.group, writeString);
      writeChange(out, body.change);
      break;
    case 'promote-by-force':
      out.number(PROMOTE);
      writeOptional(out, body.group, writeString);
      writeMembers(out, body.members);
      break;
  }
}

function readOperator(from: Reader, kind: number): OperatorRequest {
  if (kind < SWITCHOVER || kind > PROMOTE) throw new Malformed('a request of no known kind');
  const name = readOptional(from, readName);
  const group = name === undefined ? undefined : { group: name };
  if (kind === CHANGE_MEMBERS) return { type: 'change-members', ...group, change: readChange(from) };
  if (kind === PROMOTE) return { type: 'promote-by-force', ...group, members: readMembers(from) };
  const to = readOptional(from, readName);
  return { type: 'switchover', ...group, ...(to !== undefined && { to }) };
}

const ADD_VOTER = 0;
const ADD_LEARNER = 1;
const PROMOTE_LEARNER = 2;
const REMOVE = 3;

function writeChange(out: Writer, change: MembersChange): void {
  if ('add' in change) {
    out.number(change.as === 'voter' ? ADD_VOTER : ADD_LEARNER);
    out.string(change.add);
    writeOptional(out, change.address, writeString);
  } else if ('promote' in change) {
    out.number(PROMOTE_LEARNER);
    out.string(change.promote);
  } else {
    out.number(REMOVE);
    out.string(change.remove);
  }
}

function readChange(from: Reader): MembersChange {
  const kind = from.whole();
  const node = readName(from);
  if (kind === PROMOTE_LEARNER) return { promote: node };
  if (kind === REMOVE) return { remove: node };
  if (kind > REMOVE) throw new Malformed('a change of members of no known kind');
  const address = readOptional(from, (text) => text.string(limits.addressBytes));
  return { add: node, as: kind === ADD_VOTER ? 'voter' : 'learner', ...(address !== undefined && { address }) };
}

function writeString(out: Writer, text: string): void {
  out.string(text);
}

const ANSWER_READ = 0;
const WRITTEN = 1;
const MISMATCH = 2;
const DONE = 3;
const REFUSED = 4;
const UNKNOWN = 5;

export function writeResponse(out: Writer, number: number, response: Response): void {
  out.number(number);
  switch (response.type) {
    case 'read':
      writeAnswer(out, response);
      break;
    case 'written':
      out.number(WRITTEN);
      writePosition(out, response.version);
      writeOneOf(out, roles, response.role);
      writeOptional(out, response.stampMs, writeNumber);
      writeOptional(out, response.commit, writeNumber);
      break;
    case 'mismatch':
      out.number(MISMATCH);
      writeValue(out, response.actual);
      writePosition(out, response.version);
      writeOneOf(out, roles, response.role);
      writeOptional(out, response.commit, writeNumber);
      break;
    case 'done':
      out.number(DONE);
      writePosition(out, response.position);
      writeOptional(out, response.loss, writeLoss);
      break;
    case 'refused':
      out.number(REFUSED);
      writeOneOf(out, refusals, response.code);
      writeOptional(out, response.leader, writeString);
      writeOptional(out, response.commit, writeNumber);
      break;
    case 'unknown':
      out.number(UNKNOWN);
      writeOneOf(out, doubts, response.code);
      writeOptional(out, response.waitingFor, writeNames);
      break;
  }
}

type Answer<T extends Response['type']> = Mutable<Extract<Response, { type: T }>>;

function writeAnswer(out: Writer, { values, versions, position, role, after }: Answer<'read'>): void {
  out.number(ANSWER_READ);
  out.array(values.length);
  for (let i = 0; i < values.length; i++) {
    writeValue(out, values[i]);
    writeOptional(out, versions[i], writePosition);
  }
  writePosition(out, position);
  writeOneOf(out, roles, role);
  writeOptional(out, after, writeToken);
}

function readAnswer(from: Reader): Response {
  const count = from.array(limits.keys);
  const values = [];
  const versions = [];
  for (let i = 0; i < count; i++) {
    values.push(readValue(from));
    versions.push(from.nil() ? undefined : readPosition(from));
  }
  const position = readPosition(from);
  const answer: Answer<'read'> = { type: 'read', values, versions, position, role: readOneOf(from, roles) };
  if (!from.nil()) answer.after = readToken(from);
  return answer;
}

export function readResponse(from: Reader): Response {
  switch (from.whole()) {
    case ANSWER_READ:
      return readAnswer(from);
    case WRITTEN: {
      const version = readPosition(from);
      const written: Answer<'written'> = { type: 'written', version, role: readOneOf(from, roles) };
      if (!from.nil()) written.stampMs = readMs(from);
      if (!from.nil()) written.commit = from.whole();
      return written;
    }
    case MISMATCH: {
      const actual = readValue(from);
      const version = readPosition(from);
      const mismatch: Answer<'mismatch'> = { type: 'mismatch', actual, version, role: readOneOf(from, roles) };
      if (!from.nil()) mismatch.commit = from.whole();
      return mismatch;
    }
    case DONE: {
      const done: Answer<'done'> = { type: 'done', position: readPosition(from) };
      if (!from.nil()) done.loss = readLoss(from);
      return done;
    }
    case REFUSED: {
      const refused: Answer<'refused'> = { type: 'refused', code: readOneOf(from, refusals) };
      if (!from.nil()) refused.leader = readName(from);
      if (!from.nil()) refused.commit = from.whole();
      return refused;
    }
    case UNKNOWN: {
      const unknown: Answer<'unknown'> = { type: 'unknown', code: readOneOf(from, doubts) };
      if (!from.nil()) unknown.waitingFor = readNames(from);
      return unknown;
    }
    default:
      throw new Malformed('an answer of no known kind');
  }
}

function writeLoss(out: Writer, { last, commitHeard }: Loss): void {
  writePosition(out, last);
  out.number(commitHeard);
}

function readLoss(from: Reader): Loss {
  return { last: readPosition(from), commitHeard: from.whole() };
}
