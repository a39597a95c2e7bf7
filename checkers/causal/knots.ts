/** Circles in a graph of many nodes: strongly connected components over typed arrays, and short circles through them. */
import { NONE } from '../../history/history.ts';
import { IntList } from './int-list.ts';

export class Knots {
  readonly #from = new IntList();
  readonly #to = new IntList();
  readonly #label = new IntList();
  readonly #nodes: number;
  #start = new Int32Array(0);
  #edges = new Int32Array(0);

  constructor(nodes: number) {
    this.#nodes = nodes;
  }

  /** `label` NONE: an ordinary edge. */
  edge(from: number, to: number, label: number): void {
    this.#from.push(from);
    this.#to.push(to);
    this.#label.push(label);
  }

  /** For each knot a short circle in it, at most `most` of them, as the numbers of its edges; all knots are counted. */
  circles(most: number): { readonly circles: readonly (readonly number[])[]; readonly count: number } {
    this.#index();
    const { component, count } = this.#components();
    if (count === this.#nodes && !this.#hasLoop()) return { circles: [], count: 0 };
    const starts = new Map<number, number[]>();
    for (let edge = 0; edge < this.#from.length; edge++) {
      const knot = component[this.from(edge)];
      if (this.label(edge) === NONE || knot !== component[this.to(edge)]) continue;
      const edges = starts.get(knot);
      if (edges === undefined) starts.set(knot, [edge]);
      else if (edges.length < STARTS) edges.push(edge);
    }
    const circles = [...starts].slice(0, most).map(([knot, edges]) => {
      let best: number[] = [];
      for (const edge of edges) {
        const circle = this.#circleThrough(edge, component, knot, best.length === 0 ? Infinity : best.length);
        if (circle !== undefined) best = circle;
      }
      return best;
    });
    return { circles, count: starts.size };
  }

  from(edge: number): number {
    return this.#from.at(edge);
  }

  to(edge: number): number {
    return this.#to.at(edge);
  }

  label(edge: number): number {
    return this.#label.at(edge);
  }

  #hasLoop(): boolean {
    for (let edge = 0; edge < this.#from.length; edge++) if (this.from(edge) === this.to(edge)) return true;
    return false;
  }

  #index(): void {
    const from = this.#from.items;
    const edges = this.#from.length;
    const start = new Int32Array(this.#nodes + 2);
    for (let edge = 0; edge < edges; edge++) start[from[edge] + 2]++;
    for (let node = 2; node < start.length; node++) start[node] += start[node - 1];
    this.#edges = new Int32Array(edges);
    for (let edge = 0; edge < edges; edge++) this.#edges[start[from[edge] + 1]++] = edge;
    this.#start = start;
  }

  /** Strongly connected components (Tarjan 1972), without recursion. */
  #components(): { readonly component: Int32Array; readonly count: number } {
    const n = this.#nodes;
    const to = this.#to.items;
    const [start, edges] = [this.#start, this.#edges];
    const component = new Int32Array(n).fill(NONE);
    const seen = new Int32Array(n).fill(NONE);
    const low = new Int32Array(n);
    const next = start.slice(0, n);
    const open = new Int32Array(n);
    const path = new Int32Array(n);
    let opened = 0;
    let deep = 0;
    let visited = 0;
    let count = 0;
    for (let root = 0; root < n; root++) {
      if (seen[root] !== NONE) continue;
      seen[root] = low[root] = visited++;
      open[opened++] = path[deep++] = root;
      while (deep > 0) {
        const node = path[deep - 1];
        if (next[node] < start[node + 1]) {
          const other = to[edges[next[node]++]];
          if (seen[other] === NONE) {
            seen[other] = low[other] = visited++;
            open[opened++] = path[deep++] = other;
          } else if (component[other] === NONE && seen[other] < low[node]) low[node] = seen[other];
          continue;
        }
        deep--;
        if (deep > 0 && low[node] < low[path[deep - 1]]) low[path[deep - 1]] = low[node];
        if (low[node] !== seen[node]) continue;
        let member = NONE;
        while (member !== node) {
          member = open[--opened];
          component[member] = count;
        }
        count++;
      }
    }
    return { component, count };
  }

  /** The shortest circle through an edge within its component, if it has fewer edges than `limit`. */
  #circleThrough(edge: number, component: Int32Array, knot: number, limit: number): number[] | undefined {
    const [start, target] = [this.to(edge), this.from(edge)];
    const cameBy = new Map<number, number>([[start, edge]]);
    let level = [start];
    for (let steps = 1; level.length > 0 && steps < limit; steps++) {
      if (cameBy.has(target)) break;
      const later: number[] = [];
      for (const node of level) {
        for (let i = this.#start[node]; i < this.#start[node + 1]; i++) {
          const by = this.#edges[i];
          const other = this.to(by);
          if (component[other] !== knot || cameBy.has(other)) continue;
          cameBy.set(other, by);
          later.push(other);
        }
      }
      level = later;
    }
    if (!cameBy.has(target)) return undefined;
    const circle: number[] = [];
    for (let node = target; node !== start; ) {
      const by = cameBy.get(node) ?? NONE; // each node reached has one
      circle.unshift(by);
      node = this.from(by);
    }
    circle.unshift(edge);
    return circle.length < limit ? circle : undefined;
  }
}

/** How many edges of a knot are tried for a short circle. */
const STARTS = 24;
