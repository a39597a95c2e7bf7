/**
 * One pass over the units in causal order: session order and reads-from, transitively. A vector clock tells which writes lie in
 * the causal past of each read, and hence what must have come before the write it returned (Bouajjani, Enea, Guerraoui & Hamza,
 * On verifying causal consistency, 2017). Of each session only the last write to the key can matter, so that the pass costs
 * O(n k) (Møldrup, Nagasamudram et al., AWDIT, arXiv 2504.06975).
 *
 * Clocks count writes along chains. A chain is what one lane writes; the write of unknown outcome, and a session that begins when
 * another has ended, continue the chain of an ended one if they know its last write, so that sessions that are opened anew after
 * every crash do not make the clocks wider and wider.
 */
import { NONE } from '../../history/history.ts';
import type { Budget } from '../checker.ts';
import { DENIES, reference, SWAPS, WRITES } from '../linearizable/register.ts';
import { Clocks } from './clocks.ts';
import { IntList } from './int-list.ts';
import type { SessionOrder } from './order.ts';
import { shortestCircle } from './short-circle.ts';
import { endOf, INITIAL, type Units, unitOf } from './units.ts';
import { WriteLists } from './write-lists.ts';

const FINDINGS_KEPT = 10;
const CACHE_MAX = 1 << 14;
const ASK_EVERY = 0x3fff;

/** What is wrong, by units and rows. */
export type PastFinding =
  /** Each unit causally precedes the next, and the last the first. */
  | { readonly type: 'cycle'; readonly units: readonly number[] }
  /** The read returned the initial value though this write is in its causal past. */
  | { readonly type: 'initial after write'; readonly read: number; readonly write: number }
  /** `write` lies causally between the write that was read and the read. */
  | { readonly type: 'overwritten'; readonly read: number; readonly write: number }
  /** The reads of one unit, each of which puts a write that it did not return before the one it did, in a circle. */
  | { readonly type: 'fractured'; readonly conflicts: readonly Conflict[] }
  /** A cas was refused though its key never held anything but what it expected. */
  | { readonly type: 'refused without cause'; readonly row: number };

/** `from`, in the past of the unit of `read`, must come before `to`, whose value `read` returned. By units, and a row. */
export interface Conflict {
  readonly from: number;
  readonly to: number;
  readonly read: number;
}

export class Past {
  /** Units so that each comes after its causal predecessors. */
  readonly order: Int32Array;
  length = 0;
  /** Per unit: its place in `order`, or NONE. */
  readonly place: Int32Array;
  /** Conflicts, three integers each: from, to, read. */
  readonly conflicts = new IntList();
  readonly findings: PastFinding[] = [];
  count = 0;
  /** Failed cas that only a write explains of which nobody knows that it had reached them. */
  readonly openDenials: number[] = [];
  /** All failed cas that do not say what they found. */
  readonly denials: number[] = [];
  /** Why the pass ended early. */
  stopped: string | undefined;
  chains = 0;

  readonly #units: Units;
  readonly #sessions: SessionOrder;
  /** Whether all clocks are kept, to tell what precedes what: for what the fast pass found doubtful. */
  readonly #exact: boolean;
  readonly #clocks: Clocks;
  readonly #lists: WriteLists;
  /** Per unit: how often its clock will still be asked for; its clock's row, or NONE; its chain, or NONE; its index there. */
  readonly #uses: Int32Array;
  readonly #saved: Int32Array;
  readonly #chain: Int32Array;
  readonly #index: Int32Array;
  /** Per lane: the row of its clock, its chain. */
  readonly #laneRow: Int32Array;
  readonly #laneChain: Int32Array;
  /** Per chain: the index of its last write. */
  readonly #last = new IntList();
  /** Chains whose lanes have ended. */
  readonly #ended: number[] = [];
  /** Conflicts seen lately, by a hash. */
  readonly #cacheFrom: Int32Array;
  readonly #cacheTo: Int32Array;

