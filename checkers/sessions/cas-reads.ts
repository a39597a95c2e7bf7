/**
 * A cas is a read too: one that succeeded found what it expected, and one that failed may say what it found. For the session
 * guarantees, such a row gets a companion: a read by the same session, within the same span of time.
 *
 * Not in histories that name paths: there a cas goes by a write path, and what is promised of reads is promised by read path.
 */
import { CAS, type Columns, FAIL, HAS_ACTUAL, type History, MISMATCH, NONE, OK, READ } from '../../history/history.ts';
import { historyOf, mapColumns } from '../../history/table.ts';
import type { Semantics } from '../checker.ts';

/** Of histories with companions: which rows are such. The cas of each is the next row. */
const companions = new WeakMap<History, Uint8Array>();

/** The row that an explanation shows for a row: the cas for its companion. */
export function shownRow(history: History, row: number): number {
  return companions.get(history)?.[row] === 1 ? row + 1 : row;
}

/** Which rows are companions, of a history that has any. */
export function companionsOf(history: History): Uint8Array | undefined {
  return companions.get(history);
}

/** The history with a companion for each cas that says what it found; itself where there is none. */
export function withCasReads(history: History, semantics: Semantics): History {
  const { f, length } = history;
  let count = 0;
  for (let row = 0; row < length; row++) if (f[row] === CAS && findsSomething(history, semantics, row)) count++;
  return count === 0 ? history : augmented(history, semantics, count);
}

function findsSomething({ path, batch, outcome, flags }: History, semantics: Semantics, row: number): boolean {
  if (path[row] !== NONE || batch[row] !== NONE) return false;
  if (outcome[row] === OK) return true;
  const told = MISMATCH | HAS_ACTUAL;
  return outcome[row] === FAIL && (flags[row] & told) === told && semantics.failedCas === 'constrain';
}

function augmented(history: History, semantics: Semantics, count: number): History {
  const length = history.length + count;
  /** For each new row the old one. */
  const from = new Int32Array(length);
  const reads = new Uint8Array(length);
  const added = new Uint8Array(history.positions + 1);
  let to = 0;
  for (let row = 0; row < history.length; row++) {
    if (history.f[row] === CAS && findsSomething(history, semantics, row)) {
      added[history.call[row]] = 1;
      added[history.ret[row]] = 1;
      reads[to] = 1;
      from[to++] = row;
    }
    from[to++] = row;
  }
  /** By how much each event position moves: one for each companion's event up to and including it. */
  const moved = Int32Array.from(added);
  for (let position = 1; position < moved.length; position++) moved[position] += moved[position - 1];
  const columns = columnsOf(history, from, reads, moved);
  const positions = history.positions + count * 2;
  const eventIndex = new Int32Array(positions);
  for (let old = 0; old < history.positions; old++) {
    const index = history.eventIndex === undefined ? old : history.eventIndex[old];
    eventIndex[old + moved[old]] = index;
    if (added[old] === 1) eventIndex[old + moved[old] - 1] = index;
  }
  const { filter: _filter, operation: _operation, length: _length, ...parts } = history;
  const notes = history.notes.map((note) => ({ ...note, at: note.at + moved[note.at] - added[note.at] }));
  const lines = parts.lines?.moved((position) => positionBefore(moved, position));
  const table = historyOf({ ...parts, ...columns, notes, positions, eventIndex, ...(lines && { lines }) });
  const whole: History = { ...table, operation: (row) => table.operation(reads[row] === 1 ? row + 1 : row) };
  companions.set(whole, reads);
  return whole;
}

/** The old position of an event that has this one now, or whose companion has. */
function positionBefore(moved: Int32Array, position: number): number {
  let [low, high] = [0, moved.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (middle + moved[middle] < position) low = middle + 1;
    else high = middle;
  }
  return low;
}

function columnsOf(history: History, from: Int32Array, reads: Uint8Array, moved: Int32Array): Columns {
  const { length } = from;
  // Columns that nobody uses share one array, and go on sharing it.
  const bytes = once((column: Uint8Array) => gather(column, new Uint8Array(length), from));
  const integers = once((column: Int32Array) => gather(column, new Int32Array(length), from));
  const floats = once((column: Float64Array) => gather(column, new Float64Array(length), from));
  const own = {
    f: gather(history.f, new Uint8Array(length), from),
    outcome: gather(history.outcome, new Uint8Array(length), from),
    flags: gather(history.flags, new Uint8Array(length), from),
    value: gather(history.value, new Int32Array(length), from),
    call: gather(history.call, new Int32Array(length), from),
    ret: gather(history.ret, new Int32Array(length), from),
    versionGroup: gather(history.versionGroup, new Int32Array(length), from),
    positionGroup: gather(history.positionGroup, new Int32Array(length), from),
    versionAt: gather(history.versionAt, new Float64Array(length), from),
    positionAt: gather(history.positionAt, new Float64Array(length), from),
    batch: batches(history, from),
  };
  for (let i = 0; i < length; i++) {
    // The events of a companion stand right before those of its cas.
    own.call[i] += moved[own.call[i]] - reads[i];
    if (own.ret[i] < history.positions) own.ret[i] += moved[own.ret[i]] - reads[i];
    if (reads[i] === 0) continue;
    const row = from[i];
    own.value[i] = history.outcome[row] === OK ? history.expected[row] : history.actual[row];
    own.f[i] = READ;
    own.outcome[i] = OK;
    own.flags[i] = 0;
    own.versionGroup[i] = NONE;
    own.positionGroup[i] = NONE;
    own.versionAt[i] = Number.NaN;
    own.positionAt[i] = Number.NaN;
  }
  const isOwn = (name: string): name is keyof typeof own => name in own;
  return mapColumns(
    (name) => (isOwn(name) ? own[name] : bytes(history[name])),
    (name) => (isOwn(name) ? own[name] : integers(history[name])),
    (name) => (isOwn(name) ? own[name] : floats(history[name])),
  );
}

function once<T extends object>(gathered: (column: T) => T): (column: T) => T {
  const known = new Map<T, T>();
  return (column) => {
    const made = known.get(column) ?? gathered(column);
    known.set(column, made);
    return made;
  };
}

function gather<T extends Uint8Array | Int32Array | Float64Array>(column: T, to: T, from: Int32Array): T {
  for (let i = 0; i < to.length; i++) to[i] = column[from[i]];
  return to;
}

/** A batch is known by its first row, which may have moved. */
function batches({ batch, length }: History, from: Int32Array): Int32Array {
  const moved = new Int32Array(length);
  for (let i = 0; i < from.length; i++) moved[from[i]] = i;
  const to = new Int32Array(from.length);
  for (let i = 0; i < to.length; i++) to[i] = batch[from[i]] === NONE ? NONE : moved[batch[from[i]]];
  return to;
}
