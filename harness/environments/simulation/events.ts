/**
 * The event queue: a binary heap of pooled records, ordered by instant, then by insertion number.
 *
 * An event is a kind, two integers and one reference, kept in parallel arrays, so that pushing and popping allocate
 * nothing. What the kinds mean is the simulation's business.
 */
import type { Instant } from '../../../history/operation.ts';

/** What an event in the queue is about; `a`, `b` and `ref` are explained where each is handled. */
export const WAKE = 0; // a sleeper's promise is due
export const CALL = 1; // a clock timer fires
export const ANSWER = 2; // the end of a request reaches its client
export const REQUEST = 3; // a request reaches its node
export const MESSAGE = 4; // a message between nodes arrives
export const SYNCED = 5; // a disk finished a sync
export const TIMER = 6; // a replica's timer may be due
export const RUN = 7; // a node takes up its inbox
export const SNAPSHOT = 8; // a portion of a snapshot has been written, or the whole was synced
export const LEASE = 9; // a message of the lease service, or to it, arrives
export const KIND_NAMES = [
  'wake',
  'call',
  'answer',
  'request',
  'message',
  'synced',
  'timer',
  'run',
  'snapshot',
  'lease',
] as const;

export class EventQueue {
  #capacity = 1024;
  /** Record numbers, as a heap. */
  #heap = new Int32Array(this.#capacity);
  #length = 0;
  #free = new Int32Array(this.#capacity);
  #freeLength = 0;
  #used = 0;
  #inserted = 0;
  #at = new Float64Array(this.#capacity);
  #sequence = new Float64Array(this.#capacity);
  #kind = new Uint8Array(this.#capacity);
  #a = new Int32Array(this.#capacity);
  #b = new Int32Array(this.#capacity);
  readonly #ref: unknown[] = [];

  /** The event that `pop` took out last. */
  at: Instant = 0;
  kind = WAKE;
  a = 0;
  b = 0;
  ref: unknown = undefined;

  get length(): number {
    return this.#length;
  }

  /** How many events were ever pushed; also the insertion number of the newest, counted from 1. */
  get inserted(): number {
    return this.#inserted;
  }

  /** Returns the record's number; with `inserted` as it is right after the push, it names the event for `forget`. */
  push(at: Instant, kind: number, a: number, b: number, ref: unknown): number {
    let record: number;
    if (this.#freeLength > 0) record = this.#free[--this.#freeLength];
    else {
      if (this.#used === this.#capacity) this.#grow();
      record = this.#used++;
    }
    this.#at[record] = at;
    this.#sequence[record] = ++this.#inserted;
    this.#kind[record] = kind;
    this.#a[record] = a;
    this.#b[record] = b;
    this.#ref[record] = ref;
    this.#rise(this.#length++, record, at);
    return record;
  }

  /** Lets go of what an event refers to; it will still be popped, with `ref` undefined. False: it had been popped before. */
  forget(record: number, inserted: number): boolean {
    if (this.#sequence[record] !== inserted) return false;
    this.#ref[record] = undefined;
    return true;
  }

  /** Takes out the earliest event into the fields above; false when there is none. */
  pop(): boolean {
    if (this.#length === 0) return false;
    const record = this.#heap[0];
    this.at = this.#at[record];
    this.kind = this.#kind[record];
    this.a = this.#a[record];
    this.b = this.#b[record];
    this.ref = this.#ref[record];
    this.#ref[record] = undefined;
    this.#sequence[record] = 0;
    this.#free[this.#freeLength++] = record;
    const last = this.#heap[--this.#length];
    if (this.#length > 0) this.#sink(last);
    return true;
  }

  /** Moves a hole at `hole` up to where `record`, newest of all, belongs: ties leave it below. */
  #rise(hole: number, record: number, at: Instant): void {
    const heap = this.#heap;
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      const above = heap[parent];
      if (this.#at[above] <= at) break;
      heap[hole] = above;
      hole = parent;
    }
    heap[hole] = record;
  }

  /** Moves a hole at the top down to where `record` belongs. */
  #sink(record: number): void {
    const heap = this.#heap;
    const times = this.#at;
    const sequences = this.#sequence;
    const length = this.#length;
    const at = times[record];
    const sequence = sequences[record];
    let hole = 0;
    for (;;) {
      let child = 2 * hole + 1;
      if (child >= length) break;
      let below = heap[child];
      let belowAt = times[below];
      if (child + 1 < length) {
        const right = heap[child + 1];
        const rightAt = times[right];
        if (rightAt < belowAt || (rightAt === belowAt && sequences[right] < sequences[below])) {
          child++;
          below = right;
          belowAt = rightAt;
        }
      }
      if (at < belowAt || (at === belowAt && sequence < sequences[below])) break;
      heap[hole] = below;
      hole = child;
    }
    heap[hole] = record;
  }

  #grow(): void {
    this.#capacity *= 2;
    const copy = <T extends Int32Array | Float64Array | Uint8Array>(from: T, to: T): T => {
      to.set(from);
      return to;
    };
    this.#heap = copy(this.#heap, new Int32Array(this.#capacity));
    this.#free = copy(this.#free, new Int32Array(this.#capacity));
    this.#at = copy(this.#at, new Float64Array(this.#capacity));
    this.#sequence = copy(this.#sequence, new Float64Array(this.#capacity));
    this.#kind = copy(this.#kind, new Uint8Array(this.#capacity));
    this.#a = copy(this.#a, new Int32Array(this.#capacity));
    this.#b = copy(this.#b, new Int32Array(this.#capacity));
  }
}
