/**
 * What replicas say to each other. `term` is always the sender's current term (with an append: the term it leads in).
 * Any message may be lost, duplicated, delayed or overtaken; PROTOCOL.md says why each of them stands that.
 */
import type { Entry, Snapshot, SnapshotHead } from './types.ts';

/** "Would you vote for me in term `campaign`?" Changes nothing at the receiver, not even its term. */
export interface PreVote {
  readonly type: 'pre-vote';
  readonly term: number;
  readonly campaign: number;
  readonly lastIndex: number;
  readonly lastTerm: number;
}

export interface PreVoteAnswer {
  readonly type: 'pre-vote-answer';
  readonly term: number;
  readonly campaign: number;
  readonly granted: boolean;
}

/** Sent only after the candidate's own term and vote are on its disk. */
export interface Vote {
  readonly type: 'vote';
  readonly term: number;
  readonly lastIndex: number;
  readonly lastTerm: number;
  /** The leader itself asked this candidate to stand, having dropped its lease: stickiness does not bind. */
  readonly handover?: true;
}

/** A granted one is sent only after the vote is on the voter's disk. */
export interface VoteAnswer {
  readonly type: 'vote-answer';
  readonly term: number;
  readonly granted: boolean;
}

/** Entries that follow (`prevTerm`, `prevIndex`) in the leader's log; none of them in a heartbeat. */
export interface Append {
  readonly type: 'append';
  readonly term: number;
  readonly prevIndex: number;
  readonly prevTerm: number;
  readonly entries: readonly Entry[];
  readonly commit: number;
  /** Latest round of confirmation that the leader began: an answer that repeats it confirms leadership since then. */
  readonly round: number;
}

export interface Appended {
  readonly type: 'appended';
  readonly term: number;
  /** Highest index that equals the leader's log and is on the follower's disk: what the leader may count. */
  readonly durable: number;
  /** Highest index that equals the leader's log, synced or not: where the leader may go on sending. */
  readonly verified: number;
  readonly round: number;
  /** Highest index that is committed here and would be served: what `all-applied` waits for. */
  readonly served: number;
  /** There is no room on the disk: entries are not taken, and should not be sent. */
  readonly full?: true;
}

/** The follower has no entry (`prevTerm`, `prevIndex`), or stands in a higher term (then only `term` matters). */
export interface Rejected {
  readonly type: 'rejected';
  readonly term: number;
  readonly prevIndex: number;
  /** Highest entry of the follower that may still equal the leader's: nothing above it needs to be tried. */
  readonly hintIndex: number;
  readonly hintTerm: number;
  readonly round: number;
  /** Entries that it had acknowledged are lost: nothing that it said before is to be relied upon. */
  readonly damaged?: true;
  /** Its log belongs to an earlier recovery epoch: it takes nothing but a snapshot. */
  readonly rebuild?: true;
  /** As in {@link Appended}. */
  readonly full?: true;
}

/** The commit index, told to a follower that has the entries already and nothing on its way. */
export interface Commit {
  readonly type: 'commit';
  readonly term: number;
  readonly index: number;
  /** It is to be answered, for somebody waits until it is served. */
  readonly answer?: true;
}

/** A part of a snapshot, for a follower that the log cannot catch up. Parts are numbered from 0; `head` is in each. */
export interface SnapshotPart extends Pick<Snapshot, 'values' | 'requests'> {
  readonly type: 'snapshot-part';
  readonly term: number;
  readonly head: SnapshotHead;
  readonly part: number;
  readonly last: boolean;
  readonly round: number;
}

/** How many parts of the snapshot at `index` have been taken, in order; `done`: it is installed and on disk. */
export interface SnapshotTaken {
  readonly type: 'snapshot-taken';
  readonly term: number;
  readonly index: number;
  readonly parts: number;
  readonly done: boolean;
  readonly round: number;
}

/** "What is committed?" From a follower to its leader, for linearizable and bounded reads, and after damage. */
export interface Probe {
  readonly type: 'probe';
  readonly term: number;
  /** Ascending over the lives of the sender: it is taken from its clock. */
  readonly id: number;
}

/** Sent once a round of confirmation that began after the probe came was answered by a quorum. */
export interface Probed {
  readonly type: 'probed';
  readonly term: number;
  readonly id: number;
  readonly commit: number;
  /** Where the leader's log ended then. */
  readonly last: number;
}

/** The leader, having dropped its lease, asks a voter that has its whole log to stand at once. */
export interface StandNow {
  readonly type: 'stand-now';
  readonly term: number;
  /** Where the leader's log ends, with an entry of its own term: whoever has another log does not stand. */
  readonly lastIndex: number;
  /** An operator wants it so: whoever is elected does not hand over to the preferred leader in that term. */
  readonly chosen: boolean;
}

export type Message =
  | PreVote
  | PreVoteAnswer
  | Vote
  | VoteAnswer
  | Append
  | Appended
  | Rejected
  | Commit
  | SnapshotPart
  | SnapshotTaken
  | Probe
  | Probed
  | StandNow;

/** What the groups of one node say to another node in one step: with shards, everything travels like this. */
export interface Bundle {
  readonly type: 'bundle';
  /** `group` is the group's number: 1 for `g1`. */
  readonly parts: readonly { readonly group: number; readonly message: Message }[];
}
