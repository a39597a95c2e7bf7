/**
 * The boundary of the sans-I/O core: what goes into a replica, and what comes out of it.
 *
 * The core is stepped with messages, requests, disk completions and timers that fired. It hands back effects through
 * {@link Effects}. It never reads a clock, a random source or a file: `now` is given with every step, and random
 * delays are drawn by the shell between the bounds it is told. The simulator and the server drive the very same code.
 *
 * long because: it is the contract of the core with every shell, read as one.
 */

export type NodeId = string;
export type Key = string | number;
export type Value = null | boolean | number | string | readonly Value[] | { readonly [name: string]: Value };
/** A replication group; a store without shards has one, `g0`. */
export type GroupId = string;

/** A place in the log. `{ term: 0, index: 0 }` is before the first entry. */
export interface Position {
  readonly term: number;
  readonly index: number;
}

/** A place in the log of some group. */
export interface TokenPart extends Position {
  readonly group: GroupId;
}

/** What a session has seen, over groups: at most one part a group, the highest. */
export type Token = readonly TokenPart[];

/**
 * Terms of a later recovery epoch are above all terms of earlier ones: `epoch * EPOCH + n`. An epoch begins when an
 * operator promotes a node by force.
 */
export const EPOCH = 1_000_000_000;

export function epochOf(term: number): number {
  return Math.floor(term / EPOCH);
}

/** Who takes part. Learners replicate and serve reads; they do not vote and do not count. */
export interface Membership {
  readonly voters: readonly NodeId[];
  readonly learners: readonly NodeId[];
  /** Where the nodes are reached, where they are not in everybody's configuration: the shell's business. */
  readonly addresses?: Readonly<Record<NodeId, string>>;
}

/** What an entry does to the state. `noop` opens a term. A `members` entry counts from append, and is undone with it. */
export type Command =
  | { readonly type: 'noop' }
  | { readonly type: 'write'; readonly key: Key; readonly value: Value }
  | { readonly type: 'cas'; readonly key: Key; readonly expected: Value; readonly next: Value }
  | { readonly type: 'members'; readonly members: Membership };

/** Names a client's request, so that a repeat of it is applied once. */
export interface Origin {
  readonly client: string;
  /** A client's own number for the request: the same for each attempt. */
  readonly sequence: number;
}

export interface Entry {
  readonly term: number;
  readonly index: number;
  readonly command: Command;
  readonly origin?: Origin;
  /** What its writer had seen of other groups. */
  readonly after?: Token;
  /** The leader's wall clock when it took the request, ms; a time-stamp strategy compares it. */
  readonly stampMs?: number;
}

/**
 * When a write is answered: on the leader's disk; committed; on the disk of every voter of the entry's configuration;
 * served by every one of them. Learners never count.
 */
export type Acknowledgement = 'leader-ack' | 'quorum-ack' | 'all-ack' | 'all-applied';

/** How a node is asked to read; PROTOCOL.md, "Reads". */
export type ReadPath =
  | 'leader'
  | 'leader-lease'
  | 'follower-linearizable'
  | 'follower'
  | 'local'
  /** Waits for `token`. */
  | 'follower+token'
  /** Waits until a write stamped `notBeforeMs` or later is committed here. */
  | 'follower+timestamp'
  /** No older than `boundMs`. */
  | 'bounded'
  /** Waits for what this node was told that `user` has seen. */
  | 'region';

export interface ReadRequest {
  readonly type: 'read';
  readonly path: ReadPath;
  /** All of one group. */
  readonly keys: readonly Key[];
  readonly token?: Position;
  readonly notBeforeMs?: number;
  readonly boundMs?: number;
  readonly user?: string;
  /** How long it may wait for what it needs, ms. */
  readonly waitMs: number;
}

interface Writing {
  /** The cluster's own if not given. */
  readonly ack?: Acknowledgement;
  readonly key: Key;
  /**
   * For repeats. `since` is an index of this group that was committed before the first attempt was sent: had an attempt
   * been taken, its entry would be above it.
   */
  readonly origin?: Origin & { readonly since: number };
  readonly after?: Token;
  /** Put in by the shell of the node that takes the request. */
  readonly stampMs?: number;
}

