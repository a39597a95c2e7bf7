/**
 * Our journal: JSON Lines, one event a line, as DESIGN.md section 5 has it. The line order is the order of events.
 *
 * Reading is streamed through one window of a quarter of a MiB, so a file may be larger than memory's largest buffer.
 */
import { isUtf8 } from 'node:buffer';
import { type BadHistory, EventFields, HistoryBuilder } from '../builder.ts';
import type { BuilderOptions } from '../builder.ts';
import type { Dealing } from '../dealing.ts';
import type { History } from '../history.ts';
import type { Event, Position, Value } from '../operation.ts';
import { withoutMarks } from '../values.ts';
import { FieldScanner } from './fields.ts';
import { parseObject } from './json.ts';
import { chunksOf, chunksOfSync } from './source.ts';
import type { Source } from './source.ts';
import { TupleDoubt } from './tuples.ts';
import { SLACK_BYTES } from './word.ts';

const NEWLINE = 0x0a;
const WINDOW_BYTES = 256 * 1024;
/** The longest line, and how far blank lines may go on: so much is held in memory before an event must have come. */
export const LINE_BYTES_MAX = 64 * 2 ** 20;

/** What the first line of our journals says of the run. */
export type Header = { readonly [name: string]: Value };

/** What was read although something was amiss. */
export interface Warnings {
  /** 1-based number of a last line that was cut off, and is not judged. */
  readonly tornLine?: number;
  /** Events of EDN whose time was before their predecessor's, and was taken to be that. */
  readonly timesBackwards?: number;
}

export interface Decoded {
  readonly history: History;
  /** Where processes may overlap: how the answers of their reads were dealt. */
  readonly dealing?: Dealing | undefined;
  readonly header: Header | undefined;
  readonly warnings: Warnings;
}

export interface DecodeOptions extends BuilderOptions {
  /** What errors call the source. */
  readonly file?: string;
  /** Bytes to come, where known: room is made for them at once. */
  readonly size?: number;
  /** What the first line is called; 1 if not given. */
  readonly firstLine?: number;
  /** Bytes of the longest line; 64 MiB if not given. */
  readonly lineBytesMax?: number;
}

/**
 * Reads a journal from a file or a stream, gzipped or not.
 *
 * @throws BadHistory with file, line and reason; the file system's errors as they are
 */
export async function readJsonl(source: Source, options: DecodeOptions = {}): Promise<Decoded> {
  const decoder = new JsonlDecoder(withFile(source, options));
  for await (const chunk of chunksOf(source)) decoder.push(chunk);
  return decoder.end();
}

/** The same from a file, at once. A gzipped file must fit into memory. */
export function readJsonlSync(path: string, options: DecodeOptions = {}): Decoded {
  const decoder = new JsonlDecoder(withFile(path, options));
  for (const chunk of chunksOfSync(path)) decoder.push(chunk);
  return decoder.end();
}

/** The object of histories that name none. */
const ONLY_OBJECT = 'register';

/** A history that names no key is of one object; with independent keys it does name them. */
export function ofOneObject<Options extends BuilderOptions>(options: Options): Options {
  return options.independent === true ? options : { defaultKey: ONLY_OBJECT, ...options };
}

const withFile = (source: Source, options: DecodeOptions): DecodeOptions =>
  typeof source === 'string' ? { file: source, ...options } : options;

/** Takes a journal in pieces. */
export class JsonlDecoder {
  readonly #builder: HistoryBuilder;
  readonly #fields = new EventFields();
  readonly #scanner: FieldScanner;
  /** The byte scanner knows nothing of independent keys. */
  readonly #scans: boolean;
  readonly #doubt: TupleDoubt;
  readonly #size: number | undefined;
  #window = Buffer.alloc(WINDOW_BYTES + SLACK_BYTES);
  /** Bytes of an unfinished line, at the start of the window. */
  #carried = 0;
  #lines: number;
  readonly #linesBefore: number;
  /** Bytes of blank lines since the last event. */
  #blank = 0;
  readonly #lineBytesMax: number;
  #header: Header | undefined;

  constructor(options: DecodeOptions = {}) {
    this.#builder = new HistoryBuilder(ofOneObject(options));
    this.#builder.file = options.file;
    this.#scanner = new FieldScanner(this.#builder.tables, this.#fields);
    this.#scanner.over(this.#window);
    this.#scans = options.independent !== true;
    this.#doubt = new TupleDoubt(this.#builder, options.independent);
    this.#size = options.size;
    this.#lines = this.#linesBefore = (options.firstLine ?? 1) - 1;
    this.#lineBytesMax = options.lineBytesMax ?? LINE_BYTES_MAX;
  }

