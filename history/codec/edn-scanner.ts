/**
 * Reads one operation map of EDN byte by byte into an `EventFields`, without an object or a string. It knows the common
 * shapes only, of operations of numbered processes; of anything else it says so, and `EdnReader` reads the map.
 */
import { type EventFields, methodCodes, READ_MANY, typeCodes } from '../event-fields.ts';
import type { Tables } from '../event-reader.ts';
import { CAS, NONE } from '../history.ts';
import { NULL_REF } from '../values.ts';
import { RecentTexts } from './recent-texts.ts';
import { BEGINNING, EXACT_DIGITS, LAST_BEGINNING, Scanner, SMALL_MAX, UNUSUAL } from './scanner.ts';
import { Word, Words } from './word.ts';

const NEWLINE = 0x0a;
const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const NUMBER_SIGN = 0x23;

/** What may end a keyword, a symbol or a number, and nothing else: its delimiters. */
const ENDS = new Uint8Array(256);
for (const character of '\t\n\f\r ,;"()[]{}') ENDS[character.charCodeAt(0)] = 1;
/** What a keyword may be made of here: the letters, digits and signs that are one byte in UTF-8. */
const OF_KEYWORDS = new Uint8Array(256);
for (const character of 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.*+!-_?$%&=<>/') {
  OF_KEYWORDS[character.charCodeAt(0)] = 1;
}

const UNKNOWN = 0;
const FIELD_NAMES = ['', 'index', 'time', 'process', 'type', 'f', 'key', 'value', 'error'] as const;
const [, INDEX, TIME, PROCESS, TYPE, F, KEY, VALUE, ERROR] = FIELD_NAMES.keys();
const names: readonly Word[] = FIELD_NAMES.map((name, code) => new Word(`:${name}`, code));
/** Names that mean something in our journal, and are read with care. */
const rare: readonly Word[] = [
  'session',
  'device',
  'path',
  'node',
  'role',
  'version',
  'position',
  'actual',
  'intended',
].map((name) => new Word(`:${name}`, 0)); // prettier-ignore
const wordsOf = (codes: Iterable<readonly [string, number]>): Words =>
  new Words([...codes].map(([text, code]) => new Word(`:${text}`, code)));
const types = wordsOf(typeCodes);
/** Methods of one row; the others are unusual. */
const methods = wordsOf([...methodCodes].filter(([, code]) => code < READ_MANY));
const MISMATCH_WORD = new Word(':mismatch', 0);
const NIL_WORD = new Word('nil', 0);
const REQUIRED = (1 << PROCESS) | (1 << TYPE) | (1 << F);

const ABSENT = 0;
const SCALAR = 1;
const PAIR = 2;

export class EdnScanner extends Scanner {
  /** Newlines passed so far. */
  lines = 0;
  readonly #tables: Tables;
  readonly #fields: EventFields;
  readonly #independent: boolean;
  readonly #keys = new RecentTexts();
  /** A keyword as JSON has it, a string. */
  readonly #quoted = Buffer.alloc(256, '"');
  #reference = NULL_REF;
  #first = NULL_REF;
  #second = NULL_REF;
  #valueShape = ABSENT;

  constructor(tables: Tables, fields: EventFields, independent: boolean) {
    super();
    this.#tables = tables;
    this.#fields = fields;
    this.#independent = independent;
  }

