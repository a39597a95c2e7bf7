/** The report of a run as Markdown, for a pull request: what matters in view, the rest folded away, and short enough for a comment. */
import { guaranteeNames, guarantees } from '../../history/guarantee.ts';
import { SECOND } from '../../history/clock.ts';
import type { RunRecord } from '../../results/record.ts';
import { freshReadText } from '../fresh-reads.ts';
import { figureOf, type MatrixCell, painter } from '../matrix.ts';
import { faultRows, scheduleLines, unsupportedLines } from '../report-faults.ts';
import { OF_ALL_ANSWERS, OF_THE_LOAD, reasonLines } from '../load-text.ts';
import { failuresOf, title } from '../report-text.ts';
import { commandElsewhere } from '../replay.ts';
import { count, duration, percent } from '../table.ts';
import { answersOf, ELSEWHERE, verdictSentence } from './answers.ts';
import { benchMarkdown } from './bench-section.ts';
import { lost } from './failover-pictures.ts';
import { readPaths } from './followers.ts';
import { fenced, folded, plain, tableOf } from './markdown-parts.ts';
import { cut } from './markup.ts';

/** GitHub takes comments of 65,536 characters. */
const LENGTH_MAX = 60_000;
const ANOMALIES_MAX = 2;
const FAILOVERS_MAX = 40;
const FAULTS_MAX = 100;
/** So few rows are in view; more are folded away. */
const FAULTS_IN_VIEW = 8;

const SIGNS = { kept: '✅', broken: '❌', undecided: '❔' } as const;
const MARKS: Readonly<Record<MatrixCell['state'], string>> = {
  kept: '✓ kept',
  broken: '✗ **BROKEN**',
  holds: 'holds',
  violated: '○ violated',
  undecided: '? undecided',
  'not exercised': '– untried',
};

export function markdownReport(record: RunRecord): string {
  const isFailed = failuresOf(record).length > 0;
  const elsewhere = commandElsewhere(record);
  const answers = answersOf(record).filter(({ section }) => section !== 'plan' && section !== 'promises');
  const told = answers.map(
    ({ question, answer, more }) => `- **${question}** ${joined([answer, ...more].map((line) => plain(line)))}`,
  );
  const parts = [
    `## ${isFailed ? '⚠️ FAILED' : `${SIGNS[record.verdict]} ${record.verdict.toUpperCase()}`}: ${plain(verdictSentence(record))}`,
    `${plain(record.system)} in ${plain(record.environment)}, seed ${record.seed}, run \`${record.id}\`; ${count((record.counts['ok'] ?? 0) + (record.counts['mismatch'] ?? 0))} operations completed.`,
    told.join('\n'),
    reasonLines(record.counts)
      .map((line) => `- ${plain(line)}`)
      .join('\n'),
    broken(record),
    folded('Promises and findings', matrix(record.cells)),
    benchMarkdown(record),
    paths(record),
    failovers(record),
    faults(record),
    `Run it again:\n\n${fenced(cut(record.command, 4000), 'sh')}`,
    elsewhere === undefined ? '' : `${ELSEWHERE}\n\n${fenced(cut(elsewhere, 4000), 'sh')}`,
  ];
  return bounded(parts);
}

/** Sentences one after the other; what is none, and would run into what follows it, in a list. */
function joined(texts: readonly string[]): string {
  const areSentences = texts.slice(0, -1).every((text) => /[.:?!]$/.test(text));
  return texts.join(areSentences ? ' ' : '\n  - ');
}

/** Whole parts, as many as there is room for. */
export function bounded(parts: readonly string[]): string {
  let text = '';
  for (const part of parts.filter((one) => one !== '')) {
    if (text.length + part.length > LENGTH_MAX) {
      text += '_What would make this too long for a comment is in the HTML report._\n\n';
      continue;
    }
    text += `${part}\n\n`;
  }
  return `${text.trimEnd()}\n`;
}

function broken({ cells }: RunRecord): string {
  const some = cells.filter(({ state }) => state === 'broken');
  if (some.length === 0) return '';
  const seen = new Set<string>();
  const items = some.slice(0, 40).flatMap((cell) => {
    const examples = cell.anomalies.filter(({ sentence }) => !seen.has(sentence)).slice(0, ANOMALIES_MAX);
    for (const { sentence } of examples) seen.add(sentence);
    return [
      `- **${plain(title(cell))}**: ${plain(cell.note)}`,
      ...examples.map(({ kind, sentence }) => `  - ${plain(kind)}: ${plain(sentence)}`),
    ];
  });
  return `### Broken promises\n\n${items.join('\n')}`;
}

