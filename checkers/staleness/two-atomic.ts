/**
 * Whether a register's operations can be ordered so that every read returns one of the two latest writes, decided exactly:
 * limited backtracking (Golab, Hurwitz & Li 2013, On the k-Atomicity-Verification Problem).
 *
 * The order is built from its end. Whatever was called after the last write w, or one of its reads, had returned comes after w; so
 * no write may be left there, and reads left there return w, or all of them one other write, which then is the last but one.
 * Where there is no such other, everything placed so far is a set of whole clusters: leaving whole clusters out keeps the
 * property, so no decision up to here need ever be taken back. Within such a stretch only its first write is a choice; all
 * candidates are followed in turns, each for twice as many steps as in the last.
 */
import { NONE } from '../../history/history.ts';
import type { Budget } from '../checker.ts';

/** One key, by event positions. Writes by first return, which no call of theirs follows; reads by call. */
export interface KeyOperations {
  /** Per write: the earliest return of it and of its reads, and its call; -1 for the initial value. */
  readonly first: Int32Array;
  readonly call: Int32Array;
  /** Writes in the order of their calls. */
  readonly byCall: Int32Array;
  /** Per read: its call, and its write. */
  readonly readCall: Int32Array;
  readonly readOf: Int32Array;
}

const SUCCEEDED = 0;
const FAILED = 1;
const UNFINISHED = 2;

/** Undefined when the budget ended. */
export function isTwoAtomic(operations: KeyOperations, budget: Budget): boolean | undefined {
  const { first, call } = operations;
  const tail = new Tail(operations);
  const candidates: number[] = [];
  while (tail.lastByFirst !== NONE) {
    if (budget.spent() !== undefined) return undefined;
    candidates.length = 0;
    const latestCall = call[tail.lastByCall];
    for (let w = tail.lastByFirst; w !== NONE && (first[w] > latestCall || w === tail.lastByCall); w = tail.before(w)) {
      candidates.push(w);
    }
    let done = false;
    for (let steps = 1; !done && candidates.length > 0; steps *= 2) {
      let kept = 0;
      for (const candidate of candidates) {
        const outcome = tail.place(candidate, steps);
        if (outcome === SUCCEEDED) {
          done = true;
          break;
        }
        tail.undo();
        if (outcome === UNFINISHED) candidates[kept++] = candidate;
      }
      candidates.length = kept;
      if (budget.spent() !== undefined) return undefined;
    }
    if (!done) return false;
  }
  return true;
}

/** A list over 0 … n-1 that items leave, and come back to in the reverse order. */
class Linked {
  readonly previous: Int32Array;
  readonly following: Int32Array;
  last: number;

  constructor(items: Int32Array) {
    this.previous = new Int32Array(items.length);
    this.following = new Int32Array(items.length);
    this.last = NONE;
    for (const item of items) {
      this.previous[item] = this.last;
      this.following[item] = NONE;
      if (this.last !== NONE) this.following[this.last] = item;
      this.last = item;
    }
  }

  remove(item: number): void {
    const previous = this.previous[item];
    const following = this.following[item];
    if (previous !== NONE) this.following[previous] = following;
    if (following === NONE) this.last = previous;
    else this.previous[following] = previous;
  }

  restore(item: number): void {
    const previous = this.previous[item];
    const following = this.following[item];
    if (previous !== NONE) this.following[previous] = item;
    if (following === NONE) this.last = item;
    else this.previous[following] = item;
  }
}

function upTo(n: number): Int32Array {
  const numbers = new Int32Array(n);
  for (let i = 0; i < n; i++) numbers[i] = i;
  return numbers;
}

/** What is not yet placed. */
class Tail {
  readonly #operations: KeyOperations;
  readonly #byFirst: Linked;
  readonly #byCall: Linked;
  readonly #reads: Linked;
  readonly #isPlaced: Uint8Array;
  /** The reads of write w are `#ofWrite[#offsets[w] … #offsets[w + 1]-1]`. */
  readonly #offsets: Int32Array;
  readonly #ofWrite: Int32Array;
  /** What was removed since the last success: reads, and writes as -1 - write. */
  readonly #removed: Int32Array;
  #count = 0;

  constructor(operations: KeyOperations) {
    const { first, byCall, readCall, readOf } = operations;
    this.#operations = operations;
    this.#byFirst = new Linked(upTo(first.length));
    this.#byCall = new Linked(byCall);
    this.#reads = new Linked(upTo(readCall.length));
    this.#isPlaced = new Uint8Array(readCall.length);
    this.#offsets = new Int32Array(first.length + 1);
    for (let read = 0; read < readOf.length; read++) this.#offsets[readOf[read] + 1]++;
    for (let write = 0; write < first.length; write++) this.#offsets[write + 1] += this.#offsets[write];
    const next = this.#offsets.slice();
    this.#ofWrite = new Int32Array(readOf.length);
    for (let read = 0; read < readOf.length; read++) this.#ofWrite[next[readOf[read]]++] = read;
    this.#removed = new Int32Array(first.length + readCall.length);
  }

  get lastByFirst(): number {
    return this.#byFirst.last;
  }

  get lastByCall(): number {
    return this.#byCall.last;
  }

  before(write: number): number {
    return this.#byFirst.previous[write];
  }

  /** Places writes from this one back until nothing forces the next. */
  place(candidate: number, steps: number): number {
    const { first, call, readCall, readOf } = this.#operations;
    this.#count = 0;
    let write = candidate;
    for (let step = 0; step < steps; step++) {
      this.#removeWrite(write);
      const latest = this.#byCall.last;
      if (latest !== NONE && call[latest] > first[write]) return FAILED;
      let forced = NONE;
      for (let read = this.#reads.last; read !== NONE && readCall[read] > first[write]; read = this.#reads.last) {
        if (forced === NONE) forced = readOf[read];
        else if (forced !== readOf[read]) return FAILED;
        this.#removeRead(read);
      }
      if (forced === NONE) return SUCCEEDED;
      write = forced;
    }
    return UNFINISHED;
  }

  undo(): void {
    while (this.#count > 0) {
      const item = this.#removed[--this.#count];
      if (item >= 0) {
        this.#isPlaced[item] = 0;
        this.#reads.restore(item);
      } else {
        this.#byCall.restore(-1 - item);
        this.#byFirst.restore(-1 - item);
      }
    }
  }

  #removeWrite(write: number): void {
    this.#byFirst.remove(write);
    this.#byCall.remove(write);
    this.#removed[this.#count++] = -1 - write;
    for (let at = this.#offsets[write]; at < this.#offsets[write + 1]; at++) {
      if (this.#isPlaced[this.#ofWrite[at]] === 0) this.#removeRead(this.#ofWrite[at]);
    }
  }

  #removeRead(read: number): void {
    this.#isPlaced[read] = 1;
    this.#reads.remove(read);
    this.#removed[this.#count++] = read;
  }
}
