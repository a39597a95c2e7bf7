/** The report of a bench: what was asked, what was measured, what the sample showed. */
import { join } from 'node:path';
import { printable } from '../../checkers/explain/labels.ts';
import type { RunRecord } from '../../results/record.ts';
import { painter } from '../matrix.ts';
import { printableRecord } from '../printable-record.ts';
import { nodes } from '../report-text.ts';
import { count, duration, table } from '../table.ts';
import type { BenchResult, Rung, Step, StepSeries } from './plan.ts';

export function renderBench(given: RunRecord, color: boolean): string {
  const record = printableRecord(given);
  const paint = painter(color);
  const bench = benchOf(record);
  const parts = [
    head(record, bench),
    checked(record, bench),
    ...(record.plan['withheld'] === true ? [] : [lines(rateTable(bench)), lines(ladderTable(bench))]),
    '',
    `  ${remark(bench)}`,
  ];
  const [title, ...rest] = parts.flat();
  return `${[paint('bold', title), ...rest].join('\n')}\n`;
}

export function benchOf({ plan }: RunRecord): BenchResult {
  return plan['bench'] as BenchResult; // put there by bench/record.ts
}

/** Undefined where the run is no bench, or its figures are withheld. */
export function measured(record: RunRecord): BenchResult | undefined {
  return record.plan['bench'] === undefined || record.plan['withheld'] === true ? undefined : benchOf(record);
}

function head(record: RunRecord, bench: BenchResult): readonly string[] {
  const { mix, distribution, records, valueBytes, targets, writePath, sessions, repeats } = bench;
  const size = valueBytes === 0 ? 'bare numbers' : `${valueBytes} bytes each`;
  return [
    `Bench ${record.id}`,
    `  ${record.system} in ${record.environment}, seed ${record.seed}, ${nodes(record.plan)}; YCSB mix ${mix.toUpperCase()}, ${distribution} keys, ${count(records)} records, ${size}`,
    `  writes ${writePath}; reads ${targets.join(', ')}; ${sessions} sessions for each read path; each measurement ${duration(bench.durationNs)} after ${duration(bench.warmUpNs)} of warm-up, ${repeats} ${repeats === 1 ? 'time' : 'times'}`,
  ];
}

function checked(record: RunRecord, bench: BenchResult): readonly string[] {
  const { operations, of } = bench.checked;
  const judged = record.cells.filter(({ state }) => state === 'kept' || state === 'broken' || state === 'undecided');
  const broken = judged.filter(({ state }) => state === 'broken');
  const undecided = judged.filter(({ state }) => state === 'undecided');
  const said = `  sample: ${count(bench.checkedKeys)} keys, ${count(operations)} of ${count(of)} operations checked;`;
  if (broken.length > 0) {
    return [
      '',
      `${said} BROKEN PROMISES, so no figures are published:`,
      ...broken.flatMap(({ guarantee, writePath, readPath, note, anomalies }) => [
        `    ${[guarantee, writePath, readPath].filter((part) => part !== undefined).join(' · ')}: ${note}`,
        ...anomalies.slice(0, 1).map(({ sentence }) => `      ${sentence}`),
      ]),
    ];
  }
  const kept = judged.length - undecided.length;
  return [
    '',
    `${said} ${kept} promises kept${undecided.length === 0 ? '' : `, ${undecided.length} undecided:`}`,
    ...undecided.map(
      ({ guarantee, writePath, readPath, note }) =>
        `    ${[guarantee, writePath, readPath].filter((part) => part !== undefined).join(' · ')}: ${note}`,
    ),
  ];
}

/** A table of any report. */
export interface Table {
  readonly title: string;
  readonly head: readonly string[];
  /** The columns of figures. */
  readonly right: readonly number[];
  readonly rows: readonly (readonly string[])[];
  readonly notes: readonly string[];
}

function lines(some: Table | undefined): readonly string[] {
  if (some === undefined) return [];
  const sides = some.head.map((_, i) => (some.right.includes(i) ? 'right' : 'left'));
  return [
    '',
    some.title,
    ...table([some.head, ...some.rows], sides).map((line) => `  ${line}`),
    ...some.notes.map((note) => `  ${note}`),
  ];
}

