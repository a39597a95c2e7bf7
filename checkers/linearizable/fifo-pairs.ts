/**
 * Queues, first in, first out, whose values repeat: which dequeue took which copy is searched for, from the first pair on.
 *
 * What is enqueued i-th is dequeued i-th, so an order of both is a sequence of pairs of one value each. It can be found pair by pair:
 * a pair that fits nowhere shows at once, where an order of events would show it only when a dequeue returns, a whole queue later.
 * For a given sequence the earliest times are the best: each enqueue right after the one before or its own call, each dequeue
 * likewise, and after its enqueue. These times depend only on which were taken so far, so a configuration is which enqueues and
 * dequeues are taken, and how far the time is. "Empty" is answered between two pairs.
 *
 * Of two enqueues of one value of which one is called and returns no later than the other, that one goes first: they do the same.
 * Likewise of dequeues.
 */
import type { Budget } from '../checker.ts';
import { Memory } from '../search/memory.ts';

/** An operation by its value, and the times between which it happened. */
export interface Span {
  readonly value: number;
  readonly from: number;
  readonly until: number;
  /** Of which operation. */
  readonly row: number;
  /** Need not have happened, though it may have between its times. */
  readonly mayBeMissing?: boolean;
}

export interface PairProblem {
  /** By `from`. Those that never returned need not have happened. */
  readonly enqueues: readonly Span[];
  /** By `from`, likewise. */
  readonly dequeues: readonly Span[];
  /** Answers "empty", by `from`. */
  readonly empties: readonly Span[];
}

export type Paired = 'possible' | 'impossible' | undefined;

const ASK_EVERY = 256;
/** More than these overlap where something never returned: the search of any model is for that. */
const WINDOW_MAX = 512;

/** Undefined where the budget ended first, or `stepsMax` did. `listed`: told of each row that could have come next at some time. */
export function pairUp(
  problem: PairProblem,
  budget: Budget,
  stepsMax = Number.POSITIVE_INFINITY,
  listed?: Set<number>,
): Paired {
  return new Pairing(problem, budget, stepsMax, listed).run();
}

function mustHappen({ until, mayBeMissing }: Span): boolean {
  return until !== Number.POSITIVE_INFINITY && mayBeMissing !== true;
}

/** Spans of one kind, taken in an order that their times allow. */
export class Side {
  readonly spans: readonly Span[];
  /** All before are taken; of those behind, `taken` has a 1 each. */
  base = 0;
  readonly taken: Uint8Array;
  /** How many that must happen are not taken. */
  mustLeft: number;
  readonly #listed: Set<number> | undefined;

  constructor(spans: readonly Span[], listed?: Set<number>) {
    this.spans = spans;
    this.taken = new Uint8Array(spans.length + 1);
    this.mustLeft = spans.filter(mustHappen).length;
    this.#listed = listed;
  }

  take(at: number): void {
    if (mustHappen(this.spans[at])) this.mustLeft--;
    this.taken[at] = 1;
    while (this.taken[this.base] === 1) this.base++;
  }

  release(at: number): void {
    if (mustHappen(this.spans[at])) this.mustLeft++;
    this.taken[at] = 0;
    if (at < this.base) this.base = at;
  }

  /** What may come next: nothing that must happen and is not taken was over before it was called. */
  *next(): Generator<number, void, undefined> {
    let soonest = Number.POSITIVE_INFINITY;
    for (let i = this.base; i < this.spans.length && this.spans[i].from < soonest; i++) {
      if (this.taken[i] === 1) continue;
      if (this.spans[i].mayBeMissing !== true) soonest = Math.min(soonest, this.spans[i].until);
      this.#listed?.add(this.spans[i].row);
      yield i;
    }
  }

  /** When the first of those left that must happen must have happened. */
  get soonest(): number {
    let soonest = Number.POSITIVE_INFINITY;
    for (let i = this.base; i < this.spans.length && this.spans[i].from < soonest; i++) {
      if (this.taken[i] === 0 && this.spans[i].mayBeMissing !== true) soonest = Math.min(soonest, this.spans[i].until);
    }
    return soonest;
  }
}

interface Frame {
  /** Pairs to try: an enqueue and a dequeue each, or NONE and an answer "empty". */
  readonly choices: readonly (readonly [number, number])[];
  next: number;
  readonly enqueuedAt: number;
  readonly dequeuedAt: number;
}

