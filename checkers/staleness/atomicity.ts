/**
 * The smallest k for which a history is k-atomic: linearizable but that every read may return any of the k latest writes (Aiyer,
 * Alvisi & Bazzi 2005; Golab, Li & Shah 2011).
 *
 * Where versions order a key's writes, a read is as many versions behind as there are newer ones up to the newest that was known
 * to have taken effect before it was called: one pass. Where only values tell, k = 1 is decided by zones (Gibbons & Korach), k = 2 by
 * limited backtracking, and beyond that k lies between two bounds: writes that time alone puts between a read and its write on
 * the one side, the best of two orders that time allows on the other. They are often equal; where not, both are said.
 */
import { CAS, NEVER, NONE, OK, READ } from '../../history/history.ts';
import type { Budget } from '../checker.ts';
import { INITIAL, type Registers } from '../sessions/registers.ts';
import { BY_VERSIONS, type Clusters, firstOf } from './clusters.ts';
import { isTwoAtomic, type KeyOperations } from './two-atomic.ts';

/** k lies between them; `atMost` is infinite where nothing bounds it. Equal: exact. */
export interface Atomicity {
  readonly atLeast: number;
  readonly atMost: number;
}

const INFINITE = Number.POSITIVE_INFINITY;

/** Of all keys together: the greatest of theirs. */
export function atomicityOf(clusters: Clusters, registers: Registers, budget: Budget): Atomicity {
  const { history, known } = clusters;
  let atLeast = 1;
  let atMost = 1;
  const hard: number[] = [];
  const raise = (k: Atomicity): void => {
    atLeast = Math.max(atLeast, k.atLeast);
    atMost = Math.max(atMost, k.atMost);
  };
  for (let k = 0; k < history.keys.length; k++) {
    if (known[k] === BY_VERSIONS) raise(exactly(1 + lagInOrder(keyOf(clusters, k))));
    else if (clusters.chains?.stale[k] === 1 || !isOneAtomic(clusters, k)) hard.push(k);
  }
  if (hard.length === 0) return { atLeast, atMost };
  const ofKey = operationsOfKeys(clusters, registers, hard);
  hard.forEach((k, i) => raise(hasCas(clusters, k) ? ofChains(clusters, k) : bound(ofKey(i), budget)));
  return { atLeast, atMost };
}

const exactly = (k: number): Atomicity => ({ atLeast: k, atMost: k });

/** By zones, on event positions. */
function isOneAtomic(clusters: Clusters, k: number): boolean {
  const { history, order, offsets, lastRead, call } = clusters;
  let from = 0; // the last forward zone
  let end = -1;
  for (let i = offsets[k]; i < offsets[k + 1]; i++) {
    const read = lastRead[order[i]];
    const first = firstOf(clusters, order[i]);
    const last = Math.max(call[order[i]], read === NONE ? -1 : history.call[read]);
    if (first < end && last > from) return false;
    if (first < last) {
      from = first;
      end = last;
    }
  }
  return true;
}

/** Writes of one key in some order that time allows. */
interface Ordered {
  readonly first: Int32Array;
  /** Call of the last read of each; -1: none. */
  readonly lastCall: Int32Array;
}

function keyOf(clusters: Clusters, k: number): Ordered {
  const { history, order, offsets, lastRead } = clusters;
  const n = offsets[k + 1] - offsets[k];
  const first = new Int32Array(n);
  const lastCall = new Int32Array(n);
  for (let i = 0; i < n; i++) {
    const cluster = order[offsets[k] + i];
    const read = lastRead[cluster];
    first[i] = firstOf(clusters, cluster);
    lastCall[i] = read === NONE ? -1 : history.call[read];
  }
  return { first, lastCall };
}

/** The most versions that any read is behind. */
function lagInOrder({ first, lastCall }: Ordered): number {
  const n = first.length;
  // From each place on, the earliest first return: it rises, so what a read must have seen ends where it passes its call.
  const earliest = new Int32Array(n);
  for (let i = n - 1, least = NEVER; i >= 0; i--) earliest[i] = least = Math.min(least, first[i]);
  let most = 0;
  for (let i = 0; i < n; i++) {
    // Only what is further behind than the worst so far is looked for.
    while (i + most + 1 < n && earliest[i + most + 1] < lastCall[i]) most++;
  }
  return most;
}

/** Keys with cas: exact where all clusters are one chain, for that is an order; else only that k is not 1. */
function ofChains({ chains, order, offsets, history }: Clusters, k: number): Atomicity {
  if (chains === undefined || offsets[k + 1] - offsets[k] !== 1) return { atLeast: 2, atMost: INFINITE };
  const { next, own } = chains;
  const members: number[] = [];
  for (let c = order[offsets[k]]; c !== NONE; c = next[c]) members.push(c);
  const { firstRow, lastRead } = own;
  const first = Int32Array.from(members, (c) =>
    c >= history.length ? -1 : firstRow[c] === NONE ? NEVER : history.ret[firstRow[c]],
  );
  const lastCall = Int32Array.from(members, (c) => (lastRead[c] === NONE ? -1 : history.call[lastRead[c]]));
  return exactly(1 + lagInOrder({ first, lastCall }));
}

