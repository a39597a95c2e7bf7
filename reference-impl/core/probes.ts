/**
 * Asking the leader what is committed: for reads at followers, and for a node that wants to know how far it has to
 * catch up. A leader answers a probe once a round of confirmation that began after it came was answered by a quorum; so
 * the answer covers everything that anybody was told before the probe was sent. A node that leads asks itself.
 *
 * Whoever wants to know calls {@link askLeader}, and waits until `node.probes.answered` has an id at or above the one it
 * was given. Lost probes are sent again until the newest that was asked for is answered.
 */
import type { Probe, Probed } from './messages.ts';
import { atLeastOneMs } from './node.ts';
import type { Node } from './node.ts';
import type { Leader } from './stances.ts';
import type { ProbeAnswer, Probes } from './reading.ts';
import { adoptTerm } from './roles.ts';
import { knowsCommitted, wantRound } from './rounds.ts';
import type { NodeId } from './types.ts';

/** Probes without an answer that a node sends within a heartbeat; who asks meanwhile shares the next. */
const PROBES_IN_FLIGHT = 4;
/** Older ones without an answer are given up. */
const PROBES_KEPT = 64;
/** Probes that wait at a leader for confirmation; a sender asks again. */
const PROBES_HELD = 1024;

/** Returns the id of a probe that is sent after now: an answer with this id or a higher one is what to wait for. */
export function askLeader(node: Node): number {
  const { probes, stance } = node;
  if (stance.type !== 'leader') {
    probes.wanted = true;
    probes.askedId = probes.nextId;
  } else {
    const round = wantRound(stance);
    const last = probes.sent.at(-1);
    if (last?.round === round) return last.id;
    probes.askedId = probes.nextId++;
    probes.sent.push({ id: probes.askedId, sentAtMs: node.nowMs, round });
  }
  return probes.askedId;
}

/** Probes every `everyMs` for the next `forMs`. */
export function probeRegularly(node: Node, everyMs: number, forMs: number): void {
  const { probes } = node;
  probes.everyMs = node.nowMs < probes.regularUntilMs ? Math.min(probes.everyMs, everyMs) : everyMs;
  probes.regularUntilMs = Math.max(probes.regularUntilMs, node.nowMs + forMs);
}

export function onProbe(node: Node, from: NodeId, message: Probe): void {
  if (message.term > node.term) {
    adoptTerm(node, message.term, `${from} is in term ${message.term}`);
    return;
  }
  const leader = node.stance;
  if (message.term < node.term || leader.type !== 'leader' || !leader.peerById.has(from)) return;
  if (node.defect('follower-linearizable-without-round')) {
    const { commitIndex, log } = node;
    node.out.send(from, { type: 'probed', term: node.term, id: message.id, commit: commitIndex, last: log.lastIndex });
  } else if (leader.probes.length < PROBES_HELD) {
    leader.probes.push({ to: from, id: message.id, round: wantRound(leader) });
  }
}

export function onProbed(node: Node, from: NodeId, message: Probed): void {
  if (message.term > node.term) {
    adoptTerm(node, message.term, `${from} is in term ${message.term}`);
    return;
  }
  const { probes, stance } = node;
  if (message.term < node.term || stance.type !== 'follower' || stance.leader !== from) return;
  // Only what was sent to this leader in this life: an id says nothing to anybody else.
  const at = probes.sent.findIndex(({ id }) => id === message.id);
  if (at < 0) return;
  const { id, sentAtMs } = probes.sent[at];
  probes.sent.splice(0, at + 1);
  answered(node, { id, sentAtMs, commit: message.commit, last: message.last });
}

function answered(node: Node, answer: ProbeAnswer): void {
  node.probes.answered = answer;
  node.freshness.came(node.defect('bounded-from-answer') ? { ...answer, sentAtMs: node.nowMs } : answer);
}

export function onProbeTimer(node: Node): void {
  const { probes } = node;
  probes.timerArmed = false;
  if (isOpen(probes) && node.stance.type !== 'leader') probes.wanted = true;
  if (node.nowMs < probes.regularUntilMs) askLeader(node);
}

/** Somebody waits for an answer. */
export function isOpen(probes: Probes): boolean {
  return probes.askedId > (probes.answered?.id ?? 0);
}

/** Sends what is wanted, before a leader begins its round. */
export function settleProbes(node: Node): void {
  const { probes, stance } = node;
  const leader = stance.type === 'leader' ? node.config.id : stance.type === 'follower' ? stance.leader : undefined;
  if (leader !== probes.leader || node.term !== probes.term) {
    probes.leader = leader;
    probes.term = node.term;
    probes.sent.length = 0;
    probes.wanted = isOpen(probes);
  }
  if (leader === undefined) return;
  if (probes.wanted && stance.type === 'leader') {
    probes.wanted = false;
    askLeader(node);
  } else if (probes.wanted && maySend(node)) send(node, leader);
  const regular = node.nowMs < probes.regularUntilMs;
  if (probes.timerArmed || !(regular || (isOpen(probes) && stance.type !== 'leader'))) return;
  probes.timerArmed = true;
  const { heartbeatMs } = node.config;
  const delayMs = atLeastOneMs(regular ? Math.min(probes.everyMs, heartbeatMs) : heartbeatMs);
  node.out.timer('probe', delayMs, delayMs);
}

function maySend(node: Node): boolean {
  const { sent } = node.probes;
  const fourthLast = sent[sent.length - PROBES_IN_FLIGHT];
  return fourthLast === undefined || node.nowMs - fourthLast.sentAtMs >= node.config.heartbeatMs;
}

function send(node: Node, leader: NodeId): void {
  const { probes } = node;
  probes.wanted = false;
  const id = probes.nextId++;
  probes.askedId = id;
  if (probes.sent.push({ id, sentAtMs: node.nowMs, round: 0 }) > PROBES_KEPT) probes.sent.shift();
  node.out.send(leader, { type: 'probe', term: node.term, id });
}

/** Answers what was confirmed: the probes of others, and the leader's own. */
export function settleConfirmed(node: Node, leader: Leader): void {
  const { sent } = node.probes;
  if ((leader.probes.length === 0 && sent.length === 0) || !knowsCommitted(node, leader)) return;
  const commit = node.commitIndex;
  const last = node.log.lastIndex;
  for (let probe = leader.probes.first; probe !== undefined && probe.round <= leader.roundConfirmed; ) {
    leader.probes.shift();
    node.out.send(probe.to, { type: 'probed', term: node.term, id: probe.id, commit, last });
    probe = leader.probes.first;
  }
  while (sent.length > 0 && sent[0].round <= leader.roundConfirmed) {
    const { id, sentAtMs } = sent[0];
    sent.shift();
    answered(node, { id, sentAtMs, commit, last });
  }
}
