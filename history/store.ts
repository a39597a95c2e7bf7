/**
 * What a client may ask of a store.
 *
 * Returning is `ok`. Throwing {@link Refused} is `fail`: the store vouches that the request never took effect and never
 * will. Any other throw, and silence until the deadline, is `info`. A client offers the methods its store has, and
 * nothing more; adapters switch off every automatic resend, reconnect queue and retry of their drivers.
 */
import type { Instant, Key, NodeId, Position, Role, SessionId, Value } from './operation.ts';

/** An answer, with what the store says about who gave it and from which state. */
export type Answer<T = object> = T & {
  readonly servedBy?: { readonly node: NodeId; readonly role?: Role };
  /** Position of the write that made the value (of this write, for a write). */
  readonly version?: Position;
  /** Position of the state the answer was served from. */
  readonly position?: Position;
};

export interface Store {
  read(input: { readonly key: Key }, deadline: Instant): Promise<Answer<{ readonly value: Value }>>;
  /** Several keys out of one state. */
  readMany(
    input: { readonly keys: readonly Key[] },
    deadline: Instant,
  ): Promise<Answer<{ readonly values: readonly Value[]; readonly versions?: readonly (Position | null)[] }>>;
  write(input: { readonly key: Key; readonly value: Value }, deadline: Instant): Promise<Answer>;
  /**
   * Sets `next` if the register holds `expected`. `swapped: false` is recorded as `fail` with `"error":"mismatch"`; it
   * may be claimed only for a request that was sent once, or where the server removes duplicates.
   */
  compareAndSet(
    input: { readonly key: Key; readonly expected: Value; readonly next: Value },
    deadline: Instant,
  ): Promise<Answer<{ readonly swapped: boolean; readonly actual?: Value }>>;
  /** Puts the value at the end of a log (a partition, a stream), and answers where that is: offsets grow, and never repeat. */
  send(
    input: { readonly key: Key; readonly value: Value },
    deadline: Instant,
  ): Promise<Answer<{ readonly offset: number }>>;
  /** What a log holds from this offset on, in order, as much of it as it likes; empty: nothing is there yet. */
  poll(
    input: { readonly key: Key; readonly from: number },
    deadline: Instant,
  ): Promise<Answer<{ readonly entries: readonly Entry[] }>>;
  /** All of the steps or none, in this order; the answer repeats them, with what each read found. */
  transact(
    input: { readonly steps: readonly Step[] },
    deadline: Instant,
  ): Promise<Answer<{ readonly steps: readonly Step[] }>>;
}

/** An entry of a log. */
export type Entry = readonly [offset: number, value: Value];

/** A step of a transaction, as journals have it: of a read what it found, null before it has; of a write what it writes. */
export type Step = readonly [f: 'r' | 'w', key: Key, value: Value];

/** What a session carries so as not to read behind itself. Opaque to the harness; a system's own business. */
export type Token = Value;

/** One connection of one session. `deadline` is on the run's clock: after it, the outcome is `info`. */
export type Client = Partial<Store> & {
  token?(): Token;
  close(): Promise<void>;
};

/** Who a client works for, and how it reads and writes. */
export interface ClientOptions {
  readonly session: SessionId;
  readonly device: string;
  /** The region its user is in; `nearest` is nearest to here. */
  readonly home: string;
  readonly readPath: string;
  readonly writePath: string;
  /** What the retired predecessor on the same device had seen. */
  readonly token?: Token;
  /** How many processes this device has had before: a successor looks for the leader elsewhere first. */
  readonly attempt: number;
  /** Ask this node by name, and no other. */
  readonly node?: NodeId;
}

/** A definite refusal: the request did not take effect and never will. */
export class Refused extends Error {
  readonly code: string;
  constructor(code: string, message = code) {
    super(message);
    this.name = 'Refused';
    this.code = code;
  }
}
