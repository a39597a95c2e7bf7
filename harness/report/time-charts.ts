/** Charts over the time of the run, one below the other on the same axis: latency, rates, lag, staleness, with bands where faults were in force. */
import type { LatencySeries, RunRecord, SeriesRecord } from '../../results/record.ts';
import { positionsOf } from '../standings.ts';
import { count } from '../table.ts';
import {
  columns,
  drawn,
  durationTick,
  type Frame,
  legend,
  line,
  linear,
  logarithmic,
  round,
  rows,
  type Scale,
  type Size,
  timeScale,
  WIDTH,
} from './chart.ts';
import { html, type Markup, name, pathData } from './markup.ts';

/** Points of a line; more cannot be told apart. */
const POINTS_MAX = 300;

/** Besides these, what the system's positions count: `entries`, `bytes of WAL`. */
export type Unit = 'ns' | '/s' | (string & {});

export interface TimeLine {
  readonly label: string;
  readonly type: string;
  /** One a step; undefined: there was nothing. */
  readonly values: readonly (number | undefined)[];
  /** How several steps become one point. */
  readonly several: 'worst' | 'mean' | 'median';
}

/** What the page's script tells of a chart where the pointer is. */
export interface Readout {
  readonly stepNs: number;
  readonly unit: Unit;
  readonly lines: readonly { readonly label: string; readonly values: readonly (number | null)[] }[];
}

export interface TimeChart {
  readonly figure: Markup;
  readonly readout: Readout;
}

interface Asked {
  readonly record: RunRecord;
  readonly title: string;
  readonly caption: string;
  readonly unit: Unit;
  readonly scale: 'linear' | 'log';
  readonly lines: readonly TimeLine[];
  readonly series: SeriesRecord;
  /** Its number among the charts of the page. */
  readonly number: number;
}

/** The same for all charts over time, so that they can be compared from top to bottom. */
export function timeFrame(size: Size, height: number): Frame {
  return {
    size,
    width: WIDTH[size],
    height,
    left: size === 'wide' ? 138 : 46,
    right: 10,
    top: 10,
    bottom: 24,
  };
}

export function timeOf(frame: Frame, endNs: number): Scale {
  return timeScale(endNs, frame.left, frame.width - frame.right, frame.size === 'wide' ? 12 : 5);
}

/** Where at least one fault was in force. */
export function faultBands(record: RunRecord, frame: Frame, { place }: Scale): Markup {
  const spans: { from: number; until: number }[] = [];
  for (const { from, until } of [...record.faults].sort((a, b) => a.from - b.from)) {
    const last = spans.at(-1);
    if (last !== undefined && place(from) <= place(last.until) + 0.5) last.until = Math.max(last.until, until);
    else spans.push({ from, until });
  }
  const d = spans
    .map(({ from, until }) => {
      const [x, end] = [round(place(from)), round(place(Math.min(until, record.virtualNs)))];
      return `M${x} ${frame.top}H${Math.max(end, x + 0.5)}V${frame.height - frame.bottom}H${x}z`;
    })
    .join('');
  return d === '' ? html`` : html`<path class="band" d="${pathData(d)}"/>`;
}

/** More lines than these would hide what they stand beside. */
const FAILOVER_LINES_MAX = 40;

/** A dotted line at each failover, where they are not too many. */
export function failoverLines(record: RunRecord, frame: Frame, { place }: Scale): Markup {
  const seen = new Set(record.failovers.map(({ start }) => Math.round(place(start))));
  if (seen.size > FAILOVER_LINES_MAX) return html``;
  const d = [...seen].map((x) => `M${x} ${frame.top}V${frame.height - frame.bottom}`).join('');
  return d === '' ? html`` : html`<path class="fell" d="${pathData(d)}"/>`;
}

