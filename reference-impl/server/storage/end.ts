/** Ends a segment that its process did not end: an `end` behind its last good record, and nothing behind that. */
import { open } from 'node:fs/promises';
import type { Files } from './files.ts';
import { FILE_HEAD_BYTES_MAX, RECORD_HEAD_BYTES, readHead, sealRecord } from './frame.ts';
import { packEnd } from './items.ts';
import { Writer } from '../../wire/bytes.ts';
import type { Place } from './recover.ts';

/** `sequence`: of the record that ends it. */
export async function endSegment(files: Files, { path, offset }: Place, sequence: number): Promise<void> {
  const seed = await seedOf(path);
  const file = await files.open(path, false);
  try {
    // What was read may have been in the kernel's memory alone: after `kill -9` it need not be on disk.
    await file.sync();
    const out = new Writer(64);
    out.at = RECORD_HEAD_BYTES;
    packEnd(out);
    sealRecord(out.bytes, out.at, seed, sequence, sequence - 1);
    await file.write(out.bytes.subarray(0, out.at), offset);
    await file.sync();
    await file.truncate(offset + out.at);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function seedOf(path: string): Promise<number> {
  const handle = await open(path, 'r');
  try {
    const bytes = Buffer.alloc(FILE_HEAD_BYTES_MAX);
    const { bytesRead } = await handle.read(bytes, 0, bytes.length, 0);
    const read = readHead(bytes.subarray(0, bytesRead), 'log');
    if (read.type !== 'good') throw new Error(`${path} had a good head a moment ago`);
    return read.seed;
  } finally {
    await handle.close();
  }
}
