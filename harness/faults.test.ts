/** Faults in whole runs: each of them does something, and the cluster is whole again in the end. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SECOND } from '../history/clock.ts';
import { hadEffect } from '../nemesis/fault.ts';
import type { Cell, RunRecord } from '../results/record.ts';
import { defaultPlan, type Plan, resolvePlan } from './plan.ts';
import { judgeRun } from './record-run.ts';
import { type Ended, executeRun } from './run.ts';

let folder = '';
let made = 0;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidemark-faults-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function run(asked: Partial<Plan>): Promise<Ended> {
  const plan = await resolvePlan({ ...defaultPlan, rate: 60, ...asked });
  const ended = await executeRun(plan, { journal: join(folder, `${made++}.jsonl`) });
  expect(ended.failures).toEqual([]);
  return ended;
}

/**
 * How lease reads of a run fare while a fault of clocks and one of the network are in force. Many sessions that seldom ask,
 * and elections that take their time: somebody still believes in the old leader when another has acknowledged writes.
 */
async function leaseReads(
  seed: number,
  fault: string,
  settings: Plan['settings'] = {},
): Promise<Pick<RunRecord, 'verdict'> & { readonly cell: Cell; readonly expired: number }> {
  const plan = await resolvePlan({
    ...defaultPlan,
    seed,
    faults: [fault, 'isolate-leader'],
    writePaths: ['quorum-ack'],
    readPaths: ['leader-lease'],
    workloads: ['register'],
    durationNs: 8 * SECOND,
    rate: 200,
    settings: { sessions: '300', keys: '2', 'election-ms': '800', ...settings },
  });
  const journal = join(folder, `${made++}.jsonl`);
  const ended = await executeRun(plan, { journal });
  const record = await judgeRun({ plan, ended, journal, id: 'test', labels: {}, histograms: false });
  const cell = record.cells.find(({ guarantee, readPath }) => guarantee === 'linearizable' && readPath !== undefined);
  if (cell === undefined) throw new Error('lease reads were not judged');
  return { verdict: record.verdict, cell, expired: ended.store['leases expired'] ?? 0 };
}

it('every fault of the mix strikes with effect within a few default runs', { timeout: 60_000 }, async () => {
  const { faults } = await resolvePlan(defaultPlan);
  const effective = new Set<string>();
  for (const seed of [1, 2, 3, 4]) {
    for (const { fault, effect } of (await run({ seed })).faults) if (hadEffect(effect)) effective.add(fault);
  }
  expect(faults.filter((fault) => !effective.has(fault))).toEqual([]);
});

it.each(['clock-drift', 'corrupt-disk', 'failing-link', 'promote-by-force'])(
  '%s, asked for by name, strikes with effect',
  async (fault) => {
    const { faults } = await run({ seed: 1, faults: [fault] });
    expect(faults.filter(({ effect }) => hadEffect(effect)).length).toBeGreaterThan(2);
  },
);

it('members change under partition, and are all back in the end', async () => {
  const { faults, store } = await run({ seed: 1, faults: ['change-members', 'split-majority', 'isolate-leader'] });
  const of = (name: string): number =>
    faults.filter(({ fault }) => fault === 'change-members').reduce((sum, { effect }) => sum + (effect[name] ?? 0), 0);
  expect(of('members removed')).toBeGreaterThan(2);
  expect(of('members added')).toBeGreaterThanOrEqual(of('members removed'));
  expect(store['changes of members taken up under partition']).toBeGreaterThan(0);
});

describe('lease reads of a leader whose clock is slow, and those of the others fast', () => {
  const drift = { 'lease-drift': '400000' };

  it('are reported as stale beyond the stated bound, where they are not promised to be fresh', async () => {
    const { verdict, cell } = await leaseReads(23, 'clock-drift');
    expect(cell).toMatchObject({ state: 'violated', suspendedBy: ['clock-drift'] });
    expect(cell.anomalies[0]?.sentence).toMatch(/read of \d+ from r0/);
    expect(verdict).not.toBe('broken');
  });

  it('are none of them stale within the stated bound, however near', async () => {
    for (const seed of [16, 23]) {
      const { cell, expired } = await leaseReads(seed, 'clock-drift-within', drift);
      expect(cell, `seed ${seed}`).toMatchObject({ state: 'kept', anomalyCount: 0 });
      expect(expired, `seed ${seed}`).toBeGreaterThan(0);
      const ignored = await leaseReads(seed, 'clock-drift-within', { ...drift, defect: 'lease-ignores-drift' });
      expect(ignored.cell, `seed ${seed}`).toMatchObject({ state: 'broken' });
    }
  });

  it('are none of them stale within the stated bound, in any of many runs', { timeout: 300_000 }, async (context) => {
    if (process.env['TIDEMARK_DEEP'] === undefined) context.skip('long: only in npm run test:deep');
    for (let seed = 1; seed <= 200; seed++) {
      const { cell } = await leaseReads(seed, 'clock-drift-within', drift);
      expect(cell.anomalyCount, `seed ${seed}`).toBe(0);
    }
  });
});
