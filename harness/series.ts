/**
 * How a run went over time, from its history: rates, latencies and staleness by the second, how soon writes were seen, latencies of
 * each node. What reports draw and the database keeps; what decides a verdict is elsewhere.
 */
import type { Budget } from '../checkers/checker.ts';
import { defaultSemantics } from '../checkers/checker.ts';
import { undoneWrites } from '../checkers/sessions/survival.ts';
import { reportStaleness } from '../checkers/staleness/report.ts';
import { SECOND } from '../history/clock.ts';
import { type History, METHODS, MISMATCH, NONE, OK, ROLES } from '../history/history.ts';
import { RECOVERY_NS } from '../results/calm.ts';
import { Latencies } from '../results/histograms.ts';
import type {
  FaultRecord,
  LatencySeries,
  RateSeries,
  RunRecord,
  SeriesRecord,
  StalenessCurve,
  StalenessSeries,
} from '../results/record.ts';
import { eachAgedRead, ofLoad, ofWrittenKeys } from './load-reads.ts';
import { lagsOf, standingsOf } from './standings.ts';
import { batchName } from './transactions.ts';

export interface SeriesOptions {
  /** Its reads are those of the leader, where leader and followers are compared. */
  readonly strongestReadPath: string;
  /** Read paths that may show what has not taken effect. */
  readonly uncommitted: readonly string[];
  readonly faults: readonly FaultRecord[];
  /** Places of different histories are not compared: the system's positions are such. */
  readonly lagWithinHistory?: boolean;
  /** `undoneWrites` of the history; found again if not given. */
  readonly undone?: ReadonlySet<number>;
}

export type OverTime = Required<Pick<RunRecord, 'series' | 'standings' | 'curves' | 'nodeLatencies'>>;

/** More steps than these are more than anybody looks at: then they are wider than a second. */
const STEPS_MAX = 3600;
const WIDTHS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600];

export function overTime(history: History, options: SeriesOptions): OverTime {
  const undone = options.undone ?? undoneWrites(history);
  const served = ofLoad(history);
  const written = ofWrittenKeys(served);
  const endNs = endOf(history);
  const stepNs = stepOf(endNs);
  const steps = Math.floor(endNs / stepNs) + 1;
  const series: SeriesRecord = {
    stepNs,
    steps,
    ...operationSeries(served, options, stepNs, steps),
    lags: lagsOf(history, stepNs, steps, options.lagWithinHistory === true),
    staleness: stalenessSeries(written, options, undone, stepNs, steps),
  };
  return {
    series,
    standings: standingsOf(history, endNs),
    curves: curvesOf(written, options, undone),
    nodeLatencies: nodeLatencies(served, options.faults),
  };
}

function endOf(history: History): number {
  let end = history.notes.at(-1)?.time ?? 0;
  for (let row = 0; row < history.length; row++) {
    const time = Number.isNaN(history.retTime[row]) ? history.callTime[row] : history.retTime[row];
    if (time > end) end = time;
  }
  return end;
}

function stepOf(endNs: number): number {
  const width = WIDTHS_S.find((seconds) => endNs / (seconds * SECOND) < STEPS_MAX);
  return (width ?? Math.ceil(endNs / (STEPS_MAX * SECOND))) * SECOND;
}

/** Whether a row's method looks and changes nothing. */
const looks = METHODS.map((method) => method === 'read' || method === 'poll');

/** One row for each operation: of those on many keys, the first. */
function isFirst({ batch }: History, row: number): boolean {
  return batch[row] === NONE || batch[row] === row;
}

function operationSeries(
  history: History,
  { strongestReadPath }: SeriesOptions,
  stepNs: number,
  steps: number,
): Pick<SeriesRecord, 'rates' | 'latencies'> {
  const rates = new Map<string, { readonly of: Omit<RateSeries, 'counts'>; readonly counts: Uint32Array }>();
  const latencies = new Map<string, Gathered>();
  for (let row = 0; row < history.length; row++) {
    if (history.path[row] === NONE || !isFirst(history, row)) continue;
    const kind = looks[history.f[row]] ? 'read' : 'write';
    const path = history.paths[history.path[row]];
    const outcome = outcomeOf(history, row);
    const end = Number.isNaN(history.retTime[row]) ? history.callTime[row] : history.retTime[row];
    if (Number.isNaN(end)) continue;
    const step = Math.min(steps - 1, Math.max(0, Math.floor(end / stepNs)));
    const name = `${kind} ${outcome} ${path}`;
    let rate = rates.get(name);
    if (rate === undefined) rates.set(name, (rate = { of: { kind, path, outcome }, counts: new Uint32Array(steps) }));
    rate.counts[step]++;
    const role = ROLES[history.role[row]] ?? 'unknown';
    // As in the table of leader and followers: the strongest path against all that followers answered.
    const as = kind === 'write' ? role : path === strongestReadPath ? 'leader' : role === 'follower' ? 'follower' : '';
    if (outcome !== 'ok' || as === '') continue;
    const begin = Number.isNaN(history.intended[row]) ? history.callTime[row] : history.intended[row];
    const shown = kind === 'write' ? path : '*';
    const group = `${kind} ${as} ${shown}`;
    let gathered = latencies.get(group);
    if (gathered === undefined)
      latencies.set(group, (gathered = { of: { kind, path: shown, role: as }, at: [], ns: [] }));
    gathered.at.push(step);
    gathered.ns.push(Math.max(0, end - begin));
  }
  return {
    rates: [...rates.values()].map(({ of, counts }) => ({ ...of, counts: [...counts] })),
    latencies: [...latencies.values()].map((gathered) => byStep(gathered, steps)),
  };
}

