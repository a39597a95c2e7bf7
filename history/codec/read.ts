/** Reads a history of any format that we know, told apart by its content and not by its name. */
import { BadHistory } from '../builder.ts';
import { arrayDecoder } from './array.ts';
import { ednDecoder, saidIn } from './edn.ts';
import type { FormDecoder } from './form-decoder.ts';
import { JsonlDecoder } from './jsonl.ts';
import type { DecodeOptions, Decoded } from './jsonl.ts';
import { chunksOf, leave } from './source.ts';
import type { Source } from './source.ts';

export type Format = 'jsonl' | 'json' | 'edn';

/** Enough to see past a comment or a byte order mark at the beginning. */
const HEAD_BYTES = 4096;

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
  } finally {
    leave(chunks);
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
  const text = Buffer.from(head.subarray(0, HEAD_BYTES)).toString('utf8');
  const format = formatOf(text);
  if (format === undefined) throw new BadHistory(whatItIs(head), undefined, options.file);
  const decoder = decoderOf(format, format === 'edn' ? saidIn(text, options) : options);
  decoder.push(head);
  for await (const chunk of chunks) decoder.push(chunk);
  return { ...decoder.end(), format };
}

function decoderOf(format: Format, options: DecodeOptions): JsonlDecoder | FormDecoder {
  switch (format) {
    case 'jsonl':
      return new JsonlDecoder(options);
    case 'json':
      return arrayDecoder(options);
    case 'edn':
      return ednDecoder(options);
  }
}

/** How files begin that people may take for histories. */
const OTHERS: readonly (readonly [string, string])[] = [
  ['504b0304', 'a zip archive'],
  ['28b52ffd', 'packed with zstd'],
  ['fd377a585a00', 'packed with xz'],
  ['425a68', 'packed with bzip2'],
  ['04224d18', 'packed with lz4'],
  ['1f9d', 'packed with compress'],
  ['1f8b', 'packed with gzip twice'],
];

function whatItIs(head: Uint8Array): string {
  const bytes = Buffer.from(head.subarray(0, 8)).toString('hex');
  const known = OTHERS.find(([beginning]) => bytes.startsWith(beginning))?.[1];
  if (known !== undefined) return `This is ${known}: unpack it first (gzip is read as it is).`;
  // A byte order mark, or ASCII with a NUL beside each character.
  if (/^(?:fffe|feff|(?:(?!00)..00){2}|(?:00(?!00)..){2})/.test(bytes)) return 'This is UTF-16: a history is UTF-8.';
  return 'This is neither JSON Lines, JSON nor EDN.';
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
