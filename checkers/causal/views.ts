/**
 * Causal memory: whether a session has an order of the writes in its past in which all of its reads stand.
 *
 * The happens-before of a session (Bouajjani et al. 2017, WriteHBInitRead and CyclicHB) is the causal order, and whatever it forces:
 * if a write happens before a read of the session that returned another, it happens before that other. Its units are in a line, so
 * happens-before is told by levels: the level of a unit is the number of the first unit of the line that it happens before or is.
 * A write that happens before a read thus has a level no higher than that of the write that the read returned. Levels only
 * fall; when nothing falls any more, an order by levels, and within a level by happens-before, is the one that is sought. Circles can
 * only lie within a level.
 */
import { NONE } from '../../history/history.ts';
import type { Budget } from '../checker.ts';
import { SWAPS, WRITES } from '../linearizable/register.ts';
import { IntList } from './int-list.ts';
import { Knots } from './knots.ts';
import type { SessionOrder } from './order.ts';
import type { Past } from './past.ts';
import { endOf, INITIAL, type Units, unitOf } from './units.ts';

/** Level of what happens before nothing of the line. */
export const OUTSIDE = 0x7fffffff;

/** Writes by key, in the order of rows. */
export class WritesByKey {
  readonly start: Int32Array;
  readonly rows: Int32Array;

  constructor({ history, deeds, active }: Units) {
    const { length, key, keys } = history;
    const start = new Int32Array(keys.length + 2);
    const isWrite = (row: number): boolean =>
      (deeds[row] === WRITES || deeds[row] === SWAPS) && active[unitOf(history, row)] === 1;
    for (let row = 0; row < length; row++) if (isWrite(row)) start[key[row] + 2]++;
    for (let k = 2; k < start.length; k++) start[k] += start[k - 1];
    this.rows = new Int32Array(start[start.length - 1]);
    for (let row = 0; row < length; row++) if (isWrite(row)) this.rows[start[key[row] + 1]++] = row;
    this.start = start;
  }
}

/** Reads of a line, those of one key side by side, in the order of the line. */
interface LineReads {
  readonly keys: readonly number[];
  /** Per key of `keys`, and one more: where its reads begin. */
  readonly start: readonly number[];
  /** Per read: its row, the place in the line (from 1) of its unit, the unit whose write it returned or INITIAL. */
  readonly rows: Int32Array;
  readonly at: Int32Array;
  readonly source: Int32Array;
}

export class Views {
  /** Per unit: its level in the view that was tried last. */
  readonly level: Int32Array;
  readonly #units: Units;
  readonly #sessions: SessionOrder;
  readonly #past: Past;
  readonly #writes: WritesByKey;
  /** Per unit: its place in the line, from 1; 0 for others. */
  readonly #inLine: Int32Array;
  /** The last place of the line in the order of the pass. */
  #top = -1;
  #reads: LineReads = { keys: [], start: [0], rows: new Int32Array(), at: new Int32Array(), source: new Int32Array() };

  constructor(units: Units, sessions: SessionOrder, past: Past) {
    this.#units = units;
    this.#sessions = sessions;
    this.#past = past;
    this.#writes = new WritesByKey(units);
    this.level = new Int32Array(units.history.length);
    this.#inLine = new Int32Array(units.history.length);
  }

