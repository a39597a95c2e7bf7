/** Bytes of a history from wherever they are, unpacked where they were packed. */
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { constants, createGunzip, gunzipSync } from 'node:zlib';
import { BadHistory } from '../builder.ts';

/** A file's path, or bytes. */
export type Source = string | AsyncIterable<Uint8Array>;

const CHUNK_BYTES = 512 * 1024;
/** What was flushed before a crash can be had without the end of the stream. */
const TORN_IS_FINE = { finishFlush: constants.Z_SYNC_FLUSH, chunkSize: CHUNK_BYTES };

const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b;

/** The plain bytes. A chunk is valid until the next one is asked for. */
export async function* chunksOf(source: Source): AsyncGenerator<Uint8Array, void, undefined> {
  const chunks = asyncChunks(source);
  try {
    let head: Uint8Array = new Uint8Array(0);
    while (head.length < 2) {
      const next = await chunks.next();
      if (next.done === true) break;
      head = head.length === 0 && next.value.length >= 2 ? next.value : Buffer.concat([head, next.value]);
    }
    if (isGzip(head)) {
      yield* unpacked(head, chunks);
      return;
    }
    if (head.length > 0) yield head;
    yield* chunks;
  } finally {
    leave(chunks);
  }
}

/**
 * Ends them early, so that the file is closed; nothing happens where they have ended. Nobody waits for it: what was asked of a pipe
 * may never come.
 */
export function leave(chunks: AsyncGenerator<Uint8Array, void, undefined>): void {
  chunks.return(undefined).catch(() => undefined); // whoever reads on hears of what went wrong
}

async function* asyncChunks(source: Source): AsyncGenerator<Uint8Array, void, undefined> {
  yield* typeof source === 'string' ? readAhead(source) : source;
}

async function* unpacked(
  head: Uint8Array,
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const gunzip = createGunzip(TORN_IS_FINE);
  const copies = async function* (): AsyncGenerator<Uint8Array> {
    yield new Uint8Array(head);
    for await (const chunk of chunks) yield new Uint8Array(chunk);
  };
  const input = Readable.from(copies());
  input.on('error', (error) => gunzip.destroy(error));
  try {
    for await (const chunk of input.pipe(gunzip)) yield chunk as Uint8Array; // no encoding is set
  } catch (error) {
    throw damaged(error);
  } finally {
    input.destroy();
  }
}

function damaged(error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  return code.startsWith('Z_') ? new BadHistory(`The gzip data is damaged (${(error as Error).message}).`) : error;
}

/** The same at once, from a file. */
export function* chunksOfSync(path: string): Generator<Uint8Array, void, undefined> {
  let packed: boolean | undefined;
  for (const chunk of fileChunks(path)) {
    packed ??= isGzip(chunk);
    if (packed) break;
    yield chunk;
  }
  if (packed === true) yield inflated(path);
}

function inflated(path: string): Uint8Array {
  try {
    return gunzipSync(readFileSync(path), TORN_IS_FINE);
  } catch (error) {
    throw damaged(error);
  }
}

/** A file's chunks; while one is looked at, the next is read on another thread. */
async function* readAhead(path: string): AsyncGenerator<Uint8Array, void, undefined> {
  const file = await open(path, 'r');
  let [filling, other] = [Buffer.allocUnsafeSlow(CHUNK_BYTES), Buffer.allocUnsafeSlow(CHUNK_BYTES)];
  let reading = file.read(filling, 0, CHUNK_BYTES, null);
  try {
    for (;;) {
      const { bytesRead } = await reading;
      if (bytesRead === 0) return;
      const chunk = filling.subarray(0, bytesRead);
      [filling, other] = [other, filling];
      reading = file.read(filling, 0, CHUNK_BYTES, null);
      reading.catch(() => undefined); // whoever awaits it hears of it
      yield chunk;
    }
  } finally {
    await reading.catch(() => undefined);
    await file.close();
  }
}

function* fileChunks(path: string): Generator<Uint8Array, void, undefined> {
  const descriptor = openSync(path, 'r');
  try {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    for (;;) {
      const length = readSync(descriptor, chunk, 0, chunk.length, null);
      if (length === 0) return;
      yield chunk.subarray(0, length);
    }
  } finally {
    closeSync(descriptor);
  }
}
