/** The report of a run for the terminal: verdict, matrix with its evidence, anomalies, latencies, staleness, failovers. */
import { printable } from '../checkers/explain/labels.ts';
import { SECOND } from '../history/clock.ts';
import { describe, linesOfAnomaly } from './anomaly-text.ts';
import type { Bail, Cell, LatencyRecord, RunRecord } from '../results/record.ts';
import { freshReadText } from './fresh-reads.ts';
import { printableRecord } from './printable-record.ts';
import { FROM_INTENDED, OF_THE_LOAD, overloadLines, reasonLines } from './load-text.ts';
import { type Paint, painter, renderMatrix } from './matrix.ts';
import type { Replayed } from './replay.ts';
import { effectText, faultLines, replayLines, scheduleLines } from './report-faults.ts';
import { count, duration, many, percent, table } from './table.ts';

export interface ReportOptions {
  readonly color: boolean;
}

/** Reports are kept in files: their drawings are as wide as fits everywhere. */
const COLUMNS = 94;

/** Anomalies explained per cell; the rest is counted. */
const EXPLAINED_MAX = 2;

export function renderReport(given: RunRecord, options: ReportOptions): string {
  const record = printableRecord(given);
  const paint = painter(options.color);
  const parts = [
    head(record, paint),
    titled('The run went wrong', failuresOf(record), paint),
    matrix(record, paint),
    anomalies(record, paint, options),
    suspended(record, paint),
    findings(record, paint),
    latency(record, paint),
    leaderVersusFollower(record, paint),
    staleness(record, paint),
    failovers(record, paint),
    titled('Faults', faultLines(record, paint), paint),
    titled('Schedule', scheduleLines(record, paint), paint),
    titled(`Replay of ${replayOf(record)}`, replayLines(record, paint), paint),
    remarks(record, paint),
  ];
  return `${parts.filter((part) => part.length > 0).join('\n\n')}\n`;
}

function section(title: string, lines: readonly string[], paint: Paint): string {
  return [paint('bold', title), ...lines.map((line) => (line === '' ? '' : `  ${line}`))].join('\n');
}

function titled(title: string, lines: readonly string[], paint: Paint): string {
  return lines.length === 0 ? '' : section(title, lines, paint);
}

function replayOf({ plan }: RunRecord): string {
  return (plan.replay as Replayed | undefined)?.run ?? ''; // put there by record-run.ts
}

function head(record: RunRecord, paint: Paint): string {
  const { counts, plan } = record;
  const workloads = Array.isArray(plan.workloads) ? plan.workloads.join(', ') : '';
  const done = (counts.ok ?? 0) + (counts.mismatch ?? 0);
  const seconds = record.virtualNs / SECOND;
  return [
    paint('bold', `Run ${record.id}`),
    `  ${record.system} in ${record.environment}, seed ${record.seed}, ${nodes(plan)}; workloads ${workloads}`,
    `  ${count(done)} operations completed (${count(counts.ok ?? 0)} ok, ${count(counts.mismatch ?? 0)} cas mismatches), ` +
      `${count(counts.refused ?? 0)} refused, ${count(counts.info ?? 0)} unknown, ${count(counts.shed ?? 0)} shed`,
    `  ${seconds.toFixed(1)} s of the cluster's time in ${(record.wallMs / 1000).toFixed(1)} s`,
    ...overloadLines(record).map((line) => paint('yellow', `  ${line}`)),
    ...bailed(record).map((line) => paint('red', `  ${line}`)),
    ...(interrupted(record) ? [paint('yellow', '  INTERRUPTED: what follows speaks of the part that was run')] : []),
  ].join('\n');
}

/** `3 nodes`. */
export function nodes({ nodes: n }: RunRecord['plan']): string {
  return typeof n === 'number' ? many(n, 'node') : '? nodes';
}

/** At which moment and by which event the run was ended early, and what that spared. */
export function bailed({ plan }: RunRecord): readonly string[] {
  const bail = plan.bail as Bail | undefined; // put there by record-run.ts, and nobody else
  if (bail === undefined) return [];
  const { guarantee, writePath, readPath, at, sparedNs, event, kind, sentence } = bail;
  const where = title({
    guarantee,
    ...(writePath !== undefined && { writePath }),
    ...(readPath !== undefined && { readPath }),
  });
  return [
    `STOPPED ${(at / SECOND).toFixed(3)} s into the load, at event ${event}: ${where} was broken; ${(sparedNs / SECOND).toFixed(1)} s of ${((at + sparedNs) / SECOND).toFixed(1)} s were spared`,
    `${kind}: ${sentence}`,
  ];
}

function matrix(record: RunRecord, paint: Paint): string {
  return section('Promises and findings', renderMatrix(record.cells, paint), paint);
}