export function timeCharts(record: RunRecord): readonly TimeChart[] {
  const { series } = record;
  if (series === undefined) return [];
  const asked: Omit<Asked, 'number'>[] = [];
  const base = { record, series };
  const answered = series.latencies.filter(({ counts }) => counts.some((n) => n > 0));
  const reads = answered.filter(({ kind }) => kind === 'read');
  if (reads.length > 0)
    asked.push({
      ...base,
      title: 'Latency of reads',
      caption: 'from the intended start: the strongest path against all that followers answered',
      unit: 'ns',
      scale: 'log',
      lines: ['leader', 'follower'].flatMap((role) =>
        latencyLines(
          reads.find((one) => one.role === role),
          role,
          role,
        ),
      ),
    });
  const writes = byPath(answered.filter(({ kind }) => kind === 'write'));
  if (writes.length > 0)
    asked.push({
      ...base,
      title: 'Latency of writes',
      caption: 'p99 from the intended start, by write path',
      unit: 'ns',
      scale: 'log',
      lines: writes.map((one, i) => ({
        label: one.path,
        type: `s${i}`,
        values: one.p99Ns.map((ns, step) => (one.counts[step] > 0 ? ns : undefined)),
        several: 'worst' as const,
      })),
    });
  asked.push({
    ...base,
    title: 'Operations per second',
    caption: 'by the moment in which they ended',
    unit: '/s',
    scale: 'linear',
    lines: rateLines(series),
  });
  const lagging = series.lags.filter(({ entries }) => entries.some((n) => n !== null));
  if (lagging.length > 0) asked.push({ ...base, ...lagOf(lagging, positionsOf(record)?.unit ?? 'entries') });
  const stale = staleLines(series);
  if (stale.length > 0)
    asked.push({
      ...base,
      title: 'Staleness',
      caption: 'of the stalest read of each moment: by how much its answer was out of date, at the least',
      unit: 'ns',
      scale: 'log',
      lines: stale,
    });
  return asked.map((one, number) => chart({ ...one, number }));
}

function latencyLines(one: LatencySeries | undefined, role: string, type: string): readonly TimeLine[] {
  if (one === undefined) return [];
  const where = (values: readonly number[]): (number | undefined)[] =>
    values.map((ns, step) => (one.counts[step] > 0 ? ns : undefined));
  return [
    { label: `${role}, p50`, type, values: where(one.p50Ns), several: 'median' },
    { label: `${role}, p99`, type: `${type} tail`, values: where(one.p99Ns), several: 'worst' },
  ];
}

/** Of each write path the role that answered most; the most used paths. */
function byPath(writes: readonly LatencySeries[]): readonly LatencySeries[] {
  const total = ({ counts }: LatencySeries): number => counts.reduce((sum, n) => sum + n, 0);
  const best = new Map<string, LatencySeries>();
  for (const one of writes) {
    const other = best.get(one.path);
    if (other === undefined || total(one) > total(other)) best.set(one.path, one);
  }
  return [...best.values()].sort((a, b) => total(b) - total(a)).slice(0, 6);
}

function rateLines({ rates, steps, stepNs }: SeriesRecord): readonly TimeLine[] {
  const seconds = stepNs / 1e9;
  const sum = (some: typeof rates): number[] =>
    Array.from(
      { length: steps },
      (_, step) => some.reduce((total, { counts }) => total + (counts[step] ?? 0), 0) / seconds,
    );
  const done = rates.filter(({ outcome }) => outcome === 'ok' || outcome === 'mismatch');
  const lines = [
    { label: 'reads answered', type: 's0', values: sum(done.filter(({ kind }) => kind === 'read')) },
    { label: 'writes answered', type: 's1', values: sum(done.filter(({ kind }) => kind === 'write')) },
    { label: 'refused', type: 's2', values: sum(rates.filter(({ outcome }) => outcome === 'fail')) },
    { label: 'outcome unknown', type: 's3', values: sum(rates.filter(({ outcome }) => outcome === 'info')) },
  ];
  return lines.map((one) => ({ ...one, several: 'mean' as const }));
}

