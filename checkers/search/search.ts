/**
 * The general search for a linearisation of one key's operations.
 *
 * Wing and Gong's search with Lowe's memory of visited configurations, done just in time: operations are placed only when
 * the next one that must be placed returns. A configuration is the event at which the search stands, the state, and two
 * bits for each pending operation: `done` (placed) and `spare` (need not be placed). Everything earlier is placed, so a
 * configuration is a few words however long the history is.
 *
 * Three rules keep the number of orders small, and lose none that matters:
 * - Pure operations (reads) are placed as soon as the state allows it: they change nothing for anybody.
 * - Of pending operations that do the same, the one that ends first goes first.
 * - On registers, a write that nobody is there to notice is not placed ahead of need. Once another blind write has been
 *   placed while it was pending, it may have happened just before that one, and has become spare. An optional operation is
 *   spare from the beginning.
 */
import type { Budget } from '../checker.ts';
import type { Machine, State } from '../model.ts';
import { ILLEGAL } from '../model.ts';
import { Memory } from './memory.ts';
import type { Problem } from './problem.ts';

export type SearchResult =
  | { readonly type: 'found'; readonly steps: number }
  | {
      readonly type: 'impossible';
      readonly steps: number;
      /** The operation at whose return no order was left, and the states before it (at most eight). */
      readonly stuck: number;
      readonly states: readonly State[];
    }
  | { readonly type: 'stopped'; readonly steps: number; readonly reason: string; readonly placed: number };

export interface SearchLimits {
  readonly budget: Budget;
  /** Configurations to try before giving up; deterministic, unlike a budget. */
  readonly stepsMax?: number;
  /** Memory for visited configurations. */
  readonly bytesMax?: number;
}

const DROP = -1;
const STATES_SHOWN = 8;
const BYTES_MAX = 512 * 1024 * 1024;

export function search(problem: Problem, machine: Machine, limits: SearchLimits): SearchResult {
  return new Search(problem, machine, limits).run();
}

class Search {
  readonly #problem: Problem;
  readonly #machine: Machine;
  readonly #limits: SearchLimits;
  readonly #isRegister: boolean;
  readonly #words: number;
  /** The configuration: event, state, bits. */
  #event = 0;
  #state: State;
  readonly #done: Int32Array;
  readonly #spare: Int32Array;
  /** Which operation holds each slot at `#event`; -1: none. */
  readonly #holder: Int32Array;
  readonly #memory: Memory;
  readonly #record: Int32Array;
  /** Frames: event, state, where its candidates begin, next candidate, done bits, spare bits. */
  #frames: Int32Array;
  #depth = 0;
  readonly #frameSize: number;
  #candidates = new Int32Array(1024);
  #candidatesEnd = 0;
  readonly #sorted: Int32Array;
  /** Per class, the step at which a candidate of that class was last listed: one that must, or one that need not be placed. */
  readonly #listedMust: Int32Array;
  readonly #listedSpare: Int32Array;
  #steps = 0;
  /** There is no room for more. */
  #isFull = false;
  #furthest = -1;
  #states: State[] = [];

  constructor(problem: Problem, machine: Machine, limits: SearchLimits) {
    this.#problem = problem;
    this.#machine = machine;
    this.#limits = limits;
    this.#isRegister = machine.register !== undefined;
    this.#words = Math.max(1, Math.ceil(problem.slots / 32));
    this.#state = machine.initial;
    this.#done = new Int32Array(this.#words);
    this.#spare = new Int32Array(this.#words);
    this.#holder = new Int32Array(problem.slots).fill(-1);
    this.#memory = new Memory(2 + 2 * this.#words, (bytes) => this.#mayTake(bytes));
    this.#record = new Int32Array(2 + 2 * this.#words);
    this.#frameSize = 4 + 2 * this.#words;
    this.#frames = new Int32Array(256 * this.#frameSize);
    this.#sorted = new Int32Array(problem.slots + 1);
    this.#listedMust = new Int32Array(problem.classes).fill(-1);
    this.#listedSpare = new Int32Array(problem.classes).fill(-1);
  }

