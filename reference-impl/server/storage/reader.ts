/** Reads a file of ours record after record, in large chunks; says how it ends, and what is wrong where something is. */
import { type FileHandle, open } from 'node:fs/promises';
import {
  FILE_HEAD_BYTES_MAX,
  type FileHead,
  type FileKind,
  RECORD_HEAD_BYTES,
  RECORD_MARK,
  readHead,
  recordEnd,
  recordHolds,
  recordSequence,
  recordSynced,
} from './frame.ts';

const CHUNK_BYTES = 4 << 20;

export interface RecordRead {
  readonly sequence: number;
  readonly synced: number;
  /** Of the payload, in `bytes`. They are another record's after the next call. */
  readonly start: number;
  readonly end: number;
  readonly bytes: Buffer;
}

export type Ending =
  /** Nothing but zeros, or nothing at all, comes behind the last record. */
  { readonly type: 'clean' } | { readonly type: 'bad'; readonly why: string };

export class RecordReader {
  readonly file: string;
  /** Bytes in the file. */
  readonly size: number;
  readonly head: FileHead;
  readonly #seed: number;
  readonly #handle: FileHandle;
  #chunk: Buffer;
  /** What of `#chunk` has been read and not been handed out; the file's bytes from `#offset` on. */
  #start = 0;
  #end = 0;
  #offset: number;

  private constructor(file: string, handle: FileHandle, size: number, head: FileHead, at: number, seed: number) {
    this.file = file;
    this.#handle = handle;
    this.size = size;
    this.#chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, size));
    this.head = head;
    this.#offset = at;
    this.#seed = seed;
  }

  /** The head first. Where it is not good, nothing is left open. */
  static async open(
    file: string,
    kind: FileKind,
  ): Promise<RecordReader | { readonly type: 'newer'; readonly format: number } | { type: 'bad'; why: string }> {
    const handle = await open(file, 'r');
    try {
      const { size } = await handle.stat();
      const bytes = Buffer.alloc(Math.min(size, FILE_HEAD_BYTES_MAX));
      await handle.read(bytes, 0, bytes.length, 0);
      const read = readHead(bytes, kind);
      if (read.type === 'good') return new RecordReader(file, handle, size, read.head, read.bytes, read.seed);
      await handle.close();
      return read;
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** Where the next record begins, or would. */
  get offset(): number {
    return this.#offset;
  }

  /** The next record, if all of it is in memory: otherwise {@link more} goes on. */
  next(): RecordRead | undefined {
    if (this.#end - this.#start < RECORD_HEAD_BYTES) return undefined;
    const at = this.#start;
    const end = recordEnd(this.#chunk, at);
    if (end === undefined || end > this.#end || !recordHolds(this.#chunk, at, end, this.#seed)) return undefined;
    this.#start = end;
    this.#offset += end - at;
    return {
      sequence: recordSequence(this.#chunk, at),
      synced: recordSynced(this.#chunk, at),
      start: at + RECORD_HEAD_BYTES,
      end,
      bytes: this.#chunk,
    };
  }

  /** Reads on, so that `next` has a whole record or there is none: then it says how the file ends. */
  async more(): Promise<Ending | undefined> {
    const needed = await this.#fill(RECORD_HEAD_BYTES);
    if (needed < RECORD_HEAD_BYTES) return (await this.#zeros()) ? { type: 'clean' } : bad('a record is cut');
    const at = this.#start;
    const end = recordEnd(this.#chunk, at);
    if (end === undefined) return (await this.#zeros()) ? { type: 'clean' } : bad('no record begins there');
    const length = end - at;
    if (length > this.size - this.#offset) return bad('a record says it is longer than the file');
    if ((await this.#fill(length)) < length) return bad('a record is cut');
    const holds = recordHolds(this.#chunk, this.#start, this.#start + length, this.#seed);
    return holds ? undefined : bad('the checksum of a record is wrong');
  }

  /** Looks behind the offset for a record that holds; for when the one there does not. */
  async laterRecord(): Promise<Pick<RecordRead, 'sequence' | 'synced'> | undefined> {
    const bytes = Buffer.allocUnsafe(this.size - this.#offset);
    const { bytesRead } = await this.#handle.read(bytes, 0, bytes.length, this.#offset);
    for (let at = bytes.indexOf(RECORD_MARK, 1); at !== -1; at = bytes.indexOf(RECORD_MARK, at + 1)) {
      if (at + RECORD_HEAD_BYTES > bytesRead) return undefined;
      const end = recordEnd(bytes, at);
      if (end !== undefined && end <= bytesRead && recordHolds(bytes, at, end, this.#seed)) {
        return { sequence: recordSequence(bytes, at), synced: recordSynced(bytes, at) };
      }
    }
    return undefined;
  }

  close(): Promise<void> {
    return this.#handle.close();
  }

  /** Has `count` bytes from the offset on in memory, or all that there are; returns how many. */
  async #fill(count: number): Promise<number> {
    if (this.#end - this.#start >= count) return count;
    const rest = this.#chunk.subarray(this.#start, this.#end);
    if (count > this.#chunk.length) {
      const larger = Buffer.allocUnsafe(count);
      larger.set(rest);
      this.#chunk = larger;
    } else this.#chunk.set(rest);
    this.#start = 0;
    this.#end = rest.length;
    while (this.#end < count) {
      const room = this.#chunk.length - this.#end;
      const { bytesRead } = await this.#handle.read(this.#chunk, this.#end, room, this.#offset + this.#end);
      if (bytesRead === 0) break;
      this.#end += bytesRead;
    }
    return this.#end;
  }

  /** Whether nothing but zeros comes from the offset on. */
  async #zeros(): Promise<boolean> {
    let at = this.#offset;
    const bytes = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, this.size - at));
    while (at < this.size) {
      const { bytesRead } = await this.#handle.read(bytes, 0, bytes.length, at);
      if (bytesRead === 0) return true;
      if (!allZero(bytes, bytesRead)) return false;
      at += bytesRead;
    }
    return true;
  }
}

function bad(why: string): Ending {
  return { type: 'bad', why };
}

const ZEROS = Buffer.alloc(1 << 16);

function allZero(bytes: Buffer, length: number): boolean {
  for (let at = 0; at < length; at += ZEROS.length) {
    const end = Math.min(at + ZEROS.length, length);
    if (bytes.compare(ZEROS, 0, end - at, at, end) !== 0) return false;
  }
  return true;
}
