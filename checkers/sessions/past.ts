/** What each thread had done before each of its writes: what the write depends on, in the order in which it came to count. */
import { CAS, FAIL, NONE, OK, READ } from '../../history/history.ts';
import { HighestVersions } from './highest-versions.ts';
import { Pairs } from './pairs.ts';
import { type Binding, Bound, type Prepared } from './rule.ts';

export class Past {
  /** Dependencies of all threads, one thread after the other, each oldest first. */
  readonly write: Int32Array;
  /** The operation that made each of them count. */
  readonly by: Int32Array;
  /** Where the dependencies of each thread begin. */
  readonly start: Int32Array;
  /** For each write how many dependencies of its thread came before it. */
  readonly length: Int32Array;
  /** Writes that were. */
  readonly acknowledged: number;

  constructor(prepared: Prepared, binding: Binding) {
    const { history, threads, events } = prepared;
    const { of, count } = threads;
    const { f, outcome, length } = history;
    this.start = new Int32Array(count + 1);
    // A thread depends on no more than its operations.
    for (let row = 0; row < length; row++) this.start[of[row] + 1]++;
    for (let thread = 0; thread < count; thread++) this.start[thread + 1] += this.start[thread];
    this.write = new Int32Array(length);
    this.by = new Int32Array(length);
    this.length = new Int32Array(length);
    const { start, write, by } = this;
    const end = start.slice();
    const bound = new Bound(prepared, binding);
    let acknowledged = 0;
    for (let position = 0; position < events.length; position++) {
      const event = events[position];
      if (event === NONE) continue;
      const row = event >> 1;
      const thread = of[row];
      if ((event & 1) === 0) {
        if (f[row] === READ || f[row] > CAS || outcome[row] === FAIL) continue;
        if (outcome[row] === OK) acknowledged++;
        this.length[row] = end[thread] - start[thread];
        continue;
      }
      const dependency = bound.by(row);
      // Reading the same write again and again binds no further.
      if (dependency < 0 || (end[thread] > start[thread] && write[end[thread] - 1] === dependency)) continue;
      write[end[thread]] = dependency;
      by[end[thread]++] = row;
    }
    this.#ends = end;
    this.acknowledged = acknowledged;
  }

  readonly #ends: Int32Array;

  /** The dependencies of each thread on each key. */
  byKey({ history, registers, threads }: Prepared): PastByKey {
    const { key, call, ret } = history;
    const pairs = new Pairs(threads.count, history.keys.length, this.write.length);
    const of = new Int32Array(this.write.length).fill(NONE);
    for (let thread = 0; thread < threads.count; thread++) {
      for (let at = this.start[thread]; at < this.#ends[thread]; at++) of[at] = pairs.of(thread, key[this.write[at]]);
    }
    // A pair that is asked for may have no dependency: its number comes after those that have.
    const start = new Int32Array(pairs.count + 2);
    for (let at = 0; at < of.length; at++) if (of[at] !== NONE) start[of[at] + 1]++;
    for (let pair = 0; pair <= pairs.count; pair++) start[pair + 1] += start[pair];
    const next = start.slice();
    const at = new Int32Array(start[pairs.count]);
    for (let i = 0; i < of.length; i++) if (of[i] !== NONE) at[next[of[i]]++] = i;
    const settled = new Int32Array(at.length);
    const highest = new HighestVersions(registers, at.length);
    for (let pair = 0; pair < pairs.count; pair++) {
      let latest = NONE;
      highest.begin();
      for (let i = start[pair]; i < start[pair + 1]; i++) {
        const write = this.write[at[i]];
        // A read may name a write that was asked for later only.
        latest = Math.max(latest, ret[this.by[at[i]]], call[write]);
        settled[i] = latest;
        highest.push(i, write);
      }
    }
    return { pairs, start, at, count: pairs.count, settled, highest };
  }
}

export interface PastByKey {
  readonly pairs: Pairs;
  readonly start: Int32Array;
  /** Indices into the past. */
  readonly at: Int32Array;
  /** For each of `at` the event position by which it and all before it in its pair had taken effect. */
  readonly settled: Int32Array;
  /** For each of `at` the highest versions among it and all before it in its pair. */
  readonly highest: HighestVersions;
  /** Pairs from here on have nothing. */
  readonly count: number;
}
