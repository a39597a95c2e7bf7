/** The one implementation of {@link History}: views, single rows, and the way to another thread. */
import { CAS, HAS_ACTUAL, TRANSACTION, METHODS, NEVER, NONE, ROLES } from './history.ts';
import type { Columns, History, HistoryParts, Operation, PlacedNote } from './history.ts';
import { Lines, type SharedLines } from './lines.ts';
import type { Key, NodeId, Outcome, Position } from './operation.ts';
import { Texts } from './texts.ts';
import type { SharedTexts } from './texts.ts';
import { Values } from './values.ts';

/** The columns by type. Together they are all of `Columns`; the compiler sees to it. */
const BYTES = ['f', 'outcome', 'flags', 'role'] as const satisfies readonly (keyof Columns)[];
const INTEGERS = [
  'key',
  'value',
  'expected',
  'actual',
  'call',
  'ret',
  'process',
  'session',
  'device',
  'path',
  'node',
  'batch',
  'versionGroup',
  'versionHistory',
  'positionGroup',
  'positionHistory',
] as const satisfies readonly (keyof Columns)[]; // prettier-ignore
const FLOATS = [
  'callTime',
  'retTime',
  'intended',
  'versionAt',
  'positionAt',
] as const satisfies readonly (keyof Columns)[];

type ByteName = (typeof BYTES)[number];
type IntegerName = (typeof INTEGERS)[number];
type FloatName = (typeof FLOATS)[number];
type MutableColumns = { -readonly [Name in keyof Columns]: Columns[Name] };

/** Reads one property of each column out of its like, whatever its type. */
export function mapColumns(
  bytes: (name: ByteName) => Uint8Array,
  integers: (name: IntegerName) => Int32Array,
  floats: (name: FloatName) => Float64Array,
): Columns {
  const columns: Partial<MutableColumns> = {};
  for (const name of BYTES) columns[name] = bytes(name);
  for (const name of INTEGERS) columns[name] = integers(name);
  for (const name of FLOATS) columns[name] = floats(name);
  return columns as Columns; // each name was set just now
}

const OUTCOMES: readonly Outcome[] = ['ok', 'fail', 'info'];

export function historyOf(parts: HistoryParts): History {
  const history: History = {
    ...parts,
    length: parts.f.length,
    filter: (keep) => filtered(history, keep),
    operation: (row) => operationAt(history, row),
  };
  return history;
}

function filtered(history: History, keep: (row: number) => boolean): History {
  const rows = new Int32Array(history.length);
  let length = 0;
  for (let row = 0; row < history.length; row++) if (keep(row)) rows[length++] = row;
  if (length === history.length) return history;
  // Columns that nobody uses share one array, and go on sharing it.
  const gathered = new Map<object, unknown>();
  const once = <T extends object>(column: T, gather: () => T): T => {
    const known = gathered.get(column) as T | undefined;
    if (known !== undefined) return known;
    const made = gather();
    gathered.set(column, made);
    return made;
  };
  const bytes = (from: Uint8Array): Uint8Array =>
    once(from, () => gather(from, new Uint8Array(new SharedArrayBuffer(length)), rows));
  const integers = (from: Int32Array): Int32Array =>
    once(from, () => gather(from, new Int32Array(new SharedArrayBuffer(length * 4)), rows));
  const floats = (from: Float64Array): Float64Array =>
    once(from, () => gather(from, new Float64Array(new SharedArrayBuffer(length * 8)), rows));
  const renumbered = once(history.batch, () => renumber(history.batch, rows, length));
  const columns = mapColumns(
    (name) => bytes(history[name]),
    (name) => integers(history[name]),
    (name) => floats(history[name]),
  );
  let operations = 0;
  for (let row = 0; row < length; row++) if (renumbered[row] === NONE || renumbered[row] === row) operations++;
  return historyOf({ ...partsOf(history), ...columns, batch: renumbered, operations });
}

function gather<T extends Uint8Array | Int32Array | Float64Array>(from: T, to: T, rows: Int32Array): T {
  for (let row = 0; row < to.length; row++) to[row] = from[rows[row]];
  return to;
}

/** A batch is known by its first row: the first that is left, after filtering. */
function renumber(batch: Int32Array, rows: Int32Array, length: number): Int32Array {
  const to = new Int32Array(new SharedArrayBuffer(length * 4));
  let last = NONE;
  let first = NONE;
  for (let row = 0; row < length; row++) {
    const old = batch[rows[row]];
    if (old !== last || old === NONE) first = old === NONE ? NONE : row;
    last = old;
    to[row] = first;
  }
  return to;
}

function partsOf(history: History): HistoryParts {
  const { filter: _filter, operation: _operation, length: _length, ...parts } = history;
  return parts;
}

