/**
 * How old the answers of reads were: the smallest interval that the history proves, in nanoseconds and in versions.
 *
 * A read returned write v. As soon as any newer write of the key had taken effect, v was out of date: the read's age is at least
 * the time from the first such effect to the read's invocation, and at most the time from the first invocation of a newer
 * write to the read's answer (Golab, Li & Shah 2011, Δ-atomicity, read by read). Where versions order the writes of a key, newer
 * means of a higher version; where only time does, what was invoked after v had taken effect is certainly newer, as is what the cas that
 * succeeded put after v (cas-order.ts), and what had not taken effect before v was invoked may be. Writes that were undone later are losses, not staleness, and count as no
 * newer write.
 */
import { type History, NEVER, NONE, OK } from '../../history/history.ts';
import type { Semantics } from '../checker.ts';
import { CROSSED_AND_SEEN } from '../sessions/claims.ts';
import { INITIAL, type Registers } from '../sessions/registers.ts';
import { isLinked, type Links, linksOf, newerByCas } from './cas-order.ts';

/** Per read whose age is known, in the order of invocation. Times in nanoseconds. */
export interface Ages {
  readonly count: number;
  readonly row: Int32Array;
  readonly low: Float64Array;
  readonly high: Float64Array;
  /** Newer writes that had certainly taken effect before the read was invoked; at least so many. */
  readonly versions: Int32Array;
  /** Of all newer writes, the one that had taken effect first; NONE where the read was not stale. */
  readonly newer: Int32Array;
  /** From the first acknowledgement of a write that is newer, or may be, to the invocation; negative: there is none. */
  readonly missed: Float64Array;
  readonly mayHaveMissed: Float64Array;
  /** From the first acknowledgement of any write of the key to the invocation; negative: there is none. */
  readonly exposed: Float64Array;
}

/** When each write had certainly taken effect, and by which row that is known: its acknowledgement, or the first answer that showed it. */
export interface Effects {
  readonly time: Float64Array;
  readonly shownBy: Int32Array;
}

export function effectsOf({ history, source }: Registers): Effects {
  const time = new Float64Array(history.length).fill(Number.POSITIVE_INFINITY);
  const shownBy = new Int32Array(history.length).fill(NONE);
  for (let row = 0; row < history.length; row++) {
    if (history.ret[row] === NEVER) continue;
    const write = source[row] >= 0 ? source[row] : row;
    const at = Math.max(history.retTime[row], history.callTime[write]);
    if (!(at < time[write])) continue;
    time[write] = at;
    shownBy[write] = row;
  }
  return { time, shownBy };
}

/**
 * @param undone event positions of the invocations of writes that are no newer writes
 * @param casOf what values the cas replaced; without, they tell no order
 */
export function agesOf(registers: Registers, undone: ReadonlySet<number>, casOf?: Semantics): Ages {
  const { history, source } = registers;
  const { length, key, keys, callTime, retTime, call } = history;
  let reads = 0;
  for (let row = 0; row < length; row++) if (isKnown(source[row]) && !Number.isNaN(callTime[row])) reads++;
  const ages: Ages = {
    count: reads,
    row: new Int32Array(reads),
    low: new Float64Array(reads),
    high: new Float64Array(reads),
    versions: new Int32Array(reads),
    newer: new Int32Array(reads).fill(NONE),
    missed: new Float64Array(reads).fill(-1),
    mayHaveMissed: new Float64Array(reads).fill(-1),
    exposed: new Float64Array(reads).fill(-1),
  };
  const writes = new KeyWrites(registers, undone, casOf && linksOf(registers, casOf, undone));
  const { newest } = writes;
  const since = (row: number, from: number): number => Math.max(-1, callTime[row] - from);
  for (let row = 0, i = 0; row < length; row++) {
    if (!isKnown(source[row]) || Number.isNaN(callTime[row])) continue;
    const k = key[row];
    const cluster = source[row] === INITIAL ? length + k : source[row];
    const first = newest.first[cluster];
    const low = first === NONE ? 0 : Math.max(0, callTime[row] - writes.effects.time[first]);
    ages.row[i] = row;
    ages.low[i] = low;
    ages.high[i] = Math.max(low, retTime[row] - newest.called[cluster]);
    ages.exposed[i] = since(row, newest.acknowledged[length + keys.length + k]);
    ages.missed[i] = since(row, newest.acknowledged[cluster]);
    ages.mayHaveMissed[i] = since(row, newest.maybeAcknowledged[cluster]);
    if (low > 0) {
      ages.versions[i] = Math.max(1, writes.doneBefore(k, call[row]) - newest.notNewer[cluster]);
      ages.newer[i] = first;
    }
    i++;
  }
  return ages;
}

