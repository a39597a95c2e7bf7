/**
 * Changes of members, one node at a time (Ongaro 2014, 4.1 to 4.2): every two successive configurations then share a
 * voter in any two of their majorities. A change begins only when the one before it is committed, and only once an entry
 * of the leader's own term is; otherwise two leaders could each change what the other has not seen, and their majorities
 * need not meet (Ongaro, raft-dev, 10 July 2015). Nodes come in as learners and vote once they have caught up.
 */
import { endTransfer } from './images.ts';
import type { Node } from './node.ts';
import type { Leader, Peer } from './stances.ts';
import type { PendingChange } from './pending-change.ts';
import { quorumSize } from './quorum.ts';
import { follow, newPeer } from './roles.ts';
import { refuseNotLeader } from './serve.ts';
import type { Membership, MembersChange, NodeId, OperatorRequest, Position, RefusalCode } from './types.ts';

/** How long a removed node is told of its removal, election timeouts. */
const LEAVING_TIMEOUTS = 10;

export function onChangeMembers(
  node: Node,
  request: number,
  { change }: OperatorRequest & { readonly type: 'change-members' },
): void {
  const leader = node.stance;
  if (leader.type !== 'leader') {
    refuseNotLeader(node, request);
    return;
  }
  const next = changed(node.members.current, change);
  const refusal = typeof next === 'string' ? next : objection(node, leader, change, next);
  if (refusal !== undefined) {
    node.out.answer(request, { type: 'refused', code: refusal });
    return;
  }
  if (typeof next === 'string') return;
  // What is so already is said once more in the log: a leader that is deposed and does not know it knows old members.
  const promote =
    'add' in change && change.as === 'voter' && !node.members.isVoter(change.add) ? change.add : undefined;
  const deadlineMs = node.nowMs + node.config.requestTimeoutMs;
  // A learner that is there already is only waited for.
  const waits = promote !== undefined && node.members.isMember(promote);
  const index = waits ? node.members.index : appendMembers(node, leader, next);
  const progress = promote === undefined ? 0 : progressOf(leader.peerById.get(promote));
  leader.change = { request, index, promote, deadlineMs, progress };
  node.wakeAt(deadlineMs);
}

/** The configuration after the change, the same one when it is so already, or why there is no such change. */
function changed(current: Membership, change: MembersChange): Membership | RefusalCode {
  const { voters, learners } = current;
  if ('add' in change) {
    const { add } = change;
    if (voters.includes(add)) return change.as === 'voter' ? current : 'BAD_REQUEST';
    if (learners.includes(add)) return change.as === 'voter' ? promoted(current, add) : current;
    const addresses =
      change.address === undefined ? current.addresses : { ...current.addresses, [add]: change.address };
    return { voters, learners: [...learners, add], ...(addresses === undefined ? undefined : { addresses }) };
  }
  if ('promote' in change) {
    if (voters.includes(change.promote)) return current;
    return learners.includes(change.promote) ? promoted(current, change.promote) : 'NOT_A_MEMBER';
  }
  const others = (ids: readonly NodeId[]): NodeId[] => ids.filter((id) => id !== change.remove);
  if (!voters.includes(change.remove) && !learners.includes(change.remove)) return current;
  if (others(voters).length === 0) return 'BAD_REQUEST';
  const { [change.remove]: _gone, ...addresses } = current.addresses ?? {};
  return {
    voters: others(voters),
    learners: others(learners),
    ...(current.addresses === undefined ? undefined : { addresses }),
  };
}

function promoted(current: Membership, id: NodeId): Membership {
  const learners = current.learners.filter((learner) => learner !== id);
  return { ...current, voters: [...current.voters, id], learners };
}

/** Why no change may begin now. */
function objection(node: Node, leader: Leader, change: MembersChange, next: Membership): RefusalCode | undefined {
  if (leader.handover !== undefined) return 'HANDING_OVER';
  const blind = leader.quorumAt < leader.openedAt;
  if (blind && !node.defect('membership-before-own-term')) return 'NOT_READY';
  if (leader.change !== undefined || node.members.index > node.commitIndex) return 'CHANGE_IN_PROGRESS';
  // A learner that is to become a voter is waited for by `add`, not by `promote`.
  const promote = 'promote' in change && !node.members.isVoter(change.promote) ? change.promote : undefined;
  if (promote !== undefined && !hasCaughtUp(node, leader, promote)) return 'NOT_CAUGHT_UP';
  return blind || next === node.members.current || hasQuorum(node, leader, next) ? undefined : 'NOT_CAUGHT_UP';
}

/**
 * Whether enough of these voters have caught up to go on by themselves: otherwise the change might never be committed, and
 * could not be taken back either.
 */
function hasQuorum(node: Node, leader: Leader, { voters }: Membership): boolean {
  const there = voters.filter((id) => id === node.config.id || hasCaughtUp(node, leader, id));
  return there.length >= quorumSize(voters.length);
}

/**
 * Was heard, and has on its disk whatever the leader had at some heartbeat, within the shortest election timeout: as a
 * voter it will not hold up the others for longer than that. (Of the rounds of Ongaro 2014, 4.2.1, this is the last: one that
 * took less than an election timeout. Under steady load nobody has all that the leader has: it is a round trip behind.)
 */
