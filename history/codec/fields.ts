/**
 * Reads one journal line byte by byte into an `EventFields`, without an object or a string. It knows the common shapes
 * only; of anything else it says so, and the line goes to `JSON.parse`: that decides what is right.
 */
import { type EventFields, methodCodes, READ_MANY, typeCodes } from '../event-fields.ts';
import type { Tables } from '../event-reader.ts';
import { CAS, NONE, ROLES } from '../history.ts';
import { NULL_REF } from '../values.ts';
import { RecentTexts } from './recent-texts.ts';
import { BEGINNING, LAST_BEGINNING, Scanner, SMALL_MAX, UNUSUAL } from './scanner.ts';
import { Word, Words } from './word.ts';

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
const NEWLINE = 0x0a;
const RETURN = 0x0d;
/** More digits than this may not fit a double exactly. */
const EXACT_DIGITS = 15;

const UNKNOWN = 0;
const FIELD_NAMES = [
  '',
  'index',
  'time',
  'process',
  'type',
  'f',
  'key',
  'value',
  'session',
  'device',
  'path',
  'intended',
  'node',
  'role',
  'version',
  'position',
  'error',
  'actual',
] as const; // prettier-ignore
const [, INDEX, TIME, PROCESS, TYPE, F, KEY, VALUE, SESSION, DEVICE, PATH, INTENDED, , ROLE, VERSION, POSITION, ERROR] =
  FIELD_NAMES.keys(); // prettier-ignore
const ACTUAL = FIELD_NAMES.indexOf('actual');

const wordsOf = (codes: Iterable<readonly [string, number]>): Words =>
  new Words([...codes].map(([text, code]) => new Word(`"${text}"`, code)));
const names: readonly Word[] = FIELD_NAMES.map((name, code) => new Word(`"${name}"`, code));
const types = wordsOf(typeCodes);
/** Methods of one row; the others are unusual. */
const methods = wordsOf([...methodCodes].filter(([, code]) => code < READ_MANY));
const roles = wordsOf(ROLES.map((role, code) => [role, code] as const));
const MISMATCH_WORD = new Word('"mismatch"', 0);
const NULL_WORD = new Word('null', 0);
const TRUE_WORD = new Word('true', 0);
const FALSE_WORD = new Word('false', 0);

const REQUIRED = (1 << PROCESS) | (1 << TYPE) | (1 << F);

const ABSENT = 0;
const SCALAR = 1;
const PAIR = 2;

export class FieldScanner extends Scanner {
  readonly #tables: Tables;
  readonly #fields: EventFields;
  readonly #keys = new RecentTexts();
  readonly #names: readonly RecentTexts[] = FIELD_NAMES.map(() => new RecentTexts());
  #reference = NULL_REF;
  #code = 0;
  #first = NULL_REF;
  #second = NULL_REF;
  #valueShape = ABSENT;

  constructor(tables: Tables, fields: EventFields) {
    super();
    this.#tables = tables;
    this.#fields = fields;
  }

  /**
   * Reads the line that starts at `at` into the fields. Returns where the next line starts, or a negative number for a
   * line to be read another way. A newline must follow somewhere, and `SLACK_BYTES` after it.
   */
  line(at: number): number {
    const bytes = this.bytes;
    this.#fields.clear();
    this.#valueShape = ABSENT;
    if (bytes[at] !== OPEN_BRACE) return UNUSUAL;
    let seen = 0;
    const beginnings = this.beginnings;
    for (let n = 0; ; n = n === LAST_BEGINNING ? 0 : n + BEGINNING) {
      at = this.beginsAsBefore(n, at) ? at + beginnings[n + 1] : this.#begin(n, at);
      if (at < 0) return UNUSUAL;
      const field = beginnings[n];
      at = this.#field(field, at);
      if (at < 0) return UNUSUAL;
      // A field that is given twice is for whoever reads it with care.
      if ((seen & (1 << field) & ~(1 << UNKNOWN)) !== 0) return UNUSUAL;
      seen |= 1 << field;
      while (bytes[at] === SPACE) at++;
      if (bytes[at] === CLOSE_BRACE) break;
      if (bytes[at] !== COMMA) return UNUSUAL;
    }
    at++;
    while (bytes[at] === SPACE || bytes[at] === RETURN) at++;
    if (bytes[at] !== NEWLINE || (seen & REQUIRED) !== REQUIRED) return UNUSUAL;
    return this.#settleValue() ? at + 1 : UNUSUAL;
  }

