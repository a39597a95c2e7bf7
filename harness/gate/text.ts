/** What a gate says: for the terminal, a pull request, GitHub's annotations, JUnit, and as JSON. */
import type { Breach, Gated } from '../../results/gate.ts';
import { promiseName } from '../../results/gate.ts';
import type { Finding } from '../../results/look.ts';
import { measureName } from '../../results/measures.ts';
import { cellText, changeText, row, valueText } from '../compare/text.ts';
import { duration, table } from '../table.ts';

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

const headings = ['measure', 'baseline', 'candidate', 'change', '90 % interval', 'limit', 'noise', 'verdict'];

export function gateText(told: Told): readonly string[] {
  return [
    `gate: ${outcomes[told.outcome]} (${summary(told)})`,
    `  baseline ${told.baseline}; candidate ${told.candidate}; ${runsText(told)}, ${told.seconds.toFixed(0)} s`,
    ...told.notes.map((note) => `  ${note}`),
    ...(told.breaches.length > 0 ? ['', 'Broken promises:', ...told.breaches.flatMap(breachLines)] : []),
    ...(told.findings.length > 0
      ? [
          '',
          ...table([headings, ...told.findings.map((finding) => findingRow(finding, told))]).map((line) => `  ${line}`),
        ]
      : []),
  ];
}

function runsText({ blocks, live }: Told): string {
  const a = blocks.reduce((sum, block) => sum + block.a.length, 0);
  const b = blocks.reduce((sum, block) => sum + block.b.length, 0);
  return live ? `${a} + ${b} runs in ${blocks.length} blocks of A B B A` : `${a} + ${b} stored runs`;
}

export function summary({ outcome, breaches, findings, confirmed, unmatched }: Gated): string {
  if (breaches.length > 0) {
    const own = breaches.filter(({ alsoInBaseline }) => !alsoInBaseline).length;
    return `${breaches.length} broken promises${own < breaches.length ? `, ${breaches.length - own} of them broken in the baseline too` : ''}`;
  }
  if (outcome === 'failed') return `worse: ${confirmed.join(', ')}`;
  if (findings.length === 0) return 'no measure of the policy was taken in the baseline';
  if (outcome === 'passed') return `${findings.length} measures no worse than allowed`;
  const open = findings.filter(({ verdict }) => verdict !== 'not worse');
  const needed = Math.max(...open.map(({ runsNeeded = 0 }) => runsNeeded));
  const nothing = unmatched.length === 0 ? '' : `no run has what limits name: ${unmatched.join('; ')}`;
  if (open.length === 0) return nothing;
  return `of ${findings.length} measures ${open.length} cannot be told${needed > 0 ? `; about ${needed} runs a side would be needed` : ''}${nothing === '' ? '' : `; ${nothing}`}`;
}

function breachLines({ run, cell, alsoInBaseline }: Breach): readonly string[] {
  return [
    `  ${promiseName(cell)}: ${cell.note} (run ${run}${alsoInBaseline ? '; the baseline broke it too' : ''})`,
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
      : `${verdict}: ${finding.why}${runsNeeded === undefined ? '' : `; about ${runsNeeded} runs a side could tell`}`,
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
  return `${[
    `### Tidemark gate: ${outcomes[told.outcome]}`,
    '',
    `${cellText(summary(told))}. Baseline ${cellText(told.baseline)}, candidate ${cellText(told.candidate)}; ${runsText(told)}.`,
    '',
    ...told.breaches.map(({ run, cell, alsoInBaseline }) => {
      const [first] = cell.anomalies;
      const said = `${promiseName(cell)}: ${cell.note}${alsoInBaseline ? ' (the baseline broke it too)' : ''}`;
      return `- **broken** ${cellText(said)} (run ${run})${first === undefined ? '' : `: ${cellText(first.sentence)}`}`;
    }),
    ...(told.breaches.length > 0 ? [''] : []),
    ...(told.findings.length > 0
      ? [
          row(headings),
          '|---|--:|--:|--:|---|--:|--:|---|',
          ...told.findings.map((finding) => row(findingRow(finding, told))),
        ]
      : []),
    '',
    ...told.notes.map((note) => `- ${cellText(note)}`),
  ]
    .join('\n')
    .trimEnd()}\n`;
}

/** Workflow commands of GitHub Actions: https://docs.github.com/actions/reference/workflow-commands-for-github-actions */
export function annotations(told: Told): readonly string[] {
  const line = (level: 'error' | 'warning' | 'notice', title: string, text: string): string =>
    `::${level} title=${escaped(title, true)}::${escaped(text, false)}`;
  return [
    ...told.breaches.map(({ cell, run }) =>
      line(
        'error',
        `Broken promise: ${promiseName(cell)}`,
        `${cell.note}; ${cell.anomalies[0]?.sentence ?? ''} (run ${run})`,
      ),
    ),
    ...told.findings.flatMap((finding) => {
      const name = measureName(finding.measure);
      const { a, b, change, measure } = finding;
      const changed = Number.isNaN(b) ? '' : ` (${changeText(change.estimate)}, ${intervalText(change)})`;
      const figures = `${takenText(measure, a)} -> ${takenText(measure, b)}${changed}${finding.lacking?.decides === true ? `; ${finding.why}` : ''}`;
      if (told.confirmed.includes(name)) return [line('error', `Worse: ${name}`, figures)];
      return finding.verdict === 'not worse'
        ? []
        : [line('warning', `Cannot tell: ${name}`, `${figures}; ${finding.why}`)];
    }),
    ...(told.outcome === 'passed' ? [line('notice', 'Tidemark gate', summary(told))] : []),
  ];
}

function escaped(text: string, isProperty: boolean): string {
  const always = text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
  return isProperty ? always.replaceAll(':', '%3A').replaceAll(',', '%2C') : always;
}

/** One case for each promise that broke and each measure; what cannot be told is skipped. */
export function gateJunit(told: Told): string {
  const cases = [
    ...told.breaches.map(({ cell, run }) =>
      testcase(
        `promise ${promiseName(cell)} (${run})`,
        `<failure message="${xml(cell.note)}">${xml(cell.anomalies[0]?.sentence ?? '')}</failure>`,
      ),
    ),
    ...told.findings.map((finding) => {
      const name = measureName(finding.measure);
      const said = findingRow(finding, told).slice(1).join(' | ');
      if (told.confirmed.includes(name))
        return testcase(name, `<failure message="${xml(finding.why)}">${xml(said)}</failure>`);
      if (finding.verdict === 'not worse') return testcase(name, `<system-out>${xml(said)}</system-out>`);
      return testcase(name, `<skipped message="${xml(`cannot tell: ${finding.why}`)}"/>`);
    }),
  ];
  const failures = told.breaches.length + told.confirmed.length;
  const skipped = told.findings.filter(
    ({ verdict, measure }) => verdict !== 'not worse' && !told.confirmed.includes(measureName(measure)),
  ).length;
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
  return (
    text
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      .replaceAll('"', '&quot;')
      // oxlint-disable-next-line no-control-regex
      .replace(
        /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g,
        '\ufffd',
      )
  );
}

/** Without what the runs themselves hold. */
export function gateJson(told: Told): string {
  const { blocks, ...rest } = told;
  const runs = blocks.map(({ a, b }) => ({ baseline: a.map(({ id }) => id), candidate: b.map(({ id }) => id) }));
  return JSON.stringify({ schema: 1, type: 'gate', ...rest, summary: summary(told), runs });
}
