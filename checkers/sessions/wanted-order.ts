/**
 * Where neither versions nor real time order two writes, the answers themselves do: a session that wrote 1 and then read 2 wants 1
 * before 2. What one guarantee wants of a key, with the order that is known, must not run in a circle: then no order of the
 * writes would do.
 */
import { NEVER, NONE } from '../../history/history.ts';
import type { Budget } from '../checker.ts';
import type { Demand, Demands } from './demands.ts';
import { Graph } from './graph.ts';
import { doubled } from './pairs.ts';
import type { Registers } from './registers.ts';

export interface Wanted extends Demand {
  /** The read that returned `shown`, which therefore has to be the newer write. */
  readonly read: number;
  readonly shown: number;
}

export interface Circle {
  readonly wanted: readonly Wanted[];
  /** Whether it closes only through the order of versions. */
  readonly byVersions: boolean;
}

/** What is known of one wanted pair: `write`, `shown`, `by`, `via`, `read`. */
const FIELDS = 5;

export class WantedOrder {
  readonly #registers: Registers;
  readonly #demands: Demands;
  #wanted = new Int32Array(1280);
  #count = 0;
  /** For each write that is wanted to be newer, the last one that it was wanted after, plus one: mostly the next one too. */
  #last = new Int32Array(0);

  constructor(registers: Registers, demands: Demands) {
    this.#registers = registers;
    this.#demands = demands;
  }

