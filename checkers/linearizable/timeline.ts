/** One way in which the clusters of each key can follow one another, and when each holds the register. */
import { NEVER, NONE } from '../../history/history.ts';
import type { History } from '../../history/history.ts';
import type { Chains } from './chains.ts';

export interface Timeline {
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

/** Whether there is a moment in the denial at which the cluster whose value it denies does not hold. */
export function isSatisfied(history: History, timeline: Timeline, cluster: number, row: number): boolean {
  return timeline.from[cluster] >= history.call[row] || timeline.until[cluster] <= history.ret[row];
}

/**
 * Each cluster begins as early as the order of blocks allows: once its write is called, and all operations of the clusters
 * before it are.
 */
export function schedule(history: History, chains: Chains, order: Int32Array): Timeline {
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

/** Lets `by` hold from `from` on, between `cluster` and what follows it. */
export function insertAfter(timeline: Timeline, cluster: number, by: number, from: number): void {
  const { until, previous, next, ready } = timeline;
  timeline.from[by] = from;
  until[by] = until[cluster];
  until[cluster] = from;
  ready[by] = Math.max(ready[cluster], from);
  previous[by] = cluster;
  next[by] = next[cluster];
  if (next[by] !== NONE) previous[next[by]] = by;
  next[cluster] = by;
}

/** Takes a cluster out; the one before it holds until the one after it begins. */
export function remove(timeline: Timeline, cluster: number): void {
  const { until, previous, next } = timeline;
  const before = previous[cluster];
  const after = next[cluster];
  if (before !== NONE) {
    until[before] = until[cluster];
    next[before] = after;
  }
  if (after !== NONE) previous[after] = before;
}
