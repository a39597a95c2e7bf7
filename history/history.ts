/**
 * A history in memory: one immutable table of columns, a row per register operation, in the order of invocation.
 *
 * - A `readMany` (or a transaction) becomes one row a key, tied together by `batch`; its rows lie side by side and no
 *   other event falls between them. So every checker of registers judges them without knowing about batches.
 * - `call` and `ret` are event positions: unique, gapless integers 0 … `positions`-1 in the order of the journal's lines.
 *   They, not times, decide what precedes what. `time` serves measures only.
 * - Reads that were never answered, and operations definitely refused, stay in the table; checkers skip them by `outcome`.
 *
 * Columns lie over SharedArrayBuffer, so that a worker judges them without a copy.
 */
import type { Instant, Key, Method, NodeId, Note, Outcome, Position, Role, Value } from './operation.ts';
import type { Lines } from './lines.ts';
import type { Values } from './values.ts';

export { NULL_REF, Values } from './values.ts';

export const METHODS = [
  'read',
  'write',
  'cas',
  'add',
  'append',
  'send',
  'poll',
  'enqueue',
  'dequeue',
  'drain',
  'acquire',
  'release',
] as const; // prettier-ignore
export const READ = 0;
export const WRITE = 1;
export const CAS = 2;

export const OK = 0;
export const FAIL = 1;
export const INFO = 2;

/** `ret` of an operation whose end nobody knows: later than every event. */
export const NEVER = 0x7fffffff;
/** No entry in a table: no session, no path, no node, no batch. */
export const NONE = -1;

/** Bits of `flags`. */
export const MISMATCH = 1; // a cas that failed because the register did not hold `expected`
export const HAS_ACTUAL = 2; // … and `actual` says what it held
export const TRANSACTION = 4; // the row is part of a transaction

/** Per-row columns. A column that no row uses is still there, filled with NONE or NaN. */
export interface Columns {
  /** Index into METHODS. `put` and `get` are write and read. */
  readonly f: Uint8Array;
  /** OK, FAIL or INFO. */
  readonly outcome: Uint8Array;
  readonly flags: Uint8Array;
  /** Index into `keys`. */
  readonly key: Int32Array;
  /** Reference into `values`: what was written; what was read (ok reads); the next value of a cas. */
  readonly value: Int32Array;
  /** Reference: the expected value of a cas. */
  readonly expected: Int32Array;
  /** Reference: what a failed cas says the register held. Only with HAS_ACTUAL. */
  readonly actual: Int32Array;
  /** Event position of the invocation. Ascending by row. */
  readonly call: Int32Array;
  /** Event position of an ok or fail completion; NEVER for info and for a missing completion. */
  readonly ret: Int32Array;
  readonly process: Int32Array;
  /** Index into `sessions`; NONE where the history names none (then each process is its own session). */
  readonly session: Int32Array;
  /** Index into `devices`. */
  readonly device: Int32Array;
  /** Index into `paths`. */
  readonly path: Int32Array;
  /** Index into `nodes`: who answered. */
  readonly node: Int32Array;
  /** Index into ROLES, or 255. */
  readonly role: Uint8Array;
  /** First row of the batch this row belongs to; NONE for single operations. */
  readonly batch: Int32Array;
  /**
   * Nanoseconds; `retTime` is also set for `info` (when the caller gave up), NaN when nothing came back. Both are NaN in
   * histories without times.
   */
  readonly callTime: Float64Array;
  readonly retTime: Float64Array;
  /** NaN for closed-loop operations. */
  readonly intended: Float64Array;
  /** Position of the write that made the value: index into `groups` (NONE: not reported), reference, number. */
  readonly versionGroup: Int32Array;
  readonly versionHistory: Int32Array;
  readonly versionAt: Float64Array;
  /** Position of the state the answer came from. */
  readonly positionGroup: Int32Array;
  readonly positionHistory: Int32Array;
  readonly positionAt: Float64Array;
}

export const ROLES: readonly Role[] = ['leader', 'follower', 'candidate', 'learner'];

/** A note together with the event position it stands before: the first one handed out after it. */
export type PlacedNote = Note & { readonly at: number };

export interface HistoryParts extends Columns {
  readonly values: Values;
  readonly keys: readonly Key[];
  readonly sessions: readonly string[];
  readonly devices: readonly string[];
  readonly paths: readonly string[];
  readonly nodes: readonly NodeId[];
  readonly groups: readonly string[];
  readonly notes: readonly PlacedNote[];
  /** How many event positions there are. */
  readonly positions: number;
  /** Journal index (Jepsen's `:index`) of each event position; undefined where they are the same number. */
  readonly eventIndex?: Int32Array;
  /** From which line each event was read; absent where the history comes from no file. */
  readonly lines?: Lines;
  /** Invocations; less than the rows where there are batches. */
  readonly operations: number;
}

/** See the head of this file. Rows 0 … length-1, ascending by `call`. */
export interface History extends HistoryParts {
  readonly length: number;
  /**
   * The rows for which `keep` is true, as a history of its own: same tables, same event positions, new row numbers
   * (`batch` is rewritten). Notes stay.
   */
  filter(keep: (row: number) => boolean): History;
  /** One row as an object, for explanations. */
  operation(row: number): Operation;
}

/** A row made readable. `index` is the journal index of its invocation. */
export interface Operation {
  readonly index: number;
  readonly completionIndex?: number;
  /** 1-based lines of the file that the invocation and the completion (that of an `info` too) were read from, or begin on. */
  readonly line?: number;
  readonly completionLine?: number;
  readonly process: number;
  readonly f: Method;
  readonly outcome: Outcome;
  readonly key: Key;
  readonly value: Value;
  readonly expected?: Value;
  readonly actual?: Value;
  readonly session?: string;
  readonly device?: string;
  readonly path?: string;
  readonly node?: NodeId;
  readonly role?: Role;
  readonly version?: Position;
  readonly position?: Position;
  readonly callTime: Instant;
  readonly retTime?: Instant;
  /** It is a part of a transaction; absent otherwise. */
  readonly isOfTransaction?: true;
}
