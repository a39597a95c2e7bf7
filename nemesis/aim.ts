/** Whom to strike: any node, or those that have a role when the fault strikes. */
import type { NodeId } from '../history/operation.ts';
import type { Random } from '../history/random.ts';
import type { Target } from './fault.ts';

/** Any node that is known to be up; any node at all when none is: striking the dead has no effect. */
export function anyNode(cluster: Target, random: Random): NodeId {
  const up = nodesUp(cluster);
  return random.pick(up.length > 0 ? up : cluster.nodes);
}

/** What a target may be called besides a node's name. */
export const roles = {
  leader: 'the node that leads',
  followers: 'all followers together, while somebody leads',
  'random-follower': 'one of the followers, while somebody leads',
  'most-lagging': 'the follower that is furthest behind, while somebody leads',
  'least-lagging': 'the follower that is least behind, while somebody leads',
  'random-node': 'any node that is up',
  all: 'all nodes',
  it: "the node that the stream's trigger is about",
} as const;

export type RoleName = keyof typeof roles;

/** Those whom chance chooses: a replay chooses the same ones. */
export function isRandom(target: string): boolean {
  return target === 'random-follower' || target === 'random-node';
}

/** The nodes that a target means now; none: nobody has the role. `it`: whom a trigger is about. */
export function aimAt(target: string, cluster: Target, random: Random, it?: NodeId): readonly NodeId[] {
  const leader = cluster.leader();
  const one = (node: NodeId | undefined): readonly NodeId[] => (node === undefined ? [] : [node]);
  if (cluster.nodes.includes(target)) return [target];
  switch (target as RoleName) {
    case 'leader':
      return one(leader);
    case 'followers':
      return leader === undefined ? [] : cluster.followers();
    case 'random-follower': {
      const followers = leader === undefined ? [] : cluster.followers();
      return followers.length === 0 ? [] : [random.pick(followers)];
    }
    case 'most-lagging':
      return leader === undefined ? [] : one(cluster.mostLagging());
    case 'least-lagging':
      return leader === undefined ? [] : one(cluster.leastLagging?.());
    case 'random-node': {
      const up = nodesUp(cluster);
      return up.length === 0 ? [] : [random.pick(up)];
    }
    case 'all':
      return cluster.nodes;
    case 'it':
      return one(it);
    default:
      throw new Error(`there is no node '${target}'`); // plans are checked before they are run
  }
}

export function nodesUp(cluster: Target): readonly NodeId[] {
  const leader = cluster.leader();
  return leader === undefined ? cluster.followers() : [leader, ...cluster.followers()];
}
