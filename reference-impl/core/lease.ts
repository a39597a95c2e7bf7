/**
 * Lease reads (Ongaro 2014, 6.4.1; Gray & Cheriton 1989): served by a leader without a round, while nobody else can have
 * been elected. Every voter that answered a round of confirmation gives no vote for the shortest election timeout after
 * it heard of the round (stickiness), and a quorum did; so the lease runs from when the round was *sent*. How much shorter
 * than that timeout it must be follows from how far clocks may drift apart: the leader's may be slow and a voter's fast.
 */
import { driftOf } from './freshness.ts';
import { mayHoldLease } from './handover.ts';
import type { Node } from './node.ts';
import type { Leader } from './stances.ts';
import { settleRound, wantRound } from './rounds.ts';

/** How long a lease lasts on the leader's own clock. */
function leaseMs(node: Node): number {
  const { electionMinMs } = node.config;
  if (node.defect('lease-ignores-drift')) return electionMinMs;
  const drift = driftOf(node);
  return (electionMinMs * (1 - drift)) / (1 + drift);
}

function holdsLease(node: Node, leader: Leader): boolean {
  return mayHoldLease(node, leader) && node.nowMs < leader.confirmedSentAtMs + leaseMs(node);
}

/** A lease read has come: from now on heartbeats renew the lease for a while. Returns whether it may be served at once. */
export function askLease(node: Node, leader: Leader): boolean {
  leader.leaseAskedAtMs = node.nowMs;
  leader.leaseHeld ||= holdsLease(node, leader);
  noteExpiry(node, leader);
  return leader.leaseHeld;
}

/** Before the heartbeats go out: they carry a new round while lease reads are asked for. */
export function renewLease(node: Node, leader: Leader): void {
  noteExpiry(node, leader);
  if (node.nowMs - leader.leaseAskedAtMs > node.config.electionMaxMs) {
    leader.leaseHeld = false;
    return;
  }
  wantRound(leader);
  settleRound(node, leader);
}

function noteExpiry(node: Node, leader: Leader): void {
  if (!leader.leaseHeld || holdsLease(node, leader)) return;
  leader.leaseHeld = false;
  if (mayHoldLease(node, leader)) node.out.tell({ type: 'lease-expired', term: node.term });
}
