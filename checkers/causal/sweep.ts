/**
 * Causal memory at once for a session whose units are in a line: the levels of views.ts, found not by passing over the whole history
 * until they settle, but by following how the session learned of the writes. Where it learned of a write is its level at first. Only
 * where a read returned what is older than something learned meanwhile must levels fall; of most reads nothing has to be done.
 *
 * It proves that the session has an order, or says nothing: where anything is odd, views.ts decides, and explains.
 */
import { NONE } from '../../history/history.ts';
import type { Budget } from '../checker.ts';
import { DENIES } from '../linearizable/register.ts';
import type { Threads } from '../sessions/threads.ts';
import { IntList } from './int-list.ts';
import { Knots } from './knots.ts';
import { findOrder } from '../sequential/repair.ts';
import { Learning, type Slots } from './learning.ts';
import type { SessionOrder } from './order.ts';
import { endOf, INITIAL, type Units, unitOf } from './units.ts';

const OUTSIDE = 0x7fffffff;
/** In the cells of a slot, after its level. */
const LEARNED = 1;
const BEFORE = 2;
const KEY = 3;
/** Steps for each write and unit of the line, beyond which the passes of views.ts are not slower. */
const STEPS_EACH = 24;
const STEPS_LEAST = 100_000;
/** How much is tried for each unit to find one order for all sessions at once. */
const ORDER_STEPS_EACH = 10;

export class Sweep {
  readonly #units: Units;
  readonly #sessions: SessionOrder;
  readonly #learning: Learning;
  readonly #slots: Slots;
  /** Per slot, side by side, as all are needed at once: LEVEL, what that was at first, the slot of its key learned of before, its key. */
  readonly #cells: Int32Array;
  /** Per key: the slot learned of last; the row of the last read; how low a write to it has fallen since its reads were compared. */
  readonly #latest: Int32Array;
  readonly #lastRead: Int32Array;
  readonly #fallen: Int32Array;
  readonly #fallenKeys: number[] = [];
  /** Per row that reads: the read of its key before it in the line. */
  readonly #readBefore: Int32Array;
  /** Per unit of the line: its place, from 1. Others: 0. */
  readonly #inLine: Int32Array;
  /** Per chain: of how many of its writes the session knows. */
  readonly #reach: Int32Array;
  /** Levels within which the order of writes has to be looked at. */
  readonly #doubtful = new Set<number>();
  /** What was learned of, three integers each: the place of the line, from which slot on, until which. */
  readonly #ranges = new IntList();
  /** Levels to which slots fell, and those slots, side by side. */
  readonly #falls = new IntList();
  /** Per slot: the stamp of the line that read it last. */
  readonly #shown: Int32Array;
  #stamp = 0;
  #steps = 0;
  /** Units of the line at hand. */
  #length = 0;

  constructor(units: Units, sessions: SessionOrder, learning: Learning) {
    const { length, keys } = units.history;
    this.#units = units;
    this.#sessions = sessions;
    this.#learning = learning;
    this.#slots = learning.slots();
    this.#cells = new Int32Array(this.#slots.count * 4);
    this.#shown = new Int32Array(this.#slots.count);
    this.#slots.key.forEach((key, slot) => (this.#cells[slot * 4 + KEY] = key));
    this.#latest = new Int32Array(keys.length);
    this.#lastRead = new Int32Array(keys.length);
    this.#fallen = new Int32Array(keys.length).fill(OUTSIDE);
    this.#readBefore = new Int32Array(length);
    this.#inLine = new Int32Array(length);
    this.#reach = new Int32Array(learning.chains);
  }