export const EMPTY = -1;
const WORDS = WINDOW_MAX / 32;
/** A base and a window for each side, one word to spare, and a time, which begins at an even word. */
const RECORD = 3 * (WORDS + 1) + 3;

/** A sequence of pairs, as far as it has come. */
export class Pairs {
  readonly enqueues: Side;
  readonly dequeues: Side;
  readonly empties: Side;
  /** When the last enqueue and the last dequeue, or "empty", happened at the earliest. */
  enqueuedAt = -1;
  dequeuedAt = -1;

  constructor({ enqueues, dequeues, empties }: PairProblem, listed?: Set<number>) {
    this.enqueues = new Side(enqueues, listed);
    this.dequeues = new Side(dequeues, listed);
    this.empties = new Side(empties, listed);
  }

  /** What may come next: an enqueue and a dequeue each, or EMPTY and an answer "empty". */
  choices(): (readonly [number, number])[] {
    const found: (readonly [number, number])[] = [];
    const emptyBy = this.empties.soonest;
    // Between two pairs the queue is empty, from the last dequeue to the next enqueue.
    for (const at of this.empties.next()) {
      const { from, until } = this.empties.spans[at];
      const moment = Math.max(from, this.dequeuedAt);
      if (moment > until || moment > Math.min(emptyBy, this.enqueues.soonest, this.dequeues.soonest)) continue;
      // It costs nothing where the time has come anyway.
      if (from <= this.dequeuedAt && this.dequeuedAt <= this.enqueuedAt) return [[EMPTY, at]];
      found.push([EMPTY, at]);
    }
    const enqueues = unlikeOnes(this.enqueues, this.enqueuedAt);
    const dequeues = unlikeOnes(this.dequeues);
    const [enqueueBy, dequeueBy] = [this.enqueues.soonest, this.dequeues.soonest];
    for (const e of enqueues) {
      const put = this.enqueues.spans[e];
      const enqueued = Math.max(put.from, this.enqueuedAt);
      if (enqueued > Math.min(put.until, enqueueBy, emptyBy)) continue;
      // Of dequeues that may be missing, one that is there no later and over no later does as well.
      let spareUntil = Number.POSITIVE_INFINITY;
      for (const d of dequeues) {
        const taking = this.dequeues.spans[d];
        if (put.value !== taking.value) continue;
        const dequeued = Math.max(taking.from, this.dequeuedAt, enqueued);
        if (dequeued > Math.min(taking.until, dequeueBy, emptyBy)) continue;
        if (taking.mayBeMissing === true) {
          if (spareUntil <= taking.until && spareUntil !== Number.POSITIVE_INFINITY) continue;
          spareUntil = taking.until;
        }
        found.push([e, d]);
      }
    }
    const ends = (choice: readonly [number, number]): number =>
      choice[0] === EMPTY
        ? this.empties.spans[choice[1]].until
        : Math.min(this.enqueues.spans[choice[0]].until, this.dequeues.spans[choice[1]].until);
    return found.sort((a, b) => ends(a) - ends(b));
  }

  take([e, d]: readonly [number, number]): void {
    if (e === EMPTY) {
      this.empties.take(d);
      this.dequeuedAt = Math.max(this.dequeuedAt, this.empties.spans[d].from);
      this.enqueuedAt = Math.max(this.enqueuedAt, this.dequeuedAt);
      return;
    }
    this.enqueues.take(e);
    this.dequeues.take(d);
    this.enqueuedAt = Math.max(this.enqueuedAt, this.enqueues.spans[e].from);
    this.dequeuedAt = Math.max(this.dequeuedAt, this.dequeues.spans[d].from, this.enqueuedAt);
  }

  release([e, d]: readonly [number, number]): void {
    if (e === EMPTY) {
      this.empties.release(d);
      return;
    }
    this.enqueues.release(e);
    this.dequeues.release(d);
  }
}

/** The search for one such sequence, depth first. */
class Pairing extends Pairs {
  readonly #budget: Budget;
  readonly #stepsMax: number;
  readonly #seen: Memory;
  readonly #record = new Int32Array(RECORD);
  /** The last two words as a time. */
  readonly #time = new Float64Array(this.#record.buffer, 4 * (RECORD - 2), 1);
  #isTooWide = false;

