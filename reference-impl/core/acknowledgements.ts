/**
 * When a write is answered: on the leader's disk, committed, on the disk of every voter, and served by every voter too. Each
 * acknowledgement has a queue in the order of the log; a repeat of a request waits beside them, for it comes late, and so does
 * a write that waits for a node that was removed.
 */
import type { Fifo } from './fifo.ts';
import type { Node } from './node.ts';
import type { Leader, Peer, PendingRepeat, PendingWrite } from './stances.ts';
import type { Outcome } from './origins.ts';
import { servedBy } from './serving.ts';
import type { Acknowledgement, NodeId, Response } from './types.ts';

/** The write is in the log: it waits for its acknowledgement. */
export function awaitWrite(node: Node, leader: Leader, ack: Acknowledgement, pending: PendingWrite): void {
  queueOf(leader, ack).push(pending);
  node.wakeAt(pending.deadlineMs);
}

/** A repeat of a request whose entry is in the log, be it pending or committed. */
export function awaitRepeat(node: Node, leader: Leader, repeat: PendingRepeat): void {
  if (answerRepeat(node, leader, repeat)) return;
  leader.repeats.push(repeat);
  node.wakeAt(repeat.deadlineMs);
}

export function acknowledgementOf(node: Node, leader: Leader, asked: Acknowledgement | undefined): Acknowledgement {
  const ack = asked ?? node.config.acknowledgement ?? 'quorum-ack';
  if (ack === 'all-applied' && node.defect('all-applied-on-append')) return 'all-ack';
  if (ack !== 'quorum-ack') return ack;
  if (node.defect('ack-before-quorum')) return 'leader-ack';
  return leader.handover?.asked === true && node.defect('unfenced-switchover') ? 'leader-ack' : ack;
}

function queueOf(leader: Leader, ack: Acknowledgement): Fifo<PendingWrite> {
  switch (ack) {
    case 'leader-ack':
      return leader.onLeader;
    case 'quorum-ack':
      return leader.onQuorum;
    case 'all-ack':
      return leader.onAll;
    case 'all-applied':
      return leader.onApplied;
  }
}

const ACKNOWLEDGEMENTS: readonly Acknowledgement[] = ['leader-ack', 'quorum-ack', 'all-ack', 'all-applied'];

/** Answers what has its acknowledgement. */
export function settleWrites(node: Node, leader: Leader): void {
  for (const ack of ACKNOWLEDGEMENTS) {
    const queue = queueOf(leader, ack);
    for (let pending = queue.first; pending !== undefined; pending = queue.first) {
      if (isAcknowledged(node, leader, ack, pending)) answerWrite(node, pending);
      // What waits for a node that was removed must not hold up what comes behind it and does not.
      else if (waitsForRemoved(node, leader, ack, pending)) leader.repeats.push({ ...pending, ack, isFirst: true });
      else break;
      queue.shift();
    }
  }
  if (leader.repeats.length > 0) {
    leader.repeats = leader.repeats.filter((repeat) => !answerRepeat(node, leader, repeat));
  }
}

function answerRepeat(node: Node, leader: Leader, repeat: PendingRepeat): boolean {
  if (!isAcknowledged(node, leader, repeat.ack, repeat)) return false;
  if (repeat.isFirst !== true) node.out.tell({ type: 'repeat', outcome: 'answered' });
  answerWrite(node, repeat);
  return true;
}

function answerWrite(node: Node, { request, index, outcome }: PendingWrite): void {
  if (index > node.commitIndex) node.acknowledgedAhead.add(index);
  node.out.answer(request, responseOf(outcome, node.commitIndex));
}

export function responseOf({ term, index, mismatch, stampMs }: Outcome, commit: number): Response {
  if (mismatch !== undefined) return { type: 'mismatch', ...mismatch, role: 'leader', commit };
  const written = { type: 'written', version: { term, index }, role: 'leader', commit } as const;
  return stampMs === undefined ? written : { ...written, stampMs };
}

function isAcknowledged(node: Node, leader: Leader, ack: Acknowledgement, pending: PendingWrite): boolean {
  if (ack === 'leader-ack') return pending.index <= node.durableIndex;
  // On every disk is not enough for an entry of an older term: it is committed by one of this term, or not at all.
  if (pending.index > node.commitIndex) return false;
  return ack === 'quorum-ack' || missing(node, leader, ack, pending).length === 0;
}

