/** The fewest reads that no order of the writes can explain together: none of them can be left out. */
import { NONE } from '../../../history/history.ts';
import type { Budget } from '../../checker.ts';
import { INITIAL } from '../registers.ts';
import { followsOf, type Problem } from './problem.ts';
import { replay } from './replay.ts';
import { searchOrder } from './search.ts';

/** Of so many reads the fewest are looked for; more are shown as they are. */
const READS_MAX = 400;
/** So many steps each search for fewer may take. */
const STEPS_MAX = 20_000;

/** Places in `problem.reads`, ascending: all that some states show, or fewer. */
export function smallestReads(problem: Problem, states: readonly number[], budget: Budget): readonly number[] {
  const ofStates = (some: readonly number[]): number[] =>
    [...some]
      .sort((a, b) => a - b)
      .flatMap((state) =>
        Array.from({ length: problem.start[state + 1] - problem.start[state] }, (_, i) => problem.start[state] + i),
      );
  const cannotStand = (reads: readonly number[]): boolean => {
    const part = partOf(problem, reads);
    return searchOrder(part, replay(part).order(), budget, STEPS_MAX).type === 'none';
  };
  let left = ofStates(states);
  if (left.length > READS_MAX || !cannotStand(left)) return left;
  for (let size = left.length >> 1; size >= 1; size >>= 1) {
    for (let from = 0; from < left.length; ) {
      const fewer = [...left.slice(0, from), ...left.slice(from + size)];
      if (budget.spent() === undefined && cannotStand(fewer)) left = fewer;
      else from += size;
    }
  }
  return left;
}

/** The same problem with some of the reads, and of the writes those that can matter then. */
function partOf(problem: Problem, reads: readonly number[]): Problem {
  const { registers, history } = problem;
  const start: number[] = [];
  const before: number[] = [];
  let state = 0;
  let last = NONE;
  reads.forEach((read, i) => {
    while (problem.start[state + 1] <= read) state++;
    if (state === last) return;
    before.push(last !== NONE && goesOn(problem, last, state) ? start.length - 1 : NONE);
    start.push(i);
    last = state;
  });
  const shown = reads.map((read) => registers.source[problem.reads[read]]).filter((write) => write !== INITIAL);
  const earliest = shown.reduce((least, write) => Math.min(least, history.call[write]), Number.POSITIVE_INFINITY);
  const latest = shown.reduce((most, write) => Math.max(most, history.call[write]), 0);
  const shownReads = {
    reads: Int32Array.from(reads, (read) => problem.reads[read]),
    start: Int32Array.from([...start, reads.length]),
    states: start.length,
    before: Int32Array.from(before),
  };
  const kept = new Uint8Array(history.length);
  const writes = writesWithin(problem, earliest, latest);
  for (const write of writes) kept[write] = 1;
  return {
    ...problem,
    ...shownReads,
    writes,
    moments: problem.moments.filter((moment) => kept[moment >> 1] === 1),
    follows: followsOf(registers, shownReads),
    versioned: problem.versioned.filter((write) => kept[write] === 1),
  };
}

/** Whether a state is one of the same log as an earlier one. */
function goesOn({ before }: Problem, earlier: number, later: number): boolean {
  for (let state = later; state > earlier; state--) if (before[state] === NONE) return false;
  return true;
}

/**
 * Writes that were open between two moments, and of each key the first that was done: what was done before all that is shown is
 * older than all of it, and matters only where an initial value is shown.
 */
function writesWithin({ registers, history, writes }: Problem, earliest: number, latest: number): Int32Array {
  const { done } = registers;
  const { call, key, keys } = history;
  const soonest = new Int32Array(keys.length).fill(NONE);
  for (const write of writes) {
    const of = key[write];
    if (soonest[of] === NONE || done[write] < done[soonest[of]]) soonest[of] = write;
  }
  return writes.filter((write) => write === soonest[key[write]] || (done[write] >= earliest && call[write] <= latest));
}
