/**
 * What of a folder is not on the disk yet, as tm-io.so writes it down while the store writes (the format is in
 * docker/runtime/shims/tm-journal.h), and its loss: so a power cut can be made of a kill, without rights to mount anything.
 */
import {
  closeSync,
  fdatasyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  rmdirSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { machineNs } from '../../../../history/clock.ts';
import type { Random } from '../../../../history/random.ts';

const RING_BYTES = 16 << 20;
const HEAD_BYTES = 64;
const [FIRST, END] = [1, 2];
const FIELD_BYTES = 80;
const [PADDING, DURABLE, ZEROS, CREATED] = [0, 2, 3, 4];
/** What a disk writes at once. */
const SECTOR = 512;
/** Share of power cuts in which the disk had got to some of what was not synced. No disk says: half and half shows both. */
const SOME_REACHED = 0.5;
/** Older records have reached the disk by themselves; as in tm-journal.h. */
const AGE_NS = 30_000_000_000n;

export interface Lost {
  /** Writes of which nothing has reached the disk, and of which a part has. */
  readonly writes: number;
  readonly torn: number;
  readonly bytes: number;
}

interface Written {
  readonly file: string;
  /** It was made then: all there is of it is that it exists. */
  readonly isNew: boolean;
  readonly offset: number;
  readonly length: number;
  /** How long the file was before, and what was there before from `offset` on. */
  readonly size: number;
  readonly before: Uint8Array;
}

export class Journal {
  readonly #file: number;

  constructor(path: string) {
    mkdirSync(dirname(path), { recursive: true });
    this.#file = openSync(path, 'w+');
    ftruncateSync(this.#file, HEAD_BYTES + RING_BYTES);
  }

  /** Whoever held it is dead. */
  unlock(): void {
    writeSync(this.#file, Buffer.alloc(8), 0, 8, 0);
  }

  /**
   * The power was cut: nobody may be writing any more. Loses what was written below `folder` and not synced: all of it, or all
   * but what came first, the write at the border torn sector by sector.
   */
  lose(folder: string, random: Random): Lost {
    this.unlock();
    const writes = this.#pending(folder);
    const reached = random.chance(SOME_REACHED) && writes.length > 0 ? random.below(writes.length) : -1;
    const lost = { writes: 0, torn: 0, bytes: 0 };
    // What is older than a file that was made anew is of another one, removed since, that had the same inode.
    const unmade = new Set<string>();
    for (const [i, write] of [...writes.entries()].reverse()) {
      if (i < reached || unmade.has(write.file)) continue;
      if (i === reached && write.isNew) continue;
      if (i === reached) {
        lost.bytes += tear(write, random);
        lost.torn++;
      } else {
        undo(write);
        if (write.isNew) unmade.add(write.file);
        lost.writes++;
        lost.bytes += write.length;
      }
    }
    this.#clear();
    return lost;
  }

  /** Oldest first. */
  #pending(folder: string): readonly Written[] {
    const [first, end] = this.#ends();
    const bytes = this.#ring(first, end);
    const files = filesBelow(folder);
    const found: Written[] = [];
    const now = machineNs();
    for (let start = 0; start < bytes.length; ) {
      const field = (n: number): bigint => bytes.readBigUInt64LE(start + n * 8);
      const [total, kind] = [Number(field(0)), Number(field(1))];
      if (total <= 0) throw new Error(`the journal of ${folder} is broken at ${first + start}`);
      const pending = kind !== PADDING && kind !== DURABLE && now - field(8) <= AGE_NS;
      const file = pending ? files.get(`${field(3)} ${field(4)}`) : undefined; // it may have been removed since
      if (file !== undefined) {
        const [offset, length, size, kept] = [5, 6, 7, 9].map((n) => Number(field(n)));
        const data = start + FIELD_BYTES;
        const before =
          kind === ZEROS ? new Uint8Array(Math.min(length, size - offset)) : bytes.subarray(data, data + kept);
        found.push({ file, isNew: kind === CREATED, offset, length, size, before });
      }
      start += total;
    }
    return found;
  }

  #clear(): void {
    const end = Buffer.alloc(8);
    end.writeBigUInt64LE(BigInt(this.#ends()[1]));
    writeSync(this.#file, end, 0, 8, FIRST * 8);
  }

  #ends(): readonly [first: number, end: number] {
    const head = Buffer.alloc(HEAD_BYTES);
    readSync(this.#file, head, 0, HEAD_BYTES, 0);
    return [Number(head.readBigUInt64LE(FIRST * 8)), Number(head.readBigUInt64LE(END * 8))];
  }

  /** What is between two positions, in one piece. */
  #ring(first: number, end: number): Buffer {
    const bytes = Buffer.alloc(end - first);
    for (let at = first; at < end; ) {
      const upTo = Math.min(end, (Math.floor(at / RING_BYTES) + 1) * RING_BYTES);
      readSync(this.#file, bytes, at - first, upTo - at, HEAD_BYTES + (at % RING_BYTES));
      at = upTo;
    }
    return bytes;
  }
}

/** By device and inode, as the records name them. */
function filesBelow(folder: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const path = join(folder, name);
    const what = statSync(path, { bigint: true });
    if (what.isFile() || what.isDirectory()) found.set(`${what.dev} ${what.ino}`, path);
  }
  return found;
}

function undo({ file, isNew, offset, size, before }: Written): void {
  if (isNew) return unmake(file);
  const handle = openSync(file, 'r+');
  writeSync(handle, before, 0, before.length, offset);
  if (statSync(file).size !== size) ftruncateSync(handle, size);
  fdatasyncSync(handle);
  closeSync(handle);
}

/** A folder stays where something in it does. */
function unmake(path: string): void {
  if (!statSync(path).isDirectory()) unlinkSync(path);
  else if (readdirSync(path).length === 0) rmdirSync(path);
}

/** Some of its sectors have reached the disk; where the file grew, it may have grown with nothing in it. Bytes that are lost. */
function tear({ file, offset, length, size, before }: Written, random: Random): number {
  const handle = openSync(file, 'r+');
  let bytes = 0;
  for (let at = offset; at < offset + length; ) {
    const next = Math.min(offset + length, (Math.floor(at / SECTOR) + 1) * SECTOR);
    if (random.chance(0.5)) {
      const old = new Uint8Array(next - at);
      old.set(before.subarray(at - offset, next - offset));
      writeSync(handle, old, 0, old.length, at);
      bytes += old.length;
    }
    at = next;
  }
  if (size >= offset + length) return finish(handle, bytes);
  // What it grew by came with its last write, or without.
  if (random.chance(0.5)) {
    const grown = random.between(size, offset + length);
    ftruncateSync(handle, grown);
    bytes += offset + length - grown;
  }
  return finish(handle, bytes);
}

function finish(handle: number, bytes: number): number {
  fdatasyncSync(handle);
  closeSync(handle);
  return bytes;
}