export function matrix(cells: readonly MatrixCell[]): string {
  const blocks = (['row', 'write path', 'system'] as const).map((scope) => {
    const some = cells.filter((cell) => guarantees[cell.guarantee].scope === scope);
    if (some.length === 0) return '';
    const columns = guaranteeNames.filter((guarantee) => some.some((cell) => cell.guarantee === guarantee));
    const places = [
      ...new Set(some.map(({ writePath, readPath }) => JSON.stringify([writePath ?? '', readPath ?? '']))),
    ];
    const rows = places.map((place) => {
      const [writePath, readPath] = JSON.parse(place) as [string, string]; // as written two lines above
      const shown = columns.map((guarantee) => {
        const cell = some.find(
          (one) =>
            one.guarantee === guarantee && (one.writePath ?? '') === writePath && (one.readPath ?? '') === readPath,
        );
        return cell === undefined
          ? ''
          : `${MARKS[cell.state]}${cell.suspendedBy === undefined ? '' : '\\*'} ${figureOf(cell)}`.trim();
      });
      return [
        ...(scope === 'row' ? [plain(writePath), plain(readPath)] : [scope === 'system' ? 'system' : plain(writePath)]),
        ...shown,
      ];
    });
    const heads = scope === 'row' ? ['write path', 'read path'] : [scope === 'system' ? ' ' : 'write path'];
    return tableOf([...heads, ...columns], rows);
  });
  return blocks.filter((block) => block !== '').join('\n\n');
}

function paths(record: RunRecord): string {
  const some = readPaths(record);
  if (some.length === 0) return '';
  const ns = (value: number | undefined): string => (value === undefined || value === 0 ? '–' : duration(value));
  const rows = some.map((one) => [
    plain(one.path),
    count(one.reads),
    ns(one.p50Ns),
    ns(one.p99Ns),
    percent(one.stale, one.reads),
    ns(one.ageP99Ns),
    ns(one.ageMaxNs),
  ]);
  const head = ['read path', 'reads', 'p50, calm', 'p99, calm', 'stale', 'age p99 ≥', 'age max ≥'];
  return folded(
    'Latency and staleness of the read paths',
    `${tableOf(head, rows, [1, 2, 3, 4, 5, 6])}\n\nOver all write paths. ${OF_THE_LOAD} ${OF_ALL_ANSWERS}`,
  );
}

function failovers({ failovers: all }: RunRecord): string {
  if (all.length === 0) return '';
  const after = (ns: number | undefined): string => (ns === undefined ? 'never' : `+${duration(ns)}`);
  const rows = all
    .slice(0, FAILOVERS_MAX)
    .map((one) => [
      `${(one.start / SECOND).toFixed(2)} s`,
      plain(one.cause),
      `${plain(one.from ?? '?')} → ${plain(one.to)}`,
      `${one.fromTerm} → ${one.toTerm}`,
      after(one.electedNs),
      after(one.firstWriteNs),
      freshReadText(one, all),
      plain(lost(one)),
    ]);
  const head = [
    'at',
    'cause',
    'leader',
    'term',
    'elected',
    'first write',
    'fresh follower read',
    'acknowledged writes lost',
  ];
  const more = all.length > rows.length ? `\n\n… and ${count(all.length - rows.length)} more.` : '';
  return folded(`Failovers: ${count(all.length)}`, `${tableOf(head, rows)}${more}`);
}

/** What each did, those that did nothing included, and what could not be done here. */
function faults(record: RunRecord): string {
  const all = faultRows(record);
  const schedule = scheduleLines(record, painter(false));
  const beyond = unsupportedLines(record).map((line) => plain(line, 2000));
  if (all.length + beyond.length === 0) return '';
  const rows = all
    .slice(0, FAULTS_MAX)
    .map(({ fault, times, effect, warnings }) => [
      plain(fault),
      count(times),
      [...(effect === '' ? [] : [plain(effect)]), ...warnings.map((text) => `**${plain(text)}**`)].join('; '),
    ]);
  const more = all.length > rows.length ? [`… and ${count(all.length - rows.length)} more.`] : [];
  const parts = [
    ...(rows.length === 0 ? [] : [tableOf(['fault', 'times', 'effect'], rows, [1])]),
    ...more,
    ...(schedule.length === 0 ? [] : [fenced(schedule.map((line) => cut(line, 500)).join('\n'))]),
  ];
  const warned = all.filter(({ warnings }) => warnings.length > 0).length;
  const aside = warned === 0 ? '' : `; ${count(warned)} with a warning`;
  const body = parts.join('\n\n');
  const told =
    parts.length === 0
      ? []
      : all.length <= FAULTS_IN_VIEW && schedule.length === 0
        ? [`### Faults\n\n${body}`]
        : [folded(`Faults: ${count(all.length)}${aside}`, body)];
  return [...told, ...beyond].join('\n\n');
}
