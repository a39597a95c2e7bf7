/** What each thread had done before each of its writes: what the write depends on, in the order in which it came to count. */
import { NONE } from '../../history/history.ts';
import { HighestVersions } from './highest-versions.ts';
import { Pairs } from './pairs.ts';
import { type Binding, bound, type Prepared } from './rule.ts';

export class Past {
  /** Dependencies of all threads, one thread after the other, each oldest first. */
  readonly write: Int32Array;
  /** The operation that made each of them count. */
  readonly by: Int32Array;
  /** Where the dependencies of each thread begin. */
  readonly start: Int32Array;
  /** For each write how many dependencies of its thread came before it. */
  readonly length: Int32Array;

  constructor(prepared: Prepared, binding: Binding) {
    const { history, registers, threads, events } = prepared;
    const { of, count } = threads;
    this.start = new Int32Array(count + 1);
    const binds = new Int32Array(history.length);
    for (let row = 0; row < history.length; row++) {
      binds[row] = bound(prepared, binding, row);
      if (binds[row] >= 0) this.start[of[row] + 1]++;
    }
    for (let thread = 0; thread < count; thread++) this.start[thread + 1] += this.start[thread];
    this.write = new Int32Array(this.start[count]);
    this.by = new Int32Array(this.start[count]);
    this.length = new Int32Array(history.length);
    const end = this.start.slice();
    for (let position = 0; position < events.length; position++) {
      const event = events[position];
      if (event === NONE) continue;
      const row = event >> 1;
      const thread = of[row];
      if ((event & 1) === 0) {
        if (registers.isWrite(row)) this.length[row] = end[thread] - this.start[thread];
        continue;
      }
      const write = binds[row];
      // Reading the same write again and again binds no further.
      if (write < 0 || (end[thread] > this.start[thread] && this.write[end[thread] - 1] === write)) continue;
      this.write[end[thread]] = write;
      this.by[end[thread]++] = row;
    }
    this.#ends = end;
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
