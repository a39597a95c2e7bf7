/** A graph without circles that grows edge by edge and keeps its nodes in order (Pearce & Kelly 2007). Edges can be taken back. */
import { NONE } from '../../../history/history.ts';
import { doubled } from '../pairs.ts';

const BEGUN = 1;
const SETTLED = 2;

export class GrowingOrder {
  /** Every edge leads to a higher place. */
  readonly place: Int32Array;
  /** For each place the node there. */
  readonly nodeAt: Int32Array;
  /** The lowest place that changed hands; whoever wants to know sets it before. */
  lowest = 0;
  readonly #firstOut: Int32Array;
  readonly #firstIn: Int32Array;
  readonly #mark: Int32Array;
  readonly #cameBy: Int32Array;
  #from = new Int32Array(1024);
  #to = new Int32Array(1024);
  #nextOut = new Int32Array(1024);
  #nextIn = new Int32Array(1024);
  #edges = 0;
  #marks = 0;
  #steps = 0;

  constructor(nodes: number) {
    this.place = new Int32Array(nodes);
    this.nodeAt = new Int32Array(nodes);
    this.#firstOut = new Int32Array(nodes).fill(NONE);
    this.#firstIn = new Int32Array(nodes).fill(NONE);
    this.#mark = new Int32Array(nodes);
    this.#cameBy = new Int32Array(nodes);
  }

  get edges(): number {
    return this.#edges;
  }

  /** Edges looked at so far. */
  get steps(): number {
    return this.#steps;
  }

  from(edge: number): number {
    return this.#from[edge];
  }

  to(edge: number): number {
    return this.#to[edge];
  }

  /** Adds an edge whatever the places are; `settle` comes after all of these. */
  lay(from: number, to: number): void {
    const edge = this.#edges++;
    if (edge === this.#from.length) {
      this.#from = doubled(this.#from);
      this.#to = doubled(this.#to);
      this.#nextOut = doubled(this.#nextOut);
      this.#nextIn = doubled(this.#nextIn);
    }
    this.#from[edge] = from;
    this.#to[edge] = to;
    this.#nextOut[edge] = this.#firstOut[from];
    this.#firstOut[from] = edge;
    this.#nextIn[edge] = this.#firstIn[to];
    this.#firstIn[to] = edge;
  }

  /** Finds places for all nodes, as near to a wanted order of some of them as the edges allow; or the edges of a circle. */
  settle(wanted: Int32Array): number[] | undefined {
    const nodes = this.place.length;
    const begun = new Uint8Array(nodes);
    /** Of nodes that are begun the edge that was last looked at, plus one. */
    const looked = new Int32Array(nodes);
    const stack = new Int32Array(nodes);
    let settled = 0;
    for (let i = 0; i < wanted.length + nodes; i++) {
      let top = 0;
      let next = i < wanted.length ? wanted[i] : i - wanted.length;
      if (begun[next] !== 0) continue;
      while (next !== NONE) {
        begun[next] = BEGUN;
        stack[top++] = next;
        next = NONE;
        while (top > 0 && next === NONE) {
          const node = stack[top - 1];
          const edge = looked[node] === 0 ? this.#firstIn[node] : this.#nextIn[looked[node] - 1];
          if (edge === NONE) {
            begun[node] = SETTLED;
            this.nodeAt[settled] = node;
            this.place[node] = settled++;
            top--;
            continue;
          }
          looked[node] = edge + 1;
          const from = this.#from[edge];
          if (begun[from] === 0) next = from;
          else if (begun[from] === BEGUN) {
            return Array.from(stack.subarray(stack.indexOf(from), top), (one) => looked[one] - 1);
          }
        }
      }
    }
    return undefined;
  }

  /** The edges of a way from one node to another, without those from `before` on; undefined if there is none. */
  way(from: number, to: number, before = this.#edges): number[] | undefined {
    const mark = ++this.#marks;
    const stack = [from];
    this.#mark[from] = mark;
    const last = this.place[to];
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      for (let edge = this.#firstOut[node]; edge !== NONE; edge = this.#nextOut[edge]) {
        const next = this.#to[edge];
        this.#steps++;
        if (edge >= before || this.#mark[next] === mark || this.place[next] > last) continue;
        this.#mark[next] = mark;
        this.#cameBy[next] = edge;
        if (next === to) return this.#back(from, to);
        stack.push(next);
      }
    }
    return undefined;
  }

  /** Adds an edge. If it closes a circle, it is not added: the rest of the circle. */
  add(from: number, to: number): number[] | undefined {
    if (this.place[from] >= this.place[to]) {
      const circle = from === to ? [] : this.way(to, from);
      if (circle !== undefined) return circle;
      this.#reorder(from, to);
    }
    this.lay(from, to);
    return undefined;
  }

  /** Takes back all edges from this one on. Places stay: fewer edges allow them too. */
  takeBack(to: number): void {
    while (this.#edges > to) {
      const edge = --this.#edges;
      this.#firstOut[this.#from[edge]] = this.#nextOut[edge];
      this.#firstIn[this.#to[edge]] = this.#nextIn[edge];
    }
  }

  #back(from: number, to: number): number[] {
    const edges: number[] = [];
    for (let node = to; node !== from; node = this.#from[edges[edges.length - 1]]) edges.push(this.#cameBy[node]);
    return edges.reverse();
  }

  /** Puts all that leads to `from` before all that follows `to`, within the places that they have between them. */
  #reorder(from: number, to: number): void {
    const low = this.place[to];
    const high = this.place[from];
    const ahead = this.#reach(to, this.#firstOut, this.#nextOut, this.#to, (place) => place <= high);
    const behind = this.#reach(from, this.#firstIn, this.#nextIn, this.#from, (place) => place >= low);
    const byPlace = (a: number, b: number): number => this.place[a] - this.place[b];
    const nodes = [...behind.sort(byPlace), ...ahead.sort(byPlace)];
    const places = nodes.map((node) => this.place[node]).sort((a, b) => a - b);
    nodes.forEach((node, i) => {
      this.place[node] = places[i];
      this.nodeAt[places[i]] = node;
    });
    this.lowest = Math.min(this.lowest, places[0]);
  }

  #reach(
    start: number,
    first: Int32Array,
    next: Int32Array,
    end: Int32Array,
    within: (place: number) => boolean,
  ): number[] {
    const mark = ++this.#marks;
    const reached = [start];
    this.#mark[start] = mark;
    for (let i = 0; i < reached.length; i++) {
      for (let edge = first[reached[i]]; edge !== NONE; edge = next[edge]) {
        const node = end[edge];
        this.#steps++;
        if (this.#mark[node] === mark || !within(this.place[node])) continue;
        this.#mark[node] = mark;
        reached.push(node);
      }
    }
    return reached;
  }
}
