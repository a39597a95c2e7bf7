/** When a node that was restarted serves committed reads again. */
import { freshnessOf } from './freshness.ts';
import type { Node } from './node.ts';
import { askLeader, isOpen } from './probes.ts';

/**
 * A restarted node does not know how far the log was committed when it stopped, nor what it told of it; and messages from
 * before may still come. So it asks, and is ready when its state covers the answer.
 */
export function settleReady(node: Node): void {
  const { freshness, probes, stance } = node;
  if (node.ready || !node.restarted || stance.type !== 'follower') return;
  if (freshnessOf(node) > Number.NEGATIVE_INFINITY) node.ready = true;
  else if (!freshness.comes && !isOpen(probes)) askLeader(node);
}
