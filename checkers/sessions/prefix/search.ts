/**
 * Looks for one order of writes and states in which every state shows the newest write of each key before it.
 *
 * A state that shows a of a key comes before b or, b being another write of the key, b comes before a: which of the two is open
 * (a polygraph; Papadimitriou 1979). The search begins with the order that replay.ts came to and mends it where it is wrong. Where a
 * way leads from a to b, or from b to the state, the choice is none. What is still open is tried, one way and, if that fails, the
 * other; a failure goes back to the last trial that took part in it (conflict-directed backjumping; Prosser 1993).
 *
 * Decides exactly, in time that may grow with the number of open choices to the power of two of it; hence the budget.
 */
import { NONE } from '../../../history/history.ts';
import type { Budget } from '../../checker.ts';
import { INITIAL } from '../registers.ts';
import { GrowingOrder } from './growing-order.ts';
import type { Problem } from './problem.ts';

export type Outcome =
  | { readonly type: 'found' }
  /** No order does. The states that took part in finding that out: mostly, but not always, these suffice. */
  | { readonly type: 'none'; readonly states: readonly number[] }
  | { readonly type: 'stopped'; readonly reason: string };

const ASK_EVERY = 2048;
/** So many edges are looked at in the end, budget or none: several seconds. */
const STEPS_MAX = 50_000_000;

/** A choice that was tried the first way; the other way is an edge from `older` to `newer`. */
interface Trial {
  /** Edges before it. */
  readonly edges: number;
  readonly state: number;
  readonly older: number;
  readonly newer: number;
}

/** Why an edge was laid: a state shows what it shows, and other edges left no choice. */
interface Reason {
  readonly state: number;
  readonly edges: readonly number[];
  /** States behind edges that were taken back since. */
  readonly states: readonly number[];
  /** The trial that it is, or NONE. */
  readonly trial: number;
}

const NO_STATES: readonly number[] = [];

/** @param wanted the order to begin with: indices into `writes`, and beyond them those of states */
export function searchOrder(problem: Problem, wanted: Int32Array, budget: Budget, stepsMax = STEPS_MAX): Outcome {
  return new Search(problem, wanted, budget, stepsMax).run();
}

class Search {
  readonly #problem: Problem;
  readonly #wanted: Int32Array;
  readonly #budget: Budget;
  readonly #stepsMax: number;
  readonly #order: GrowingOrder;
  /** Nodes: writes, by their index in `writes`; then states; then barriers. */
  readonly #stateNode: number;
  readonly #barriers: number;
  /** For each read the node of the write that it shows, or NONE for the initial value. */
  readonly #shown: Int32Array;
  /** Edges that are known from the start; the others have reasons. */
  readonly #known: number;
  /** The last of these, from this one on, are because of a state besides those at its ends. */
  readonly #firstFollowing: number;
  readonly #following: number[] = [];
  readonly #reasons: Reason[] = [];
  readonly #trials: Trial[] = [];
  /** The node that was passed at each place, up to where the sweep is. */
  readonly #passed: Int32Array;
  /** For each key the last write passed, plus one; and for each write what that was before. */
  readonly #newest: Int32Array;
  readonly #newestBefore: Int32Array;
  #steps = 0;
  #asked = 0;

  constructor(problem: Problem, wanted: Int32Array, budget: Budget, stepsMax: number) {
    this.#problem = problem;
    this.#wanted = wanted;
    this.#budget = budget;
    this.#stepsMax = stepsMax;
    const { history, registers, writes, reads, states, versioned } = problem;
    const nodeOf = new Int32Array(history.length);
    for (let i = 0; i < writes.length; i++) nodeOf[writes[i]] = i;
    this.#shown = reads.map((read) => (registers.source[read] === INITIAL ? NONE : nodeOf[registers.source[read]]));
    this.#stateNode = writes.length;
    this.#barriers = this.#stateNode + states;
    this.#order = new GrowingOrder(this.#barriers + writes.length + versioned.length);
    this.#passed = new Int32Array(this.#order.place.length);
    this.#newest = new Int32Array(history.keys.length);
    this.#newestBefore = new Int32Array(writes.length);
    this.#layVersions(this.#layTime(nodeOf), nodeOf);
    this.#layStates();
    this.#firstFollowing = this.#order.edges;
    this.#layFollowing();
    this.#known = this.#order.edges;
  }

