/**
 * Tries to write the log that all states are prefixes of, in one sweep over the events. Each write is put into the log when it was
 * done, or before that if a state or a version demands it; a state is put right before the first write that overwrites what it shows.
 * Where a write has to last until after another one of its key was done (a state shows it together with something newer), that
 * other one comes first: the zones of Gibbons and Korach (1997), with states for reads.
 *
 * A log that comes out complete is a proof. One that does not says nothing, but is mostly nearly right: search.ts begins with it.
 */
import { NEVER, NONE } from '../../../history/history.ts';
import { INITIAL } from '../registers.ts';
import type { Problem } from './problem.ts';

/** How deep demands may reach into one another before the sweep gives up. */
const DEPTH_MAX = 400;

export interface Replayed {
  /** Whether all states are prefixes of the order, and time and versions allow it. */
  readonly complete: boolean;
  /** Indices into `writes`, and beyond them those of states: what was found. All of them are there. */
  readonly order: () => Int32Array;
}

export function replay(problem: Problem): Replayed {
  return new Replay(problem).run();
}

const WAITING = 0;
const BEGUN = 1;
const PLACED = 2;
/** A state that found no place. */
const STUCK = 3;

class Replay {
  readonly #problem: Problem;
  readonly #call: Int32Array;
  readonly #done: Int32Array;
  readonly #key: Int32Array;
  readonly #source: Int32Array;
  /** Of each write, of each state. */
  readonly #write: Uint8Array;
  readonly #state: Uint8Array;
  /** For each write the position until which it has to last: the last call of what any state shows that shows it. */
  readonly #lasts: Int32Array;
  /** Reads by what they show, as indices into `reads` plus one: of each write, and of each key's initial value. */
  readonly #shown: Int32Array;
  readonly #shownInitial: Int32Array;
  readonly #nextShown: Int32Array;
  readonly #stateOf: Int32Array;
  /** For each key its newest write in the log, or INITIAL. */
  readonly #newest: Int32Array;
  /** Writes of each key that were asked for and may not be in the log yet: the last, plus one, and for each the one before. */
  readonly #pending: Int32Array;
  readonly #earlier: Int32Array;
  /** For each class the place in `versioned` of its first write that is not in the log. */
  readonly #nextVersion: Int32Array;
  readonly #endOfClass: Int32Array;
  /** For each write the reads that show it where their log showed something else before: plus one; and the next of each. */
  readonly #after: Int32Array;
  readonly #nextAfter: Int32Array;
  /** What is in the log: rows of writes, and states, each plus the number of rows. */
  readonly #order: Int32Array;
  #ordered = 0;
  #now = 0;
  #depth = 0;
  #complete = true;

