/**
 * Measures one row in this process, and prints what was found as one line of JSON:
 *
 *     node --expose-gc dist/scripts/bench-checkers/measure.js ROW VECTORS
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { check } from '../../checkers/index.ts';
import type { Budget, Verdict } from '../../checkers/checker.ts';
import { defaultSemantics } from '../../checkers/checker.ts';
import type { StalenessReport } from '../../checkers/staleness/report.ts';
import { reportStaleness } from '../../checkers/staleness/report.ts';
import { MILLISECOND, SECOND, realClock } from '../../history/clock.ts';
import { readJsonlSync } from '../../history/codec/jsonl.ts';
import type { History } from '../../history/history.ts';
import { bytesOf, historyOf } from '../../history/table.ts';
import { clientHistory } from './clients.ts';
import { objectHistory } from './objects.ts';
import { runsOf } from './files.ts';
import { replicaHistory } from './replicas.ts';
import type { Load, Row } from './rows.ts';
import { nameOf, rows } from './rows.ts';

export interface Measured {
  readonly operations: number;
  readonly verdict: string;
  /** The first run, in code that was never run before. */
  readonly firstMs: number;
  /** The five after it, ascending; empty where nothing is timed. */
  readonly ms: readonly number[];
  /** Until the end of the first run; NaN where this is not Linux. */
  readonly peakMb: number;
  readonly bytesPerOperation: number;
}

export const RUNS = 5;
/** What takes longer is unknown, and says so. */
const GIVE_UP_SECONDS = 30;
/** What takes longer is measured once. */
const ONCE_SECONDS = 5;

const clock = realClock();

function historiesOf(load: Load, vectors: string): readonly History[] {
  if (load.type === 'clients') return [clientHistory(load)];
  if (load.type === 'objects') return [objectHistory(load)];
  if (load.type === 'replicas') return [replicaHistory(load)];
  const folder = join(vectors, 'porcupine-etcd');
  return readdirSync(folder).map((name) => readJsonlSync(join(folder, name)).history);
}

/** Memory that is not needed any more goes, and the peak begins anew (Linux). */
function forget(): void {
  (globalThis as { gc?: () => void }).gc?.();
  try {
    writeFileSync('/proc/self/clear_refs', '5');
  } catch {
    // not Linux, or not ours to ask: the peak is that of the whole process then
  }
}

function peakMb(): number {
  try {
    return Number(/VmHWM:\s*(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1000;
  } catch {
    return Number.NaN;
  }
}

function wordsOf(verdicts: readonly Verdict[]): string {
  const types = new Map<string, number>();
  for (const verdict of verdicts) {
    const word = verdict.type === 'unknown' ? `unknown: ${verdict.reason}` : verdict.type;
    types.set(word, (types.get(word) ?? 0) + 1);
  }
  return [...types].map(([word, count]) => (verdicts.length === 1 ? word : `${count} ${word}`)).join(', ');
}

function stalenessWords({ delta, k }: StalenessReport): string {
  const ms = delta === undefined ? 'no times' : `Δ ${(delta.ns / MILLISECOND).toFixed(3)} ms`;
  return `${ms}, k ${k === undefined ? 'unknown' : k.atLeast === k.atMost ? k.atLeast : `${k.atLeast}..${k.atMost}`}`;
}

function within(seconds: number): Budget {
  const end = clock.now() + seconds * SECOND;
  return { spent: () => (clock.now() > end ? `${seconds} s spent` : undefined) };
}

async function measure(row: Row, vectors: string): Promise<Measured> {
  const histories = historiesOf(row.load, vectors);
  const operations = histories.reduce((sum, history) => sum + history.operations, 0);
  const bytesPerOperation = histories.reduce((sum, history) => sum + bytesOf(history), 0) / operations;
  forget();
  const { work } = row;
  if (work.type === 'columns') {
    return { operations, verdict: '', firstMs: Number.NaN, ms: [], peakMb: peakMb(), bytesPerOperation };
  }
  if (work.type === 'file') return { operations, bytesPerOperation, ...(await runsOf(histories[0], work.format)) };
  const run = (): { ms: number; words: string } => {
    const start = clock.now();
    const budget = within(GIVE_UP_SECONDS);
    if (work.type === 'staleness') {
      const report = reportStaleness(histories[0], { ...defaultSemantics, ...work.options }, budget);
      return { ms: (clock.now() - start) / MILLISECOND, words: stalenessWords(report) };
    }
    // As another history: what a checker keeps of one that it has seen would be free from the second run on.
    const verdicts = histories.map((history) =>
      check(work.guarantee, historyOf({ ...history }), { ...work.options, budget }),
    );
    return { ms: (clock.now() - start) / MILLISECOND, words: wordsOf(verdicts) };
  };
  const first = run();
  const peak = peakMb();
  const ms: number[] = [];
  const isLong = first.ms > (ONCE_SECONDS * SECOND) / MILLISECOND;
  for (let i = 0; i < (isLong ? 0 : RUNS); i++) {
    forget();
    ms.push(run().ms);
  }
  ms.sort((a, b) => a - b);
  return {
    operations,
    verdict: first.words,
    firstMs: first.ms,
    ms: isLong ? [first.ms] : ms,
    peakMb: peak,
    bytesPerOperation,
  };
}

const [name, vectors] = process.argv.slice(2);
const row = rows.find((one) => nameOf(one) === name);
if (row === undefined) throw new Error(`There is no row '${name}'.`);
process.stdout.write(`${JSON.stringify(await measure(row, vectors))}\n`);
