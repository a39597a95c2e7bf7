/** Files that hold a whole history a line, `{"valid":true,"history":[…]}`, as batches of test vectors are kept. */
import { isUtf8 } from 'node:buffer';
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { constants, gunzipSync } from 'node:zlib';
import { LINE_BYTES_MAX } from '../history/codec/jsonl.ts';
import { chunksOf, type Source } from '../history/codec/source.ts';
import type { Input } from './check-input.ts';

/** One line of such a file, or of standard input. */
export interface BatchLine {
  readonly line: number;
  /** The list of events as it is written: parsed and written again, large numbers could become one. */
  readonly events: string | undefined;
}

const HEAD_BYTES = 4096;
const NEWLINE = 0x0a;

/** Whether the file's first line begins like that of a batch. Of files alone: see {@link Sniffed} for what is a stream. */
export function looksLikeBatch(file: string): boolean {
  let descriptor: number | undefined;
  try {
    if (!statSync(file).isFile()) return false;
    descriptor = openSync(file, 'r');
    const head = Buffer.alloc(HEAD_BYTES);
    return beginsBatch(head.subarray(0, readSync(descriptor, head)));
  } catch {
    return false; // whoever opens it says what is wrong
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function beginsBatch(head: Buffer): boolean {
  const text = unpacked(head).toString('latin1');
  return /^(?:\xef\xbb\xbf)?\s*\{\s*(?:"valid"\s*:\s*(?:true|false|null)\s*,\s*)?"history"\s*:\s*\[/.test(text);
}

/** What the beginning of a gzipped file says; what is not gzipped, as it is. */
function unpacked(head: Buffer): Buffer {
  if (head[0] !== 0x1f || head[1] !== 0x8b) return head;
  try {
    return gunzipSync(head, { finishFlush: constants.Z_SYNC_FLUSH });
  } catch {
    return Buffer.alloc(0); // whoever reads it says what is wrong
  }
}

/**
 * A stream whose beginning is looked at when it is asked for: where it is a batch, the one who asks is refused, and the
 * stream is left to be read line by line, from its beginning.
 */
export class Sniffed implements Input {
  readonly bytes: AsyncIterator<Uint8Array>;
  readonly #input: Input;
  #batch: AsyncIterable<Uint8Array> | undefined;

  constructor(input: Input) {
    this.#input = input;
    this.bytes = this.#sniffed(input.bytes);
  }

  /** All of it, where it was found to be a batch. */
  get batch(): AsyncIterable<Uint8Array> | undefined {
    return this.#batch;
  }

  close(): void {
    this.#input.close();
  }

  async *#sniffed(stream: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
    const held: Uint8Array[] = [];
    let isBatch = false;
    // Who writes it may pause after its first line.
    for (let size = 0; size < HEAD_BYTES && !isBatch; ) {
      const next = await stream.next();
      if (next.done === true) break;
      held.push(next.value);
      size += next.value.length;
      isBatch = beginsBatch(Buffer.concat(held));
    }
    const whole = joined(Buffer.concat(held), stream);
    if (!isBatch) yield* whole;
    else {
      this.#batch = whole;
      throw new Error('a history a line');
    }
  }
}

async function* joined(head: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  yield head;
  yield* { [Symbol.asyncIterator]: () => rest };
}

/** The lines that are not blank, in order. */
export async function* batchLines(file: Source): AsyncGenerator<BatchLine, void, undefined> {
  let held: Uint8Array[] = [];
  let size = 0;
  let line = 0;
  const take = (): BatchLine | undefined => {
    const bytes = Buffer.concat(held);
    // Other bytes than UTF-8 could make two values one.
    const text = isUtf8(bytes) ? bytes.toString('utf8').replace(/^\ufeff/, '') : '?';
    held = [];
    size = 0;
    line++;
    return text.trim() === '' ? undefined : { line, events: eventsIn(text) };
  };
  for await (const chunk of chunksOf(file)) {
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
      held.push(chunk.subarray(from, end));
      from = end + 1;
      const taken = take();
      if (taken !== undefined) yield taken;
    }
    held.push(new Uint8Array(chunk.subarray(from))); // a copy: the chunk is used again
    size += chunk.length - from;
    if (size > LINE_BYTES_MAX) break; // what is left of it is no JSON, and is refused
  }
  const last = take();
  if (last !== undefined) yield last;
}

/** The text of the field `history`, if it is a list and the line is JSON. */
function eventsIn(line: string): string | undefined {
  try {
    const parsed: unknown = JSON.parse(line);
    if (typeof parsed !== 'object' || parsed === null) return undefined;
    if (!('history' in parsed) || !Array.isArray(parsed.history)) return undefined;
  } catch {
    return undefined;
  }
  // It is JSON: brackets outside of strings match.
  let depth = 0;
  let begin = -1;
  let isNext = false;
  for (const { 0: token, index } of line.matchAll(/"(?:[^"\\]|\\.)*"|[[\]{}]/g)) {
    if (token.startsWith('"')) {
      if (depth === 1)
        isNext = token === '"history"' && /^\s*:\s*\[/.test(line.slice(index + token.length, index + 64));
    } else if (token === '[' || token === '{') {
      if (depth++ === 1 && isNext) begin = index;
      isNext = false;
    } else if (--depth === 1 && begin >= 0) {
      return line.slice(begin, index + 1);
    }
  }
  return undefined;
}

/** A text as what a worker reads. */
export function inputOf(text: string): Input {
  // oxlint-disable-next-line typescript/require-await -- the same shape as a stream has
  const bytes = (async function* () {
    yield Buffer.from(text);
  })();
  return { bytes, close: () => undefined };
}
