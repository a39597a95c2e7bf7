/**
 * Reads the log from its first segment to its end, and tells a torn end from damage.
 *
 * A record is written only after all before it were synced (`synced` in its head says up to which). So:
 *
 * - a bad record behind which one that holds says it was synced: **damage**, for it had been whole;
 * - a segment that misses records which a later segment follows, or whose head is bad: **damage**, for a segment gets its
 *   name only after its head and first record were synced;
 * - a last segment that is smaller than it was allocated and has no `end`: **damage**, for no power failure shortens a file;
 * - any other bad bytes behind the last record: a **torn end**, the write that was not finished when the process or the
 *   power went. Nothing of it was reported as synced.
 *
 * One case cannot be told: the very last record was synced, and was damaged before anything was written behind it. A
 * `note` is written behind the last record as soon as the log has been idle for a moment, and at a graceful stop; so this
 * needs a power failure or a kill, and then damage to the bytes of the last few milliseconds. It looks like a torn end.
 */
import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { StorageRefused } from '../storage.ts';
import { FORMAT } from './frame.ts';
import { unpackItem } from './items.ts';
import { type Ending, RecordReader, type RecordRead } from './reader.ts';
import type { Replay } from './replay.ts';
import { firstOf, Segment } from './segment.ts';
import { Reader } from '../../wire/bytes.ts';

export interface Place {
  /** Where in `segments` of the recovery, or right behind them: a file that could not be read at all. */
  readonly path: string;
  readonly offset: number;
}

export interface Recovery {
  /** Those with at least one good record, in order. */
  readonly segments: Segment[];
  /** Sequence of the next record. */
  readonly next: number;
  /** Where the last segment's records end, if it has not ended properly. */
  readonly open?: Place;
  readonly torn?: Place & { readonly why: string; readonly bytes: number };
  /** Files from the damaged one on are not read any further. */
  readonly damage?: Place & { readonly why: string; readonly files: readonly string[] };
}

interface Owner {
  readonly cluster: string;
  readonly node: string;
}

export async function readLog(folder: string, owner: Owner, replay: Replay): Promise<Recovery> {
  const names = (await readdir(folder)).filter((name) => firstOf(name) !== undefined).sort();
  const paths = names.map((name) => join(folder, name));
  const segments: Segment[] = [];
  if (paths.length === 0) {
    return { segments, next: 1, damage: { path: folder, offset: 0, why: 'it has no segments', files: [] } };
  }
  let next = firstOf(names[0]) ?? 1;
  let open: Recovery['open'];
  for (const [i, path] of paths.entries()) {
    const damaged = (offset: number, why: string): Recovery => ({
      segments,
      next,
      ...(offset > 0 ? { open: { path, offset } } : undefined),
      damage: { path, offset, why, files: paths.slice(i) },
    });
    const reader = await RecordReader.open(path, 'log');
    if (!(reader instanceof RecordReader)) {
      if (reader.type === 'newer') throw tooNew(path, reader.format);
      return damaged(0, reader.why);
    }
    try {
      refuseOther(reader, owner);
      const { first } = reader.head;
      if (first !== firstOf(basename(path))) return damaged(0, 'its name is not what its head says');
      if (first !== next) return damaged(0, missing(next, first));
      const segment = new Segment(path, first);
      segments.push(segment);
      const read = await readSegment(reader, segment, segments, next, replay);
      next = read.next;
      if (read.type === 'wrong') return damaged(segment.bytes, read.why);
      const isLast = i === paths.length - 1;
      const follows = !isLast && firstOf(names[i + 1]) === next;
      if (follows) continue;
      if (!isLast) return damaged(reader.offset, read.type === 'bad' ? read.why : 'records behind it are missing');
      if (read.type === 'ended') continue;
      if (reader.size < reader.head.allocated) return damaged(reader.offset, 'the file has been cut');
      open = { path, offset: reader.offset };
      if (read.type === 'clean') continue;
      const later = await reader.laterRecord();
      if (later !== undefined && later.synced >= next) return damaged(reader.offset, read.why);
      const bytes = reader.size - reader.offset;
      return { segments, next, open, torn: { path, offset: reader.offset, why: read.why, bytes } };
    } finally {
      await reader.close();
    }
  }
  return { segments, next, ...(open === undefined ? undefined : { open }) };
}

type SegmentRead = { readonly next: number } & (
  | Ending
  | { readonly type: 'ended' }
  /** The checksum holds, and yet it cannot be what was written there. */
  | { readonly type: 'wrong'; readonly why: string }
);

/** Applies the records of a segment up to the first one that is not good. */
async function readSegment(
  reader: RecordReader,
  segment: Segment,
  segments: readonly Segment[],
  first: number,
  replay: Replay,
): Promise<SegmentRead> {
  const from = new Reader();
  for (let next = first; ; next++) {
    segment.bytes = reader.offset;
    let record = reader.next();
    if (record === undefined) {
      const ending = await reader.more();
      if (ending !== undefined) return { next, ...ending };
      record = reader.next();
    }
    if (record === undefined) return { next, type: 'wrong', why: 'a record cannot be read' };
    if (record.sequence !== next) return { next, type: 'wrong', why: missing(next, record.sequence) };
    try {
      if (applyRecord(record, from, segments, replay)) return { next: next + 1, type: 'ended' };
    } catch (error) {
      return { next, type: 'wrong', why: error instanceof Error ? error.message : String(error) };
    }
  }
}

/** Returns whether the segment ends with it. */
function applyRecord(record: RecordRead, from: Reader, segments: readonly Segment[], replay: Replay): boolean {
  from.reset(record.bytes, record.start, record.end);
  let ended = false;
  while (from.left > 0) {
    const item = unpackItem(from);
    replay.apply(item, segments);
    if (item.type === 'end') ended = true;
  }
  return ended;
}

function refuseOther(reader: RecordReader, owner: Owner): void {
  const { cluster, node } = reader.head;
  if (cluster === owner.cluster && node === owner.node) return;
  throw new StorageRefused(
    `${reader.file} belongs to node ${node} of cluster ${cluster}, not to node ${owner.node} of cluster ${owner.cluster}.`,
  );
}

function tooNew(path: string, format: number): StorageRefused {
  return new StorageRefused(`${path} has format ${format}; this program reads formats up to ${FORMAT}.`);
}

function missing(expected: number, found: number): string {
  return `record ${expected} was expected, and record ${found} follows`;
}
