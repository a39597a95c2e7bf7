/**
 * Looks for one order of writes and states in which every state shows the newest write of each key before it.
 *
 * A state that shows a of a key comes before b or, b being another write of the key, b comes before a: which of the two is open
 * (a polygraph; Papadimitriou 1979). Where a way leads from a to b, or from b to the state, it is not. All that follows is laid; what
 * is still open is tried, one way and, if that fails, the other. Only choices that the order at hand breaks are looked at.
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

const ASK_EVERY = 4096;

/** A choice that was tried the first way. */
interface Trial {
  /** Edges before it. */
  readonly edges: number;
  readonly state: number;
  readonly older: number;
  readonly newer: number;
}

export function searchOrder(problem: Problem, states: readonly number[], budget: Budget): Outcome {
  return new Search(problem, states, budget).run();
}

class Search {
  readonly #problem: Problem;
  readonly #states: readonly number[];
  readonly #budget: Budget;
  readonly #order: GrowingOrder;
  /** Node of each write, by row; and of each state, by its place in `states`. */
  readonly #node = new Map<number, number>();
  readonly #stateNode: number;
  readonly #writes: number[];
  readonly #byKey = new Map<number, number[]>();
  readonly #trials: Trial[] = [];
  /** For each edge that a state brought about, that state's place in `states`. */
  readonly #because = new Map<number, number>();
  /** Edges that a state brought about, in the order of laying: the way that left no other choice. */
  readonly #involved = new Set<number>();
  #asked = 0;

  constructor(problem: Problem, states: readonly number[], budget: Budget) {
    this.#problem = problem;
    this.#states = states;
    this.#budget = budget;
    this.#writes = this.#gatherWrites();
    this.#writes.forEach((write, i) => this.#node.set(write, i));
    this.#stateNode = this.#writes.length;
    const barriers = this.#writes.length * 2;
    this.#order = new GrowingOrder(this.#stateNode + states.length + barriers);
    this.#layKnown();
  }

  /** Only writes of keys that the states show matter: others change nothing that is known of these. */
  #gatherWrites(): number[] {
    const { history, reads, start, writes, first } = this.#problem;
    const all: number[] = [];
    for (const state of this.#states) {
      for (let i = start[state]; i < start[state + 1]; i++) {
        const key = history.key[reads[i]];
        if (this.#byKey.has(key)) continue;
        const ofKey = [...writes.subarray(first[key], first[key + 1])];
        this.#byKey.set(key, ofKey);
        all.push(...ofKey);
      }
    }
    return all.sort((a, b) => a - b);
  }

  #layKnown(): void {
    const { registers, reads, start, before } = this.#problem;
    const order = this.#order;
    let barrier = this.#stateNode + this.#states.length;
    barrier = this.#layTime(barrier);
    this.#layVersions(barrier);
    this.#states.forEach((state, i) => {
      for (let at = start[state]; at < start[state + 1]; at++) {
        const write = registers.source[reads[at]];
        if (write !== INITIAL) order.lay(this.#nodeOf(write), this.#stateNode + i);
      }
      // Of a log some states may be left out: the one before is the last that is there.
      if (i === 0) return;
      let first = state;
      while (before[first] !== NONE && first > this.#states[i - 1]) first = before[first];
      if (first === this.#states[i - 1]) order.lay(this.#stateNode + i - 1, this.#stateNode + i);
    });
  }