/** `durable (writes quorum-ack)` */
export function title(cell: Pick<Cell, 'guarantee' | 'writePath' | 'readPath'>): string {
  const where = [cell.writePath && `writes ${cell.writePath}`, cell.readPath && `reads ${cell.readPath}`].filter(
    Boolean,
  );
  return `${cell.guarantee}${where.length > 0 ? ` (${where.join(', ')})` : ''}`;
}

function anomalies(record: RunRecord, paint: Paint, options: ReportOptions): string {
  const broken = record.cells.filter((cell) => cell.state === 'broken');
  const lines = broken.flatMap((cell) => [
    paint('red', `${title(cell)}: ${cell.note}`),
    ...(cell.citation === undefined ? [] : [`  promised: ${cell.citation.says} (${cell.citation.url})`]),
    ...cell.anomalies
      .slice(0, EXPLAINED_MAX)
      .flatMap((anomaly) => [
        `  ${anomaly.kind}: ${anomaly.sentence}`,
        ...linesOfAnomaly(anomaly, COLUMNS, options.color).map((line) => (line === '' ? '' : `    ${line}`)),
      ]),
    ...(cell.anomalyCount > EXPLAINED_MAX ? [`  … and ${count(cell.anomalyCount - EXPLAINED_MAX)} more`] : []),
  ]);
  return lines.length === 0 ? '' : section('Broken promises', lines, paint);
}

/** What was promised, and did not stand: which promise, by which fault, and what came of it. */
function suspended(record: RunRecord, paint: Paint): string {
  const lines = record.cells.flatMap((cell) => {
    if (cell.suspendedBy === undefined) return [];
    const came = cell.note === '' ? cell.state : `${cell.state}: ${cell.note}`;
    const example = cell.anomalies[0];
    return [
      `${title(cell)}, suspended by ${cell.suspendedBy.join(', ')}: ${came}`,
      ...(example === undefined
        ? []
        : [
            paint('dim', `  e.g. ${example.sentence}`),
            ...example.operations.map((operation) => paint('dim', `    ${describe(operation)}`)),
          ]),
    ];
  });
  return lines.length === 0 ? '' : section('Suspended promises (so no failure)', lines, paint);
}

