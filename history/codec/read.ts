/** Reads a history of any format that we know, told apart by its content and not by its name. */
import { BadHistory, HistoryBuilder } from '../builder.ts';
import type { Event, Value } from '../operation.ts';
import { placeTooDeep, TOO_DEEP } from './depth.ts';
import { readEdn } from './edn.ts';
import { parseJson } from './json.ts';
import { JsonlDecoder } from './jsonl.ts';
import type { DecodeOptions, Decoded } from './jsonl.ts';
import { chunksOf } from './source.ts';
import type { Source } from './source.ts';

export type Format = 'jsonl' | 'json' | 'edn';

/** Enough to see past a comment or a byte order mark at the beginning. */
const HEAD_BYTES = 4096;
/** What `Buffer.toString` can make of it. */
const TEXT_BYTES_MAX = 0x1fffffe8;

/**
 * @throws BadHistory with file, line and reason; the file system's errors as they are
 */
export async function readHistory(
  source: Source,
  options: DecodeOptions = {},
): Promise<Decoded & { readonly format: Format }> {
  const named = typeof source === 'string' ? { file: source, ...options } : options;
  const chunks = chunksOf(source);
  try {
    return await readChunks(chunks, named);
  } catch (error) {
    if (error instanceof BadHistory && error.file === undefined)
      throw new BadHistory(error.reason, error.line, named.file);
    throw error;
  }
}

async function readChunks(
  chunks: AsyncGenerator<Uint8Array, void, undefined>,
  options: DecodeOptions,
): Promise<Decoded & { readonly format: Format }> {
  let head: Uint8Array = new Uint8Array(0);
  while (head.length < HEAD_BYTES) {
    const next = await chunks.next();
    if (next.done === true) break;
    head = head.length === 0 && next.value.length >= HEAD_BYTES ? next.value : Buffer.concat([head, next.value]);
  }
  const format = formatOf(Buffer.from(head.subarray(0, HEAD_BYTES)).toString('utf8'));
  if (format === undefined) throw new BadHistory('This is neither JSON Lines, JSON nor EDN.', undefined, options.file);
  if (format === 'jsonl') {
    const decoder = new JsonlDecoder(options);
    decoder.push(head);
    for await (const chunk of chunks) decoder.push(chunk);
    return { ...decoder.end(), format };
  }
  const text = await textOf(head, chunks);
  return { ...(format === 'edn' ? readEdn(text, options) : readArray(text, options)), format };
}

/** Undefined: none that we know. Nothing at all is an empty journal. */
export function formatOf(head: string): Format | undefined {
  const text = head.replace(/^\uFEFF/, '').trimStart();
  if (text === '') return 'jsonl';
  if (/[\0-\x08\x0e-\x1f]/.test(text)) return undefined;
  const significant = text.replace(/^(?:[\s,]|;[^\n]*(?:\n|$))+/, '');
  if (significant !== text || /^(?:\(|#|[[{]\s*[:;#(])/.test(text) || /^\[\s*\{\s*[:;#}]/.test(text)) return 'edn';
  if (text.startsWith('{')) return 'jsonl';
  return text.startsWith('[') ? 'json' : undefined;
}

async function textOf(head: Uint8Array, chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const parts = [Uint8Array.from(head)];
  for await (const chunk of chunks) parts.push(Uint8Array.from(chunk));
  const bytes = Buffer.concat(parts);
  if (bytes.length > TEXT_BYTES_MAX) {
    throw new BadHistory('EDN and JSON arrays are read up to 512 MiB; JSON Lines has no such limit.');
  }
  return bytes.toString('utf8').replace(/^\uFEFF/, '');
}

/** One JSON array of events. Errors name the event's number, for want of a line. */
function readArray(text: string, options: DecodeOptions): Decoded {
  const deep = placeTooDeep(text);
  if (deep >= 0) throw new BadHistory(TOO_DEEP, text.slice(0, deep).split('\n').length, options.file);
  let events: unknown;
  try {
    events = parseJson(text);
  } catch (error) {
    throw new BadHistory(`This is not JSON (${(error as Error).message}).`, undefined, options.file);
  }
  const builder = new HistoryBuilder(options);
  for (const [at, event] of (events as readonly Value[]).entries()) {
    try {
      if (typeof event !== 'object' || event === null || Array.isArray(event))
        throw builder.bad('An event must be an object.');
      builder.add(event as unknown as Event); // checked field by field
    } catch (error) {
      if (error instanceof BadHistory) throw new BadHistory(`Event ${at}: ${error.reason}`, undefined, options.file);
      throw error;
    }
  }
  return { history: builder.build(), header: undefined, warnings: {} };
}
