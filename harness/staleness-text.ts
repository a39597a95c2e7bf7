/** How stale a history's reads were, for people and for programs: `tidemark check --staleness`. */
import type { StalenessGroup, StalenessReport, VisibilityPoint } from '../checkers/staleness/report.ts';
import { printable } from '../checkers/explain/labels.ts';
import { describe } from './anomaly-text.ts';
import { count, duration, percent, table } from './table.ts';

/** More columns than these are hard to read: then paths alone, without their nodes. */
const COLUMNS_MAX = 6;

export function textOfStaleness(file: string, report: StalenessReport, ms: number): string {
  const { writes, reads, lost, impossible, leftAside } = report;
  const counted = [`${count(reads)} reads`, `${count(writes)} writes`];
  if (lost > 0) counted.push(`${count(lost)} of them lost`);
  if (impossible > 0) counted.push(`${count(impossible)} that no staleness explains`);
  if (leftAside > 0) counted.push(`${count(leftAside)} left aside`);
  const lines = [
    `${printable(file)}: staleness (${counted.join(', ')}; ${duration(ms * 1e6)})`,
    ...deltaLines(report),
    kLine(report),
  ];
  if (report.uncommitted.length > 0)
    lines.push(`  Δ and k without the reads of ${report.uncommitted.join(', ')}, which may be undone`);
  if (report.groups.length > 0) lines.push('', ...ageTable(report.groups), '', ...curveTable(report.groups));
  return `${lines.join('\n')}\n`;
}

function deltaLines({ delta, k, leftAside, impossible }: StalenessReport): string[] {
  if (k === undefined) return ['  Δ unknown: no read returned what a write of this history wrote'];
  if (delta === undefined) return ['  Δ unknown: the history has no times'];
  if (delta.ns === Number.POSITIVE_INFINITY) return ['  Δ: none; no staleness explains this history'];
  const least = leftAside > 0 ? 'at least ' : '';
  const rest = impossible > 0 ? ' (without what no staleness explains)' : '';
  const meaning = `linearizable once every read may answer as of ${least}${duration(delta.ns)} before it was invoked`;
  return [
    `  Δ ${least}${duration(delta.ns)}: ${delta.ns === 0 && least === '' ? 'no read was older than the clock can tell' : meaning}${rest}`,
    ...delta.operations.map((operation) => `      ${describe(operation)}`),
  ];
}

function kLine({ k, leftAside }: StalenessReport): string {
  if (k === undefined) return '  k unknown';
  const { atLeast, atMost } = k;
  const meaning = (n: string): string => `every read returns one of the ${n} latest writes`;
  if (atLeast === atMost && leftAside === 0)
    return `  k ${count(atLeast)}: ${atLeast === 1 ? 'every read returns the latest write' : meaning(count(atLeast))}`;
  const most =
    atMost === Number.POSITIVE_INFINITY || leftAside > 0 ? '' : ` and ≤ ${count(atMost)}: ${meaning(count(atMost))}`;
  return `  k ≥ ${count(atLeast)}${most}`;
}

function nameOf({ path, node, role }: StalenessGroup): string {
  const where = node === undefined ? undefined : `${node}${role === undefined ? '' : ` (${role})`}`;
  if (path === undefined) return where ?? 'all reads';
  return where === undefined ? path : `${path} ${where}`;
}

function ageTable(groups: readonly StalenessGroup[]): string[] {
  const rows = groups.map((group) => {
    const { low, high } = group;
    const ends = [low.p50, low.p90, low.p99, low.max, high.p50, high.p90, high.p99, high.max].map(age);
    return [nameOf(group), count(group.reads), percent(group.stale, group.reads), count(group.versionsMax), ...ends];
  });
  const head = [
    '  age of answers',
    'reads',
    'stale',
    'versions',
    '≥ p50',
    'p90',
    'p99',
    'max',
    '≤ p50',
    'p90',
    'p99',
    'max',
  ];
  return table(
    [head, ...rows.map(([name, ...others]) => [`  ${name}`, ...others])],
    ['left', ...head.map(() => 'right' as const)],
  );
}

const age = (ns: number): string => (ns === 0 ? '0' : Number.isFinite(ns) ? duration(ns) : '∞');

function curveTable(groups: readonly StalenessGroup[]): string[] {
  const columns = groups.length <= COLUMNS_MAX ? groups : groups.filter(({ node }) => node === undefined);
  const times = [...new Set(columns.flatMap(({ curve }) => curve.map(({ tNs }) => tNs)))].sort((a, b) => a - b);
  const rows: string[][] = [];
  let before = '';
  for (const tNs of times) {
    const points = columns.map(({ curve }) => curve.find((point) => point.tNs === tNs));
    const shares = points.map(shareSeen).join();
    // A line that says what the last one said is left out, and the table ends where everything is seen.
    if (shares !== before) rows.push([`  ${age(tNs)}`, ...points.map(pointText)]);
    before = shares;
    if (points.every((point) => point === undefined || point.mayHaveMissed === 0)) break;
  }
  if (rows.length === 0) return [];
  const head = ['  t after a write was acknowledged', ...columns.map(nameOf)];
  const title = '  reads that see all writes acknowledged at least t before (of how many)';
  return [title, ...table([head, ...rows], ['right', ...head.map(() => 'right' as const)])];
}

function shareSeen(point: VisibilityPoint | undefined): string {
  if (point === undefined) return '–';
  const { reads, missed, mayHaveMissed } = point;
  const [most, least] = [missed, mayHaveMissed].map((n) => seen(n, reads));
  return least === most ? `${most} %` : `${least}–${most} %`;
}

/** Of a share that is not whole, never 100. */
function seen(missed: number, reads: number): string {
  if (missed === 0) return '100';
  const share = (100 * (reads - missed)) / reads;
  return share > 99.99 ? '>99.99' : share.toFixed(2);
}

const pointText = (point: VisibilityPoint | undefined): string =>
  point === undefined ? '–' : `${shareSeen(point)} (${count(point.reads)})`;

/** Infinite numbers are null. */
export function jsonOfStaleness(file: string, report: StalenessReport, ms: number): string {
  const { delta, k, ...others } = report;
  const measured = {
    deltaNs: delta?.ns ?? null,
    deltaOperations: delta?.operations ?? [],
    k: k === undefined ? null : { atLeast: k.atLeast, atMost: k.atMost },
  };
  return `${JSON.stringify({ schema: 1, file, staleness: { ...measured, ...others }, ms: Math.round(ms) })}\n`;
}
