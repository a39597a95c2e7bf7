/** What replicas say to each other, as it travels. */
import type { Append, Message, SnapshotPart } from '../core/messages.ts';
import type { Entry, SnapshotHead, TermStart } from '../core/types.ts';
import { Malformed, Writer } from './bytes.ts';
import type { Reader } from './bytes.ts';
import { readEntry, readMany, readMembers, readMs, readOptional, readPosition } from './values.ts';
import { readStoredRequest, readStoredValue, writeEntry, writeMembers, writeNumber, writeOptional } from './values.ts';
import { writePosition, writeStoredRequest, writeStoredValue } from './values.ts';
import type { Mutable } from './values.ts';

/** The order is the wire's: new ones go to the end. */
const kinds: readonly Message['type'][] = [
  'append',
  'appended',
  'rejected',
  'commit',
  'pre-vote',
  'pre-vote-answer',
  'vote',
  'vote-answer',
  'snapshot-part',
  'snapshot-taken',
  'probe',
  'probed',
  'stand-now',
];

export function writeMessage(out: Writer, message: Message): void {
  const kind = kinds.indexOf(message.type);
  if (kind < 0) throw new Error(`${message.type} is not on the wire's list`);
  out.number(kind);
  out.number(message.term);
  switch (message.type) {
    case 'append':
      out.number(message.prevIndex);
      out.number(message.prevTerm);
      out.number(message.commit);
      out.number(message.round);
      writeEntries(out, message.entries);
      break;
    case 'appended':
      out.number(message.durable);
      out.number(message.verified);
      out.number(message.round);
      out.number(message.served);
      out.boolean(message.full === true);
      break;
    case 'rejected':
      out.number(message.prevIndex);
      out.number(message.hintIndex);
      out.number(message.hintTerm);
      out.number(message.round);
      out.boolean(message.rebuild === true);
      out.boolean(message.full === true);
      out.boolean(message.damaged === true);
      break;
    case 'commit':
      out.number(message.index);
      out.boolean(message.answer === true);
      break;
    case 'pre-vote':
      out.number(message.campaign);
      out.number(message.lastIndex);
      out.number(message.lastTerm);
      break;
    case 'pre-vote-answer':
      out.number(message.campaign);
      out.boolean(message.granted);
      break;
    case 'vote':
      out.number(message.lastIndex);
      out.number(message.lastTerm);
      out.boolean(message.handover === true);
      break;
    case 'vote-answer':
      out.boolean(message.granted);
      break;
    case 'snapshot-part':
      writeSnapshotPart(out, message);
      break;
    case 'snapshot-taken':
      out.number(message.index);
      out.number(message.parts);
      out.boolean(message.done);
      out.number(message.round);
      break;
    case 'probe':
      out.number(message.id);
      break;
    case 'probed':
      out.number(message.id);
      out.number(message.commit);
      out.number(message.last);
      break;
    case 'stand-now':
      out.number(message.lastIndex);
      out.boolean(message.chosen);
      break;
  }
}

export function readMessage(from: Reader): Message {
  const kind = from.whole();
  if (kind >= kinds.length) throw new Malformed('a message of no known kind');
  const type = kinds[kind];
  const term = from.whole();
  switch (type) {
    case 'append':
      return readAppend(from, term);
    case 'appended': {
      const durable = from.whole();
      const verified = from.whole();
      const appended = { type, term, durable, verified, round: from.whole(), served: from.whole() };
      return from.boolean() ? { ...appended, full: true } : appended;
    }
    case 'rejected': {
      const prevIndex = from.whole();
      const hintIndex = from.whole();
      const rejected = { type, term, prevIndex, hintIndex, hintTerm: from.whole(), round: from.whole() };
      const rebuild = from.boolean() ? ({ rebuild: true } as const) : undefined;
      const full = from.boolean() ? ({ full: true } as const) : undefined;
      return { ...rejected, ...rebuild, ...full, ...(from.boolean() ? ({ damaged: true } as const) : undefined) };
    }
    case 'commit': {
      const index = from.whole();
      return from.boolean() ? { type, term, index, answer: true } : { type, term, index };
    }
    case 'pre-vote':
      return { type, term, campaign: from.whole(), lastIndex: from.whole(), lastTerm: from.whole() };
    case 'pre-vote-answer':
      return { type, term, campaign: from.whole(), granted: from.boolean() };
    case 'vote': {
      const vote = { type, term, lastIndex: from.whole(), lastTerm: from.whole() };
      return from.boolean() ? { ...vote, handover: true } : vote;
    }
    case 'vote-answer':
      return { type, term, granted: from.boolean() };
    case 'snapshot-part':
      return readSnapshotPart(from, term);
    case 'snapshot-taken':
      return {
        type,
        term,
        index: from.whole(),
        parts: from.whole(),
        done: from.boolean(),
        round: from.whole(),
      };
    case 'probe':
      return { type, term, id: readMs(from) };
    case 'probed':
      return { type, term, id: readMs(from), commit: from.whole(), last: from.whole() };
    case 'stand-now':
      return { type, term, lastIndex: from.whole(), chosen: from.boolean() };
  }
}

