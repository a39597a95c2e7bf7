/** Waiting for elections: for faults that strike when somebody has just been elected. */
import { MILLISECOND } from '../history/clock.ts';
import type { NodeId } from '../history/operation.ts';
import type { Target, Wait } from './fault.ts';

const LOOK_NS = 2 * MILLISECOND;
const LOOKS_MAX = 1_500;

export interface Awaiting {
  readonly cluster: Target;
  readonly wait: Wait;
  /** Asked at every look: whether nobody waits any more. */
  readonly over: () => boolean;
  /** Another than this one. */
  readonly but?: NodeId;
}

/** Whoever leads next, as soon as that is known; undefined when nobody does for long, or when it is over. */
export async function nextLeader({ cluster, wait, over, but }: Awaiting): Promise<NodeId | undefined> {
  for (let looks = 0; looks < LOOKS_MAX && !over(); looks++) {
    const leading = cluster.leader();
    if (leading !== undefined && leading !== but) return leading;
    await wait(LOOK_NS);
  }
  return undefined;
}

/** Lets time pass in portions, so that healing need not wait. */
export async function linger(ns: number, { wait, over }: Pick<Awaiting, 'wait' | 'over'>): Promise<void> {
  for (let left = ns; left > 0 && !over(); left -= LOOK_NS) await wait(Math.min(left, LOOK_NS));
}