const isKnown = (source: number): boolean => source >= 0 || source === INITIAL;

const INFINITE = Number.POSITIVE_INFINITY;

/** What is newer than each cluster: a write by its row, the initial value of key k by `length + k`, less than nothing by `length + keys + k`. */
class Newest {
  /** Of the newer writes that count, which had taken effect first. */
  readonly first: Int32Array;
  /** How many of the key's writes are not newer. */
  readonly notNewer: Int32Array;
  /** When the first that is newer or may be was invoked. */
  readonly called: Float64Array;
  /** When the first that is certainly newer was acknowledged; and the first that is or may be. Infinite: none was. */
  readonly acknowledged: Float64Array;
  readonly maybeAcknowledged: Float64Array;

  constructor({ length, keys }: History) {
    const count = length + 2 * keys.length;
    this.first = new Int32Array(count).fill(NONE);
    this.notNewer = new Int32Array(count);
    this.called = new Float64Array(count).fill(INFINITE);
    this.acknowledged = new Float64Array(count).fill(INFINITE);
    this.maybeAcknowledged = new Float64Array(count).fill(INFINITE);
  }
}

class KeyWrites {
  readonly effects: Effects;
  readonly newest: Newest;
  readonly #registers: Registers;
  readonly #links: Links | undefined;
  /** Of key k, `#rows[#offsets[k] … #offsets[k + 1]-1]`: the writes that count, by call; and their effects' positions, ascending. */
  readonly #offsets: Int32Array;
  readonly #rows: Int32Array;
  readonly #done: Int32Array;
  /** Of the same writes, side by side, for the columns' own are far apart: done, call, when called, acknowledged, in effect. */
  readonly #doneByCall: Int32Array;
  readonly #call: Int32Array;
  readonly #callTime: Float64Array;
  readonly #ack: Float64Array;
  readonly #effect: Float64Array;

  constructor(registers: Registers, undone: ReadonlySet<number>, links?: Links) {
    const { history, done } = registers;
    const { length, key, keys, call } = history;
    this.#registers = registers;
    this.#links = links;
    this.effects = effectsOf(registers);
    this.newest = new Newest(history);
    const counts = (row: number): boolean =>
      registers.isWrite(row) && done[row] !== NEVER && (undone.size === 0 || !undone.has(call[row]));
    this.#offsets = new Int32Array(keys.length + 1);
    for (let row = 0; row < length; row++) if (counts(row)) this.#offsets[key[row] + 1]++;
    for (let k = 0; k < keys.length; k++) this.#offsets[k + 1] += this.#offsets[k];
    const next = this.#offsets.slice();
    this.#rows = new Int32Array(this.#offsets[keys.length]);
    this.#doneByCall = new Int32Array(this.#rows.length);
    this.#call = new Int32Array(this.#rows.length);
    this.#callTime = new Float64Array(this.#rows.length);
    this.#ack = new Float64Array(this.#rows.length);
    this.#effect = new Float64Array(this.#rows.length);
    for (let row = 0; row < length; row++) {
      if (!counts(row)) continue;
      const at = next[key[row]]++;
      this.#doneByCall[at] = done[row];
      this.#rows[at] = row;
      this.#call[at] = call[row];
      this.#callTime[at] = history.callTime[row];
      this.#ack[at] = this.#ackTime(row);
      this.#effect[at] = this.effects.time[row];
    }
    this.#done = this.#doneByCall.slice();
    for (let k = 0; k < keys.length; k++) {
      const rows = this.#rows.subarray(this.#offsets[k], this.#offsets[k + 1]);
      const sorted = this.#done.subarray(this.#offsets[k], this.#offsets[k + 1]).sort();
      this.#order(k, rows, sorted);
    }
    // Clusters whose write does not count (undone, say) have their place among those that do.
    for (let row = 0; row < length; row++) if (registers.seen[row] === 1 && !counts(row)) this.#place(row);
  }

