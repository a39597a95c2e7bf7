/** Whole runs in the simulator: the same journal for the same seed, and the story that the matrix must tell. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SECOND } from '../history/clock.ts';
import type { Cell, RunRecord } from '../results/record.ts';
import { summaryOf, verdictWord } from '../results/summary.ts';
import { asset } from './entry.ts';
import { defaultPlan, type Plan, resolvePlan } from './plan.ts';
import { judgeRun } from './record-run.ts';
import { FORMATS, rendered } from './report/formats.ts';
import { closingLines, renderReport } from './report-text.ts';
import { type Ended, executeRun } from './run.ts';

let folder: string;
let made = 0;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidemark-run-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function run(
  asked: Partial<Plan>,
  stopped?: () => boolean,
): Promise<{ ended: Ended; record: RunRecord; journal: string }> {
  const plan = await resolvePlan({ ...defaultPlan, ...asked });
  const journal = join(folder, `${made++}.jsonl`);
  const ended = await executeRun(plan, { journal, ...(stopped && { stopped }) });
  const record = await judgeRun({ plan, ended, journal, id: 'test', labels: {}, histograms: true });
  return { ended, record, journal };
}

function cell(record: RunRecord, guarantee: string, writePath?: string, readPath?: string): Cell | undefined {
  return record.cells.find((c) => c.guarantee === guarantee && c.writePath === writePath && c.readPath === readPath);
}

describe('a seed', () => {
  it('gives the journal whose hash is committed', { timeout: 60_000 }, async () => {
    const committed = JSON.parse(readFileSync(asset('harness/testdata/journals.json'), 'utf8')) as Record<
      string,
      string
    >; // ours
    for (const seed of [1, 2]) {
      const plan = await resolvePlan({ ...defaultPlan, seed });
      const ended = await executeRun(plan, { journal: join(folder, `seed-${seed}.jsonl`) });
      expect(ended.failures).toEqual([]);
      expect(ended.journalSha256, `seed ${seed}; if the change was meant: npm run journals -- --update`).toBe(
        committed[seed],
      );
    }
  });

  it('gives the same journal beside another run', { timeout: 60_000 }, async () => {
    const asked = { seed: 5, durationNs: 5 * SECOND };
    const [a, b, c] = await Promise.all([run(asked), run(asked), run({ ...asked, seed: 6 })]);
    expect(a.ended.journalSha256).toBe(b.ended.journalSha256);
    expect(a.ended.journalSha256).not.toBe(c.ended.journalSha256);
  });
});

describe('an isolated leader', () => {
  let told: Awaited<ReturnType<typeof run>>;
  beforeAll(async () => {
    told = await run({ seed: 3, faults: ['isolate-leader'], durationNs: 30 * SECOND });
  }, 60_000);

  it('loses what was acknowledged by leader-ack: a finding with its count', () => {
    const lost = cell(told.record, 'durable', 'leader-ack');
    expect(lost?.state).toBe('violated');
    expect(lost?.anomalyCount).toBeGreaterThan(0);
    const byFailover = told.record.failovers.map((failover) => failover.lostWrites['leader-ack'] ?? 0);
    expect(byFailover.reduce((a, b) => a + b, 0)).toBeGreaterThan(0);
    expect(told.record.exitCode).toBe(0);
  });

  it('loses nothing that a quorum acknowledged', () => {
    expect(cell(told.record, 'durable', 'quorum-ack')?.state).toBe('kept');
    expect(cell(told.record, 'durable', 'all-ack')?.state).toBe('kept');
  });

  it('makes followers stale, and tokens cure what they promise to', () => {
    expect(cell(told.record, 'linearizable', 'quorum-ack', 'follower')?.state).toBe('violated');
    expect(cell(told.record, 'read-your-writes', 'quorum-ack', 'follower')?.state).toBe('violated');
    expect(cell(told.record, 'read-your-writes', 'quorum-ack', 'follower+token')?.state).toBe('kept');
    expect(cell(told.record, 'monotonic-reads', 'quorum-ack', 'follower+token')?.state).toBe('kept');
  });

  it('is seen in the figures: effect, failover, latencies, staleness', () => {
    const { faults, failovers, latencies, staleness } = told.record;
    for (const fault of faults) expect(fault.effect['messages dropped']).toBeGreaterThan(0);
    expect(failovers.length).toBeGreaterThan(0);
    for (const failover of failovers) expect(failover.electedNs).toBeGreaterThan(0);
    const phases = new Set(latencies.map((latency) => latency.phase));
    expect([...phases].sort((a, b) => (a < b ? -1 : 1))).toEqual(['calm', 'faults', 'isolate-leader']);
    expect(staleness.find((s) => s.writePath === 'quorum-ack' && s.readPath === 'leader')?.staleReads).toBe(0);
  });

  it('is told of the load alone, the same on all pages: what the harness reads back after it is in no figure', () => {
    const { latencies, staleness, curves = [], counts } = told.record;
    const sum = (all: readonly number[]): number => all.reduce((a, b) => a + b, 0);
    const calm = latencies.filter(
      ({ phase, since, path }) => phase === 'calm' && since === 'intended' && path === 'leader',
    );
    const calmReads = sum(calm.filter(({ method }) => method.startsWith('read')).map(({ count }) => count));
    expect(calmReads).toBeGreaterThan(0);
    expect(calmReads).toBeLessThanOrEqual(counts['calm reads answered leader']);
    for (const { path, reads, stale } of curves.filter(({ node }) => node === undefined)) {
      const rows = staleness.filter(({ readPath }) => readPath === path);
      expect([path, sum(rows.map((row) => row.reads)), sum(rows.map((row) => row.staleReads))]).toEqual([
        path,
        reads,
        stale,
      ]);
    }
  });
});

describe('a run that is told to stop', () => {
  it('heals, reads back and judges what there is', { timeout: 60_000 }, async () => {
    let asks = 0;
    const { ended, journal } = await run({ durationNs: 100 * SECOND, faults: ['kill-leader'] }, () => ++asks > 220);
    expect(ended.interrupted).toBe(true);
    expect(ended.virtualNs).toBeLessThan(50 * SECOND);
    const text = readFileSync(journal, 'utf8');
    const phases = [...text.matchAll(/"f":"phase","value":"(\w+)"/g)].map((match) => match[1]);
    expect(phases).toEqual(['starting', 'calm', 'faults', 'healed', 'settle', 'epilogue', 'end']);
    expect(text.lastIndexOf('"do":"heal"')).toBeGreaterThan(text.lastIndexOf('"do":"inject"'));
  });
});

describe('faults', () => {
  it('that are none leave some promises untried, and no failure', { timeout: 60_000 }, async () => {
    const { record } = await run({
      faults: ['none'],
      durationNs: 10 * SECOND,
      readPaths: ['leader', 'follower', 'follower+token'],
    });
    expect(cell(record, 'fenced', 'quorum-ack')?.state).toBe('not exercised');
    expect(cell(record, 'linearizable', 'quorum-ack', 'leader')?.state).toBe('kept');
    expect(record.exitCode).toBe(0);
  });
});

describe('a cluster that is not as it was when its faults are healed', () => {
  it('ends the run as failed after it was judged, and every report says why', { timeout: 60_000 }, async () => {
    const plan = await resolvePlan({ ...defaultPlan, seed: 1, durationNs: 3 * SECOND, faults: ['pause-leader'] });
    const { environment } = plan.use;
    const deploy: typeof environment.deploy = async (nodes, options) => {
      const cluster = await environment.deploy(nodes, options);
      cluster.lingering = () => Promise.resolve(['n2 was not healed: its rules are not what they were']);
      return cluster;
    };
    const broken = { ...plan, use: { ...plan.use, environment: { ...environment, deploy } } };
    const journal = join(folder, 'lingering.jsonl');
    const ended = await executeRun(broken, { journal });
    const record = await judgeRun({ plan: broken, ended, journal, id: 'test', labels: {}, histograms: true });
    expect(record.exitCode).toBe(255);
    expect(record.cells.some(({ state }) => state === 'kept')).toBe(true);
    const why = 'n2 was not healed: its rules are not what they were';
    expect(closingLines(record, '')[0]).toMatch(new RegExp(`^verdict {2}FAILED: ${why}; judged all the same: `));
    expect(verdictWord(summaryOf(record))).toMatch(/^failed \(/);
    expect(renderReport(record, { color: false })).toContain(`The run went wrong\n  ${why}`);
    for (const format of FORMATS) expect(rendered(record, format).toLowerCase(), format).toContain(why);
    expect(rendered(record, 'html')).toContain('<h1>FAILED</h1>');
    expect(rendered(record, 'markdown')).toContain('FAILED');
  });

  it('is given the time to settle where an operator may be about to start a store, and no longer', {
    timeout: 60_000,
  }, async () => {
    const sentence = 'n1 was not healed: it was not started again';
    const plan = await resolvePlan({ ...defaultPlan, seed: 1, durationNs: 3 * SECOND, faults: ['pause-leader'] });
    const { environment, system } = plan.use;
    /** What went wrong where so many looks find what only an operator mends, and how often it was looked. */
    const failuresWith = async (looks: number, operated: boolean): Promise<[readonly string[], number]> => {
      let looked = 0;
      const deploy: typeof environment.deploy = async (nodes, options) => {
        const cluster = await environment.deploy(nodes, options);
        cluster.lingering = () => Promise.resolve(++looked <= looks ? [sentence] : []);
        return cluster;
      };
      const supervise = { supervise: () => ({ counts: {}, stop: () => Promise.resolve() }) };
      const operatedSystem = { ...system, ...(operated && supervise) };
      const watched = {
        ...plan,
        use: { ...plan.use, system: operatedSystem, environment: { ...environment, deploy } },
      };
      const ended = await executeRun(watched, { journal: join(folder, `last-${looks}-${operated}.jsonl`) });
      return [ended.failures, looked];
    };
    expect(await failuresWith(3, true)).toEqual([[], 4]);
    const [failures, looked] = await failuresWith(Number.POSITIVE_INFINITY, true);
    expect(failures).toEqual([sentence]);
    // Of the time to settle at most, every 250 ms.
    expect(looked).toBeGreaterThan(4);
    expect(looked).toBeLessThan(40);
    expect(await failuresWith(3, false)).toEqual([[sentence], 1]);
  });

  it('and what a later fault would undo by the way is found in the calm between', { timeout: 60_000 }, async () => {
    const deed = { fault: 'pause-leader' };
    const strikes = { type: 'at', at: [0], durationNs: SECOND, deed } as const;
    const calm = { durationNs: 2 * SECOND, streams: [] };
    const schedule = {
      phases: [{ durationNs: SECOND, streams: [strikes] }, calm, { durationNs: SECOND, streams: [strikes] }, calm],
    };
    const plan = await resolvePlan({ ...defaultPlan, seed: 1, durationNs: 6 * SECOND, schedule, faults: [] });
    const { environment } = plan.use;
    /** What each look finds; then nothing. */
    const failuresWith = async (looks: readonly (readonly string[])[]): Promise<readonly string[]> => {
      const left = [...looks];
      const deploy: typeof environment.deploy = async (nodes, options) => {
        const cluster = await environment.deploy(nodes, options);
        cluster.lingering = () => Promise.resolve(left.shift() ?? []);
        return cluster;
      };
      const watched = { ...plan, use: { ...plan.use, environment: { ...environment, deploy } } };
      const ended = await executeRun(watched, { journal: join(folder, `between-${looks.length}.jsonl`) });
      expect(ended.faults).toHaveLength(2);
      return ended.failures;
    };
    const sentence = 'n2 was not healed: its clocks are not what they were';
    // Somebody is still about to undo it.
    expect(await failuresWith([[sentence], [sentence], []])).toEqual([]);
    const long = Array.from({ length: 8 }, () => [sentence]);
    const told = `in the phase 'calm', with no fault in force: ${sentence}`;
    expect(await failuresWith(long)).toEqual([told]);
    // What stays is told once.
    expect(await failuresWith([...long, ...long])).toEqual([told]);
  });
});