  push(chunk: Uint8Array): void {
    // Pieces no larger than the window keep it in the processor's cache.
    for (let from = 0; from < chunk.length; ) {
      if (this.#carried > this.#lineBytesMax) throw this.#tooLong('This line is longer than');
      if (this.#carried * 2 > this.#window.length) this.#widen();
      const take = Math.min(chunk.length - from, this.#window.length - SLACK_BYTES - this.#carried);
      this.#window.set(chunk.subarray(from, from + take), this.#carried);
      this.#scan(this.#carried, this.#carried + take);
      from += take;
    }
  }

  end(): Decoded {
    const tornLine = this.#lastLine();
    this.#doubt.end();
    const history = this.#builder.build();
    const { dealing } = this.#builder;
    return { history, dealing, header: this.#header, warnings: tornLine === undefined ? {} : { tornLine } };
  }

  #widen(): void {
    const wider = Buffer.alloc(this.#window.length * 2);
    wider.set(this.#window.subarray(0, this.#carried));
    this.#window = wider;
    this.#scanner.over(wider);
  }

  #tooLong(what: string, line = this.#lines + 1): BadHistory {
    this.#builder.line = line;
    return this.#builder.bad(`${what} ${sizeText(this.#lineBytesMax)}, which is more than an event may take.`);
  }

  /** Reads the whole lines of the window's first `length` bytes; those before `fresh` are known to hold no newline. */
  #scan(fresh: number, length: number): void {
    const window = this.#window;
    const newest = window.subarray(fresh, length).lastIndexOf(NEWLINE);
    const end = newest < 0 ? 0 : fresh + newest + 1;
    const builder = this.#builder;
    for (let at = end === 0 ? end : this.#firstLine(end); at < end; ) {
      builder.line = ++this.#lines;
      // Nor of pairs that may be such: mostly the first event settles that.
      const next = this.#scans && !this.#doubt.isOpen ? this.#scanner.line(at) : -1;
      if (next > 0) {
        builder.put(this.#fields);
        this.#blank = 0;
        at = next;
      } else {
        const newline = window.indexOf(NEWLINE, at);
        if (isBlank(window, at, newline)) this.#skipBlank(newline + 1 - at);
        else this.#parse(window.subarray(at, newline));
        at = newline + 1;
      }
    }
    window.copyWithin(0, end, length);
    this.#carried = length - end;
  }

  #skipBlank(bytes: number): void {
    this.#blank += bytes;
    if (this.#blank > this.#lineBytesMax) throw this.#tooLong('Blank lines go on for more than', this.#lines);
  }

  /** Before the first line: makes room, for as many lines as the file's size promises, and skips a byte order mark. */
  #firstLine(end: number): number {
    if (this.#lines > this.#linesBefore) return 0;
    const window = this.#window;
    if (this.#size !== undefined) {
      let lines = 0;
      for (let at = 0; at < end; at++) if (window[at] === NEWLINE) lines++;
      this.#builder.reserve(Math.ceil((this.#size / end) * lines * 0.55) + 64);
    }
    return window[0] === 0xef && window[1] === 0xbb && window[2] === 0xbf ? 3 : 0;
  }

  /** What follows the last newline; the number of that line if it is torn. */
  #lastLine(): number | undefined {
    const bytes = this.#window.subarray(0, this.#carried);
    if (bytes.length > this.#lineBytesMax) throw this.#tooLong('This line is longer than');
    if (isBlank(bytes, 0, bytes.length)) return undefined;
    const line = (this.#builder.line = ++this.#lines);
    if (!isJson(bytes.toString('utf8'))) return line;
    this.#parse(bytes);
    return undefined;
  }

  #parse(bytes: Buffer): void {
    this.#blank = 0;
    const builder = this.#builder;
    if (!isUtf8(bytes)) throw builder.bad(NOT_UTF8);
    const event = parseObject(bytes.toString('utf8').replace(/^\uFEFF/, ''), (reason) => builder.bad(reason));
    if (builder.events === 0 && this.#header === undefined && 'tidemark' in event) {
      if (event.tidemark !== 1) {
        throw builder.bad(`The journal has format ${JSON.stringify(event.tidemark)}; this program reads format 1.`);
      }
      this.#header = withoutMarks(event as Header) as Header; // came out of JSON
      return;
    }
    if (Array.isArray(event.history) && event.process === undefined) throw builder.bad(WHOLE_HISTORY);
    const read = event as unknown as Event; // checked field by field
    this.#doubt.weigh(read);
    builder.add(read);
  }
}

const WHOLE_HISTORY =
  'This line holds a whole history: put each into a file of its own, its events as lines or as the array they are.';

export const NOT_UTF8 = 'This is not UTF-8: other bytes could make two values one.';

export const sizeText = (bytes: number): string =>
  bytes % 2 ** 20 === 0 ? `${bytes / 2 ** 20} MiB` : `${bytes} bytes`;

/** Spaces, tabs and carriage returns only. */
function isBlank(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (bytes[at] !== 0x20 && bytes[at] !== 0x0d && bytes[at] !== 0x09) return false;
  return true;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** One line of a journal, without its newline. */
export function encodeEvent(event: Event & { readonly index?: number }): string {
  const { version, position, ...rest } = event as Event & { version?: Version; position?: Position };
  return JSON.stringify({
    ...rest,
    ...(version === undefined ? {} : { version: isList(version) ? version.map(tripleOrNull) : triple(version) }),
    ...(position === undefined ? {} : { position: triple(position) }),
  });
}

type Version = Position | readonly (Position | null)[];
/** A position that is a triple already begins with its group. */
const isList = (version: Version): version is readonly (Position | null)[] =>
  Array.isArray(version) && typeof version[0] !== 'string';
const triple = (position: Position): Value =>
  Array.isArray(position) ? (position as Value) : [position.group, position.history, position.at];
const tripleOrNull = (position: Position | null): Value => (position === null ? null : triple(position));