  /**
   * Reads the map, with its tag, that begins at `at`, into the fields. Returns the place after it, or a negative number for
   * one to be read another way. After the buffer's last byte of text there must be a NUL, and `SLACK_BYTES`.
   */
  map(at: number): number {
    const { bytes, beginnings } = this;
    const before = this.lines;
    if (bytes[at] === NUMBER_SIGN) {
      while (ENDS[bytes[++at]] === 0 && bytes[at] !== 0);
      while (bytes[at] === SPACE) at++;
    }
    if (bytes[at] !== OPEN_BRACE) return UNUSUAL;
    this.#fields.clear();
    this.#valueShape = ABSENT;
    let seen = 0;
    for (let n = 0; ; n = n === LAST_BEGINNING ? 0 : n + BEGINNING) {
      at = this.beginsAsBefore(n, at) ? at + beginnings[n + 1] : this.#begin(n, at);
      if (at < 0) break;
      const field = beginnings[n];
      at = this.#field(field, at);
      if (at < 0 || (seen & (1 << field) & ~(1 << UNKNOWN)) !== 0) break;
      seen |= 1 << field;
      if (bytes[at] !== CLOSE_BRACE) {
        if (ENDS[bytes[at]] === 0) break;
        continue;
      }
      if ((seen & REQUIRED) !== REQUIRED || !this.#settleValue()) break;
      return at + 1;
    }
    this.lines = before;
    return UNUSUAL;
  }

  /** Over spaces, commas and newlines. */
  blanks(at: number): number {
    const { bytes } = this;
    for (; ; at++) {
      const byte = bytes[at];
      if (byte === NEWLINE) this.lines++;
      else if (byte !== SPACE && byte !== COMMA && byte !== 0x0d && byte !== 0x09) return at;
    }
  }

  /** Reads the beginning of the n-th field, `{:f ` or `, :f `, and remembers it; returns where the value stands. */
  #begin(n: number, start: number): number {
    const { bytes, lines } = this;
    // A bracket before the first field, a blank before the others: `map` has looked.
    let at = this.blanks(bytes[start] === OPEN_BRACE ? start + 1 : start);
    if (bytes[at] !== COLON) return UNUSUAL;
    let field = UNKNOWN;
    const end = this.#keyword(at);
    if (end < 0) return UNUSUAL;
    for (let code = 1; code < names.length; code++) {
      if (names[code].length === end - at && names[code].isAt(this.view, at)) field = code;
    }
    if (field === UNKNOWN && rare.some((word) => word.length === end - at && word.isAt(this.view, at))) return UNUSUAL;
    at = this.blanks(end);
    // Newlines are counted as they are passed: a beginning with one is not skipped. A blank must end the name.
    if (this.lines === lines && at > end) this.remember(n, field, start, at);
    else this.beginnings[n + 1] = 0;
    this.beginnings[n] = field;
    return at;
  }

  #settleValue(): boolean {
    const fields = this.#fields;
    if (this.#independent && fields.key === NONE) return false;
    if (fields.f === CAS) {
      if (this.#valueShape !== PAIR) return this.#valueShape === ABSENT || this.#first === NULL_REF;
      fields.expected = this.#first;
      fields.value = this.#second;
      return true;
    }
    if (this.#valueShape === PAIR) return false;
    if (this.#valueShape === SCALAR) fields.value = this.#first;
    return true;
  }

  /** Reads a field's value; returns where it ends. */
  #field(field: number, at: number): number {
    const fields = this.#fields;
    let end: number;
    switch (field) {
      case TYPE:
      case F: {
        const word = (field === TYPE ? types : methods).at(this.view, at);
        if (word === undefined || ENDS[this.bytes[at + word.length]] === 0) return UNUSUAL;
        if (field === TYPE) fields.type = word.code;
        else fields.f = word.code;
        return at + word.length;
      }
      case VALUE:
        return this.#independent ? this.#tuple(at) : this.#value(at);
      case PROCESS:
        end = this.#integer(at);
        if (!(this.number >= 0 && this.number <= 0x7fffffff)) return UNUSUAL;
        fields.process = this.number;
        return end;
      case TIME:
        end = this.#integer(at);
        fields.time = this.number;
        return end;
      case INDEX:
        end = this.#integer(at);
        fields.index = this.number >= 0 && this.number <= 0x7fffffff ? this.number : NONE;
        return end;
      case KEY:
        return this.#key(at);
      case ERROR:
        fields.mismatch = MISMATCH_WORD.isAt(this.view, at) && ENDS[this.bytes[at + MISMATCH_WORD.length]] === 1;
        return this.#scalar(at, false);
      default:
        return this.#scalar(at, false);
    }
  }

  /** `[key value]` */
  #tuple(at: number): number {
    const { bytes } = this;
    if (bytes[at] !== OPEN_BRACKET) return UNUSUAL;
    at = this.#key(this.blanks(at + 1));
    if (at < 0) return UNUSUAL;
    at = this.#value(this.blanks(at));
    if (at < 0) return UNUSUAL;
    at = this.blanks(at);
    return bytes[at] === CLOSE_BRACKET ? at + 1 : UNUSUAL;
  }

  #value(at: number): number {
    const { bytes } = this;
    if (bytes[at] !== OPEN_BRACKET) {
      const end = this.#scalar(at, true);
      this.#first = this.#reference;
      this.#valueShape = SCALAR;
      return end;
    }
    at = this.#scalar(this.blanks(at + 1), true);
    if (at < 0) return UNUSUAL;
    this.#first = this.#reference;
    at = this.#scalar(this.blanks(at), true);
    if (at < 0) return UNUSUAL;
    this.#second = this.#reference;
    at = this.blanks(at);
    if (bytes[at] !== CLOSE_BRACKET) return UNUSUAL;
    this.#valueShape = PAIR;
    return at + 1;
  }

