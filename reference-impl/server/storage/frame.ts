/**
 * How bytes lie in a file of ours, log segment or snapshot: a head, then records.
 *
 * head    magic 8 · format u32 · length of the head u32 · first sequence f64 · allocated f64 · made at f64 · MessagePack
 *         [cluster, node, group] · CRC-32C of all this u32
 * record  mark u32 · CRC-32C u32 · length of the payload u32 · sequence f64 · synced f64 · payload
 *
 * Little-endian. A record's checksum covers all that follows it and is seeded with the head's, so that no record is taken
 * for one of another file. `synced`: up to which sequence the writer knew the records to be on disk when it wrote this one.
 */
import { crc32c } from '../../wire/crc32c.ts';
import { Writer } from '../../wire/bytes.ts';
import { Reader } from '../../wire/bytes.ts';

/** Of the layout of everything in a data directory. A higher one is refused. */
export const FORMAT = 1;
export const RECORD_HEAD_BYTES = 28;
/** Stands before every record, so that those behind a damaged one can be looked for. */
export const RECORD_MARK = Buffer.from([0x9d, 0x54, 0xc3, 0x7a]);
const MARK = RECORD_MARK.readUInt32LE(0);

const FIXED_HEAD_BYTES = 40;
export const FILE_HEAD_BYTES_MAX = 4096;

export type FileKind = 'log' | 'snapshot';
const MAGIC: Readonly<Record<FileKind, string>> = { log: 'TIDE-LOG', snapshot: 'TIDESNAP' };

export interface FileHead {
  readonly kind: FileKind;
  readonly cluster: string;
  readonly node: string;
  /** Of a snapshot; empty in a segment, which all groups share. */
  readonly group: string;
  /** Sequence of the first record. */
  readonly first: number;
  /** What the file was allocated to before its first record was written: it never gets smaller unless it ends properly. */
  readonly allocated: number;
  /** Wall time, ms: makes two files that are equal otherwise differ in their seed. */
  readonly madeAtMs: number;
}

export function packHead(head: FileHead): Buffer {
  const out = new Writer(FIXED_HEAD_BYTES + 256);
  out.at = FIXED_HEAD_BYTES;
  out.array(3);
  out.string(head.cluster);
  out.string(head.node);
  out.string(head.group);
  out.reserve(4);
  const { bytes, at } = out;
  if (at + 4 > FILE_HEAD_BYTES_MAX) throw new Error('the names of cluster, node and group are too long');
  bytes.write(MAGIC[head.kind], 0, 'latin1');
  bytes.writeUInt32LE(FORMAT, 8);
  bytes.writeUInt32LE(at + 4, 12);
  bytes.writeDoubleLE(head.first, 16);
  bytes.writeDoubleLE(head.allocated, 24);
  bytes.writeDoubleLE(head.madeAtMs, 32);
  bytes.writeUInt32LE(crc32c(bytes, 0, at), at);
  return bytes.subarray(0, at + 4);
}

export type HeadRead =
  | { readonly type: 'good'; readonly head: FileHead; readonly bytes: number; readonly seed: number }
  | { readonly type: 'newer'; readonly format: number }
  | { readonly type: 'bad'; readonly why: string };

/** From the first {@link FILE_HEAD_BYTES_MAX} bytes of a file, or all of a shorter one. */
export function readHead(bytes: Buffer, kind: FileKind): HeadRead {
  if (bytes.length < FIXED_HEAD_BYTES + 4) return { type: 'bad', why: 'its head is cut' };
  if (bytes.toString('latin1', 0, 8) !== MAGIC[kind]) return { type: 'bad', why: 'it does not begin like one' };
  const length = bytes.readUInt32LE(12);
  if (length < FIXED_HEAD_BYTES + 4 || length > bytes.length) return { type: 'bad', why: 'its head has no length' };
  const seed = crc32c(bytes, 0, length - 4);
  if (seed !== bytes.readUInt32LE(length - 4)) return { type: 'bad', why: 'the checksum of its head is wrong' };
  const format = bytes.readUInt32LE(8);
  if (format > FORMAT) return { type: 'newer', format };
  const from = new Reader();
  from.reset(bytes, FIXED_HEAD_BYTES, length - 4);
  from.array(from.left);
  const [cluster, node, group] = [from.string(from.left), from.string(from.left), from.string(from.left)];
  const head: FileHead = {
    kind,
    cluster,
    node,
    group,
    first: bytes.readDoubleLE(16),
    allocated: bytes.readDoubleLE(24),
    madeAtMs: bytes.readDoubleLE(32),
  };
  return { type: 'good', head, bytes: length, seed };
}

/** Puts the head before a payload that begins at {@link RECORD_HEAD_BYTES} of `bytes` and ends at `end`. */
export function sealRecord(bytes: Buffer, end: number, seed: number, sequence: number, synced: number): void {
  bytes.writeUInt32LE(MARK, 0);
  bytes.writeUInt32LE(end - RECORD_HEAD_BYTES, 8);
  bytes.writeDoubleLE(sequence, 12);
  bytes.writeDoubleLE(synced, 20);
  bytes.writeUInt32LE(crc32c(bytes, 8, end, seed), 4);
}

/** Where the payload of the record at `at` ends, if the bytes from there are marked like one; undefined otherwise. */
export function recordEnd(bytes: Buffer, at: number): number | undefined {
  if (bytes.readUInt32LE(at) !== MARK) return undefined;
  return at + RECORD_HEAD_BYTES + bytes.readUInt32LE(at + 8);
}

/** Whether the checksum of the record at `at`, which ends at `end`, holds. */
export function recordHolds(bytes: Buffer, at: number, end: number, seed: number): boolean {
  return crc32c(bytes, at + 8, end, seed) === bytes.readUInt32LE(at + 4);
}

export function recordSequence(bytes: Buffer, at: number): number {
  return bytes.readDoubleLE(at + 12);
}

export function recordSynced(bytes: Buffer, at: number): number {
  return bytes.readDoubleLE(at + 20);
}
