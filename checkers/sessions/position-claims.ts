/**
 * A position is one state of one log: it holds no write above it; of each key it holds one value; and within its own term nothing at or
 * below it is missing, for a log has all that a leader wrote in a term before. What an older term wrote may have been undone.
 */
import { CAS, type History, NONE, OK, READ, TRANSACTION } from '../../history/history.ts';
import { type Places, positionsOf, termOf } from '../positions.ts';
import { Buckets } from './buckets.ts';
import type { FalseClaim, Versioned } from './claims.ts';
import { doubled, Pairs } from './pairs.ts';
import type { Registers } from './registers.ts';
import { INITIAL } from './sources.ts';

/** Whether a read says of itself that the value is of a later place than the state. */
export function isAbovePosition(history: History, read: number): boolean {
  const { versionGroup, versionHistory, versionAt, positionGroup, positionHistory, positionAt } = history;
  if (versionGroup[read] === NONE || versionGroup[read] !== positionGroup[read]) return false;
  return versionHistory[read] === positionHistory[read]
    ? versionAt[read] > positionAt[read]
    : termOf(versionHistory[read]) > termOf(positionHistory[read]);
}

export interface OfPositions {
  readonly claims: readonly FalseClaim[];
  /** A 1 for each row whose position is one of those that contradict. */
  readonly doubtful: Uint8Array | undefined;
  /** Whether each state at a position is the writes up to it of its own term: all of them, and no others. */
  readonly settled: boolean;
}

export function positionClaims(registers: Registers, versioned: Versioned): OfPositions {
  const { history, isVersioned } = registers;
  const { length } = history;
  const claims: FalseClaim[] = [];
  let doubtful: Uint8Array | undefined;
  const report = (type: FalseClaim['type'], read: number, ...rows: readonly number[]): void => {
    doubtful ??= new Uint8Array(length);
    doubtful[read] = 1;
    claims.push({ type, rows: [read, ...rows] });
  };
  /** Reads of which only their likes can tell whether they are right. */
  const left = new Int32Array(length);
  const count = isVersioned ? unsettledReads(registers, versioned, left, report) : positionedReads(history, left);
  const values = new ValuesAt(registers, left.subarray(0, count));
  for (let i = 0; i < count; i++) {
    const row = left[i];
    const other = values.other(row);
    if (other === NONE) continue;
    report('two values at one position', other, row);
    if (doubtful !== undefined) doubtful[row] = 1;
  }
  const settled = isVersioned && versioned.isComplete && showNothing(registers, versioned, left.subarray(0, count));
  return { claims, doubtful, settled };
}

/** Whether these reads, of states that miss nothing, all show that nothing was written yet, in a term that wrote something later. */
function showNothing({ history, source }: Registers, { lists, of }: Versioned, reads: Int32Array): boolean {
  const { positionGroup, positionHistory } = history;
  return reads.every((row) => source[row] === INITIAL && of(positionGroup[row], positionHistory[row]) < lists.count);
}

/** Collects the reads whose answers name a position, and counts them. A transaction shows what it has written itself before anybody else sees it. */
function positionedReads({ f, outcome, flags, length, positionGroup }: History, into: Int32Array): number {
  let count = 0;
  for (let row = 0; row < length; row++) {
    if (positionGroup[row] === NONE || f[row] !== READ || outcome[row] !== OK) continue;
    if ((flags[row] & TRANSACTION) === 0) into[count++] = row;
  }
  return count;
}

/** Reports the reads whose positions the versions contradict, and collects of the others those that versions alone do not settle. */
function unsettledReads(
  registers: Registers,
  versioned: Versioned,
  into: Int32Array,
  report: (type: FalseClaim['type'], read: number, ...rows: readonly number[]) => void,
): number {
  const { history, source } = registers;
  const log = new LogOfTerms(registers, versioned);
  const positioned = positionedReads(history, into);
  // Where versions tell which writes there are, a read that misses none shows the only value there can be.
  const asked = dropPlain(registers, log.next, into.subarray(0, positioned), versioned.isComplete);
  let count = 0;
  for (let i = 0; i < asked; i++) {
    if (into[i] >= 0) {
      into[count++] = into[i];
      continue;
    }
    const row = ~into[i];
    const write = source[row];
    const missing = log.missing(row);
    if (log.isAbove(row)) report('version above its position', row, ...(write >= 0 ? [write] : []));
    else if (missing === NONE) into[count++] = row;
    else report('write missing at a position', row, ...(write >= 0 ? [write] : []), missing);
  }
  return count;
}

