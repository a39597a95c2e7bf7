/**
 * The general search for a linearisation of one key's operations.
 *
 * Wing and Gong's search with Lowe's memory of visited configurations, done just in time: operations are placed only when
 * the next one that must be placed returns. A configuration is the event at which the search stands, the state, and two
 * bits for each pending operation: `done` (placed) and `spare` (need not be placed). Everything earlier is placed, so a
 * configuration is a few words however long the history is. One is given up, too, where another was that had the same state and the
 * same changes placed, and no fewer reads placed or operations spare: whatever may follow on the one may follow on the other.
 *
 * Long histories are gone through section by section: of each only the configurations in which it can end are kept, unless
 * these are too many to be found all; then what is left is one section, of which one way through is enough.
 *
 * Three rules keep the number of orders small, and lose none that matters:
 * - Pure operations (reads) are placed as soon as the state allows it: they change nothing for anybody.
 * - Of pending operations that do the same, the one that ends first goes first.
 * - On registers, a write that nobody is there to notice is not placed ahead of need. Once another blind write has been
 *   placed while it was pending, it may have happened just before that one, and has become spare. An optional operation is
 *   spare from the beginning.
 * What else a model knows is in its outlook (outlook.ts).
 */
import type { Budget } from '../checker.ts';
import type { Machine, State } from '../model.ts';
import { failureOf } from './failure.ts';
import { Memory } from './memory.ts';
import type { Problem } from './problem.ts';
import { DROP, Walk } from './walk.ts';

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
  /** Histories of more events are gone through in sections, of so many; for tests. */
  readonly sectionEvents?: number;
  /** Memory for visited configurations. */
  readonly bytesMax?: number;
}

const STATES_SHOWN = 8;
const BYTES_MAX = 512 * 1024 * 1024;
/** Events of a section, and of a history that is one section. */
const SECTION = 1 << 16;
const SHORT = 1 << 20;
/** Configurations for each event of a section that are worth finding all. */
const CONFIGURATIONS_PER_EVENT = 24;
/** Orders tried for one of the beginnings that tell where an order ended. */
const STEPS_PER_BEGINNING = 10_000;
/** Of a frame: event, state, where its candidates begin, next candidate, debt; then done bits, spare bits. */
const FRAME = 5;

export function search(problem: Problem, machine: Machine, limits: SearchLimits): SearchResult {
  const result = new Search(problem, machine, limits).run();
  if (result.type !== 'impossible' || machine.outlook === undefined) return result;
  const reached = problem.events.findIndex((event) => event === 2 * result.stuck + 1);
  const { budget, stepsMax = Number.POSITIVE_INFINITY } = limits;
  const bounded = { ...limits, stepsMax: Math.min(stepsMax, Math.max(STEPS_PER_BEGINNING, 2 * result.steps)) };
  const isImpossible = (beginning: Problem): boolean | undefined => {
    if (budget.spent() !== undefined) return undefined;
    const { type } = new Search(beginning, machine, bounded).run();
    return type === 'stopped' ? undefined : type === 'impossible';
  };
  let stuck: number | undefined;
  return {
    ...result,
    // It takes a few searches more, and not everybody asks.
    get stuck() {
      return (stuck ??= failureOf(problem, reached, isImpossible));
    },
    states: [],
  };
}