/** Undefined for a ladder. */
export function rateTable({ steps, ladder }: BenchResult): Table | undefined {
  if (ladder !== undefined || steps.length === 0) return undefined;
  const rows = steps.flatMap((step) => [
    ...step.series.map((series, i) => rowOf(step, series, i === 0)),
    ...(step.series.length === 0 ? [[`${step.rate}/s`, 'nothing was answered']] : []),
  ]);
  const head = ['offered', 'method', 'path', 'answered/s', 'p50', 'p90', 'p99', 'p99.9', 'max', 'p50 sent', 'p99 sent'];
  const title = 'Latency from the intended start ("sent": uncorrected, from when its session was free to send it)';
  return { title, head, right: [0, 3, 4, 5, 6, 7, 8, 9, 10], rows, notes: steps.flatMap(unanswered) };
}

function rowOf(step: Step, series: StepSeries, isFirst: boolean): string[] {
  const { method, path, throughput, p50Ns, p90Ns, p99Ns, p999Ns, maxNs, sentP50Ns, sentP99Ns } = series;
  return [
    isFirst ? `${step.rate}/s` : '',
    method,
    path,
    throughput.toFixed(1),
    ...[p50Ns, p90Ns, p99Ns, p999Ns, maxNs, sentP50Ns, sentP99Ns].map(duration),
  ];
}

function unanswered({ rate, arrivals, answered, refused, unknown, shed }: Step): readonly string[] {
  if (arrivals === answered) return [];
  return [
    `at ${rate}/s ${count(arrivals - answered)} of ${count(arrivals)} operations are in no row: ${count(refused)} refused, ${count(unknown)} without an answer in time, ${count(shed)} found a full queue`,
  ];
}

/** Undefined without a ladder. */
export function ladderTable({ ladder: found, steps }: BenchResult): Table | undefined {
  if (found === undefined) return undefined;
  const rows = found.rungs.map((rung) => [
    rung.target,
    heldText(rung, found.limitNs),
    rung.failed === undefined ? 'none tried' : `${count(rung.failed)}/s`,
    confirmedText(rung, 'p50Ns'),
    confirmedText(rung, 'p99Ns'),
    rung.why,
  ]);
  return {
    title: `The highest rate at which p99 of the reads stayed within ${duration(found.limitNs)} from their intended start, each path by itself (${steps.length} measurements)`,
    head: ['reads', 'held', 'did not hold', 'p50 there', 'p99 there', 'why not more'],
    right: [1, 2, 3, 4],
    rows,
    notes: [],
  };
}

/** A rate that held once, and not when it was measured again, is said to be no more than that. */
export function heldText({ held, confirmed }: Rung, limitNs: number): string {
  if (held === undefined) return 'none';
  const missed = confirmed.filter(({ p99Ns }) => p99Ns > limitNs).length;
  if (missed === 0) return `${count(held)}/s`;
  return `${count(held)}/s, not in ${missed} of ${confirmed.length} more`;
}

function confirmedText({ confirmed }: Rung, figure: 'p50Ns' | 'p99Ns'): string {
  return confirmed.map((one) => duration(one[figure])).join(', ');
}

/** What the figures are figures of. */
export function remark({ steps, virtualTime }: BenchResult): string {
  const late = Math.max(0, ...steps.map(({ lateP99Ns }) => lateP99Ns));
  return virtualTime
    ? 'Virtual time: these figures measure the model of network, disk and processor, not this machine.'
    : `The load generator shares this machine with the store; its own lateness, contained in the figures, was at most ${duration(late)} at p99.`;
}

export function closingOfBench(record: RunRecord): string {
  const said = { kept: 'the sample kept all promises', broken: 'the sample broke a promise', undecided: 'undecided' };
  return [
    `verdict: ${said[record.verdict]} (exit ${record.exitCode})`,
    `report: ${join('.tidemark', 'runs', record.id, 'report.txt')}`,
    `again: ${record.command}`,
  ]
    .map(printable)
    .join('\n');
}
