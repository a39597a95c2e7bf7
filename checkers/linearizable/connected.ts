/**
 * Reads of many keys are one operation: two keys that are linearizable each by itself need not be so together, where one read tells of both.
 *
 * Most such reads tell nothing more than their parts do, and are taken apart: at most one of their keys may have changed while they were
 * open, and what the others held they held all the time. The keys on which the rest depend are judged together, as registers of which a
 * read of many keys is one operation: mostly an order is at hand (ready-order.ts), and otherwise by the search.
 */
import { NEVER, NONE, TRANSACTION } from '../../history/history.ts';
import type { History } from '../../history/history.ts';
import { historyOf } from '../../history/table.ts';
import { rowsByKey } from './objects.ts';
import { orderedKeys } from './ready-order.ts';
import type { Looked } from './ready-order.ts';
import { DENIES, READS, SILENT, SWAPS, WRITES, found, reference } from './register.ts';

/** Whether some read of many keys says what it found twice at least, be it in one key: there it is one answer as well. */
function hasReadsOfMany({ history, survey }: Looked): boolean {
  const { batch, flags, length } = history;
  for (let row = 1; row < length; row++) {
    const isPart = batch[row] !== NONE && batch[row] === batch[row - 1] && (flags[row] & TRANSACTION) === 0;
    if (isPart && survey.deeds[row] === READS) return true;
  }
  return false;
}

/**
 * The keys that must be searched together, as a history in which only the reads that connect them are still batches; undefined where there
 * are none. `isJudged`: whether a key is linearizable by itself; the others are no part of it.
 */
export function connectedKeys(looked: Looked, isJudged: (key: number) => boolean): History | undefined {
  if (!hasReadsOfMany(looked)) return undefined;
  const { history, survey } = looked;
  const { batch, flags, key, keys, length } = history;
  const changes = new Changes(looked);
  const isConnected = new Uint8Array(keys.length);
  const connects = new Uint8Array(length);
  for (let first = 0; first < length; ) {
    let end = first + 1;
    while (batch[first] !== NONE && end < length && batch[end] === batch[first]) end++;
    const unsettled = new Set<number>();
    if (end - first > 1 && (flags[first] & TRANSACTION) === 0) {
      for (let row = first; row < end; row++) {
        if (survey.deeds[row] === READS && isJudged(key[row]) && changes.during(row)) unsettled.add(key[row]);
      }
      // A key that it read twice is by itself connected with nothing, but its two answers are one.
      if (unsettled.size > 1 || isTold(history, first, end)) {
        for (const k of unsettled) isConnected[k] = 1;
        connects.fill(1, first, end);
      }
    }
    first = end;
  }
  if (!isConnected.includes(1)) return undefined;
  const isOrdered = orderedKeys(looked, isConnected, connects);
  for (let k = 0; k < isConnected.length; k++) isConnected[k] &= isOrdered[k] ^ 1;
  if (!isConnected.includes(1)) return undefined;
  const kept = Int32Array.from(key.keys()).filter((row) => isConnected[key[row]] === 1);
  const part = history.filter((row) => isConnected[key[row]] === 1);
  return historyOf({ ...part, batch: part.batch.map((of, row) => (connects[kept[row]] === 1 ? of : NONE)) });
}

/** Whether a read of many keys names one of them twice. */
function isTold({ key }: History, first: number, end: number): boolean {
  return new Set(key.subarray(first, end)).size < end - first;
}

/** Whether keys may have changed while reads were open. */
class Changes {
  readonly #looked: Looked;
  readonly #rows: (key: number) => Int32Array;
  /** Per row that writes: an event by which it has certainly taken effect; -1: it need not have, and nobody could tell. */
  readonly #done: Int32Array;
  /** Per key: whether a failed cas tells what it did not hold. */
  readonly #denied: Uint8Array;
  /** Per key, once it is asked for: of each beginning of its rows, the latest event at which something was still open. */
  readonly #latest = new Map<number, Latest>();

