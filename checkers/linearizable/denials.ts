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
import { insertAfter, isSatisfied, remove, schedule } from './timeline.ts';
import type { Timeline } from './timeline.ts';

export interface Denials {
  /** Per key, 1 where a denial is left to the search. */
  readonly open: Uint8Array;
  /** Per row, 1 for denials that hold in every order. */
  readonly settled: Uint8Array;
  /** An order of the clusters of each key that satisfies every denial but those that are left. */
  readonly timeline: Timeline;
  /** Ascending by row. */
  readonly left: readonly Denial[];
}

/** A failed cas, and the cluster whose value it denies. */
export interface Denial {
  readonly row: number;
  readonly cluster: number;
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
  const { repeated } = clusters;
  const settled = new Uint8Array(length);
  const unsatisfied: Denial[] = [];
  const denied = new Denied(clusters.first.length, length);
  const timeline = schedule(history, chains, order);
  for (let row = 0; row < length; row++) {
    const k = key[row];
    if (survey.deeds[row] !== DENIES || repeated[k] === 1) continue;
    const c = clusters.of(k, reference(reading, expected[row]));
    if (isSettled(history, c, row)) {
      settled[row] = 1;
      continue;
    }
    denied.add(c, row);
    if (clusters.first[c] < call[row] && ret[row] < clusters.last[c]) {
      const what = { key: k, row, cluster: c };
      findings.add(k, () => ({ type: 'refused in the midst', ...what }));
    } else if (!isSatisfied(history, timeline, c, row)) {
      unsatisfied.push({ row, cluster: c });
    }
  }
  const open = new Uint8Array(history.keys.length);
  const left: Denial[] = [];
  if (unsatisfied.length > 0) {
    mend(context, { call, ret, timeline, unsatisfied, denied, unseen: unseenBy(context, timeline) });
    for (let row = 0; row < length; row++) {
      const cluster = denied.clusterOf(row);
      if (cluster === NONE || isSatisfied(history, timeline, cluster, row)) continue;
      left.push({ row, cluster });
      open[key[row]] = 1;
    }
  }
  return { open, settled, timeline, left };
}

/** The rows that deny a cluster's value, without an object a cluster. */
class Denied {
  /** Plus one; 0: none. Per cluster the last row, per row the one before and the cluster. */
  readonly #last: Int32Array;
  readonly #before: Int32Array;
  readonly #cluster: Int32Array;

  constructor(clusters: number, rows: number) {
    this.#last = new Int32Array(clusters);
    this.#before = new Int32Array(rows);
    this.#cluster = new Int32Array(rows);
  }

  add(cluster: number, row: number): void {
    this.#before[row] = this.#last[cluster];
    this.#last[cluster] = row + 1;
    this.#cluster[row] = cluster + 1;
  }

  clusterOf(row: number): number {
    return this.#cluster[row] - 1;
  }

  every(cluster: number, holds: (row: number) => boolean): boolean {
    for (let row = this.#last[cluster] - 1; row !== NONE; row = this.#before[row] - 1) if (!holds(row)) return false;
    return true;
  }
}

/** Nothing wrote the value, or only later than the cas was asked. */
function isSettled(history: History, cluster: number, row: number): boolean {
  return cluster === NONE || (cluster < history.length && history.call[cluster] > history.call[row]);
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
  readonly call: Int32Array;
  readonly ret: Int32Array;
  readonly timeline: Timeline;
  readonly unsatisfied: readonly Denial[];
  readonly denied: Denied;
  readonly unseen: Unseen;
}

/**
 * Tries to satisfy each denial, those that return first first: by beginning the cluster only after the denial's call, or by
 * letting another end it before the denial's return: an unseen cas or write, or a cluster that could as well come later. The caller sees whether all are satisfied in the end.
 */
function mend(context: DenialContext, trouble: Trouble): void {
  const { ret } = context.history;
  for (const { row, cluster } of trouble.unsatisfied.toSorted((a, b) => ret[a.row] - ret[b.row])) {
    if (isSatisfied(context.history, trouble.timeline, cluster, row)) continue;
    if (!beginLater(context, trouble, cluster, row)) endSooner(context, trouble, cluster, row);
  }
}

function beginLater({ history, clusters }: DenialContext, trouble: Trouble, cluster: number, row: number): boolean {
  const { from, until, previous } = trouble.timeline;
  const before = previous[cluster];
  const begins = history.call[row];
  if (before === NONE || begins > clusters.first[cluster]) return false;
  const soonest = until[before];
  until[before] = begins;
  if (trouble.denied.every(before, (d) => isSatisfied(history, trouble.timeline, before, d))) {
    from[cluster] = begins;
    return true;
  }
  until[before] = soonest;
  return false;
}

function endSooner({ history, clusters }: DenialContext, trouble: Trouble, cluster: number, row: number): void {
  const { call, ret, key } = history;
  const { timeline, unseen, denied } = trouble;
  const { from, until, ready, bound } = timeline;
  if (bound[cluster] === 1) return;
  const begins = (by: number): number => Math.max(call[by], ready[cluster], from[cluster]);
  const ends = until[cluster];
  const fits = (by: number): boolean =>
    begins(by) < Math.min(ret[row], clusters.first[by]) &&
    denied.every(by, (d) => begins(by) >= call[d] || ends <= ret[d]);
  const isFree = (by: number): boolean => from[by] === NEVER && fits(by);
  const swap = unseen.swaps.get(cluster);
  const by =
    swap !== undefined && isFree(swap)
      ? swap
      : (earlier(trouble, cluster, fits) ?? unseen.writes.get(key[row])?.find(isFree));
  if (by === undefined) return;
  const at = begins(by);
  if (from[by] !== NEVER) remove(timeline, by);
  insertAfter(timeline, cluster, by, at);
}

/** How far back a cluster is looked for that could as well come later: there are never more pending than clients. */
const LOOK_BACK = 100;

/** A cluster of the timeline, joined to no other, that may come after this one too. */
function earlier(trouble: Trouble, cluster: number, fits: (by: number) => boolean): number | undefined {
  const { previous, until, bound } = trouble.timeline;
  let by = previous[cluster];
  for (let i = 0; i < LOOK_BACK && by !== NONE; i++, by = previous[by]) {
    const before = previous[by];
    if (before === NONE || bound[by] === 1 || bound[before] === 1 || !fits(by)) continue;
    const longer = until[by];
    if (
      trouble.denied.every(before, (d) => trouble.timeline.from[before] >= trouble.call[d] || longer <= trouble.ret[d])
    )
      return by;
  }
  return undefined;
}
