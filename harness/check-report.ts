/** Verdicts of `tidemark check` as lines for people and for programs. */
import { styleText } from 'node:util';
import type { Evidence, Verdict } from '../checkers/checker.ts';
import { MILLISECOND } from '../history/clock.ts';
import type { Guarantee } from '../history/guarantee.ts';
import type { ExitCode } from './errors.ts';
import { describe } from './report-text.ts';
import { count, duration } from './table.ts';

const colours: Readonly<Record<Verdict['type'], 'green' | 'red' | 'yellow'>> = {
  valid: 'green',
  invalid: 'red',
  unknown: 'yellow',
};

/** `FILE: GUARANTEE valid|invalid|unknown …`, and below it the anomalies with their operations. */
export function textOfVerdict(
  file: string,
  guarantee: Guarantee,
  verdict: Verdict,
  ms: number,
  colour: boolean,
): string {
  const word = colour ? styleText(colours[verdict.type], verdict.type, { validateStream: false }) : verdict.type;
  const took = duration(ms * MILLISECOND);
  const lines = [`${file}: ${guarantee} ${word} (${summaryOf(verdict)}; ${took})`];
  if (verdict.type !== 'invalid') return `${lines[0]}\n`;
  for (const { kind, sentence, operations } of verdict.anomalies) {
    lines.push(`  ${kind}: ${sentence}`, ...operations.map((operation) => `    ${describe(operation)}`));
  }
  const hidden = verdict.count - verdict.anomalies.length;
  if (hidden > 0) lines.push(`  … and ${count(hidden)} more`);
  return `${lines.join('\n')}\n`;
}

function summaryOf(verdict: Verdict): string {
  const examined = evidenceOf(verdict.examined);
  switch (verdict.type) {
    case 'valid':
      return examined;
    case 'invalid':
      return `${count(verdict.count)} ${verdict.count === 1 ? 'anomaly' : 'anomalies'} in ${examined}`;
    case 'unknown':
      return `${verdict.reason}; ${examined}`;
  }
}

/** `84 operations, 40 reads`; names come in the plural. */
function evidenceOf(examined: Evidence): string {
  const { operations, ...others } = examined;
  const entries: [string, number][] = [['operations', operations], ...Object.entries(others)];
  return entries.map(([name, amount]) => `${count(amount)} ${amount === 1 ? singular(name) : name}`).join(', ');
}

function singular(name: string): string {
  return /cas$/i.test(name) ? name : name.replace(/s$/, '');
}

export function jsonOfVerdict(file: string, guarantee: Guarantee, verdict: Verdict, ms: number): string {
  const { type, examined } = verdict;
  const base = {
    schema: 1,
    file,
    guarantee,
    verdict: type,
    operations: examined.operations,
    examined,
    ms: Math.round(ms),
  };
  const more =
    type === 'invalid'
      ? { anomalyCount: verdict.count, anomalies: verdict.anomalies }
      : { anomalyCount: 0, anomalies: [], ...(type === 'unknown' ? { reason: verdict.reason } : {}) };
  return `${JSON.stringify({ ...base, ...more })}\n`;
}

/** A file that could not be judged. */
export function jsonOfBad(file: string, error: string, line: number | undefined, exitCode: ExitCode): string {
  return `${JSON.stringify({ schema: 1, file, error, ...(line === undefined ? {} : { line }), exitCode })}\n`;
}
