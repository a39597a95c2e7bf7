/**
 * The way into a {@link History}: events in the order of the journal, or operations with times.
 *
 * Codecs that must not make an object per event fill an {@link EventFields} and hand it to `HistoryBuilder.put`.
 *
 * long because: what may follow what in a history is decided in this one place, whoever hands the events over.
 */
import { BadHistory } from './bad-history.ts';
import { EventFields, INVOKE, ONLY_LOCK, partCodes, READ_MANY, TXN, tellsNews, typeCodes } from './event-fields.ts';
import { EventReader, namedClient, Tables, unknownType } from './event-reader.ts';
import { CAS, FAIL, HAS_ACTUAL, METHODS, MISMATCH, NEVER, NONE, OK, READ, TRANSACTION, WRITE } from './history.ts';
import type { History, PlacedNote } from './history.ts';
import { entry, type Growing, type Listener } from './growing.ts';
import type { Event, Key, Outcome, Value } from './operation.ts';
import type { Choice, Dealing } from './dealing.ts';
import { EMPTY_BATCH, Overlapping, type Part } from './overlapping.ts';
import { Rows } from './rows.ts';
import { decodeKeys, historyOf } from './table.ts';
import type { Texts } from './texts.ts';
import { jsonOf, NULL_REF, type Values, withoutMarks } from './values.ts';

export { BadHistory } from './bad-history.ts';
export { EventFields, INVOKE } from './event-fields.ts';

/** Processes below this are looked up in an array, others in a Map. */
const DIRECT_PROCESSES = 1 << 22;

const LOCKING: ReadonlySet<string> = new Set(['acquire', 'release']);

export interface BuilderOptions {
  /**
   * The object of histories that name none. Without it, and where other operations name their keys, a missing key is a broken
   * line.
   */
  readonly defaultKey?: Key;
  /** Whether values are Jepsen's independent tuples, `[key, value]`. */
  readonly independent?: boolean;
  /**
   * Whether times may run backwards, as in Jepsen's histories, whose workers read the clock before they queue for the log. A
   * time before its predecessor's is then taken to be that.
   */
  readonly looseTimes?: boolean;
  /**
   * What a process that invokes an operation while its last one is open means. By default it is a mistake of whoever
   * recorded, and refused. `overlapping`: the operations are concurrent, as if each were a process of its own; a completion
   * belongs to the oldest of them that it can belong to (same method and key, same written value or cas pair). The
   * history keeps the process's number for all of them: without a session it is their session, in which those that overlap
   * have no order.
   */
  readonly processes?: 'sequential' | 'overlapping';
  /** How to allow that, for the error that refuses it: the end of a sentence. */
  readonly overlapAdvice?: string;
}

export type AnyEvent = Event & { readonly index?: number };

/** Takes events in the order of the journal. Every method throws {@link BadHistory} for what cannot be. */
export class HistoryBuilder {
  file: string | undefined = undefined;
  /** Told what happens as it happens; see {@link growing}. */
  listener: Listener | undefined = undefined;
  /** Where keys (by their JSON text), values and names are interned; for those who call `put`. */
  readonly tables = new Tables();
  readonly #defaultKey: Key | undefined;
  readonly #reader: EventReader;
  readonly #looseTimes: boolean;
  readonly #rows = new Rows();
  readonly #notes: PlacedNote[] = [];
  readonly #fields = new EventFields();
  /** Row of the open operation of each process, plus one; 0: none. */
  #open = new Int32Array(1024);
  readonly #growing: Growing;
  readonly #openHigh = new Map<number, number>();
  readonly #overlapping: Overlapping | undefined;
  readonly #overlapAdvice: string | undefined;
  /** The number of that key, once there is one. */
  #only = NONE;
  /** Whether single operations name their keys; undefined: there was none. */
  #namesKeys: boolean | undefined;
  #events = 0;
  #operations = 0;
  #lastTime = Number.NEGATIVE_INFINITY;
  #timesBackwards = 0;

