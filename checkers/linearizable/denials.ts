/**
 * Failed cas that do not say what the register held: each denies that it held `expected` throughout. Zones do not capture
 * that. Two rules decide most of these denials; the rest are tried in one order that the zones allow, into which writes are
 * put that may have happened unseen. Where that order does not satisfy them another might, and the search has to find out.
 */
import { NEVER, NONE } from '../../history/history.ts';
import type { History } from '../../history/history.ts';
import type { Chains } from './chains.ts';
import type { Clusters, Findings } from './clusters.ts';
import { DENIES, SWAPS, WRITES, reference } from './register.ts';
import type { RegisterReading } from './register.ts';
import type { Survey } from './survey.ts';

export interface Denials {
  /** Per key, 1 where a denial is left to the search. */
  readonly open: Uint8Array;
  /** Per row, 1 for denials that hold in every order. */
  readonly settled: Uint8Array;
}

export interface DenialContext {
  readonly history: History;
  readonly reading: RegisterReading;
  readonly survey: Survey;
  readonly clusters: Clusters;
}

export function judgeDenials(context: DenialContext, chains: Chains, order: Int32Array, findings: Findings): Denials {
  const { history, reading, survey, clusters } = context;
  const { length, key, call, ret, expected } = history;
  const settled = new Uint8Array(length);
  const unsatisfied: { readonly row: number; readonly cluster: number }[] = [];
  const denied = new Set<number>();
  const timeline = schedule(history, chains, order);
  for (let row = 0; row < length; row++) {
    const k = key[row];
    if (survey.deeds[row] !== DENIES || clusters.repeated[k] === 1) continue;
    const c = clusters.of(k, reference(reading, expected[row]));
    if (isSettled(history, survey, clusters, c, row)) {
      settled[row] = 1;
      continue;
    }
    denied.add(c);
    if (clusters.first[c] < call[row] && ret[row] < clusters.last[c]) {
      findings.add({ type: 'refused in the midst', key: k, row, cluster: c });
    } else if (timeline.from[c] < call[row] && timeline.until[c] > ret[row]) {
      unsatisfied.push({ row, cluster: c });
    }
  }
  const open = new Uint8Array(history.keys.length);
  if (unsatisfied.length > 0) {
    for (const k of interrupt(history, timeline, unsatisfied, unseenBy(context, timeline, denied))) open[k] = 1;
  }
  return { open, settled };
}

/** Nothing wrote the value, or only later than the cas was asked; or whoever wrote it need not have, for nobody found it. */
function isSettled(history: History, survey: Survey, clusters: Clusters, c: number, row: number): boolean {
  if (c === NONE) return true;
  if (c >= history.length) return false;
  if (history.call[c] > history.call[row]) return true;
  // A cas that happened may have found it, if only a later one tells.
  return clusters.first[c] === NEVER && survey.swaps === 0;
}

interface Timeline {
  /** From when until when each cluster holds the register; NEVER: it does not begin, or end. */
  readonly from: Int32Array;
  readonly until: Int32Array;
  /** From when on it could be overwritten. */
  readonly ready: Int32Array;
  /** 1 where a cas follows that found it. */
  readonly bound: Uint8Array;
}

/**
 * Each cluster begins as early as the order of blocks allows: once its write is called, and all operations of the clusters
 * before it are.
 */
function schedule(history: History, chains: Chains, order: Int32Array): Timeline {
  const { length, key, call, keys } = history;
  const clusters = length + keys.length;
  const from = new Int32Array(clusters).fill(NEVER);
  const until = new Int32Array(clusters).fill(NEVER);
  const ready = new Int32Array(clusters).fill(NEVER);
  const bound = new Uint8Array(clusters);
  const latest = new Int32Array(keys.length).fill(-1);
  const holder = new Int32Array(keys.length).fill(NONE);
  const place = (root: number): void => {
    for (const c of chains.chain(root)) {
      const k = c < length ? key[c] : c - length;
      const before = holder[k];
      from[c] = c < length ? Math.max(call[c], latest[k]) : -1;
      if (before !== NONE) until[before] = from[c];
      if (before !== NONE && c !== root) bound[before] = 1;
      holder[k] = c;
      if (chains.ownLast[c] > latest[k]) latest[k] = chains.ownLast[c];
      ready[c] = latest[k];
    }
  };
  for (let k = 0; k < keys.length; k++) if (chains.skip[k] === 0) place(length + k);
  for (const entry of order) if (entry > 0 && chains.skip[key[entry - 1]] === 0) place(entry - 1);
  return { from, until, ready, bound };
}

interface Unseen {
  /** Per key, writes in the order of their calls. */
  readonly writes: Map<number, number[]>;
  /** Per cluster, the first called cas that expected its value. */
  readonly swaps: Map<number, number>;
}

/** Indeterminate writes and cas whose value nobody found or denied: free to have happened or not. */
function unseenBy(context: DenialContext, timeline: Timeline, denied: ReadonlySet<number>): Unseen {
  const { history, reading, survey, clusters } = context;
  const { length, key, expected } = history;
  const unseen: Unseen = { writes: new Map(), swaps: new Map() };
  for (let row = 0; row < length; row++) {
    const what = survey.deeds[row];
    if ((what !== WRITES && what !== SWAPS) || clusters.first[row] !== NEVER) continue;
    if (timeline.from[row] !== NEVER || denied.has(row)) continue;
    if (what === SWAPS) {
      const c = clusters.of(key[row], reference(reading, expected[row]));
      if (!unseen.swaps.has(c)) unseen.swaps.set(c, row);
      continue;
    }
    const list = unseen.writes.get(key[row]);
    if (list === undefined) unseen.writes.set(key[row], [row]);
    else list.push(row);
  }
  return unseen;
}

/**
 * Satisfies denials by letting an unseen cas or write end the cluster before the denial returns; one of them ends one
 * cluster, for all its denials. Returns the keys where that does not go: writes are handed out in the order of their calls
 * to the clusters that must end first, so if there is a way with this order of blocks, this is one.
 */
function interrupt(
  history: History,
  timeline: Timeline,
  unsatisfied: readonly { readonly row: number; readonly cluster: number }[],
  unseen: Unseen,
): Set<number> {
  const { key, call, ret } = history;
  const used = new Map<number, number>();
  const ended = new Set<number>();
  const failed = new Set<number>();
  for (const { row, cluster } of unsatisfied.toSorted((a, b) => ret[a.row] - ret[b.row])) {
    const k = key[row];
    if (ended.has(cluster) || failed.has(k)) continue; // its end was set for a denial that returned earlier
    const swap = unseen.swaps.get(cluster);
    const next = used.get(k) ?? 0;
    const write = unseen.writes.get(k)?.[next];
    const inTime = (by: number | undefined): boolean =>
      by !== undefined && Math.max(call[by], timeline.ready[cluster]) < ret[row];
    if (timeline.bound[cluster] === 1) failed.add(k);
    else if (inTime(swap)) ended.add(cluster);
    else if (!inTime(write)) failed.add(k);
    else {
      ended.add(cluster);
      used.set(k, next + 1);
    }
  }
  return failed;
}
