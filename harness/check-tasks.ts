/** What of one history may be found out at the same time. */
import type { Guarantee } from '../history/guarantee.ts';

/** For one worker, in this order. */
export interface Task {
  readonly guarantees: readonly Guarantee[];
  /** Whether to tell how stale reads were, at the end. */
  readonly staleness: boolean;
}

/** They share a preparation of the history, which takes longer than any of them. */
const TOGETHER: ReadonlySet<Guarantee> = new Set<Guarantee>([
  'read-your-writes',
  'monotonic-reads',
  'monotonic-writes',
  'writes-follow-reads',
  'consistent-prefix',
]);

/** A worker takes 50 ms to start, in which one worker judges as many operations. */
export const LARGE = 20_000;

/** In the order of their first guarantees. */
export function tasksOf(guarantees: readonly Guarantee[], staleness: boolean): readonly Task[] {
  const together = guarantees.filter((name) => TOGETHER.has(name));
  const tasks: Task[] = [];
  for (const name of guarantees) {
    if (!TOGETHER.has(name)) tasks.push({ guarantees: [name], staleness: false });
    else if (name === together[0]) tasks.push({ guarantees: together, staleness: false });
  }
  if (staleness) tasks.push({ guarantees: [], staleness });
  return tasks;
}
