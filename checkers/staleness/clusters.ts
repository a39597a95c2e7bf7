/**
 * What staleness is measured on: for each key its clusters (a write with all reads that returned its value; Gibbons & Korach 1997)
 * in the order in which they are first known to have taken effect.
 *
 * A cluster is named by the row of its write, the cluster of the initial value of key k by `length + k`. Successful cas join
 * clusters into chains, whose order is given: a chain is one cluster here, named by its first, and what its inner order asks
 * for is kept apart. Versions, where a store reports them for all of a key's writes, give the order of the whole key.
 */
import { CAS, FAIL, type History, MISMATCH, NEVER, NONE, OK, READ } from '../../history/history.ts';
import type { Semantics } from '../checker.ts';
import { AMBIGUOUS, INITIAL, type Registers, UNWRITTEN } from '../sessions/registers.ts';
import { type Chains, joinChains } from './chains.ts';

/** How the order of a key's writes is known. */
export const BY_VALUES = 0;
export const BY_VERSIONS = 1;

export interface Clusters {
  readonly history: History;
  /** Per cluster: the row of it that returned first (NONE: the initial value, before everything). */
  readonly firstRow: Int32Array;
  /** Per cluster: the read of it that was invoked last, or NONE; by `readTime`, where bounds were given. */
  readonly lastRead: Int32Array;
  /** Per row: when it was invoked; with bounds, the moment from which on a read must have seen everything. */
  readonly readTime: Float64Array;
  /** Per cluster: event position at which its write was invoked; of a chain, the last of its writes. */
  readonly call: Int32Array;
  /** Per cluster: its number of members, where it is a chain; 1 otherwise; 0 inside of chains. */
  readonly size: Uint32Array;
  /**
   * The clusters of key k are `order[offsets[k] … offsets[k + 1]-1]`, by first return; or by version, oldest first, where they are known
   * by versions and no bounds were given.
   */
  readonly order: Int32Array;
  readonly offsets: Int32Array;
  /** Per key: BY_VALUES or BY_VERSIONS. */
  readonly known: Uint8Array;
  /** Undefined where there are no cas. */
  readonly chains: Chains | undefined;
  /** Reads that no staleness explains: of a value that nobody wrote, or before it was written; cas that cannot all have happened. */
  readonly impossible: number;
  /** Answers that are left aside: several writes wrote their value, or they tell only what a register did not hold. */
  readonly leftAside: number;
  readonly reads: number;
  /** Whether everything that takes part has a time. */
  readonly timed: boolean;
}

/** Event position by which the cluster had certainly taken effect; -1 for the initial value. */
export function firstOf({ history, firstRow }: ClusterParts, cluster: number): number {
  return firstRow[cluster] === NONE ? -1 : history.ret[firstRow[cluster]];
}

/**
 * @param undone event positions of the invocations of writes that were lost: neither they nor their reads are clusters
 * @param bounds per row how old a read may be, in nanoseconds; NaN: it promises nothing, and only shows what had taken effect
 */
