/**
 * The way into a {@link History}: events in the order of the journal, or operations with times.
 *
 * Codecs that must not make an object per event fill an {@link EventFields} and hand it to `HistoryBuilder.put`.
 */
import { CAS, FAIL, HAS_ACTUAL, INFO, METHODS, MISMATCH, NONE, OK, READ, ROLES, TRANSACTION, WRITE } from './history.ts';
import type { History, PlacedNote } from './history.ts';
import type { Event, Key, Outcome, Position, Value } from './operation.ts';
import { Rows } from './rows.ts';
import { decodeKeys, historyOf } from './table.ts';
import { Texts } from './texts.ts';
import { NULL_REF, Values, jsonOf, unmarked } from './values.ts';

/** Why some input is no history: one sentence, and the line it is about. */
export class BadHistory extends Error {
  /** One sentence that ends with a full stop, without file and line. */
  readonly reason: string;
  /** 1-based; undefined for histories made through the API. */
  readonly line: number | undefined;
  readonly file: string | undefined;
  constructor(reason: string, line?: number, file?: string) {
    const where = [file, line === undefined ? undefined : `line ${line}`].filter((part) => part !== undefined).join(', ');
    super(where === '' ? reason : `${where}: ${reason}`);
    this.name = 'BadHistory';
    this.reason = reason;
    this.line = line;
    this.file = file;
  }
}

/** `EventFields.type` besides OK, FAIL and INFO. */
export const INVOKE = 3;

/** `EventFields.f` beyond METHODS: the two that become several rows. */
export const READ_MANY = METHODS.length;
export const TXN = METHODS.length + 1;

/** Event types and methods by name, as codes. */
export const typeCodes: ReadonlyMap<string, number> = new Map([['ok', OK], ['fail', FAIL], ['info', INFO], ['invoke', INVOKE]]); // prettier-ignore
export const methodCodes: ReadonlyMap<string, number> = new Map<string, number>([
  ...METHODS.map((name, code): [string, number] => [name, code]),
  ['put', WRITE],
  ['get', READ],
  ['readMany', READ_MANY],
  ['txn', TXN],
]);

/** One operation's event, by codes and references. Made once, filled for each event: `clear()` first. */
export class EventFields {
  type = INVOKE;
  f = READ;
  process = 0;
  time = Number.NaN;
  /** The journal's own number of the event; NONE: its place in the order. */
  index = NONE;
  key = NONE;
  /** Of a cas: the next value. Not used by `readMany` and `txn`. */
  value = NULL_REF;
  expected = NONE;
  actual = NONE;
  mismatch = false;
  session = NONE;
  device = NONE;
  path = NONE;
  node = NONE;
  role = 255;
  intended = Number.NaN;
  versionGroup = NONE;
  versionHistory = NONE;
  versionAt = Number.NaN;
  positionGroup = NONE;
  positionHistory = NONE;
  positionAt = Number.NaN;
  /** The value of a `readMany` or `txn`, and the versions of a `readMany`. */
  list: Value = null;
  versions: readonly unknown[] | undefined = undefined;

  clear(): void {
    this.index = this.key = this.expected = this.actual = this.session = this.device = this.path = this.node = NONE;
    this.versionGroup = this.versionHistory = this.positionGroup = this.positionHistory = NONE;
    this.time = this.intended = this.versionAt = this.positionAt = Number.NaN;
    this.value = NULL_REF;
    this.mismatch = false;
    this.role = 255;
    this.list = null;
    this.versions = undefined;
  }
}

/** Invoked with no rows at all: a `readMany` of no keys. */
const EMPTY_BATCH = -2;
/** Processes below this are looked up in an array, others in a Map. */
const DIRECT_PROCESSES = 1 << 22;

export interface BuilderOptions {
  /** The register of events that name none. Without it, a missing key is a broken line. */
  readonly defaultKey?: Key;
  /** Whether values are Jepsen's independent tuples, `[key, value]`. */
  readonly independent?: boolean;
  /**
   * Whether times may run backwards, as in Jepsen's histories, whose workers read the clock before they queue for the log. A
   * time before its predecessor's is then taken to be that.
   */
  readonly looseTimes?: boolean;
}

type AnyEvent = Event & { readonly index?: number };