  /** Real time, through a chain of barriers: one for each time that writes are invoked after others were done. */
  #layTime(nodeOf: Int32Array): number {
    const order = this.#order;
    let barrier = this.#barriers - 1;
    let closed = true;
    for (const moment of this.#problem.moments) {
      const write = nodeOf[moment >> 1];
      if ((moment & 1) === 0) {
        if (barrier >= this.#barriers) order.lay(barrier, write);
        closed = true;
        continue;
      }
      if (closed) {
        barrier++;
        if (barrier > this.#barriers) order.lay(barrier - 1, barrier);
        closed = false;
      }
      order.lay(write, barrier);
    }
    return barrier + 1;
  }

  /** Versions, through a barrier between each and the next higher one. */
  #layVersions(firstBarrier: number, nodeOf: Int32Array): void {
    const { versioned, rank, classOf } = this.#problem;
    const order = this.#order;
    let barrier = firstBarrier;
    let open = NONE;
    for (let from = 0; from < versioned.length; ) {
      let to = from;
      while (to < versioned.length && rank[versioned[to]] === rank[versioned[from]]) to++;
      const goesOn = from > 0 && classOf[rank[versioned[from - 1]]] === classOf[rank[versioned[from]]];
      if (goesOn) for (let i = from; i < to; i++) order.lay(open, nodeOf[versioned[i]]);
      if (goesOn) order.lay(open, barrier);
      for (let i = from; i < to; i++) order.lay(nodeOf[versioned[i]], barrier);
      open = barrier++;
      from = to;
    }
  }

