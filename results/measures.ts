/** What is compared between runs: latencies by percentile, rates, and the highest rate of a ladder. */
import { calmSteps } from './calm.ts';
import { decodeHistogram } from './histograms.ts';
import type { LatencyRecord, RunRecord } from './record.ts';

export type Measure =
  | {
      readonly type: 'latency';
      readonly method: string;
      /** `*` is all of them together. */
      readonly path: string;
      readonly phase: string;
      readonly since: LatencyRecord['since'];
      /** 50, 99, 99.9 … */
      readonly percentile: number;
    }
  /** Answered operations per second: of a bench's steps, or of the calm. */
  | { readonly type: 'throughput'; readonly method: string; readonly path: string; readonly phase: string }
  /** The highest rate of a ladder, of the reads through a path. */
  | { readonly type: 'ladder'; readonly path: string };

/** What came of a measure in one run. */
export interface Taken {
  /** Nanoseconds, or operations per second. */
  readonly value: number;
  /** Of a latency: all of them. */
  readonly spread?: Spread;
}

/** A histogram as its occupied buckets: values in ascending order, and how many operations took no longer. */
export interface Spread {
  readonly ns: Float64Array;
  readonly upTo: Float64Array;
}

/** All roles together: what a user of the path meets with. */
export function take(record: RunRecord, measure: Measure): Taken | undefined {
  switch (measure.type) {
    case 'latency': {
      const spread = spreadIn(record, measure);
      return spread === undefined ? undefined : { value: quantile(spread, measure.percentile / 100), spread };
    }
    case 'throughput':
      return valued(throughputOf(record, measure));
    case 'ladder':
      return valued(rungsOf(record).find(({ target }) => target === measure.path)?.held);
  }
}

function valued(value: number | undefined): Taken | undefined {
  return value === undefined || !(value > 0) ? undefined : { value };
}

function isOf(latency: LatencyRecord, { method, path, phase, since }: LatencyMeasure): boolean {
  if (latency.method !== method || latency.phase !== phase || latency.since !== since) return false;
  return latency.path === path || (path === '*' && !hasOwnSum(method));
}

/** What runs record of all paths together besides that of each; of the others it is the sum. */
function hasOwnSum(method: string): boolean {
  return method === 'read';
}

type LatencyMeasure = Measure & { readonly type: 'latency' };

/** A histogram costs a thousand times what a look at it does, and many measures look at the same. */
const spreads = new WeakMap<RunRecord, Map<string, Spread | undefined>>();

function spreadIn(record: RunRecord, measure: LatencyMeasure): Spread | undefined {
  const key = JSON.stringify([measure.method, measure.path, measure.phase, measure.since]);
  let known = spreads.get(record);
  if (known === undefined) spreads.set(record, (known = new Map<string, Spread | undefined>()));
  if (!known.has(key)) known.set(key, spreadOf(record.latencies.filter((one) => isOf(one, measure))));
  return known.get(key);
}

/** Undefined where nothing was recorded. */
export function spreadOf(latencies: readonly LatencyRecord[]): Spread | undefined {
  if (latencies.length === 0) return undefined;
  const counts = new Map<number, number>();
  for (const { histogram } of latencies) {
    const decoded = decodeHistogram(histogram);
    for (const { value, count } of bucketsOf(decoded)) counts.set(value, (counts.get(value) ?? 0) + count);
  }
  const values = [...counts.keys()].sort((x, y) => x - y);
  let sum = 0;
  const spread: Spread = {
    ns: Float64Array.from(values, (value) => value * 1_000),
    upTo: Float64Array.from(values, (value) => (sum += counts.get(value) ?? 0)),
  };
  return sum === 0 ? undefined : spread;
}

interface Bucket {
  readonly value: number;
  readonly count: number;
}

/** What the library's plain JavaScript histograms have, which ours are, beyond the interface that it publishes. */
interface Counted {
  readonly countsArrayLength: number;
  getCountAtIndex(index: number): number;
  valueFromIndex(index: number): number;
  highestEquivalentValue(value: number): number;
}

function bucketsOf(histogram: ReturnType<typeof decodeHistogram>): readonly Bucket[] {
  const counted = histogram as unknown as Counted; // built by decodeHistogram without WebAssembly
  const buckets: Bucket[] = [];
  for (let index = 0; index < counted.countsArrayLength; index++) {
    const count = counted.getCountAtIndex(index);
    if (count > 0) buckets.push({ value: counted.highestEquivalentValue(counted.valueFromIndex(index)), count });
  }
  return buckets;
}

