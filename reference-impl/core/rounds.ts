/**
 * Rounds of confirmation (Ongaro 2014, 6.4): appends carry the number of the latest round that the leader began, and an
 * answer that repeats it says that its sender knew this leader then. Once a quorum has said so, nobody else can have
 * been elected before the round began.
 */
import type { Node } from './node.ts';
import type { Leader } from './stances.ts';

/** Rounds under way at a time; whatever wants to be confirmed meanwhile shares the next. */
const ROUNDS_IN_FLIGHT = 4;

/** A round that begins after now: wait until it is confirmed. */
export function wantRound(leader: Leader): number {
  leader.roundWanted = true;
  return leader.roundBegun + 1;
}

/** Begins a round if somebody wants one. */
export function settleRound(node: Node, leader: Leader): void {
  if (!leader.roundWanted || leader.roundBegun - leader.roundConfirmed >= ROUNDS_IN_FLIGHT) return;
  leader.roundWanted = false;
  leader.roundBegun++;
  leader.roundSentAtMs[leader.roundBegun % ROUNDS_IN_FLIGHT] = node.nowMs;
  if (node.quorum === 1 && node.members.selfVotes) roundConfirmed(node, leader, leader.roundBegun);
}

/** A quorum has answered this round, or a later one. */
export function roundConfirmed(node: Node, leader: Leader, round: number): void {
  leader.roundConfirmed = round;
  const sentAtMs = leader.roundSentAtMs[round % ROUNDS_IN_FLIGHT];
  leader.confirmedSentAtMs = node.defect('lease-from-answer') ? node.nowMs : sentAtMs;
}

/** Before an entry of its own term is committed, a leader may not know all that is committed (Ongaro 2014, 6.4, step 1). */
export function knowsCommitted(node: Node, leader: Leader): boolean {
  if (node.defect('read-index-without-own-term') || node.defect('commit-old-term')) return true;
  return node.commitIndex >= leader.openedAt;
}