  constructor(units: Units, sessions: SessionOrder, budget: Budget, exact: boolean) {
    const { length, keys } = units.history;
    this.#units = units;
    this.#sessions = sessions;
    this.#exact = exact;
    this.order = new Int32Array(length);
    this.place = new Int32Array(length).fill(NONE);
    this.#clocks = new Clocks(sessions.lanes);
    this.#lists = new WriteLists(keys.length, length);
    const cache = Math.min(CACHE_MAX, 2 ** (32 - Math.clz32(length)));
    this.#cacheFrom = new Int32Array(cache).fill(NONE);
    this.#cacheTo = new Int32Array(cache).fill(NONE);
    this.#uses = units.readBy.slice();
    this.#saved = new Int32Array(length).fill(NONE);
    this.#chain = new Int32Array(length).fill(NONE);
    this.#index = new Int32Array(length);
    this.#laneRow = new Int32Array(sessions.lanes).fill(NONE);
    this.#laneChain = new Int32Array(sessions.lanes).fill(NONE);
    if (sessions.hasMore) this.#countMore();
    this.#run(budget);
  }

  /** Whether unit a, which writes, causally precedes unit b or is it. Only of exact passes, for units that write. */
  reaches(a: number, b: number): boolean {
    const { ints, width } = this.#clocks;
    return ints[this.#saved[b] * width + this.#chain[a]] >= this.#index[a];
  }

  #countMore(): void {
    const { active } = this.#units;
    const sessions = this.#sessions;
    for (let unit = 0; unit < active.length; unit++) {
      for (let entry = sessions.more(unit); entry !== NONE; entry = sessions.moreNext(entry)) {
        this.#uses[sessions.moreUnit(entry)]++;
      }
    }
  }