function lagOf(lags: SeriesRecord['lags'], unit: string): Omit<Asked, 'number' | 'record' | 'series'> {
  const groups = new Set(lags.map(({ group }) => group));
  const nodes = [...new Set(lags.map(({ node }) => node))].slice(0, 9);
  return {
    title: 'Lag',
    caption: `${unit} that a leader had committed and the node had not applied when it was asked${groups.size > 1 ? '; the most in any replication group' : ''}`,
    unit,
    scale: 'linear',
    lines: nodes.map((node, i) => {
      const mine = lags.filter((one) => one.node === node);
      const values = mine[0].entries.map((_, step) => {
        const told = mine.flatMap(({ entries }) => entries[step] ?? []);
        return told.length === 0 ? undefined : Math.max(...told);
      });
      return { label: node, type: `s${i}`, values, several: 'worst' };
    }),
  };
}

/** The read paths that were stale most often; the others hardly ever are. */
function staleLines({ staleness }: SeriesRecord): readonly TimeLine[] {
  const total = (numbers: readonly number[]): number => numbers.reduce((sum, n) => sum + n, 0);
  return [...staleness]
    .filter(({ stale }) => total(stale) > 0)
    .sort((a, b) => total(b.stale) - total(a.stale))
    .slice(0, 5)
    .map(({ readPath, stale, maxNs }, i) => ({
      label: readPath,
      type: `s${i}`,
      values: maxNs.map((ns, step) => (stale[step] > 0 ? ns : undefined)),
      several: 'worst',
    }));
}

function chart({ record, title, caption, unit, scale, lines: all, series, number }: Asked): TimeChart {
  const factor = Math.ceil(series.steps / POINTS_MAX);
  const lines = all.map((one) => ({ ...one, values: condensed(one, factor) }));
  const stepNs = series.stepNs * factor;
  const values = lines.flatMap((one) => one.values.flatMap((n) => (n === undefined || n <= 0 ? [] : [n])));
  const [least, most] = values.reduce(([low, high], n) => [Math.min(low, n), Math.max(high, n)], [Infinity, 0]);
  const label = unit === 'ns' ? durationTick : (n: number): string => count(n);
  const picture = drawn(`${title}: ${caption}`, (size) => {
    const frame = timeFrame(size, size === 'wide' ? 176 : 168);
    const x = timeOf(frame, record.virtualNs);
    const [bottom, top] = [frame.height - frame.bottom, frame.top];
    const y =
      scale === 'log'
        ? logarithmic(most === 0 ? 1e6 : least, most, bottom, top, label)
        : linear(most, bottom, top, label);
    const points = (one: TimeLine) =>
      one.values.map((n, step) =>
        n === undefined
          ? undefined
          : ([x.place(Math.min((step + 0.5) * stepNs, record.virtualNs)), y.place(n)] as const),
      );
    return {
      height: frame.height,
      parts: [
        faultBands(record, frame, x),
        rows(frame, y),
        columns(frame, x),
        failoverLines(record, frame, x),
        lines.map((one) => line(points(one), one.type)),
        html`<path class="cursor" d="M0 ${top}V${bottom}"/>`,
      ],
    };
  });
  const merged = factor === 1 ? '' : `; each point sums up ${durationTick(stepNs)}`;
  const figure = html`<figure class="over-time" data-chart="${number}">
<figcaption><b>${title}</b> <span>${caption}${merged}</span></figcaption>
${legend(lines.map((one) => ({ label: name(one.label, 40), type: one.type })))}
${picture}<p class="readout"></p></figure>`;
  const told = lines.map((one) => ({
    label: one.label.slice(0, 40),
    values: one.values.map((n) => (n === undefined ? null : Number(n.toPrecision(3)))),
  }));
  return { figure, readout: { stepNs, unit, lines: told } };
}

function condensed({ values, several }: TimeLine, factor: number): readonly (number | undefined)[] {
  if (factor === 1) return values;
  return Array.from({ length: Math.ceil(values.length / factor) }, (_, i) => {
    const some = values.slice(i * factor, (i + 1) * factor).flatMap((n) => n ?? []);
    if (some.length === 0) return undefined;
    if (several === 'worst') return Math.max(...some);
    if (several === 'mean') return some.reduce((sum, n) => sum + n, 0) / some.length;
    return some.sort((a, b) => a - b)[Math.floor((some.length - 1) / 2)];
  });
}