function findings(record: RunRecord, paint: Paint): string {
  const never = record.cells.filter((cell) => cell.suspendedBy === undefined);
  const violated = never.filter((cell) => cell.state === 'violated');
  const undecided = never.filter((cell) => cell.state === 'undecided' && cell.note !== '');
  const lines: string[] = [];
  for (const guarantee of new Set(violated.map((cell) => cell.guarantee))) {
    const some = violated.filter((cell) => cell.guarantee === guarantee);
    const [example] = some;
    lines.push(`${title(example)}: ${example.note}`, paint('dim', `  e.g. ${example.anomalies[0]?.sentence ?? ''}`));
    if (some.length > 1) lines.push(paint('dim', `  and in ${many(some.length - 1, 'more cell')} of the matrix`));
  }
  for (const cell of never.filter(({ state, note }) => (state === 'kept' || state === 'holds') && note !== '')) {
    lines.push(`${title(cell)}: ${cell.state} ${cell.note}`);
  }
  const open = undecided.map((cell) => `${title(cell)}: ${cell.note}`);
  return [
    lines.length === 0 ? '' : section('Findings (not promised, so no failure)', lines, paint),
    open.length === 0 ? '' : section('Undecided', open, paint),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

function figuresOf(latency: LatencyRecord): string[] {
  return [latency.p50Ns, latency.p90Ns, latency.p99Ns, latency.p999Ns, latency.maxNs].map(duration);
}

/** Rows of fewer operations are left to `show --json` and the database. */
const ROW_MIN = 20;

function latency(record: RunRecord, paint: Paint): string {
  const chosen = record.latencies
    .filter((l) => l.path !== '*' && l.since === 'intended' && (l.phase === 'calm' || l.phase === 'faults'))
    .filter((l) => l.count >= ROW_MIN && (l.role === 'leader' || l.role === 'follower'))
    .sort((a, b) => (order(a) < order(b) ? -1 : 1));
  if (chosen.length === 0) return '';
  const rows = chosen.map((l) => [l.method, l.path, l.role, l.phase, count(l.count), ...figuresOf(l)]);
  const heading = ['method', 'path', 'answered by', 'while', 'count', 'p50', 'p90', 'p99', 'p99.9', 'max'];
  const lines = table(
    [heading.map((text) => paint('dim', text)), ...rows],
    ['left', 'left', 'left', 'left', ...right(6)],
  );
  const { refused = 0, info = 0, shed = 0 } = record.counts;
  lines.push(
    '',
    paint(
      'dim',
      `Answered operations only: ${count(refused)} refused, ${count(info)} of unknown outcome and ${count(shed)} shed are in no row.`,
    ),
  );
  return section('Latency from the intended start', lines, paint);
}

function order(l: LatencyRecord): string {
  return `${l.method} ${l.path} ${l.role} ${l.phase}`;
}

function right(n: number): 'right'[] {
  return Array.from({ length: n }, () => 'right');
}

/** The strongest path against all that followers answered, calm and under each fault. */
function leaderVersusFollower(record: RunRecord, paint: Paint): string {
  const compared = record.latencies.filter((l) => l.path === '*' && l.method === 'read');
  const phases = ['calm', ...[...new Set(record.faults.map((fault) => fault.fault))].sort()];
  const find = (phase: string, role: string, since: string): LatencyRecord | undefined =>
    compared.find((l) => l.phase === phase && l.role === role && l.since === since);
  const rows = phases.flatMap((phase) =>
    ['leader', 'follower']
      .flatMap((role): string[][] => {
        const intended = find(phase, role, 'intended');
        const sent = find(phase, role, 'sent');
        if (intended === undefined || sent === undefined) return [];
        return [[role, count(intended.count), ...figuresOf(intended), duration(sent.p50Ns), duration(sent.p99Ns)]];
      })
      .map((row, i) => [i === 0 ? phase : '', ...row]),
  );
  if (rows.length === 0) return '';
  const heading = ['while', 'read from', 'count', 'p50', 'p90', 'p99', 'p99.9', 'max', 'p50 sent', 'p99 sent'];
  const lines = table([heading.map((text) => paint('dim', text)), ...rows], ['left', 'left', ...right(8)]);
  lines.push('', paint('dim', FROM_INTENDED));
  return section('Reads from the leader and from followers, calm and under each fault', lines, paint);
}

function staleness(record: RunRecord, paint: Paint): string {
  if (record.staleness.length === 0) return '';
  const rows = record.staleness.map((s) => [
    s.writePath,
    s.readPath,
    count(s.reads),
    percent(s.staleReads, s.reads),
    ...(s.staleReads === 0
      ? ['–', '–', '–', '–']
      : [duration(s.p50Ns), duration(s.p99Ns), duration(s.maxNs), count(s.versionsMax)]),
  ]);
  const heading = ['write path', 'read path', 'reads', 'stale', 'p50', 'p99', 'max', 'versions max'];
  const lines = table([heading.map((text) => paint('dim', text)), ...rows], ['left', 'left', ...right(6)]);
  lines.push('', paint('dim', OF_THE_LOAD));
  return section('Staleness: how far behind stale reads were, at the least', lines, paint);
}

function failovers(record: RunRecord, paint: Paint): string {
  const after = (ns: number | undefined): string => (ns === undefined ? 'never' : `+${duration(ns)}`);
  const rows = record.failovers.map((f) => [
    `${(f.start / SECOND).toFixed(2)} s`,
    f.cause === '' ? 'no fault in force' : f.cause,
    `${f.from ?? '?'} -> ${f.to}`,
    `${f.fromTerm} -> ${f.toTerm}`,
    after(f.electedNs),
    after(f.firstWriteNs),
    freshReadText(f, record.failovers),
    Object.entries(f.lostWrites)
      .filter(([, lost]) => lost > 0)
      .map(([path, lost]) => `${lost} ${path}`)
      .join(', ') || '0',
  ]);
  if (rows.length === 0) return section('Failovers', ['none'], paint);
  const heading = [
    'at',
    'cause',
    'leader',
    'term',
    'elected',
    'first write',
    'fresh follower read',
    'acknowledged writes lost',
  ];
  const lines = table([heading.map((text) => paint('dim', text)), ...rows]);
  lines.push(
    '',
    paint(
      'dim',
      'Times count from "at". A follower is fresh once it answers from a state of the new term or with a write of it; –: no answer tells that.',
    ),
  );
  return section('Failovers', lines, paint);
}

/** What systems count in their own events, in the words of the reference store; then what the harness counts. */
const counted = [
  'truncations',
  'entries undone',
  'undone tokens refused',
  'leader changes',
  'leader changes under partition',
  'snapshots installed',
  'leases expired',
  'repeats answered',
  'repeats expired',
  'switchovers begun',
  'switchovers given up',
  'changes of members taken up',
  'changes of members taken up under partition',
  'changes of members undone',
  'promotions by force',
  'committed entries known to be lost',
  'final reads given up',
  // What the operators of stores that have none of their own did: harness/postgres/supervise.ts, harness/mariadb/operate.ts.
  'servers ended',
  'promotions',
  'promotions put off',
  'primaries opened again',
  'standbys repointed',
  'standbys renewed',
  'replicas pointed elsewhere',
  'replicas made anew',
  'deeds that failed',
  'commits that no replica was waited for',
];

/** Those that are not zero: `3 truncations`. */
export function countedLine(counts: RunRecord['counts']): string[] {
  const stopped = Object.keys(counts).filter((name) => /^stopped serving: \w+$|^driver /.test(name));
  const told = [...counted, ...stopped].filter((name) => (counts[name] ?? 0) > 0);
  return told.length === 0 ? [] : [told.map((name) => effectText(name, counts[name] ?? 0)).join(', ')];
}

function remarks(record: RunRecord, paint: Paint): string {
  const lines = [...countedLine(record.counts), ...reasonLines(record.counts), ...calmLines(record.counts)];
  return lines.length === 0 ? '' : section('Counted', lines, paint);
}

/** The share of requests that were answered while nothing was wrong, by path. */
export function calmLines(counts: RunRecord['counts']): string[] {
  let isLow = false;
  const lines = ['reads', 'writes'].flatMap((kind) => {
    const prefix = `calm ${kind} asked `;
    const shares = Object.keys(counts)
      .filter((name) => name.startsWith(prefix))
      .map((name) => {
        const path = name.slice(prefix.length);
        const answered = counts[`calm ${kind} answered ${path}`] ?? 0;
        isLow ||= answered < counts[name] * CALM_SHARE;
        return `${path} ${percent(answered, counts[name])} of ${count(counts[name])}`;
      });
    return shares.length === 0 ? [] : [`calm ${kind} answered: ${shares.join(', ')}`];
  });
  return [...lines, ...(isLow ? [CALM_MEANS] : [])];
}

/** Below this share it is told what calm means. */
const CALM_SHARE = 0.9;
const CALM_MEANS =
  'calm: no fault was in force, nor had been for 2 s; what an earlier fault left broken, and nobody mended, is among it';

export function interrupted(record: RunRecord): boolean {
  return (record.counts.interrupted ?? 0) > 0;
}

/** What went wrong in the harness, in a line each: a run that did vouches for nothing. */
export function failuresOf({ plan }: Pick<RunRecord, 'plan'>): readonly string[] {
  const failures = (plan['failures'] ?? []) as readonly string[]; // put there by record-run.ts
  return failures.map((failure) => failure.split('\n')[0]);
}

/** `KEPT: all 139 promises kept, 2 suspended; 62 findings`; `FAILED: n2 was not healed: …; judged all the same: KEPT: …` */
export function verdictText(record: RunRecord): string {
  const [failure, ...more] = failuresOf(record);
  if (failure === undefined) return judgedText(record);
  const others = more.length === 0 ? '' : ` (and ${more.length} more)`;
  return `FAILED: ${failure.replace(/[.;]$/, '')}${others}; judged all the same: ${judgedText(record)}`;
}

function judgedText(record: RunRecord): string {
  const cells = record.cells.filter((cell) => cell.suspendedBy === undefined);
  const states = (state: Cell['state']): number => cells.filter((cell) => cell.state === state).length;
  const [kept, broken, undecided, untried] = [
    states('kept'),
    states('broken'),
    states('undecided'),
    states('not exercised'),
  ];
  const beyond = record.cells.filter((cell) => cell.suspendedBy !== undefined);
  const gone = beyond.filter((cell) => cell.state === 'violated').length;
  const rest =
    (untried > 0 ? `, ${untried} untried for want of a fault` : '') +
    (beyond.length > 0 ? `, ${beyond.length} suspended` : '') +
    (gone > 0 ? ` (${gone} violated, as was to be expected)` : '');
  return record.verdict === 'broken'
    ? `BROKEN: ${broken} of ${broken + kept + undecided + untried} promises broken`
    : record.verdict === 'undecided'
      ? `UNDECIDED: ${many(kept, 'promise')} kept, ${many(undecided, 'cell')} undecided${rest}`
      : `KEPT: ${untried === 0 ? `all ${many(kept, 'promise')}` : `${kept} of ${kept + untried} promises`} kept${rest}; ${many(states('violated'), 'finding')}`;
}

/** The three lines every run ends with. */
export function closingLines(record: RunRecord, report: string): readonly string[] {
  const bail = record.plan.bail as Bail | undefined; // as above
  const early = bail === undefined ? '' : ` (stopped at the first, ${(bail.at / SECOND).toFixed(1)} s into the load)`;
  const part = interrupted(record) ? ` (interrupted after ${(record.virtualNs / SECOND).toFixed(1)} s)` : '';
  return [`verdict  ${verdictText(record)}${early}${part}`, `report   ${report}`, `replay   ${record.command}`].map(
    printable,
  );
}