function waitsForRemoved(node: Node, leader: Leader, ack: Acknowledgement, pending: PendingWrite): boolean {
  if ((ack !== 'all-ack' && ack !== 'all-applied') || pending.index > node.commitIndex) return false;
  return missing(node, leader, ack, pending).some((id) => !node.members.isMember(id));
}

const NOBODY: readonly NodeId[] = [];

/**
 * Which voters the entry waits for. Those of its own configuration count, whatever was added behind it; whoever was
 * removed since and did not have it before is waited for in vain, and the client is told so.
 */
function missing(node: Node, leader: Leader, ack: Acknowledgement, { index, voters }: PendingWrite): readonly NodeId[] {
  let found: NodeId[] | undefined;
  for (const id of voters) {
    const peer = leader.peerById.get(id) ?? leader.gone.get(id);
    if (id === node.config.id ? !hasItself(node, ack, index) : !hasPeer(peer, ack, index)) {
      found ??= [];
      found.push(id);
    }
  }
  return found ?? NOBODY;
}

function hasItself(node: Node, ack: Acknowledgement, index: number): boolean {
  return index <= node.durableIndex && (ack !== 'all-applied' || index <= servedBy(node));
}

function hasPeer(peer: Peer | undefined, ack: Acknowledgement, index: number): boolean {
  return peer !== undefined && index <= peer.match && (ack !== 'all-applied' || index <= peer.served);
}

/** Whom the oldest write that asked for every voter waits for. */
export function waitingFor(node: Node, leader: Leader): readonly NodeId[] {
  const found = new Set<NodeId>();
  for (const ack of ['all-ack', 'all-applied'] as const) {
    const oldest = queueOf(leader, ack).first;
    if (oldest !== undefined) for (const id of missing(node, leader, ack, oldest)) found.add(id);
  }
  for (const write of leader.repeats) {
    if (write.isFirst === true) for (const id of missing(node, leader, write.ack, write)) found.add(id);
  }
  return [...found];
}

/** Lowest index that some follower is to say of that it serves it; infinity when nobody waits for that. */
export function awaitedIndex(leader: Leader): number {
  let index = leader.onApplied.first?.index ?? Number.POSITIVE_INFINITY;
  for (const repeat of leader.repeats) if (repeat.ack === 'all-applied') index = Math.min(index, repeat.index);
  return index;
}

/** Answers `unknown` to what has waited too long: the entry stays in the log and may yet be committed. */
export function expireWrites(node: Node, leader: Leader): void {
  for (const ack of ACKNOWLEDGEMENTS) {
    const queue = queueOf(leader, ack);
    for (let pending = queue.first; pending !== undefined; pending = queue.first) {
      if (pending.deadlineMs > node.nowMs) {
        node.wakeAt(pending.deadlineMs);
        break;
      }
      queue.shift();
      timeOut(node, leader, ack, pending);
    }
  }
  leader.repeats = leader.repeats.filter((repeat) => {
    if (repeat.deadlineMs > node.nowMs) node.wakeAt(repeat.deadlineMs);
    else timeOut(node, leader, repeat.ack, repeat);
    return repeat.deadlineMs > node.nowMs;
  });
}

function timeOut(node: Node, leader: Leader, ack: Acknowledgement, pending: PendingWrite): void {
  const waiting = missing(node, leader, ack, pending);
  node.out.answer(pending.request, { type: 'unknown', code: 'TIMEOUT', waitingFor: waiting });
}

/** A deposed leader cannot tell what becomes of its entries. */
export function leaveWrites(node: Node, leader: Leader): void {
  for (const ack of ACKNOWLEDGEMENTS) {
    for (const { request } of queueOf(leader, ack).drain()) loseLeadership(node, request);
  }
  for (const { request } of leader.repeats) loseLeadership(node, request);
  leader.repeats = [];
}

function loseLeadership(node: Node, request: number): void {
  node.out.answer(request, { type: 'unknown', code: 'LEADERSHIP_LOST' });
}