export interface WriteRequest extends Writing {
  readonly type: 'write';
  readonly value: Value;
}

export interface CasRequest extends Writing {
  readonly type: 'cas';
  readonly expected: Value;
  readonly next: Value;
}

/** Tells a region's node what a user has seen there. Answered `done`. */
export interface NoteRequest {
  readonly type: 'note';
  readonly user: string;
  readonly token: TokenPart;
}

export type MembersChange =
  | { readonly add: NodeId; readonly as: 'voter' | 'learner'; readonly address?: string }
  /** A learner that has caught up becomes a voter. */
  | { readonly promote: NodeId }
  | { readonly remove: NodeId };

/** What an operator asks of a node, about one group (`g0` if not given). Answered `done`, `refused` or `unknown`. */
export type OperatorRequest =
  /** Hands the leadership over, to `to` or to the voter that has caught up furthest. */
  | { readonly type: 'switchover'; readonly group?: GroupId; readonly to?: NodeId }
  | { readonly type: 'change-members'; readonly group?: GroupId; readonly change: MembersChange }
  /** Makes this node the leader of a new recovery epoch with these members, whatever the others hold. Loses writes. */
  | { readonly type: 'promote-by-force'; readonly group?: GroupId; readonly members: Membership };

export type Request = ReadRequest | WriteRequest | CasRequest | NoteRequest | OperatorRequest;

/**
 * What a client is told. `refused` is definite: the request has not taken effect and never will. `unknown`: it may have,
 * or may yet. A request that is neither answered nor refused (the node stopped) is for the client's deadline to end.
 */
export type Response =
  | {
      readonly type: 'read';
      readonly values: readonly Value[];
      /** Position of the write behind each value; undefined where nothing was ever written. */
      readonly versions: readonly (Position | undefined)[];
      readonly position: Position;
      /** What the writers of these values had seen of other groups, merged; absent where nothing. */
      readonly after?: Token;
      readonly role: Role;
    }
  | {
      readonly type: 'written';
      readonly version: Position;
      readonly role: Role;
      readonly stampMs?: number;
      /** The group's commit index when it was answered: a `since` for later requests. */
      readonly commit?: number;
    }
  | {
      readonly type: 'mismatch';
      readonly actual: Value;
      readonly version: Position;
      readonly role: Role;
      readonly commit?: number;
    }
  | { readonly type: 'done'; readonly position: Position; readonly loss?: Loss }
  | {
      readonly type: 'refused';
      readonly code: RefusalCode;
      readonly leader?: NodeId;
      /** With `ORIGIN_TOO_OLD`: the group's commit index, for a client that is sure no attempt was taken. */
      readonly commit?: number;
    }
  | {
      readonly type: 'unknown';
      readonly code: 'LEADERSHIP_LOST' | 'TIMEOUT';
      readonly waitingFor?: readonly NodeId[];
    };

/** What a promotion by force is known to lose, or may lose. */
export interface Loss {
  /** Where the promoted log ends. */
  readonly last: Position;
  /** The highest commit index the node had heard of: entries from `last` to here are lost for certain. */
  readonly commitHeard: number;
}

