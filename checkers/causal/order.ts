/**
 * Session order: a precedes b iff both are in one session and a completed before b was invoked. Sessions whose operations
 * overlap are dealt to lanes, in each of which one operation follows another; an operation of unknown outcome follows its
 * predecessors and precedes nothing, so it lies on no lane.
 */
import { type History, NEVER, NONE } from '../../history/history.ts';
import type { Threads } from '../sessions/threads.ts';
import { IntList } from './int-list.ts';
import type { Units } from './units.ts';

export class SessionOrder {
  /** Per unit: its lane, or NONE. */
  readonly lane: Int32Array;
  /** Per unit on a lane: the one before it there, or NONE. */
  readonly previous: Int32Array;
  /** How many lanes there are. */
  lanes = 0;
  /** Per lane: its thread, and its last unit. */
  readonly threadOfLane = new IntList();
  readonly lastOfLane = new IntList();
  /** Per lane: the next lane of its thread, or NONE. */
  readonly nextLane = new IntList();
  /** Per thread: its first lane, or NONE. */
  readonly firstLane: Int32Array;

  /** Predecessors besides `previous`, as lists linked by number; undefined while there are none. */
  #more: Int32Array | undefined;
  readonly #moreUnit = new IntList();
  readonly #moreNext = new IntList();
  readonly #history: History;

  constructor(units: Units, threads: Threads) {
    const { history, active } = units;
    this.#history = history;
    this.lane = new Int32Array(history.length).fill(NONE);
    this.previous = new Int32Array(history.length).fill(NONE);
    this.firstLane = new Int32Array(threads.count).fill(NONE);
    for (let unit = 0; unit < history.length; unit++) if (active[unit] === 1) this.#place(unit, threads.of[unit]);
  }

  /** Units that precede this one besides `previous`; NONE ends the list. Walk it with {@link moreUnit} and {@link moreNext}. */
  more(unit: number): number {
    return this.#more === undefined ? NONE : this.#more[unit];
  }

  moreUnit(entry: number): number {
    return this.#moreUnit.at(entry);
  }

  moreNext(entry: number): number {
    return this.#moreNext.at(entry);
  }

  get hasMore(): boolean {
    return this.#more !== undefined;
  }

  /** Calls `visit` with each unit that this one directly follows in its session. */
  eachPrevious(unit: number, visit: (previous: number) => void): void {
    if (this.previous[unit] !== NONE) visit(this.previous[unit]);
    for (let entry = this.more(unit); entry !== NONE; entry = this.moreNext(entry)) visit(this.moreUnit(entry));
  }

  #place(unit: number, thread: number): void {
    const { call, ret } = this.#history;
    const at = call[unit];
    const lies = ret[unit] !== NEVER;
    let own = NONE;
    let last = NONE;
    for (let lane = this.firstLane[thread]; lane !== NONE; lane = this.nextLane.at(lane)) {
      last = lane;
      if (lies && own === NONE && ret[this.lastOfLane.at(lane)] < at) own = lane;
    }
    if (lies && own === NONE) own = this.#open(thread, last);
    if (lies) {
      this.lane[unit] = own;
      this.previous[unit] = this.lastOfLane.at(own);
    }
    for (let lane = this.firstLane[thread]; lane !== NONE; lane = this.nextLane.at(lane)) {
      if (lane === own) continue;
      let before = this.lastOfLane.at(lane);
      if (before !== NONE && ret[before] >= at) before = this.previous[before];
      // What the own predecessor follows need not be said again.
      if (before === NONE || (this.previous[unit] !== NONE && ret[before] < call[this.previous[unit]])) continue;
      this.#addMore(unit, before);
    }
    if (lies) this.lastOfLane.items[own] = unit;
  }

  #open(thread: number, after: number): number {
    const lane = this.lanes++;
    this.threadOfLane.push(thread);
    this.lastOfLane.push(NONE);
    this.nextLane.push(NONE);
    if (after === NONE) this.firstLane[thread] = lane;
    else this.nextLane.items[after] = lane;
    return lane;
  }

  #addMore(unit: number, before: number): void {
    this.#more ??= new Int32Array(this.#history.length).fill(NONE);
    this.#moreUnit.push(before);
    this.#moreNext.push(this.#more[unit]);
    this.#more[unit] = this.#moreUnit.length - 1;
  }
}