function hasCaughtUp(node: Node, { beats, peerById }: Leader, id: NodeId): boolean {
  const peer = peerById.get(id);
  const { electionMinMs } = node.config;
  if (peer === undefined || node.nowMs - peer.heardAtMs >= electionMinMs) return false;
  const since = beats.find(({ atMs }) => node.nowMs - atMs < electionMinMs) ?? beats[beats.length - 1];
  return peer.match >= since.last;
}

function appendMembers(node: Node, leader: Leader, members: Membership): number {
  const index = node.log.lastIndex + 1;
  node.append({ term: node.term, index, command: { type: 'members', members } });
  meetMembers(node, leader);
  return index;
}

/** Makes the leader's peers what the configuration says, which counts from now on. */
function meetMembers(node: Node, leader: Leader): void {
  const { members } = node;
  const peers: Peer[] = [];
  for (const id of [...members.others, ...members.current.learners]) {
    const known = leader.peerById.get(id);
    // Whoever comes back after it was removed may have another disk: nothing is known of it.
    const peer = known === undefined || known.leaving !== undefined ? newPeer(node, id) : known;
    peer.voter = members.isVoter(id);
    peers.push(peer);
  }
  for (const peer of leader.peers) {
    if (members.isMember(peer.id)) {
      if (!peers.includes(peer)) endTransfer(peer);
      continue;
    }
    // It is told of its removal, if it can be reached; it counts no more.
    peer.voter = false;
    peer.leaving ??= { index: node.log.lastIndex, untilMs: node.nowMs + LEAVING_TIMEOUTS * node.config.electionMaxMs };
    peers.push(peer);
  }
  setPeers(leader, peers);
}

function setPeers(leader: Leader, peers: readonly Peer[]): void {
  leader.peers = peers;
  leader.peerById = new Map(peers.map((peer) => [peer.id, peer]));
}

/** Goes on with a change when its entry is committed, and lets go of removed nodes. Before the writes are answered. */
export function settleChange(node: Node, leader: Leader): void {
  const { change } = leader;
  if (change !== undefined && node.commitIndex >= change.index) {
    if (change.promote === undefined) {
      leader.change = undefined;
      node.out.answer(change.request, { type: 'done', position: placeOfMembers(node) });
    } else if (leader.handover === undefined && hasCaughtUp(node, leader, change.promote)) {
      change.index = appendMembers(node, leader, promoted(node.members.current, change.promote));
      change.promote = undefined;
    }
  }
  if (leader.peers.some((peer) => peer.leaving !== undefined && hasLeft(node, peer))) {
    for (const peer of leader.peers) {
      if (peer.leaving === undefined || !hasLeft(node, peer)) continue;
      endTransfer(peer);
      leader.gone.set(peer.id, peer);
    }
    setPeers(
      leader,
      leader.peers.filter((peer) => leader.gone.get(peer.id) !== peer),
    );
  }
}

/** It has been told that its removal is committed, or there has been time enough to tell it. */
function hasLeft(node: Node, { leaving, match, commitSent }: Peer): boolean {
  if (leaving === undefined) return false;
  return (match >= leaving.index && commitSent >= leaving.index) || node.nowMs > leaving.untilMs;
}

/** A leader that has removed itself leads until that is committed, and not longer. */
export function settleRemoved(node: Node, leader: Leader): void {
  if (node.members.selfVotes || node.commitIndex < node.members.index) return;
  // The one that is furthest is spared the wait for its election timeout.
  const successor = leader.peers.find((peer) => peer.voter && peer.match === node.log.lastIndex);
  const { term } = node;
  const { lastIndex } = node.log;
  follow(node, 'it is no voter any more');
  if (successor !== undefined && node.config.election !== 'external') {
    node.out.send(successor.id, { type: 'stand-now', term, lastIndex, chosen: false });
  }
}

export function expireChange(node: Node, leader: Leader): void {
  const { change } = leader;
  if (change === undefined) return;
  if (change.deadlineMs <= node.nowMs) {
    const waitingFor = missing(node, leader, change);
    const progress = change.promote === undefined ? 0 : progressOf(leader.peerById.get(change.promote));
    if (change.promote === undefined || progress === change.progress) {
      leader.change = undefined;
      node.out.answer(change.request, { type: 'unknown', code: 'TIMEOUT', waitingFor });
      return;
    }
    change.progress = progress;
    change.deadlineMs = node.nowMs + node.config.requestTimeoutMs;
  }
  node.wakeAt(change.deadlineMs);
}

function progressOf(peer: Peer | undefined): number {
  return peer === undefined ? 0 : peer.match + (peer.transfer?.taken ?? 0);
}

function missing(node: Node, leader: Leader, change: PendingChange): NodeId[] {
  if (node.commitIndex >= change.index) return change.promote === undefined ? [] : [change.promote];
  return leader.peers.filter((peer) => peer.voter && peer.match < change.index).map((peer) => peer.id);
}

function placeOfMembers(node: Node): Position {
  const { index } = node.members;
  return { term: node.log.termAt(index) ?? 0, index };
}
