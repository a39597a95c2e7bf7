/**
 * One pass over the units in causal order: session order and reads-from, transitively, with a vector clock for each.
 *
 * Clocks count writes along chains. A chain is what one lane writes; the write of unknown outcome, and a session that begins when
 * another has ended, continue the chain of an ended one if they know its last write, so that sessions that are opened anew after
 * every crash do not make the clocks wider and wider.
 */
import { NONE } from '../../history/history.ts';
import type { Budget } from '../checker.ts';
import { DENIES, SWAPS, WRITES } from '../linearizable/register.ts';
import { Clocks } from './clocks.ts';
import { IntList } from './int-list.ts';
import type { SessionOrder } from './order.ts';
import { endOf, INITIAL, type Units, unitOf } from './units.ts';

const ASK_EVERY = 0x3fff;

/** Units in causal order, at last. Whoever extends it calls `run` once all of itself is there. */
export abstract class CausalOrder {
  /** Units so that each comes after its causal predecessors. */
  readonly order: Int32Array;
  length = 0;
  /** Per unit: its place in `order`, or NONE. */
  readonly place: Int32Array;
  /** Why the pass ended early. */
  stopped: string | undefined;
  protected readonly units: Units;
  protected readonly sessions: SessionOrder;

  constructor(units: Units, sessions: SessionOrder) {
    const { length } = units.history;
    this.units = units;
    this.sessions = sessions;
    this.order = new Int32Array(length);
    this.place = new Int32Array(length).fill(NONE);
  }

  protected abstract process(unit: number): void;
  /** Each unit causally precedes the next, and the last the first. */
  protected abstract circular(units: readonly number[]): void;

  protected run(budget: Budget): void {
    const { active } = this.units;
    for (let unit = 0; unit < active.length; unit++) {
      if ((unit & ASK_EVERY) === 0) this.stopped ??= budget.spent();
      if (this.stopped !== undefined) return;
      if (active[unit] === 0 || this.place[unit] !== NONE) continue;
      if (this.#missing(unit) === NONE) this.#take(unit);
      else if (!this.#descend(unit)) return;
    }
  }

  /** A predecessor that was not processed yet, or NONE. */
  #missing(unit: number): number {
    const { history, source } = this.units;
    const sessions = this.sessions;
    const { place } = this;
    if (history.batch[unit] === NONE) {
      const write = source[unit];
      if (write >= 0) {
        const from = unitOf(history, write);
        if (place[from] === NONE) return from;
      }
    } else {
      for (let row = unit, end = endOf(history, unit); row < end; row++) {
        const from = source[row] < 0 ? NONE : unitOf(history, source[row]);
        if (from !== NONE && place[from] === NONE) return from;
      }
    }
    const before = sessions.previous[unit];
    if (before !== NONE && place[before] === NONE) return before;
    for (let entry = sessions.more(unit); entry !== NONE; entry = sessions.moreNext(entry)) {
      if (place[sessions.moreUnit(entry)] === NONE) return sessions.moreUnit(entry);
    }
    return NONE;
  }

  /** Processes a unit after its predecessors; false if they go in a circle. */
  #descend(unit: number): boolean {
    const stack = [unit];
    const open = new Set(stack);
    while (stack.length > 0) {
      const top = stack[stack.length - 1];
      const missing = this.#missing(top);
      if (missing === NONE) {
        this.#take(top);
        stack.pop();
        open.delete(top);
      } else if (open.has(missing)) {
        this.circular(stack.slice(stack.indexOf(missing)).reverse());
        return false;
      } else {
        stack.push(missing);
        open.add(missing);
      }
    }
    return true;
  }

  #take(unit: number): void {
    this.place[unit] = this.length;
    this.order[this.length++] = unit;
    this.process(unit);
  }
}

/** Units in causal order, and nothing else. */
export class OrderAlone extends CausalOrder {
  isCircular = false;

  constructor(units: Units, sessions: SessionOrder, budget: Budget) {
    super(units, sessions);
    this.run(budget);
  }

  protected override process(): void {}

  protected override circular(): void {
    this.isCircular = true;
  }
}

/** The same with a clock for each. */
export abstract class CausalPass extends CausalOrder {
  chains = 0;
  /** Per chain: the index of its last write. */
  readonly last = new IntList();
  /** Per unit: its clock's row, or NONE; its chain, or NONE; its index there. */
  protected readonly saved: Int32Array;
  protected readonly chain: Int32Array;
  protected readonly index: Int32Array;
  /** The unit at hand. */
  protected at = NONE;
  protected readonly clocks: Clocks;
  readonly #keepsAll: boolean;
  /** Per unit: how often its clock will still be asked for. */
  readonly #uses: Int32Array;
  /** Per lane: the row of its clock, its chain. */
  readonly #laneRow: Int32Array;
  readonly #laneChain: Int32Array;
  /** Chains whose lanes have ended. */
  readonly #ended: number[] = [];

  constructor(units: Units, sessions: SessionOrder, keepsAll: boolean) {
    super(units, sessions);
    const { length } = units.history;
    this.#keepsAll = keepsAll;
    this.clocks = new Clocks(sessions.lanes);
    this.#uses = units.readBy.slice();
    this.saved = new Int32Array(length).fill(NONE);
    this.chain = new Int32Array(length).fill(NONE);
    this.index = new Int32Array(length);
    this.#laneRow = new Int32Array(sessions.lanes).fill(NONE);
    this.#laneChain = new Int32Array(sessions.lanes).fill(NONE);
    if (sessions.hasMore) this.#countMore();
  }