export function clustersOf(
  registers: Registers,
  semantics: Semantics,
  undone: ReadonlySet<number> = new Set(),
  bounds?: Float64Array,
): Clusters {
  const { history, source } = registers;
  const { length, key, call, ret, keys, f, outcome, flags } = history;
  const total = length + keys.length;
  const firstRow = new Int32Array(total).fill(NONE);
  const lastRead = new Int32Array(total).fill(NONE);
  const calls = new Int32Array(total).fill(-1);
  const size = new Uint32Array(total);
  const readTime = bounds === undefined ? history.callTime : movedBack(history, bounds);
  let impossible = 0;
  let leftAside = 0;
  let reads = 0;
  let swaps = 0;
  let timed = true;
  const isLost = (write: number): boolean => undone.size > 0 && undone.has(call[write]);
  for (let row = 0; row < length; row++) {
    if (!registers.isWrite(row)) {
      if (f[row] === CAS && outcome[row] === FAIL && (flags[row] & MISMATCH) !== 0) leftAside++;
      continue;
    }
    if (f[row] === CAS) swaps++;
    calls[row] = call[row];
    if (ret[row] !== NEVER && !isLost(row)) firstRow[row] = row;
  }
  for (let row = 0; row < length; row++) {
    if (f[row] !== READ || outcome[row] !== OK) continue;
    const write = source[row];
    if (write === AMBIGUOUS) leftAside++;
    const cluster = write === INITIAL ? length + key[row] : write;
    if (write === UNWRITTEN || (write >= 0 && ret[row] < call[write])) impossible++;
    if (cluster < 0 || (write >= 0 && (ret[row] < call[write] || isLost(write)))) continue;
    reads++;
    // Rows are ascending by call.
    const isLast = bounds === undefined || lastRead[cluster] === NONE || !(readTime[row] < readTime[lastRead[cluster]]);
    if (isLast) lastRead[cluster] = row;
    if (write >= 0 && (firstRow[cluster] === NONE || ret[row] < ret[firstRow[cluster]])) firstRow[cluster] = row;
    if (Number.isNaN(history.callTime[row])) timed = false;
  }
  for (let cluster = 0; cluster < total; cluster++) {
    if ((cluster < length ? firstRow : lastRead)[cluster] === NONE) continue;
    size[cluster] = 1;
    if (cluster < length && Number.isNaN(history.retTime[firstRow[cluster]])) timed = false;
  }
  const parts = { history, firstRow, lastRead, readTime, call: calls, size };
  const known = new Uint8Array(keys.length);
  let ordered = byFirstReturn(parts);
  for (let k = 0; k < keys.length; k++) if (orderByVersion(parts, ordered, registers, k)) known[k] = BY_VERSIONS;
  const counts = { leftAside, reads, timed };
  // What is held against bounds must show by values alone: versions are claims.
  const hasBounds = bounds !== undefined;
  if (swaps === 0) {
    if (hasBounds && known.includes(BY_VERSIONS)) ordered = byFirstReturn(parts);
    return { ...parts, ...ordered, ...counts, known, chains: undefined, impossible };
  }
  const chains = joinChains(parts, registers, semantics, hasBounds ? new Uint8Array(keys.length) : known);
  ordered = byFirstReturn(parts);
  if (hasBounds) return { ...parts, ...ordered, ...counts, known, chains, impossible: impossible + chains.impossible };
  for (let k = 0; k < keys.length; k++) if (known[k] === BY_VERSIONS) orderByVersion(parts, ordered, registers, k);
  return { ...parts, ...ordered, ...counts, known, chains, impossible: impossible + chains.impossible };
}

function movedBack({ callTime }: History, bounds: Float64Array): Float64Array {
  return callTime.map((time, row) => (Number.isNaN(bounds[row]) ? Number.NEGATIVE_INFINITY : time - bounds[row]));
}

export type ClusterParts = Pick<Clusters, 'history' | 'firstRow' | 'lastRead' | 'readTime' | 'call' | 'size'>;

type Ordered = Pick<Clusters, 'order' | 'offsets'>;

/** All keys' clusters in one pass over the event positions, of which no two clusters share one. */
function byFirstReturn({ history, firstRow, size }: ClusterParts): Ordered {
  const { length, keys, key, ret } = history;
  const offsets = new Int32Array(keys.length + 1);
  const at = new Int32Array(history.positions).fill(NONE);
  for (let cluster = 0; cluster < length; cluster++) {
    if (size[cluster] === 0) continue;
    at[ret[firstRow[cluster]]] = cluster;
    offsets[key[cluster] + 1]++;
  }
  for (let k = 0; k < keys.length; k++) offsets[k + 1] += offsets[k] + (size[length + k] === 0 ? 0 : 1);
  const next = offsets.slice(0, keys.length);
  const order = new Int32Array(offsets[keys.length]);
  for (let k = 0; k < keys.length; k++) if (size[length + k] > 0) order[next[k]++] = length + k;
  for (const cluster of at) if (cluster !== NONE) order[next[key[cluster]]++] = cluster;
  return { order, offsets };
}

/**
 * Sorts the clusters of a key by version, if versions order all of them and time does not contradict. First returns are nearly in
 * that order, so that insertion is linear; where it is not, versions are not used.
 */
function orderByVersion(parts: ClusterParts, { order, offsets }: Ordered, registers: Registers, k: number): boolean {
  const { history, call } = parts;
  const from = offsets[k];
  const to = offsets[k + 1];
  const initial = from < to && order[from] >= history.length ? 1 : 0;
  if (to - from - initial === 0) return false;
  const sorted = order.slice(from + initial, to);
  for (const cluster of sorted) if (!registers.hasVersion(cluster)) return false;
  let moves = 16 * sorted.length + 1024;
  for (let i = 1; i < sorted.length; i++) {
    const cluster = sorted[i];
    let j = i;
    for (; j > 0; j--) {
      const compared = registers.compare(sorted[j - 1], cluster);
      if (compared < 0) break;
      if (!(compared > 0) || --moves < 0) return false;
      sorted[j] = sorted[j - 1];
    }
    sorted[j] = cluster;
  }
  let earliest = NEVER;
  for (let i = sorted.length - 1; i >= 0; i--) {
    if (call[sorted[i]] > earliest) return false;
    earliest = Math.min(earliest, firstOf(parts, sorted[i]));
  }
  order.set(sorted, from + initial);
  return true;
}
