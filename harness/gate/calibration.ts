/**
 * What this machine makes of comparing the same with the same: runs of one side, in blocks, kept per machine and per what is
 * run in `.tidemark/calibrations/`. Another processor, or another plan, has another noise.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { arch, cpus, hostname, platform, totalmem } from 'node:os';
import { join } from 'node:path';
import { wallTime } from '../../history/clock.ts';
import type { RunBlock } from '../../results/change.ts';
import type { Calibration } from '../../results/look.ts';
import type { RunRecord } from '../../results/record.ts';
import { type Check, is, listOf, map, oneOf, optional, text, yesOrNo } from '../../results/shape.ts';
import { recordOf } from '../../results/valid.ts';
import { recordedPlan } from '../stored/recorded-plan.ts';

export interface StoredCalibration extends Calibration {
  readonly machine: string;
  readonly words: readonly string[];
  readonly madeAt: string;
}

export function thisMachine(): string {
  const processors = cpus();
  const gigabytes = Math.round(totalmem() / 2 ** 30);
  return `${hostname()}: ${processors.length} × ${processors[0]?.model ?? 'unknown'}, ${gigabytes} GB, ${platform()} ${arch()}`;
}

export function calibrationFile(folder: string, words: readonly string[]): string {
  const hash = createHash('sha256')
    .update(JSON.stringify([thisMachine(), words]))
    .digest('hex')
    .slice(0, 16);
  return join(folder, 'calibrations', `${hash}.json`);
}

/**
 * Undefined where this machine was not calibrated for this. What is damaged is told to `damaged`, in a sentence, and is none: it is made
 * anew by whoever calibrates; until then the runs speak for themselves.
 */
export function readCalibration(
  folder: string,
  words: readonly string[],
  damaged: (sentence: string) => void = () => undefined,
): StoredCalibration | undefined {
  const file = calibrationFile(folder, words);
  if (!existsSync(file)) return undefined;
  try {
    const stored: unknown = JSON.parse(readFileSync(file, 'utf8'));
    const wrong = wrongIn(stored);
    if (wrong === undefined) return stored as StoredCalibration; // looked at
    damaged(`${file} is damaged, and is not used: ${wrong}`);
  } catch (error) {
    damaged(`${file} cannot be read, and is not used: ${(error as Error).message}`);
  }
  return undefined;
}

const runs: Check = is('two runs', (value) => Array.isArray(value) && value.length === 2);

const calibration = map({
  schema: oneOf(1),
  machine: text,
  words: listOf(text),
  madeAt: text,
  blocks: listOf(map({ a: runs, b: runs, paired: optional(yesOrNo) })),
});

function wrongIn(stored: unknown): string | undefined {
  const wrong = calibration(stored, '');
  if (wrong !== undefined) return `${wrong.path === '' ? 'it' : `'${wrong.path}'`} must be ${wrong.due}`;
  const { blocks } = stored as StoredCalibration; // looked at, their runs apart
  if (blocks.length === 0) return 'it has no blocks';
  return blocks
    .flatMap(({ a, b }) => [...a, ...b])
    .map((record) => recordOf(record, recordedPlan))
    .find((record) => typeof record === 'string');
}

export function writeCalibration(folder: string, words: readonly string[], blocks: readonly RunBlock[]): string {
  const file = calibrationFile(folder, words);
  const stored = {
    schema: 1,
    machine: thisMachine(),
    words,
    madeAt: wallTime().toISOString(),
    blocks: blocks.map(slim),
  };
  mkdirSync(join(folder, 'calibrations'), { recursive: true });
  writeFileSync(`${file}.new`, `${JSON.stringify(stored)}\n`);
  renameSync(`${file}.new`, file);
  return file;
}

/** Figures alone: no journal can be judged again from here. */
export function slim(block: RunBlock): RunBlock {
  return { ...block, a: block.a.map(bare), b: block.b.map(bare) };
}

/** Those, and what each promise came to in a word. */
export function slimJudged(block: RunBlock): RunBlock {
  const judged = (record: RunRecord): RunRecord => ({ ...bare(record), cells: record.cells.map(inAWord) });
  return { ...block, a: block.a.map(judged), b: block.b.map(judged) };
}

function inAWord(cell: RunRecord['cells'][number]): RunRecord['cells'][number] {
  return cell.state === 'broken' ? cell : { ...cell, note: '', evidence: { operations: 0 }, anomalies: [] };
}

function bare(record: RunRecord): RunRecord {
  const { series, standings: _, pulls: __, curves: ___, nodeLatencies: ____, ...rest } = record;
  return {
    ...rest,
    cells: rest.cells.filter(({ state }) => state === 'broken'),
    staleness: [],
    failovers: [],
    latencies: rest.latencies.filter(isCounted),
    // Of a run that is no bench, throughput is what was answered in its calm steps, between the first and the last with anything.
    ...(series !== undefined &&
      rest.plan['bench'] === undefined && {
        series: {
          ...series,
          latencies: [],
          lags: [],
          staleness: [],
        },
      }),
  };
}

function isCounted({ since, path }: RunRecord['latencies'][number]): boolean {
  return since === 'intended' && path !== '*';
}
