/**
 * Reads EDN (https://github.com/edn-format/edn), and what Clojure's printer adds to it, into JSON's values.
 *
 * Keywords keep their colon (`":ok"`), so that they differ from strings; strings that read like one have a mark (`markColon`); symbols and characters are strings; lists and
 * vectors are equal, as in Clojure; sets and maps with other keys than keywords and strings are sorted, so that equal ones
 * have equal texts; a tag is dropped; an integer past 2^53 keeps its digits (see `markInteger`).
 */
import { BadHistory } from '../builder.ts';
import type { Value } from '../operation.ts';
import { DEPTH_MAX, TOO_DEEP } from './depth.ts';
import { markColon, withoutColonMark } from '../values.ts';
import { numberIn } from './edn-numbers.ts';

export const END = Symbol('end of input');
/** What a closing bracket reads as, inside its collection only. */
const CLOSED = Symbol('closing bracket');

type Read = Value | typeof END | typeof CLOSED;

const CHARACTERS: Readonly<Record<string, string>> = {
  newline: '\n',
  return: '\r',
  space: ' ',
  tab: '\t',
  formfeed: '\f',
  backspace: '\b',
}; // prettier-ignore
const ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  t: '\t',
  b: '\b',
  f: '\f',
  '"': '"',
  '\\': '\\',
}; // prettier-ignore
const CLOSING: Readonly<Record<string, string>> = { '[': ']', '(': ')', '{': '}' };

const BLANK = /\s/;
/** What ends a number, symbol or keyword, of ASCII. */
const ENDS = new Uint8Array(128);
for (const character of '\t\n\v\f\r ,;"()[]{}\\') ENDS[character.charCodeAt(0)] = 1;
const SMALL = /^(?:0|[1-9]\d{0,14})$/;

/** The text of a keyword, or of a string that reads like one, without its colon; other texts as they are. */
export function textOfKeyword(text: string): string {
  const bare = withoutColonMark(text);
  return bare.startsWith(':') ? bare.slice(1) : bare;
}

export class EdnReader {
  readonly #text: string;
  #at = 0;
  #line = 1;
  #counted = 0;
  #depth = 0;
  /** Line on which the value that was read last begins: behind what was discarded before it. */
  begins = 1;

  /** @param line what the text's first line is called */
  constructor(text: string, line = 1) {
    this.#text = text;
    this.#line = line;
  }

  /** 1-based line of the place reached. */
  get line(): number {
    for (; this.#counted < Math.min(this.#at, this.#text.length); this.#counted++) {
      if (this.#text.charCodeAt(this.#counted) === 10) this.#line++;
    }
    return this.#line;
  }

  /** The next value, or END. */
  next(): Value | typeof END {
    const value = this.#read(undefined);
    if (value === CLOSED) throw this.#bad('This closes nothing.');
    return value;
  }

  #bad(reason: string): BadHistory {
    return new BadHistory(reason, this.line);
  }

  #skipBlanks(): void {
    for (; this.#at < this.#text.length; this.#at++) {
      const code = this.#text.charCodeAt(this.#at);
      if (code === 0x20 || code === 0x2c || (code >= 9 && code <= 13)) continue;
      if (code === 0x3b) {
        const newline = this.#text.indexOf('\n', this.#at);
        this.#at = newline < 0 ? this.#text.length - 1 : newline;
      } else if (code < 0x80 || !BLANK.test(this.#text[this.#at])) {
        return;
      }
    }
  }

  #read(close: string | undefined): Read {
    for (;;) {
      this.#skipBlanks();
      const character = this.#text[this.#at];
      if (character === undefined) return END;
      if (character === ')' || character === ']' || character === '}') {
        if (character !== close) throw this.#bad(`'${character}' closes nothing.`);
        this.#at++;
        return CLOSED;
      }
      if (character === '#' && this.#text[this.#at + 1] === '_') {
        this.#at += 2;
        this.#value();
        continue;
      }
      if (this.#depth === 0) this.begins = this.line;
      return this.#form(character);
    }
  }