export type RefusalCode =
  | 'NOT_LEADER'
  /** A restarted or fresh node that does not yet know a commit index covering the current leader's term. */
  | 'NOT_READY'
  /** The token's place was not reached before the deadline; clients retry. */
  | 'OFFSET_NOT_AVAILABLE'
  /** The token's write was replaced after a failover: waiting would be in vain. */
  | 'TOKEN_UNDONE'
  /** A bounded read could not be served within its bound. */
  | 'TOO_STALE'
  /** This follower has not heard its leader for too long, or lags too far, or its disk is too slow: ask another. */
  | 'LEADER_LOST'
  | 'LAGGING'
  | 'DISK_SLOW'
  /** No room: nothing can be acknowledged here. */
  | 'DISK_FULL'
  /** The leader is handing over: ask again in a moment. */
  | 'HANDING_OVER'
  /** The keys belong to several groups, or the group is not here. */
  | 'WRONG_GROUP'
  | 'NOT_A_MEMBER'
  /** Another change of members is under way, or none may begin yet. */
  | 'CHANGE_IN_PROGRESS'
  /** The target lags too far behind. */
  | 'NOT_CAUGHT_UP'
  /** A first attempt whose `since` is too old to tell it from a repeat: nothing was taken. Only if never sent before. */
  | 'ORIGIN_TOO_OLD'
  | 'BAD_REQUEST'
  /** No switchover: an external core names who is to lead. */
  | 'ELECTED_OUTSIDE';

export type Role = 'leader' | 'follower' | 'candidate' | 'learner';

export type TimerName = 'election' | 'heartbeat' | 'check-quorum' | 'requests' | 'probe';
/** The timers a replica sets; each exists once, and setting it again replaces it. With shards: of each group. */
export type Timer = TimerName | `${TimerName}/${GroupId}`;

/** Where a term begins in the log. */
export interface TermStart {
  readonly term: number;
  readonly index: number;
}

/** The committed value of a key. */
export interface StoredValue extends Position {
  readonly key: Key;
  readonly value: Value;
  readonly after?: Token;
}

/** What is remembered of a request that may come again: what it did at its place. */
export interface StoredRequest extends Origin, Position {
  /** What the cas found instead; undefined: it took effect. */
  readonly mismatch?: { readonly actual: Value; readonly version: Position };
  /** The entry's, for the answer to a repeat. */
  readonly stampMs?: number;
}

/** The committed state at `index`, and what else must outlive the log up to there. */
export interface SnapshotHead extends Position {
  readonly members: Membership;
  /** Index of the entry that `members` comes from; 0: the configuration that the group began with. */
  readonly membersIndex: number;
  /** Where each term begins, up to `index`: tokens of compacted entries are judged by it. */
  readonly terms: readonly TermStart[];
  /** Stamp of the last stamped entry, ms. */
  readonly stampMs?: number;
}

export interface Snapshot extends SnapshotHead {
  readonly values: readonly StoredValue[];
  readonly requests: readonly StoredRequest[];
}

/** A consistent image, read in portions while the replica goes on. Whoever opens one releases it. */
export interface SnapshotReader {
  readonly head: SnapshotHead;
  /** The next portion, of at most so many values and requests; undefined at the end. */
  next(most: number): Pick<Snapshot, 'values' | 'requests'> | undefined;
  release(): void;
}

/** One atomic, ordered write to disk. The shell syncs it and then reports the ticket back through `synced`. */
export interface DiskWrite {
  /** `g0` if not given. */
  readonly group?: GroupId;
  /** Ascending, over all groups of the node. `synced(t)` means that every write with a ticket up to t is durable. */
  readonly ticket: number;
  readonly term?: number;
  readonly votedFor?: NodeId | null;
  /** Replaces log and state; `entries` of the same write follow it. */
  readonly snapshot?: Snapshot;
  /** Entries from this index on are replaced by `entries` (or removed). */
  readonly truncateFrom?: number;
  readonly entries?: readonly Entry[];
  /** The node has caught up with a leader since its log was found damaged. */
  readonly healed?: true;
}

/** What a node reads from its disk when it starts, of one group. */
export interface Durable {
  readonly group?: GroupId;
  readonly term: number;
  readonly votedFor: NodeId | null;
  readonly snapshot?: Snapshot;
  /** Contiguous; the first one follows the snapshot or lies at or before its index + 1. */
  readonly entries: readonly Entry[];
  /**
   * Entries that were acknowledged may be missing: the log was damaged in the middle and cut there. Such a node neither
   * votes nor campaigns nor counts until it has everything its leader had when the two met.
   */
  readonly damaged?: boolean;
}