function operationAt(history: History, row: number): Operation {
  if (!Number.isInteger(row) || row < 0 || row >= history.length) {
    throw new RangeError(`No row ${row} in a history of ${history.length} rows.`);
  }
  const { values, eventIndex } = history;
  const named = (table: readonly string[], column: Int32Array): string | undefined =>
    column[row] === NONE ? undefined : table[column[row]];
  const indexOf = (position: number): number => (eventIndex === undefined ? position : eventIndex[position]);
  const optional = {
    completionIndex: history.ret[row] === NEVER ? undefined : indexOf(history.ret[row]),
    ...linesOf(history, row),
    expected: history.f[row] === CAS ? values.get(history.expected[row]) : undefined,
    actual: (history.flags[row] & HAS_ACTUAL) === 0 ? undefined : values.get(history.actual[row]),
    session: named(history.sessions, history.session),
    device: named(history.devices, history.device),
    path: named(history.paths, history.path),
    node: named(history.nodes, history.node),
    role: ROLES[history.role[row]],
    version: positionAt(history, history.versionGroup[row], history.versionHistory[row], history.versionAt[row]),
    position: positionAt(history, history.positionGroup[row], history.positionHistory[row], history.positionAt[row]),
    retTime: Number.isNaN(history.retTime[row]) ? undefined : history.retTime[row],
    isOfTransaction: (history.flags[row] & TRANSACTION) === 0 ? undefined : (true as const),
  };
  return {
    index: indexOf(history.call[row]),
    process: history.process[row],
    f: METHODS[history.f[row]],
    outcome: OUTCOMES[history.outcome[row]],
    key: history.keys[history.key[row]],
    value: values.get(history.value[row]),
    callTime: history.callTime[row],
    ...withoutUndefined(optional),
  };
}

function linesOf({ lines, call, ret }: History, row: number): { line?: number; completionLine?: number | undefined } {
  if (lines === undefined) return {};
  const completionLine = ret[row] === NEVER ? lines.ofEnd(call[row]) : lines.at(ret[row]);
  return { line: lines.at(call[row]), completionLine };
}

function positionAt(history: History, group: number, reference: number, at: number): Position | undefined {
  if (group === NONE) return undefined;
  return { group: history.groups[group], history: history.values.get(reference) as number | string, at };
}

type Defined<T> = { [Name in keyof T]?: Exclude<T[Name], undefined> };

function withoutUndefined<T extends object>(record: T): Defined<T> {
  const entries = Object.entries(record).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as Defined<T>; // the same names, less those that are undefined
}

/** A history as `postMessage` takes it: columns and tables are shared memory, only notes and short names are copied. */
export interface SharedHistory {
  readonly columns: Columns;
  readonly values: SharedTexts;
  readonly keys: SharedTexts;
  readonly sessions: readonly string[];
  readonly devices: readonly string[];
  readonly paths: readonly string[];
  readonly nodes: readonly NodeId[];
  readonly groups: readonly string[];
  readonly notes: readonly PlacedNote[];
  readonly positions: number;
  readonly eventIndex: Int32Array | undefined;
  readonly lines: SharedLines | undefined;
  readonly operations: number;
}

export function toShared(history: History): SharedHistory {
  const keys = new Texts();
  for (const key of history.keys) keys.intern(JSON.stringify(key));
  const { sessions, devices, paths, nodes, groups, notes, positions, operations, eventIndex } = history;
  const columns = mapColumns(
    (name) => history[name],
    (name) => history[name],
    (name) => history[name],
  );
  return {
    columns,
    sessions,
    devices,
    paths,
    nodes,
    groups,
    notes,
    positions,
    operations,
    eventIndex,
    lines: history.lines?.toShared(),
    values: history.values.toShared(),
    keys: keys.toShared(),
  }; // prettier-ignore
}

export function fromShared(shared: SharedHistory): History {
  const { columns, values, keys, eventIndex, lines, ...rest } = shared;
  return historyOf({
    ...rest,
    ...columns,
    values: new Values(values),
    keys: decodeKeys(new Texts(keys)),
    ...(eventIndex === undefined ? {} : { eventIndex }),
    ...(lines === undefined ? {} : { lines: new Lines(lines) }),
  });
}

/** Keys are interned by their JSON text, so that `5` and `"5"` differ. */
export function decodeKeys(keys: Texts): Key[] {
  return keys.texts().map((text) => JSON.parse(text) as Key); // only keys are interned there
}

/** Bytes of memory a history takes: columns (one that several share counts once), values, event indices. */
export function bytesOf(history: History): number {
  const buffers = new Set<object>();
  let bytes = history.values.bytes + (history.eventIndex?.byteLength ?? 0) + (history.lines?.bytes ?? 0);
  for (const name of [...BYTES, ...INTEGERS, ...FLOATS]) {
    const column = history[name];
    if (buffers.has(column)) continue;
    buffers.add(column);
    bytes += column.byteLength;
  }
  return bytes;
}