  run(): SearchResult {
    const { budget, stepsMax = Number.POSITIVE_INFINITY } = this.#limits;
    const end = this.#problem.events.length;
    for (;;) {
      this.#advance();
      if (this.#event === end) return { type: 'found', steps: this.#steps };
      if (this.#isNew()) {
        this.#noteProgress();
        this.#pushFrame();
      }
      if (!this.#tryNext()) {
        const stuck = this.#problem.events[this.#furthest] >> 1;
        return { type: 'impossible', steps: this.#steps, stuck, states: this.#states };
      }
      this.#steps++;
      if (this.#steps > stepsMax) return this.#stopped(`${stepsMax} orders tried`);
      if ((this.#steps & 255) === 0) {
        const reason = budget.spent();
        if (reason !== undefined) return this.#stopped(reason);
      }
      if (this.#isFull || this.#memory.isFull) return this.#stopped('the memory of the budget is spent');
    }
  }

  #mayTake(bytes: number): boolean {
    const { budget, bytesMax = budget.bytesLeft === undefined ? BYTES_MAX : Number.POSITIVE_INFINITY } = this.#limits;
    if (bytes <= (budget.bytesLeft?.() ?? bytes) && this.#memory.bytes + bytes <= bytesMax) return true;
    this.#isFull = true;
    return false;
  }

  #stopped(reason: string): SearchResult {
    let placed = 0;
    for (let i = 0; i < this.#furthest; i++) placed += this.#problem.events[i] & 1;
    return { type: 'stopped', steps: this.#steps, reason, placed };
  }

  /** Goes forward to the next return of an operation that is not placed yet; the search has to decide there. */
  #advance(): void {
    const { events, slot, optional, open, pure, row } = this.#problem;
    const done = this.#done;
    const spare = this.#spare;
    while (this.#event < events.length) {
      const event = events[this.#event];
      const op = event >> 1;
      const word = slot[op] >> 5;
      const bit = 1 << (slot[op] & 31);
      if ((event & 1) === 0) {
        this.#holder[slot[op]] = op;
        if (pure[op] === 1) {
          if (this.#machine.step(this.#state, row[op]) !== ILLEGAL) done[word] |= bit;
        } else if (optional[op] === 1) {
          spare[word] |= bit;
        }
      } else {
        if (open[op] === 0 && (done[word] & bit) === 0) return;
        done[word] &= ~bit;
        spare[word] &= ~bit;
        this.#holder[slot[op]] = -1;
      }
      this.#event++;
    }
  }

  /** Takes back what #advance did to the slots, down to `event`. The bits come from the frame. */
  #rewind(event: number): void {
    const { events, slot } = this.#problem;
    while (this.#event > event) {
      const last = events[--this.#event];
      const op = last >> 1;
      this.#holder[slot[op]] = (last & 1) === 0 ? -1 : op;
    }
  }

  #isNew(): boolean {
    const record = this.#record;
    record[0] = this.#event;
    record[1] = this.#state;
    record.set(this.#done, 2);
    record.set(this.#spare, 2 + this.#words);
    return this.#memory.add(record);
  }

  #noteProgress(): void {
    if (this.#event > this.#furthest) {
      this.#furthest = this.#event;
      this.#states = [];
    }
    if (this.#event === this.#furthest && this.#states.length < STATES_SHOWN && !this.#states.includes(this.#state)) {
      this.#states.push(this.#state);
    }
  }

  #pushFrame(): void {
    const at = this.#depth * this.#frameSize;
    if (at + this.#frameSize > this.#frames.length) {
      this.#mayTake(8 * this.#frames.length);
      const wider = new Int32Array(this.#frames.length * 2);
      wider.set(this.#frames);
      this.#frames = wider;
    }
    const frames = this.#frames;
    frames[at] = this.#event;
    frames[at + 1] = this.#state;
    frames[at + 2] = this.#candidatesEnd;
    frames[at + 3] = this.#candidatesEnd;
    frames.set(this.#done, at + 4);
    frames.set(this.#spare, at + 4 + this.#words);
    this.#depth++;
    this.#listCandidates(this.#problem.events[this.#event] >> 1);
  }

  /** What may be placed next, those that end first first; last, for a spare operation that ends here, to drop it. */
  #listCandidates(stuck: number): void {
    const { pure, end, slots } = this.#problem;
    const sorted = this.#sorted;
    let count = 0;
    for (let s = 0; s < slots; s++) {
      const op = this.#holder[s];
      if (op === -1 || pure[op] === 1 || this.#has(this.#done, s)) continue;
      let at = count++;
      while (at > 0 && end[sorted[at - 1]] > end[op]) {
        sorted[at] = sorted[at - 1];
        at--;
      }
      sorted[at] = op;
    }
    if (this.#candidatesEnd + count + 1 > this.#candidates.length) {
      const wider = new Int32Array(2 * this.#candidates.length + count);
      wider.set(this.#candidates);
      this.#candidates = wider;
    }
    for (let i = 0; i < count; i++) {
      if (!this.#repeats(sorted[i])) this.#candidates[this.#candidatesEnd++] = sorted[i];
    }
    if (this.#has(this.#spare, this.#problem.slot[stuck])) this.#candidates[this.#candidatesEnd++] = DROP;
  }

  /** Whether a candidate listed before does the same and needs its place at least as much. */
  #repeats(op: number): boolean {
    const kind = this.#problem.class[op];
    if (this.#listedMust[kind] === this.#steps) return true;
    const isSpare = this.#has(this.#spare, this.#problem.slot[op]);
    if (isSpare && this.#listedSpare[kind] === this.#steps) return true;
    (isSpare ? this.#listedSpare : this.#listedMust)[kind] = this.#steps;
    return false;
  }

  #has(bits: Int32Array, slot: number): boolean {
    return (bits[slot >> 5] & (1 << (slot & 31))) !== 0;
  }

  /** Goes on with the next candidate of the newest frame that has one; false when there is none left at all. */
  #tryNext(): boolean {
    while (this.#depth > 0) {
      const at = (this.#depth - 1) * this.#frameSize;
      const frames = this.#frames;
      const next = frames[at + 3];
      if (next === this.#candidatesEnd) {
        this.#candidatesEnd = frames[at + 2];
        this.#depth--;
        continue;
      }
      frames[at + 3] = next + 1;
      this.#rewind(frames[at]);
      this.#state = frames[at + 1];
      for (let w = 0; w < this.#words; w++) {
        this.#done[w] = frames[at + 4 + w];
        this.#spare[w] = frames[at + 4 + this.#words + w];
      }
      if (this.#place(this.#candidates[next], this.#problem.events[this.#event] >> 1)) return true;
    }
    return false;
  }

  /** Applies the candidate; false where that is illegal, or pointless. */
  #place(candidate: number, stuck: number): boolean {
    const { slot, row, optional, blind } = this.#problem;
    const op = candidate === DROP ? stuck : candidate;
    const word = slot[op] >> 5;
    const bit = 1 << (slot[op] & 31);
    this.#done[word] |= bit;
    this.#spare[word] &= ~bit;
    if (candidate === DROP) return true;
    const before = this.#state;
    const state = this.#machine.step(before, row[op]);
    if (state === ILLEGAL) return false;
    this.#state = state;
    if (blind[op] === 1) this.#makeSpare();
    const noticed = state !== before && this.#placePure();
    if (!this.#isRegister) return true;
    const mayWait = op !== stuck && (optional[op] === 1 || blind[op] === 1);
    return !mayWait || noticed || this.#letsSwap();
  }

  /** Every blind write that is pending may have happened just before the one placed now. */
  #makeSpare(): void {
    const { blind, slots } = this.#problem;
    for (let s = 0; s < slots; s++) {
      const op = this.#holder[s];
      if (op !== -1 && blind[op] === 1 && !this.#has(this.#done, s)) this.#spare[s >> 5] |= 1 << (s & 31);
    }
  }

  /** Places every pending pure operation that the state allows; true if there was one. */
  #placePure(): boolean {
    const { pure, row, slots } = this.#problem;
    let any = false;
    for (let s = 0; s < slots; s++) {
      const op = this.#holder[s];
      if (op === -1 || pure[op] === 0 || this.#has(this.#done, s)) continue;
      if (this.#machine.step(this.#state, row[op]) === ILLEGAL) continue;
      this.#done[s >> 5] |= 1 << (s & 31);
      any = true;
    }
    return any;
  }

  /** Whether a pending cas finds here what it needs. */
  #letsSwap(): boolean {
    const { pure, blind, row, slots } = this.#problem;
    for (let s = 0; s < slots; s++) {
      const op = this.#holder[s];
      if (op === -1 || pure[op] === 1 || blind[op] === 1 || this.#has(this.#done, s)) continue;
      if (this.#machine.step(this.#state, row[op]) !== ILLEGAL) return true;
    }
    return false;
  }
}