  constructor(problem: Problem) {
    this.#problem = problem;
    const { history, registers, states, reads, start, before, follows, writes, versioned, rank, classOf } = problem;
    const { source } = registers;
    this.#call = history.call;
    this.#done = registers.done;
    this.#key = history.key;
    this.#source = source;
    this.#write = new Uint8Array(history.length);
    this.#state = new Uint8Array(states);
    this.#lasts = history.call.slice();
    this.#shown = new Int32Array(history.length);
    this.#shownInitial = new Int32Array(history.keys.length);
    this.#nextShown = new Int32Array(reads.length);
    this.#stateOf = new Int32Array(reads.length);
    this.#after = new Int32Array(history.length);
    this.#nextAfter = new Int32Array(reads.length);
    this.#order = new Int32Array(writes.length + states);
    this.#newest = new Int32Array(history.keys.length).fill(INITIAL);
    this.#pending = new Int32Array(history.keys.length);
    this.#earlier = new Int32Array(history.length);
    const classes = classOf.length === 0 ? 0 : classOf[classOf.length - 1] + 1;
    this.#nextVersion = new Int32Array(classes).fill(NONE);
    this.#endOfClass = new Int32Array(classes);
    for (let i = 0; i < versioned.length; i++) {
      const one = classOf[rank[versioned[i]]];
      if (this.#nextVersion[one] === NONE) this.#nextVersion[one] = i;
      this.#endOfClass[one] = i + 1;
    }
    let until = 0;
    for (let state = 0; state < states; state++) {
      if (before[state] === NONE) until = 0;
      for (let i = start[state]; i < start[state + 1]; i++) {
        if (source[reads[i]] >= 0) until = Math.max(until, history.call[source[reads[i]]]);
      }
      for (let i = start[state]; i < start[state + 1]; i++) {
        this.#stateOf[i] = state;
        const write = source[reads[i]];
        const heads = write === INITIAL ? this.#shownInitial : this.#shown;
        const of = write === INITIAL ? history.key[reads[i]] : write;
        this.#nextShown[i] = heads[of];
        heads[of] = i + 1;
        if (write === INITIAL) continue;
        if (until > this.#lasts[write]) this.#lasts[write] = until;
        if (follows[i] === NONE) continue;
        this.#nextAfter[i] = this.#after[write];
        this.#after[write] = i + 1;
      }
    }
  }

  run(): Replayed {
    const { states, moments } = this.#problem;
    for (let i = 0; i < moments.length; i++) {
      const moment = moments[i];
      const write = moment >> 1;
      if ((moment & 1) === 0) {
        this.#now = this.#call[write];
        this.#earlier[write] = this.#pending[this.#key[write]];
        this.#pending[this.#key[write]] = write + 1;
      } else {
        this.#now = this.#done[write];
        if (!this.#putWrite(write)) this.#complete = false;
      }
    }
    this.#now = NEVER;
    for (let state = 0; state < states; state++) if (!this.#putState(state)) this.#complete = false;
    return { complete: this.#complete, order: () => this.#withStuck() };
  }

  /** The order, with states that found no place put in right after all that they have to follow. */
  #withStuck(): Int32Array {
    const { history, writes, states, before, start, reads } = this.#problem;
    const { length } = history;
    const indexOf = new Int32Array(length);
    for (let i = 0; i < writes.length; i++) indexOf[writes[i]] = i;
    const placed = this.#order.subarray(0, this.#ordered);
    const placeOf = new Int32Array(length + states);
    for (let i = 0; i < placed.length; i++) placeOf[placed[i]] = i;
    /** For each place the first state to come in after it, plus one; and the next of each state. */
    const first = new Int32Array(this.#order.length + 1);
    const next = new Int32Array(states);
    const last = new Int32Array(this.#order.length + 1);
    for (let state = 0; state < states; state++) {
      if (this.#state[state] === PLACED) continue;
      let place = before[state] === NONE ? 0 : placeOf[length + before[state]];
      for (let i = start[state]; i < start[state + 1]; i++) {
        const write = this.#source[reads[i]];
        if (write !== INITIAL) place = Math.max(place, placeOf[write]);
      }
      placeOf[length + state] = place;
      if (first[place] === 0) first[place] = state + 1;
      else next[last[place]] = state + 1;
      last[place] = state;
    }
    const order = new Int32Array(this.#order.length);
    let end = 0;
    for (let i = 0; i < Math.max(1, placed.length); i++) {
      if (i < placed.length) {
        order[end++] = placed[i] < length ? indexOf[placed[i]] : writes.length + placed[i] - length;
      }
      for (let state = first[i]; state !== 0; state = next[state - 1]) order[end++] = writes.length + state - 1;
    }
    return order;
  }

  #putWrite(write: number): boolean {
    if (this.#write[write] !== WAITING) return this.#write[write] === PLACED;
    if (this.#call[write] > this.#now || this.#depth >= DEPTH_MAX) return false;
    this.#write[write] = BEGUN;
    this.#depth++;
    // What fails is no reason to leave the rest: the log shall be nearly right.
    let fits = this.#putLowerVersions(write);
    fits = this.#putWhatItFollows(write) && fits;
    fits = this.#putThoseThatCannotWait(write) && fits;
    fits = this.#close(write) && fits;
    this.#depth--;
    this.#write[write] = PLACED;
    this.#newest[this.#key[write]] = write;
    this.#order[this.#ordered++] = write;
    return fits;
  }

  #putWhatItFollows(write: number): boolean {
    for (let at = this.#after[write]; at !== 0; at = this.#nextAfter[at - 1]) {
      if (!this.#putState(this.#problem.follows[at - 1])) return false;
    }
    return true;
  }

  #putLowerVersions(write: number): boolean {
    const { rank, classOf, versioned } = this.#problem;
    if (rank[write] === NONE) return true;
    const one = classOf[rank[write]];
    for (;;) {
      let next = this.#nextVersion[one];
      while (next < this.#endOfClass[one] && this.#write[versioned[next]] === PLACED) next++;
      this.#nextVersion[one] = next;
      if (next === this.#endOfClass[one] || rank[versioned[next]] >= rank[write]) break;
      if (!this.#putWrite(versioned[next])) return false;
    }
    return true;
  }

  /** Other writes of the key that were done before this one may be overwritten. Takes those out that are in the log already. */
  #putThoseThatCannotWait(write: number): boolean {
    const of = this.#key[write];
    let fits = true;
    let kept = 0;
    for (let at = this.#pending[of]; at !== 0; ) {
      const other = at - 1;
      at = this.#earlier[other];
      if (this.#write[other] === WAITING && this.#done[other] < this.#lasts[write] && !this.#putWrite(other))
        fits = false;
      if (this.#write[other] === PLACED || other === write) {
        if (kept === 0) this.#pending[of] = at;
        else this.#earlier[kept - 1] = at;
      } else kept = other + 1;
    }
    return fits;
  }

  /** Puts the states that show what the write overwrites. */
  #close(write: number): boolean {
    const of = this.#key[write];
    const old = this.#newest[of];
    let at = old === INITIAL ? this.#shownInitial[of] : this.#shown[old];
    for (; at !== 0; at = this.#nextShown[at - 1]) if (!this.#putState(this.#stateOf[at - 1])) return false;
    // Their demands may have put another write of the key.
    return this.#newest[of] === old || this.#close(write);
  }

  #putState(state: number): boolean {
    const { before, history } = this.#problem;
    if (this.#state[state] !== WAITING) return this.#state[state] !== BEGUN;
    let from = state;
    while (before[from] !== NONE && this.#state[before[from]] === WAITING) from--;
    if (before[from] !== NONE && this.#state[before[from]] === BEGUN) return false;
    for (let one = from; one <= state; one++) {
      if (this.#state[one] === BEGUN) return false;
      if (this.#state[one] !== WAITING) continue;
      this.#state[one] = BEGUN;
      if (this.#putOne(one)) {
        this.#state[one] = PLACED;
        this.#order[this.#ordered++] = history.length + one;
      } else {
        this.#state[one] = STUCK;
        this.#complete = false;
      }
    }
    return true;
  }

  #putOne(state: number): boolean {
    const { reads, start } = this.#problem;
    for (let i = start[state]; i < start[state + 1]; i++) {
      const write = this.#source[reads[i]];
      if (write !== INITIAL && !this.#putWrite(write)) return false;
    }
    for (let i = start[state]; i < start[state + 1]; i++) {
      if (this.#newest[this.#key[reads[i]]] !== this.#source[reads[i]]) return false;
    }
    return true;
  }
}