  /** @param chosen see {@link choices}; by default the oldest read is answered first */
  constructor(options: BuilderOptions = {}, chosen: readonly number[] = []) {
    this.#reader = new EventReader(this.tables, options.independent ?? false, (reason) => this.bad(reason));
    this.#looseTimes = options.looseTimes ?? false;
    this.#overlapAdvice = options.overlapAdvice;
    if (options.processes === 'overlapping') {
      this.#overlapping = new Overlapping(this.#rows, (fields) => this.#parts(fields), chosen);
    }
    this.#defaultKey = options.defaultKey;
    this.#growing = growingOf(this, this.#rows);
  }

  /** Makes room at once; wrong guesses cost nothing but address space. */
  reserve(operations: number): void {
    this.#rows.reserve(operations);
  }

  /** 1-based line of the event at hand; codecs set it. */
  get line(): number | undefined {
    const { line } = this.#rows.lines;
    return line === 0 ? undefined : line;
  }

  set line(line: number) {
    this.#rows.lines.line = line;
  }

  get keys(): Texts {
    return this.tables.keys;
  }

  get values(): Values {
    return this.tables.values;
  }

  /**
   * Answers so far of which nobody knows to which of several overlapping reads of a process they belong. Another builder
   * that is given the same events, and for each choice the number of a row in it, reads them that way.
   */
  get choices(): readonly Choice[] {
    return this.#overlapping?.choices ?? [];
  }

  /** How the answers of such reads were dealt; undefined where processes do not overlap. */
  get dealing(): Dealing | undefined {
    return this.#overlapping?.dealing;
  }

  /** What there is so far. It is the same object from beginning to end. */
  get growing(): Growing {
    return this.#growing;
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
    this.#reader.read(raw, fields);
    this.put(fields);
  }

  /** Events whose time was before that of their predecessor. */
  get timesBackwards(): number {
    return this.#timesBackwards;
  }

