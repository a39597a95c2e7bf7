/**
 * What consistent prefix asks of a history: writes, what is known of their order, and the states that shall be prefixes of it.
 *
 * Known of the order of writes: real time (a leader arbitrates, so a write that was acknowledged, or read, comes before every write
 * invoked after that), and versions, of each replication group or unnumbered history of one. Where the versions of such a class
 * contradict real time, as those of a split brain do, real time alone counts.
 */
import { type History, NEVER, NONE, OK, READ, TRANSACTION } from '../../../history/history.ts';
import { termOf } from '../../positions.ts';
import { Pairs } from '../pairs.ts';
import { AMBIGUOUS, INITIAL, type Registers } from '../registers.ts';
import type { Prepared } from '../rule.ts';
import { momentsOf } from './moments.ts';
import { gather, sortRows, type StateGroups, statesOf } from '../states.ts';

export interface Problem {
  readonly history: History;
  readonly registers: Registers;
  /** Rows of the writes that certainly happened, ascending. */
  readonly writes: Int32Array;
  /** When they are invoked and done (moments.ts). */
  readonly moments: Int32Array;
  /** Reads that show something, state by state: those of state s are `reads[start[s]] … reads[start[s + 1] - 1]`. */
  readonly reads: Int32Array;
  readonly start: Int32Array;
  readonly states: number;
  /** As in {@link StateGroups}. */
  readonly moved: number;
  /** For each state the one before it in the same log, or NONE. It comes right before it. */
  readonly before: Int32Array;
  /** For each read the last state before it in the same log that showed something else of the same key, or NONE. */
  readonly follows: Int32Array;
  /** Writes with versions that count, class by class, each in ascending order. */
  readonly versioned: Int32Array;
  /** For each row its rank among all versioned ones, alike where versions are, or NONE. Ranks of two classes are no order. */
  readonly rank: Int32Array;
  /** For each rank the class. */
  readonly classOf: Int32Array;
}

/** Whether a write is in every order: it was acknowledged, or read. */
export function hasHappened(registers: Registers, row: number): boolean {
  return registers.isWrite(row) && registers.done[row] !== NEVER;
}

export function problemOf({ history, registers }: Prepared, shown: Shown = shownStates(registers)): Problem {
  const moments = momentsOf(registers);
  const writes = new Int32Array(moments.length >> 1);
  let end = 0;
  for (let i = 0; i < moments.length; i++) if ((moments[i] & 1) === 0) writes[end++] = moments[i] >> 1;
  const follows = followsOf(registers, shown);
  return { history, registers, writes, moments, ...shown, follows, ...versionOrder(registers) };
}

export interface Shown extends Pick<Problem, 'reads' | 'start' | 'states' | 'moved' | 'before'> {
  /** Whether a state without a position showed more than one key. */
  readonly hasBatches: boolean;
}

/** How many writes are in every order. */
export function happenedWrites(registers: Registers): number {
  let count = 0;
  for (let row = 0; row < registers.history.length; row++) if (hasHappened(registers, row)) count++;
  return count;
}

/** The states, without reads of which nobody knows what they show, and without those of transactions that write. */
export function shownStates(registers: Registers): Shown {
  const { history, source } = registers;
  const { logs, batches, moved }: StateGroups = statesOf(history, registers.doubtful);
  const left = ownReads(history);
  const reads = new Int32Array(logs.rows.length + batches.rows.length);
  const most = reads.length + 1;
  const start = new Int32Array(most);
  const before = new Int32Array(most).fill(NONE);
  let states = 0;
  let end = 0;
  const shows = (row: number): boolean => source[row] >= INITIAL && left?.[row] !== 1;
  for (let log = 0; log < logs.count; log++) {
    let last = NONE;
    for (let i = logs.start[log]; i < logs.start[log + 1]; i++) {
      const row = logs.rows[i];
      if (!shows(row)) continue;
      if (last === NONE || history.positionAt[row] !== history.positionAt[last]) {
        if (last !== NONE) before[states] = states - 1;
        start[states++] = end;
      }
      reads[end++] = row;
      last = row;
    }
  }
  let hasBatches = false;
  for (let batch = 0; batch < batches.count; batch++) {
    const from = end;
    for (let i = batches.start[batch]; i < batches.start[batch + 1]; i++) {
      if (shows(batches.rows[i])) reads[end++] = batches.rows[i];
    }
    if (end > from) start[states++] = from;
    if (end > from + 1) hasBatches = true;
  }
  start[states] = end;
  return {
    reads: reads.subarray(0, end),
    start: start.subarray(0, states + 1),
    states,
    moved,
    before: before.subarray(0, states),
    hasBatches,
  };
}

