/**
 * How old the answers of reads were: the smallest interval that the history proves, in nanoseconds and in versions.
 *
 * A read returned write v. As soon as any newer write of the key had taken effect, v was out of date: the read's age is at least
 * the time from the first such effect to the read's invocation, and at most the time from the first invocation of a newer
 * write to the read's answer. (Golab, Li & Shah 2011, delta-atomicity, with the order of writes known.) Writes that were undone
 * later are losses, not staleness, and count as no newer write.
 */
import { type History, NEVER } from '../history/history.ts';
import { defaultSemantics, type Semantics } from './checker.ts';
import { INITIAL, Registers } from './sessions/registers.ts';
import { undoneWrites } from './sessions/survival.ts';

/** Nanoseconds; of the lower ends of stale reads' ages. Zero where no read was stale. */
export interface StalenessSummary {
  /** Reads whose age is known. */
  readonly reads: number;
  /** Reads that were certainly out of date when they were invoked. */
  readonly staleReads: number;
  readonly p50Ns: number;
  readonly p99Ns: number;
  readonly maxNs: number;
  /** The most versions that any of them was behind. */
  readonly versionsMax: number;
}

export interface ReadAge {
  readonly row: number;
  /** Nanoseconds, at least and at most. The upper end is infinite where no versions tell which writes are newer. */
  readonly lowNs: number;
  readonly highNs: number;
  /** Newer writes that had certainly taken effect before the read was invoked; at least so many. */
  readonly versions: number;
}

export interface StalenessOptions {
  readonly semantics?: Semantics;
  /** From `undoneWrites` of the whole history, where this is a part of it without the final reads. */
  readonly undone?: ReadonlySet<number>;
}

/** Of all reads in the history: filter it to the reads of one path, and all writes of their keys. */
export function stalenessOf(history: History, options: StalenessOptions = {}): StalenessSummary {
  const ages = readAges(history, options);
  const stale = ages.filter(({ lowNs }) => lowNs > 0);
  const sorted = Float64Array.from(stale, ({ lowNs }) => lowNs).sort();
  const rank = (share: number): number => sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
  return {
    reads: ages.length,
    staleReads: stale.length,
    p50Ns: rank(0.5),
    p99Ns: rank(0.99),
    maxNs: sorted[sorted.length - 1] ?? 0,
    versionsMax: ages.reduce((most, { versions }) => Math.max(most, versions), 0),
  };
}

export function readAges(
  history: History,
  { semantics = defaultSemantics, undone }: StalenessOptions = {},
): readonly ReadAge[] {
  const registers = new Registers(history, semantics);
  const excluded = undone ?? undoneWrites(history, semantics);
  const doneTime = effectTimes(registers);
  const writes = history.keys.map((): number[] => []);
  const reads = history.keys.map((): number[] => []);
  for (let row = 0; row < history.length; row++) {
    const source = registers.source[row];
    if (source === INITIAL || source >= 0) reads[history.key[row]].push(row);
    const counts = registers.isWrite(row) && registers.done[row] !== NEVER && !excluded.has(history.call[row]);
    if (counts) writes[history.key[row]].push(row);
  }
  return writes.flatMap((ofKey, key): readonly ReadAge[] => {
    const newer = inVersionOrder(registers, ofKey, doneTime) ?? inRealTime(registers, ofKey, doneTime);
    const effects = ofKey.map((write) => registers.done[write]).sort((a, b) => a - b);
    return reads[key].flatMap((row): ReadAge[] => {
      if (Number.isNaN(history.callTime[row])) return [];
      const { from, done, call } = newer(registers.source[row]);
      const lowNs = Math.max(0, history.callTime[row] - done);
      const highNs = Math.max(0, history.retTime[row] - call);
      const versions = lowNs > 0 ? Math.max(1, countBelow(effects, history.call[row]) - from) : 0;
      return [{ row, lowNs, highNs: Math.max(lowNs, highNs), versions }];
    });
  });
}

/** When each write had certainly taken effect: its acknowledgement, or the first answer that showed it. */
function effectTimes({ history, source }: Registers): Float64Array {
  const times = new Float64Array(history.length).fill(Number.POSITIVE_INFINITY);
  for (let row = 0; row < history.length; row++) {
    if (history.ret[row] === NEVER) continue;
    const write = source[row] >= 0 ? source[row] : row;
    times[write] = Math.min(times[write], Math.max(history.retTime[row], history.callTime[write]));
  }
  return times;
}

/** What is newer than a write: how many are not, and when the first newer one had taken effect, and was invoked. */
type Newer = (write: number) => { readonly from: number; readonly done: number; readonly call: number };

/** Undefined unless versions order all writes of the key. */
function inVersionOrder(registers: Registers, writes: readonly number[], doneTime: Float64Array): Newer | undefined {
  const { callTime } = registers.history;
  if (writes.some((write) => Number.isNaN(registers.compare(write, writes[0])))) return undefined;
  const ordered = [...writes].sort((a, b) => registers.compare(a, b));
  const done = suffixMinimum(ordered.map((write) => doneTime[write]));
  const call = suffixMinimum(ordered.map((write) => callTime[write]));
  return (write) => {
    const from = write === INITIAL ? 0 : partition(ordered, (other) => !(registers.compare(write, other) < 0));
    return { from, done: done[from], call: call[from] };
  };
}

/** Only what was invoked after the write had taken effect is certainly newer. */
function inRealTime(registers: Registers, writes: readonly number[], doneTime: Float64Array): Newer {
  const done = suffixMinimum(writes.map((write) => doneTime[write]));
  return (write) => {
    const from = partition(writes, (other) => !registers.precedes(write, other));
    return { from, done: done[from], call: Number.NEGATIVE_INFINITY };
  };
}

/** One longer than the list: nothing is newer than the newest. */
function suffixMinimum(list: readonly number[]): Float64Array {
  const least = new Float64Array(list.length + 1).fill(Number.POSITIVE_INFINITY);
  for (let i = list.length - 1; i >= 0; i--) least[i] = Math.min(least[i + 1], list[i]);
  return least;
}

/** How many items at the beginning satisfy `holds`, which none does after the first that does not. */
function partition(items: readonly number[], holds: (item: number) => boolean): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(items[middle])) low = middle + 1;
    else high = middle;
  }
  return low;
}

function countBelow(sorted: readonly number[], limit: number): number {
  return partition(sorted, (item) => item < limit);
}
