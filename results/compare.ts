/** Two groups of runs beside each other: verdicts, latencies fault by fault, throughput, staleness, failovers. */
import { Random } from '../history/random.ts';
import { caveat } from './caveats.ts';
import { type Comparison, compareMeasure } from './change.ts';
import { type Measure, measureName, measuresOf, sumsOf, take } from './measures.ts';
import { promiseName } from './promises.ts';
import type { Cell, RunRecord } from './record.ts';
import { median } from './statistics.ts';
import { differences } from './unlike.ts';

export interface Compared {
  readonly a: readonly string[];
  readonly b: readonly string[];
  /** Why figures may differ for other reasons than what was to be compared. */
  readonly unlike: readonly string[];
  /** Of each group, sentences about runs that figures are better not taken from. */
  readonly caveats: readonly string[];
  readonly verdicts: readonly VerdictChange[];
  readonly unchanged: number;
  /** Path by path. */
  readonly figures: readonly Comparison[];
  /** Latencies of all paths together, phase by phase. */
  readonly together: readonly Comparison[];
  /** Taken on one side only. */
  readonly onlyA: readonly string[];
  readonly onlyB: readonly string[];
  readonly staleness: readonly StalenessChange[];
  readonly failovers: { readonly a: FailoverSummary; readonly b: FailoverSummary };
}

export interface VerdictChange {
  readonly promise: string;
  /** The worst of the group's runs; absent: it was not judged. */
  readonly a?: Cell['state'];
  readonly b?: Cell['state'];
}

export interface StalenessChange {
  readonly writePath: string;
  readonly readPath: string;
  readonly a: StaleShare;
  readonly b: StaleShare;
}

export interface StaleShare {
  readonly reads: number;
  readonly stale: number;
  readonly maxNs: number;
}

export interface FailoverSummary {
  readonly count: number;
  /** Medians; absent where there was none. */
  readonly electedNs?: number;
  readonly firstWriteNs?: number;
}

const worstFirst: readonly Cell['state'][] = ['broken', 'violated', 'undecided', 'not exercised', 'holds', 'kept'];

export function compare(
  a: readonly RunRecord[],
  b: readonly RunRecord[],
  percentiles: readonly number[] = [50, 99],
): Compared {
  const measures = measuresOf([...a, ...b], percentiles);
  const figures: Comparison[] = [];
  const onlyA: string[] = [];
  const onlyB: string[] = [];
  const compared = (measure: Measure): Comparison | undefined => {
    const random = new Random(`compare/${measureName(measure)}`);
    return compareMeasure([{ a, b }], measure, { confidence: 0.95, random });
  };
  for (const measure of measures) {
    const comparison = compared(measure);
    if (comparison !== undefined) figures.push(comparison);
    else if (measure.type === 'latency' && measure.percentile === percentiles[0])
      (isTaken(a, measure) ? onlyA : onlyB).push(`${measure.method} ${measure.path} (${measure.phase})`);
  }
  const states = [statesOf(a), statesOf(b)] as const;
  const promises = [...new Set([...states[0].keys(), ...states[1].keys()])].sort();
  const verdicts = promises.map((promise): VerdictChange => {
    const [x, y] = [states[0].get(promise), states[1].get(promise)];
    return { promise, ...(x !== undefined && { a: x }), ...(y !== undefined && { b: y }) };
  });
  const changed = verdicts.filter((one) => one.a !== one.b);
  return {
    a: a.map(({ id }) => id),
    b: b.map(({ id }) => id),
    unlike: differences(a, b),
    caveats: [caveat('A', a), caveat('B', b)].filter((sentence) => sentence !== undefined),
    verdicts: changed,
    unchanged: verdicts.length - changed.length,
    figures,
    together: sumsOf(measures).flatMap((measure) => compared(measure) ?? []),
    onlyA,
    onlyB,
    staleness: stalenessOf(a, b),
    failovers: { a: failoversOf(a), b: failoversOf(b) },
  };
}

function isTaken(records: readonly RunRecord[], measure: Measure): boolean {
  return records.some((record) => take(record, measure) !== undefined);
}

function statesOf(records: readonly RunRecord[]): ReadonlyMap<string, Cell['state']> {
  const states = new Map<string, Cell['state']>();
  for (const { cells } of records) {
    for (const cell of cells) {
      const name = promiseName(cell);
      const known = states.get(name);
      if (known === undefined || worstFirst.indexOf(cell.state) < worstFirst.indexOf(known))
        states.set(name, cell.state);
    }
  }
  return states;
}

function stalenessOf(a: readonly RunRecord[], b: readonly RunRecord[]): readonly StalenessChange[] {
  const rows = new Map<string, { readonly writePath: string; readonly readPath: string }>();
  for (const { staleness } of [...a, ...b])
    for (const { writePath, readPath } of staleness) rows.set(`${writePath} ${readPath}`, { writePath, readPath });
  const shareOf = (records: readonly RunRecord[], writePath: string, readPath: string): StaleShare => {
    const own = records
      .flatMap(({ staleness }) => staleness)
      .filter((one) => one.writePath === writePath && one.readPath === readPath);
    return {
      reads: own.reduce((sum, { reads }) => sum + reads, 0),
      stale: own.reduce((sum, { staleReads }) => sum + staleReads, 0),
      maxNs: own.reduce((most, { maxNs }) => Math.max(most, maxNs), 0),
    };
  };
  return [...rows.values()]
    .map((row) => ({ ...row, a: shareOf(a, row.writePath, row.readPath), b: shareOf(b, row.writePath, row.readPath) }))
    .filter((row) => row.a.stale > 0 || row.b.stale > 0);
}

function failoversOf(records: readonly RunRecord[]): FailoverSummary {
  const all = records.flatMap(({ failovers }) => failovers);
  const of = (figure: 'electedNs' | 'firstWriteNs'): number | undefined => {
    const known = all.flatMap((one) => one[figure] ?? []);
    return known.length === 0 ? undefined : median(known);
  };
  const [electedNs, firstWriteNs] = [of('electedNs'), of('firstWriteNs')];
  return {
    count: all.length,
    ...(electedNs !== undefined && { electedNs }),
    ...(firstWriteNs !== undefined && { firstWriteNs }),
  };
}
