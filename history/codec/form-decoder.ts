/** Reads histories that are no lines, but values one after the other, or in one list: EDN, and JSON's arrays. */
import { isUtf8 } from 'node:buffer';
import { BadHistory, EventFields, HistoryBuilder } from '../builder.ts';
import { DEPTH_MAX } from './depth.ts';
import { endOfForm, INCOMPLETE } from './forms.ts';
import { parseObject } from './json.ts';
import { type Decoded, type DecodeOptions, type Header, LINE_BYTES_MAX, NOT_UTF8, sizeText } from './jsonl.ts';
import { withoutMarks } from '../values.ts';
import type { Scanner } from './scanner.ts';
import { SLACK_BYTES } from './word.ts';

const NEWLINE = 0x0a;
const SEMICOLON = 0x3b;
const WINDOW_BYTES = 256 * 1024;
const CLOSING: Readonly<Record<string, string>> = { '[': ']', '(': ')' };

/** The text of one value, with what stands before it. */
export interface Form {
  readonly text: string;
  /** 1-based: where it begins. */
  readonly line: number;
  /** Whether the input ends within it. */
  readonly torn: boolean;
}

/** What the values are written in. */
export interface Syntax {
  /** The brackets that may be around all events. */
  readonly opens: string;
  readonly scanner: Scanner & { lines: number; blanks(at: number): number };
  /** Takes the event that begins there and returns the place after it; negative: it is for `read`. */
  scan(at: number): number;
  read(form: Form): void;
  /** Called when all has been read. */
  end(): void;
}

/** What follows, to the end of the line, is the header in JSON. */
export const HEADER = '; tidemark: header ';

export class FormDecoder {
  readonly #builder: HistoryBuilder;
  readonly #syntax: Syntax;
  readonly #options: DecodeOptions;
  readonly #bytesMax: number;
  #window = Buffer.alloc(WINDOW_BYTES + SLACK_BYTES);
  /** Bytes of an unfinished value, at the start of the window. */
  #carried = 0;
  #passed = 0;
  /** The bracket that ends all events; '': there is none; undefined: nothing has come yet. */
  #close: string | undefined;
  #isClosed = false;
  #tornLine: number | undefined;
  #header: Header | undefined;

  constructor(options: DecodeOptions, syntax: (builder: HistoryBuilder, fields: EventFields) => Syntax) {
    this.#options = options;
    this.#builder = new HistoryBuilder(options);
    this.#builder.file = options.file;
    this.#syntax = syntax(this.#builder, new EventFields());
    this.#syntax.scanner.over(this.#window);
    this.#syntax.scanner.lines = (options.firstLine ?? 1) - 1;
    this.#bytesMax = options.lineBytesMax ?? LINE_BYTES_MAX;
  }