  note(note: Omit<PlacedNote, 'at'>): void {
    const time = this.#advance(note.time);
    this.#events++;
    const placed: PlacedNote = { ...note, time, at: this.#rows.positions };
    this.#notes.push(placed);
    this.listener?.noted(placed);
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
    const lines = this.#rows.lines.lines();
    return historyOf({
      ...this.#rows.columns(),
      values: this.tables.values,
      keys: decodeKeys(this.tables.keys),
      sessions: this.tables.sessions.texts(),
      devices: this.tables.devices.texts(),
      paths: this.tables.paths.texts(),
      nodes: this.tables.nodes.texts(),
      groups: this.tables.groups.texts(),
      notes: this.#notes,
      positions: this.#rows.positions,
      operations: this.#operations,
      ...(eventIndex === undefined ? {} : { eventIndex }),
      ...(lines === undefined ? {} : { lines }),
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
    const open = this.#openRow(process);
    if (open !== NONE && this.#overlapping === undefined) {
      const advice = this.#overlapAdvice === undefined ? '' : `; where that is meant, ${this.#overlapAdvice}`;
      throw this.bad(
        `Process ${process} invokes an operation while its last one${this.#invokedOn(open)} is still open${advice}.`,
      );
    }
    this.#operations++;
    const row = fields.f >= READ_MANY ? this.#invokeBatch(fields, index) : this.#invokeOne(fields, index);
    if (open === NONE) this.#setOpen(process, row);
    else this.#overlapping?.begin(process, open, row);
    if (this.listener === undefined || row === EMPTY_BATCH) return;
    for (let one = row; one < this.#rows.length; one++) this.listener.invoked(one);
  }

  #invokeOne(fields: EventFields, index: number): number {
    if (fields.key === NONE) fields.key = this.#onlyKey(fields.f);
    else if (this.#namesKeys !== true) this.#beginKeys(fields.f);
    if (fields.f === CAS && fields.expected === NONE) throw this.bad('The value of a cas must be [expected, next].');
    if (fields.f === READ) fields.value = NULL_REF;
    return this.#rows.invoke(fields, index, 0, NONE);
  }

  /** The key of an operation that names none, in a history in which none does. */
  #onlyKey(f: number): number {
    if (this.#only !== NONE && this.#namesKeys === false) return this.#only;
    if (this.#namesKeys === true || this.#defaultKey === undefined) throw this.bad(`The ${METHODS[f]} names no key.`);
    this.#namesKeys = false;
    const key = LOCKING.has(METHODS[f]) ? ONLY_LOCK : this.#defaultKey;
    this.#only = this.tables.keys.intern(jsonOf(key));
    return this.#only;
  }

  #beginKeys(f: number): void {
    if (this.#namesKeys === false) {
      throw this.bad(`The ${METHODS[f]} names a key, and operations before it named none.`);
    }
    this.#namesKeys = true;
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
  #parts(fields: EventFields): Part[] {
    const { list } = fields;
    if (fields.f === READ_MANY) {
      if (!Array.isArray(list)) throw this.bad('The value of a readMany must be the list of its keys.');
      return (list as readonly Value[]).map((key) => ({
        f: READ,
        key: this.#reader.key(key),
        value: NULL_REF,
        flags: 0,
      }));
    }
    if (!Array.isArray(list)) throw this.bad('The value of a txn must be a list of ["r"|"w"|"append", key, value].');
    return (list as readonly Value[]).map((part) => {
      const [name, key, value] = Array.isArray(part) ? (part as readonly Value[]) : [];
      const f = typeof name === 'string' ? partCodes.get(name) : undefined;
      if (f === undefined || key === undefined) {
        throw this.bad('Each part of a txn must be ["r"|"w"|"append", key, value].');
      }
      return { f, key: this.#reader.key(key), value: this.tables.values.intern(value ?? null), flags: TRANSACTION };
    });
  }

  #complete(fields: EventFields, index: number): void {
    const { process, type } = fields;
    const first = this.#close(fields);
    const rows = this.#rows;
    if (first === EMPTY_BATCH) return;
    if (rows.batch(first) !== NONE) {
      this.#completeBatch(fields, index, first);
      return;
    }
    if (rows.f(first) !== fields.f) {
      const what = `${METHODS[rows.f(first)]}${this.#invokedOn(first)}`;
      throw this.bad(`Process ${process} invoked a ${what} and completes another operation.`);
    }
    if (type === OK && fields.key !== NONE && fields.key !== rows.key(first)) {
      const what = `${METHODS[fields.f]}${this.#invokedOn(first)}`;
      throw this.bad(`Process ${process} completes its ${what} on another key than it invoked it on.`);
    }
    if (type === OK && (fields.f === WRITE || fields.f === CAS)) this.#checkRepeated(fields, first);
    let flags = 0;
    if (type === FAIL && fields.f === CAS && fields.mismatch) {
      flags = fields.actual === NONE ? MISMATCH : MISMATCH | HAS_ACTUAL;
    }
    rows.complete(first, fields, index, flags, type === OK && tellsNews(fields) ? fields.value : NONE);
    this.listener?.completed(first);
  }

  /** ` on line 12`, where that is another line of the same file. */
  #invokedOn(row: number): string {
    const lines = row === EMPTY_BATCH ? undefined : this.#rows.lines.lines();
    const line = lines?.at(this.#rows.growing.call[row]);
    return line === undefined || line === this.line ? '' : ` on line ${line}`;
  }

  /** What an ok write or cas says it wrote must be what it was invoked with; it may say nothing. */
  #checkRepeated(fields: EventFields, row: number): void {
    const rows = this.#rows;
    const isCas = fields.f === CAS;
    if (isCas ? fields.expected === NONE : fields.value === NULL_REF) return;
    if (rows.value(row) === fields.value && (!isCas || rows.expected(row) === fields.expected)) return;
    const pair = (expected: number, value: number): string => {
      const text = jsonOf(this.tables.values.get(value));
      return isCas ? `[${jsonOf(this.tables.values.get(expected))},${text}]` : text;
    };
    throw this.bad(
      `Process ${fields.process} invoked its ${METHODS[fields.f]}${this.#invokedOn(row)} with ${pair(rows.expected(row), rows.value(row))} and ` +
        `completes it with ${pair(fields.expected, fields.value)}: an ok ${METHODS[fields.f]} has the value it was invoked with, or null.`,
    );
  }

  /** The first row of the operation that the completion belongs to, which is open no more. */
  #close(fields: EventFields): number {
    const { process } = fields;
    const only = this.#openRow(process);
    if (only === NONE) throw this.bad(this.#notOpen(process));
    const overlapping = this.#overlapping;
    const first = overlapping?.has(process) === true ? overlapping.end(fields) : only;
    if (first === undefined) throw this.bad(`Process ${process} completes an operation that it does not have open.`);
    if (overlapping?.has(process) !== true) this.#setOpen(process, NONE);
    return first;
  }

  /** What is wrong with a completion while nothing is open. */
  #notOpen(process: number): string {
    const rows = this.#rows;
    const { process: processes, f, flags, batch, call, ret } = rows.growing;
    const last = processes.subarray(0, rows.length).lastIndexOf(process);
    if (last < 0) return `Process ${process} completes an operation that it never invoked.`;
    const isBatch = entry(batch, last, NONE) !== NONE;
    const what = !isBatch ? METHODS[f[last]] : (flags[last] & TRANSACTION) === 0 ? 'readMany' : 'txn';
    const lines = rows.lines.lines();
    const line = ret[last] === NEVER ? lines?.ofEnd(call[last]) : lines?.at(ret[last]);
    const before = line === undefined || line === this.line ? '' : ` on line ${line}`;
    return `Process ${process} has no operation open: its last one, the ${what}${this.#invokedOn(last)}, was completed${before} already.`;
  }

  #completeBatch(fields: EventFields, index: number, first: number): void {
    const rows = this.#rows;
    const end = rows.batchEnd(first);
    const transaction = rows.isTransaction(first);
    if ((fields.f === TXN) !== transaction || fields.f < READ_MANY) {
      throw this.bad(`Process ${fields.process} completes another operation than it invoked${this.#invokedOn(first)}.`);
    }
    const answers = fields.type === OK ? this.#answers(fields, first, end - first) : undefined;
    for (let row = first; row < end; row++) {
      const version = fields.versions?.[row - first];
      if (fields.versions !== undefined) this.#reader.readPosition(version, 'version', fields);
      const answer = answers?.[row - first] ?? NULL_REF;
      rows.complete(row, fields, index, 0, answers !== undefined && rows.f(row) === READ ? answer : NONE);
    }
    if (this.listener !== undefined) for (let row = first; row < end; row++) this.listener.completed(row);
  }

  #answers(fields: EventFields, first: number, count: number): number[] {
    const { list } = fields;
    if (!Array.isArray(list) || list.length !== count) {
      const asked = `${count} values, one for each it asked for${this.#invokedOn(first)}`;
      throw this.bad(`The answer of process ${fields.process} must list ${asked}.`);
    }
    const values = list as readonly Value[];
    if (fields.f === READ_MANY) return values.map((value) => this.tables.values.intern(value));
    return this.#parts(fields).map((part) => part.value);
  }

