/** What a gate says: for the terminal, a pull request, GitHub's annotations, JUnit, and as JSON. */
import { printable } from '../../checkers/explain/labels.ts';
import type { Gated } from '../../results/gate.ts';
import { type Finding, RUNS_MOST } from '../../results/look.ts';
import { measureName } from '../../results/measures.ts';
import { type Breach, promiseName, promisesOf, unkeptText } from '../../results/promises.ts';
import { changeText, valueText } from '../compare/text.ts';
import { plain, tableOf } from '../report/markdown-parts.ts';
import { count, duration, many, table } from '../table.ts';

export interface Told extends Gated {
  readonly baseline: string;
  readonly candidate: string;
  /** Sentences about how it was measured. */
  readonly notes: readonly string[];
  readonly seconds: number;
}

const outcomes: Readonly<Record<Gated['outcome'], string>> = {
  passed: 'PASSED',
  failed: 'FAILED',
  'cannot tell': 'CANNOT TELL',
};

/** Of a limit that decides nothing. */
export const OVERRULED =
  'wherever it would hold there is a limit that names more, or a stricter one that names as much';

const headings = ['measure', 'baseline', 'candidate', 'change', '90 % interval', 'limit', 'noise', 'verdict'];

export function gateText(told: Told): readonly string[] {
  return [
    `gate: ${outcomes[told.outcome]} (${summary(told)})`,
    `  baseline ${told.baseline}; candidate ${told.candidate}; ${runsText(told)}, ${told.seconds.toFixed(0)} s`,
    ...told.notes.map((note) => `  ${note}`),
    ...(told.breaches.length > 0 ? ['', 'Broken promises:', ...promisesOf(told.breaches).flatMap(breachLines)] : []),
    ...(told.unkept.length > 0 ? ['', 'Not kept any more:', ...told.unkept.map((one) => `  ${unkeptText(one)}`)] : []),
    ...findingLines(told),
  ].map(printable);
}

function findingLines(told: Told): readonly string[] {
  if (told.findings.length === 0) return [];
  const { shown, folded } = foldedOf(told);
  const rows = shown.map((finding) => findingRow(finding, told));
  const names = few(folded.map(({ measure }) => measureName(measure)));
  return [
    '',
    ...(rows.length === 0 ? [] : table([headings, ...rows]).map((line) => `  ${line}`)),
    ...(folded.length === 0
      ? []
      : [`  ${count(folded.length)} measures cannot be told: ${names} (--report json=FILE has all of them)`]),
  ];
}

interface Folded {
  readonly shown: readonly Finding[];
  /** Nothing, or more than anybody reads. */
  readonly folded: readonly Finding[];
}

/** What decided, and what was found, at a glance; hundreds of figures that nothing is known of, for those who ask. */
function foldedOf({ findings, confirmed }: Told): Folded {
  const isOpen = ({ verdict, measure }: Finding): boolean =>
    verdict === 'cannot tell' && !confirmed.includes(measureName(measure));
  const open = findings.filter(isOpen);
  if (open.length <= SHOWN_MAX) return { shown: findings, folded: [] };
  return { shown: findings.filter((finding) => !isOpen(finding)), folded: open };
}

const FEW = 5;

/** The first of them, and how many more there are. */
export function few(names: readonly string[]): string {
  if (names.length <= FEW) return names.join(', ');
  return `${names.slice(0, FEW).join(', ')} and ${count(names.length - FEW)} more`;
}

function runsText({ blocks, live }: Told): string {
  const a = blocks.reduce((sum, block) => sum + block.a.length, 0);
  const b = blocks.reduce((sum, block) => sum + block.b.length, 0);
  return live ? `${a} + ${b} runs in ${many(blocks.length, 'block')} of A B B A` : `${a} + ${b} stored runs`;
}