/**
 * Complements, in place, the reads that do not plainly show the newest write of their key in the term and at the position of their
 * state. The others are left as they are, or dropped. Returns how many reads there are then.
 */
function dropPlain(registers: Registers, next: Int32Array, reads: Int32Array, drops: boolean): number {
  const { history, source, versions } = registers;
  const { positionGroup, positionHistory, positionAt, versionGroup, versionHistory, versionAt } = history;
  const { group, history: term, at } = versions;
  let count = 0;
  for (let i = 0; i < reads.length; i++) {
    const row = reads[i];
    const write = source[row];
    const place = positionAt[row];
    const isPlain =
      write >= 0 &&
      group[write] === positionGroup[row] &&
      term[write] === positionHistory[row] &&
      at[write] <= place &&
      (versionGroup[row] === NONE ||
        (versionHistory[row] === positionHistory[row] && versionAt[row] <= place) ||
        !isAbovePosition(history, row)) &&
      (next[write] === NONE || at[next[write]] > place);
    if (!isPlain) reads[count++] = ~row;
    else if (!drops) reads[count++] = row;
  }
  return count;
}

/** What each term wrote to each key, in the order of versions. */
class LogOfTerms {
  /** For each write with a version the next one of its key and term, of a higher version; or NONE. */
  readonly next: Int32Array;
  readonly #registers: Registers;
  readonly #positions: Places;
  readonly #versioned: Versioned;
  /** Pairs of term and key, and for each its first write, plus one. */
  readonly #pairs: Pairs;
  #first: Int32Array;

  constructor(registers: Registers, versioned: Versioned) {
    const { history } = registers;
    const { keys, length } = history;
    const { rows, start, count } = versioned.lists;
    this.#registers = registers;
    this.#positions = positionsOf(history);
    this.#versioned = versioned;
    this.#pairs = new Pairs(count, keys.length, rows.length);
    this.#first = new Int32Array(Math.max(this.#pairs.count, 64));
    this.next = new Int32Array(length).fill(NONE);
    for (let list = 0; list < count; list++) this.#link(rows, start[list], start[list + 1], list);
  }

  /** From the highest version of a term to the lowest: the first write of its key so far is the one that comes after. */
  #link(rows: Int32Array, from: number, to: number, list: number): void {
    const { versions, history } = this.#registers;
    const { group, at } = versions;
    const { key } = history;
    const { next } = this;
    const pairs = this.#pairs;
    let first = this.#first;
    for (let i = to - 1; i >= from; i--) {
      const row = rows[i];
      if (group[row] === NONE) continue; // withdrawn
      const pair = pairs.of(list, key[row]);
      if (pair >= first.length) first = doubled(first);
      const later = first[pair] - 1;
      if (later !== NONE) next[row] = at[later] > at[row] ? later : next[later];
      first[pair] = row + 1;
    }
    this.#first = first;
  }

  /** Whether a read shows what lies above the position of its state, by its own version or by that of the write. */
  isAbove(read: number): boolean {
    const { history, source, versions } = this.#registers;
    if (history.versionGroup[read] !== NONE) return isAbovePosition(history, read);
    const write = source[read];
    // In another term it may have been written a second time (registers.ts).
    return write >= 0 && versions.history[write] === history.positionHistory[read] && this.#order(write, read) > 0;
  }

  /**
   * The next write after the one that a read returned that its state should show, or NONE. A write that its client sent again may lie in
   * two terms: which of the two was shown only the read tells, or an acknowledgement, which is of the last.
   */
  missing(read: number): number {
    const { versions, source, history } = this.#registers;
    const write = source[read];
    if (write < INITIAL) return NONE;
    const { group, history: term, at } = this.#positions;
    const list = this.#versioned.of(group[read], term[read]);
    if (list >= this.#versioned.lists.count) return NONE;
    const { versionGroup, versionHistory, versionAt } = history;
    const teller = write === INITIAL || versionGroup[read] !== NONE ? read : write;
    if (write !== INITIAL && versionGroup[teller] !== group[read]) return NONE;
    if (write !== INITIAL && (versions.group[write] === NONE || versionAt[teller] !== versions.at[write])) return NONE;
    if (write !== INITIAL && versionHistory[teller] === term[read]) {
      const isWrites = versions.history[write] === versionHistory[teller];
      return isWrites ? this.#covered(this.next[write], at[read]) : NONE;
    }
    if (write !== INITIAL && !(this.#order(write, read) < 0)) return NONE;
    const pair = this.#pairs.of(list, history.key[read]);
    return this.#covered(pair < this.#first.length ? this.#first[pair] - 1 : NONE, at[read]);
  }

  #covered(write: number, at: number): number {
    return write !== NONE && this.#registers.versions.at[write] <= at ? write : NONE;
  }

  /** Below 0: the write lies below the state of a read. */
  #order(write: number, read: number): number {
    const { group, history, at } = this.#registers.versions;
    const of = this.#positions;
    if (group[write] === NONE || group[write] !== of.group[read]) return Number.NaN;
    if (history[write] === of.history[read]) return at[write] - of.at[read];
    return termOf(history[write]) - termOf(of.history[read]);
  }
}

