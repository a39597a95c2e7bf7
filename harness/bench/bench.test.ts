/** Benches of the simulated store: the whole line, in virtual time. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MILLISECOND, SECOND } from '../../history/clock.ts';
import type { RunRecord } from '../../results/record.ts';
import { executeBench } from './bench.ts';
import type { BenchPlan, BenchResult } from './plan.ts';
import { recordedPlan } from '../stored/recorded-plan.ts';
import { isVouchedFor, recordBench } from './record.ts';
import { resolveBench } from './resolve.ts';
import { renderBench } from './text.ts';

let folder = '';
let made = 0;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidemark-bench-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const small: BenchPlan = {
  system: 'reference',
  environment: 'simulation',
  seed: 1,
  nodes: 3,
  mix: 'b',
  distribution: 'zipfian',
  records: 200,
  valueBytes: 100,
  readPaths: [],
  writePath: undefined,
  rates: [500],
  ladder: undefined,
  warmUpNs: 2 * SECOND,
  durationNs: 2 * SECOND,
  repeats: 2,
  sessions: 64,
  checkedKeys: 32,
  settings: {},
};

async function bench(plan: BenchPlan): Promise<RunRecord & { readonly journal: string; readonly bench: BenchResult }> {
  const resolved = await resolveBench(plan);
  const id = `bench-${++made}`;
  const journal = join(folder, `${id}.jsonl`);
  const run = { id, logs: join(folder, id) };
  const benched = await executeBench(resolved, { journal, run, stopped: () => false, say: () => undefined });
  expect(benched.ended.failures).toEqual([]);
  const record = await recordBench({ bench: resolved, benched, journal, id, labels: {}, command: 'bench' });
  expect(recordedPlan(JSON.parse(JSON.stringify(record.plan)), 'plan')).toBeUndefined(); // another machine can import it
  return { ...record, journal: readFileSync(journal, 'utf8'), bench: record.plan['bench'] as BenchResult };
}

describe('at a set rate', () => {
  it('measures every path on one cluster, and judges a sample', async () => {
    const { verdict, exitCode, bench: result, latencies, cells, journal } = await bench(small);
    expect({ verdict, exitCode }).toEqual({ verdict: 'kept', exitCode: 0 });
    const [first, second] = result.steps;
    expect(result.steps).toHaveLength(2);
    for (const { arrivals, answered, shed, series } of [first, second]) {
      // Poisson arrivals: within five deviations of 1,000.
      expect(Math.abs(arrivals - 1_000)).toBeLessThan(160);
      expect(answered + shed).toBe(arrivals);
      const paths = series.map(({ method, path }) => `${method} ${path}`);
      expect(paths).toEqual(['read follower@nearest', 'read follower@round-robin', 'read leader', 'write quorum-ack']);
    }
    const p50 = (path: string): number => first.series.find((one) => one.path === path)?.p50Ns ?? 0;
    expect(p50('follower@nearest')).toBeLessThan(p50('follower@round-robin'));
    expect(p50('follower@round-robin')).toBeLessThan(p50('leader'));
    expect(result.checked.operations).toBeGreaterThan(100);
    expect(result.checked.operations).toBeLessThan(result.checked.of / 2);
    expect(cells.find(({ guarantee, readPath }) => guarantee === 'linearizable' && readPath === 'leader')?.state).toBe(
      'kept',
    );
    // One rate: the calm, as in any other run, repeats together, corrected and not.
    const calm = latencies.filter(({ path, since }) => path === 'leader' && since === 'intended');
    expect(calm.map(({ phase }) => phase)).toEqual(['calm']);
    expect(latencies.some(({ since }) => since === 'sent')).toBe(true);
    // The journal holds the sample's numbers, not their filling, and the system's own names of paths.
    expect(journal).not.toContain('...');
    expect(journal).not.toContain('@nearest');
  });

  it('is decided by its seed', async () => {
    const [one, again, other] = [await bench(small), await bench(small), await bench({ ...small, seed: 2 })];
    expect(again.journalSha256).toBe(one.journalSha256);
    expect(again.bench).toEqual(one.bench);
    expect(other.journalSha256).not.toBe(one.journalSha256);
  });

  it.each(['a', 'c', 'd', 'e', 'f'] as const)('mix %s', async (mix) => {
    const { verdict, bench: result } = await bench({
      ...small,
      mix,
      distribution: mix === 'd' ? 'latest' : 'zipfian',
      readPaths: ['leader'],
      repeats: 1,
    });
    expect(verdict).toBe('kept');
    const [{ series, answered }] = result.steps;
    const shareOf = (method: string): number => (series.find((one) => one.method === method)?.count ?? 0) / answered;
    const expected = { a: 0.5, c: 0, d: 0.05, e: 0.05, f: 1 / 3 }[mix];
    expect(Math.abs(shareOf('write') - expected)).toBeLessThan(0.06);
    expect(shareOf(mix === 'e' ? 'readMany' : 'read')).toBeGreaterThan(0.4);
  });

  it('gives each rate its phase', async () => {
    const { latencies } = await bench({ ...small, rates: [100, 300], repeats: 1, readPaths: ['leader'] });
    expect([...new Set(latencies.map(({ phase }) => phase))]).toEqual(['100/s', '300/s']);
  });
});

describe('a store that cheats', () => {
  it('has no figures published, and the sample says why', async () => {
    const record = await bench({
      ...small,
      writePath: 'all-applied',
      settings: { defect: 'all-applied-on-append' },
    });
    expect({ verdict: record.verdict, exitCode: record.exitCode }).toEqual({ verdict: 'broken', exitCode: 1 });
    expect(record.latencies).toEqual([]);
    expect(record.bench.steps).toEqual([]);
    const text = renderBench(record, false);
    expect(text).toContain('BROKEN PROMISES, so no figures are published');
    expect(text).toMatch(/read-your-writes · all-applied · follower: \d+ of/);
    expect(text).not.toContain('p99');
  });

  it('is not vouched for where it answers nothing', async () => {
    const record = await bench({ ...small, repeats: 1, readPaths: ['leader'] });
    const silent = record.cells.map((cell) =>
      cell.readPath === 'leader' ? { ...cell, state: 'undecided' as const } : cell,
    );
    expect(isVouchedFor(record)).toBe(true);
    expect(isVouchedFor({ ...record, cells: silent })).toBe(false);
    expect(isVouchedFor({ ...record, cells: [] })).toBe(false);
  });
});

describe('the ladder', () => {
  it('finds the highest rate within the limit, path by path', async () => {
    const { bench: result, verdict } = await bench({
      ...small,
      rates: [],
      ladder: { limitNs: 100 * MILLISECOND, from: 100, most: 800 },
      readPaths: ['leader', 'follower@nearest'],
      durationNs: SECOND,
      warmUpNs: SECOND,
      repeats: 1,
      settings: { cpu: '1000' },
    });
    expect(verdict).toBe('kept');
    const [leader, nearest] = result.ladder?.rungs ?? [];
    expect(leader).toMatchObject({ target: 'leader' });
    expect(nearest).toMatchObject({ target: 'follower@nearest' });
    // A leader works on every read, and asks a quorum besides; three followers share theirs.
    expect(leader.held ?? 0).toBeLessThan(nearest.held ?? Number.POSITIVE_INFINITY);
    expect(leader.why).not.toBe('');
    expect(leader.confirmed[0].p99Ns).toBeGreaterThan(0);
  });
});

describe('bad input', () => {
  it.each([
    [{ readPaths: ['leader@fast'] }, /no value of routing 'fast'/],
    [{ readPaths: ['leder'] }, /no read path 'leder'. Did you mean 'leader'/],
    [{ writePath: 'quorum' }, /no write path 'quorum'/],
    [{ system: 'refrence' }, /no system 'refrence'. Did you mean 'reference'/],
    [{ mix: 'g' }, /no mix 'g'/],
    [{ settings: { colour: 'red' } }, /no setting 'colour'/],
  ])('%j', async (change, message) => {
    await expect(resolveBench({ ...small, ...change })).rejects.toThrow(message);
  });
});
