/** A switchover as the leader remembers it, and what the rest of the leader has to know of it. */
import type { Node } from './node.ts';
import type { Leader } from './stances.ts';
import type { NodeId } from './types.ts';

export interface Handover {
  readonly to: NodeId;
  /** An operator's; undefined: the leader's own idea. */
  readonly request: number | undefined;
  /** When it is given up. A new one begins once the successor was asked to stand. */
  deadlineMs: number;
  asked: boolean;
}

/** A handover whose leader has stepped down, and whose operator waits to hear who leads. */
export interface HandedOver {
  readonly to: NodeId;
  readonly request: number;
  readonly deadlineMs: number;
}

/** Whether this leader may hold a lease: nobody can win votes that stickiness does not bind. */
export function mayHoldLease(node: Node, leader: Leader): boolean {
  return leader.askedToStand.size === 0 || node.defect('lease-kept-during-switchover');
}

/** Whether writes are refused with `HANDING_OVER`. */
export function isHandingOver(node: Node, leader: Leader): boolean {
  if (leader.handover?.asked === true && node.defect('unfenced-switchover')) return false;
  return leader.handover !== undefined;
}

/** The leader steps down: its operator hears who leads once that is known. */
export function leaveHandover(node: Node, leader: Leader): void {
  const { handover } = leader;
  if (leader.askedToStand.size > 0 && node.defect('lease-kept-during-switchover')) {
    node.leaseKeptUntilMs = leader.confirmedSentAtMs + node.config.electionMinMs;
  }
  if (handover?.request === undefined) return;
  const deadlineMs = node.nowMs + node.config.electionMaxMs;
  node.handedOver = { to: handover.to, request: handover.request, deadlineMs };
  node.wakeAt(deadlineMs);
}
