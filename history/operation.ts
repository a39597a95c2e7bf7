/**
 * The vocabulary of a history: who asked what of which store, and what came of it.
 *
 * An **operation** is an invocation with its completion. A completion is `ok` (it happened), `fail` (it never did and
 * never will) or `info` (nobody knows: it may have happened, or may still happen). Indeterminate is the default:
 * whatever a client does not vouch for is `info`.
 *
 * The shape is Jepsen's, so that other tools read our journals and we read theirs.
 */

/** Nanoseconds since the run began, on one monotonic clock. An integer; safe up to 104 days. */
export type Instant = number;

/** Name of a node, `n1`, `n2`, … */
export type NodeId = string;

/** A causal thread of operations. Outlives processes, and may roam between devices. */
export type SessionId = string;

/** A single-threaded caller. Retired after `info`: its successor carries a new number. */
export type Process = number;

/** A register's name. Jepsen's independent keys may be numbers; `5` and `"5"` are different keys. */
export type Key = string | number;

/** What a register holds. Null is "nothing was ever written", or the store's own null. Compared by JSON text. */
export type Value = null | boolean | number | string | readonly Value[] | { readonly [name: string]: Value };

/** The role a node claims. */
export type Role = 'leader' | 'follower' | 'candidate' | 'learner';

/**
 * A place in a replication group's history: the state an answer was served from, or the write that made a value.
 * `history` is the term here, a timeline or a replication id elsewhere; `at` is the log index here, an LSN, offset,
 * revision or GTID elsewhere. On disk: `["g0", 3, 118]`.
 */
export interface Position {
  readonly group: string;
  readonly history: number | string;
  readonly at: number | string;
}

/** What an operation asks for. `put` and `get` are the string model's words for write and read. */
export type Method =
  | 'read'
  | 'write'
  | 'cas'
  | 'readMany'
  | 'add'
  | 'append'
  | 'send'
  | 'poll'
  | 'enqueue'
  | 'dequeue'
  | 'drain'
  | 'acquire'
  | 'release'
  | 'put'
  | 'get'
  | 'txn';

/** How an operation ended. */
export type Outcome = 'ok' | 'fail' | 'info';

/** The first event of an operation: one line of the journal. */
export interface Invocation {
  readonly type: 'invoke';
  readonly time: Instant;
  readonly process: Process;
  readonly f: Method;
  readonly key?: Key;
  /**
   * `write`, `enqueue`, `send`: the value. `cas`: `[expected, next]`. `add`: the element, or by how much. `readMany`: the keys.
   * `read`, `dequeue`, `drain`, `acquire`, `release`: null. `poll`: null, or the offset to begin with.
   */
  readonly value: Value;
  readonly session?: SessionId;
  readonly device?: string;
  /** The read path of a read, the write path of a write or cas. */
  readonly path?: string;
  /** When open-loop load meant to send it; latency counts from here. */
  readonly intended?: Instant;
}

/** The last event of an operation. It repeats process, f and key, as Jepsen does. */
export interface Completion {
  readonly type: Outcome;
  readonly time: Instant;
  readonly process: Process;
  readonly f: Method;
  readonly key?: Key;
  /**
   * `read`, `dequeue`: the answer (`dequeue` of null: the queue was empty). `drain`: all that was dequeued. `readMany`: the
   * values, in the order of the keys. `send`: `[offset, value]`. `poll`: `[[offset, value], …]`. `acquire`: the fencing token, a number,
   * where the lock has one. Otherwise as invoked.
   */
  readonly value: Value;
  readonly node?: NodeId;
  readonly role?: Role;
  /** Position of the write that made the value. `readMany`: one per key. */
  readonly version?: Position | readonly (Position | null)[];
  /** Position of the state the answer was served from. */
  readonly position?: Position;
  /** Why it is `fail` or `info`. `mismatch` on a cas says that the register did not hold `expected`. */
  readonly error?: string;
  /** With `mismatch`: what the register held instead, where the store says so. */
  readonly actual?: Value;
}

/**
 * Anything else that is written into a journal, in the same order of events: what the nemesis did
 * (`process: "nemesis"`), what nodes said of themselves (`"cluster"`), and where the run stood (`"harness"`).
 *
 * | process | f | value |
 * |---|---|---|
 * | `harness` | `phase` | `"calm"`, `"faults"`, `"healed"`, `"epilogue"`, `"end"`: the phase that begins here |
 * | `nemesis` | the fault's name | `{"do":"inject","id":1,"targets":["n1"]}` |
 * | `nemesis` | the fault's name | `{"do":"heal","id":1,"targets":["n1"],"effect":{"messages dropped":12}}` |
 * | `cluster` | `sighting` | `{"node":"n1","role":"leader","term":3,"commit":["g0",3,118],"applied":["g0",3,118]}`; where no place tells it, `"group":"g0"`; of a leader, `"members":["n1","n2"]` |
 * | `cluster` | `up`, `down` | `{"node":"n1"}`: a life of the node begins, ends (kill; a pause is not the end of a life) |
 */
export interface Note {
  readonly type: 'info';
  readonly time: Instant;
  readonly process: 'nemesis' | 'cluster' | 'harness' | (string & {});
  readonly f: string;
  readonly value: Value;
}

/** One line of a journal. */
export type Event = Invocation | Completion | Note;

/** What a node says of itself and one of its replication groups, read so that `term` held both before and after `role` was read. */
export interface Sighting {
  readonly node: NodeId;
  readonly role: Role;
  readonly term: number;
  readonly commit: Position;
  readonly applied: Position;
  /** Where the places do not tell it. */
  readonly group?: string;
  /** All that take part in the group, learners too, as this node knows them. */
  readonly members?: readonly NodeId[];
}