  /** Whether it is certain that all reads of this lane, or of so many of its units, can stand in one order of the writes. */
  stands(lane: number, units = Infinity): boolean {
    const line = this.#learning.lines[lane];
    this.#length = Math.min(units, line.length);
    this.#latest.fill(NONE);
    this.#lastRead.fill(NONE);
    this.#fallenKeys.length = 0;
    this.#fallen.fill(OUTSIDE);
    this.#reach.fill(0);
    this.#doubtful.clear();
    this.#falls.length = 0;
    this.#ranges.length = 0;
    this.#stamp++;
    this.#steps = STEPS_LEAST + STEPS_EACH * (this.#slots.count + this.#length);
    for (let i = 0; i < this.#length; i++) this.#inLine[line.items[i]] = i + 1;
    const stands = this.#follow(lane) && this.#ordersLevels();
    for (let i = 0; i < this.#length; i++) this.#inLine[line.items[i]] = 0;
    return stands;
  }

  #follow(lane: number): boolean {
    const { history, source } = this.#units;
    const line = this.#learning.lines[lane];
    const log = this.#learning.logs[lane];
    let entry = 0;
    for (let i = 1; i <= this.#length; i++) {
      const unit = line.items[i - 1];
      for (; entry < log.length && log.items[entry] === unit; entry += 3) {
        this.#learn(log.items[entry + 1], log.items[entry + 2], i);
      }
      const end = history.batch[unit] === NONE ? unit + 1 : endOf(history, unit);
      for (let row = unit; row < end; row++) {
        if (source[row] === NONE) continue;
        const key = history.key[row];
        this.#readBefore[row] = this.#lastRead[key];
        this.#lastRead[key] = row;
        if (!this.#compare(row, i) || (this.#fallenKeys.length > 0 && !this.#settle())) return false;
      }
      const chain = this.#learning.chainOf(unit);
      if (chain !== NONE) this.#learn(chain, this.#learning.indexOf(unit), i);
    }
    return true;
  }

  /** The session knows of the writes of a chain up to this one from place `at` of the line on. */
  #learn(chain: number, until: number, at: number): void {
    const { start, first } = this.#slots;
    const latest = this.#latest;
    const cells = this.#cells;
    const known = this.#reach[chain];
    if (known >= until) return;
    const end = first[start[chain] + until];
    const begin = first[start[chain] + known];
    this.#ranges.push3(at, begin, end);
    for (let slot = begin; slot < end; slot++) {
      const cell = slot * 4;
      const key = cells[cell + KEY];
      cells[cell] = at;
      cells[cell + LEARNED] = at;
      cells[cell + BEFORE] = latest[key];
      latest[key] = slot;
    }
    this.#reach[chain] = until;
  }

  /** Whatever the session knew when it read comes before what it read: is no higher. False: it can't be, or it takes too long. */
  #compare(read: number, at: number): boolean {
    const cells = this.#cells;
    const { history, source } = this.#units;
    let slot = this.#latest[history.key[read]];
    if (source[read] === INITIAL) {
      for (; slot !== NONE; slot = cells[slot * 4 + BEFORE]) {
        if (cells[slot * 4] <= at || --this.#steps < 0) return false;
      }
      return true;
    }
    const own = this.#slots.of[source[read]];
    const highest = cells[own * 4];
    this.#shown[own] = this.#stamp;
    for (; slot !== NONE && cells[slot * 4 + LEARNED] >= highest; slot = cells[slot * 4 + BEFORE]) {
      if (slot === own) continue;
      const level = cells[slot * 4];
      if (--this.#steps < 0) return false;
      if (level > at || level < highest) continue;
      if (this.#inLine[this.#slots.unit[slot]] > 0) {
        // A unit of the line writes after it read.
        if (this.#inLine[this.#slots.unit[slot]] === at) continue;
        return false;
      }
      if (level > highest) {
        if (!this.#lower(this.#slots.unit[slot], highest)) return false;
      } else if (this.#inLine[this.#slots.unit[own]] === 0 && this.#comesLater(slot, own)) {
        this.#doubtful.add(highest);
      }
    }
    return true;
  }

  #comesLater(a: number, b: number): boolean {
    const { place } = this.#learning;
    return place[this.#slots.unit[a]] > place[this.#slots.unit[b]];
  }

  /** Compares again the reads of keys whose writes have fallen. */
  #settle(): boolean {
    const { history } = this.#units;
    for (let key = this.#fallenKeys.pop(); key !== undefined; key = this.#fallenKeys.pop()) {
      const lowest = this.#fallen[key];
      this.#fallen[key] = OUTSIDE;
      for (let read = this.#lastRead[key]; read !== NONE; read = this.#readBefore[read]) {
        const at = this.#inLine[unitOf(history, read)];
        if (at < lowest) break;
        if (--this.#steps < 0 || !this.#compare(read, at)) return false;
      }
    }
    return true;
  }

  /** A unit that writes is no higher than this, nor is anything that causally precedes it. */
  #lower(unit: number, to: number): boolean {
    const { history, source } = this.#units;
    const stack = [unit];
    for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
      if (--this.#steps < 0) return false;
      const place = this.#inLine[at];
      if (place > 0) {
        if (place > to) return false;
        continue;
      }
      if (this.#learning.chainOf(at) !== NONE && !this.#fall(at, to)) continue;
      for (let row = at, end = endOf(history, at); row < end; row++) {
        if (source[row] >= 0) stack.push(unitOf(history, source[row]));
      }
      this.#sessions.eachPrevious(at, (before) => stack.push(before));
    }
    return true;
  }

  /** False if it is as low already. */
  #fall(unit: number, to: number): boolean {
    const { history } = this.#units;
    const { of, key } = this.#slots;
    let falls = false;
    for (let row = unit, end = endOf(history, unit); row < end; row++) {
      const slot = of[row];
      if (slot === NONE || this.#cells[slot * 4] <= to) continue;
      this.#cells[slot * 4] = to;
      this.#falls.push(to);
      this.#falls.push(slot);
      falls = true;
      if (this.#fallen[key[slot]] === OUTSIDE) this.#fallenKeys.push(key[slot]);
      if (to < this.#fallen[key[slot]]) this.#fallen[key[slot]] = to;
    }
    return falls;
  }

  /** Whether the writes of doubtful levels have an order: causal, and each before what was read of its key from the same level. */
  #ordersLevels(): boolean {
    if (this.#doubtful.size === 0) return true;

    const { unit, key } = this.#slots;
    const levels = this.#doubtfulLevels();
    const node = new Map<number, number>();
    for (const slots of levels) for (const slot of slots) if (!node.has(unit[slot])) node.set(unit[slot], node.size);
    const knots = new Knots(node.size);
    for (const slots of levels) {
      for (const shown of slots) {
        if (this.#shown[shown] !== this.#stamp) continue;
        const to = node.get(unit[shown]) ?? NONE;
        for (const slot of slots) {
          if (--this.#steps < 0) return false;
          const from = node.get(unit[slot]) ?? NONE;
          if (key[slot] === key[shown] && from !== to) knots.edge(from, to, 1);
        }
      }
    }
    return this.#linkCauses(node, knots) && knots.circles(0).count === 0;
  }

  /** Per doubtful level: its slots, but for those of the line itself. */
  #doubtfulLevels(): readonly ReadonlySet<number>[] {
    const levels = new Map<number, Set<number>>();
    const ranges = this.#ranges.items;
    const add = (slot: number, level: number): void => {
      if (this.#cells[slot * 4] === level && this.#inLine[this.#slots.unit[slot]] === 0) levels.get(level)?.add(slot);
    };
    for (const level of this.#doubtful) {
      levels.set(level, new Set());
      let [low, high] = [0, this.#ranges.length / 3];
      while (low < high) {
        const middle = (low + high) >> 1;
        if (ranges[middle * 3] < level) low = middle + 1;
        else high = middle;
      }
      for (let r = low * 3; r < this.#ranges.length && ranges[r] === level; r += 3) {
        for (let slot = ranges[r + 1]; slot < ranges[r + 2]; slot++) add(slot, level);
      }
    }
    for (let i = 0; i < this.#falls.length; i += 2) add(this.#falls.at(i + 1), this.#falls.at(i));
    return [...levels.values()];
  }

  /** Which of these units causally precede which. */
  #linkCauses(node: ReadonlyMap<number, number>, knots: Knots): boolean {
    const { history, source } = this.#units;
    for (const [unit, to] of node) {
      const stack = [unit];
      for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
        if (--this.#steps < 0) return false;
        const from = at === unit ? undefined : node.get(at);
        if (from !== undefined) knots.edge(from, to, NONE);
        // What lies beyond another write is linked to that.
        if (at !== unit && this.#learning.chainOf(at) !== NONE) continue;
        for (let row = at, end = endOf(history, at); row < end; row++) {
          if (source[row] >= 0) stack.push(unitOf(history, source[row]));
        }
        this.#sessions.eachPrevious(at, (before) => stack.push(before));
      }
    }
    return true;
  }
}

/** Whether it is certain that each session has an order of its own, and quickly found. */
export function eachSessionStands(units: Units, sessions: SessionOrder, threads: Threads, budget: Budget): boolean {
  if (units.bad.length > 0) return false;
  // One order for all is one for each.
  const isEasy = findOrder(units, sessions, budget, ORDER_STEPS_EACH) === 'an order';
  return isEasy || eachSweepStands(units, sessions, threads, budget);
}

/**
 * The same, session by session. Not where sessions overlap with themselves, or have cas whose outcome they were never told: these need
 * more than one line.
 */
export function eachSweepStands(units: Units, sessions: SessionOrder, threads: Threads, budget: Budget): boolean {
  const { history, deeds, source, active } = units;
  const reads = new Uint8Array(threads.count);
  for (let row = 0; row < history.length; row++) {
    if (deeds[row] === DENIES) return false;
    if (source[row] === NONE) continue;
    const unit = unitOf(history, row);
    if (sessions.lane[unit] === NONE && active[unit] === 1) return false;
    reads[threads.of[unit]] = 1;
  }
  const learning = new Learning(units, sessions, budget);
  if (learning.isCircular || learning.stopped !== undefined) return false;
  const sweep = new Sweep(units, sessions, learning);
  for (let thread = 0; thread < threads.count; thread++) {
    if (reads[thread] === 0) continue;
    const lane = sessions.firstLane[thread];
    if (lane === NONE || sessions.nextLane.at(lane) !== NONE) return false;
    if (budget.spent() !== undefined || !sweep.stands(lane)) return false;
  }
  return true;
}
