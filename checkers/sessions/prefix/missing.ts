/**
 * States that plainly miss a write: something shown, there or earlier in the same log, is newer, by real time or by versions, than
 * a write that is newer than what the state shows of its key. One pass over the states.
 */
import { NONE } from '../../../history/history.ts';
import { INITIAL } from '../registers.ts';
import type { Problem } from './problem.ts';

export interface Missing {
  /** The read that does not show `write`. */
  readonly read: number;
  /** The write that is missing. May be what `via` shows. */
  readonly write: number;
  /** The read that shows what is newer, or `write` itself. */
  readonly via: number;
}

export function missingWrites(problem: Problem, found: (missing: Missing) => void): void {
  const { history, registers, reads, start, states, before, rank, classOf } = problem;
  const { call, key } = history;
  const { source } = registers;
  const soonest = soonestDone(problem);
  const nextVersion = nextVersions(problem);
  /** In the log at hand: the reads that showed the write invoked last, of all and of each key; the highest of each class. */
  let latest = NONE;
  let latestCall = NONE;
  const latestOf = new Int32Array(history.keys.length).fill(NONE);
  const highest = new Int32Array(classOf.length === 0 ? 0 : classOf[classOf.length - 1] + 1).fill(NONE);
  const isVersioned = classOf.length > 0;
  let from = 0;
  const note = (read: number): void => {
    const write = source[read];
    if (write < 0) return;
    const of = key[read];
    if (call[write] > latestCall) {
      latest = read;
      latestCall = call[write];
    }
    if (latestOf[of] === NONE || call[write] > call[source[latestOf[of]]]) latestOf[of] = read;
    if (!isVersioned || rank[write] === NONE) return;
    const one = classOf[rank[write]];
    if (highest[one] === NONE || rank[write] > rank[source[highest[one]]]) highest[one] = read;
  };
  const forget = (end: number): void => {
    for (let i = from; i < end; i++) {
      const write = source[reads[i]];
      latestOf[key[reads[i]]] = NONE;
      if (write >= 0 && rank[write] !== NONE) highest[classOf[rank[write]]] = NONE;
    }
    latest = NONE;
    latestCall = NONE;
    from = end;
  };
  for (let state = 0; state < states; state++) {
    if (before[state] === NONE) forget(start[state]);
    for (let i = start[state]; i < start[state + 1]; i++) note(reads[i]);
    for (let i = start[state]; i < start[state + 1]; i++) {
      const read = reads[i];
      const write = source[read];
      const sameKey = latestOf[key[read]];
      if (sameKey !== NONE && source[sameKey] !== write && registers.precedes(write, source[sameKey])) {
        found({ read, write: source[sameKey], via: sameKey });
        continue;
      }
      const missed = latest === NONE ? NONE : soonest(write, key[read], latestCall);
      if (missed !== NONE) {
        found({ read, write: missed, via: latest });
        continue;
      }
      if (!isVersioned) continue;
      const next = write === INITIAL ? nextVersion.first[key[read]] : nextVersion.of[write];
      if (next === NONE) continue;
      const via = highest[classOf[rank[next]]];
      if (via !== NONE && rank[next] <= rank[source[via]]) found({ read, write: next, via });
    }
  }
}

/**
 * Finds, among the writes of a key that were invoked after a write (or INITIAL) was done, the one that was done first, if that was
 * before a moment.
 */
function soonestDone({ registers, history, moments }: Problem): (write: number, key: number, moment: number) => number {
  const { key, keys, length } = history;
  const { done } = registers;
  /** For each key the one done first, among the writes that are invoked after the moment at hand. */
  const best = new Int32Array(keys.length).fill(NONE);
  /** That, when each write was done. */
  const after = new Int32Array(length);
  for (let i = moments.length - 1; i >= 0; i--) {
    const write = moments[i] >> 1;
    const of = key[write];
    if ((moments[i] & 1) === 1) after[write] = best[of];
    else if (best[of] === NONE || done[write] <= done[best[of]]) best[of] = write;
  }
  return (write, of, moment) => {
    const soonest = write === INITIAL ? best[of] : after[write];
    return soonest !== NONE && done[soonest] < moment ? soonest : NONE;
  };
}

/** For each write the next one of its key by version, and for each key the first one. */
function nextVersions({ history, versioned, rank, classOf }: Problem): {
  readonly of: Int32Array;
  readonly first: Int32Array;
} {
  const of = new Int32Array(history.length).fill(NONE);
  const first = new Int32Array(history.keys.length).fill(NONE);
  const { key } = history;
  for (let i = versioned.length - 1; i >= 0; i--) {
    const write = versioned[i];
    const next = first[key[write]];
    if (next !== NONE && classOf[rank[next]] === classOf[rank[write]]) {
      of[write] = rank[next] > rank[write] ? next : of[next];
    }
    first[key[write]] = write;
  }
  return { of, first };
}
