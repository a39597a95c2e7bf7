/**
 * A long key without an order, cut down to its end: from a moment at which every order of what had been answered leads to
 * one and the same configuration. That one stands for all that was before, so what follows is as impossible as the whole.
 */
import type { Budget } from '../checker.ts';
import type { Machine, State } from '../model.ts';
import { NEVER } from '../../history/history.ts';
import type { History } from '../../history/history.ts';
import { explore } from './frontier.ts';

export interface Cut {
  /** What the object held. */
  readonly state: State;
  /** The row whose return it was. */
  readonly after: number;
  /** What had no place yet, and all that was called later; ascending. */
  readonly rows: readonly number[];
  /** 1 for rows that need no place. */
  readonly mayBeMissing: Uint8Array;
}

/** As many moments are remembered. */
const CUTS_MAX = 64;
/** More that never ended make every configuration long. */
const UNENDED_MAX = 64;
/** Orders tried for each operation. */
const STEPS_PER_OPERATION = 4;

interface Moment {
  readonly state: State;
  readonly after: number;
  readonly pending: readonly number[];
  readonly spare: ReadonlySet<number>;
}

/**
 * The latest first. `rows`: of one key, ascending; `stuck`: the one that finds no place. None where there is no such moment,
 * or it takes too long to find it.
 */
export function cutsBefore(
  history: History,
  machine: Machine,
  rows: ArrayLike<number>,
  stuck: number,
  budget: Budget,
): readonly Cut[] {
  const { call, ret } = history;
  const all: number[] = [];
  let unended = 0;
  for (let i = 0; i < rows.length && call[rows[i]] < ret[stuck]; i++) {
    if (ret[rows[i]] === NEVER && ++unended > UNENDED_MAX) return [];
    all.push(rows[i]);
  }
  const moments: Moment[] = [];
  const window = { rows: all, mayBeMissing: new Set<number>(), states: [machine.initial] };
  const stepsMax = STEPS_PER_OPERATION * all.length;
  explore(history, machine, window, budget, stepsMax, (after, { state, done, spare }, pending) => {
    const left = pending.filter((row) => !done.has(row));
    moments.push({ state, after, pending: left, spare: new Set(spare) });
    if (moments.length === 2 * CUTS_MAX) moments.splice(0, CUTS_MAX);
  });
  return moments
    .slice(-CUTS_MAX)
    .reverse()
    .map(({ state, after, pending, spare }) => {
      let first = all.length;
      while (first > 0 && call[all[first - 1]] > ret[after]) first--;
      const left = [...pending, ...all.slice(first)].sort((a, b) => a - b);
      return { state, after, rows: left, mayBeMissing: Uint8Array.from(left, (row) => (spare.has(row) ? 1 : 0)) };
    });
}
