/** What the operator decides by: who may be promoted without losing what synchronous standbys have vouched for. */
import type { NodeId } from '../../history/operation.ts';
import { compare, type Self } from './places.ts';

export interface Cluster {
  readonly nodes: readonly NodeId[];
  /** How many standbys a synchronous commit waits for; at least 1. */
  readonly quorum: number;
  /** The latest that there has been. */
  readonly timeline: number;
  /** Who led it last. */
  readonly primary?: NodeId;
}

export type Decision =
  | { readonly type: 'promote'; readonly node: NodeId }
  | { readonly type: 'wait'; readonly why: string };

/**
 * What was acknowledged is on `quorum` standbys and was on their primary, so that among any `nodes - quorum` of them one has it: whoever
 * of so many has received most has all of it. A standby that knows nothing of the latest timeline could not tell what was
 * acknowledged there, and would begin another one of the same number. Who led the latest timeline, and has come back on it, has all that was
 * acknowledged there, whoever else answers: the others may wait for a primary to copy.
 *
 * @param selves of those that answer, primaries excepted
 * @param without cannot be chosen, whatever it has
 */
export function choose(cluster: Cluster, selves: ReadonlyMap<NodeId, Self>, without?: NodeId): Decision {
  const seen = [...selves].filter(([node]) => node !== without);
  const needed = Math.max(1, cluster.nodes.length - cluster.quorum);
  const isBack = seen.some(([node, self]) => node === cluster.primary && self.timeline === cluster.timeline);
  if (seen.length < needed && !isBack)
    return { type: 'wait', why: `${seen.length} of the ${needed} servers answer that are needed to know who has most` };
  const [[node, self]] = seen.sort(([, a], [, b]) => compare(reached(b), reached(a)));
  if (self.timeline < cluster.timeline)
    return { type: 'wait', why: `none that answers has followed onto timeline ${cluster.timeline}` };
  return { type: 'promote', node };
}

function reached({ timeline, received }: Self): { readonly timeline: number; readonly at: number } {
  return { timeline, at: received };
}

/** Whether nothing has come to any of them between two looks, so that what they have is all that they will have. */
export function atRest(before: ReadonlyMap<NodeId, Self>, now: ReadonlyMap<NodeId, Self>): boolean {
  return (
    before.size === now.size &&
    [...now].every(([node, self]) => {
      const was = before.get(node);
      return was !== undefined && compare(reached(was), reached(self)) === 0;
    })
  );
}
