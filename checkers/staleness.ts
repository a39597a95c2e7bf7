/** How stale reads were, in the shape that reports and the verdict of bounded-staleness use; see staleness/ages.ts. */
import { type History } from '../history/history.ts';
import { defaultSemantics, type Semantics } from './checker.ts';
import { Registers } from './sessions/registers.ts';
import { undoneWrites } from './sessions/survival.ts';
import { type Ages, agesOf } from './staleness/ages.ts';

export { effectsOf, type Effects } from './staleness/ages.ts';

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
  /** Nanoseconds, at least and at most. */
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
  /** What single reads prove without the order that cas give the writes. */
  readonly withoutCas?: boolean;
}

/** Of all these reads together. */
export function summaryOf(ages: readonly Pick<ReadAge, 'lowNs' | 'versions'>[]): StalenessSummary {
  const stale = Float64Array.from(ages.map(({ lowNs }) => lowNs).filter((ns) => ns > 0)).sort();
  const rank = (share: number): number => stale[Math.max(0, Math.ceil(stale.length * share) - 1)] ?? 0;
  return {
    reads: ages.length,
    staleReads: stale.length,
    p50Ns: rank(0.5),
    p99Ns: rank(0.99),
    maxNs: rank(1),
    versionsMax: ages.reduce((most, { versions }) => Math.max(most, versions), 0),
  };
}

/** Only of reads that `keep` asks for; in the order of invocation. */
export function readAges(
  history: History,
  options: StalenessOptions = {},
  keep: (row: number, lowNs: number) => boolean = () => true,
): readonly ReadAge[] {
  const { count, row, low, high, versions, newer } = columns(history, options);
  const ages: ReadAge[] = [];
  for (let i = 0; i < count; i++) {
    if (!keep(row[i], low[i])) continue;
    ages.push({ row: row[i], lowNs: low[i], highNs: high[i], versions: versions[i], newer: newer[i] });
  }
  return ages;
}

function columns(
  history: History,
  { semantics = defaultSemantics, undone, registers = new Registers(history, semantics), withoutCas }: StalenessOptions,
): Ages {
  return agesOf(registers, undone ?? undoneWrites(history, semantics), withoutCas ? undefined : semantics);
}