  /**
   * Whether the units of a line, which is an order that the causal order allows, can all have read what they read: those reads of
   * which `shown` is 1, or all. Undefined when the budget is spent.
   */
  stands(line: Int32Array, budget: Budget, shown?: Uint8Array): boolean | undefined {
    this.#top = -1;
    line.forEach((unit, i) => {
      this.#inLine[unit] = i + 1;
      this.#top = Math.max(this.#top, this.#past.place[unit]);
    });
    this.#reads = this.#readsOf(line, shown);
    const verdict = this.#settle(line, budget) ? this.#isSound(line) : false;
    line.forEach((unit) => (this.#inLine[unit] = 0));
    return budget.spent() === undefined || verdict ? verdict : undefined;
  }

  /** What the view that was tried last forces: `visit(a, b, read)`, unit a before unit b (or INITIAL), because of a read. */
  eachForced(visit: (before: number, after: number, read: number) => void): void {
    const { history } = this.#units;
    const { keys, start, rows, at, source } = this.#reads;
    const writes = this.#writes;
    for (let k = 0; k < keys.length; k++) {
      for (let r = start[k]; r < start[k + 1]; r++) {
        const reader = unitOf(history, rows[r]);
        for (let w = writes.start[keys[k]]; w < writes.start[keys[k] + 1]; w++) {
          const write = unitOf(history, writes.rows[w]);
          if (write !== source[r] && write !== reader && this.level[write] <= at[r]) visit(write, source[r], rows[r]);
        }
      }
    }
  }

  #readsOf(line: Int32Array, shown?: Uint8Array): LineReads {
    const { history, source } = this.#units;
    const byKey = new Map<number, IntList>();
    for (const unit of line) {
      for (let row = unit, end = endOf(history, unit); row < end; row++) {
        if (source[row] === NONE || (shown !== undefined && shown[row] === 0)) continue;
        let list = byKey.get(history.key[row]);
        if (list === undefined) byKey.set(history.key[row], (list = new IntList(8)));
        list.push(row);
      }
    }
    const start = [0];
    for (const { length } of byKey.values()) start.push(start[start.length - 1] + length);
    const total = start[start.length - 1];
    const [rows, at, from] = [new Int32Array(total), new Int32Array(total), new Int32Array(total)];
    let r = 0;
    for (const { items, length } of byKey.values()) {
      for (let i = 0; i < length; i++, r++) {
        rows[r] = items[i];
        at[r] = this.#inLine[unitOf(history, items[i])];
        from[r] = source[items[i]] === INITIAL ? INITIAL : unitOf(history, source[items[i]]);
      }
    }
    return { keys: [...byKey.keys()], start, rows, at, source: from };
  }

  /** Lowers levels until nothing falls any more; false if the budget is spent before. */
  #settle(line: Int32Array, budget: Budget): boolean {
    const { level } = this;
    level.fill(OUTSIDE);
    line.forEach((unit, i) => (level[unit] = i + 1));
    do {
      if (budget.spent() !== undefined) return false;
      this.#lowerPast();
    } while (this.#lowerWrites());
    return true;
  }

  #lowerPast(): void {
    const { level } = this;
    const { history, source } = this.#units;
    const { order } = this.#past;
    const sessions = this.#sessions;
    const previous = sessions.previous;
    const hasMore = sessions.hasMore;
    for (let place = this.#top; place >= 0; place--) {
      const unit = order[place];
      const l = level[unit];
      if (l === OUTSIDE) continue;
      const before = previous[unit];
      if (before !== NONE && level[before] > l) level[before] = l;
      if (history.batch[unit] === NONE) {
        const write = source[unit];
        if (write >= 0) {
          const from = unitOf(history, write);
          if (level[from] > l) level[from] = l;
        }
      } else {
        for (let row = unit, end = endOf(history, unit); row < end; row++) {
          if (source[row] < 0) continue;
          const from = unitOf(history, source[row]);
          if (level[from] > l) level[from] = l;
        }
      }
      if (!hasMore) continue;
      for (let entry = sessions.more(unit); entry !== NONE; entry = sessions.moreNext(entry)) {
        if (level[sessions.moreUnit(entry)] > l) level[sessions.moreUnit(entry)] = l;
      }
    }
  }

