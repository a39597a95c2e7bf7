/** The record of a real simulated run, for scripts that need something to store. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultPlan, type Plan, resolvePlan } from '../harness/plan.ts';
import { judgeRun } from '../harness/record-run.ts';
import { executeRun } from '../harness/run.ts';
import type { RunRecord } from '../results/record.ts';

export async function recordOfRun(changes: Partial<Plan>, histograms: boolean): Promise<RunRecord> {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-record-'));
  try {
    const plan = await resolvePlan({ ...defaultPlan, ...changes });
    const journal = join(folder, 'journal.jsonl');
    const ended = await executeRun(plan, { journal });
    return await judgeRun({ plan, ended, journal, id: '20260101-000000-000-000000', labels: {}, histograms });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
