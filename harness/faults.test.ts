/** Faults in whole runs: each of them does something, and the cluster is whole again in the end. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { hadEffect } from '../nemesis/fault.ts';
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

/** Lease reads that a run shows to be stale, while a fault of clocks and one of the network are in force. */
async function staleLeaseReads(seed: number, fault: string): Promise<number> {
  const faults = [fault, 'isolate-leader'];
  const paths = { writePaths: ['quorum-ack'], readPaths: ['leader-lease'] };
  const plan = await resolvePlan({ ...defaultPlan, ...paths, seed, faults, workloads: ['register'] });
  const journal = join(folder, `${made++}.jsonl`);
  const ended = await executeRun(plan, { journal });
  const record = await judgeRun({ plan, ended, journal, id: 'test', labels: {}, histograms: false });
  const cell = record.cells.find(({ guarantee, readPath }) => guarantee === 'linearizable' && readPath !== undefined);
  if (cell === undefined) throw new Error('lease reads were not judged');
  return cell.anomalyCount;
}

it('every fault of the mix strikes with effect within a few default runs', { timeout: 60_000 }, async () => {
  const { faults } = await resolvePlan(defaultPlan);
  const effective = new Set<string>();
  for (const seed of [1, 2, 3, 4]) {
    for (const { fault, effect } of (await run({ seed })).faults) if (hadEffect(effect)) effective.add(fault);
  }
  expect(faults.filter((fault) => !effective.has(fault))).toEqual([]);
});

it.each(['clock-drift', 'corrupt-disk', 'promote-by-force'])(
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

describe('lease reads', () => {
  beforeEach((context) => {
    if (process.env['TIDEMARK_DEEP'] === undefined) context.skip('long: only in npm run test:deep');
  });

  it('of a leader whose clock drifts beyond the stated bound are stale', { timeout: 300_000 }, async () => {
    let stale = 0;
    for (let seed = 1; seed <= 20 && stale === 0; seed++) stale += await staleLeaseReads(seed, 'clock-drift');
    expect(stale).toBeGreaterThan(0);
  });

  it('of a leader whose clock drifts within it are not', { timeout: 300_000 }, async () => {
    for (let seed = 1; seed <= 10; seed++) expect(await staleLeaseReads(seed, 'clock-shift'), `seed ${seed}`).toBe(0);
  });
});
