/**
 * What a session has to have one order for: what was answered to it; and for each operation of unknown outcome that happened, that
 * operation. Either comes with all that precedes it in the session, where an operation of unknown outcome precedes what has read its
 * value: by then the session knows that it happened.
 */
import { NEVER, NONE } from '../../history/history.ts';
import type { Case } from './judge.ts';
import { IntList } from './int-list.ts';
import { endOf, type Units, unitOf } from './units.ts';

/** Lanes, and each alone what lies on none: parts of which each is in order. */
export type Lines = readonly Int32Array[];

export interface ThreadLines {
  readonly thread: number;
  /** All that the thread did. Where one order explains it, that explains each part of it. */
  readonly all: Lines;
  /** Each part that needs an order of its own: not the same as `all` where outcomes stayed unknown to the session. */
  parts(): Generator<Lines>;
}

/** Threads that read nothing have nothing to explain. */
export function* linesByThread(at: Case): Generator<ThreadLines> {
  const { units, sessions, past, threads } = at;
  const { firstLane, nextLane, lane } = sessions;
  const lists = Array.from({ length: sessions.lanes }, () => new IntList(8));
  const reads = new Uint8Array(firstLane.length);
  const loose = new Map<number, number[]>();
  for (let i = 0; i < past.length; i++) {
    const unit = past.order[i];
    const isReader = readsAnything(units, unit);
    const thread = threads.of[unit];
    if (isReader) reads[thread] = 1;
    if (lane[unit] !== NONE) {
      lists[lane[unit]].push(unit);
      continue;
    }
    if (!isReader) continue;
    const others = loose.get(thread);
    if (others === undefined) loose.set(thread, [unit]);
    else others.push(unit);
  }
  for (let thread = 0; thread < firstLane.length; thread++) {
    if (reads[thread] === 0) continue;
    const lanes: Int32Array[] = [];
    for (let l = firstLane[thread]; l !== NONE; l = nextLane.at(l))
      lanes.push(lists[l].items.subarray(0, lists[l].length));
    const open = loose.get(thread) ?? [];
    const all = [...lanes, ...open.map((unit) => Int32Array.of(unit))];
    yield { thread, all, parts: () => partsOf(units, threads.of, lanes, open) };
  }
}

function readsAnything({ history, source }: Units, unit: number): boolean {
  for (let row = unit, end = endOf(history, unit); row < end; row++) if (source[row] !== NONE) return true;
  return false;
}

function* partsOf(units: Units, of: Int32Array, lanes: Lines, open: readonly number[]): Generator<Lines> {
  const answered = new Part(units, of, lanes);
  for (const lane of lanes) if (lane.length > 0) answered.add(lane[lane.length - 1]);
  if (lanes.length > 0) yield answered.lines();
  for (const unit of open) {
    if (answered.has(unit)) continue;
    const alone = new Part(units, of, lanes);
    alone.add(unit);
    yield alone.lines();
  }
}

/** Units of one thread, with all that precedes them in it. */
class Part {
  readonly #units: Units;
  readonly #of: Int32Array;
  readonly #lanes: Lines;
  /** Per lane: how many of its units are in. */
  readonly #taken: number[];
  /** Those that lie on no lane. */
  readonly #loose = new Set<number>();
  readonly #left: number[] = [];

  constructor(units: Units, of: Int32Array, lanes: Lines) {
    this.#units = units;
    this.#of = of;
    this.#lanes = lanes;
    this.#taken = lanes.map(() => 0);
  }

  has(unit: number): boolean {
    return this.#loose.has(unit);
  }

  add(one: number): void {
    const { history, source } = this.#units;
    this.#include(one);
    for (let unit = this.#left.pop(); unit !== undefined; unit = this.#left.pop()) {
      for (let l = 0; l < this.#lanes.length; l++) this.#takeUntil(l, history.call[unit]);
      for (let row = unit, end = endOf(history, unit); row < end; row++) {
        if (source[row] < 0) continue;
        const from = unitOf(history, source[row]);
        if (this.#of[from] === this.#of[unit]) this.#include(from);
      }
    }
  }

  lines(): Lines {
    const loose = [...this.#loose].filter((unit) => readsAnything(this.#units, unit));
    return [
      ...this.#lanes.flatMap((lane, l) => (this.#taken[l] === 0 ? [] : [lane.subarray(0, this.#taken[l])])),
      ...loose.map((unit) => Int32Array.of(unit)),
    ];
  }

  #include(unit: number): void {
    const { ret, call } = this.#units.history;
    if (ret[unit] !== NEVER) {
      const l = this.#lanes.findIndex((lane) => isIn(lane, unit, call));
      while (this.#taken[l] < this.#lanes[l].length && call[this.#lanes[l][this.#taken[l]]] <= call[unit])
        this.#take(l);
    } else if (!this.#loose.has(unit)) {
      this.#loose.add(unit);
      this.#left.push(unit);
    }
  }

  /** What had returned by then. */
  #takeUntil(l: number, until: number): void {
    const { ret } = this.#units.history;
    const lane = this.#lanes[l];
    while (this.#taken[l] < lane.length && ret[lane[this.#taken[l]]] < until) this.#take(l);
  }

  #take(l: number): void {
    this.#left.push(this.#lanes[l][this.#taken[l]++]);
  }
}

/** A lane's units follow one another: so do their calls. */
function isIn(lane: Int32Array, unit: number, call: Int32Array): boolean {
  let [low, high] = [0, lane.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (call[lane[middle]] < call[unit]) low = middle + 1;
    else high = middle;
  }
  return lane[low] === unit;
}
