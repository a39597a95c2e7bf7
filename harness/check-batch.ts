/** Files that hold a whole history a line, `{"valid":true,"history":[…]}`, as batches of test vectors are kept. */
import { isUtf8 } from 'node:buffer';
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { LINE_BYTES_MAX } from '../history/codec/jsonl.ts';
import { chunksOf } from '../history/codec/source.ts';
import type { Input } from './check-input.ts';

/** One line of such a file. */
export interface BatchLine {
  readonly line: number;
  /** The list of events as it is written: parsed and written again, large numbers could become one. */
  readonly events: string | undefined;
}

const HEAD_BYTES = 4096;
const NEWLINE = 0x0a;

/** Whether the file's first line begins like that of a batch. Of files alone: what is a stream can't be looked at twice. */
export function looksLikeBatch(file: string): boolean {
  let descriptor: number | undefined;
  try {
    if (!statSync(file).isFile()) return false;
    descriptor = openSync(file, 'r');
    const head = Buffer.alloc(HEAD_BYTES);
    const text = head.subarray(0, readSync(descriptor, head)).toString('latin1');
    return /^\s*\{\s*(?:"valid"\s*:\s*(?:true|false|null)\s*,\s*)?"history"\s*:\s*\[/.test(text);
  } catch {
    return false; // whoever opens it says what is wrong
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** The lines that are not blank, in order. */
export async function* batchLines(file: string): AsyncGenerator<BatchLine, void, undefined> {
  let held: Uint8Array[] = [];
  let size = 0;
  let line = 0;
  const take = (): BatchLine | undefined => {
    const bytes = Buffer.concat(held);
    // Other bytes than UTF-8 could make two values one.
    const text = isUtf8(bytes) ? bytes.toString('utf8') : '?';
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
