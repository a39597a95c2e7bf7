/**
 * What a state has to show of one key: none of some writes may be missing from it, though newer ones may have replaced them.
 */
import { INITIAL, type Registers } from './registers.ts';

/** A write that must be visible, or a newer one of its key. */
export interface Demand {
  readonly write: number;
  /** The operation of the session that makes the write count: its own write, or its read of it. */
  readonly by: number;
  /** The read that showed a later write of that session, so that this state must show the earlier one too. Or NONE. */
  readonly via: number;
}

/**
 * Adds a demand to a list, and drops what it implies: whatever is older than a dropped one is older than the new one too. So a
 * list is as long as there are concurrent writes, not as the session is.
 */
export function addDemand(registers: Registers, demands: Demand[], demand: Demand): void {
  for (const { write } of demands) {
    if (write === demand.write || implied(registers, demand.write, write)) return;
  }
  let kept = 0;
  for (const other of demands) if (!implied(registers, other.write, demand.write)) demands[kept++] = other;
  demands.length = kept;
  demands.push(demand);
}

/** Whether asking for b asks for a too. */
function implied(registers: Registers, a: number, b: number): boolean {
  const order = registers.compare(a, b);
  if (order < 0) return registers.precedes(a, b) || registers.history.call[a] <= registers.history.call[b];
  return registers.precedes(a, b) && !registers.hasVersion(a);
}

/** The demand that a state showing `shown` fails; undefined if it fails none. */
export function failedDemand(registers: Registers, demands: readonly Demand[], shown: number): Demand | undefined {
  for (let i = demands.length - 1; i >= 0; i--) {
    const demand = demands[i];
    if (shown === INITIAL || (shown >= 0 && registers.older(shown, demand.write))) return demand;
  }
  return undefined;
}
