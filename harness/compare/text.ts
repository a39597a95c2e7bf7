/** A comparison for the terminal and for a pull request. */
import { certaintyOf, type Comparison } from '../../results/change.ts';
import type { Compared, FailoverSummary, StaleShare } from '../../results/compare.ts';
import { type Measure, measureName } from '../../results/measures.ts';
import { plain, tableOf } from '../report/markdown-parts.ts';
import { count, duration, percent, table } from '../table.ts';

const RUNS_SAID = 3;
const ONLY_SAID = 6;

/** `everyPath`: under faults too, not only in the calm. */
export function comparedText(compared: Compared, everyPath = false): readonly string[] {
  const { rows, notes } = figureRows(compared, everyPath);
  const faults = faultRows(compared);
  return [
    `A: ${runsText(compared.a)}`,
    `B: ${runsText(compared.b)}`,
    ...compared.caveats,
    ...compared.unlike.map((sentence) => `not alike: ${sentence}`),
    '',
    ...verdictLines(compared),
    ...(rows.length === 0
      ? ['', 'No latencies to compare.']
      : [
          '',
          FIGURES,
          ...table([headings, ...rows], ['left', 'right', 'right', 'right', 'left', 'left']).map((line) => `  ${line}`),
        ]),
    ...(faults.length === 0
      ? []
      : [
          '',
          togetherText(everyPath),
          ...table([faultHeadings, ...faults], ['left', 'left', 'right', 'right', 'right', 'left', 'left']).map(
            (line) => `  ${line}`,
          ),
        ]),
    ...[...notes, ...chanceNotes([...rows, ...faults])].map((note) => `  ${note}`),
    ...stalenessLines(compared),
    ...failoverLines(compared),
  ];
}

export function comparedMarkdown(compared: Compared, everyPath = false): string {
  const { rows, notes } = figureRows(compared, everyPath);
  const faults = faultRows(compared);
  const parts = [
    `- **A**: ${plain(runsText(compared.a))}\n- **B**: ${plain(runsText(compared.b))}`,
    listOf([...compared.caveats, ...compared.unlike.map((sentence) => `not alike: ${sentence}`)]),
    unchangedText(compared),
    markdownTable(
      ['promise', 'A', 'B'],
      compared.verdicts.map(({ promise, a, b }) => [promise, a ?? NOT_JUDGED, b ?? NOT_JUDGED]),
    ),
    rows.length === 0 ? 'No latencies to compare.' : `${FIGURES}:`,
    markdownTable(headings, rows, [1, 2, 3]),
    faults.length === 0 ? '' : `${togetherText(everyPath)}:`,
    markdownTable(faultHeadings, faults, [2, 3, 4]),
    listOf([...notes, ...chanceNotes([...rows, ...faults])]),
    compared.staleness.length === 0 ? '' : 'Stale reads:',
    markdownTable(['write path', 'read path', 'A', 'B'], staleRows(compared), [2, 3]),
    ...failoverLines(compared).slice(1),
  ];
  // A list or a table that follows a sentence without a blank line would be part of its paragraph.
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

function listOf(sentences: readonly string[]): string {
  return sentences.map((sentence) => `- ${plain(sentence, SENTENCE_MAX)}`).join('\n');
}

/** Names come from systems and users: nothing in them is markup. */
function markdownTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  right?: readonly number[],
): string {
  if (rows.length === 0) return '';
  return tableOf(
    head,
    rows.map((cells) => cells.map((text) => plain(text))),
    right,
  );
}

const FIGURES = 'Latency from the intended start, and throughput: B against A';
const NOT_JUDGED = 'not judged';
/** With every path, all the names that only one side has. */
const SENTENCE_MAX = 10_000;

function togetherText(everyPath: boolean): string {
  return `Fault by fault, all paths together${everyPath ? '' : ' (--every-path: each path)'}`;
}

const headings = ['measure', 'A', 'B', 'change', '95 % interval', ''];

function runsText(ids: readonly string[]): string {
  const said = ids.slice(0, RUNS_SAID).join(', ');
  return ids.length === 1 ? said : `${ids.length} runs (${said}${ids.length > RUNS_SAID ? ', …' : ''})`;
}

function verdictLines(compared: Compared): readonly string[] {
  const rows = compared.verdicts.map(({ promise, a, b }) => [promise, a ?? NOT_JUDGED, '->', b ?? NOT_JUDGED]);
  return [unchangedText(compared), ...(rows.length === 0 ? [] : table(rows).map((line) => `  ${line}`))];
}

function unchangedText({ verdicts, unchanged }: Compared): string {
  return verdicts.length === 0
    ? `No verdict changed (${unchanged} promises and findings).`
    : `Verdicts that changed (${unchanged} did not):`;
}

const faultHeadings = ['fault', ...headings];

/** What stands for the rest where all paths are taken together. */
const TOGETHER = ['read', 'write'];