/** Takes events in the order of the journal. Every method throws {@link BadHistory} for what cannot be. */
export class HistoryBuilder {
  /** Line of the event at hand, for errors; codecs set it. */
  line: number | undefined = undefined;
  file: string | undefined = undefined;
  readonly values = new Values();
  /** JSON texts of the keys. */
  readonly keys = new Texts();
  readonly sessions = new Texts();
  readonly devices = new Texts();
  readonly paths = new Texts();
  readonly nodes = new Texts();
  readonly groups = new Texts();
  readonly #defaultKey: number;
  readonly #independent: boolean;
  readonly #looseTimes: boolean;
  readonly #rows = new Rows();
  readonly #notes: PlacedNote[] = [];
  readonly #fields = new EventFields();
  /** Row of the open operation of each process, plus one; 0: none. */
  #open = new Int32Array(1024);
  readonly #openHigh = new Map<number, number>();
  #events = 0;
  #operations = 0;
  #lastTime = Number.NEGATIVE_INFINITY;
  #timesBackwards = 0;

  constructor(options: BuilderOptions = {}) {
    this.#independent = options.independent ?? false;
    this.#looseTimes = options.looseTimes ?? false;
    this.#defaultKey = options.defaultKey === undefined ? NONE : this.keys.intern(jsonOf(options.defaultKey));
  }

  /** Makes room at once; wrong guesses cost nothing but address space. */
  reserve(operations: number): void {
    this.#rows.reserve(operations);
  }

  /** Events so far, notes among them. */
  get events(): number {
    return this.#events;
  }

  bad(reason: string): BadHistory {
    return new BadHistory(reason, this.line, this.file);
  }

  /** Any event, as an object of the journal's shape (positions as `["g0",3,118]` or as objects). */
  add(event: AnyEvent): void {
    const raw = event as unknown as Record<string, unknown>; // checked field by field
    if (typeof raw.process !== 'number') {
      this.#addNote(raw);
      return;
    }
    const fields = this.#fields;
    fields.clear();
    this.#readFields(raw, fields);
    this.put(fields);
  }

  /** Events whose time was before that of their predecessor. */
  get timesBackwards(): number {
    return this.#timesBackwards;
  }

  note(note: Omit<PlacedNote, 'at'>): void {
    const time = this.#advance(note.time);
    this.#events++;
    this.#notes.push({ ...note, time, at: this.#rows.positions });
  }

  /** An event whose texts are interned in this builder's tables. */
  put(fields: EventFields): void {
    fields.time = this.#advance(fields.time);
    const index = fields.index === NONE ? this.#events : fields.index;
    this.#events++;
    if (fields.type === INVOKE) this.#invoke(fields, index);
    else this.#complete(fields, index);
  }

  build(): History {
    const eventIndex = this.#rows.eventIndex();
    return historyOf({
      ...this.#rows.columns(),
      values: this.values,
      keys: decodeKeys(this.keys),
      sessions: this.sessions.texts(),
      devices: this.devices.texts(),
      paths: this.paths.texts(),
      nodes: this.nodes.texts(),
      groups: this.groups.texts(),
      notes: this.#notes,
      positions: this.#rows.positions,
      operations: this.#operations,
      ...(eventIndex === undefined ? {} : { eventIndex }),
    });
  }

  #advance(time: number): number {
    if (time < this.#lastTime) {
      if (!this.#looseTimes) throw this.bad(`Time runs backwards, from ${this.#lastTime} to ${time}.`);
      this.#timesBackwards++;
      return this.#lastTime;
    }
    if (time === time) this.#lastTime = time;
    return time;
  }

  #openRow(process: number): number {
    if (process < this.#open.length) return this.#open[process] - 1;
    return (this.#openHigh.get(process) ?? 0) - 1;
  }

  #setOpen(process: number, row: number): void {
    if (process >= this.#open.length && process < DIRECT_PROCESSES) {
      const wider = new Int32Array(2 ** (32 - Math.clz32(process)));
      wider.set(this.#open);
      this.#open = wider;
    }
    if (process < this.#open.length) this.#open[process] = row + 1;
    else if (row === NONE) this.#openHigh.delete(process);
    else this.#openHigh.set(process, row + 1);
  }

  #invoke(fields: EventFields, index: number): void {
    const { process } = fields;
    if (this.#openRow(process) !== NONE) {
      throw this.bad(`Process ${process} invokes an operation while its last one is still open.`);
    }
    this.#operations++;
    this.#setOpen(process, fields.f >= READ_MANY ? this.#invokeBatch(fields, index) : this.#invokeOne(fields, index));
  }

  #invokeOne(fields: EventFields, index: number): number {
    if (fields.key === NONE) fields.key = this.#defaultKey;
    if (fields.key === NONE) throw this.bad(`The ${METHODS[fields.f]} names no key.`);
    if (fields.f === CAS && fields.expected === NONE) throw this.bad('The value of a cas must be [expected, next].');
    if (fields.f === READ) fields.value = NULL_REF;
    return this.#rows.invoke(fields, index, 0, NONE);
  }

