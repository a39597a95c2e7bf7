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
  /** The same rows, whatever their keys. */
  readonly inOrder: Int32Array;

  constructor({ history, deeds, active }: Units) {
    const { length, key, keys } = history;
    const start = new Int32Array(keys.length + 2);
    const isWrite = (row: number): boolean =>
      (deeds[row] === WRITES || deeds[row] === SWAPS) && active[unitOf(history, row)] === 1;
    for (let row = 0; row < length; row++) if (isWrite(row)) start[key[row] + 2]++;
    for (let k = 2; k < start.length; k++) start[k] += start[k - 1];
    this.rows = new Int32Array(start[start.length - 1]);
    this.inOrder = new Int32Array(this.rows.length);
    let writes = 0;
    for (let row = 0; row < length; row++) {
      if (!isWrite(row)) continue;
      this.rows[start[key[row] + 1]++] = row;
      this.inOrder[writes++] = row;
    }
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
  /** Per key: its place among those that the line reads, or NONE. */
  readonly #keyed: Int32Array;
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
    this.#keyed = new Int32Array(units.history.keys.length);
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
    this.#keyed.fill(NONE);
    this.#reads.keys.forEach((key, k) => (this.#keyed[key] = k));
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
    const { key } = history;
    const { keys, start, at, source } = this.#reads;
    const keyed = this.#keyed;
    const lowest = new Int32Array(at.length);
    for (let k = 0; k < keys.length; k++) {
      for (let r = start[k + 1] - 1; r >= start[k]; r--) {
        const own = source[r] === INITIAL ? 0 : level[source[r]];
        lowest[r] = r + 1 < start[k + 1] && lowest[r + 1] < own ? lowest[r + 1] : own;
      }
    }
    /** Per key: the read that was found for the write before, which is seldom far from that for the next. */
    const near = Int32Array.from(start);
    let lowered = false;
    for (const row of this.#writes.inOrder) {
      const k = keyed[key[row]];
      if (k === NONE) continue;
      const write = unitOf(history, row);
      let l = level[write];
      if (l === OUTSIDE) continue;
      const [from, end] = [start[k], start[k + 1]];
      // What a unit of the line reads itself comes before what it writes.
      const own = this.#inLine[write];
      for (;;) {
        const r = firstFrom(at, from, end, own === l ? l + 1 : l, near[k]);
        near[k] = r;
        if (r === end || lowest[r] >= l) break;
        l = lowest[r];
      }
      if (l === level[write]) continue;
      level[write] = l;
      lowered = true;
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
    const keyed = this.#keyed;
    const { inOrder } = this.#writes;
    for (const row of inOrder) if (keyed[history.key[row]] !== NONE && level[unitOf(history, row)] === 0) return false;
    const writesAt = this.#writesByLevel(line.length);
    /** Per level: the write of the key at hand that was read from it, if `key` says so. */
    const read = new Int32Array(line.length + 1);
    const key = new Int32Array(line.length + 1).fill(NONE);
    const doubtful = new Set<number>();
    for (let k = 0; k < keys.length; k++) {
      for (let r = start[k]; r < start[k + 1]; r++) {
        // A unit of the line comes last in its level anyhow.
        if (source[r] === INITIAL || this.#inLine[source[r]] > 0) continue;
        const l = level[source[r]];
        if (key[l] === k) {
          if (read[l] !== source[r]) return false;
          continue;
        }
        key[l] = k;
        read[l] = source[r];
        for (let w = writesAt.start[l]; w < writesAt.start[l + 1]; w++) {
          const row = writesAt.rows[w];
          const write = unitOf(history, row);
          if (history.key[row] !== keys[k] || write === source[r] || this.#inLine[write] > 0) continue;
          if (place[write] > place[source[r]]) doubtful.add(l);
        }
      }
    }
    return this.#keepsOwnWrites(line) && (doubtful.size === 0 || !this.#isCircular(doubtful, writesAt));
  }

  /** Writes of the keys that were read, by level. */
  #writesByLevel(levels: number): Lists {
    const { level } = this;
    const { history } = this.#units;
    const { inOrder } = this.#writes;
    const start = new Int32Array(levels + 3);
    const counts = (row: number): boolean =>
      this.#keyed[history.key[row]] !== NONE && level[unitOf(history, row)] !== OUTSIDE;
    for (const row of inOrder) if (counts(row)) start[level[unitOf(history, row)] + 2]++;
    for (let l = 2; l < start.length; l++) start[l] += start[l - 1];
    const rows = new Int32Array(start[start.length - 1]);
    for (const row of inOrder) if (counts(row)) rows[start[level[unitOf(history, row)] + 1]++] = row;
    return { start, rows };
  }

  /** Whether no read of the line returned what a write of the line had replaced. */
  #keepsOwnWrites(line: Int32Array): boolean {
    const { level } = this;
    const { history, deeds } = this.#units;
    const { keys, start, at, source } = this.#reads;
    /** Per key of those read: places in the line of the writes to it, in order. */
    const ownOf: number[][] = keys.map(() => []);
    line.forEach((unit, i) => {
      for (let row = unit, end = endOf(history, unit); row < end; row++) {
        const k = this.#keyed[history.key[row]];
        if (k !== NONE && (deeds[row] === WRITES || deeds[row] === SWAPS)) ownOf[k].push(i + 1);
      }
    });
    for (let k = 0; k < keys.length; k++) {
      const own = ownOf[k];
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
  #isCircular(levels: ReadonlySet<number>, writesAt: Lists): boolean {
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
    this.#eachWithin(levels, writesAt, (before, after) => {
      const [from, to] = [node.get(before), node.get(after)];
      if (from !== undefined && to !== undefined) knots.edge(from, to, 1);
    });
    return knots.circles(0).count > 0;
  }

  /** What is forced within levels: at most one write of a key was read from each. */
  #eachWithin(levels: ReadonlySet<number>, writesAt: Lists, visit: (before: number, after: number) => void): void {
    const { level } = this;
    const { history } = this.#units;
    const { keys, start, source } = this.#reads;
    for (let k = 0; k < keys.length; k++) {
      const met = new Set<number>();
      for (let r = start[k]; r < start[k + 1]; r++) {
        const after = source[r];
        if (after === INITIAL || this.#inLine[after] > 0 || !levels.has(level[after]) || met.has(after)) continue;
        met.add(after);
        for (let w = writesAt.start[level[after]]; w < writesAt.start[level[after] + 1]; w++) {
          const row = writesAt.rows[w];
          const before = unitOf(history, row);
          if (history.key[row] === keys[k] && before !== after && this.#inLine[before] === 0) visit(before, after);
        }
      }
    }
  }
}

/** Rows by number: those of n are `rows[start[n]] … rows[start[n + 1] - 1]`. */
interface Lists {
  readonly start: Int32Array;
  readonly rows: Int32Array;
}

/** The first of `at[from … end-1]`, which ascend, that is at least `least`; `end` if there is none. `near`: where it may be. */
function firstFrom(at: Int32Array, from: number, end: number, least: number, near: number): number {
  let [low, high] = [from, end];
  if (near < end && at[near] < least) {
    low = near + 1;
    for (let step = 1; low + step < end; step *= 2) {
      if (at[low + step] >= least) {
        high = low + step;
        break;
      }
      low += step;
    }
  } else {
    high = near;
    for (let step = 1; high - step >= from; step *= 2) {
      if (at[high - step] < least) {
        low = high - step + 1;
        break;
      }
      high -= step;
    }
  }
  while (low < high) {
    const middle = (low + high) >> 1;
    if (at[middle] >= least) high = middle;
    else low = middle + 1;
  }
  return low;
}
