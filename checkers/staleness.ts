/**
 * How old the answers of reads were: the smallest interval that the history proves, in nanoseconds and in versions.
 *
 * A read returned write v. As soon as any newer write of the key had taken effect, v was out of date: the read's age is at least
 * the time from the first such effect to the read's invocation, and at most the time from the first invocation of a newer
 * write to the read's answer. (Golab, Li & Shah 2011, delta-atomicity, with the order of writes known.) Writes that were undone
 * later are losses, not staleness, and count as no newer write.
 */
import { type History, NEVER, NONE } from '../history/history.ts';
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
  /** Of all newer writes, the one that had taken effect first; NONE where the read was not stale. */
  readonly newer: number;
}

export interface StalenessOptions {
  readonly semantics?: Semantics;
  /** From `undoneWrites` of the whole history, where this is a part of it without the final reads. */
  readonly undone?: ReadonlySet<number>;
  /** Of the same history and semantics, where they are there already. */
  readonly registers?: Registers;
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
  { semantics = defaultSemantics, undone, registers = new Registers(history, semantics) }: StalenessOptions = {},
): readonly ReadAge[] {
  const excluded = undone ?? undoneWrites(history, semantics);
  const effect = effectsOf(registers);
  const writes = history.keys.map((): number[] => []);
  const reads = history.keys.map((): number[] => []);
  for (let row = 0; row < history.length; row++) {
    const source = registers.source[row];
    if (source === INITIAL || source >= 0) reads[history.key[row]].push(row);
    const counts = registers.isWrite(row) && registers.done[row] !== NEVER && !excluded.has(history.call[row]);
    if (counts) writes[history.key[row]].push(row);
  }
  return writes.flatMap((ofKey, key): readonly ReadAge[] => {
    const newer = inVersionOrder(registers, ofKey, effect.time) ?? inRealTime(registers, ofKey, effect.time);
    const effects = ofKey.map((write) => registers.done[write]).sort((a, b) => a - b);
    return reads[key].flatMap((row): ReadAge[] => {
      if (Number.isNaN(history.callTime[row])) return [];
      const { from, first, call } = newer(registers.source[row]);
      const lowNs = first === NONE ? 0 : Math.max(0, history.callTime[row] - effect.time[first]);
      const highNs = Math.max(lowNs, history.retTime[row] - call);
      const versions = lowNs > 0 ? Math.max(1, countBelow(effects, history.call[row]) - from) : 0;
      return [{ row, lowNs, highNs, versions, newer: lowNs > 0 ? first : NONE }];
    });
  });
}

/** When each write had certainly taken effect, and by which row that is known: its acknowledgement, or the first answer that showed it. */
export interface Effects {
  readonly time: Float64Array;
  readonly shownBy: Int32Array;
}

export function effectsOf({ history, source }: Registers): Effects {
  const time = new Float64Array(history.length).fill(Number.POSITIVE_INFINITY);
  const shownBy = new Int32Array(history.length).fill(NONE);
  for (let row = 0; row < history.length; row++) {
    if (history.ret[row] === NEVER) continue;
    const write = source[row] >= 0 ? source[row] : row;
    const at = Math.max(history.retTime[row], history.callTime[write]);
    if (!(at < time[write])) continue;
    time[write] = at;
    shownBy[write] = row;
  }
  return { time, shownBy };
}

/** What is newer than a write: how many are not, which newer one had taken effect first, and when the first was invoked. */
type Newer = (write: number) => { readonly from: number; readonly first: number; readonly call: number };

/** Undefined unless versions order all writes of the key. */
function inVersionOrder(registers: Registers, writes: readonly number[], doneTime: Float64Array): Newer | undefined {
  const { callTime } = registers.history;
  if (writes.some((write) => Number.isNaN(registers.compare(write, writes[0])))) return undefined;
  const ordered = [...writes].sort((a, b) => registers.compare(a, b));
  const done = suffixEarliest(ordered, doneTime);
  const call = suffixEarliest(ordered, callTime);
  return (write) => {
    const from = write === INITIAL ? 0 : partition(ordered, (other) => !(registers.compare(write, other) < 0));
    const called = call[from];
    return { from, first: done[from], call: called === NONE ? Number.POSITIVE_INFINITY : callTime[called] };
  };
}

/** Only what was invoked after the write had taken effect is certainly newer. */
function inRealTime(registers: Registers, writes: readonly number[], doneTime: Float64Array): Newer {
  const done = suffixEarliest(writes, doneTime);
  return (write) => {
    const from = partition(writes, (other) => !registers.precedes(write, other));
    return { from, first: done[from], call: Number.NEGATIVE_INFINITY };
  };
}

/** From each place of the list on, the write of the least time. One longer than the list: nothing is newer than the newest. */
function suffixEarliest(writes: readonly number[], time: Float64Array): Int32Array {
  const earliest = new Int32Array(writes.length + 1).fill(NONE);
  for (let i = writes.length - 1; i >= 0; i--) {
    const later = earliest[i + 1];
    earliest[i] = later !== NONE && time[later] < time[writes[i]] ? later : writes[i];
  }
  return earliest;
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