  constructor(looked: Looked) {
    const { history, survey } = looked;
    this.#looked = looked;
    this.#rows = rowsByKey(history, (row) => survey.deeds[row] !== SILENT);
    this.#denied = new Uint8Array(history.keys.length);
    for (let row = 0; row < history.length; row++) {
      if (survey.deeds[row] === DENIES) this.#denied[history.key[row]] = 1;
    }
    this.#done = this.#effects();
  }

  /** Whether what a part of a read found may have been there only for a while that it was open. */
  during(read: number): boolean {
    const { history, reading, clusters } = this.#looked;
    const { call, key, length, ret } = history;
    const k = key[read];
    const { calls, writes, first, firstOf, second } = this.#latestOf(k);
    // Rows called before it was answered.
    let [low, high] = [0, calls.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (calls[middle] < ret[read]) low = middle + 1;
      else high = middle;
    }
    const last = low - 1;
    if (writes[last] <= call[read]) return false;
    // What else was open is of the same value, which was asked for before: it may as well have been there from the beginning.
    if (clusters.repeated[k] === 1 || this.#denied[k] === 1) return true;
    const own = clusters.of(k, found(history, reading, read));
    if (own === NONE || (own < length && call[own] > call[read])) return true;
    return (firstOf[last] === own ? second[last] : first[last]) > call[read];
  }

  /** A write has taken effect when it has returned, or what it wrote was found. */
  #effects(): Int32Array {
    const { history, reading, survey, clusters } = this.#looked;
    const { key, length, ret, expected } = history;
    const done = new Int32Array(length);
    const swaps: number[] = [];
    for (let row = 0; row < length; row++) {
      const what = survey.deeds[row];
      if (what !== WRITES && what !== SWAPS) continue;
      const isOnce = clusters.repeated[key[row]] === 0;
      done[row] = isOnce ? Math.min(ret[row], clusters.first[row]) : ret[row];
      if (what === SWAPS && isOnce) swaps.push(row);
    }
    // What a cas found was there before it.
    for (let again = swaps.length > 0; again; ) {
      again = false;
      for (let i = swaps.length - 1; i >= 0; i--) {
        const row = swaps[i];
        const from = clusters.of(key[row], reference(reading, expected[row]));
        if (from === NONE || from >= length || done[from] <= done[row]) continue;
        done[from] = done[row];
        again = true;
      }
    }
    for (let row = 0; row < length; row++) {
      const k = key[row];
      if (done[row] === NEVER && clusters.repeated[k] === 0 && this.#denied[k] === 0) done[row] = -1;
    }
    return done;
  }

  #latestOf(k: number): Latest {
    const known = this.#latest.get(k);
    if (known !== undefined) return known;
    const { history, reading, survey, clusters } = this.#looked;
    const rows = this.#rows(k);
    const count = rows.length;
    const latest: Latest = {
      calls: Int32Array.from(rows, (row) => history.call[row]),
      writes: new Int32Array(count),
      first: new Int32Array(count),
      firstOf: new Int32Array(count),
      second: new Int32Array(count),
    };
    let [writes, first, firstOf, second] = [-1, -1, NONE, -1];
    for (let i = 0; i < count; i++) {
      const row = rows[i];
      const what = survey.deeds[row];
      const isWrite = what === WRITES || what === SWAPS;
      const until = isWrite ? this.#done[row] : history.ret[row];
      if (isWrite && until > writes) writes = until;
      const of = isWrite ? row : what === READS ? clusters.of(k, found(history, reading, row)) : NONE;
      if (of === firstOf) first = Math.max(first, until);
      else if (until > first) [first, firstOf, second] = [until, of, first];
      else if (until > second) second = until;
      latest.writes[i] = writes;
      latest.first[i] = first;
      latest.firstOf[i] = firstOf;
      latest.second[i] = second;
    }
    this.#latest.set(k, latest);
    return latest;
  }
}

/** By place among a key's rows, each of all up to there: the latest end of a write; of anything, and of what value; of any other value. */
interface Latest {
  readonly calls: Int32Array;
  readonly writes: Int32Array;
  readonly first: Int32Array;
  readonly firstOf: Int32Array;
  readonly second: Int32Array;
}