  /** A read, of the write of unit `from` or of INITIAL; `row` is the clock of what it knows. */
  protected judge(_read: number, _from: number, _row: number): void {}
  /** A failed cas that does not say what it found. */
  protected deny(_denial: number, _row: number): void {}
  /** A row that writes, with its place in its chain. */
  protected wrote(_row: number, _chain: number, _index: number): void {}
  /** The reads of one unit, once all are judged. */
  protected judgeTogether(_unit: number): void {}
  #countMore(): void {
    const { active } = this.units;
    const sessions = this.sessions;
    for (let unit = 0; unit < active.length; unit++) {
      for (let entry = sessions.more(unit); entry !== NONE; entry = sessions.moreNext(entry)) {
        this.#uses[sessions.moreUnit(entry)]++;
      }
    }
  }

  protected override process(unit: number): void {
    const { history } = this.units;
    const sessions = this.sessions;
    const clocks = this.clocks;
    const lane = sessions.lane[unit];
    this.at = unit;
    if (clocks.isFull) this.stopped = 'too many concurrent sessions for the clocks of 1 GB';
    let row = lane === NONE ? NONE : this.#laneRow[lane];
    if (row === NONE) {
      row = clocks.takeZero();
      if (lane !== NONE) this.#laneRow[lane] = row;
    }
    for (let entry = sessions.more(unit); entry !== NONE; entry = sessions.moreNext(entry)) {
      this.join(row, this.saved[sessions.moreUnit(entry)]);
      this.#release(sessions.moreUnit(entry));
    }
    if (history.batch[unit] === NONE) this.#one(unit, row);
    else this.#batch(unit, row);
    const keeps = this.#uses[unit] > 0 || (this.#keepsAll && this.chain[unit] !== NONE);
    const ends = lane === NONE || sessions.lastOfLane.items[lane] === unit;
    if (keeps) this.saved[unit] = ends ? row : clocks.takeCopy(row);
    else if (ends) clocks.release(row);
    const chain = lane === NONE ? this.chain[unit] : this.#laneChain[lane];
    if (ends && chain !== NONE) this.#ended.push(chain);
  }

  #one(unit: number, row: number): void {
    const { history, deeds, source } = this.units;
    const write = source[unit];
    const what = deeds[unit];
    if (write !== NONE) {
      const from = write === INITIAL ? INITIAL : unitOf(history, write);
      if (from !== INITIAL) this.#know(row, from);
      this.judge(unit, from, row);
      if (from !== INITIAL) this.#release(from);
    } else if (what === DENIES) this.deny(unit, row);
    if (what === WRITES || what === SWAPS) {
      const index = this.#advance(unit, row);
      this.wrote(unit, this.chain[unit], index);
    }
  }

  #batch(unit: number, row: number): void {
    const { history, deeds, source } = this.units;
    const end = endOf(history, unit);
    for (let r = unit; r < end; r++) if (source[r] >= 0) this.#know(row, unitOf(history, source[r]));
    for (let r = unit; r < end; r++) {
      if (source[r] !== NONE) this.judge(r, source[r] < 0 ? source[r] : unitOf(history, source[r]), row);
      else if (deeds[r] === DENIES) this.deny(r, row);
    }
    this.judgeTogether(unit);
    for (let r = unit; r < end; r++) if (source[r] >= 0) this.#release(unitOf(history, source[r]));
    let index = 0;
    for (let r = unit; r < end; r++) {
      if (deeds[r] !== WRITES && deeds[r] !== SWAPS) continue;
      if (index === 0) index = this.#advance(unit, row);
      this.wrote(r, this.chain[unit], index);
    }
  }

  /** Makes a write and all it knows part of a clock. */
  #know(row: number, from: number): void {
    const { ints, width } = this.clocks;
    if (ints[row * width + this.chain[from]] < this.index[from]) this.join(row, this.saved[from]);
  }

  protected join(row: number, other: number): void {
    const { ints, width } = this.clocks;
    const to = row * width;
    const from = other * width;
    for (let c = 0; c < width; c++) {
      const theirs = ints[from + c];
      if (theirs > ints[to + c]) ints[to + c] = theirs;
    }
  }

  #release(unit: number): void {
    if (--this.#uses[unit] > 0 || (this.#keepsAll && this.chain[unit] !== NONE)) return;
    this.clocks.release(this.saved[unit]);
    this.saved[unit] = NONE;
  }

  /** Counts a write along its chain; its index there. */
  #advance(unit: number, row: number): number {
    const clocks = this.clocks;
    const lane = this.sessions.lane[unit];
    let chain = lane === NONE ? NONE : this.#laneChain[lane];
    if (chain === NONE) chain = this.#endedBefore(row);
    if (chain === NONE) {
      chain = this.chains++;
      this.last.push(0);
      clocks.widen(this.chains);
    }
    if (lane !== NONE) this.#laneChain[lane] = chain;
    const index = ++this.last.items[chain];
    this.chain[unit] = chain;
    this.index[unit] = index;
    if (!clocks.isFull) clocks.ints[row * clocks.width + chain] = index;
    return index;
  }

  /** A chain whose lane has ended, and all of which is known here: what comes now may continue it. Or NONE. */
  #endedBefore(row: number): number {
    const { ints, width } = this.clocks;
    const ended = this.#ended;
    for (let i = ended.length - 1; i >= 0; i--) {
      const chain = ended[i];
      if (ints[row * width + chain] !== this.last.items[chain]) continue;
      ended[i] = ended[ended.length - 1];
      ended.pop();
      return chain;
    }
    return NONE;
  }
}
