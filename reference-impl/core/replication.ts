/** The leader's side of replication: who is sent what, what may be counted, and how far that commits the log. */
import { awaitedIndex } from './acknowledgements.ts';
import { entryBytes } from './entry-size.ts';
import { isOfEpoch } from './epochs.ts';
import { endTransfer } from './images.ts';
import { renewLease } from './lease.ts';
import type { Appended, Message, Rejected } from './messages.ts';
import type { Node } from './node.ts';
import type { Leader, Peer } from './stances.ts';
import { peerThatAnswers, reached } from './peers.ts';
import { reachedByQuorum } from './quorum.ts';
import { roundConfirmed } from './rounds.ts';
import { beatTransfer, needsSnapshot, settleTransfer } from './transfer.ts';
import type { Entry, NodeId } from './types.ts';

/** Batches on their way to one peer at a time; what comes meanwhile goes with the next. */
const BATCHES_IN_FLIGHT = 4;
const BATCH_ENTRIES_MAX_DEFAULT = 512;
/** And no more of them than so many bytes, about; but always one. */
const BATCH_BYTES_MAX = 1024 * 1024;
/** What is sent to find the place is sent again with every heartbeat, perhaps to nobody: so much, or no entry at all. */
const PROBE_BYTES_MAX = 64 * 1024;
const NO_ENTRIES: readonly Entry[] = [];

export function onAppended(node: Node, from: NodeId, message: Appended): void {
  const peer = peerThatAnswers(node, from, message);
  if (peer === undefined) return;
  node.expects(message.verified <= node.log.lastIndex, () => `${from} verified ${message.verified}, beyond the log`);
  reached(peer, message.verified, message.durable);
  // A log that was given up takes no append: it has been replaced.
  if (peer.rebuild && isOfEpoch(node.log.termAt(message.verified) ?? 0, node.term)) peer.rebuild = false;
  if (message.served > peer.served) peer.served = message.served;
  if (message.full === true) stopSending(peer, message.verified);
  else peer.full = false;
}

/** Its disk is full: only heartbeats go there until it says that there is room. */
function stopSending(peer: Peer, verified: number): void {
  peer.full = true;
  peer.next = Math.max(peer.match, verified) + 1;
  peer.probing = true;
  peer.awaiting = false;
  peer.inFlight.length = 0;
}

export function onRejected(node: Node, from: NodeId, message: Rejected): void {
  const peer = peerThatAnswers(node, from, message);
  if (peer === undefined) return;
  // Its log was found damaged: it may have lost what it had matched.
  if (message.damaged === true) {
    peer.match = 0;
    peer.served = 0;
  }
  if (message.rebuild === true) {
    // Late, if it has entries of this epoch on its disk by now.
    peer.rebuild = !isOfEpoch(node.log.termAt(peer.match) ?? 0, node.term);
    return;
  }
  peer.full = message.full === true;
  // Late: the place was matched since, or another one is being tried.
  if (message.prevIndex <= peer.match || message.prevIndex >= peer.next) return;
  if (peer.probing && message.prevIndex !== peer.next - 1) return;
  const candidate = node.log.lastNotAbove(message.hintIndex, message.hintTerm);
  peer.next = Math.max(peer.match, Math.min(candidate, message.prevIndex - 1)) + 1;
  peer.probing = true;
  peer.awaiting = false;
  peer.inFlight.length = 0;
}

/** Kept from call to call, and not emptied: an array that grows again allocates again. */
const scratch: number[] = [];

/** Advances the commit index and the confirmed round to what a quorum of the current configuration has. */
export function settleCommit(node: Node, leader: Leader): void {
  const { peers, epochBegins } = leader;
  if (node.commitIndex < epochBegins && node.durableIndex >= epochBegins) node.commit(epochBegins);
  // A leader that is removing itself does not count itself (Ongaro 2014, 4.2.2).
  let voters = node.members.selfVotes ? 1 : 0;
  scratch[0] = node.durableIndex;
  for (let i = 0; i < peers.length; i++) if (peers[i].voter) scratch[voters++] = peers[i].match;
  scratch.length = voters;
  const index = reachedByQuorum(scratch);
  leader.quorumAt = index;
  // Counting copies proves nothing about entries of older terms; they are committed by one of this term above them
  // (Ongaro & Ousterhout 2014, 5.4.2).
  if (index > node.commitIndex && (node.log.termAt(index) === node.term || node.defect('commit-old-term'))) {
    node.commit(index);
  }
  if (leader.roundConfirmed < leader.roundBegun) {
    voters = node.members.selfVotes ? 1 : 0;
    scratch[0] = leader.roundBegun;
    for (let i = 0; i < peers.length; i++) if (peers[i].voter) scratch[voters++] = peers[i].roundAnswered;
    const round = reachedByQuorum(scratch);
    if (round > leader.roundConfirmed) roundConfirmed(node, leader, round);
  }
}