  /** Reads the beginning of the n-th field, `{"f":` or `,"f":`, and remembers it; returns where the value stands. */
  #begin(n: number, start: number): number {
    const bytes = this.bytes;
    let at = this.#spaces(start + 1);
    const field = this.#name(at);
    at = field === UNKNOWN ? this.#string(at) : at + names[field].length;
    if (at < 0) return UNUSUAL;
    at = this.#spaces(at);
    if (bytes[at++] !== COLON) return UNUSUAL;
    at = this.#spaces(at);
    this.remember(n, field, start, at);
    return at;
  }

  /** Whether the value fits the method: only a cas has a pair. */
  #settleValue(): boolean {
    const fields = this.#fields;
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

  #name(at: number): number {
    for (let field = 1; field < names.length; field++) if (names[field].isAt(this.view, at)) return field;
    return UNKNOWN;
  }

  /** Reads a field's value; returns where it ends. */
  #field(field: number, at: number): number {
    const fields = this.#fields;
    let end: number;
    switch (field) {
      case INDEX:
        end = this.decimal(at);
        fields.index = this.number >= 0 && this.number <= 0x7fffffff ? this.number : NONE;
        return end;
      case TIME:
        end = this.decimal(at);
        fields.time = this.number;
        return end;
      case INTENDED:
        end = this.decimal(at);
        fields.intended = this.number;
        return end;
      case PROCESS:
        end = this.decimal(at);
        if (!(this.number >= 0 && this.number <= 0x7fffffff)) return UNUSUAL;
        fields.process = this.number;
        return end;
      case TYPE:
        end = this.#word(at, types);
        fields.type = this.#code;
        return end;
      case F:
        end = this.#word(at, methods);
        fields.f = this.#code;
        return end;
      case ROLE:
        end = this.#word(at, roles);
        fields.role = this.#code;
        return end;
      case KEY:
        return this.#key(at);
      case VALUE:
        return this.#value(at);
      case ACTUAL:
        end = this.#scalar(at);
        fields.actual = this.#reference;
        return end;
      case ERROR:
        fields.mismatch = MISMATCH_WORD.isAt(this.view, at);
        return this.#skip(at);
      case UNKNOWN:
        return this.#skip(at);
      default:
        return this.#named(field, at);
    }
  }

  /** The fields that name something: session, device, path, node; and positions, which name a group. */
  #named(field: number, at: number): number {
    const fields = this.#fields;
    if (field === VERSION || field === POSITION) return this.#position(field, at);
    if (NULL_WORD.isAt(this.view, at)) return at + 4;
    const recent = this.#names[field];
    let id = recent.find(this.view, at);
    let end = at + recent.length;
    if (id < 0) {
      end = this.#string(at);
      if (end < 0) return end;
      const tables = this.#tables;
      const texts =
        field === SESSION
          ? tables.sessions
          : field === DEVICE
            ? tables.devices
            : field === PATH
              ? tables.paths
              : tables.nodes;
      id = texts.internBytes(this.bytes, at + 1, end - 1);
      recent.keep(this.view, at, end, id);
    }
    if (field === SESSION) fields.session = id;
    else if (field === DEVICE) fields.device = id;
    else if (field === PATH) fields.path = id;
    else fields.node = id;
    return end;
  }

  #key(at: number): number {
    const recent = this.#keys.find(this.view, at);
    if (recent >= 0) {
      this.#fields.key = recent;
      return at + this.#keys.length;
    }
    const bytes = this.bytes;
    let end: number;
    if (bytes[at] === QUOTE) {
      end = this.#string(at);
      if (end >= 0) this.#keys.keep(this.view, at, end, this.#tables.keys.internBytes(bytes, at, end));
    } else {
      end = this.decimal(at);
      // -0 and numbers past the exact ones have another text than they came with.
      if (end < 0 || end - at > EXACT_DIGITS || (bytes[at] === MINUS && bytes[at + 1] === ZERO)) return UNUSUAL;
    }
    if (end < 0) return UNUSUAL;
    this.#fields.key = this.#tables.keys.internBytes(bytes, at, end);
    return end;
  }

  #value(at: number): number {
    const bytes = this.bytes;
    if (bytes[at] !== OPEN_BRACKET) {
      const end = this.#scalar(at);
      this.#first = this.#reference;
      this.#valueShape = SCALAR;
      return end;
    }
    at = this.#scalar(this.#spaces(at + 1));
    if (at < 0) return UNUSUAL;
    this.#first = this.#reference;
    at = this.#spaces(at);
    if (bytes[at] !== COMMA) return UNUSUAL;
    at = this.#scalar(this.#spaces(at + 1));
    if (at < 0) return UNUSUAL;
    this.#second = this.#reference;
    at = this.#spaces(at);
    if (bytes[at] !== CLOSE_BRACKET) return UNUSUAL;
    this.#valueShape = PAIR;
    return at + 1;
  }

  /** `["g0",3,118]` */
  #position(field: number, at: number): number {
    const bytes = this.bytes;
    if (bytes[at] !== OPEN_BRACKET || bytes[at + 1] !== QUOTE) return UNUSUAL;
    const end = this.#string(at + 1);
    if (end < 0 || bytes[end] !== COMMA) return UNUSUAL;
    const group = this.#tables.groups.internBytes(bytes, at + 2, end - 1);
    at = this.#scalar(end + 1);
    if (at < 0 || bytes[at] !== COMMA || this.#reference === NULL_REF) return UNUSUAL;
    const history = this.#reference;
    at = this.decimal(at + 1);
    if (at < 0 || bytes[at] !== CLOSE_BRACKET) return UNUSUAL;
    const fields = this.#fields;
    if (field === VERSION) {
      fields.versionGroup = group;
      fields.versionHistory = history;
      fields.versionAt = this.number;
    } else {
      fields.positionGroup = group;
      fields.positionHistory = history;
      fields.positionAt = this.number;
    }
    return at + 1;
  }

  #spaces(at: number): number {
    while (this.bytes[at] === SPACE) at++;
    return at;
  }

  /** A string without escapes, of ASCII only; returns where it ends, after the quote. */
  #string(at: number): number {
    const bytes = this.bytes;
    if (bytes[at] !== QUOTE) return UNUSUAL;
    for (at++; ; at++) {
      const byte = bytes[at];
      if (byte === QUOTE) return at + 1;
      if (byte < SPACE || byte === BACKSLASH || byte > 0x7e) return UNUSUAL;
    }
  }

  /** null, true, false, a plain string or integer, into `#reference`. */
  #scalar(at: number): number {
    const bytes = this.bytes;
    const byte = bytes[at];
    if (byte === QUOTE) {
      const end = this.#string(at);
      if (end >= 0) this.#reference = this.#tables.values.internBytes(bytes, at, end);
      return end;
    }
    if (byte === MINUS || (byte >= ZERO && byte <= NINE)) {
      const end = this.decimal(at);
      if (end < 0) return UNUSUAL;
      const number = this.number;
      const small = number >= -SMALL_MAX - 1 && number <= SMALL_MAX;
      this.#reference = small ? number * 2 + 0 : this.#tables.values.internBytes(bytes, at, end);
      return end;
    }
    if (NULL_WORD.isAt(this.view, at)) {
      this.#reference = NULL_REF;
      return at + 4;
    }
    const word = byte === 0x74 ? TRUE_WORD : FALSE_WORD;
    if (!word.isAt(this.view, at)) return UNUSUAL;
    this.#reference = this.#tables.values.internBytes(bytes, at, at + word.length);
    return at + word.length;
  }

  /** Over a scalar that nobody needs. */
  #skip(at: number): number {
    const bytes = this.bytes;
    const byte = bytes[at];
    if (byte === QUOTE) return this.#string(at);
    if (NULL_WORD.isAt(this.view, at)) return at + 4;
    return this.decimal(at);
  }

  /** One of some words, its code into `#code`. */
  #word(at: number, words: Words): number {
    const word = words.at(this.view, at);
    if (word === undefined) return UNUSUAL;
    this.#code = word.code;
    return at + word.length;
  }
}
