/**
 * A run's folder, `.tidemark/runs/<id>/`: what stands when no database can be had.
 *
 *   plan.json       what was to be done        report.txt      what the run printed at its end
 *   verdicts.json   the whole RunRecord        journal.jsonl   written by the recorder, while the run lives
 *
 * A folder without verdicts.json belongs to a run that has not ended, or was killed; one with nothing but reports, to a run that only
 * a database has, or had.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { wallTime } from '../history/clock.ts';
import type { RunRecord } from './record.ts';
import {
  findAmong,
  type Found,
  matches,
  newestFirst,
  type RunFilter,
  type RunSummary,
  searched,
  summaryOf,
  wordsOf,
} from './summary.ts';
import { UnusableFolder } from './unusable.ts';

export const RUN_ID = /^\d{8}-\d{6}-\d{3}-[0-9a-z]{6}$/;

let made = 0;

/**
 * An id for a new run, `20261121-070340-512-k3f9q2`: the time in UTC, so that ids sort by it, and a suffix that differs
 * between machines, working directories, processes and calls.
 */
export function newRunId(): string {
  const now = wallTime().toISOString(); // 2026-11-21T07:03:40.512Z
  const suffix = createHash('sha256').update(`${hostname()} ${process.cwd()} ${process.pid} ${++made} ${now}`).digest();
  const short = suffix.readUIntBE(0, 6).toString(36).padStart(6, '0').slice(-6);
  return `${now.slice(0, 10).replaceAll('-', '')}-${now.slice(11, 19).replaceAll(':', '')}-${now.slice(20, 23)}-${short}`;
}

/** Makes the folder of a run and returns its path. Throws when another run has it. */
export function createRunFolder(tidemarkFolder: string, id: string): string {
  const parent = runsFolder(tidemarkFolder);
  const folder = join(parent, id);
  try {
    mkdirSync(parent, { recursive: true });
  } catch (error) {
    throw new UnusableFolder(parent, error);
  }
  try {
    mkdirSync(folder);
  } catch (error) {
    if (existsSync(folder)) throw error; // another run has it
    throw new UnusableFolder(parent, error);
  }
  return folder;
}

export function runFolder(tidemarkFolder: string, id: string): string {
  return join(runsFolder(tidemarkFolder), id);
}

export function writePlan(folder: string, plan: RunRecord['plan']): void {
  writeWhole(join(folder, 'plan.json'), `${JSON.stringify(plan, undefined, 2)}\n`);
}

/** Writes what the run produced; verdicts.json last, because it says that all is there. */
export function writeRunFiles(folder: string, record: RunRecord, report: string): void {
  mkdirSync(folder, { recursive: true });
  writePlan(folder, record.plan);
  writeWhole(join(folder, 'report.txt'), report);
  writeWhole(join(folder, 'verdicts.json'), `${JSON.stringify({ schema: 1, ...record })}\n`);
}

/** A run as its files tell it; undefined when it has not ended. Throws a sentence when the file is damaged. */
export function readRun(tidemarkFolder: string, id: string): RunRecord | undefined {
  if (!isRunId(id)) return undefined;
  const path = join(runFolder(tidemarkFolder, id), 'verdicts.json');
  if (!existsSync(path)) return undefined;
  let stored: Partial<RunRecord> & { readonly schema?: unknown };
  try {
    stored = JSON.parse(readFileSync(path, 'utf8')) as Partial<RunRecord>; // looked at below
  } catch (cause) {
    throw new Error(`${path} is damaged: ${(cause as Error).message}`, { cause });
  }
  if (stored?.schema !== 1) throw new Error(`${path} has schema ${String(stored?.schema)}; this Tidemark reads 1`);
  const { schema: _, ...record } = stored;
  const missing = required.find((name) => record[name] === undefined);
  if (missing !== undefined) throw new Error(`${path} is damaged: it has no '${missing}'`);
  return record as RunRecord; // all that is required is there
}

const required = [
  'id',
  'createdAt',
  'command',
  'labels',
  'system',
  'environment',
  'seed',
  'plan',
  'versions',
  'verdict',
  'exitCode',
  'counts',
  'cells',
  'faults',
  'latencies',
  'staleness',
  'failovers',
] as const satisfies readonly (keyof RunRecord)[];

/** Ids of all runs that have a folder, newest first. */
export function runIds(tidemarkFolder: string): readonly string[] {
  const parent = runsFolder(tidemarkFolder);
  if (!existsSync(parent)) return [];
  try {
    return readdirSync(parent).filter(isRunId).sort().reverse();
  } catch (error) {
    throw new UnusableFolder(parent, error);
  }
}

/** Ids of runs without verdicts: still running, or killed. */
export function unfinishedIds(tidemarkFolder: string): readonly string[] {
  return runIds(tidemarkFolder).filter((id) => isUnfinished(tidemarkFolder, id));
}

/** A folder with a report alone is none: that was made of a run that only the database has. */
export function isUnfinished(tidemarkFolder: string, id: string): boolean {
  const folder = runFolder(tidemarkFolder, id);
  if (existsSync(join(folder, 'verdicts.json'))) return false;
  const files = filesIn(folder);
  return files !== undefined && (files.length === 0 || files.some((name) => !name.startsWith('report.')));
}

/** Undefined where there is no such folder, or it may not be looked into. */
function filesIn(folder: string): readonly string[] | undefined {
  try {
    return readdirSync(folder);
  } catch {
    return undefined;
  }
}

/** Of runs that have ended; newest first. Damaged ones are named to `damaged` and left out. */
export function listRunFiles(
  tidemarkFolder: string,
  filter: RunFilter = {},
  ids: readonly string[] = runIds(tidemarkFolder),
  damaged: (sentence: string) => void = () => undefined,
): readonly RunSummary[] {
  const runs: RunSummary[] = [];
  const words = searched(filter.search);
  const most = (filter.limit ?? Number.POSITIVE_INFINITY) + (filter.skip ?? 0);
  for (const id of ids) {
    if (runs.length === most) break;
    try {
      const record = readRun(tidemarkFolder, id);
      const summary = record === undefined ? undefined : summaryOf(record);
      if (record === undefined || summary === undefined || !matches(summary, filter)) continue;
      const text = words.length === 0 ? '' : wordsOf(record);
      if (words.every((word) => text.includes(word))) runs.push(summary);
    } catch (error) {
      damaged((error as Error).message);
    }
  }
  return runs.sort(newestFirst).slice(filter.skip ?? 0);
}

/** `last`, an id or the beginning of one, or a label, among the runs that have files. */
export function findRunFile(tidemarkFolder: string, word: string): Promise<Found> {
  return findAmong(word, (filter) => Promise.resolve(listRunFiles(tidemarkFolder, filter)));
}

function runsFolder(tidemarkFolder: string): string {
  return join(resolve(tidemarkFolder), 'runs');
}

function isRunId(name: string): boolean {
  return RUN_ID.test(name);
}

/** A reader sees the old file or the new one, never half of it. */
function writeWhole(path: string, text: string): void {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}