  #invokeBatch(fields: EventFields, index: number): number {
    const first = this.#rows.length;
    for (const part of this.#parts(fields)) {
      fields.f = part.f;
      fields.key = part.key;
      fields.value = part.f === READ ? NULL_REF : part.value;
      this.#rows.invoke(fields, index, part.flags, first);
    }
    return this.#rows.length === first ? EMPTY_BATCH : first;
  }

  /** The single operations that the value of a `readMany` (keys) or `txn` (micro-operations) lists. */
  #parts(fields: EventFields): { readonly f: number; readonly key: number; readonly value: number; readonly flags: number }[] {
    const { list } = fields;
    if (fields.f === READ_MANY) {
      if (!Array.isArray(list)) throw this.bad('The value of a readMany must be the list of its keys.');
      return (list as readonly Value[]).map((key) => ({ f: READ, key: this.#key(key), value: NULL_REF, flags: 0 }));
    }
    if (!Array.isArray(list)) throw this.bad('The value of a txn must be a list of ["r"|"w"|"append", key, value].');
    return (list as readonly Value[]).map((part) => {
      const [name, key, value] = Array.isArray(part) ? (part as readonly Value[]) : [];
      const f = name === 'r' ? READ : name === 'w' ? WRITE : name === 'append' ? METHODS.indexOf('append') : NONE;
      if (f === NONE || key === undefined) {
        throw this.bad('Each part of a txn must be ["r"|"w"|"append", key, value].');
      }
      return { f, key: this.#key(key), value: this.values.intern(value ?? null), flags: TRANSACTION };
    });
  }

  #complete(fields: EventFields, index: number): void {
    const { process, type } = fields;
    const first = this.#openRow(process);
    if (first === NONE) throw this.bad(`Process ${process} completes an operation that it never invoked.`);
    const rows = this.#rows;
    this.#setOpen(process, NONE);
    if (first === EMPTY_BATCH) return;
    if (rows.batch(first) !== NONE) {
      this.#completeBatch(fields, index, first);
      return;
    }
    if (rows.f(first) !== fields.f) {
      throw this.bad(`Process ${process} invoked a ${METHODS[rows.f(first)]} and completes another operation.`);
    }
    if (type === OK && fields.key !== NONE && fields.key !== rows.key(first)) {
      throw this.bad(`Process ${process} completes its ${METHODS[fields.f]} on another key than it invoked it on.`);
    }
    let flags = 0;
    if (type === FAIL && fields.f === CAS && fields.mismatch) {
      flags = fields.actual === NONE ? MISMATCH : MISMATCH | HAS_ACTUAL;
    }
    const answers = type === OK && (fields.f === READ || METHODS[fields.f] === 'poll');
    rows.complete(first, fields, index, flags, answers ? fields.value : NONE);
  }

  #completeBatch(fields: EventFields, index: number, first: number): void {
    const rows = this.#rows;
    let end = first;
    while (end < rows.length && rows.batch(end) === first) end++;
    const transaction = rows.isTransaction(first);
    if ((fields.f === TXN) !== transaction || fields.f < READ_MANY) {
      throw this.bad(`Process ${fields.process} completes another operation than it invoked.`);
    }
    const answers = fields.type === OK ? this.#answers(fields, end - first) : undefined;
    for (let row = first; row < end; row++) {
      const version = fields.versions?.[row - first];
      if (fields.versions !== undefined) this.#readPosition(version, 'version', fields);
      const answer = answers?.[row - first] ?? NULL_REF;
      rows.complete(row, fields, index, 0, answers !== undefined && rows.f(row) === READ ? answer : NONE);
    }
  }

  #answers(fields: EventFields, count: number): number[] {
    const { list } = fields;
    if (!Array.isArray(list) || list.length !== count) {
      throw this.bad(`The answer of process ${fields.process} must list ${count} values, one for each it asked for.`);
    }
    const values = list as readonly Value[];
    if (fields.f === READ_MANY) return values.map((value) => this.values.intern(value));
    return this.#parts(fields).map((part) => part.value);
  }

  #key(key: unknown): number {
    if (typeof key !== 'string' && !(typeof key === 'number' && Number.isFinite(key))) {
      throw this.bad(`A key must be a string or a number, not ${JSON.stringify(key) ?? 'nothing'}.`);
    }
    return this.keys.intern(jsonOf(key));
  }

  #addNote(raw: Record<string, unknown>): void {
    const { process, f, value, time } = raw;
    if (typeof process !== 'string') throw this.bad('The event names no process.');
    const typeName = raw.type;
    if (typeof typeName !== 'string' || !typeCodes.has(typeName)) throw this.bad(unknownType(typeName));
    this.note({
      type: 'info',
      time: time === undefined ? Number.NaN : this.#instant(time, 'time'),
      process,
      f: typeof f === 'string' ? f : String(f ?? ''),
      value: (value ?? null) as Value, // came out of JSON or EDN
    });
  }

  #instant(time: unknown, name: string): number {
    const number = unmarked(time);
    if (typeof number !== 'number' || !Number.isFinite(number)) {
      throw this.bad(`The ${name} must be a number of nanoseconds.`);
    }
    return number;
  }

  #readFields(raw: Record<string, unknown>, fields: EventFields): void {
    const { type, f, process, time, index, key, session, device, path, node, role, intended } = raw;
    const typeCode = typeof type === 'string' ? typeCodes.get(type) : undefined;
    if (typeCode === undefined) throw this.bad(unknownType(type));
    const method = typeof f === 'string' ? methodCodes.get(f) : undefined;
    if (method === undefined) throw this.bad(unknownMethod(f));
    if (!Number.isInteger(process) || (process as number) < 0 || (process as number) > 0x7fffffff) {
      throw this.bad(`A process must be an integer from 0, not ${String(process)}.`);
    }
    fields.type = typeCode;
    fields.f = method;
    fields.process = process as number; // checked above
    if (time !== undefined && time !== null) fields.time = this.#instant(time, 'time');
    if (typeof index === 'number' && Number.isInteger(index) && index >= 0 && index <= 0x7fffffff) fields.index = index;
    if (key !== undefined && key !== null) fields.key = this.#key(key);
    if (typeof session === 'string') fields.session = this.sessions.intern(session);
    if (typeof device === 'string') fields.device = this.devices.intern(device);
    if (typeof path === 'string') fields.path = this.paths.intern(path);
    if (typeof node === 'string') fields.node = this.nodes.intern(node);
    if (typeof role === 'string' && ROLES.includes(role as never)) fields.role = ROLES.indexOf(role as never);
    const meant = unmarked(intended);
    if (typeof meant === 'number') fields.intended = meant;
    if (raw.error === 'mismatch') fields.mismatch = true;
    if (raw.actual !== undefined) fields.actual = this.values.intern(raw.actual as Value); // came out of JSON or EDN
    this.#readPosition(raw.position, 'position', fields);
    const { version } = raw;
    if (Array.isArray(version) && (version.length === 0 || typeof version[0] !== 'string')) fields.versions = version;
    else this.#readPosition(version, 'version', fields);
    const value = (raw.value ?? null) as Value;
    this.#readValue(this.#independent ? this.#untupled(value, fields) : value, fields);
  }

  /** Takes the key out of an independent tuple. A completion may come without one. */
  #untupled(value: Value, fields: EventFields): Value {
    if (Array.isArray(value) && value.length === 2) {
      const [key, inner] = value as readonly Value[];
      fields.key = this.#key(key);
      return inner;
    }
    if (fields.type === OK || fields.type === INVOKE) throw this.bad('With independent keys, a value must be [key, value].');
    return null;
  }

  #readValue(value: Value, fields: EventFields): void {
    if (fields.f >= READ_MANY) {
      fields.list = value;
    } else if (fields.f === CAS) {
      if (!Array.isArray(value) || value.length !== 2) return; // an invocation without a pair is refused later
      const [expected, next] = value as readonly Value[];
      fields.expected = this.values.intern(expected);
      fields.value = this.values.intern(next);
    } else {
      fields.value = this.values.intern(value);
    }
  }

  /** A position whose place is neither a number nor a numeral cannot be compared, and counts as not reported. */
  #readPosition(position: unknown, which: 'version' | 'position', fields: EventFields): void {
    const { group, history, at } = looksLikePosition(position) ?? {};
    const place = typeof at === 'string' && /^\d{1,15}$/.test(at) ? Number(at) : at;
    const given = typeof group === 'string' && history !== undefined && typeof place === 'number';
    fields[`${which}Group`] = given ? this.groups.intern(group) : NONE;
    fields[`${which}History`] = given ? this.values.intern(history) : NONE;
    fields[`${which}At`] = given ? place : Number.NaN;
  }
}