  /** Each write of a key is no higher than what was read after it. Whether any was lowered. */
  #lowerWrites(): boolean {
    const { level } = this;
    const { history } = this.#units;
    const { keys, start, at, source } = this.#reads;
    const writes = this.#writes;
    const lowest = new Int32Array(at.length);
    let lowered = false;
    for (let k = 0; k < keys.length; k++) {
      const [from, end] = [start[k], start[k + 1]];
      for (let r = end - 1; r >= from; r--) {
        const own = source[r] === INITIAL ? 0 : level[source[r]];
        lowest[r] = r + 1 < end && lowest[r + 1] < own ? lowest[r + 1] : own;
      }
      for (let w = writes.start[keys[k]]; w < writes.start[keys[k] + 1]; w++) {
        const write = unitOf(history, writes.rows[w]);
        let l = level[write];
        if (l === OUTSIDE) continue;
        // What a unit of the line reads itself comes before what it writes.
        const own = this.#inLine[write];
        for (;;) {
          const r = firstFrom(at, from, end, own === l ? l + 1 : l);
          if (r === end || lowest[r] >= l) break;
          l = lowest[r];
        }
        if (l === level[write]) continue;
        level[write] = l;
        lowered = true;
      }
    }
    return lowered;
  }

  /** Whether settled levels are in no contradiction. */
  #isSound(line: Int32Array): boolean {
    const { level } = this;
    for (let i = 0; i < line.length; i++) if (level[line[i]] !== i + 1) return false;
    const { history } = this.#units;
    const { keys, start, source } = this.#reads;
    const { place } = this.#past;
    const writes = this.#writes;
    /** Per level: the write of the key at hand that was read from it, if `key` says so. */
    const read = new Int32Array(line.length + 1);
    const key = new Int32Array(line.length + 1).fill(NONE);
    const doubtful = new Set<number>();
    for (let k = 0; k < keys.length; k++) {
      for (let r = start[k]; r < start[k + 1]; r++) {
        // A unit of the line comes last in its level anyhow.
        if (source[r] === INITIAL || this.#inLine[source[r]] > 0) continue;
        const l = level[source[r]];
        if (key[l] === k && read[l] !== source[r]) return false;
        key[l] = k;
        read[l] = source[r];
      }
      for (let w = writes.start[keys[k]]; w < writes.start[keys[k] + 1]; w++) {
        const write = unitOf(history, writes.rows[w]);
        const l = level[write];
        if (l === 0) return false;
        if (l === OUTSIDE || this.#inLine[write] > 0) continue;
        if (key[l] === k && read[l] !== write && place[write] > place[read[l]]) doubtful.add(l);
      }
    }
    return this.#keepsOwnWrites() && (doubtful.size === 0 || !this.#isCircular(doubtful));
  }

  /** Whether no read of the line returned what a write of the line had replaced. */
  #keepsOwnWrites(): boolean {
    const { level } = this;
    const { history } = this.#units;
    const { keys, start, at, source } = this.#reads;
    const writes = this.#writes;
    for (let k = 0; k < keys.length; k++) {
      const own: number[] = [];
      for (let w = writes.start[keys[k]]; w < writes.start[keys[k] + 1]; w++) {
        const place = this.#inLine[unitOf(history, writes.rows[w])];
        if (place > 0) own.push(place);
      }
      own.sort((a, b) => a - b);
      let next = 0;
      let last = 0;
      for (let r = start[k]; r < start[k + 1]; r++) {
        while (next < own.length && own[next] < at[r]) last = own[next++];
        if (last === 0) continue;
        if (source[r] === INITIAL) return false;
        if (this.#inLine[source[r]] !== last && level[source[r]] <= last) return false;
      }
    }
    return true;
  }

  /** Whether happens-before goes in a circle within one of these levels. */
  #isCircular(levels: ReadonlySet<number>): boolean {
    const { level } = this;
    const { history, source } = this.#units;
    const { order, length } = this.#past;
    const node = new Map<number, number>();
    for (let place = 0; place < length; place++) if (levels.has(level[order[place]])) node.set(order[place], node.size);
    const knots = new Knots(node.size);
    for (const [unit, to] of node) {
      const link = (before: number): void => {
        const from = node.get(before);
        if (from !== undefined && level[before] === level[unit]) knots.edge(from, to, NONE);
      };
      this.#sessions.eachPrevious(unit, link);
      for (let row = unit, end = endOf(history, unit); row < end; row++) {
        if (source[row] >= 0) link(unitOf(history, source[row]));
      }
    }
    this.#eachWithin(levels, (before, after) => {
      const [from, to] = [node.get(before), node.get(after)];
      if (from !== undefined && to !== undefined) knots.edge(from, to, 1);
    });
    return knots.circles(0).count > 0;
  }

  /** What is forced within levels: at most one write of a key was read from each. */
  #eachWithin(levels: ReadonlySet<number>, visit: (before: number, after: number) => void): void {
    const { level } = this;
    const { history } = this.#units;
    const { keys, start, source } = this.#reads;
    const writes = this.#writes;
    for (let k = 0; k < keys.length; k++) {
      const read = new Map<number, number>();
      for (let r = start[k]; r < start[k + 1]; r++) {
        if (source[r] === INITIAL || this.#inLine[source[r]] > 0) continue;
        if (levels.has(level[source[r]])) read.set(level[source[r]], source[r]);
      }
      if (read.size === 0) continue;
      for (let w = writes.start[keys[k]]; w < writes.start[keys[k] + 1]; w++) {
        const write = unitOf(history, writes.rows[w]);
        const other = read.get(level[write]);
        if (other !== undefined && other !== write && this.#inLine[write] === 0) visit(write, other);
      }
    }
  }
}

/** The first of `at[from … end-1]`, which ascend, that is at least `least`; `end` if there is none. */
function firstFrom(at: Int32Array, from: number, end: number, least: number): number {
  let [low, high] = [from, end];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (at[middle] >= least) high = middle;
    else low = middle + 1;
  }
  return low;
}
