/** What a node remembers as a follower, as a candidate and as a leader, until its role changes. */
import type { Fifo } from './fifo.ts';
import type { Handover } from './handover.ts';
import type { Transfer } from './images.ts';
import type { Incoming } from './install.ts';
import type { Outcome } from './origins.ts';
import type { PendingChange } from './pending-change.ts';
import type { Acknowledgement, NodeId, SnapshotHead } from './types.ts';

export interface Follower {
  readonly type: 'follower';
  /** Whom it follows; undefined until an append of this term came. */
  leader: NodeId | undefined;
  /** The leader's term: the node's own (but for the defect `no-fence`). */
  readonly term: number;
  /** Highest index known to equal the log of the leader of this term. Never truncated while the term lasts. */
  verified: number;
  /** Highest `durable` told to the leader. */
  acknowledged: number;
  /** Latest round the leader asked to have confirmed. */
  round: number;
  /** An append waits for its answer. */
  owesAnswer: boolean;
  incoming: Incoming | undefined;
  /** A snapshot that was installed, and is not known to be on disk yet. */
  installed: SnapshotHead | undefined;
  /** Highest commit index that the leader has told. */
  commitTold: number;
}

export interface Candidate {
  readonly type: 'candidate';
  readonly votes: Set<NodeId>;
  /** Voters that will not vote for it in this term. */
  readonly refusals: Set<NodeId>;
  /** Votes were asked for: own term and vote are on disk. */
  asked: boolean;
  /** The leader of the last term asked it to stand. */
  readonly handover: boolean;
}

/** What a leader knows of another member. */
export interface Peer {
  readonly id: NodeId;
  /** Counts towards quorums. Learners do not, nor whoever is on its way out. */
  voter: boolean;
  /** Next index to send. */
  next: number;
  /** Highest index that is on the peer's disk as it is in the leader's log. Invariant: match < next. */
  match: number;
  /** The peer's log is not known to reach `next` - 1: one message at a time until it is. */
  probing: boolean;
  /** Probing, and the answer has not come: silent until the next heartbeat. */
  awaiting: boolean;
  /** Last index of each batch on its way, oldest first. */
  readonly inFlight: number[];
  heardAtMs: number;
  /** It was removed by the entry at `index`, and is told so until then. */
  leaving: { readonly index: number; readonly untilMs: number } | undefined;
  /** It said that it takes nothing but a snapshot. */
  rebuild: boolean;
  transfer: Transfer | undefined;
  roundSent: number;
  roundAnswered: number;
  commitSent: number;
  /** Highest index that it serves to those who read committed state from it, and up to where it was asked to say so. */
  served: number;
  servedAsked: number;
  /** Its disk has no room: it is sent heartbeats, and no entries. */
  full: boolean;
}

/** A write that waits for its acknowledgement, with the answer it will get. */
export interface PendingWrite {
  readonly request: number;
  readonly index: number;
  /** Of the entry's configuration. */
  readonly voters: readonly NodeId[];
  readonly deadlineMs: number;
  readonly outcome: Outcome;
}

/** A repeat of a request whose entry is in the log already; it may ask for another acknowledgement. */
export interface PendingRepeat extends PendingWrite {
  readonly ack: Acknowledgement;
  /** No repeat, but a write that waits for a node that was removed. */
  readonly isFirst?: true;
}

export interface PendingRead {
  readonly request: number;
  readonly keys: readonly (string | number)[];
  /** Served once a round that began no earlier than this one is confirmed. */
  readonly round: number;
  readonly deadlineMs: number;
}

/** Another node's question what is committed. */
export interface PendingProbe {
  readonly to: NodeId;
  readonly id: number;
  /** Answered once a round that began no earlier than this one is confirmed. */
  readonly round: number;
}

export interface Leader {
  readonly type: 'leader';
  /** Voters and learners, and whoever was removed and has not been told yet. */
  peers: readonly Peer[];
  peerById: ReadonlyMap<NodeId, Peer>;
  /** What was known of removed members: entries of before may wait for them. */
  readonly gone: Map<NodeId, Peer>;
  change: PendingChange | undefined;
  /** Where the log ended at the heartbeats of the shortest election timeout, oldest first; never empty. */
  readonly beats: { readonly atMs: number; readonly last: number }[];
  /** Index of the entry that opened the term. */
  readonly openedAt: number;
  /** Index of the entry that began the recovery epoch: nobody without it can be elected. 0: there was no promotion. */
  readonly epochBegins: number;
  /** Up to where a quorum has the log: less than the commit index only right after a promotion by force. */
  quorumAt: number;
  roundBegun: number;
  roundConfirmed: number;
  roundWanted: boolean;
  /** When each round under way was begun, by its number modulo their most. */
  readonly roundSentAtMs: number[];
  /** When the newest confirmed round was begun: nobody else was elected before. */
  confirmedSentAtMs: number;
  leaseAskedAtMs: number;
  /** There was a lease when somebody last asked, and it has not run out since. */
  leaseHeld: boolean;
  readonly onLeader: Fifo<PendingWrite>;
  readonly onQuorum: Fifo<PendingWrite>;
  readonly onAll: Fifo<PendingWrite>;
  readonly onApplied: Fifo<PendingWrite>;
  repeats: PendingRepeat[];
  readonly reads: Fifo<PendingRead>;
  readonly probes: Fifo<PendingProbe>;
  /** A switchover under way. */
  handover: Handover | undefined;
  /** Who was asked to stand, and the entry that ends that once it is on their disk. */
  readonly askedToStand: Map<NodeId, number>;
}

export function newFollower(term: number): Follower {
  return {
    type: 'follower',
    leader: undefined,
    term,
    verified: 0,
    acknowledged: 0,
    round: 0,
    owesAnswer: false,
    incoming: undefined,
    installed: undefined,
    commitTold: 0,
  };
}