/** What happened inside, for those who watch: simulation statistics, transcripts, sightings, the rollback file. */
export type ReplicaEvent = { readonly group?: GroupId } & (
  | { readonly type: 'role'; readonly role: Role; readonly term: number; readonly why: string }
  | { readonly type: 'committed'; readonly index: number }
  /**
   * Entries undone, oldest first; `acknowledged` counts those this node had answered as leader. `overwrote`, an item for
   * each entry: the value that it had replaced (null: none), for a replay that replaces just that; undefined where the entry
   * replaced nothing, and where what it replaced is not known.
   *
   * A promotion by force undoes what this node knew to be committed, too, which anybody may have been told.
   */
  | {
      readonly type: 'truncated';
      readonly entries: readonly Entry[];
      readonly acknowledged: number;
      /** Their indices. */
      readonly acknowledgedAt: readonly number[];
      readonly overwrote: readonly (Value | undefined)[];
      /** Indices of those that were committed here; not given: none. */
      readonly committedAt?: readonly number[];
      /**
       * Indices of those that this node found in its log at its start, and has not heard since to be committed: nothing is
       * known of what was told of them before. Not given: none.
       */
      readonly foundAt?: readonly number[];
      /** Indices of those of which it is not known whether, and what, they replaced; not given: none. */
      readonly unknownAt?: readonly number[];
    }
  | { readonly type: 'token-undone'; readonly token: Position }
  | { readonly type: 'snapshot-installed'; readonly index: number }
  /** A lease ended without renewal while reads asked for it. */
  | { readonly type: 'lease-expired'; readonly term: number }
  | { readonly type: 'members'; readonly members: Membership; readonly index: number; readonly undone: boolean }
  | { readonly type: 'promoted-by-force'; readonly term: number; readonly loss: Loss }
  /** A repeat of a request was answered from its record, or could not be told from a new one any more. */
  | { readonly type: 'repeat'; readonly outcome: 'answered' | 'expired' }
  | {
      readonly type: 'stopped-serving';
      readonly code: 'NOT_A_MEMBER' | 'LEADER_LOST' | 'LAGGING' | 'DISK_SLOW' | 'DISK_FULL';
    }
  | { readonly type: 'serving' }
  | { readonly type: 'switchover'; readonly to: NodeId; readonly outcome: 'begun' | 'given-up' }
);

export interface Status {
  readonly group: GroupId;
  readonly role: Role;
  readonly term: number;
  readonly leader: NodeId | undefined;
  readonly commit: Position;
  readonly applied: Position;
  readonly last: Position;
  /** First entry still in the log; last.index + 1 when there is none. */
  readonly first: number;
  readonly members: Membership;
  /** Entries behind the commit index that the leader last told; 0 on a leader. */
  readonly lag: number;
  /** Why committed reads are refused here right now; undefined: they are served. */
  readonly notServing: RefusalCode | undefined;
  /** On a leader: highest index known to be on each other member's disk. */
  readonly matches?: Readonly<Record<NodeId, number>>;
  /** On a leader: whom the oldest write that asked for every voter waits for. */
  readonly waitingFor?: readonly NodeId[];
  readonly damaged: boolean;
}

/** Where a step's effects go. Messages are plain data and must not be changed after they were handed over. */
export interface Effects<Message = unknown> {
  send(to: NodeId, message: Message): void;
  write(write: DiskWrite): void;
  /** Arms (or re-arms) a timer to fire after a delay drawn evenly from [minMs, maxMs]. */
  timer(timer: Timer, minMs: number, maxMs: number): void;
  disarm(timer: Timer): void;
  /** `request` is the number the shell gave with the request. Answered at most once. */
  answer(request: number, response: Response): void;
  tell(event: ReplicaEvent): void;
}

/** When a follower stops serving committed reads. Absent: never for that reason. */
export interface ServingLimits {
  /** Its leader was not heard for so long, ms. */
  readonly leaderSilentMs?: number;
  /** It is so many entries behind its leader's commit index. */
  readonly lagEntries?: number;
  /** A write to its disk has waited for its sync for so long, ms. */
  readonly diskMs?: number;
}

