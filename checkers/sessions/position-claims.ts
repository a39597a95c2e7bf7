/**
 * A position is one state of one log: it holds no write above it; of each key it holds one value; and within its own term nothing at or
 * below it is missing, for a log has all that a leader wrote in a term before. What an older term wrote may have been undone.
 */
import { CAS, type History, NONE, OK, READ, TRANSACTION } from '../../history/history.ts';
import { comparePlaces, type Places, positionsOf, termOf } from '../positions.ts';
import { Buckets } from './buckets.ts';
import type { FalseClaim, Versioned } from './claims.ts';
import { Pairs } from './pairs.ts';
import { INITIAL, type Registers } from './registers.ts';
import { gather, type Lists } from './states.ts';

/** Whether a read says of itself that the value is of a later place than the state. */
export function isAbovePosition(history: History, read: number): boolean {
  const { versionGroup, versionHistory, versionAt, positionGroup, positionHistory, positionAt } = history;
  if (versionGroup[read] === NONE || versionGroup[read] !== positionGroup[read]) return false;
  return versionHistory[read] === positionHistory[read]
    ? versionAt[read] > positionAt[read]
    : termOf(versionHistory[read]) > termOf(positionHistory[read]);
}

/** The contradictions, and a 1 for each row whose position is one of those that contradict. */
export function positionClaims(
  registers: Registers,
  versioned: Versioned,
): { readonly claims: readonly FalseClaim[]; readonly doubtful: Uint8Array | undefined } {
  const { history } = registers;
  const { f, outcome, flags, length, positionGroup } = history;
  const claims: FalseClaim[] = [];
  let doubtful: Uint8Array | undefined;
  const report = (type: FalseClaim['type'], read: number, ...rows: readonly number[]): void => {
    doubtful ??= new Uint8Array(length);
    doubtful[read] = 1;
    claims.push({ type, rows: [read, ...rows] });
  };
  const log = new LogOfTerms(registers, versioned);
  const values = new ValuesAt(registers);
  // A transaction shows what it has written itself before anybody else sees it.
  const isState = (row: number): boolean =>
    positionGroup[row] !== NONE && f[row] === READ && outcome[row] === OK && (flags[row] & TRANSACTION) === 0;
  const left: number[] = [];
  for (let row = 0; row < length; row++) {
    if (!isState(row)) continue;
    if (log.isAbove(row)) report('version above its position', row, ...sourceRow(registers, row));
    else {
      const missing = log.missing(row);
      if (missing !== NONE) report('write missing at a position', row, ...sourceRow(registers, row), missing);
      // Where versions tell which writes there are, a read that misses none shows the only value there can be.
      else if (!log.tellsAll(row)) left.push(row);
    }
  }
  for (const row of left) values.measure(row);
  values.ready();
  for (const row of left) {
    const other = values.other(row);
    if (other === NONE) continue;
    report('two values at one position', other, row);
    if (doubtful !== undefined) doubtful[row] = 1;
  }
  return { claims, doubtful };
}

function sourceRow({ source }: Registers, read: number): readonly number[] {
  return source[read] >= 0 ? [source[read]] : [];
}

/** What each term wrote to each key, in the order of versions. */
class LogOfTerms {
  readonly #registers: Registers;
  readonly #positions: Places;
  readonly #versioned: Versioned;
  readonly #pairs: Pairs;
  readonly #lists: Lists;
  /** Of each write that is in a list its place there. */
  readonly #place: Int32Array;
  #latestUpTo: Int32Array | undefined;
  /** Whether the version of every write is known. */
  readonly #isComplete: boolean;

