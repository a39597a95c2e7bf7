/** Runs one seed after another, as told by the campaign: a worker thread, started from dist. */
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { existsSync, rmSync } from 'node:fs';
import type { RunRecord } from '../results/record.ts';
import { type Plan, resolvePlan } from './plan.ts';
import { judgeRun } from './record-run.ts';
import { executeRun } from './run.ts';

/** What the campaign tells its workers. */
export interface Order {
  readonly plan: Plan;
  readonly id: string;
  /** Whether it ends at its first broken promise. */
  readonly bail?: boolean;
}

/** What a worker answers: the run's record, and the journal's file where it was kept. */
export interface Done {
  readonly id: string;
  readonly record: RunRecord;
  readonly journal: string | undefined;
  /** Folder with the logs of its nodes, where they were kept and there are any. */
  readonly logs: string | undefined;
  /** What went wrong in the harness, or broke down in a node. */
  readonly failures: readonly string[];
}

export interface WorkerSetup {
  /** Folder for journals while they are written. */
  readonly folder: string;
  readonly keepAll: boolean;
}

const port = parentPort;
if (port === null) throw new Error('campaign-worker runs as a worker thread');
const setup = workerData as WorkerSetup; // given by the campaign

port.on('message', (order: Order) => {
  void work(order).then((done) => port.postMessage(done));
});

async function work({ plan, id, bail }: Order): Promise<Done> {
  const resolved = await resolvePlan(plan);
  const journal = join(setup.folder, `${id}.jsonl`);
  const logs = join(setup.folder, `${id}.nodes`);
  const ended = await executeRun(resolved, { journal, run: { id, logs }, bail: bail === true });
  const record = await judgeRun({ plan: resolved, ended, journal, id, labels: {}, histograms: false });
  const keep = setup.keepAll || record.verdict !== 'kept' || record.exitCode !== 0;
  if (!keep) rmSync(journal);
  if (!keep) rmSync(logs, { recursive: true, force: true });
  const kept = keep ? { journal, logs: existsSync(logs) ? logs : undefined } : { journal: undefined, logs: undefined };
  return { id, record, ...kept, failures: ended.failures };
}
