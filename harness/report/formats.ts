/** In which formats a report can be had, and where each goes. */
import { existsSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { RunRecord } from '../../results/record.ts';
import { BadInput, unknownName } from '../errors.ts';
import { answersOf, ELSEWHERE, verdictSentence } from './answers.ts';
import { junitReport } from './junit.ts';
import { markdownReport } from './markdown.ts';
import { htmlReport } from './page.ts';

export const FORMATS = ['html', 'markdown', 'json', 'junit'] as const;
export type Format = (typeof FORMATS)[number];

/** What a file of each format is called where nobody says. */
export const FILE_NAMES: Readonly<Record<Format, string>> = {
  html: 'report.html',
  markdown: 'report.md',
  json: 'report.json',
  junit: 'report.junit.xml',
};

export interface Wanted {
  readonly format: Format;
  /** Absent: in the run's folder. */
  readonly file?: string;
}

export function formatNamed(name: string): Format {
  const format = FORMATS.find((one) => one === name);
  if (format === undefined) throw unknownName('report format', name, FORMATS);
  return format;
}

/** `html`, `junit=build/tidemark.xml`: files as given from the working directory, whose folders are there. */
export function wantedReports(given: readonly string[], cwd: string): readonly Wanted[] {
  return given.map((one) => {
    const at = one.indexOf('=');
    const format = formatNamed(at < 0 ? one : one.slice(0, at));
    if (at < 0) return { format };
    const file = one.slice(at + 1);
    if (file === '') throw new BadInput(`--report ${one}: the name of a file is needed behind the =.`);
    checkPlace(`--report ${one}`, resolve(cwd, file));
    return { format, file };
  });
}

/** Before anything is run: what would be lost in the end is better refused at once. */
export function checkPlace(flag: string, path: string): void {
  const folder = dirname(path);
  if (!existsSync(folder) || !statSync(folder).isDirectory())
    throw new BadInput(`${flag}: there is no folder ${folder}.`);
  if (existsSync(path) && statSync(path).isDirectory())
    throw new BadInput(`${flag}: ${path} is a folder, and a file is needed.`);
}

export function rendered(record: RunRecord, format: Format): string {
  switch (format) {
    case 'html':
      return htmlReport(record);
    case 'markdown':
      return markdownReport(record);
    case 'junit':
      return junitReport(record);
    case 'json':
      return jsonReport(record);
  }
}

function jsonReport(record: RunRecord): string {
  const answers = answersOf(record).map(({ question, answer, more, elsewhere }) => ({
    question,
    answer: [answer, ...(elsewhere === undefined ? [] : [`${ELSEWHERE} ${elsewhere}`]), ...more],
  }));
  return `${JSON.stringify({ schema: 1, type: 'report', sentence: verdictSentence(record), answers, run: record })}\n`;
}

/** A reader sees the old file or the new one, never half of it. Throws the file system's errors. */
export function writeReport(path: string, text: string): void {
  // A device or a pipe is written to, and not replaced.
  if (existsSync(path) && !statSync(path).isFile()) return writeFileSync(path, text);
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}

/** Throws {@link BadInput} where the file cannot be written. */
export function writing(format: Format, path: string, text: () => string): void {
  try {
    writeReport(path, text());
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new BadInput(`The ${format} report cannot be written to ${path} (${code}).`, { cause: error });
  }
}

/** Writes what is wanted, each to its file or into `folder`; returns where each report lies. */
export function writeReports(
  wanted: readonly Wanted[],
  render: (format: Format) => string,
  folder: string,
  cwd: string,
): readonly string[] {
  return wanted.map(({ format, file }) => {
    const path = file === undefined ? join(folder, FILE_NAMES[format]) : resolve(cwd, file);
    writing(format, path, () => render(format));
    return path;
  });
}
