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
  const denied = new Map<number, number[]>();
  const timeline = schedule(history, chains, order);
  for (let row = 0; row < length; row++) {
    const k = key[row];
    if (survey.deeds[row] !== DENIES || clusters.repeated[k] === 1) continue;
    const c = clusters.of(k, reference(reading, expected[row]));
    if (isSettled(history, survey, clusters, c, row)) {
      settled[row] = 1;
      continue;
    }
    const denials = denied.get(c);
    if (denials === undefined) denied.set(c, [row]);
    else denials.push(row);
    if (clusters.first[c] < call[row] && ret[row] < clusters.last[c]) {
      findings.add({ type: 'refused in the midst', key: k, row, cluster: c });
    } else if (!isSatisfied(history, timeline, c, row)) {
      unsatisfied.push({ row, cluster: c });
    }
  }
  const open = new Uint8Array(history.keys.length);
  if (unsatisfied.length > 0) {
    mend(context, { timeline, unsatisfied, denied, unseen: unseenBy(context, timeline) });
    for (const [c, rows] of denied) {
      if (!rows.every((row) => isSatisfied(history, timeline, c, row))) open[key[rows[0]]] = 1;
    }
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

/** One way in which the clusters can follow one another. */
interface Timeline {
  /** From when until when each cluster holds the register; NEVER: it does not begin, or end. */
  readonly from: Int32Array;
  readonly until: Int32Array;
  /** The clusters before and after, or NONE. */
  readonly previous: Int32Array;
  readonly next: Int32Array;
  /** From when on it could be overwritten. */
  readonly ready: Int32Array;
  /** 1 where a cas follows that found it. */
  readonly bound: Uint8Array;
}

function isSatisfied(history: History, timeline: Timeline, cluster: number, row: number): boolean {
  return timeline.from[cluster] >= history.call[row] || timeline.until[cluster] <= history.ret[row];
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
  const previous = new Int32Array(clusters).fill(NONE);
  const next = new Int32Array(clusters).fill(NONE);
  const bound = new Uint8Array(clusters);
  const latest = new Int32Array(keys.length).fill(-1);
  const holder = new Int32Array(keys.length).fill(NONE);
  const place = (root: number): void => {
    for (const c of chains.chain(root)) {
      const k = c < length ? key[c] : c - length;
      const before = holder[k];
      from[c] = c < length ? Math.max(call[c], latest[k]) : -1;
      if (before !== NONE) {
        until[before] = from[c];
        next[before] = c;
        bound[before] = c === root ? 0 : 1;
      }
      previous[c] = before;
      holder[k] = c;
      if (chains.ownLast[c] > latest[k]) latest[k] = chains.ownLast[c];
      ready[c] = latest[k];
    }
  };
  for (let k = 0; k < keys.length; k++) if (chains.skip[k] === 0) place(length + k);
  for (const entry of order) if (entry > 0 && chains.skip[key[entry - 1]] === 0) place(entry - 1);
  return { from, until, previous, next, ready, bound };
}

interface Unseen {
  /** Per key, writes in the order of their calls. */
  readonly writes: Map<number, number[]>;
  /** Per cluster, the first called cas that expected its value. */
  readonly swaps: Map<number, number>;
}

/** Indeterminate writes and cas whose value nobody found: free to have happened or not. */
function unseenBy(context: DenialContext, timeline: Timeline): Unseen {
  const { history, reading, survey, clusters } = context;
  const { length, key, expected } = history;
  const unseen: Unseen = { writes: new Map(), swaps: new Map() };
  for (let row = 0; row < length; row++) {
    const what = survey.deeds[row];
    if ((what !== WRITES && what !== SWAPS) || clusters.first[row] !== NEVER) continue;
    if (timeline.from[row] !== NEVER) continue;
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

interface Trouble {
  readonly timeline: Timeline;
  readonly unsatisfied: readonly { readonly row: number; readonly cluster: number }[];
  /** Per cluster, the rows that deny its value. */
  readonly denied: ReadonlyMap<number, readonly number[]>;
  readonly unseen: Unseen;
}

/**
 * Tries to satisfy each denial, those that return first first: by beginning the cluster only after the denial's call, or by
 * letting an unseen cas or write end it before the denial's return. The caller sees whether all are satisfied in the end.
 */
function mend(context: DenialContext, trouble: Trouble): void {
  const { ret } = context.history;
  for (const { row, cluster } of trouble.unsatisfied.toSorted((a, b) => ret[a.row] - ret[b.row])) {
    if (isSatisfied(context.history, trouble.timeline, cluster, row)) continue;
    if (!beginLater(context, trouble, cluster, row)) endSooner(context.history, trouble, cluster, row);
  }
}

function beginLater({ history, clusters }: DenialContext, trouble: Trouble, cluster: number, row: number): boolean {
  const { from, until, previous } = trouble.timeline;
  const before = previous[cluster];
  const begins = history.call[row];
  if (before === NONE || begins > clusters.first[cluster]) return false;
  const soonest = until[before];
  until[before] = begins;
  if ((trouble.denied.get(before) ?? []).every((d) => isSatisfied(history, trouble.timeline, before, d))) {
    from[cluster] = begins;
    return true;
  }
  until[before] = soonest;
  return false;
}

function endSooner(history: History, trouble: Trouble, cluster: number, row: number): void {
  const { call, ret, key } = history;
  const { timeline, unseen, denied } = trouble;
  const { from, until, previous, next, ready, bound } = timeline;
  if (bound[cluster] === 1) return;
  const begins = (by: number): number => Math.max(call[by], ready[cluster], from[cluster]);
  const ends = until[cluster];
  const fits = (by: number): boolean =>
    from[by] === NEVER &&
    begins(by) < ret[row] &&
    (denied.get(by) ?? []).every((d) => begins(by) >= call[d] || ends <= ret[d]);
  const swap = unseen.swaps.get(cluster);
  const by = swap !== undefined && fits(swap) ? swap : unseen.writes.get(key[row])?.find(fits);
  if (by === undefined) return;
  from[by] = begins(by);
  until[by] = ends;
  ready[by] = from[by];
  previous[by] = cluster;
  next[by] = next[cluster];
  if (next[cluster] !== NONE) previous[next[cluster]] = by;
  next[cluster] = by;
  until[cluster] = from[by];
}
