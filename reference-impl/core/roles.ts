/** Changes of role. A term belongs to at most one leader; whoever hears of a higher term follows. */
import { beginningOfEpoch, enterEpoch, isOfEpoch } from './epochs.ts';
import { Fifo } from './fifo.ts';
import { leaveHandover } from './handover.ts';
import { newFollower } from './stances.ts';
import type { Node } from './node.ts';
import type { Leader, Peer } from './stances.ts';
import { leaveWrites } from './acknowledgements.ts';
import { endTransfer } from './images.ts';
import { leaveChange } from './pending-change.ts';
import { leaveReads } from './serve.ts';
import type { NodeId } from './types.ts';

/** Adopts a higher term and follows, as yet nobody. */
export function adoptTerm(node: Node, term: number, why: string): void {
  node.expects(term > node.term, () => `term ${term} adopted in term ${node.term}`);
  if (!isOfEpoch(node.term, term)) enterEpoch(node);
  node.term = term;
  node.votedFor = null;
  node.voteOwed = undefined;
  node.disk.metaChanged();
  follow(node, why);
}

/** A later recovery epoch overrules everything that is older, whatever the message and whoever is heard besides. */
export function heedEpoch(node: Node, from: NodeId, term: number): void {
  if (term > node.term && !isOfEpoch(node.term, term)) adoptTerm(node, term, `${from} is in a later epoch`);
}

/** Becomes a follower in the current term. */
export function follow(node: Node, why: string): void {
  const before = node.stance;
  node.stance = newFollower(node.term);
  node.preVote = undefined;
  if (before.type !== 'follower') node.out.tell({ type: 'role', role: 'follower', term: node.term, why });
  if (before.type === 'leader') {
    node.out.disarm('heartbeat');
    node.out.disarm('check-quorum');
    leaveHandover(node, before);
    leaveChange(node, before);
    leaveWrites(node, before);
    leaveReads(node, before);
    for (const peer of before.peers) endTransfer(peer);
    node.heardLeaderAtMs = Number.NEGATIVE_INFINITY;
    armElection(node);
  }
}

/** `openedAt`: where the entry is, or comes, that opens the term. */
export function lead(node: Node, why = 'a quorum voted for it', openedAt = node.log.lastIndex + 1): void {
  const peers = [...node.others, ...node.members.current.learners].map((id) => newPeer(node, id));
  const leader: Leader = {
    type: 'leader',
    peers,
    peerById: new Map(peers.map((peer) => [peer.id, peer])),
    gone: new Map(),
    change: undefined,
    beats: [{ atMs: node.nowMs, last: node.log.lastIndex + 1 }],
    openedAt,
    epochBegins: beginningOfEpoch(node),
    quorumAt: 0,
    roundBegun: 0,
    roundConfirmed: 0,
    roundWanted: false,
    roundSentAtMs: [],
    confirmedSentAtMs: Number.NEGATIVE_INFINITY,
    leaseAskedAtMs: Number.NEGATIVE_INFINITY,
    leaseHeld: false,
    onLeader: new Fifo(),
    onQuorum: new Fifo(),
    onAll: new Fifo(),
    onApplied: new Fifo(),
    repeats: [],
    reads: new Fifo(),
    probes: new Fifo(),
    handover: undefined,
    askedToStand: new Map(),
  };
  node.stance = leader;
  if (node.defect('duplicate-applied-twice')) node.origins.clear();
  node.preVote = undefined;
  node.out.disarm('election');
  node.out.timer('heartbeat', node.config.heartbeatMs, node.config.heartbeatMs);
  node.out.timer('check-quorum', node.config.electionMaxMs, node.config.electionMaxMs);
  node.out.tell({ type: 'role', role: 'leader', term: node.term, why });
  if (node.defect('commit-old-term') || openedAt <= node.log.lastIndex) return;
  // Opens the term: only an entry of its own term tells a leader how far the log is committed.
  node.append({ term: node.term, index: openedAt, command: { type: 'noop' } });
}

export function newPeer(node: Node, id: NodeId): Peer {
  return {
    id,
    voter: node.members.isVoter(id),
    next: node.log.lastIndex + 1,
    match: 0,
    probing: true,
    awaiting: false,
    inFlight: [],
    heardAtMs: node.nowMs,
    leaving: undefined,
    rebuild: false,
    transfer: undefined,
    roundSent: 0,
    roundAnswered: 0,
    commitSent: 0,
    served: 0,
    servedAsked: 0,
    full: false,
  };
}

export function armElection(node: Node): void {
  node.out.timer('election', node.config.electionMinMs, node.config.electionMaxMs);
}
