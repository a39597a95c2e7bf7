/** A small directed graph that is asked for its circles. Nodes are numbers; labels say which edges explain a circle. */
import { NONE } from '../../history/history.ts';

export class Graph {
  readonly #from: number[] = [];
  readonly #to: number[] = [];
  readonly #label: number[] = [];
  #nodes = 0;

  /** `label` NONE: an edge that needs no explanation. */
  edge(from: number, to: number, label: number): void {
    this.#from.push(from);
    this.#to.push(to);
    this.#label.push(label);
    this.#nodes = Math.max(this.#nodes, from + 1, to + 1);
  }

  isCyclic(): boolean {
    const { component, count } = this.#components(this.#adjacency());
    return count < component.length;
  }

  /** For each knot (strongly connected component) with a labelled edge, the labels along a circle with few of them. */
  circles(): number[][] {
    const adjacency = this.#adjacency();
    const { component } = this.#components(adjacency);
    const done = new Set<number>();
    const circles: number[][] = [];
    for (let edge = 0; edge < this.#from.length; edge++) {
      const knot = component[this.#from[edge]];
      if (this.#label[edge] === NONE || knot !== component[this.#to[edge]] || done.has(knot)) continue;
      done.add(knot);
      circles.push([this.#label[edge], ...this.#labelsBetween(adjacency, this.#to[edge], this.#from[edge])]);
    }
    return circles;
  }

  /** Edges by their start: those of node n are `edges[start[n]] … edges[start[n + 1] - 1]`. */
  #adjacency(): { readonly start: Int32Array; readonly edges: Int32Array } {
    const start = new Int32Array(this.#nodes + 1);
    for (const from of this.#from) start[from + 1]++;
    for (let node = 0; node < this.#nodes; node++) start[node + 1] += start[node];
    const next = start.slice();
    const edges = new Int32Array(this.#from.length);
    for (let edge = 0; edge < edges.length; edge++) edges[next[this.#from[edge]]++] = edge;
    return { start, edges };
  }

  /** Strongly connected components (Tarjan 1972), without recursion. */
  #components({ start, edges }: { readonly start: Int32Array; readonly edges: Int32Array }): {
    readonly component: Int32Array;
    readonly count: number;
  } {
    const n = this.#nodes;
    const component = new Int32Array(n).fill(NONE);
    const order = new Int32Array(n).fill(NONE);
    const low = new Int32Array(n);
    const next = start.slice(0, n);
    const open: number[] = [];
    const path: number[] = [];
    let visited = 0;
    let count = 0;
    const enter = (node: number): void => {
      order[node] = low[node] = visited++;
      open.push(node);
      path.push(node);
    };
    for (let root = 0; root < n; root++) {
      if (order[root] !== NONE) continue;
      enter(root);
      while (path.length > 0) {
        const node = path[path.length - 1];
        if (next[node] < start[node + 1]) {
          const to = this.#to[edges[next[node]++]];
          if (order[to] === NONE) enter(to);
          else if (component[to] === NONE) low[node] = Math.min(low[node], order[to]);
          continue;
        }
        path.pop();
        if (path.length > 0) {
          const parent = path[path.length - 1];
          low[parent] = Math.min(low[parent], low[node]);
        }
        if (low[node] !== order[node]) continue;
        let member = NONE;
        while (member !== node) {
          member = open.pop() ?? node; // its component lies above it on the stack
          component[member] = count;
        }
        count++;
      }
    }
    return { component, count };
  }

  /** The labels of a path with the fewest labelled edges: a breadth-first search in which only those count. */
  #labelsBetween(
    { start, edges }: { readonly start: Int32Array; readonly edges: Int32Array },
    a: number,
    b: number,
  ): number[] {
    const cameBy = new Int32Array(this.#nodes).fill(NONE);
    const reached = new Uint8Array(this.#nodes);
    let level = [a];
    while (level.length > 0 && reached[b] === 0) {
      const later: [number, number][] = [];
      const stack = level.filter((node) => reached[node] === 0);
      for (const node of stack) reached[node] = 1;
      for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
        for (let i = start[node]; i < start[node + 1]; i++) {
          const to = this.#to[edges[i]];
          if (reached[to] === 1) continue;
          if (this.#label[edges[i]] === NONE) {
            reached[to] = 1;
            cameBy[to] = edges[i];
            stack.push(to);
          } else later.push([to, edges[i]]);
        }
      }
      level = [];
      for (const [to, edge] of later) {
        if (reached[to] === 1) continue;
        cameBy[to] = edge;
        level.push(to);
      }
    }
    const labels: number[] = [];
    for (let node = b; node !== a && cameBy[node] !== NONE; node = this.#from[cameBy[node]]) {
      if (this.#label[cameBy[node]] !== NONE) labels.unshift(this.#label[cameBy[node]]);
    }
    return labels;
  }
}
