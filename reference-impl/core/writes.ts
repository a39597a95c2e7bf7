/** Writes and cas at the leader: appended at once, answered when the acknowledgement that was asked for has come. */
import type { Fifo } from './fifo.ts';
import { isHandingOver } from './handover.ts';
import type { Leader, Node, PendingWrite } from './node.ts';
import { refuseNotLeader } from './serve.ts';
import type { Version } from './state.ts';
import type { Acknowledgement, CasRequest, Command, Entry, NodeId, Position, Response, WriteRequest } from './types.ts';

type Writing = WriteRequest | CasRequest;

/** The version of a key that nothing was ever written to. */
const NEVER_WRITTEN: Position = { term: 0, index: 0 };

export function onWrite(node: Node, request: number, body: Writing): void {
  const leader = node.stance;
  if (leader.type !== 'leader') {
    refuseNotLeader(node, request);
    return;
  }
  if (isHandingOver(node, leader)) {
    node.out.answer(request, { type: 'refused', code: 'HANDING_OVER' });
    return;
  }
  // The whole log before a cas decides it: what it finds here, every replica with this log finds.
  const before = node.state.local(body.key);
  const entry: Entry = { term: node.term, index: node.log.lastIndex + 1, command: commandOf(body) };
  const made = node.append(entry);
  const answer: Response =
    made === undefined ? mismatch(before) : { type: 'written', version: placeOf(made), role: 'leader' };
  if (made === undefined && node.defect('mismatch-from-uncommitted')) {
    node.out.answer(request, answer);
    return;
  }
  const deadlineMs = node.nowMs + node.config.requestTimeoutMs;
  queueFor(node, leader, body.ack ?? node.config.acknowledgement ?? 'quorum-ack').push({
    request,
    index: entry.index,
    deadlineMs,
    answer,
  });
  node.wakeAt(deadlineMs);
}

function commandOf(body: Writing): Command {
  return body.type === 'write'
    ? { type: 'write', key: body.key, value: body.value }
    : { type: 'cas', key: body.key, expected: body.expected, next: body.next };
}

function placeOf(version: Version): Position {
  return { term: version.term, index: version.index };
}

function mismatch(held: Version | undefined): Response {
  if (held === undefined) return { type: 'mismatch', actual: null, version: NEVER_WRITTEN, role: 'leader' };
  return { type: 'mismatch', actual: held.value, version: placeOf(held), role: 'leader' };
}

function queueFor(node: Node, leader: Leader, ack: Acknowledgement): Fifo<PendingWrite> {
  if (ack === 'all-ack') return leader.onAll;
  if (ack === 'leader-ack' || node.defect('ack-before-quorum')) return leader.onLeader;
  if (leader.handover?.asked === true && node.defect('unfenced-switchover')) return leader.onLeader;
  return leader.onQuorum;
}

/** Answers what has its acknowledgement. */
export function settleWrites(node: Node, leader: Leader): void {
  answerUpTo(node, leader.onLeader, node.durableIndex);
  answerUpTo(node, leader.onQuorum, node.commitIndex);
  // On every disk is on a quorum's, and what waits here is of the leader's own term: it is committed as well.
  if (leader.onAll.length > 0) answerUpTo(node, leader.onAll, durableEverywhere(node, leader));
}

function answerUpTo(node: Node, queue: Fifo<PendingWrite>, index: number): void {
  for (let pending = queue.first; pending !== undefined && pending.index <= index; pending = queue.first) {
    queue.shift();
    if (pending.index > node.commitIndex) node.acknowledgedAhead.add(pending.index);
    node.out.answer(pending.request, pending.answer);
  }
}

/** Highest index that is on the disk of every voter. */
function durableEverywhere(node: Node, leader: Leader): number {
  let index = node.durableIndex;
  for (const peer of leader.peers) if (peer.match < index) index = peer.match;
  return index;
}

/** Answers `unknown` to what has waited too long: the entry stays in the log and may yet be committed. */
export function expireWrites(node: Node, leader: Leader): void {
  for (const queue of [leader.onLeader, leader.onQuorum, leader.onAll]) {
    for (let pending = queue.first; pending !== undefined; pending = queue.first) {
      if (pending.deadlineMs > node.nowMs) {
        node.wakeAt(pending.deadlineMs);
        break;
      }
      queue.shift();
      const waitingFor = withoutEntry(node, leader, pending.index);
      node.out.answer(pending.request, { type: 'unknown', code: 'TIMEOUT', waitingFor });
    }
  }
}

function withoutEntry(node: Node, leader: Leader, index: number): NodeId[] {
  const missing: NodeId[] = node.durableIndex < index ? [node.config.id] : [];
  for (const peer of leader.peers) if (peer.match < index) missing.push(peer.id);
  return missing;
}

/** A deposed leader cannot tell what becomes of its entries. */
export function leaveWrites(node: Node, leader: Leader): void {
  for (const queue of [leader.onLeader, leader.onQuorum, leader.onAll]) {
    for (const pending of queue.drain()) node.out.answer(pending.request, { type: 'unknown', code: 'LEADERSHIP_LOST' });
  }
}
