/** Whom to strike: for faults that take any node. */
import type { NodeId } from '../history/operation.ts';
import type { Random } from '../history/random.ts';
import type { Target } from './fault.ts';

/** Any node that is known to be up; any node at all when none is: striking the dead has no effect. */
export function anyNode(cluster: Target, random: Random): NodeId {
  const leader = cluster.leader();
  const up = leader === undefined ? cluster.followers() : [leader, ...cluster.followers()];
  return random.pick(up.length > 0 ? up : cluster.nodes);
}