  #key(at: number): number {
    const recent = this.#keys.find(this.view, at);
    if (recent >= 0) {
      this.#fields.key = recent;
      return at + this.#keys.length;
    }
    const { bytes } = this;
    const { keys } = this.#tables;
    const byte = bytes[at];
    if (byte === COLON) {
      const end = this.#keyword(at);
      if (end < 0) return UNUSUAL;
      this.#fields.key = keys.internBytes(this.#quoted, 0, end - at + 2);
      return end;
    }
    const end = byte === QUOTE ? this.#string(at) : this.#integer(at);
    if (end < 0 || (byte === MINUS && bytes[at + 1] === ZERO)) return UNUSUAL;
    this.#fields.key = keys.internBytes(bytes, at, end);
    if (byte === QUOTE) this.#keys.keep(this.view, at, end, this.#fields.key);
    return end;
  }

  /** nil, a plain keyword, string or integer, into `#reference` where it is `wanted`. */
  #scalar(at: number, wanted: boolean): number {
    const { bytes } = this;
    const { values } = this.#tables;
    const byte = bytes[at];
    if (byte === MINUS || (byte >= ZERO && byte <= NINE)) {
      const end = this.#integer(at);
      if (end < 0 || !wanted) return end;
      const small = this.number >= -SMALL_MAX - 1 && this.number <= SMALL_MAX;
      this.#reference = small ? this.number * 2 + 0 : values.internBytes(bytes, at, end);
      return end;
    }
    if (byte === QUOTE) {
      const end = this.#string(at);
      if (end >= 0 && wanted) this.#reference = values.internBytes(bytes, at, end);
      return end;
    }
    if (byte === COLON) {
      const end = this.#keyword(at);
      if (end >= 0 && wanted) this.#reference = values.internBytes(this.#quoted, 0, end - at + 2);
      return end;
    }
    if (!NIL_WORD.isAt(this.view, at) || ENDS[bytes[at + 3]] === 0) return UNUSUAL;
    this.#reference = NULL_REF;
    return at + 3;
  }

  /** An integer, and what may follow one, into `number`. */
  #integer(at: number): number {
    const end = this.decimal(at);
    return end < 0 || ENDS[this.bytes[end]] === 0 || end - at > EXACT_DIGITS ? UNUSUAL : end;
  }

  /** A keyword, in quotes into `#quoted`. */
  #keyword(at: number): number {
    const { bytes } = this;
    const quoted = this.#quoted;
    quoted[1] = COLON;
    let length = 2;
    for (at++; OF_KEYWORDS[bytes[at]] === 1; at++) {
      if (length > 250) return UNUSUAL;
      quoted[length++] = bytes[at];
    }
    quoted[length] = QUOTE;
    return length > 2 && ENDS[bytes[at]] === 1 ? at : UNUSUAL;
  }

  /** A string without escapes, of ASCII only, that does not begin as keywords do; returns where it ends, after the quote. */
  #string(at: number): number {
    const { bytes } = this;
    if (bytes[at + 1] === COLON) return UNUSUAL;
    for (at++; ; at++) {
      const byte = bytes[at];
      if (byte === QUOTE) return ENDS[bytes[at + 1]] === 1 ? at + 1 : UNUSUAL;
      if (byte < SPACE || byte === BACKSLASH || byte > 0x7e) return UNUSUAL;
    }
  }
}