/** What was read of each key at each position. */
class ValuesAt {
  readonly #registers: Registers;
  readonly #positions: Places;
  readonly #buckets: Buckets;
  /** The first read at each position: mostly the only one there, and its neighbours in time are neighbours in memory. */
  readonly #firsts: Buckets;
  #foreign: Uint8Array | undefined;

  constructor(registers: Registers, reads: Int32Array) {
    const { history } = registers;
    this.#registers = registers;
    this.#positions = positionsOf(history);
    this.#buckets = new Buckets(reads.length === 0 ? 0 : history.length, history.keys.length);
    this.#firsts = new Buckets(reads.length === 0 ? 0 : history.length, history.groups.length);
    for (let i = 0; i < reads.length; i++) {
      this.#buckets.measure(history.key[reads[i]], this.#positions.at[reads[i]]);
      this.#firsts.measure(history.positionGroup[reads[i]], this.#positions.at[reads[i]]);
    }
    this.#buckets.ready();
    this.#firsts.ready();
  }

  /** A read of the same key at the same position that returned something else, or NONE. */
  other(read: number): number {
    const { history } = this.#registers;
    const { key, batch } = history;
    const { group, at } = this.#positions;
    if (Number.isNaN(at[read])) return NONE;
    let known = this.#firsts.first(group[read], at[read]);
    if (known === NONE) {
      this.#firsts.put(group[read], at[read], read);
      return NONE;
    }
    if (!this.#isAlike(known, read)) {
      known = this.#buckets.first(key[read], at[read]);
      while (known !== NONE && !this.#isAlike(known, read)) known = this.#buckets.next(known);
      if (known === NONE) {
        this.#buckets.put(key[read], at[read], read);
        return NONE;
      }
    }
    // One read that contradicts itself is an anomaly without any claim.
    const isOneRead = batch[read] !== NONE && batch[read] === batch[known];
    return !isOneRead && this.#registers.differ(known, read) && !this.#isForeign(key[read]) ? known : NONE;
  }

  /** Whether two reads are of one key, at one position. */
  #isAlike(a: number, b: number): boolean {
    const { key } = this.#registers.history;
    const { group, history, at } = this.#positions;
    return key[a] === key[b] && at[a] === at[b] && history[a] === history[b] && group[a] === group[b];
  }

  /** Whether the key holds something else than a register, of which two values may be one state. */
  #isForeign(ofKey: number): boolean {
    const { f, key, keys, length } = this.#registers.history;
    if (this.#foreign === undefined) {
      this.#foreign = new Uint8Array(keys.length);
      for (let row = 0; row < length; row++) if (f[row] > CAS) this.#foreign[key[row]] = 1;
    }
    return this.#foreign[ofKey] === 1;
  }
}
