/** A change of members as the leader remembers it; in a file that needs nothing of the rest. */
import type { Node } from './node.ts';
import type { Leader } from './stances.ts';
import type { NodeId } from './types.ts';

/** A change that was asked for and is not done. */
export interface PendingChange {
  readonly request: number;
  /** Its newest entry: done, or ready for the next step, once this is committed. */
  index: number;
  /** A learner that becomes a voter as soon as it has caught up. */
  promote: NodeId | undefined;
  deadlineMs: number;
  /** How far the learner had come when the deadline was set: while it comes further, the deadline moves. */
  progress: number;
}

/** A deposed leader cannot tell what becomes of the change. */
export function leaveChange(node: Node, leader: Leader): void {
  if (leader.change === undefined) return;
  node.out.answer(leader.change.request, { type: 'unknown', code: 'LEADERSHIP_LOST' });
}