  #nodeOf(write: number): number {
    return this.#node.get(write) ?? NONE;
  }

  /** Real time, through a chain of barriers: one for each moment at which a write is done. */
  #layTime(firstBarrier: number): number {
    const { registers, history } = this.#problem;
    const { done } = registers;
    const order = this.#order;
    const ended = [...this.#writes].sort((a, b) => done[a] - done[b]);
    let next = 0;
    let barrier = firstBarrier;
    for (const write of this.#writes) {
      for (; next < ended.length && done[ended[next]] < history.call[write]; next++) {
        if (barrier > firstBarrier) order.lay(barrier - 1, barrier);
        order.lay(this.#nodeOf(ended[next]), barrier++);
      }
      if (barrier > firstBarrier) order.lay(barrier - 1, this.#nodeOf(write));
    }
    return barrier;
  }

  /** Versions, through a barrier between each and the next higher one. */
  #layVersions(firstBarrier: number): void {
    const { versioned, rank, classOf } = this.#problem;
    const order = this.#order;
    const mine = [...versioned].filter((write) => this.#node.has(write));
    let barrier = firstBarrier;
    let open = NONE;
    for (let from = 0; from < mine.length; ) {
      let to = from;
      while (to < mine.length && rank[mine[to]] === rank[mine[from]]) to++;
      const goesOn = from > 0 && classOf[rank[mine[from - 1]]] === classOf[rank[mine[from]]];
      if (goesOn) for (let i = from; i < to; i++) order.lay(open, this.#nodeOf(mine[i]));
      if (goesOn) order.lay(open, barrier);
      for (let i = from; i < to; i++) order.lay(this.#nodeOf(mine[i]), barrier);
      open = barrier++;
      from = to;
    }
  }

  run(): Outcome {
    if (!this.#order.settle()) return { type: 'none', states: this.#states };
    for (;;) {
      const result = this.#pass();
      if (result === 'clean') return { type: 'found' };
      if (result === 'stopped') return { type: 'stopped', reason: this.#budget.spent() ?? 'stopped' };
      if (result === 'none') return { type: 'none', states: [...this.#involved].map((i) => this.#states[i]) };
    }
  }

  /** Looks at each thing that each state shows. */
  #pass(): 'clean' | 'changed' | 'none' | 'stopped' {
    const { registers, history, reads, start } = this.#problem;
    const { place } = this.#order;
    const at = new Map<number, number>();
    for (const list of this.#byKey.values()) {
      list.sort((a, b) => place[this.#nodeOf(a)] - place[this.#nodeOf(b)]);
      list.forEach((write, i) => at.set(write, i));
    }
    let changed = false;
    for (let i = 0; i < this.#states.length; i++) {
      const state = this.#states[i];
      for (let j = start[state]; j < start[state + 1]; j++) {
        const shown = registers.source[reads[j]];
        const list = this.#byKey.get(history.key[reads[j]]) ?? [];
        for (let k = (at.get(shown) ?? -1) + 1; k < list.length; k++) {
          const other = this.#nodeOf(list[k]);
          if (place[other] > place[this.#stateNode + i]) break;
          if (shown !== INITIAL && place[other] <= place[this.#nodeOf(shown)]) continue;
          changed = true;
          if (this.#isStopped()) return 'stopped';
          if (!this.#settleChoice(i, shown === INITIAL ? NONE : this.#nodeOf(shown), other)) return 'none';
        }
      }
    }
    return changed ? 'changed' : 'clean';
  }

  #isStopped(): boolean {
    if (this.#order.steps < this.#asked) return false;
    this.#asked = this.#order.steps + ASK_EVERY;
    return this.#budget.spent() !== undefined;
  }

  /** False if nothing is left to try. */
  #settleChoice(i: number, shown: number, other: number): boolean {
    const state = this.#stateNode + i;
    const order = this.#order;
    if (shown === NONE) return this.#lay(state, other, i);
    const older = order.way(shown, other);
    if (older !== undefined) {
      this.#involve(older);
      return this.#lay(state, other, i);
    }
    const newer = order.way(other, state);
    if (newer !== undefined) {
      this.#involve(newer);
      return this.#lay(other, shown, i);
    }
    this.#trials.push({ edges: order.edges, state: i, older: other, newer: shown });
    return this.#lay(state, other, i);
  }

  #lay(from: number, to: number, because: number): boolean {
    const circle = this.#order.add(from, to);
    if (circle === undefined) {
      this.#because.set(this.#order.edges - 1, because);
      return true;
    }
    this.#involved.add(because);
    this.#involve(circle);
    const trial = this.#trials.pop();
    if (trial === undefined) return false;
    this.#order.takeBack(trial.edges);
    this.#involved.add(trial.state);
    return this.#lay(trial.older, trial.newer, trial.state);
  }

  /** Notes the states behind edges. */
  #involve(edges: readonly number[]): void {
    for (const edge of edges) {
      const state = this.#because.get(edge);
      if (state !== undefined) this.#involved.add(state);
      for (const node of [this.#order.from(edge), this.#order.to(edge)]) {
        const i = node - this.#stateNode;
        if (i >= 0 && i < this.#states.length) this.#involved.add(i);
      }
    }
  }
}