  constructor(problem: PairProblem, budget: Budget, stepsMax: number, listed?: Set<number>) {
    super(problem, listed);
    this.#budget = budget;
    this.#stepsMax = stepsMax;
    this.#seen = new Memory(this.#record.length, (bytes) => bytes <= (budget.bytesLeft?.() ?? bytes));
  }

  run(): Paired {
    const frames: Frame[] = [];
    const taken: (readonly [number, number])[] = [];
    for (let steps = 1; ; steps++) {
      if (this.#isDone()) return 'possible';
      frames.push({
        choices: this.#isNew() ? this.choices() : [],
        next: 0,
        enqueuedAt: this.enqueuedAt,
        dequeuedAt: this.dequeuedAt,
      });
      if (this.#isTooWide || this.#seen.isFull) return undefined;
      if (steps >= this.#stepsMax) return undefined;
      if (steps % ASK_EVERY === 0 && this.#budget.spent() !== undefined) return undefined;
      for (;;) {
        const frame = frames.at(-1);
        if (frame === undefined) return 'impossible';
        this.enqueuedAt = frame.enqueuedAt;
        this.dequeuedAt = frame.dequeuedAt;
        if (frame.next < frame.choices.length) {
          const choice = frame.choices[frame.next++];
          this.take(choice);
          taken.push(choice);
          break;
        }
        frames.pop();
        const last = taken.pop();
        if (last !== undefined) this.release(last);
      }
    }
  }

  /** Nothing is left to be dequeued or found empty: what is left to be enqueued can be, in the order of its returns. */
  #isDone(): boolean {
    return this.dequeues.mustLeft === 0 && this.empties.mustLeft === 0;
  }

  #isNew(): boolean {
    const record = this.#record;
    record.fill(0);
    let at = 0;
    for (const side of [this.enqueues, this.dequeues, this.empties]) {
      record[at] = side.base;
      for (let i = side.base; i < side.spans.length; i++) {
        const behind = i - side.base;
        if (behind >= WINDOW_MAX) {
          this.#isTooWide = true;
          break;
        }
        if (side.taken[i] === 1) record[at + 1 + (behind >> 5)] |= 1 << (behind & 31);
        else if (side.spans[i].from > this.enqueuedAt && side.spans[i].from > this.dequeuedAt) break;
      }
      at += WORDS + 1;
    }
    this.#time[0] = this.enqueuedAt;
    return this.#seen.add(record);
  }
}

/**
 * Without those of which another one does the same, and is called and returns no later. One that may be missing is as good as
 * another only while its time lasts: `now`, where that is known.
 */
function unlikeOnes(side: Side, now?: number): number[] {
  const kept: number[] = [];
  for (const at of side.next()) {
    const { value, until, mayBeMissing } = side.spans[at];
    const isSpare = mayBeMissing === true;
    if (isSpare && now !== undefined && now > until) continue;
    const isBehind = kept.some((i) => {
      const other = side.spans[i];
      if (other.value !== value || other.until > until) return false;
      return other.mayBeMissing !== true || (isSpare && now !== undefined);
    });
    if (!isBehind) kept.push(at);
  }
  return kept;
}

/**
 * The moment by which it had become impossible, one of `ends` (ascending), the last of which is such a moment: what was not over by then may
 * have happened, or not.
 */
export function impossibleBy(problem: PairProblem, ends: readonly number[], budget: Budget): number {
  let [low, high] = [-1, ends.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    const paired = pairUp(upTo(problem, ends[middle]), budget);
    if (paired === undefined) break;
    if (paired === 'impossible') high = middle;
    else low = middle;
  }
  return ends[high];
}

function upTo({ enqueues, dequeues, empties }: PairProblem, moment: number): PairProblem {
  const begun = (spans: readonly Span[]): Span[] =>
    spans
      .filter(({ from }) => from <= moment)
      .map((span) => (span.until <= moment ? span : { ...span, until: Number.POSITIVE_INFINITY }));
  return {
    enqueues: begun(enqueues),
    dequeues: begun(dequeues),
    empties: begun(empties).filter(({ until }) => until <= moment),
  };
}