/**
 * The batch that was written last, for its entries mostly go to every other member next. Told by its ends: entries are
 * never changed, and what lies between two of one log is always the same.
 */
const lastBatch: { entries: readonly Entry[]; readonly out: Writer } = { entries: [], out: new Writer(4096) };
/** A larger one makes room when the next one is written. */
const LAST_BATCH_BYTES = 1024 * 1024;

function writeEntries(out: Writer, entries: readonly Entry[]): void {
  out.array(entries.length);
  if (entries.length === 0) return;
  batchBytes(entries);
  out.raw(lastBatch.out.bytes.subarray(0, lastBatch.out.at));
}

/** How many bytes these entries take; they are written already when they are asked for next. */
export function batchBytes(entries: readonly Entry[]): number {
  const { length } = entries;
  if (length === 0) return 0;
  const { out, entries: last } = lastBatch;
  if (last.length !== length || last[0] !== entries[0] || last[length - 1] !== entries[length - 1]) {
    lastBatch.entries = [];
    if (out.bytes.length > LAST_BATCH_BYTES) out.bytes = Buffer.allocUnsafeSlow(4096);
    out.at = 0;
    for (const entry of entries) writeEntry(out, entry);
    lastBatch.entries = entries;
  }
  return out.at;
}

function readAppend(from: Reader, term: number): Append {
  const prevIndex = from.whole();
  const prevTerm = from.whole();
  const commit = from.whole();
  const round = from.whole();
  const count = from.array(from.left);
  const entries: Entry[] = [];
  for (let i = 1; i <= count; i++) entries.push(readEntry(from, prevIndex + i));
  return { type: 'append', term, prevIndex, prevTerm, entries, commit, round };
}

function writeSnapshotPart(out: Writer, { head, part, last, round, values, requests }: SnapshotPart): void {
  writeHead(out, head);
  out.number(part);
  out.boolean(last);
  out.number(round);
  out.array(values.length);
  for (const value of values) writeStoredValue(out, value);
  out.array(requests.length);
  for (const request of requests) writeStoredRequest(out, request);
}

function readSnapshotPart(from: Reader, term: number): SnapshotPart {
  return {
    type: 'snapshot-part',
    term,
    head: readHead(from),
    part: from.whole(),
    last: from.boolean(),
    round: from.whole(),
    values: readMany(from, from.left, readStoredValue),
    requests: readMany(from, from.left, readStoredRequest),
  };
}

function writeHead(out: Writer, head: SnapshotHead): void {
  writePosition(out, head);
  writeMembers(out, head.members);
  out.number(head.membersIndex);
  out.array(head.terms.length);
  for (const start of head.terms) writePosition(out, start);
  writeOptional(out, head.stampMs, writeNumber);
}

function readHead(from: Reader): SnapshotHead {
  const { term, index } = readPosition(from);
  const head: Mutable<SnapshotHead> = {
    term,
    index,
    members: readMembers(from),
    membersIndex: from.whole(),
    terms: readMany<TermStart>(from, from.left, readPosition),
  };
  const stampMs = readOptional(from, readMs);
  if (stampMs !== undefined) head.stampMs = stampMs;
  return head;
}
