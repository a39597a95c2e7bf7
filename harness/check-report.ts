/** Verdicts of `tidemark check` as lines for people and for programs. */
import { styleText } from 'node:util';
import type { Evidence, Verdict } from '../checkers/checker.ts';
import type { KnossosResult } from '../checkers/explain/knossos.ts';
import { knossosEdn, knossosJson, withoutOp } from '../checkers/explain/knossos-text.ts';
import { printable } from '../checkers/explain/labels.ts';
import { MILLISECOND } from '../history/clock.ts';
import type { Guarantee } from '../history/guarantee.ts';
import type { Io } from './command.ts';
import { BadInput, type ExitCode, unknownName } from './errors.ts';
import { linesOfAnomaly } from './anomaly-text.ts';
import { count, duration } from './table.ts';

const colours: Readonly<Record<Verdict['type'], 'green' | 'red' | 'yellow'>> = {
  valid: 'green',
  invalid: 'red',
  unknown: 'yellow',
};

const formats = ['text', 'json', 'knossos', 'knossos-edn'] as const;
export type Format = (typeof formats)[number];

/** @throws BadInput */
export function parseFormat(given: string | undefined, json: boolean): Format {
  if (given === undefined) return json ? 'json' : 'text';
  const format = formats.find((name) => name === given);
  if (format === undefined) throw unknownName('format', given, formats);
  if (json && format !== 'json')
    throw new BadInput(`--json is --format json, and so does not go with --format ${format}.`);
  return format;
}

export function isKnossos(format: Format): boolean {
  return format === 'knossos' || format === 'knossos-edn';
}

export interface Judged {
  readonly file: string;
  readonly guarantee: Guarantee;
  readonly verdict: Verdict;
  readonly ms: number;
  /** Absent where the worker was ended before it could tell. */
  readonly knossos?: KnossosResult | undefined;
}

export function render(format: Format, judged: Judged, options: TextOptions): string {
  const { file, guarantee, verdict, ms } = judged;
  if (format === 'text') return textOfVerdict(file, guarantee, verdict, ms, options);
  if (format === 'json') return jsonOfVerdict(file, guarantee, verdict, ms);
  return knossosLine(format, judged.knossos ?? withoutOp(verdict));
}

interface Bad {
  readonly file: string;
  /** The file, and its line, for people. */
  readonly where: string;
  readonly reason: string;
  readonly line: number | undefined;
  readonly code: ExitCode;
}

/** A file that could not be judged, for programs; people are told on stderr. */
export function renderBad(format: Format, { file, where, reason, line, code }: Bad): string {
  if (format === 'text') return '';
  if (format === 'json') return jsonOfBad(file, reason, line, code);
  return knossosLine(format, {
    'valid?': 'unknown',
    analyzer: 'linear',
    cause: 'bad-input',
    error: `${where}: ${reason}`,
  });
}

function knossosLine(format: Format, result: KnossosResult): string {
  return `${format === 'knossos' ? knossosJson(result) : knossosEdn(result)}\n`;
}

export function textOptions(io: Io): TextOptions {
  const { columns } = process.stdout;
  return { colour: io.colour.out, columns: io.terminal.out && columns > 0 ? columns : COLUMNS };
}

export interface TextOptions {
  readonly colour: boolean;
  /** Of the terminal, in characters. */
  readonly columns: number;
}

/** Where the output is no terminal. */
export const COLUMNS = 100;

/** `FILE: GUARANTEE valid|invalid|unknown …`, and below it the anomalies with their operations and their timelines. */
export function textOfVerdict(
  file: string,
  guarantee: Guarantee,
  verdict: Verdict,
  ms: number,
  { colour, columns }: TextOptions,
): string {
  const word = colour ? styleText(colours[verdict.type], verdict.type, { validateStream: false }) : verdict.type;
  const took = duration(ms * MILLISECOND);
  const lines = [`${printable(file)}: ${guarantee} ${word} (${printable(summaryOf(verdict))}; ${took})`];
  if (verdict.type !== 'invalid') return `${lines[0]}\n`;
  for (const anomaly of verdict.anomalies) {
    lines.push(
      `  ${anomaly.kind}: ${printable(anomaly.sentence)}`,
      ...linesOfAnomaly(anomaly, columns - 4, colour).map(indented),
    );
  }
  const hidden = verdict.count - verdict.anomalies.length;
  if (hidden > 0) lines.push(`  … and ${count(hidden)} more`);
  return `${lines.join('\n')}\n`;
}

const indented = (line: string): string => (line === '' ? '' : `    ${line}`);

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
  return entries
    .map(([name, amount]) => `${count(amount)} ${amount === 1 ? singular(wordsOf(name)) : wordsOf(name)}`)
    .join(', ');
}

/** `failedCas` is `failed cas`. */
const wordsOf = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

/** What is counted comes first, if it is a noun (`jumps back`; but `never read afterwards`, `ambiguous`, `failed cas`). */
function singular(words: string): string {
  const [first, ...others] = words.split(' ');
  return [/(?:us|cas)$/.test(first) ? first : first.replace(/s$/, ''), ...others].join(' ');
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
