/**
 * Tries to write the log that all states are prefixes of, in one sweep over the events. Each write is put into the log when it was
 * done, or before that if a state or a version demands it; a state is put right before the first write that overwrites what it shows.
 * Where a write has to last until after another one of its key was done (a state shows it together with something newer), that
 * other one comes first: the zones of Gibbons and Korach (1997), with states for reads.
 *
 * A log that comes out is a proof. That none comes out says nothing: where it fails, search.ts decides.
 */
import { NEVER, NONE } from '../../../history/history.ts';
import { INITIAL } from '../registers.ts';
import type { Problem } from './problem.ts';

/** How deep demands may reach into one another before the sweep gives up. */
const DEPTH_MAX = 400;

export function replays(problem: Problem): boolean {
  return new Replay(problem).succeeds();
}

const WAITING = 0;
const BEGUN = 1;
const PLACED = 2;

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
  #now = 0;
  #depth = 0;

  constructor(problem: Problem) {
    this.#problem = problem;
    const { history, registers, states, reads, start, before, writes, versioned, rank, classOf } = problem;
    const { source } = registers;
    this.#call = history.call;
    this.#done = registers.done;
    this.#key = history.key;
    this.#source = source;
    this.#write = new Uint8Array(history.length);
    this.#state = new Uint8Array(states);
    this.#lasts = new Int32Array(history.length);
    this.#shown = new Int32Array(history.length);
    this.#shownInitial = new Int32Array(history.keys.length);
    this.#nextShown = new Int32Array(reads.length);
    this.#stateOf = new Int32Array(reads.length);
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
    for (let i = 0; i < writes.length; i++) this.#lasts[writes[i]] = history.call[writes[i]];
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
        if (write !== INITIAL && until > this.#lasts[write]) this.#lasts[write] = until;
      }
    }
  }

  succeeds(): boolean {
    const { history, writes, states } = this.#problem;
    /** What happens to a write at each position: its row plus one where it is invoked, its complement where it is done. */
    const moments = new Int32Array(history.positions);
    for (let i = 0; i < writes.length; i++) {
      const write = writes[i];
      moments[this.#call[write]] = write + 1;
    }
    for (let i = 0; i < writes.length; i++) {
      const write = writes[i];
      // A write that was read before it was asked for is another checker's business.
      if (this.#done[write] === this.#call[write]) return false;
      moments[this.#done[write]] = -write - 1;
    }
    for (let position = 0; position < moments.length; position++) {
      const moment = moments[position];
      if (moment === 0) continue;
      this.#now = position;
      if (moment > 0) {
        const write = moment - 1;
        this.#earlier[write] = this.#pending[this.#key[write]];
        this.#pending[this.#key[write]] = moment;
      } else if (!this.#putWrite(-moment - 1)) return false;
    }
    this.#now = NEVER;
    for (let state = 0; state < states; state++) if (!this.#putState(state)) return false;
    return true;
  }

  #putWrite(write: number): boolean {
    if (this.#write[write] !== WAITING) return this.#write[write] === PLACED;
    if (this.#call[write] > this.#now || this.#depth >= DEPTH_MAX) return false;
    this.#write[write] = BEGUN;
    this.#depth++;
    const fits = this.#putLowerVersions(write) && this.#putThoseThatCannotWait(write) && this.#close(write);
    this.#depth--;
    this.#write[write] = PLACED;
    this.#newest[this.#key[write]] = write;
    return fits;
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
    let kept = 0;
    for (let at = this.#pending[of]; at !== 0; ) {
      const other = at - 1;
      at = this.#earlier[other];
      if (this.#write[other] === WAITING && this.#done[other] < this.#lasts[write] && !this.#putWrite(other))
        return false;
      if (this.#write[other] === PLACED || other === write) {
        if (kept === 0) this.#pending[of] = at;
        else this.#earlier[kept - 1] = at;
      } else kept = other + 1;
    }
    return true;
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
    const { before } = this.#problem;
    if (this.#state[state] !== WAITING) return this.#state[state] === PLACED;
    let from = state;
    while (before[from] !== NONE && this.#state[before[from]] === WAITING) from--;
    if (before[from] !== NONE && this.#state[before[from]] === BEGUN) return false;
    for (let one = from; one <= state; one++) {
      if (this.#state[one] === PLACED) continue;
      if (this.#state[one] === BEGUN) return false;
      this.#state[one] = BEGUN;
      if (!this.#putOne(one)) return false;
      this.#state[one] = PLACED;
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