function looksLikePosition(position: unknown): Partial<Position> | undefined {
  if (Array.isArray(position)) {
    const [group, history, at] = position as readonly unknown[];
    return { group, history, at } as Partial<Position>; // each part is checked by the caller
  }
  return typeof position === 'object' && position !== null ? (position as Partial<Position>) : undefined;
}

const unknownType = (type: unknown): string =>
  `The type must be invoke, ok, fail or info, not ${JSON.stringify(type) ?? 'missing'}.`;
const unknownMethod = (f: unknown): string =>
  `The operation must be one of ${[...methodCodes.keys()].join(', ')}, not ${JSON.stringify(f) ?? 'missing'}.`;

/** A history from events in their order. `line` is undefined in its errors. */
export function historyFromEvents(events: Iterable<AnyEvent>, options: BuilderOptions = {}): History {
  const builder = new HistoryBuilder(options);
  for (const event of events) builder.add(event);
  return builder.build();
}

/** A register operation of which only its span in time is known. */
export interface SpannedOperation {
  /** Absent: a process of its own. */
  readonly process?: number;
  readonly f: 'read' | 'write' | 'cas' | 'add' | 'append' | 'send' | 'poll' | 'put' | 'get';
  readonly key?: Key;
  /** What was written, what was read; of a cas `[expected, next]`. */
  readonly value: Value;
  readonly outcome?: Outcome;
  /** In any unit. `ret` is absent where nothing came back. */
  readonly call: number;
  readonly ret?: number;
  readonly session?: string;
  readonly path?: string;
  readonly node?: string;
  readonly error?: string;
  readonly actual?: Value;
}

