/**
 * A snapshot on disk: a file of its own, named for group, index and term, in portions with a checksum each. It is written
 * under another name, synced, and renamed; the log then says that it is complete.
 */
import { join } from 'node:path';
import type {
  GroupId,
  Position,
  Snapshot,
  SnapshotHead,
  SnapshotReader,
  StoredRequest,
  StoredValue,
} from '../../core/types.ts';
import type { Files } from './files.ts';
import { FORMAT, packHead, RECORD_HEAD_BYTES, sealRecord } from './frame.ts';
import {
  packKey,
  packMembers,
  packPositions,
  packToken,
  packValue,
  unpackKey,
  unpackMembers,
  unpackPositions,
  unpackToken,
  unpackValue,
} from './entries.ts';
import { Writer } from '../../wire/bytes.ts';
import { RecordReader } from './reader.ts';
import { crc32c } from '../../wire/crc32c.ts';
import { Reader } from '../../wire/bytes.ts';

/** Items of a portion: some 100 KB of small values, half a millisecond of work. */
const PORTION_ITEMS = 500;
/** What a value or a request carries beside what each of them has. */
const WITH = { after: 1, mismatch: 2, stamp: 4 } as const;

export interface ImageOwner {
  readonly cluster: string;
  readonly node: string;
  readonly group: GroupId;
}

export function imageName(group: GroupId, { term, index }: Position): string {
  return `${encodeURIComponent(group)}-${String(index).padStart(16, '0')}-${term}.snapshot`;
}

export interface ImageWritten {
  readonly index: number;
  readonly bytes: number;
}

/** Durable under its name when it resolves. `proceed` is awaited between portions; it throws to give up. */
export async function writeImage(
  files: Files,
  folder: string,
  owner: ImageOwner,
  reader: SnapshotReader,
  nowMs: number,
  proceed: () => Promise<void>,
): Promise<ImageWritten> {
  const path = join(folder, imageName(owner.group, reader.head));
  const head = packHead({ kind: 'snapshot', ...owner, first: 1, allocated: 0, madeAtMs: nowMs });
  const seed = crc32c(head, 0, head.length - 4);
  const file = await files.open(`${path}.tmp`, true);
  try {
    await file.write(head, 0);
    let at = head.length;
    const out = new Writer(256 << 10);
    let sequence = 1;
    const put = async (pack: () => void): Promise<void> => {
      out.at = RECORD_HEAD_BYTES;
      pack();
      sealRecord(out.bytes, out.at, seed, sequence++, 0);
      await file.write(out.bytes.subarray(0, out.at), at);
      at += out.at;
    };
    await put(() => packImageHead(out, reader.head));
    for (let portion = reader.next(PORTION_ITEMS); portion !== undefined; portion = reader.next(PORTION_ITEMS)) {
      const { values, requests } = portion;
      await put(() => packPortion(out, values, requests));
      await proceed();
    }
    await put(() => out.array(0));
    await file.sync();
    await file.close();
    await files.rename(`${path}.tmp`, path);
    await files.syncFolder(folder);
    return { index: reader.head.index, bytes: at };
  } catch (error) {
    await file.close().catch(() => undefined);
    await files.remove(`${path}.tmp`).catch(() => undefined);
    throw error;
  }
}

/** All of it, or why it cannot be used. */
export async function readImage(path: string, owner: ImageOwner): Promise<Snapshot | { readonly bad: string }> {
  const reader = await RecordReader.open(path, 'snapshot').catch((error: unknown) => ({
    type: 'bad' as const,
    why: error instanceof Error ? error.message : String(error),
  }));
  if (!(reader instanceof RecordReader)) {
    return { bad: reader.type === 'newer' ? `its format is ${reader.format}, newer than ${FORMAT}` : reader.why };
  }
  try {
    const { cluster, node, group } = reader.head;
    if (cluster !== owner.cluster || node !== owner.node || group !== owner.group) {
      return { bad: `it belongs to node ${node} of cluster ${cluster}, group ${group}` };
    }
    return await readPortions(reader);
  } catch (error) {
    return { bad: error instanceof Error ? error.message : String(error) };
  } finally {
    await reader.close();
  }
}

