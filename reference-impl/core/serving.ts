/** When a follower stops serving committed reads, and says why, so that its clients go elsewhere. */
import type { Node } from './node.ts';
import type { Follower } from './stances.ts';
import type { RefusalCode } from './types.ts';

type Limit = 'NOT_A_MEMBER' | 'LEADER_LOST' | 'LAGGING' | 'DISK_SLOW' | 'DISK_FULL';

/** Entries behind the commit index that the leader last told. */
export function lagOf(node: Node): number {
  return node.stance.type === 'follower' ? Math.max(0, node.stance.commitTold - node.commitIndex) : 0;
}

/** Why committed reads are refused here right now; undefined: they are served. */
export function whyNotServing(node: Node): RefusalCode | undefined {
  return limitReached(node) ?? (node.ready ? undefined : 'NOT_READY');
}

/** Which of the limits keeps this node from serving what followers serve; a leader serves. */
export function limitReached(node: Node): Limit | undefined {
  if (node.stance.type === 'leader' || node.defect('stale-follower-serves')) return undefined;
  if (wasRemoved(node)) return 'NOT_A_MEMBER';
  if (node.disk.full) return 'DISK_FULL';
  const limits = node.config.serving;
  if (limits === undefined) return undefined;
  const { leaderSilentMs, lagEntries, diskMs } = limits;
  if (leaderSilentMs !== undefined && node.nowMs - node.heardLeaderAtMs > leaderSilentMs) return 'LEADER_LOST';
  if (lagEntries !== undefined && lagOf(node) > lagEntries) return 'LAGGING';
  if (diskMs !== undefined && node.nowMs - node.disk.waitsSinceMs > diskMs) return 'DISK_SLOW';
  return undefined;
}

/** By a change that is committed: nobody tells it any more what is. */
function wasRemoved({ commitIndex, config, members }: Node): boolean {
  return members.index > 0 && members.index <= commitIndex && !members.isMember(config.id);
}

/** Up to where this node would serve committed reads. */
export function servedBy(node: Node): number {
  return node.ready ? node.commitIndex : 0;
}

export function toldCommit(node: Node, follower: Follower, commit: number): void {
  if (commit > node.commitHeard) node.commitHeard = commit;
  if (commit > follower.commitTold) follower.commitTold = commit;
}

/** Tells when serving ends and when it begins again. A node that is not ready yet has not begun. */
export function settleServing(node: Node): void {
  const limit = limitReached(node);
  if (limit === node.limitTold || !node.ready) return;
  node.limitTold = limit;
  node.out.tell(limit === undefined ? { type: 'serving' } : { type: 'stopped-serving', code: limit });
}