  /** A value where there must be one. */
  #value(): Value {
    // Tags, metadata and discards nest as brackets do.
    this.#deepen();
    const value = this.#read(undefined);
    this.#depth--;
    if (value === END) throw this.#bad('The file ends within a value.');
    if (value === CLOSED) throw this.#bad('A value is missing here.');
    return value;
  }

  #form(character: string): Value {
    switch (character) {
      case '"':
        return this.#string();
      case '\\':
        return this.#character();
      case '[':
      case '(':
        return this.#items(character);
      case '{':
        return mapOf(this.#items(character), (reason) => this.#bad(reason));
      case '#':
        return this.#dispatch();
      case '^':
        // Metadata says nothing about the value that follows it.
        this.#at++;
        this.#value();
        return this.#value();
      default:
        return this.#token();
    }
  }

  #deepen(): void {
    if (++this.#depth > DEPTH_MAX) throw this.#bad(TOO_DEEP);
  }

  #items(open: string): Value[] {
    this.#at++;
    this.#deepen();
    const items: Value[] = [];
    for (;;) {
      const item = this.#read(CLOSING[open]);
      if (item === END) throw this.#bad(`The file ends before '${CLOSING[open]}'.`);
      if (item === CLOSED) break;
      items.push(item);
    }
    this.#depth--;
    return items;
  }

  #dispatch(): Value {
    this.#at++;
    const character = this.#text[this.#at];
    if (character === '{') return { '#set': sorted(this.#items('{')) };
    if (character === '"') return this.#string();
    if (character === '#') {
      this.#at++;
      return `##${this.#rawToken()}`;
    }
    this.#rawToken(); // the tag
    return this.#value();
  }

  #string(): string {
    const parts: string[] = [];
    let start = ++this.#at;
    for (;;) {
      const character = this.#text[this.#at];
      if (character === undefined) throw this.#bad('The file ends within a string.');
      if (character !== '"' && character !== '\\') {
        this.#at++;
        continue;
      }
      parts.push(this.#text.slice(start, this.#at));
      this.#at++;
      if (character === '"') return this.#unmarked(parts.join(''));
      parts.push(this.#escape());
      start = this.#at;
    }
  }

  /** Refuses what could be taken for a marked number or string; marks what could be taken for a keyword. */
  #unmarked(text: string): string {
    if (/^\0-?\d/.test(text)) throw this.#bad('A string must not begin with NUL and a digit.');
    if (text.startsWith('\0:')) throw this.#bad('A string must not begin with NUL and a colon.');
    return markColon(text);
  }

  #escape(): string {
    const escaped = this.#text[this.#at++];
    if (escaped === 'u') {
      const digits = this.#text.slice(this.#at, this.#at + 4);
      if (!/^[\da-fA-F]{4}$/.test(digits)) throw this.#bad('\\u must be followed by four hexadecimal digits.');
      this.#at += 4;
      return String.fromCharCode(Number.parseInt(digits, 16));
    }
    const character = ESCAPES[escaped];
    if (character === undefined) throw this.#bad(`\\${escaped ?? ''} is no escape of EDN.`);
    return character;
  }

  #character(): string {
    this.#at++;
    const first = this.#text[this.#at];
    if (first === undefined) throw this.#bad('The file ends within a character.');
    const name = /[A-Za-z]/.test(first) ? this.#rawToken() : first;
    if (name === first) this.#at += name === this.#text[this.#at] ? 1 : 0;
    if (name.length === 1) return name;
    if (/^u[\da-fA-F]{4}$/.test(name)) return String.fromCharCode(Number.parseInt(name.slice(1), 16));
    const character = CHARACTERS[name];
    if (character === undefined) throw this.#bad(`\\${name} is no character of EDN.`);
    return character;
  }

  #rawToken(): string {
    const text = this.#text;
    const start = this.#at;
    for (; this.#at < text.length; this.#at++) {
      const code = text.charCodeAt(this.#at);
      if (code < 0x80 ? ENDS[code] === 1 : BLANK.test(text[this.#at])) break;
    }
    if (this.#at === start) throw this.#bad('A name is missing here.');
    return text.slice(start, this.#at);
  }

  #token(): Value {
    const token = this.#rawToken();
    if (token.startsWith(':')) return token;
    if (SMALL.test(token)) return Number(token);
    if (token === 'nil') return null;
    if (token === 'true') return true;
    if (token === 'false') return false;
    const number = /\d/.test(token) ? numberIn(token) : undefined;
    if (number !== undefined) return number;
    if (/^(?![+-]\d)[\p{L}*+!_?$%&=<>/.|'-]/u.test(token)) return token;
    throw this.#bad(`${JSON.stringify(token.slice(0, 40))} is neither a number nor a name.`);
  }
}

const textOf = (value: Value): string => JSON.stringify(value);
const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function sorted(values: readonly Value[]): Value[] {
  return [...values].sort((a, b) => byText(textOf(a), textOf(b)));
}

/** Equal keys are refused, as Clojure refuses them: readers differ in which they take. */
function mapOf(items: readonly Value[], bad: (reason: string) => BadHistory): Value {
  if (items.length % 2 !== 0) throw bad('A map has a key without a value.');
  const entries: [Value, Value][] = [];
  for (let at = 0; at < items.length; at += 2) entries.push([items[at], items[at + 1]]);
  const named = entries.every(isNamed);
  const nameOf = named
    ? ([key]: [Value, Value]): string => key as string
    : ([key]: [Value, Value]): string => textOf(key);
  entries.sort((a, b) => byText(nameOf(a), nameOf(b)));
  const twice = entries.find((entry, at) => at > 0 && nameOf(entry) === nameOf(entries[at - 1]));
  if (twice !== undefined) throw bad(`A map has ${nameOf(twice).slice(0, 60)} twice.`);
  return named ? Object.fromEntries(entries as [string, Value][]) : { '#map': entries };
}

const isNamed = (entry: [Value, Value]): boolean => typeof entry[0] === 'string';