  /** Notes what a read that met the demands of a list wants; pairs whose order is known already are left out. */
  add(list: number, read: number, shown: number): void {
    if (shown < 0) return;
    const registers = this.#registers;
    const demands = this.#demands;
    for (let demand = demands.newest(list); demand !== NONE; demand = demands.older(demand)) {
      const write = demands.write(demand);
      if (write === shown || registers.precedes(write, shown)) continue;
      // Where versions contradict time, time alone may be what rules a circle out.
      if (registers.compare(write, shown) < 0 && !registers.isCrossed(shown)) continue;
      if (this.#last.length === 0) this.#last = new Int32Array(registers.history.length);
      if (this.#last[shown] === write + 1) continue;
      this.#last[shown] = write + 1;
      const at = this.#count++ * FIELDS;
      if (at === this.#wanted.length) this.#wanted = doubled(this.#wanted);
      this.#wanted[at] = write;
      this.#wanted[at + 1] = shown;
      this.#wanted[at + 2] = demands.by(demand);
      this.#wanted[at + 3] = demands.via(demand);
      this.#wanted[at + 4] = read;
    }
  }

  /** One circle for each knot of writes that no order satisfies: what is wanted along it. */
  circles(budget: Budget): { readonly circles: readonly Circle[]; readonly stopped?: string } {
    const circles: Circle[] = [];
    if (this.#count === 0) return { circles };
    const suspects = this.#suspects();
    if (suspects.size === 0) return { circles };
    const wanted = this.#wantedOf(suspects);
    const writes = this.#writesOf(suspects);
    for (const key of suspects.keys()) {
      const stopped = budget.spent();
      if (stopped !== undefined) return { circles, stopped };
      circles.push(...circlesOf(this.#registers, writes.get(key) ?? [], wanted.get(key) ?? []));
    }
    return { circles };
  }

  /**
   * Keys whose circles have to be looked for, and whether the versions of their writes matter. Where there are none, an order
   * in time satisfies what is wanted iff that alone has no circle, and no write, put as early as those wanted before it allow,
   * comes after the moment at which it was done. That takes no edge for real time.
   */
  #suspects(): Map<number, boolean> {
    const { history, done } = this.#registers;
    const { call, key, length } = history;
    const suspects = new Map<number, boolean>();
    const versioned = this.#versionedKeys();
    const start = new Int32Array(length + 1);
    const missing = new Int32Array(length);
    for (let i = 0; i < this.#count; i++) {
      const write = this.#wanted[i * FIELDS];
      if (versioned[key[write]] === 1) suspects.set(key[write], true);
      start[write + 1]++;
      missing[this.#wanted[i * FIELDS + 1]]++;
    }
    const queue = new Int32Array(length);
    let end = 0;
    for (let row = 0; row < length; row++) {
      if (start[row + 1] > 0 && missing[row] === 0) queue[end++] = row;
      start[row + 1] += start[row];
    }
    const newer = new Int32Array(this.#count);
    const next = start.slice();
    for (let i = 0; i < this.#count; i++) newer[next[this.#wanted[i * FIELDS]]++] = this.#wanted[i * FIELDS + 1];
    const earliest = call.slice();
    for (let i = 0; i < end; i++) {
      const write = queue[i];
      for (let edge = start[write]; edge < start[write + 1]; edge++) {
        const after = newer[edge];
        if (earliest[write] > earliest[after]) earliest[after] = earliest[write];
        if (earliest[after] > done[after] && !suspects.has(key[after])) suspects.set(key[after], false);
        if (--missing[after] === 0) queue[end++] = after;
      }
    }
    for (let row = 0; row < length; row++) {
      if (missing[row] > 0 && !suspects.has(key[row])) suspects.set(key[row], false);
    }
    return suspects;
  }

  #versionedKeys(): Uint8Array {
    const { history, versions } = this.#registers;
    const versioned = new Uint8Array(history.keys.length);
    if (!this.#registers.isVersioned) return versioned;
    for (let row = 0; row < history.length; row++) if (versions.group[row] !== NONE) versioned[history.key[row]] = 1;
    return versioned;
  }

  #wantedOf(keys: ReadonlyMap<number, boolean>): Map<number, Wanted[]> {
    const { key, length } = this.#registers.history;
    const known = new Set<number>();
    const lists = new Map<number, Wanted[]>();
    for (let at = 0; at < this.#count * FIELDS; at += FIELDS) {
      const [write, shown, by, via, read] = this.#wanted.subarray(at, at + FIELDS);
      const pair = write * length + shown;
      if (!keys.has(key[write]) || known.has(pair)) continue;
      known.add(pair);
      const list = lists.get(key[write]);
      if (list === undefined) lists.set(key[write], [{ write, by, via, read, shown }]);
      else list.push({ write, by, via, read, shown });
    }
    return lists;
  }

  /** The writes through which circles of these keys may lead: where versions matter, all that certainly happened. */
  #writesOf(keys: ReadonlyMap<number, boolean>): Map<number, number[]> {
    const { history, done } = this.#registers;
    const named = new Uint8Array(history.length);
    for (let at = 0; at < this.#count * FIELDS; at += FIELDS) {
      named[this.#wanted[at]] = 1;
      named[this.#wanted[at + 1]] = 1;
    }
    const writes = new Map<number, number[]>();
    for (const key of keys.keys()) writes.set(key, []);
    for (let row = 0; row < history.length; row++) {
      const all = keys.get(history.key[row]);
      if (all === undefined || (!all && named[row] === 0)) continue;
      if (this.#registers.isWrite(row) && done[row] !== NEVER) writes.get(history.key[row])?.push(row);
    }
    return writes;
  }
}

function circlesOf(registers: Registers, writes: readonly number[], wanted: readonly Wanted[]): Circle[] {
  const place = new Map(writes.map((write, i): [number, number] => [write, i]));
  const at = (write: number): number => place.get(write) ?? NONE;
  const known = (withVersions: boolean): Graph => {
    const graph = realTime(registers, writes);
    if (withVersions) for (const [a, b] of versionChain(registers, writes)) graph.edge(at(a), at(b), NONE);
    return graph;
  };
  // Split brain can set versions against real time. Then the answers are not to blame, and real time alone is the order.
  const withVersions = !known(true).isCyclic();
  const graph = known(withVersions);
  wanted.forEach(({ write, shown }, i) => graph.edge(at(write), at(shown), i));
  return graph.circles().map((labels) => {
    const circle = labels.map((i) => wanted[i]);
    if (!withVersions) return { wanted: circle, byVersions: false };
    const inTime = known(false);
    circle.forEach(({ write, shown }, i) => inTime.edge(at(write), at(shown), i));
    return { wanted: circle, byVersions: !inTime.isCyclic() };
  });
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
