/** Recovery epochs, as every node knows them: whose log still counts. force.ts begins them. */
import type { Follower, Node } from './node.ts';
import { epochOf } from './types.ts';

/** Whether a log with this last term may be stood with, or voted for, in a term: there is nothing older in its epoch. */
export function isOfEpoch(lastTerm: number, term: number): boolean {
  return epochOf(lastTerm) >= epochOf(term);
}

/**
 * Whether the node has given up its log: it takes nothing but a snapshot. A log that came from this leader in this term
 * is none to give up, though it has not reached the leader's epoch yet.
 */
export function hasGivenUpLog(node: Node, follower: Follower): boolean {
  if (isOfEpoch(node.log.lastTerm, node.term) || node.defect('no-recovery-epoch')) return false;
  return follower.verified < node.log.lastIndex;
}
