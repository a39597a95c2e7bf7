/**
 * The leader's side of a snapshot's way to a follower that the log cannot catch up: parts of one image, a few on their way
 * at a time, the same ones again when no answer comes, all of it anew when the follower has lost what it had taken.
 *
 * An image costs memory while it is read (every key overwritten meanwhile keeps one more version), so it is let go as soon
 * as the follower falls silent or the leadership ends.
 */
import type { SnapshotTaken } from './messages.ts';
import type { Node } from './node.ts';
import type { Leader, Peer } from './stances.ts';
import { endTransfer } from './images.ts';
import type { Transfer } from './images.ts';
import { peerThatAnswers, reached } from './peers.ts';
import { openSnapshot } from './snapshots.ts';
import { epochOf } from './types.ts';
import type { Entry, NodeId } from './types.ts';

/** Parts on their way to one follower at a time. */
const PARTS_IN_FLIGHT = 4;
const PART_ITEMS_DEFAULT = 1000;
/** Heartbeats without progress after which parts are sent again. */
const PATIENCE_BEATS = 3;
/** Heartbeats without progress after which the image is let go, and a newer one is begun with. */
const PATIENCE_BEATS_MAX = 60;
const NO_ENTRIES: readonly Entry[] = [];

/** Whether entries cannot bring this follower up to date: they are compacted, or it takes none. */
export function needsSnapshot(node: Node, peer: Peer): boolean {
  return peer.next <= node.log.base || peer.rebuild;
}

/** Sends what may be on its way to a follower that needs a snapshot. */
export function settleTransfer(node: Node, leader: Leader, peer: Peer): void {
  // Who has no room takes no part; the image would only be held for nothing.
  if (peer.full) endTransfer(peer);
  else peer.transfer ??= begin(node, peer);
  const { transfer } = peer;
  if (transfer !== undefined && !peer.full) {
    while (!transfer.ended && transfer.parts.length < PARTS_IN_FLIGHT) {
      const part = readPart(node, transfer);
      // It has that much of the same image from an earlier attempt, which was let go when it fell silent.
      if (part.part < transfer.taken && !part.last) transfer.parts.pop();
      else sendPart(node, leader, peer, part);
    }
  }
  if (peer.roundSent < leader.roundBegun) sendBeat(node, leader, peer);
}

function begin(node: Node, peer: Peer): Transfer | undefined {
  if (node.nowMs - peer.heardAtMs > node.config.electionMaxMs) return undefined;
  // A follower that is rebuilt has to come out in this leader's epoch: its last term says which one it is in.
  if (peer.rebuild && epochOf(node.log.termAt(node.commitIndex) ?? 0) < epochOf(node.term)) return undefined;
  const reader = openSnapshot(node);
  return { reader, parts: [], taken: 0, takenLately: 0, beats: 0, read: 0, ended: false };
}

function readPart(node: Node, transfer: Transfer): Transfer['parts'][number] {
  const most = node.config.snapshotPartItems ?? PART_ITEMS_DEFAULT;
  const portion = transfer.reader.next(most);
  const { values, requests } = portion ?? { values: [], requests: [] };
  // A portion that is not full is the last; after a full one an empty part may follow.
  const last = values.length + requests.length < most;
  const part = { part: transfer.read++, last, values, requests };
  transfer.ended = last;
  transfer.parts.push(part);
  return part;
}

function sendPart(node: Node, leader: Leader, peer: Peer, part: Transfer['parts'][number]): void {
  if (peer.transfer === undefined) return;
  const { head } = peer.transfer.reader;
  peer.roundSent = leader.roundBegun;
  node.out.send(peer.id, { type: 'snapshot-part', term: node.term, head, ...part, round: leader.roundBegun });
}

/** An append without entries behind a place that the follower is known to have: it says that the leader is there. */
function sendBeat(node: Node, leader: Leader, peer: Peer): void {
  peer.roundSent = leader.roundBegun;
  node.out.send(peer.id, {
    type: 'append',
    term: node.term,
    prevIndex: peer.match,
    prevTerm: node.log.termAt(peer.match) ?? 0,
    entries: NO_ENTRIES,
    commit: node.commitIndex,
    round: leader.roundBegun,
  });
}

/** The heartbeat of a follower that needs a snapshot. */
export function beatTransfer(node: Node, leader: Leader, peer: Peer): void {
  sendBeat(node, leader, peer);
  const { transfer } = peer;
  if (transfer === undefined) return;
  if (node.nowMs - peer.heardAtMs > node.config.electionMaxMs) endTransfer(peer);
  else if (++transfer.beats % PATIENCE_BEATS === 0) {
    // It has restarted, or has begun to follow anew: what it had taken is gone.
    const lost = transfer.takenLately < transfer.taken || transfer.beats >= PATIENCE_BEATS_MAX;
    if (lost) endTransfer(peer);
    else for (const part of transfer.parts) sendPart(node, leader, peer, part);
  }
}

export function onSnapshotTaken(node: Node, from: NodeId, message: SnapshotTaken): void {
  const peer = peerThatAnswers(node, from, message);
  if (peer === undefined) return;
  if (message.done) {
    peer.rebuild = false;
    peer.awaiting = false;
    reached(peer, message.index, message.index);
    return;
  }
  const { transfer } = peer;
  if (transfer === undefined || transfer.reader.head.index !== message.index) return;
  transfer.takenLately = message.parts;
  if (message.parts <= transfer.taken) return;
  transfer.taken = message.parts;
  transfer.beats = 0;
  while (transfer.parts.length > 0 && transfer.parts[0].part < message.parts && !transfer.parts[0].last) {
    transfer.parts.shift();
  }
}