export interface ReplicaConfig {
  readonly id: NodeId;
  readonly group?: GroupId;
  /** The voters the group begins with, itself included, unless it joins later. What the log says of members wins. */
  readonly voters: readonly NodeId[];
  readonly learners?: readonly NodeId[];
  readonly heartbeatMs: number;
  readonly electionMinMs: number;
  readonly electionMaxMs: number;
  /** How long a write may wait for its acknowledgement before it is answered `unknown`. */
  readonly requestTimeoutMs: number;
  /** Of writes that do not say; quorum-ack if not given. */
  readonly acknowledgement?: Acknowledgement;
  /** Bound on how much faster or slower than true time any node's monotonic clock runs, ppm; 1000 if not given. */
  readonly clockDriftPpmMax?: number;
  readonly serving?: ServingLimits;
  /** Requests are remembered for so many entries; 100,000 if not given. */
  readonly originsKept?: number;
  /**
   * Who may stand for election: whoever a quorum would vote for, or only whom an external consistent core (a lease in
   * etcd) names through `Steps.elect`. Votes, terms and fencing are the same.
   */
  readonly election?: 'built-in' | 'external';
  /** Whom this group is to be led by when it can be: a leader that is somebody else hands over. */
  readonly preferredLeader?: NodeId;
  /** The same by its place among the voters, counted round: what it means moves with the membership. */
  readonly leaderTurn?: number;
  /** Most entries of one append; 512 if not given. */
  readonly batchEntriesMax?: number;
  /** Values and requests of one part of a snapshot that is sent; 1000 if not given. */
  readonly snapshotPartItems?: number;
  /** A deliberate bug, by its name in defects.ts. */
  readonly defect?: string;
}

/** What the shell knows of the disk. */
export type DiskState = 'ok' | 'full';

/**
 * A replica, as the shell sees it. Every step takes `nowMs`, the node's own monotonic clock in milliseconds (fractions
 * allowed), read after what the step is about has arrived; and puts its effects into `out` before it returns.
 *
 * `class Replica implements Steps` in replica.ts is one group: `new Replica(config, durable, nowMs, out)`.
 * `class Groups implements Steps` in groups.ts is several on one node: `new Groups(config, durables, nowMs, out)`.
 */
export interface Steps<Message = unknown> {
  receive(from: NodeId, message: Message, nowMs: number, out: Effects<Message>): void;
  request(request: number, body: Request, nowMs: number, out: Effects<Message>): void;
  synced(ticket: number, nowMs: number, out: Effects<Message>): void;
  fired(timer: Timer, nowMs: number, out: Effects<Message>): void;
  /** The disk has run full, or has room again. */
  diskChanged(state: DiskState, nowMs: number, out: Effects<Message>): void;
  /**
   * External election: stand in `term`, which no other node was ever told; undefined: the right to lead has ended.
   *
   * The term must be above the node's own (`status().term`) and in the same recovery epoch. Otherwise nothing happens; nor
   * does it while the node leads or hears another leader, within an election timeout of its start, while it is no voter,
   * its log was given up or its disk is full; and the others may withhold their votes for the same reasons. So the shell
   * looks at `status()`: a node that has not come to the term yet is told again; one that has, and follows, has lost, for its
   * log is behind; one that is still a candidate after some election timeouts may not be heard. Then the right is given up
   * for a while, longer each time in a row, so that another node may have it. Each attempt needs a new term, higher than
   * both the last one given out and the node's own.
   */
  elect(group: GroupId, term: number | undefined, nowMs: number, out: Effects<Message>): void;
  /** An image of the committed state as it is now. */
  snapshot(group: GroupId): SnapshotReader;
  /** A snapshot at or above `index` is on disk: the log in memory forgets what lies at or below `index`. */
  compacted(group: GroupId, index: number): void;
  /** Of the first group. */
  status(): Status;
  statuses(): readonly Status[];
}
