/**
 * Where a search that looked ahead really ended. With an outlook an order is given up as soon as it leads nowhere, which may be
 * long before an operation returns that has no place. That operation ends the shortest beginning that is impossible by itself.
 */
import type { Problem } from './problem.ts';

/** Questions that are given up before the rest is not asked any more. */
const UNANSWERED_MAX = 12;
/** Operations of which each question is a search that takes its time: of more, few are asked, not the nearest first. */
const LONG = 1000;

/**
 * The operation at whose return no order is left. It is never one that may be missing: that such a one has ended makes nothing
 * impossible that was possible before.
 *
 * @param reached an event up to which there is an order
 * @param isImpossible whether there is no order for such a beginning; undefined where that was not found out. A longer one is
 *   asked about then: what is told last is impossible for certain, though a shorter one may be as well.
 */
export function failureOf(
  problem: Problem,
  reached: number,
  isImpossible: (beginning: Problem) => boolean | undefined,
): number {
  const { events } = problem;
  const ends: number[] = [];
  for (let at = reached; at < events.length; at++) {
    if ((events[at] & 1) === 1 && problem.optional[events[at] >> 1] === 0) ends.push(at);
  }
  // Of all ends: up to `low` there is an order; up to `high` there is none.
  let low = -1;
  let high = ends.length - 1;
  let unanswered = 0;
  const isLong = problem.count > LONG;
  for (let stride = isLong ? problem.slots : 1; high - low > 1; stride *= 2) {
    // Mostly it is not far.
    const middle = Math.min(low + stride, (low + high) >> 1);
    const verdict = isImpossible(beginningOf(problem, ends[middle] + 1));
    if (verdict === undefined && ++unanswered > UNANSWERED_MAX) break;
    if (verdict === true) {
      high = middle;
      stride = isLong ? ends.length : 0.5;
    } else {
      low = middle;
    }
  }
  return events[ends[high]] >> 1;
}

/** The same operations, of which all that have not ended by the event may happen later, or never. */
function beginningOf(problem: Problem, until: number): Problem {
  const { count, end } = problem;
  const [optional, open] = [problem.optional.slice(), problem.open.slice()];
  const pending = new Set<number>();
  for (let at = 0; at < until; at++) {
    const event = problem.events[at];
    if ((event & 1) === 0) pending.add(event >> 1);
    else pending.delete(event >> 1);
  }
  const last = [...pending].sort((a, b) => end[a] - end[b]);
  for (const op of last) optional[op] = open[op] = 1;
  const events = new Int32Array(until + last.length);
  events.set(problem.events.subarray(0, until));
  last.forEach((op, i) => {
    events[until + i] = 2 * op + 1;
  });
  return { ...problem, count, optional, open, events };
}