/** The latency that this share of the operations did not exceed. */
export function quantile({ ns, upTo }: Spread, share: number): number {
  const rank = Math.max(1, Math.ceil(share * upTo[upTo.length - 1] - 1e-9));
  let low = 0;
  let high = upTo.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (upTo[middle] >= rank) high = middle;
    else low = middle + 1;
  }
  return ns[low];
}

export function countOf({ upTo }: Spread): number {
  return upTo[upTo.length - 1];
}

/** What a bench keeps beside its latencies: harness/bench/plan.ts. */
interface Bench {
  readonly steps?: readonly {
    readonly rate: number;
    readonly series: readonly { readonly method: string; readonly path: string; readonly throughput: number }[];
  }[];
  readonly ladder?: { readonly rungs: readonly { readonly target: string; readonly held?: number }[] };
}

function benchOf({ plan }: RunRecord): Bench | undefined {
  return plan['bench'] as Bench | undefined; // put there by harness/bench/record.ts
}

/** Whether it measured, and keeps no figure of it for it broke a promise. */
export function withholds({ plan }: Pick<RunRecord, 'plan'>): boolean {
  return plan['withheld'] === true; // put there by harness/bench/record.ts
}

function rungsOf(record: RunRecord): readonly { readonly target: string; readonly held?: number }[] {
  return benchOf(record)?.ladder?.rungs ?? [];
}

/** The mean of a bench's measurements; of another run, what its series say of the seconds that were calm. */
function throughputOf(
  record: RunRecord,
  { method, path, phase }: Measure & { readonly type: 'throughput' },
): number | undefined {
  const steps = benchOf(record)?.steps;
  if (steps !== undefined) {
    const own = steps
      .filter(({ rate }) => phase === 'calm' || phase === `${rate}/s`)
      .flatMap(({ series }) => series.filter((one) => one.method === method && one.path === path));
    return own.length === 0 ? undefined : own.reduce((sum, { throughput }) => sum + throughput, 0) / own.length;
  }
  const { series } = record;
  const kind = method === 'read' || method === 'readMany' ? 'read' : 'write';
  if (series === undefined || method !== kind || phase !== 'calm') return undefined;
  const answered = series.rates.filter((one) => one.kind === kind && one.path === path && one.outcome === 'ok');
  const calm = calmSteps(record);
  if (answered.length === 0 || calm.length === 0) return undefined;
  const sum = answered.reduce((all, { counts }) => calm.reduce((some, step) => some + counts[step], all), 0);
  return (sum * 1e9) / (calm.length * series.stepNs);
}

/** Of the latencies that {@link measuresOf} tells path by path: those of all paths together, phase by phase. */
export function sumsOf(measures: readonly Measure[]): readonly Measure[] {
  const sums = measures.flatMap((one) => (one.type === 'latency' ? [{ ...one, path: '*' }] : []));
  return [...new Map(sums.map((one) => [measureName(one), one])).values()];
}

/** Everything that some of the runs have taken, path by path, in a fixed order. */
export function measuresOf(records: readonly RunRecord[], percentiles: readonly number[]): readonly Measure[] {
  const found = new Map<string, Measure>();
  const add = (measure: Measure): void => void found.set(measureName(measure), measure);
  for (const record of records) {
    for (const { method, path, phase, since } of record.latencies) {
      if (since !== 'intended' || path === '*') continue;
      for (const percentile of percentiles) add({ type: 'latency', method, path, phase, since, percentile });
      add({ type: 'throughput', method, path, phase });
    }
    for (const { target } of rungsOf(record)) add({ type: 'ladder', path: target });
  }
  return [...found]
    .filter(([, measure]) => records.some((record) => take(record, measure) !== undefined))
    .map(([, one]) => one);
}

/** `read leader p99`, with the phase where it is not the calm. */
export function measureName(measure: Measure): string {
  if (measure.type === 'ladder') return `highest rate ${measure.path}`;
  const { method, phase } = measure;
  const path = measure.path === '*' ? 'all paths' : measure.path;
  const figure =
    measure.type === 'throughput'
      ? 'per second'
      : `p${measure.percentile}${measure.since === 'sent' ? ' from sending' : ''}`;
  return [method, path, figure, ...(phase === 'calm' ? [] : [`(${phase})`])].join(' ');
}

/** Whether more is worse. */
export function isCost({ type }: Measure): boolean {
  return type === 'latency';
}