class Search extends Walk {
  readonly #limits: SearchLimits;
  #memory: Memory;
  /** Where the section begins, how it can begin, and how it was found to be able to end. */
  #from = 0;
  #entries: readonly Int32Array[];
  #nextEntry = 1;
  #exits: Memory | undefined;
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
    super(problem, machine);
    this.#limits = limits;
    this.#memory = this.#newMemory();
    this.#frameSize = FRAME + 2 * this.words;
    this.#frames = new Int32Array(256 * this.#frameSize);
    this.#sorted = new Int32Array(problem.slots + 1);
    this.#listedMust = new Int32Array(problem.classes).fill(-1);
    this.#listedSpare = new Int32Array(problem.classes).fill(-1);
    this.#entries = [this.configuration().slice()];
    if (this.until > (limits.sectionEvents ?? SHORT)) this.#beginSection(0);
  }

  run(): SearchResult {
    const { budget, stepsMax = Number.POSITIVE_INFINITY } = this.#limits;
    const end = this.problem.events.length;
    for (;;) {
      if (this.debt === 0) this.advance();
      if (this.event === end) return { type: 'found', steps: this.#steps };
      if (this.event === this.until) {
        this.#exits?.add(this.configuration());
      } else if (this.#isNew()) {
        this.#noteProgress();
        this.#pushFrame();
      }
      if (!this.#tryNext() && !this.#tryEntry()) {
        const stuck = this.problem.events[this.#furthest] >> 1;
        return {
          type: 'impossible',
          steps: this.#steps,
          stuck,
          states: this.#states,
        };
      }
      this.#steps++;
      if (this.#steps > stepsMax) return this.#stopped(`${stepsMax} orders tried`);
      if ((this.#steps & 255) === 0) {
        const reason = budget.spent();
        if (reason !== undefined) return this.#stopped(reason);
        if (this.#exits !== undefined && this.#memory.count > CONFIGURATIONS_PER_EVENT * (this.until - this.#from)) {
          this.#goToEnd();
        }
      }
      if (this.#isFull || this.#memory.isFull) return this.#stopped('the memory of the budget is spent');
    }
  }

  #newMemory(): Memory {
    return new Memory(2 + 3 * this.words, (bytes) => this.#mayTake(bytes), 2 * this.words);
  }

  #beginSection(from: number): void {
    const end = this.problem.events.length;
    this.#from = from;
    const section = this.#limits.sectionEvents ?? SECTION;
    this.until = from + 2 * section > end ? end : from + section;
    this.#exits = this.until === end ? undefined : this.#newMemory();
    this.#memory = this.#newMemory();
  }

  /** There are too many ways to end the section: one that leads on will do. */
  #goToEnd(): void {
    this.until = this.problem.events.length;
    this.#exits = undefined;
    this.#depth = this.#candidatesEnd = this.#nextEntry = 0;
    this.#memory = this.#newMemory();
    this.#tryEntry();
  }

  /** Begins in another way, or the next section; false where there is no other way. */
  #tryEntry(): boolean {
    if (this.#nextEntry === this.#entries.length) {
      if (this.#exits === undefined || this.#exits.count === 0) return false;
      this.#entries = this.#exits.records();
      this.#nextEntry = 0;
      this.#beginSection(this.until);
    }
    this.moveTo(this.#from);
    this.take(this.#entries[this.#nextEntry++]);
    return true;
  }

  #mayTake(bytes: number): boolean {
    const { budget, bytesMax = budget.bytesLeft === undefined ? BYTES_MAX : Number.POSITIVE_INFINITY } = this.#limits;
    if (bytes <= (budget.bytesLeft?.() ?? bytes) && this.#memory.bytes + bytes <= bytesMax) return true;
    this.#isFull = true;
    return false;
  }

  #stopped(reason: string): SearchResult {
    let placed = 0;
    for (let i = 0; i < this.#furthest; i++) placed += this.problem.events[i] & 1;
    return { type: 'stopped', steps: this.#steps, reason, placed };
  }

  #isNew(): boolean {
    return this.#memory.add(this.configuration());
  }

  #noteProgress(): void {
    if (this.event > this.#furthest) {
      this.#furthest = this.event;
      this.#states = [];
    }
    if (this.event === this.#furthest && this.#states.length < STATES_SHOWN && !this.#states.includes(this.state)) {
      this.#states.push(this.state);
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
    frames[at] = this.event;
    frames[at + 1] = this.state;
    frames[at + 2] = this.#candidatesEnd;
    frames[at + 3] = this.#candidatesEnd;
    frames[at + 4] = this.debt;
    frames.set(this.done, at + FRAME);
    frames.set(this.spare, at + FRAME + this.words);
    this.#depth++;
    this.#listCandidates(this.problem.events[this.event] >> 1);
  }

  /** What may be placed next, those that end first first; last, for a spare operation that ends here, to drop it. */
  #listCandidates(stuck: number): void {
    const { pure, end, optional, slots } = this.problem;
    const outlook = this.outlook;
    const left = this.left;
    const sorted = this.#sorted;
    let count = 0;
    for (let s = 0; s < slots; s++) {
      const op = this.holder[s];
      if (op === -1 || pure[op] === 1 || this.has(this.done, s) || (this.debt === 1 && op === stuck)) continue;
      if (optional[op] === 1 && left !== undefined && outlook?.isMute?.(op, left) === true) continue;
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
    const from = this.#candidatesEnd;
    for (let i = 0; i < count; i++) {
      if (!this.#repeats(sorted[i])) this.#candidates[this.#candidatesEnd++] = sorted[i];
    }
    if (outlook?.serves !== undefined) this.#preferServing(from, stuck);
    if (this.has(this.spare, this.problem.slot[stuck])) this.#candidates[this.#candidatesEnd++] = DROP;
  }

  /** Those that give a pending read what it needs come first; then the one that must be placed; then those that give it with another. */
  #preferServing(from: number, stuck: number): void {
    const { pure, slots } = this.problem;
    const waiting: number[] = [];
    for (let s = 0; s < slots; s++) {
      const op = this.holder[s];
      if (op !== -1 && pure[op] === 1 && !this.has(this.done, s)) waiting.push(op);
    }
    const candidates = [...this.#candidates.subarray(from, this.#candidatesEnd)];
    const ranks = this.outlook?.ranks?.(this.state, waiting, candidates) ?? [];
    const rankOf = (i: number): number => (ranks[i] > 0 && candidates[i] === stuck ? 1 : 2 * ranks[i]);
    const order = candidates.map((_, i) => i).sort((a, b) => rankOf(a) - rankOf(b) || a - b);
    order.forEach((i, at) => {
      this.#candidates[from + at] = candidates[i];
    });
  }

  /** Whether a candidate listed before does the same and needs its place at least as much. */
  #repeats(op: number): boolean {
    const kind = this.problem.class[op];
    if (this.#listedMust[kind] === this.#steps) return true;
    const isSpare = this.has(this.spare, this.problem.slot[op]);
    if (isSpare && this.#listedSpare[kind] === this.#steps) return true;
    (isSpare ? this.#listedSpare : this.#listedMust)[kind] = this.#steps;
    return false;
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
      this.moveTo(frames[at]);
      this.state = frames[at + 1];
      this.debt = frames[at + 4];
      for (let w = 0; w < this.words; w++) {
        this.done[w] = frames[at + FRAME + w];
        this.spare[w] = frames[at + FRAME + this.words + w];
      }
      if (this.place(this.#candidates[next], this.problem.events[this.event] >> 1)) return true;
    }
    return false;
  }
}