export function settlePeers(node: Node, leader: Leader): void {
  for (const peer of leader.peers) {
    if (needsSnapshot(node, peer)) {
      settleTransfer(node, leader, peer);
      continue;
    }
    if (peer.transfer !== undefined) endTransfer(peer);
    if (peer.probing) {
      if (!peer.awaiting && !peer.full) probe(node, leader, peer);
    } else {
      const last = node.log.lastIndex;
      while (peer.next <= last && peer.inFlight.length < BATCHES_IN_FLIGHT) sendBatch(node, leader, peer);
    }
    if (peer.roundSent < leader.roundBegun) sendAppend(node, leader, peer, NO_ENTRIES);
    if (peer.inFlight.length === 0 && !peer.awaiting) tellCommit(node, leader, peer);
  }
}

/** Tells the commit index where no append carries it; and asks for an answer where a write waits until it is served. */
function tellCommit(node: Node, leader: Leader, peer: Peer): void {
  const index = Math.min(node.commitIndex, peer.match);
  const awaited = awaitedIndex(leader);
  const answer = awaited <= index && peer.served < index && peer.servedAsked < index;
  if (peer.commitSent >= index && !(answer && peer.servedAsked < awaited)) return;
  peer.commitSent = index;
  if (answer) peer.servedAsked = index;
  node.out.send(peer.id, { type: 'commit', term: node.term, index, ...(answer ? { answer } : undefined) });
}

export function onHeartbeatTimer(node: Node, leader: Leader): void {
  node.out.timer('heartbeat', node.config.heartbeatMs, node.config.heartbeatMs);
  renewLease(node, leader);
  const { beats } = leader;
  beats.push({ atMs: node.nowMs, last: node.log.lastIndex });
  while (beats.length > 1 && node.nowMs - beats[0].atMs >= node.config.electionMinMs) beats.shift();
  for (const peer of leader.peers) {
    if (needsSnapshot(node, peer)) beatTransfer(node, leader, peer);
    else if (peer.probing && !peer.full) probe(node, leader, peer);
    else sendAppend(node, leader, peer, NO_ENTRIES);
  }
}

function probe(node: Node, leader: Leader, peer: Peer): void {
  const to = endOfBatch(node, peer, PROBE_BYTES_MAX);
  peer.awaiting = true;
  sendAppend(node, leader, peer, node.log.slice(peer.next, to));
}

/** Index of the last entry that goes with the next append; below `next` when not even one is within `bytes`. */
function endOfBatch(node: Node, { next }: Peer, bytes: number): number {
  const most = next + (node.config.batchEntriesMax ?? BATCH_ENTRIES_MAX_DEFAULT) - 1;
  const last = Math.min(node.log.lastIndex, most);
  let to = next - 1;
  for (let left = bytes; to < last; to++) {
    left -= entryBytes(node.log.at(to + 1));
    if (left < 0) break;
  }
  return to;
}

function sendBatch(node: Node, leader: Leader, peer: Peer): void {
  const to = Math.max(peer.next, endOfBatch(node, peer, BATCH_BYTES_MAX));
  sendAppend(node, leader, peer, node.log.slice(peer.next, to));
  peer.inFlight.push(to);
  peer.next = to + 1;
}

function sendAppend(node: Node, leader: Leader, peer: Peer, entries: readonly Entry[]): void {
  const prevIndex = peer.next - 1;
  const message: Message = {
    type: 'append',
    term: node.term,
    prevIndex,
    // The leader's log has everything up to `next` - 1.
    prevTerm: node.log.termAt(prevIndex) ?? 0,
    entries,
    commit: node.commitIndex,
    round: leader.roundBegun,
  };
  peer.roundSent = leader.roundBegun;
  peer.commitSent = Math.min(node.commitIndex, prevIndex + entries.length);
  node.out.send(peer.id, message);
}