/** For each read the last state before it in the same log that showed something else of the same key, or NONE. */
export function followsOf(
  { history, source }: Registers,
  { reads, start, states, before }: Pick<Problem, 'reads' | 'start' | 'states' | 'before'>,
): Int32Array {
  const follows = new Int32Array(reads.length).fill(NONE);
  /** For each key the log that last showed it, plus one; in which state, and what. */
  const logOf = new Int32Array(history.keys.length);
  const stateOf = new Int32Array(history.keys.length);
  const shown = new Int32Array(history.keys.length);
  let log = 0;
  for (let state = 0; state < states; state++) {
    if (before[state] === NONE) log = state + 1;
    for (let i = start[state]; i < start[state + 1]; i++) {
      const key = history.key[reads[i]];
      if (logOf[key] === log && stateOf[key] !== state && shown[key] !== source[reads[i]]) follows[i] = stateOf[key];
      logOf[key] = log;
      stateOf[key] = state;
      shown[key] = source[reads[i]];
    }
  }
  return follows;
}

/** Marks the reads of transactions that also write: these show their own writes before anybody else. */
function ownReads({ flags, batch, f, length }: History): Uint8Array | undefined {
  let writing: Uint8Array | undefined;
  for (let row = 0; row < length; row++) {
    if ((flags[row] & TRANSACTION) === 0 || f[row] === READ || batch[row] === NONE) continue;
    writing ??= new Uint8Array(length);
    for (let i = batch[row]; i < length && batch[i] === batch[row]; i++) writing[i] = 1;
  }
  return writing;
}

function versionOrder(registers: Registers): Pick<Problem, 'versioned' | 'rank' | 'classOf'> {
  const { history, versions } = registers;
  const rank = new Int32Array(history.length).fill(NONE);
  if (!registers.isVersioned) return { versioned: new Int32Array(0), rank, classOf: new Int32Array(0) };
  const pairs = new Pairs(history.groups.length, 2 ** 32, 0);
  const of = new Int32Array(history.length).fill(NONE);
  /** A write of a class, and the class: mostly that of the next write too. */
  let last = NONE;
  let ofLast = NONE;
  for (let row = 0; row < history.length; row++) {
    if (versions.group[row] === NONE || !hasHappened(registers, row)) continue;
    if (
      last === NONE ||
      versions.group[row] !== versions.group[last] ||
      versions.history[row] !== versions.history[last]
    ) {
      const unnumbered = Number.isNaN(termOf(versions.history[row]));
      ofLast = pairs.of(versions.group[row], unnumbered ? versions.history[row] : 0);
    }
    last = row;
    of[row] = ofLast;
  }
  const { rows, start, count } = gather(of, pairs.count);
  const counting: Int32Array[] = [];
  for (let one = 0; one < count; one++) {
    const ofClass = rows.subarray(start[one], start[one + 1]);
    sortRows(ofClass, (a, b) => registers.compare(a, b));
    if (!contradictsTime(registers, ofClass)) counting.push(ofClass);
  }
  const versioned = new Int32Array(counting.reduce((sum, ofClass) => sum + ofClass.length, 0));
  const classOf = new Int32Array(versioned.length);
  let ranks = 0;
  let end = 0;
  counting.forEach((ofClass, one) => {
    for (let i = 0; i < ofClass.length; i++) {
      if (i === 0 || registers.compare(ofClass[i - 1], ofClass[i]) !== 0) classOf[ranks++] = one;
      rank[ofClass[i]] = ranks - 1;
      versioned[end++] = ofClass[i];
    }
  });
  return { versioned, rank, classOf: classOf.subarray(0, ranks) };
}

/** Whether a write was done before one of a lower version was asked for. */
function contradictsTime(registers: Registers, rows: Int32Array): boolean {
  const { history, done } = registers;
  let latest = NONE; // the last call among those of lower versions
  let latestOfEqual = NONE;
  for (let i = 0; i < rows.length; i++) {
    if (i > 0 && registers.compare(rows[i - 1], rows[i]) !== 0) latest = Math.max(latest, latestOfEqual);
    if (done[rows[i]] < latest) return true;
    latestOfEqual = Math.max(latestOfEqual, history.call[rows[i]]);
  }
  return false;
}

/** How many of the reads returned a value that several writes wrote. */
export function ambiguousReads({ history, source }: Registers): number {
  const { f, outcome, length } = history;
  let count = 0;
  for (let row = 0; row < length; row++) {
    if (f[row] === READ && outcome[row] === OK && source[row] === AMBIGUOUS) count++;
  }
  return count;
}
