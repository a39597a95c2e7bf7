/** Writes histories: as our journal, and as EDN for the tools of Jepsen. */
import { METHODS, CAS, FAIL, HAS_ACTUAL, MISMATCH, NONE, OK, READ, ROLES, TRANSACTION } from '../history.ts';
import type { History, PlacedNote } from '../history.ts';
import type { Value } from '../operation.ts';
import { eventsInOrder } from './events.ts';
import { TUPLED } from './edn.ts';
import { HEADER } from './form-decoder.ts';
import { parseJson } from './json.ts';
import type { Header } from './jsonl.ts';
import { answersAtEnd } from '../event-fields.ts';
import { jsonOf, KEYWORD, withoutColonMark } from '../values.ts';

/** How one format writes an event; texts of values are JSON. */
interface Notation {
  /** `fields` are names with texts in the notation, in order. */
  event(fields: readonly (readonly [string, string])[]): string;
  /** A value, from its JSON text. */
  value(json: string): string;
  /** A name of a type, a method or an error. */
  word(name: string): string;
  list(parts: readonly string[]): string;
}

const json: Notation = {
  event: (fields) => `{${fields.map(([name, text]) => `"${name}":${text}`).join(',')}}\n`,
  value: (text) => text,
  word: (name) => JSON.stringify(name),
  list: (parts) => `[${parts.join(',')}]`,
};

const edn: Notation = {
  event: (fields) => `{${fields.map(([name, text]) => `:${name} ${text}`).join(', ')}}\n`,
  value: (text) => (/^-?\d+$/.test(text) ? text : ednOf(parseJson(text))),
  word: (name) => `:${name}`,
  list: (parts) => `[${parts.join(' ')}]`,
};

/** A value as EDN; `EdnReader` reads it back. */
function ednOf(value: Value): string {
  if (value === null) return 'nil';
  if (typeof value === 'string') {
    if (KEYWORD.test(value)) return value;
    if (/^\0-?\d/.test(value)) return value.slice(1); // a marked number
    return JSON.stringify(withoutColonMark(value));
  }
  if (typeof value !== 'object') return String(value);
  if (Array.isArray(value)) return `[${value.map(ednOf).join(' ')}]`;
  const entries = Object.entries(value as { readonly [name: string]: Value });
  const [only] = entries;
  if (entries.length === 1 && only !== undefined && Array.isArray(only[1])) {
    const parts = only[1] as readonly Value[];
    if (only[0] === '#set') return `#{${parts.map(ednOf).join(' ')}}`;
    if (only[0] === '#map')
      return `{${parts.map((pair) => (pair as readonly Value[]).map(ednOf).join(' ')).join(' ')}}`;
  }
  return `{${entries.map(([name, inner]) => `${ednOf(name)} ${ednOf(inner)}`).join(', ')}}`;
}

/** Yields the text of our journal, in pieces. */
export const writeJsonl = (history: History): Generator<string, void, undefined> => written(history, json, false);

/**
 * Yields the text of a history in EDN, one map a line, in pieces. With more than one key, values are independent tuples,
 * `[key value]`, unless there are operations of several keys: then each event names its `:key`. The journal's header stands before them, in a comment.
 */
export function* writeEdn(history: History, header?: Header): Generator<string, void, undefined> {
  const tupled = isTupled(history);
  if (tupled) yield TUPLED;
  // JSON has no line ends of its own.
  if (header !== undefined) yield `${HEADER}${JSON.stringify(header)}\n`;
  yield* written(history, edn, tupled);
}

/** Whether `writeEdn` makes tuples, and says so: tools that do not read its first line, a comment, must be told `independent`. */
export function isTupled({ keys, batch, length }: History): boolean {
  for (let row = 0; row < length; row++) if (batch[row] !== NONE) return false;
  return keys.length > 1;
}

const PIECE = 1 << 16;

function* written(history: History, notation: Notation, tupled: boolean): Generator<string, void, undefined> {
  let piece = '';
  let index = 0;
  const add = (fields: readonly (readonly [string, string])[]): void => {
    piece += notation.event([['index', String(index++)], ...fields]);
  };
  const writer = new EventWriter(history, notation, tupled);
  const events = eventsInOrder(history, {
    invocation: (row) => add(writer.invocation(row)),
    completion: (row) => add(writer.completion(row)),
    note: (note) => add(writer.note(note)),
  });
  for (const _ of events) {
    if (piece.length < PIECE) continue;
    yield piece;
    piece = '';
  }
  if (piece !== '') yield piece;
}

type Fields = (readonly [string, string])[];

class EventWriter {
  readonly #history: History;
  readonly #notation: Notation;
  readonly #tupled: boolean;
  readonly #keys: readonly string[];

  constructor(history: History, notation: Notation, tupled: boolean) {
    this.#history = history;
    this.#notation = notation;
    this.#tupled = tupled;
    this.#keys = history.keys.map((key) => notation.value(JSON.stringify(key)));
  }