  constructor(registers: Registers, versioned: Versioned) {
    const { history, versions, done } = registers;
    const { rows, start, count } = versioned.lists;
    this.#registers = registers;
    this.#positions = positionsOf(history);
    this.#versioned = versioned;
    this.#pairs = new Pairs(count, history.keys.length, rows.length);
    const of = new Int32Array(history.length).fill(NONE);
    const ordered = new Int32Array(rows.length);
    let length = 0;
    for (let list = 0; list < count; list++) {
      for (let i = start[list]; i < start[list + 1]; i++) {
        if (versions.group[rows[i]] === NONE) continue; // withdrawn
        of[length] = this.#pairs.of(list, history.key[rows[i]]);
        ordered[length++] = rows[i];
      }
    }
    const { rows: places, start: starts, count: pairs } = gather(of.subarray(0, length), this.#pairs.count);
    this.#lists = { rows: places.map((place) => ordered[place]), start: starts, count: pairs };
    this.#place = new Int32Array(history.length).fill(NONE);
    for (let i = 0; i < length; i++) this.#place[this.#lists.rows[i]] = i;
    let writes = 0;
    for (let row = 0; row < history.length; row++)
      if (registers.isWrite(row) && done[row] < history.positions) writes++;
    this.#isComplete = writes === length;
  }

  /** Whether a read shows what lies above the position of its state, by its own version or by that of the write. */
  isAbove(read: number): boolean {
    const { history, source } = this.#registers;
    if (isAbovePosition(history, read)) return true;
    const write = source[read];
    return write >= 0 && this.#order(write, read) > 0;
  }

  /** The next write after the one that a read returned that its state should show, or NONE. */
  missing(read: number): number {
    const { versions, source, history, done } = this.#registers;
    const write = source[read];
    if (write < INITIAL) return NONE;
    const { group, history: term } = this.#positions;
    const list = this.#versioned.of(group[read], term[read]);
    if (list >= this.#versioned.lists.count) return NONE;
    const isOfTerm = write >= 0 && versions.group[write] === group[read] && versions.history[write] === term[read];
    if (isOfTerm) return this.#within(read, this.#after(write), list);
    const pair = this.#pairs.of(list, history.key[read]);
    if (pair >= this.#lists.count || this.#lists.start[pair] === this.#lists.start[pair + 1]) return NONE;
    if (write === INITIAL || this.#order(write, read) < 0) return this.#within(read, this.#lists.start[pair], list);
    if (versions.group[write] !== NONE) return NONE;
    // Nobody said where it lies: time may.
    const latest = this.#latest(pair, read);
    return latest !== NONE && done[write] < history.call[latest] ? latest : NONE;
  }

  /** Whether versions alone say what a state shows of a key. */
  tellsAll(read: number): boolean {
    const { versions, source } = this.#registers;
    const { group, history } = this.#positions;
    const write = source[read];
    return (
      this.#isComplete &&
      write >= 0 &&
      versions.group[write] === group[read] &&
      versions.history[write] === history[read]
    );
  }

  /** Below 0: the write lies below the state of a read. */
  #order(write: number, read: number): number {
    const { group, history, at } = this.#registers.versions;
    const of = this.#positions;
    if (group[write] === NONE || group[write] !== of.group[read]) return Number.NaN;
    if (history[write] === of.history[read]) return at[write] - of.at[read];
    return termOf(history[write]) - termOf(of.history[read]);
  }

  /** The write at a place of the lists, if it is of that term and key and the state of a read covers it. */
  #within(read: number, place: number, list: number): number {
    const { history, versions } = this.#registers;
    const write = place < this.#lists.rows.length ? this.#lists.rows[place] : NONE;
    if (write === NONE || history.key[write] !== history.key[read]) return NONE;
    if (this.#versioned.of(versions.group[write], versions.history[write]) !== list) return NONE;
    return versions.at[write] <= this.#positions.at[read] ? write : NONE;
  }

  /** The place after a write, and after those of the same version. */
  #after(write: number): number {
    const { rows } = this.#lists;
    const { at } = this.#registers.versions;
    let place = this.#place[write] + 1;
    while (place < rows.length && at[rows[place]] === at[write]) place++;
    return place;
  }

  /** Of the writes of a list that the state of a read covers, the one that was asked for last; or NONE. */
  #latest(pair: number, read: number): number {
    const { rows, start } = this.#lists;
    const { versions } = this.#registers;
    const latest = (this.#latestUpTo ??= this.#findLatest());
    let low = start[pair];
    let high = start[pair + 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (versions.at[rows[middle]] <= this.#positions.at[read]) low = middle + 1;
      else high = middle;
    }
    return low === start[pair] ? NONE : latest[low - 1];
  }

  /** For each place of the lists the write that was asked for last among those up to it. */
  #findLatest(): Int32Array {
    const { rows, start, count } = this.#lists;
    const { call } = this.#registers.history;
    const latest = rows.slice();
    for (let pair = 0; pair < count; pair++) {
      for (let i = start[pair] + 1; i < start[pair + 1]; i++) {
        if (call[latest[i - 1]] > call[latest[i]]) latest[i] = latest[i - 1];
      }
    }
    return latest;
  }
}

/** What was read of each key at each position. */
class ValuesAt {
  readonly #registers: Registers;
  readonly #positions: Places;
  readonly #buckets: Buckets;
  #foreign: Uint8Array | undefined;

  constructor(registers: Registers) {
    const { history } = registers;
    this.#registers = registers;
    this.#positions = positionsOf(history);
    this.#buckets = new Buckets(history.length, history.keys.length);
  }

  measure(read: number): void {
    this.#buckets.measure(this.#registers.history.key[read], this.#positions.at[read]);
  }

  ready(): void {
    this.#buckets.ready();
  }

  /** A read of the same key at the same position that returned something else, or NONE. */
  other(read: number): number {
    const { history } = this.#registers;
    const { key, batch } = history;
    const { at } = this.#positions;
    if (Number.isNaN(at[read])) return NONE;
    let known = this.#buckets.first(key[read], at[read]);
    while (known !== NONE && (key[known] !== key[read] || comparePlaces(this.#positions, known, read) !== 0)) {
      known = this.#buckets.next(known);
    }
    if (known === NONE) {
      this.#buckets.put(key[read], at[read], read);
      return NONE;
    }
    // One read that contradicts itself is an anomaly without any claim.
    const isOneRead = batch[read] !== NONE && batch[read] === batch[known];
    return !isOneRead && this.#registers.differ(known, read) && !this.#isForeign(key[read]) ? known : NONE;
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