  #run(budget: Budget): void {
    const { active } = this.#units;
    for (let unit = 0; unit < active.length; unit++) {
      if ((unit & ASK_EVERY) === 0) this.stopped = budget.spent();
      if (this.#clocks.isFull) this.stopped = 'too many concurrent sessions for the clocks of 1 GB';
      if (this.stopped !== undefined) return;
      if (active[unit] === 0 || this.place[unit] !== NONE) continue;
      if (this.#missing(unit) === NONE) this.#process(unit);
      else if (!this.#descend(unit)) return;
    }
  }

  /** A predecessor that was not processed yet, or NONE. */
  #missing(unit: number): number {
    const { history, source } = this.#units;
    const sessions = this.#sessions;
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
        this.#process(top);
        stack.pop();
        open.delete(top);
      } else if (open.has(missing)) {
        this.#find({ type: 'cycle', units: stack.slice(stack.indexOf(missing)).reverse() });
        return false;
      } else {
        stack.push(missing);
        open.add(missing);
      }
    }
    return true;
  }

  #process(unit: number): void {
    const { history } = this.#units;
    const sessions = this.#sessions;
    const clocks = this.#clocks;
    const lane = sessions.lane[unit];
    this.place[unit] = this.length;
    this.order[this.length++] = unit;
    let row = lane === NONE ? NONE : this.#laneRow[lane];
    if (row === NONE) {
      row = clocks.takeZero();
      if (lane !== NONE) this.#laneRow[lane] = row;
    }
    for (let entry = sessions.more(unit); entry !== NONE; entry = sessions.moreNext(entry)) {
      this.#join(row, this.#saved[sessions.moreUnit(entry)]);
      this.#release(sessions.moreUnit(entry));
    }
    if (history.batch[unit] === NONE) this.#one(unit, row);
    else this.#batch(unit, row);
    const keeps = this.#uses[unit] > 0 || (this.#exact && this.#chain[unit] !== NONE);
    const ends = lane === NONE || sessions.lastOfLane.items[lane] === unit;
    if (keeps) this.#saved[unit] = ends ? row : clocks.takeCopy(row);
    else if (ends) clocks.release(row);
    const chain = lane === NONE ? this.#chain[unit] : this.#laneChain[lane];
    if (ends && chain !== NONE) this.#ended.push(chain);
  }

  #one(unit: number, row: number): void {
    const { history, deeds, source } = this.#units;
    const write = source[unit];
    const what = deeds[unit];
    if (write !== NONE) {
      const from = write === INITIAL ? INITIAL : unitOf(history, write);
      if (from !== INITIAL) this.#know(row, from);
      this.#judge(unit, from, row);
      if (from !== INITIAL) this.#release(from);
    } else if (what === DENIES) this.#deny(unit, row);
    if (what === WRITES || what === SWAPS) {
      const index = this.#advance(unit, row);
      this.#lists.add(history.key[unit], this.#chain[unit], unit, index);
    }
  }

  #batch(unit: number, row: number): void {
    const { history, deeds, source } = this.#units;
    const end = endOf(history, unit);
    const before = this.conflicts.length;
    for (let r = unit; r < end; r++) if (source[r] >= 0) this.#know(row, unitOf(history, source[r]));
    for (let r = unit; r < end; r++) {
      if (source[r] !== NONE) this.#judge(r, source[r] < 0 ? source[r] : unitOf(history, source[r]), row);
      else if (deeds[r] === DENIES) this.#deny(r, row);
    }
    if (this.#exact) this.#judgeTogether(before);
    for (let r = unit; r < end; r++) if (source[r] >= 0) this.#release(unitOf(history, source[r]));
    let index = 0;
    for (let r = unit; r < end; r++) {
      if (deeds[r] !== WRITES && deeds[r] !== SWAPS) continue;
      if (index === 0) index = this.#advance(unit, row);
      this.#lists.add(history.key[r], this.#chain[unit], r, index);
    }
  }

  /** Makes a write and all it knows part of a clock. */
  #know(row: number, from: number): void {
    const { ints, width } = this.#clocks;
    if (ints[row * width + this.#chain[from]] < this.#index[from]) this.#join(row, this.#saved[from]);
  }

  #join(row: number, other: number): void {
    const { ints, width } = this.#clocks;
    const to = row * width;
    const from = other * width;
    for (let c = 0; c < width; c++) {
      const theirs = ints[from + c];
      if (theirs > ints[to + c]) ints[to + c] = theirs;
    }
  }

  #release(unit: number): void {
    if (--this.#uses[unit] > 0 || (this.#exact && this.#chain[unit] !== NONE)) return;
    this.#clocks.release(this.#saved[unit]);
    this.#saved[unit] = NONE;
  }

  /** Counts a write along its chain; its index there. */
  #advance(unit: number, row: number): number {
    const clocks = this.#clocks;
    const lane = this.#sessions.lane[unit];
    let chain = lane === NONE ? NONE : this.#laneChain[lane];
    if (chain === NONE) chain = this.#endedBefore(row);
    if (chain === NONE) {
      chain = this.chains++;
      this.#last.push(0);
      clocks.widen(this.chains);
    }
    if (lane !== NONE) this.#laneChain[lane] = chain;
    const index = ++this.#last.items[chain];
    this.#chain[unit] = chain;
    this.#index[unit] = index;
    if (!clocks.isFull) clocks.ints[row * clocks.width + chain] = index;
    return index;
  }

  /** A chain whose lane has ended, and all of which is known here: what comes now may continue it. Or NONE. */
  #endedBefore(row: number): number {
    const { ints, width } = this.#clocks;
    const ended = this.#ended;
    for (let i = ended.length - 1; i >= 0; i--) {
      const chain = ended[i];
      if (ints[row * width + chain] !== this.#last.items[chain]) continue;
      ended[i] = ended[ended.length - 1];
      ended.pop();
      return chain;
    }
    return NONE;
  }

  /** What lies in the past of a read of `from`, and not in the past of `from`. */
  #judge(read: number, from: number, row: number): void {
    const { ints, width } = this.#clocks;
    const lists = this.#lists;
    const key = this.#units.history.key[read];
    const own = row * width;
    const theirs = from === INITIAL ? NONE : this.#saved[from] * width;
    const { newestIndex } = lists;
    if (newestIndex === undefined) {
      for (let list = lists.first[key]; list !== NONE; list = lists.next.items[list]) {
        const chain = lists.chain.items[list];
        const shown = theirs === NONE ? 0 : ints[theirs + chain];
        if (ints[own + chain] > shown && !this.#compare(read, from, list, ints[own + chain], shown)) return;
      }
      return;
    }
    const newest = key * lists.width;
    const chains = Math.min(this.chains, lists.width);
    for (let chain = 0; chain < chains; chain++) {
      const shown = theirs === NONE ? 0 : ints[theirs + chain];
      const known = ints[own + chain];
      // Mostly what was written lately is known to neither, or to both.
      if (known <= shown || newestIndex[newest + chain] <= shown) continue;
      if (!this.#compare(read, from, lists.list(key, chain), known, shown)) return;
    }
  }

  /** Compares a read with what it knows of one chain, of which the write it returned knew `shown`. Whether to go on. */
  #compare(read: number, from: number, list: number, known: number, shown: number): boolean {
    const { history } = this.#units;
    const lists = this.#lists;
    const write = lists.upTo(list, known);
    if (write === NONE || lists.index[write] <= shown) return true;
    if (from === INITIAL) {
      this.#find({ type: 'initial after write', read, write: unitOf(history, write) });
      return false;
    }
    this.#conflict(unitOf(history, write), from, read);
    return true;
  }

  #conflict(from: number, to: number, read: number): void {
    if (this.#exact && this.reaches(to, from)) {
      this.#find({ type: 'overwritten', read, write: from });
      return;
    }
    const hash = Math.imul(from, 0x9e3779b1) ^ Math.imul(to, 0x85ebca6b);
    const at = (hash >>> 15) & (this.#cacheFrom.length - 1);
    const known = this.#cacheFrom[at] === from && this.#cacheTo[at] === to;
    // A unit of several reads is judged by all of its conflicts.
    if (known && !this.#exact) return;
    this.#cacheFrom[at] = from;
    this.#cacheTo[at] = to;
    this.conflicts.push(from);
    this.conflicts.push(to);
    this.conflicts.push(read);
  }

  /** Whether the conflicts of one unit, those from `since` on, go in a circle along the causal order. */
  #judgeTogether(since: number): void {
    const conflicts: Conflict[] = [];
    for (let i = since; i < this.conflicts.length; i += 3) {
      conflicts.push({ from: this.conflicts.at(i), to: this.conflicts.at(i + 1), read: this.conflicts.at(i + 2) });
    }
    if (new Set(conflicts.map(({ to }) => to)).size < 2) return;
    const circle = shortestCircle(conflicts, (a, b) => a.to === b.from || this.reaches(a.to, b.from));
    if (circle !== undefined) this.#find({ type: 'fractured', conflicts: circle });
  }

  /**
   * A failed cas that does not say what it found. It found another value than it expected: any that is newest in its past, or one
   * that nothing else shows to have reached it.
   */
  #deny(denial: number, row: number): void {
    const { history, reading, writesOf } = this.#units;
    const { ints, width } = this.#clocks;
    const lists = this.#lists;
    const key = history.key[denial];
    const expected = reference(reading, history.expected[denial]);
    let [alike, others] = [0, 0];
    for (let list = lists.first[key]; list !== NONE; list = lists.next.items[list]) {
      const write = lists.upTo(list, ints[row * width + lists.chain.items[list]]);
      if (write === NONE) continue;
      if (reference(reading, history.value[write]) === expected) alike++;
      else others++;
    }
    this.denials.push(denial);
    if (alike === 0 && (others > 0 || expected !== reading.initial)) return;
    if (writesOf[key] > alike) this.openDenials.push(denial);
    else this.#find({ type: 'refused without cause', row: denial });
  }

  #find(finding: PastFinding): void {
    if (this.count++ < FINDINGS_KEPT) this.findings.push(finding);
  }
}