export function summary({ outcome, breaches, findings, confirmed, unmatched, unkept }: Gated): string {
  if (breaches.length > 0) {
    const promises = promisesOf(breaches);
    const both = promises.filter(({ alsoInBaseline }) => alsoInBaseline).length;
    return `${many(promises.length, 'broken promise')}${both > 0 ? `, ${count(both)} of them broken in the baseline too` : ''}`;
  }
  if (outcome === 'failed') return `worse: ${few(confirmed)}`;
  if (outcome === 'passed') return `${many(findings.length, 'measure')} no worse than allowed`;
  const open = findings.filter(({ verdict }) => verdict !== 'not worse');
  const needed = Math.max(...open.map(({ runsNeeded = 0 }) => runsNeeded));
  return [
    ...(unkept.length === 0 ? [] : [`not kept any more: ${few(unkept.map(({ promise }) => promise))}`]),
    ...(findings.length === 0 ? ['no measure of the policy was taken in the baseline'] : []),
    ...(open.length === 0 ? [] : [`of ${many(findings.length, 'measure')} ${count(open.length)} cannot be told`]),
    ...(needed > 0 ? [`${aboutRuns(needed)} would be needed`] : []),
    ...(unmatched.length === 0 ? [] : [`no run has what limits name: ${unmatched.join('; ')}`]),
  ].join('; ');
}

function aboutRuns(runs: number): string {
  return `${runs < RUNS_MOST ? `about ${runs}` : `${count(RUNS_MOST)} or more`} runs a side`;
}

/** `in 2 of 2 runs, such as 20261122-…` */
function brokenIn({ run, runs: { broken, of } }: Breach): string {
  return `in ${count(broken)} of ${many(of, 'run')}${broken > 1 ? `, such as ${run}` : `: ${run}`}`;
}

function breachLines(breach: Breach): readonly string[] {
  const { cell, alsoInBaseline } = breach;
  return [
    `  ${promiseName(cell)}: ${cell.note} (${brokenIn(breach)}${alsoInBaseline ? '; the baseline broke it too' : ''})`,
    ...cell.anomalies.slice(0, 1).map(({ sentence }) => `    ${sentence}`),
  ];
}

function findingRow(finding: Finding, { confirmed, live }: Told): string[] {
  const { measure, a, b, change, limit, noise, verdict, runsNeeded } = finding;
  const isConfirmed = live && confirmed.includes(measureName(measure));
  return [
    measureName(measure),
    takenText(measure, a),
    takenText(measure, b),
    changeText(change.estimate),
    intervalText(change),
    limitText(limit),
    noise === undefined ? '–' : `±${(100 * noise).toFixed(1)} %`,
    verdict === 'worse' && isConfirmed
      ? `worse, and again when run again${finding.lacking?.decides === true ? `: ${finding.why}` : ''}`
      : `${verdict}: ${finding.why}${runsNeeded === undefined ? '' : `; ${aboutRuns(runsNeeded)} could tell`}`,
  ];
}

/** No run may have it. */
function takenText(measure: Finding['measure'], value: number): string {
  return Number.isNaN(value) ? 'none' : valueText(measure, value);
}

function intervalText({ low, high }: Finding['change']): string {
  return Number.isNaN(low) ? '–' : `${changeText(low)} … ${changeText(high)}`;
}

function limitText({ type, worseBy, andBy }: Finding['limit']): string {
  const [sign, by] = type === 'latency' ? ['+', duration(andBy)] : ['-', `${andBy}/s`];
  return `${sign}${Number((100 * worseBy).toFixed(3))} %${andBy > 0 ? ` and ${by}` : ''}`;
}

