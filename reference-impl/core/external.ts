/**
 * External election: not the quorum but an external consistent core (a lease in etcd, say) names who is to lead, and in
 * which term. The one that is named stands at once, without asking around; everything else is as it ever was. One vote a
 * term, a log that is not behind, stickiness and check-quorum hold, so whatever the external core does, two nodes never lead
 * one term and nothing that is committed is lost: a core that errs costs availability only.
 */
import { beginCampaign, mayStand, votesWithheld } from './election.ts';
import type { Node } from './node.ts';
import { follow } from './roles.ts';
import { epochOf } from './types.ts';

export function onElect(node: Node, term: number | undefined): void {
  if (node.config.election !== 'external') return;
  if (term === undefined) {
    if (node.stance.type !== 'follower' && node.promotion === undefined) follow(node, 'its right to lead has ended');
    return;
  }
  if (term <= node.term || epochOf(term) !== epochOf(node.term)) return;
  if (votesWithheld(node) || !mayStand(node) || node.disk.full) return;
  beginCampaign(node, term, 'named');
}