/**
 * A history from operations without an order of events, given in any order. Ties count as concurrent: of events at one
 * time, invocations come before completions. So an operation that begins when another of its process ends overlaps it.
 *
 * @throws BadHistory when an operation ends before it begins
 */
export function historyFromOperations(operations: Iterable<SpannedOperation>, options: BuilderOptions = {}): History {
  const list = [...operations];
  const events: { readonly at: number; readonly order: 0 | 1; readonly operation: number }[] = [];
  list.forEach(({ call, ret }, operation) => {
    events.push({ at: call, order: 0, operation });
    if (ret === undefined) return;
    if (!(ret >= call)) throw new BadHistory(`Operation ${operation} ends at ${ret}, before it begins at ${call}.`);
    events.push({ at: ret, order: 1, operation });
  });
  events.sort((a, b) => a.at - b.at || a.order - b.order || a.operation - b.operation);
  // Each operation is its own process while building, for operations of one process may overlap here.
  const builder = new HistoryBuilder({ defaultKey: 'x', ...options });
  for (const { at, order, operation } of events) {
    const { call: _call, ret: _ret, process: _process, outcome = 'ok', ...fields } = list[operation];
    const type = order === 0 ? 'invoke' : outcome;
    builder.add({ ...fields, type, time: at, process: operation } as AnyEvent);
  }
  const history = builder.build();
  // Rows are in the order of invocation, as the invocations are among the events.
  let row = 0;
  const process = new Int32Array(new SharedArrayBuffer(history.length * 4));
  for (const { order, operation } of events) if (order === 0) process[row++] = list[operation].process ?? operation;
  const { filter: _filter, operation: _operation, length: _length, ...parts } = history;
  return historyOf({ ...parts, process });
}