  push(chunk: Uint8Array): void {
    for (let from = 0; from < chunk.length; ) {
      if (this.#carried > this.#bytesMax) {
        throw this.#bad(`This goes on for more than ${sizeText(this.#bytesMax)} without an event.`);
      }
      if (this.#carried * 2 > this.#window.length) this.#widen();
      const take = Math.min(chunk.length - from, this.#window.length - SLACK_BYTES - this.#carried);
      this.#window.set(chunk.subarray(from, from + take), this.#carried);
      this.#carried += take;
      from += take;
      // A value that fills half of the window is looked for again when the window is full: so that is linear.
      const isFull = this.#carried === this.#window.length - SLACK_BYTES;
      if (isFull || this.#window.length === WINDOW_BYTES + SLACK_BYTES) this.#take(false);
    }
  }

  end(): Decoded {
    this.#take(true);
    if (this.#close !== undefined && this.#close !== '' && !this.#isClosed) {
      throw this.#bad('The file ends within the list of operations.');
    }
    this.#syntax.end();
    const { timesBackwards } = this.#builder;
    const warnings = {
      ...(this.#tornLine === undefined ? {} : { tornLine: this.#tornLine }),
      ...(timesBackwards === 0 ? {} : { timesBackwards }),
    };
    const { dealing } = this.#builder;
    return { history: this.#builder.build(), dealing, header: this.#header, warnings };
  }

  #bad(reason: string): BadHistory {
    return new BadHistory(reason, this.#syntax.scanner.lines + 1, this.#options.file);
  }

  #widen(): void {
    const wider = Buffer.alloc((this.#window.length - SLACK_BYTES) * 2 + SLACK_BYTES);
    wider.set(this.#window.subarray(0, this.#carried));
    this.#window = wider;
    this.#syntax.scanner.over(wider);
  }

  /** Reads the whole values of the window. */
  #take(isLast: boolean): void {
    const { scanner } = this.#syntax;
    const window = this.#window;
    const length = this.#carried;
    window[length] = 0; // where the scanner must stop
    const mark = this.#passed === 0 && window[0] === 0xef && window[1] === 0xbb && window[2] === 0xbf ? 3 : 0;
    let at = scanner.blanks(mark);
    while (at < length) {
      const next = this.#event(at, length, isLast);
      if (next === INCOMPLETE) break;
      at = scanner.blanks(next);
    }
    if (this.#passed === 0 && this.#options.size !== undefined && at > 0) {
      this.#builder.reserve(Math.ceil((this.#options.size / at) * this.#builder.events * 0.55) + 64);
    }
    this.#passed += at;
    window.copyWithin(0, at, length);
    this.#carried = length - at;
  }

  /** Reads what begins at `at`, and returns where it ends. */
  #event(at: number, length: number, isLast: boolean): number {
    const { scanner } = this.#syntax;
    const window = this.#window;
    const character = String.fromCharCode(window[at]);
    this.#builder.line = scanner.lines + 1;
    if (window[at] === SEMICOLON) {
      const newline = window.subarray(at, length).indexOf(NEWLINE);
      if (newline >= 0) this.#remark(window.subarray(at, at + newline));
      return newline >= 0 ? at + newline : isLast ? length : INCOMPLETE;
    }
    if (this.#isClosed) throw this.#bad('Something follows the list of operations.');
    if (this.#close === undefined) {
      this.#close = this.#syntax.opens.includes(character) ? CLOSING[character] : '';
      if (this.#close !== '') return at + 1;
    }
    if (character === this.#close) {
      this.#isClosed = true;
      return at + 1;
    }
    if (')]}'.includes(character)) throw this.#bad(`'${character}' closes nothing.`);
    const next = this.#syntax.scan(at);
    if (next > 0) return next;
    const end = endOfForm(window, at, length, DEPTH_MAX);
    if (end === INCOMPLETE && !isLast) return INCOMPLETE;
    this.#read(at, end === INCOMPLETE ? length : end, end === INCOMPLETE);
    return end === INCOMPLETE ? length : end;
  }

  /** A comment before the first event may be the header of the journal that the history was written from. */
  #remark(bytes: Buffer): void {
    if (this.#builder.events > 0 || this.#header !== undefined) return;
    if (!bytes.subarray(0, HEADER.length).equals(Buffer.from(HEADER))) return;
    const header = parseObject(bytes.subarray(HEADER.length).toString('utf8'), (reason) => this.#bad(reason));
    this.#header = withoutMarks(header as Header) as Header; // came out of JSON
  }

  #read(from: number, to: number, torn: boolean): void {
    const { scanner } = this.#syntax;
    const bytes = this.#window.subarray(from, to);
    const line = scanner.lines + 1;
    try {
      if (!torn && !isUtf8(bytes)) throw this.#bad(NOT_UTF8);
      this.#syntax.read({ text: bytes.toString('utf8'), line, torn });
    } catch (error) {
      // Without a list around it, a value that never ends is the torn end of a log.
      if (torn && this.#close === '' && error instanceof BadHistory) this.#tornLine = line;
      else if (error instanceof BadHistory) throw new BadHistory(error.reason, error.line ?? line, this.#options.file);
      else throw error;
    }
    for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) scanner.lines++;
  }
}
