/**
 * The boundary of the sans-I/O core: what goes into a replica, and what comes out of it.
 *
 * The core is stepped with messages, requests, disk completions and timers that fired. It hands back effects through
 * {@link Effects}. It never reads a clock, a random source or a file: `now` is given with every step, and random
 * delays are drawn by the shell between the bounds it is told. The simulator and the server drive the very same code.
 */

export type NodeId = string;
export type Key = string | number;
export type Value = null | boolean | number | string | readonly Value[] | { readonly [name: string]: Value };

/** A place in the log. `{ term: 0, index: 0 }` is before the first entry. */
export interface Position {
  readonly term: number;
  readonly index: number;
}

/** What an entry does to the state. `noop` opens a term. */
export type Command =
  | { readonly type: 'noop' }
  | { readonly type: 'write'; readonly key: Key; readonly value: Value }
  | { readonly type: 'cas'; readonly key: Key; readonly expected: Value; readonly next: Value };

export interface Entry {
  readonly term: number;
  readonly index: number;
  readonly command: Command;
}

export type Acknowledgement = 'leader-ack' | 'quorum-ack' | 'all-ack';
export type ReadPath = 'leader' | 'follower' | 'local' | 'follower+token';

/** What a client asks. `term` and `index` of a token as the store handed them out. */
export type Request =
  | {
      readonly type: 'read';
      readonly path: ReadPath;
      readonly keys: readonly Key[];
      readonly token?: Position;
      readonly waitMs: number;
    }
  | { readonly type: 'write'; readonly ack: Acknowledgement; readonly key: Key; readonly value: Value }
  | {
      readonly type: 'cas';
      readonly ack: Acknowledgement;
      readonly key: Key;
      readonly expected: Value;
      readonly next: Value;
    };

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
      readonly role: Role;
    }
  | { readonly type: 'written'; readonly version: Position; readonly role: Role }
  | { readonly type: 'mismatch'; readonly actual: Value; readonly version: Position; readonly role: Role }
  | { readonly type: 'refused'; readonly code: RefusalCode; readonly leader?: NodeId }
  | { readonly type: 'unknown'; readonly code: 'LEADERSHIP_LOST' | 'TIMEOUT'; readonly waitingFor?: readonly NodeId[] };

export type RefusalCode =
  | 'NOT_LEADER'
  /** A restarted or fresh node that does not yet know a commit index covering the current leader's term. */
  | 'NOT_READY'
  /** The token's place was not reached before the deadline; clients retry. */
  | 'OFFSET_NOT_AVAILABLE'
  /** The token's write was replaced after a failover: waiting would be in vain. */
  | 'TOKEN_UNDONE';

export type Role = 'leader' | 'follower' | 'candidate';

/** The timers a replica sets; each exists once, and setting it again replaces it. */
export type Timer = 'election' | 'heartbeat' | 'check-quorum' | 'requests';

/** One atomic, ordered write to disk. The shell syncs it and then reports the ticket back through `synced`. */
export interface DiskWrite {
  /** Ascending. `synced(t)` means that every write with a ticket up to t is durable. */
  readonly ticket: number;
  readonly term?: number;
  readonly votedFor?: NodeId | null;
  /** Entries from this index on are replaced by `entries` (or removed). */
  readonly truncateFrom?: number;
  readonly entries?: readonly Entry[];
}

/** What a node reads from its disk when it starts. */
export interface Durable {
  readonly term: number;
  readonly votedFor: NodeId | null;
  readonly entries: readonly Entry[];
}

/** What happened inside, for those who watch: simulation statistics, transcripts, sightings. */
export type ReplicaEvent =
  | { readonly type: 'role'; readonly role: Role; readonly term: number; readonly why: string }
  | { readonly type: 'committed'; readonly index: number }
  /** Entries undone, oldest first; `acknowledged` counts those this node had answered as leader. */
  | { readonly type: 'truncated'; readonly entries: readonly Entry[]; readonly acknowledged: number }
  | { readonly type: 'token-undone'; readonly token: Position };

export interface Status {
  readonly role: Role;
  readonly term: number;
  readonly leader: NodeId | undefined;
  readonly commit: Position;
  readonly applied: Position;
  readonly last: Position;
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

export interface ReplicaConfig {
  readonly id: NodeId;
  /** All voters, itself included. */
  readonly voters: readonly NodeId[];
  readonly heartbeatMs: number;
  readonly electionMinMs: number;
  readonly electionMaxMs: number;
  /** How long a write may wait for its acknowledgement before it is answered `unknown`. */
  readonly requestTimeoutMs: number;
  /** Most entries of one append; 512 if not given. */
  readonly batchEntriesMax?: number;
  /** A deliberate bug, by its name in defects.ts. */
  readonly defect?: string;
}

/**
 * A replica, as the shell sees it. Every step takes `nowMs`, the node's own monotonic clock in milliseconds (fractions
 * allowed), and puts its effects into `out` before it returns.
 *
 * `class Replica implements Steps` in replica.ts: `new Replica(config, durable, nowMs, out)`.
 */
export interface Steps<Message = unknown> {
  receive(from: NodeId, message: Message, nowMs: number, out: Effects<Message>): void;
  request(request: number, body: Request, nowMs: number, out: Effects<Message>): void;
  synced(ticket: number, nowMs: number, out: Effects<Message>): void;
  fired(timer: Timer, nowMs: number, out: Effects<Message>): void;
  status(): Status;
}