function hasCas({ chains, order, offsets, size, history }: Clusters, k: number): boolean {
  if (chains === undefined) return false;
  for (let i = offsets[k]; i < offsets[k + 1]; i++) {
    if (size[order[i]] > 1 || (order[i] < history.length && history.f[order[i]] === CAS)) return true;
  }
  return false;
}

/** For keys that are not 1-atomic and have no cas. */
function bound(operations: KeyOperations, budget: Budget): Atomicity {
  const { first, call, byCall, readCall, readOf } = operations;
  const n = first.length;
  const lastCall = new Int32Array(n).fill(-1);
  for (let read = 0; read < readOf.length; read++) lastCall[readOf[read]] = readCall[read]; // they rise
  const forced = 1 + mostBetween(first, call, lastCall, byCall);
  const byFirst = lagInOrder({ first, lastCall });
  const inOrderOfCalls = lagInOrder({ first: picked(first, byCall), lastCall: picked(lastCall, byCall) });
  const atMost = 1 + Math.min(byFirst, inOrderOfCalls);
  const atLeast = Math.max(2, forced);
  if (atLeast >= 3 || atMost <= atLeast) return { atLeast, atMost };
  const two = isTwoAtomic(operations, budget);
  if (two === undefined) return { atLeast, atMost };
  return two ? exactly(2) : { atLeast: 3, atMost };
}

function picked(from: Int32Array, places: Int32Array): Int32Array {
  const to = new Int32Array(places.length);
  for (let i = 0; i < places.length; i++) to[i] = from[places[i]];
  return to;
}

/**
 * The most writes that time puts between a write and its last read: invoked after the one had taken effect, and themselves taking
 * effect before the other was called. That is all that took effect before the call, less those of them that were invoked before;
 * these are counted in a Fenwick tree.
 */
function mostBetween(first: Int32Array, call: Int32Array, lastCall: Int32Array, byCall: Int32Array): number {
  const n = first.length;
  const tree = new Int32Array(n + 1);
  const add = (rank: number): void => {
    for (let i = rank + 1; i <= n; i += i & -i) tree[i]++;
  };
  const below = (rank: number): number => {
    let sum = 0;
    for (let i = rank; i > 0; i -= i & -i) sum += tree[i];
    return sum;
  };
  let invoked = 0; // writes called before `first` of the one at hand, in the tree by the rank of their first return
  let most = 0;
  for (let write = 0; write < n; write++) {
    while (invoked < n && call[byCall[invoked]] <= first[write]) add(byCall[invoked++]);
    if (lastCall[write] <= first[write]) continue;
    const done = lowerBound(first, lastCall[write]);
    most = Math.max(most, done - below(done));
  }
  return most;
}

/** How many are below the limit. */
function lowerBound(sorted: Int32Array, limit: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The operations of some keys: reads and writes in one pass over the rows, which are in the order of calls. */
function operationsOfKeys(
  clusters: Clusters,
  { source }: Registers,
  keys: readonly number[],
): (at: number) => KeyOperations {
  const { history, order, offsets, size, call } = clusters;
  const { length, f, outcome, key, ret } = history;
  const slot = new Int32Array(history.keys.length).fill(NONE);
  keys.forEach((k, i) => (slot[k] = i));
  const rank = new Int32Array(length + history.keys.length); // within its key, by first return
  for (const k of keys) for (let i = offsets[k]; i < offsets[k + 1]; i++) rank[order[i]] = i - offsets[k];
  const reads = new Int32Array(keys.length + 1);
  const isRead = (row: number): boolean =>
    f[row] === READ &&
    outcome[row] === OK &&
    (source[row] === INITIAL || (source[row] >= 0 && size[source[row]] > 0 && ret[row] >= history.call[source[row]]));
  for (let row = 0; row < length; row++) if (slot[key[row]] !== NONE && isRead(row)) reads[slot[key[row]] + 1]++;
  for (let i = 0; i < keys.length; i++) reads[i + 1] += reads[i];
  const readRows = new Int32Array(reads[keys.length]);
  const nextRead = reads.slice();
  const writes = keys.map((k) => new Int32Array(offsets[k + 1] - offsets[k]));
  const nextWrite = new Int32Array(keys.length);
  keys.forEach((k, i) => {
    if (size[length + k] > 0) writes[i][nextWrite[i]++] = rank[length + k];
  });
  for (let row = 0; row < length; row++) {
    const i = slot[key[row]];
    if (i === NONE) continue;
    if (size[row] > 0 && f[row] !== READ) writes[i][nextWrite[i]++] = rank[row];
    else if (isRead(row)) readRows[nextRead[i]++] = row;
  }
  return (i) => {
    const k = keys[i];
    const members = order.subarray(offsets[k], offsets[k + 1]);
    const first = new Int32Array(members.length);
    for (let at = 0; at < first.length; at++) first[at] = firstOf(clusters, members[at]);
    const rows = readRows.subarray(reads[i], reads[i + 1]);
    const readOf = new Int32Array(rows.length);
    for (let at = 0; at < rows.length; at++) {
      const write = source[rows[at]];
      readOf[at] = rank[write === INITIAL ? length + k : write];
    }
    return { first, call: picked(call, members), byCall: writes[i], readCall: picked(history.call, rows), readOf };
  };
}