function outcomeOf({ outcome, flags }: History, row: number): RateSeries['outcome'] {
  if (outcome[row] === OK) return 'ok';
  if ((flags[row] & MISMATCH) !== 0) return 'mismatch';
  return outcome[row] === 1 ? 'fail' : 'info';
}

interface Gathered {
  readonly of: Pick<LatencySeries, 'kind' | 'path' | 'role'>;
  readonly at: number[];
  readonly ns: number[];
}

function byStep({ of, at, ns }: Gathered, steps: number): LatencySeries {
  const counts = new Uint32Array(steps);
  for (const step of at) counts[step]++;
  const ends = new Uint32Array(steps);
  for (let step = 0, end = 0; step < steps; step++) ends[step] = end += counts[step];
  const next = ends.map((end, step) => end - counts[step]);
  const placed = new Float64Array(ns.length);
  for (const [i, step] of at.entries()) placed[next[step]++] = ns[i];
  const p50Ns: number[] = [];
  const p99Ns: number[] = [];
  const maxNs: number[] = [];
  for (let step = 0; step < steps; step++) {
    const some = placed.subarray(ends[step] - counts[step], ends[step]).sort();
    p50Ns.push(nearest(some, 0.5));
    p99Ns.push(nearest(some, 0.99));
    maxNs.push(some[some.length - 1] ?? 0);
  }
  return { ...of, counts: [...counts], p50Ns, p99Ns, maxNs };
}

function nearest(sorted: Float64Array, share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
}

function stalenessSeries(
  history: History,
  { uncommitted }: SeriesOptions,
  undone: ReadonlySet<number>,
  stepNs: number,
  steps: number,
): readonly StalenessSeries[] {
  const byPath = new Map<number, Record<'reads' | 'stale' | 'maxNs', Float64Array>>();
  eachAgedRead(history, { uncommitted, undone }, (part, row, ages, place) => {
    const path = part.path[row];
    let seen = byPath.get(path);
    const zeros = (): Float64Array => new Float64Array(steps);
    if (seen === undefined) byPath.set(path, (seen = { reads: zeros(), stale: zeros(), maxNs: zeros() }));
    const step = Math.min(steps - 1, Math.max(0, Math.floor(part.callTime[row] / stepNs)));
    const low = ages.low[place];
    seen.reads[step]++;
    if (low > 0) seen.stale[step]++;
    if (low > seen.maxNs[step]) seen.maxNs[step] = low;
  });
  return [...byPath].map(([path, { reads, stale, maxNs }]) => ({
    readPath: history.paths[path],
    reads: [...reads],
    stale: [...stale],
    maxNs: [...maxNs],
  }));
}

function curvesOf(
  history: History,
  { uncommitted }: SeriesOptions,
  undone: ReadonlySet<number>,
): readonly StalenessCurve[] {
  // How many versions behind the worst was is not asked: the search for it ends at once.
  const budget: Budget = { spent: () => 'not asked' };
  const { groups } = reportStaleness(history, { ...defaultSemantics, undone, uncommitted }, budget);
  return groups.flatMap(({ path, ...rest }) => (path === undefined ? [] : [{ path, ...rest }]));
}

function nodeLatencies(history: History, faults: readonly FaultRecord[]): OverTime['nodeLatencies'] {
  const inForce = spansOf(faults, 0);
  const recovering = spansOf(faults, RECOVERY_NS);
  const byNode = history.nodes.map(() => new Latencies());
  for (let row = 0; row < history.length; row++) {
    const [node, path] = [history.node[row], history.path[row]];
    if (history.outcome[row] !== OK || node === NONE || path === NONE || !isFirst(history, row)) continue;
    const end = history.retTime[row];
    const begin = Number.isNaN(history.intended[row]) ? history.callTime[row] : history.intended[row];
    const method = history.batch[row] === NONE ? METHODS[history.f[row]] : batchName(history, row);
    const role = ROLES[history.role[row]] ?? 'unknown';
    const name = history.paths[path];
    if (!overlaps(recovering, begin, end)) byNode[node].record(method, name, role, 'calm', end - begin);
    if (overlaps(inForce, begin, end)) byNode[node].record(method, name, role, 'faults', end - begin);
  }
  return byNode.flatMap((latencies, node) =>
    latencies.records().map((record) => ({ ...record, node: history.nodes[node] })),
  );
}

/** Spans of time that touch no other, ascending. */
type Spans = readonly { readonly from: number; readonly until: number }[];

function spansOf(faults: readonly FaultRecord[], longerNs: number): Spans {
  const spans: { from: number; until: number }[] = [];
  for (const { from, until } of [...faults].sort((a, b) => a.from - b.from)) {
    const last = spans.at(-1);
    if (last !== undefined && from <= last.until) last.until = Math.max(last.until, until + longerNs);
    else spans.push({ from, until: until + longerNs });
  }
  return spans;
}

function overlaps(spans: Spans, from: number, until: number): boolean {
  let low = 0;
  let high = spans.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (spans[middle].until < from) low = middle + 1;
    else high = middle;
  }
  return low < spans.length && spans[low].from <= until;
}