async function readPortions(reader: RecordReader): Promise<Snapshot | { readonly bad: string }> {
  let head: SnapshotHead | undefined;
  const values: StoredValue[] = [];
  const requests: StoredRequest[] = [];
  for (let sequence = 1; ; sequence++) {
    let record = reader.next();
    if (record === undefined) {
      const ending = await reader.more();
      if (ending !== undefined) {
        return { bad: `${ending.type === 'bad' ? ending.why : 'it ends too early'}, at byte ${reader.offset}` };
      }
      record = reader.next();
    }
    if (record === undefined || record.sequence !== sequence) return { bad: `portion ${sequence} is missing` };
    const from = new Reader();
    from.reset(record.bytes, record.start, record.end);
    const fields = from.array(from.left);
    if (head === undefined) head = unpackImageHead(from);
    else if (fields === 0) return { ...head, values, requests };
    else {
      for (let left = from.array(from.left); left > 0; left--) values.push(unpackStored(from));
      for (let left = from.array(from.left); left > 0; left--) requests.push(unpackRequest(from));
    }
  }
}

function packImageHead(out: Writer, head: SnapshotHead): void {
  const { term, index, members, membersIndex, terms, stampMs } = head;
  out.array(6);
  out.number(term);
  out.number(index);
  packMembers(out, members);
  out.number(membersIndex);
  packPositions(out, terms);
  if (stampMs === undefined) out.nil();
  else out.number(stampMs);
}

function unpackImageHead(from: Reader): SnapshotHead {
  const term = from.number();
  const index = from.number();
  const members = unpackMembers(from);
  const membersIndex = from.number();
  const terms = unpackPositions(from);
  const stampMs = from.nil() ? undefined : from.number();
  const head = { term, index, members, membersIndex, terms };
  return stampMs === undefined ? head : { ...head, stampMs };
}

function packPortion(out: Writer, values: readonly StoredValue[], requests: readonly StoredRequest[]): void {
  out.array(2);
  out.array(values.length);
  for (const { key, value, term, index, after } of values) {
    out.array(after === undefined ? 5 : 6);
    out.number(after === undefined ? 0 : WITH.after);
    packKey(out, key);
    packValue(out, value);
    out.number(term);
    out.number(index);
    if (after !== undefined) packToken(out, after);
  }
  out.array(requests.length);
  for (const { client, sequence, term, index, mismatch, stampMs } of requests) {
    out.array(5 + (mismatch === undefined ? 0 : 3) + (stampMs === undefined ? 0 : 1));
    out.number((mismatch === undefined ? 0 : WITH.mismatch) | (stampMs === undefined ? 0 : WITH.stamp));
    out.string(client);
    out.number(sequence);
    out.number(term);
    out.number(index);
    if (mismatch !== undefined) {
      packValue(out, mismatch.actual);
      out.number(mismatch.version.term);
      out.number(mismatch.version.index);
    }
    if (stampMs !== undefined) out.number(stampMs);
  }
}

function unpackStored(from: Reader): StoredValue {
  from.array(from.left);
  const mask = from.number();
  const stored = { key: unpackKey(from), value: unpackValue(from), term: from.number(), index: from.number() };
  return mask & WITH.after ? { ...stored, after: unpackToken(from) } : stored;
}

function unpackRequest(from: Reader): StoredRequest {
  from.array(from.left);
  const mask = from.number();
  const stored = { client: from.string(from.left), sequence: from.number(), term: from.number(), index: from.number() };
  const mismatch =
    mask & WITH.mismatch
      ? { actual: unpackValue(from), version: { term: from.number(), index: from.number() } }
      : undefined;
  const stampMs = mask & WITH.stamp ? from.number() : undefined;
  return {
    ...stored,
    ...(mismatch === undefined ? undefined : { mismatch }),
    ...(stampMs === undefined ? undefined : { stampMs }),
  };
}

/** An image that is in memory already, as one that is read in portions. */
export function readerOf(snapshot: Snapshot): SnapshotReader {
  const { values, requests, ...head } = snapshot;
  let valueAt = 0;
  let requestAt = 0;
  return {
    head,
    next(most) {
      if (valueAt >= values.length && requestAt >= requests.length) return undefined;
      const portion = {
        values: values.slice(valueAt, valueAt + most),
        requests: requests.slice(requestAt, requestAt + most),
      };
      valueAt += most;
      requestAt += most;
      return portion;
    },
    release: () => undefined,
  };
}
