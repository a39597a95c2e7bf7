/**
 * Where neither versions nor real time order two writes, the answers themselves do: a session that wrote 1 and then read 2 wants 1
 * before 2. What one guarantee wants of a key, with the order that is known, must not run in a circle: then no order of the
 * writes would do.
 */
import { NEVER, NONE } from '../../history/history.ts';
import type { Budget } from '../checker.ts';
import type { Demand } from './demands.ts';
import { Graph } from './graph.ts';
import type { Registers } from './registers.ts';

export interface Wanted extends Demand {
  /** The read that returned `shown`, which therefore has to be the newer write. */
  readonly read: number;
  readonly shown: number;
}

export class WantedOrder {
  readonly #registers: Registers;
  readonly #byKey = new Map<number, Wanted[]>();
  readonly #known = new Set<number>();

  constructor(registers: Registers) {
    this.#registers = registers;
  }

  /** Notes what a read that met its demands wants; pairs whose order is known already are left out. */
  add(demands: readonly Demand[], read: number, shown: number): void {
    const registers = this.#registers;
    if (shown < 0) return;
    for (const demand of demands) {
      const { write } = demand;
      if (write === shown || registers.precedes(write, shown) || registers.compare(write, shown) < 0) continue;
      const pair = write * registers.history.length + shown;
      if (this.#known.has(pair)) continue;
      this.#known.add(pair);
      const wanted = { ...demand, read, shown };
      const key = registers.history.key[read];
      const list = this.#byKey.get(key);
      if (list === undefined) this.#byKey.set(key, [wanted]);
      else list.push(wanted);
    }
  }

  /** One circle for each knot of writes that no order satisfies: what is wanted along it. */
  circles(budget: Budget): { readonly circles: readonly (readonly Wanted[])[]; readonly stopped?: string } {
    const circles: (readonly Wanted[])[] = [];
    if (this.#byKey.size === 0) return { circles };
    const writes = writesByKey(this.#registers, this.#byKey);
    for (const [key, wanted] of this.#byKey) {
      const stopped = budget.spent();
      if (stopped !== undefined) return { circles, stopped };
      circles.push(...circlesOf(this.#registers, writes.get(key) ?? [], wanted));
    }
    return { circles };
  }
}

/** The writes that certainly happened, for each of some keys. */
function writesByKey(registers: Registers, keys: ReadonlyMap<number, unknown>): Map<number, number[]> {
  const writes = new Map<number, number[]>();
  for (const key of keys.keys()) writes.set(key, []);
  for (let row = 0; row < registers.history.length; row++) {
    if (registers.isWrite(row) && registers.done[row] !== NEVER) writes.get(registers.history.key[row])?.push(row);
  }
  return writes;
}

function circlesOf(registers: Registers, writes: readonly number[], wanted: readonly Wanted[]): Wanted[][] {
  const place = new Map(writes.map((write, i): [number, number] => [write, i]));
  const at = (write: number): number => place.get(write) ?? NONE;
  const known = (withVersions: boolean): Graph => {
    const graph = realTime(registers, writes);
    if (withVersions) for (const [a, b] of versionChain(registers, writes)) graph.edge(at(a), at(b), NONE);
    return graph;
  };
  // Split brain can set versions against real time. Then the answers are not to blame, and real time alone is the order.
  const graph = known(!known(true).isCyclic());
  wanted.forEach(({ write, shown }, i) => graph.edge(at(write), at(shown), i));
  return graph.circles().map((labels) => labels.map((i) => wanted[i]));
}

/** Writes in real-time order, through a chain of barriers: one for each moment at which a write is done. */
function realTime(registers: Registers, writes: readonly number[]): Graph {
  const graph = new Graph();
  const { done, history } = registers;
  const moments = writes.flatMap((write, i): [number, number, boolean][] => [
    [history.call[write], i, false],
    [done[write], i, true],
  ]);
  // At one event, a write that begins comes first: it is not after what ends there.
  moments.sort((a, b) => a[0] - b[0] || Number(a[2]) - Number(b[2]));
  let barrier = NONE;
  let next = writes.length;
  for (const [, write, isDone] of moments) {
    if (!isDone) {
      if (barrier !== NONE) graph.edge(barrier, write, NONE);
      continue;
    }
    if (barrier !== NONE) graph.edge(barrier, next, NONE);
    barrier = next++;
    graph.edge(write, barrier, NONE);
  }
  return graph;
}

/** Neighbours in the order of versions, within the group of the first versioned write. */
function versionChain(registers: Registers, writes: readonly number[]): [number, number][] {
  const { versions } = registers;
  const first = writes.find((write) => registers.hasVersion(write));
  if (first === undefined) return [];
  const chain = writes
    .filter(
      (write) => versions.group[write] === versions.group[first] && !Number.isNaN(registers.compare(first, write)),
    )
    .sort((a, b) => registers.compare(a, b));
  return chain
    .slice(1)
    .flatMap((b, i): [number, number][] => (registers.compare(chain[i], b) < 0 ? [[chain[i], b]] : []));
}