  #addNote(raw: Record<string, unknown>): void {
    const { process, f, value, time } = raw;
    if (typeof process !== 'string') throw this.bad('The event names no process.');
    const typeName = raw.type;
    if (typeof typeName !== 'string' || !typeCodes.has(typeName)) throw this.bad(unknownType(typeName));
    // What a nemesis does is `info` both times. Operations of clients with names would be lost as notes, and the rest mis-judged.
    if (typeName !== 'info' && process !== 'nemesis') throw this.bad(namedClient(process));
    this.note({
      type: 'info',
      time: time === undefined ? Number.NaN : this.#reader.instant(time, 'time'),
      process,
      f: typeof f === 'string' ? f : String(f ?? ''),
      value: withoutMarks((value ?? null) as Value), // came out of JSON or EDN
    });
  }
}

function growingOf(builder: HistoryBuilder, rows: Rows): Growing {
  return {
    get columns() {
      return rows.growing;
    },
    values: builder.tables.values,
    paths: builder.tables.paths,
    writes: builder,
    snapshot: () => builder.build(),
  };
}

/** A history from events in their order. `line` is undefined in its errors. */
export function historyFromEvents(events: Iterable<AnyEvent>, options: BuilderOptions = {}): History {
  return readEvents(events, options).history;
}

/** The same, with how the answers of overlapping reads were dealt, where processes may overlap. */
export function readEvents(
  events: Iterable<AnyEvent>,
  options: BuilderOptions = {},
): { readonly history: History; readonly dealing: Dealing | undefined } {
  const builder = new HistoryBuilder({ overlapAdvice: "the option processes: 'overlapping' allows it", ...options });
  for (const event of events) builder.add(event);
  return { history: builder.build(), dealing: builder.dealing };
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