/** One row a fault and kind of operation; the highest percentile that was asked for. */
function faultRows({ together }: Compared): readonly string[][] {
  const latencies = together.flatMap((one) =>
    one.measure.type === 'latency' && isUnderFaults(one.measure) && TOGETHER.includes(one.measure.method)
      ? [{ ...one, measure: one.measure }]
      : [],
  );
  const highest = Math.max(...latencies.map(({ measure }) => measure.percentile));
  const phases = [...new Set(latencies.map(({ measure }) => measure.phase))].sort();
  return phases.flatMap((phase) =>
    latencies
      .filter(({ measure }) => measure.phase === phase && measure.percentile === highest)
      .map((one) => [phase === 'faults' ? 'several' : phase, `${one.measure.method} p${highest}`, ...figureCells(one)]),
  );
}

function isUnderFaults(measure: Measure): boolean {
  // A bench has the rate for a phase.
  return measure.type !== 'ladder' && measure.phase !== 'calm' && !measure.phase.endsWith('/s');
}

function figureCells(figure: Comparison): readonly string[] {
  return [
    valueText(figure.measure, figure.a),
    valueText(figure.measure, figure.b),
    changeText(figure.change.estimate),
    certaintyOf(figure) === 'cannot tell'
      ? '–'
      : `${changeText(figure.change.low)} … ${changeText(figure.change.high)}`,
    certainty(figure),
  ];
}

function figureRows(
  { figures, onlyA, onlyB }: Compared,
  everyPath: boolean,
): {
  readonly rows: readonly string[][];
  readonly notes: readonly string[];
} {
  const rows = figures
    .filter(({ measure }) => everyPath || !isUnderFaults(measure))
    .map((figure) => [measureName(figure.measure), ...figureCells(figure)]);
  const few = figures.some(({ basis }) => basis === 'operations');
  return {
    rows,
    notes: [
      ...(few
        ? [
            '(operations): of too few runs, an interval of what differs between operations of a run, and not from run to run; at least 4 runs a side are needed for that.',
          ]
        : []),
      ...onlyIn('A', onlyA, everyPath),
      ...onlyIn('B', onlyB, everyPath),
    ],
  };
}

/** Fewer rows, and it is none that differs by chance, or one. */
const ROWS_MIN = 10;
const CONFIDENCE = 0.95;

/** Each row is judged by itself: how many would differ if nothing did. An interval of operations only is narrower than the truth. */
function chanceNotes(rows: readonly (readonly string[])[]): readonly string[] {
  const told = rows.map((cells) => cells[cells.length - 1]).filter((said) => said !== 'cannot tell');
  if (told.length < ROWS_MIN) return [];
  const isLess = told.some((said) => said.endsWith(OPERATIONS));
  const n = Math.max(1, Math.round((1 - CONFIDENCE) * told.length));
  return [
    `Each row is judged by itself, at 95 %: of these ${count(told.length)}, ${isLess ? `${count(n)} or more` : `about ${count(n)}`} would differ by chance if A and B were alike.`,
  ];
}

const OPERATIONS = ' (operations)';

function certainty(comparison: Comparison): string {
  const said = certaintyOf(comparison);
  return `${said}${comparison.basis === 'operations' && said !== 'cannot tell' ? OPERATIONS : ''}`;
}

export function valueText(measure: Measure, value: number): string {
  return measure.type === 'latency' ? duration(value) : `${value.toFixed(value < 100 ? 1 : 0)}/s`;
}

function onlyIn(side: string, names: readonly string[], all: boolean): readonly string[] {
  if (names.length === 0) return [];
  const shown = all ? names : names.slice(0, ONLY_SAID);
  const more = names.length - shown.length;
  return [`Only in ${side}: ${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}.`];
}

/** `+12.3 %`; what is infinite has no bound. */
export function changeText(change: number): string {
  if (!Number.isFinite(change) || change <= -1) return change > 0 ? 'no bound' : change <= -1 ? 'no bound' : '–';
  const text = (100 * change).toFixed(1);
  return `${change > 0 && text !== '0.0' ? '+' : ''}${text === '-0.0' ? '0.0' : text} %`;
}

function stalenessLines(compared: Compared): readonly string[] {
  if (compared.staleness.length === 0) return [];
  const rows = staleRows(compared).map(([writePath, readPath, a, b]) => [writePath, readPath, a, '->', b]);
  return ['', 'Stale reads:', ...table(rows).map((line) => `  ${line}`)];
}

function staleRows({ staleness }: Compared): readonly string[][] {
  const share = ({ stale, reads, maxNs }: StaleShare): string =>
    reads === 0 ? '–' : `${percent(stale, reads)} of ${count(reads)}${stale === 0 ? '' : `, worst ${duration(maxNs)}`}`;
  return staleness.map(({ writePath, readPath, a, b }) => [writePath, readPath, share(a), share(b)]);
}

function failoverLines({ failovers: { a, b } }: Compared): readonly string[] {
  if (a.count === 0 && b.count === 0) return [];
  const text = ({ count: n, electedNs, firstWriteNs }: FailoverSummary): string =>
    [
      `${n}`,
      ...(electedNs === undefined ? [] : [`elected after ${duration(electedNs)}`]),
      ...(firstWriteNs === undefined ? [] : [`first write after ${duration(firstWriteNs)}`]),
    ].join(', ');
  return ['', `Failovers (medians): A ${text(a)}; B ${text(b)}`];
}