  #layStates(): void {
    const { start, before, states } = this.#problem;
    const order = this.#order;
    for (let state = 0; state < states; state++) {
      for (let read = start[state]; read < start[state + 1]; read++) {
        const shown = this.#shown[read];
        if (shown !== NONE) order.lay(shown, this.#stateNode + state);
      }
      if (before[state] !== NONE) order.lay(this.#stateNode + before[state], this.#stateNode + state);
    }
  }

  /** Where a log showed something else of a key before, that ended before the new was written. */
  #layFollowing(): void {
    const { start, states, follows } = this.#problem;
    for (let state = 0; state < states; state++) {
      for (let read = start[state]; read < start[state + 1]; read++) {
        if (follows[read] === NONE || this.#shown[read] === NONE) continue;
        this.#order.lay(this.#stateNode + follows[read], this.#shown[read]);
        this.#following.push(state);
      }
    }
  }

  run(): Outcome {
    const circle = this.#order.settle(this.#wanted);
    if (circle !== undefined) return { type: 'none', states: this.#conflict(circle, []).states };
    return this.#sweep();
  }

  /**
   * Passes the order from its beginning, and mends what is wrong where it is met; then it goes back to where that changed anything. So
   * trials are made from the beginning towards the end, and what a failure takes back is not far away.
   */
  #sweep(): Outcome {
    const order = this.#order;
    const { history, writes } = this.#problem;
    let place = 0;
    while (place < this.#passed.length) {
      const node = order.nodeAt[place];
      this.#passed[place++] = node;
      if (node < writes.length) {
        const key = history.key[writes[node]];
        this.#newestBefore[node] = this.#newest[key];
        this.#newest[key] = node + 1;
        continue;
      }
      if (node >= this.#barriers) continue;
      const read = this.#wrongRead(node - this.#stateNode);
      if (read === NONE) continue;
      const stopped = this.#stopped();
      if (stopped !== undefined) return { type: 'stopped', reason: stopped };
      order.lowest = place - 1;
      const other = this.#newest[history.key[this.#problem.reads[read]]] - 1;
      const failed = this.#settleChoice(node - this.#stateNode, this.#shown[read], other);
      if (failed !== undefined) return { type: 'none', states: failed };
      place = this.#goBack(place, order.lowest);
    }
    return { type: 'found' };
  }

  /** A read of a state that shows something else than the newest write passed, or NONE. */
  #wrongRead(state: number): number {
    const { history, reads, start } = this.#problem;
    for (let read = start[state]; read < start[state + 1]; read++) {
      if (this.#newest[history.key[reads[read]]] !== this.#shown[read] + 1) return read;
    }
    return NONE;
  }

  #goBack(from: number, to: number): number {
    const { history, writes } = this.#problem;
    this.#steps += from - to;
    for (let place = from - 1; place >= to; place--) {
      const node = this.#passed[place];
      if (node < writes.length) this.#newest[history.key[writes[node]]] = this.#newestBefore[node];
    }
    return to;
  }

  #stopped(): string | undefined {
    const steps = this.#order.steps + this.#steps++;
    if (steps < this.#asked) return undefined;
    this.#asked = steps + ASK_EVERY;
    if (steps > this.#stepsMax) return `no order of the writes was found, nor refuted, in ${this.#stepsMax} steps`;
    return this.#budget.spent();
  }

  /** Undefined, or the states that took part if nothing is left to try. */
  #settleChoice(state: number, shown: number, other: number): readonly number[] | undefined {
    const node = this.#stateNode + state;
    const order = this.#order;
    const reason = { state, edges: [], states: NO_STATES, trial: NONE };
    if (shown === NONE) return this.#lay(node, other, reason);
    const older = order.way(shown, other);
    if (older !== undefined) return this.#lay(node, other, { ...reason, edges: older });
    const newer = order.way(other, node);
    if (newer !== undefined) return this.#lay(other, shown, { ...reason, edges: newer });
    this.#trials.push({ edges: order.edges, state, older: other, newer: shown });
    return this.#lay(node, other, { ...reason, trial: this.#trials.length - 1 });
  }

  #lay(from: number, to: number, reason: Reason): readonly number[] | undefined {
    let edge = { from, to, reason };
    for (;;) {
      const circle = this.#order.add(edge.from, edge.to);
      if (circle === undefined) {
        this.#reasons.push(edge.reason);
        return undefined;
      }
      const conflict = this.#conflict([...circle, ...edge.reason.edges], [edge.reason.state, ...edge.reason.states]);
      const last = conflict.trials.reduce((most, one) => Math.max(most, one), NONE);
      if (last === NONE) return conflict.states;
      const trial = this.#trials[last];
      const others = conflict.trials.filter((one) => one !== last).map((one) => this.#trials[one].edges);
      this.#trials.length = last;
      this.#order.takeBack(trial.edges);
      this.#reasons.length = trial.edges - this.#known;
      const because = { state: trial.state, edges: others, states: conflict.states, trial: NONE };
      edge = { from: trial.older, to: trial.newer, reason: because };
    }
  }

  /** The trials and the states behind edges. */
  #conflict(edges: number[], behind: readonly number[]): { states: readonly number[]; trials: readonly number[] } {
    const states = new Set(behind);
    const trials = new Set<number>();
    const met = new Set<number>(edges);
    for (const edge of met) {
      for (const state of this.#statesAmong([this.#order.from(edge), this.#order.to(edge)])) states.add(state);
      if (edge >= this.#firstFollowing && edge < this.#known) states.add(this.#following[edge - this.#firstFollowing]);
      if (edge < this.#known) continue;
      const reason = this.#reasons[edge - this.#known];
      states.add(reason.state);
      for (const state of reason.states) states.add(state);
      for (const one of reason.edges) met.add(one);
      if (reason.trial !== NONE) trials.add(reason.trial);
    }
    this.#steps += met.size;
    return { states: [...states], trials: [...trials] };
  }

  #statesAmong(nodes: readonly number[]): readonly number[] {
    return nodes
      .filter((node) => node >= this.#stateNode && node < this.#barriers)
      .map((node) => node - this.#stateNode);
  }
}
