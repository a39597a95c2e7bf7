/** Why one unit causally precedes another: the shortest chain of session order and reads-from. */
import { NONE } from '../../history/history.ts';
import type { SessionOrder } from './order.ts';
import { endOf, type Units, unitOf } from './units.ts';

/** A unit of a chain, and the row by which it read from the unit before it; NONE: it follows that in its session. */
export interface Link {
  readonly unit: number;
  readonly read: number;
}

/**
 * The shortest causal chain from one unit to another, both included: a search backwards from `to`, breadth first. Undefined if there
 * is none. Session order is short-cut: an earlier unit of the session is one step away, however much lies between.
 */
export function chainBetween(
  units: Units,
  sessions: SessionOrder,
  from: number,
  to: number,
  allowed: (unit: number) => boolean = () => true,
): readonly Link[] | undefined {
  const { history, source } = units;
  /** Per unit reached: the unit after it, plus one, and the row by which that one reads from it. */
  const after = new Int32Array(history.length);
  const by = new Int32Array(history.length);
  const last = history.length + 1;
  after[to] = last;
  by[to] = NONE;
  let level = [to];
  while (level.length > 0 && after[from] === 0) {
    const later: number[] = [];
    const reach = (before: number, unit: number, read: number): void => {
      if (after[before] !== 0 || !allowed(before)) return;
      after[before] = unit + 1;
      by[before] = read;
      later.push(before);
    };
    for (const unit of level) {
      for (let row = unit, end = endOf(history, unit); row < end; row++) {
        if (source[row] >= 0) reach(unitOf(history, source[row]), unit, row);
      }
      // All that precedes in the session at once: what was reached before has brought its own predecessors with it.
      const stack = [unit];
      for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
        sessions.eachPrevious(at, (before) => {
          if (after[before] !== 0 || !allowed(before)) return;
          reach(before, unit, NONE);
          stack.push(before);
        });
      }
    }
    level = later;
  }
  if (after[from] === 0) return undefined;
  const chain: Link[] = [{ unit: from, read: NONE }];
  for (let at = from; after[at] !== last; at = after[at] - 1) chain.push({ unit: after[at] - 1, read: by[at] });
  return chain;
}