  invocation(row: number): Fields {
    const { callTime, intended, sessions, session, devices, device, paths, path } = this.#history;
    const fields = this.#head(row, 'invoke', callTime[row], false);
    this.#name(fields, 'session', sessions[session[row]]);
    this.#name(fields, 'device', devices[device[row]]);
    this.#name(fields, 'path', paths[path[row]]);
    if (!Number.isNaN(intended[row])) fields.push(['intended', String(intended[row])]);
    return fields;
  }

  completion(row: number): Fields {
    const { outcome, flags, actual, retTime, nodes, node, role, values } = this.#history;
    const type = outcome[row] === OK ? 'ok' : outcome[row] === FAIL ? 'fail' : 'info';
    const fields = this.#head(row, type, retTime[row], outcome[row] === OK);
    if ((flags[row] & MISMATCH) !== 0) fields.push(['error', this.#notation.word('mismatch')]);
    if ((flags[row] & HAS_ACTUAL) !== 0) fields.push(['actual', this.#notation.value(values.json(actual[row]))]);
    this.#name(fields, 'node', nodes[node[row]]);
    this.#name(fields, 'role', ROLES[role[row]]);
    const version = this.#rowsOf(row).map((part) => this.#position(part, 'version'));
    if (version.some((text) => text !== undefined)) {
      const [first] = version;
      fields.push([
        'version',
        this.#isReadMany(row)
          ? this.#notation.list(version.map((text) => text ?? this.#null()))
          : (first ?? this.#null()),
      ]); // prettier-ignore
    }
    const position = this.#position(row, 'position');
    if (position !== undefined) fields.push(['position', position]);
    return fields;
  }

  note({ time, process, f, value }: PlacedNote): Fields {
    const { value: valueOf, word } = this.#notation;
    const isWord = KEYWORD.test(`:${process}`) && KEYWORD.test(`:${f}`);
    const nameOf = (name: string): string => (isWord ? word(name) : JSON.stringify(name));
    const fields: Fields = Number.isNaN(time) ? [] : [['time', String(time)]];
    return [
      ...fields,
      ['process', nameOf(process)],
      ['type', word('info')],
      ['f', nameOf(f)],
      ['value', valueOf(JSON.stringify(value))],
    ];
  }

  /** `answered`: whether what was read is told, and not only what was asked. */
  #head(row: number, type: string, time: number, answered: boolean): Fields {
    const { f, flags, process, batch, key } = this.#history;
    const { word } = this.#notation;
    const many = batch[row] !== NONE;
    const method = !many ? METHODS[f[row]] : (flags[row] & TRANSACTION) === 0 ? 'readMany' : 'txn';
    const fields: Fields = Number.isNaN(time) ? [] : [['time', String(time)]];
    fields.push(['process', String(process[row])], ['type', word(type)], ['f', word(method)]);
    if (many) {
      fields.push(['value', this.#notation.list(this.#rowsOf(row).map((part) => this.#part(part, answered)))]);
      return fields;
    }
    const value = this.#value(row, answered);
    if (this.#tupled) return [...fields, ['value', this.#notation.list([this.#keys[key[row]], value])]];
    return [...fields, ['key', this.#keys[key[row]]], ['value', value]];
  }

  #value(row: number, answered: boolean): string {
    const { f, outcome, value, expected, values } = this.#history;
    const text = (reference: number): string => this.#notation.value(values.json(reference));
    if (f[row] === CAS) return this.#notation.list([text(expected[row]), text(value[row])]);
    if (answered || outcome[row] !== OK || !answersAtEnd(f[row])) return text(value[row]);
    // What was asked is not kept where the answer has taken its place, but for what was sent.
    const told = METHODS[f[row]] === 'send' ? parseJson(values.json(value[row])) : null;
    return Array.isArray(told) && told.length === 2 ? this.#notation.value(jsonOf(told[1] as Value)) : this.#null();
  }

  /** One operation of a batch: of a `readMany` its key, then its answer; of a transaction `["r", key, value]`. */
  #part(row: number, answered: boolean): string {
    const { f, flags, key } = this.#history;
    if ((flags[row] & TRANSACTION) === 0) return answered ? this.#value(row, true) : this.#keys[key[row]];
    const name = METHODS[f[row]] === 'append' ? 'append' : f[row] === READ ? 'r' : 'w';
    return this.#notation.list([this.#notation.word(name), this.#keys[key[row]], this.#value(row, answered)]);
  }

  #rowsOf(row: number): number[] {
    const { batch, length } = this.#history;
    const rows = [row];
    if (batch[row] !== NONE) for (let next = row + 1; next < length && batch[next] === row; next++) rows.push(next);
    return rows;
  }

  #isReadMany(row: number): boolean {
    return this.#history.batch[row] !== NONE;
  }

  #position(row: number, which: 'version' | 'position'): string | undefined {
    const { groups, values } = this.#history;
    const group = groups[this.#history[`${which}Group`][row]];
    if (group === undefined) return undefined;
    const history = this.#notation.value(values.json(this.#history[`${which}History`][row]));
    return this.#notation.list([JSON.stringify(group), history, String(this.#history[`${which}At`][row])]);
  }

  #name(fields: Fields, name: string, text: string | undefined): void {
    if (text !== undefined) fields.push([name, JSON.stringify(text)]);
  }

  #null(): string {
    return this.#notation.value('null');
  }
}