  doneBefore(k: number, position: number): number {
    const from = this.#offsets[k];
    return lowerBound(this.#done, from, this.#offsets[k + 1], position) - from;
  }

  #order(k: number, rows: Int32Array, done: Int32Array): void {
    const { length, keys } = this.#registers.history;
    const versioned = this.#byVersion(rows);
    if (versioned === undefined) this.#byTime(k, rows, done);
    else this.#alongOrder(k, versioned);
    const all = length + keys.length + k;
    let earliest = INFINITE;
    for (let i = this.#offsets[k]; i < this.#offsets[k + 1]; i++) earliest = Math.min(earliest, this.#ack[i]);
    this.newest.acknowledged[all] = earliest;
  }

  #ackTime(row: number): number {
    const { outcome, retTime } = this.#registers.history;
    return outcome[row] === OK ? retTime[row] : INFINITE;
  }

  /** Oldest first, if versions order them all, and none that was read contradicts time. */
  #byVersion(rows: Int32Array): Int32Array | undefined {
    const registers = this.#registers;
    if (rows.length > 0 && registers.crossed?.[registers.history.key[rows[0]]] === CROSSED_AND_SEEN) return undefined;
    for (const row of rows) if (Number.isNaN(registers.compare(row, rows[0]))) return undefined;
    // Calls are nearly in that order: insertion is linear, but where it is not, the general sort goes on.
    const sorted = rows.slice();
    let moves = 16 * sorted.length + 1024;
    for (let i = 1; i < sorted.length; i++) {
      const row = sorted[i];
      let j = i;
      for (; j > 0 && registers.compare(sorted[j - 1], row) > 0; j--) sorted[j] = sorted[j - 1];
      sorted[j] = row;
      moves -= i - j;
      if (moves < 0) return sorted.sort((a, b) => registers.compare(a, b));
    }
    return sorted;
  }

  #alongOrder(k: number, ordered: Int32Array): void {
    const { newest, effects } = this;
    const { history } = this.#registers;
    let first = NONE;
    let called = INFINITE;
    let acknowledged = INFINITE;
    const put = (cluster: number, notNewer: number): void => {
      newest.first[cluster] = first;
      newest.notNewer[cluster] = notNewer;
      newest.called[cluster] = called;
      newest.acknowledged[cluster] = newest.maybeAcknowledged[cluster] = acknowledged;
    };
    // Writes of one version are not newer than one another.
    for (let end = ordered.length; end > 0; ) {
      let from = end - 1;
      while (from > 0 && this.#registers.compare(ordered[from - 1], ordered[from]) === 0) from--;
      for (let i = from; i < end; i++) put(ordered[i], end);
      for (let i = from; i < end; i++) {
        const row = ordered[i];
        if (first === NONE || effects.time[row] <= effects.time[first]) first = row;
        called = Math.min(called, history.callTime[row]);
        acknowledged = Math.min(acknowledged, this.#ackTime(row));
      }
      end = from;
    }
    put(history.length + k, 0);
  }

  /** @param rows by call @param done positions of their effects, ascending */
  #byTime(k: number, rows: Int32Array, done: Int32Array): void {
    const { newest } = this;
    const { length } = this.#registers.history;
    const begin = this.#offsets[k];
    const n = rows.length;
    const effect = this.#effect.subarray(begin, begin + n);
    const ack = this.#ack.subarray(begin, begin + n);
    const call = this.#call.subarray(begin, begin + n);
    const doneOf = this.#doneByCall.subarray(begin, begin + n);
    /** Per place of `rows`: the place, from there on, of the first effect; n: none. */
    const firstFrom = new Int32Array(n + 1).fill(n);
    const ackFrom = new Float64Array(n + 1).fill(INFINITE);
    for (let i = n - 1; i >= 0; i--) {
      const later = firstFrom[i + 1];
      firstFrom[i] = later < n && effect[later] < effect[i] ? later : i;
      ackFrom[i] = Math.min(ackFrom[i + 1], ack[i]);
    }
    const certain = (cluster: number, from: number): void => {
      newest.first[cluster] = firstFrom[from] < n ? rows[firstFrom[from]] : NONE;
      newest.notNewer[cluster] = from;
      newest.acknowledged[cluster] = ackFrom[from];
    };
    // Few were called while the one at hand was under way: it is looked for from there on.
    if (!this.#byCas(k, rows)) {
      for (let i = 0; i < n; i++) certain(rows[i], lowerBoundNear(call, doneOf[i] + 1, i + 1));
    }
    certain(length + k, 0);
    this.#possible(k, rows, done);
  }

  #byCas(k: number, rows: Int32Array): boolean {
    const { newest, effects } = this;
    if (!isLinked(this.#links, k)) return false;
    const writes = { effect: effects.time, acknowledged: (row: number) => this.#ackTime(row) };
    return newerByCas(this.#registers, this.#links, rows, writes, (write, first, count, acknowledged) => {
      newest.first[write] = first;
      newest.notNewer[write] = rows.length - count;
      newest.acknowledged[write] = acknowledged;
    });
  }

  /** What had not taken effect before the write was invoked may be newer, but for the write itself. */
  #possible(k: number, rows: Int32Array, done: Int32Array): void {
    const { newest } = this;
    const { length } = this.#registers.history;
    const begin = this.#offsets[k];
    const n = rows.length;
    // From each effect on, the two least: one of them is not the write itself.
    const calls = new TwoLeast(n);
    const acks = new TwoLeast(n);
    const at = new Int32Array(n);
    for (let i = 0, near = 0; i < n; i++) {
      near = lowerBoundNear(done, this.#doneByCall[begin + i], near);
      at[near] = i;
    }
    for (let i = n - 1; i >= 0; i--) {
      calls.put(i, at[i], this.#callTime[begin + at[i]]);
      acks.put(i, at[i], this.#ack[begin + at[i]]);
    }
    for (let i = 0, from = 0; i < n; i++) {
      while (from < n && done[from] < this.#call[begin + i]) from++;
      newest.called[rows[i]] = calls.besides(from, i);
      newest.maybeAcknowledged[rows[i]] = acks.besides(from, i);
    }
    newest.called[length + k] = calls.besides(0, NONE);
    newest.maybeAcknowledged[length + k] = acks.besides(0, NONE);
  }

  /** A write that is not among those that count, but was read. */
  #place(row: number): void {
    const { newest } = this;
    const registers = this.#registers;
    const k = registers.history.key[row];
    const rows = this.#rows.subarray(this.#offsets[k], this.#offsets[k + 1]);
    let older = 0;
    for (const other of rows) {
      const compared = registers.compare(row, other);
      const isNewer = Number.isNaN(compared) ? registers.precedes(row, other) : compared < 0;
      const mayBe = Number.isNaN(compared) ? !registers.precedes(other, row) : isNewer;
      if (!isNewer) older++;
      const first = newest.first[row];
      if (isNewer && (first === NONE || this.effects.time[other] < this.effects.time[first])) newest.first[row] = other;
      if (isNewer) newest.acknowledged[row] = Math.min(newest.acknowledged[row], this.#ackTime(other));
      if (!mayBe) continue;
      newest.called[row] = Math.min(newest.called[row], registers.history.callTime[other]);
      newest.maybeAcknowledged[row] = Math.min(newest.maybeAcknowledged[row], this.#ackTime(other));
    }
    newest.notNewer[row] = older;
  }
}

/** Of the items from each place on, the two of the least time; filled from the end. */
class TwoLeast {
  readonly #least: Float64Array;
  readonly #who: Int32Array;
  readonly #second: Float64Array;

  constructor(n: number) {
    this.#least = new Float64Array(n + 1).fill(INFINITE);
    this.#who = new Int32Array(n + 1).fill(NONE);
    this.#second = new Float64Array(n + 1).fill(INFINITE);
  }

  put(i: number, who: number, time: number): void {
    const isLeast = time < this.#least[i + 1];
    this.#least[i] = isLeast ? time : this.#least[i + 1];
    this.#who[i] = isLeast ? who : this.#who[i + 1];
    this.#second[i] = isLeast ? this.#least[i + 1] : Math.min(time, this.#second[i + 1]);
  }

  besides(i: number, who: number): number {
    return this.#who[i] === who ? this.#second[i] : this.#least[i];
  }
}

/** The first place whose number is not below the limit, looked for at ever greater distances from where it may be. */
function lowerBoundNear(sorted: Int32Array, limit: number, near: number): number {
  let low = 0;
  let high = sorted.length;
  if (near < high && sorted[near] < limit) {
    low = near + 1;
    for (let step = 1; low + step < high; step *= 2) {
      if (sorted[low + step] >= limit) {
        high = low + step;
        break;
      }
      low += step + 1;
    }
  } else {
    high = Math.min(near, high);
    for (let step = 1; high - step >= 0; step *= 2) {
      if (sorted[high - step] < limit) {
        low = high - step + 1;
        break;
      }
      high -= step;
    }
  }
  return lowerBound(sorted, low, high, limit);
}

/** The first place from `from` on whose number is not below the limit. */
function lowerBound(sorted: Int32Array, from: number, to: number, limit: number): number {
  let low = from;
  let high = to;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