export function gateMarkdown(told: Told): string {
  const breaches = promisesOf(told.breaches);
  const { shown, folded } = foldedOf(told);
  const figures = (rows: readonly Finding[]): readonly string[] =>
    rows.length === 0
      ? []
      : [
          tableOf(
            headings,
            rows.map((one) => findingRow(one, told).map((text) => plain(text))),
            [1, 2, 3, 5, 6],
          ),
        ];
  return `${[
    `### Tidemark gate: ${outcomes[told.outcome]}`,
    '',
    `${plain(summary(told))}. Baseline ${plain(told.baseline)}, candidate ${plain(told.candidate)}; ${runsText(told)}.`,
    '',
    ...breaches.slice(0, SHOWN_MAX).map((breach) => {
      const { cell, alsoInBaseline } = breach;
      const [first] = cell.anomalies;
      const said = `${promiseName(cell)}: ${cell.note}${alsoInBaseline ? ' (the baseline broke it too)' : ''}`;
      return `- **broken** ${plain(said)} (${plain(brokenIn(breach))})${first === undefined ? '' : `: ${plain(first.sentence)}`}`;
    }),
    ...(breaches.length > SHOWN_MAX ? [`- and ${breaches.length - SHOWN_MAX} more broken promises`] : []),
    ...told.unkept.slice(0, SHOWN_MAX).map((one) => `- **cannot tell** ${plain(unkeptText(one))}`),
    ...(told.unkept.length > SHOWN_MAX
      ? [`- and ${told.unkept.length - SHOWN_MAX} more that are not kept any more`]
      : []),
    ...(breaches.length + told.unkept.length > 0 ? [''] : []),
    ...figures(shown),
    ...(folded.length === 0
      ? []
      : [
          '',
          `<details><summary>${folded.length} measures that cannot be told</summary>`,
          '',
          ...figures(folded.slice(0, FOLDED_MAX)),
          ...(folded.length > FOLDED_MAX ? ['', `and ${folded.length - FOLDED_MAX} more`] : []),
          '',
          '</details>',
        ]),
    '',
    ...told.notes.map((note) => `- ${plain(note)}`),
  ]
    .join('\n')
    .trimEnd()}\n`;
}

/** Of one kind: GitHub itself shows ten errors and ten warnings of a step. */
const SHOWN_MAX = 10;
const FOLDED_MAX = 50;

/** Ten, the last of which tells of the others where there are more. */
function capped(lines: readonly string[], more: (n: number) => string): readonly string[] {
  if (lines.length <= SHOWN_MAX) return lines;
  return [...lines.slice(0, SHOWN_MAX - 1), more(lines.length - SHOWN_MAX + 1)];
}

/** Workflow commands of GitHub Actions: https://docs.github.com/actions/reference/workflow-commands-for-github-actions */
export function annotations(told: Told): readonly string[] {
  const line = (level: 'error' | 'warning' | 'notice', title: string, text: string): string =>
    `::${level} title=${escaped(title, true)}::${escaped(text, false)}`;
  const broken = promisesOf(told.breaches).map((breach) => {
    const { cell } = breach;
    const text = `${cell.note}; ${cell.anomalies[0]?.sentence ?? ''} (${brokenIn(breach)})`;
    return line('error', `Broken promise: ${promiseName(cell)}`, text);
  });
  // What a broken promise keeps from being measured is told with the promise.
  const isToldThere = ({ lacking }: Finding): boolean => lacking?.isWithheld === true && broken.length > 0;
  const isWorse = ({ measure }: Finding): boolean => told.confirmed.includes(measureName(measure));
  const worse = told.findings
    .filter(isWorse)
    .map((finding) => line('error', `Worse: ${measureName(finding.measure)}`, figuresText(finding)));
  const open = told.findings
    .filter((finding) => finding.verdict !== 'not worse' && !isWorse(finding) && !isToldThere(finding))
    .map((finding) => {
      const why = finding.lacking?.decides === true ? '' : `; ${finding.why}`;
      return line('warning', `Cannot tell: ${measureName(finding.measure)}`, `${figuresText(finding)}${why}`);
    });
  const unmeasured = [
    ...told.unkept.map((one) => line('warning', `Not kept any more: ${one.promise}`, unkeptText(one))),
    ...told.unmatched.map((what) =>
      line('warning', `Cannot tell: ${what}`, 'a limit names it, and no run of either side has it'),
    ),
    ...told.overruled.map((what) => line('warning', `Decides nothing: ${what}`, OVERRULED)),
  ];
  return [
    ...capped([...broken, ...worse], (n) => line('error', 'Tidemark gate', `and ${n} more: see the summary`)),
    ...capped([...unmeasured, ...open], (n) =>
      line('warning', 'Tidemark gate', `and ${n} more cannot be told: see the summary`),
    ),
    ...(told.outcome === 'passed' ? [line('notice', 'Tidemark gate', summary(told))] : []),
  ];
}

function figuresText({ measure, a, b, change, lacking, why }: Finding): string {
  const changed = Number.isNaN(b) ? '' : ` (${changeText(change.estimate)}, ${intervalText(change)})`;
  return `${takenText(measure, a)} -> ${takenText(measure, b)}${changed}${lacking?.decides === true ? `; ${why}` : ''}`;
}

function escaped(text: string, isProperty: boolean): string {
  // Ends of lines, too, are shown by their numbers by now.
  const always = printable(text).replaceAll('%', '%25');
  return isProperty ? always.replaceAll(':', '%3A').replaceAll(',', '%2C') : always;
}

/** One case for each promise that broke or is not kept any more, each measure, and each limit that nobody measured or that decides nothing; what cannot be told is skipped. */
export function gateJunit(told: Told): string {
  const promises = promisesOf(told.breaches);
  const cases = [
    ...promises.map((breach) =>
      testcase(
        `promise ${promiseName(breach.cell)}`,
        `<failure message="${xml(`${breach.cell.note}, ${brokenIn(breach)}`)}">${xml(breach.cell.anomalies[0]?.sentence ?? '')}</failure>`,
      ),
    ),
    ...told.unkept.map((one) =>
      testcase(`promise ${one.promise}`, `<skipped message="${xml(`cannot tell: ${unkeptText(one)}`)}"/>`),
    ),
    ...told.findings.map((finding) => {
      const name = measureName(finding.measure);
      const said = findingRow(finding, told).slice(1).join(' | ');
      if (told.confirmed.includes(name))
        return testcase(name, `<failure message="${xml(finding.why)}">${xml(said)}</failure>`);
      if (finding.verdict === 'not worse') return testcase(name, `<system-out>${xml(said)}</system-out>`);
      return testcase(name, `<skipped message="${xml(`cannot tell: ${finding.why}`)}"/>`);
    }),
    ...told.unmatched.map((what) =>
      testcase(what, `<skipped message="${xml(`cannot tell: no run of either side has ${what}`)}"/>`),
    ),
    ...told.overruled.map((what) => testcase(what, `<skipped message="${xml(`decides nothing: ${OVERRULED}`)}"/>`)),
  ];
  const failures = promises.length + told.confirmed.length;
  const untold = told.findings.filter(
    ({ verdict, measure }) => verdict !== 'not worse' && !told.confirmed.includes(measureName(measure)),
  );
  const skipped = told.unkept.length + untold.length + told.unmatched.length + told.overruled.length;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="tidemark gate" tests="${cases.length}" failures="${failures}" skipped="${skipped}">`,
    `<testsuite name="tidemark gate" tests="${cases.length}" failures="${failures}" skipped="${skipped}" errors="0" time="${told.seconds.toFixed(3)}">`,
    ...cases,
    '</testsuite>',
    '</testsuites>',
    '',
  ].join('\n');
}

function testcase(name: string, inner: string): string {
  return `<testcase classname="gate" name="${xml(name)}">${inner}</testcase>`;
}

function xml(text: string): string {
  // What XML cannot hold is among what is shown by its number.
  return printable(text)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

/** Without what the runs themselves hold. */
export function gateJson(told: Told): string {
  const { blocks, ...rest } = told;
  const runs = blocks.map(({ a, b }) => ({ baseline: a.map(({ id }) => id), candidate: b.map(({ id }) => id) }));
  const text = JSON.stringify({ schema: 1, type: 'gate', ...rest, summary: summary(told), runs });
  // The same text to whoever parses it, and no order to the CI whose log it is printed to.
  return text.replace(/(?<=##[a-z]*)\[/gi, '\\u005b');
}
