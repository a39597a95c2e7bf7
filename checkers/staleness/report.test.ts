import { expect, test } from 'vitest';
import { MILLISECOND } from '../../history/clock.ts';
import { h } from '../../history/testing.ts';
import { defaultSemantics, unlimited } from '../checker.ts';
import { reportStaleness, type StalenessReport } from './report.ts';

const report = (lines: readonly string[], path?: string): StalenessReport =>
  reportStaleness(h(...lines), defaultSemantics, unlimited, path);

const lines = [
  'p0: w x 1 time=0',
  'p0: w x 2 time=10000000',
  'p1: r x 2 time=11000000 path=leader node=n1 role=leader',
  'p1: r x 1 time=12000000 path=follower node=n2 role=follower',
  'p1: r x 2 time=13000000 path=follower node=n3 role=follower',
  'p0: w x 3 time=20000000',
  'p1: r x 2 time=20500000 path=follower node=n2 role=follower',
  'p1: r x 1 time=30000000 path=follower node=n3 role=follower',
];

test('Δ is the time from the first that was newer to the stalest read, k the versions it was behind', () => {
  const { delta, k, reads, writes } = report(lines);
  expect({ reads, writes, k }).toEqual({ reads: 5, writes: 3, k: { atLeast: 3, atMost: 3 } });
  expect(delta?.ns).toBe(20 * MILLISECOND);
  expect(delta?.operations.map(({ f, value }) => `${f} ${String(value)}`)).toEqual(['write 1', 'write 2', 'read 1']);
});

test('a path by itself', () => {
  const { delta, k, groups } = report(lines, 'leader');
  expect([delta?.ns, k, groups.map(({ path, node }) => [path, node])]).toEqual([
    0,
    { atLeast: 1, atMost: 1 },
    [['leader', undefined]],
  ]);
});

test('each path, and each node of a path that several serve, with its ages and its curve', () => {
  const { groups } = report(lines);
  expect(groups.map(({ path, node, role, reads, stale }) => [path, node, role, reads, stale])).toEqual([
    [undefined, undefined, undefined, 5, 3],
    ['leader', undefined, 'leader', 1, 0],
    ['follower', undefined, 'follower', 4, 3],
    ['follower', 'n2', 'follower', 2, 2],
    ['follower', 'n3', 'follower', 2, 1],
  ]);
  const { low, versionsMax, curve } = groups[2];
  const ms = MILLISECOND;
  expect(low).toEqual({ p50: 0.5 * ms, p90: 20 * ms, p99: 20 * ms, max: 20 * ms });
  expect(versionsMax).toBe(2);
  const at = (tNs: number): unknown => curve.find((point) => point.tNs === tNs);
  expect(at(0)).toEqual({ tNs: 0, reads: 4, missed: 3, mayHaveMissed: 3 });
  expect(at(ms)).toEqual({ tNs: ms, reads: 4, missed: 2, mayHaveMissed: 2 });
  expect(at(2 * ms)).toMatchObject({ missed: 2 });
  expect(at(5 * ms)).toMatchObject({ missed: 1 });
  expect(at(20 * ms)).toEqual({ tNs: 20 * ms, reads: 2, missed: 1, mayHaveMissed: 1 });
  expect(at(50 * ms)).toBeUndefined();
});

test('what no staleness explains is told, and Δ is of the rest', () => {
  const { impossible, delta } = report([...lines, 'p2: r x 9 time=31000000']);
  expect([impossible, delta?.ns]).toEqual([1, 20 * MILLISECOND]);
});

test('a cas that any of several writes may have led to is not impossible', () => {
  const swaps = ['p1: cas x 1 2', 'p1: cas x 1 3'];
  expect(report(['p0: w x 1', 'p0: w x 1', ...swaps, 'p2: r x 3'])).toMatchObject({ impossible: 0 });
  expect(report(['p0: w x 1', ...swaps, 'p2: r x 3'])).toMatchObject({ impossible: 1 });
});

test('a write that the final reads prove lost is no staleness', () => {
  const lost = ['p0: w x 1 version=g0/1/1 time=0', 'p0: w x 2 version=g0/2/2 time=1000000'];
  const final = ['harness phase "epilogue"', 'p9: r x 1 version=g0/1/1 time=7000000'];
  expect(report([...lost, ...final])).toMatchObject({ lost: 1, delta: { ns: 0 }, k: { atLeast: 1, atMost: 1 } });
  expect(report([...lost, final[1]])).toMatchObject({ lost: 0, delta: { ns: 6 * MILLISECOND }, k: { atMost: 2 } });
});

test('nothing to measure is said', () => {
  expect(report(['p0: w x 1'])).toMatchObject({ reads: 0, groups: [] });
  expect(report(['p0: w x 1']).delta).toBeUndefined();
  expect(report(['p0: w x 1', 'p1: w x 1', 'p1: r x 1']).k).toBeUndefined();
});

test('answers that nobody can place are left aside', () => {
  expect(report(['p0: w x 1', 'p1: w x 1', 'p1: r x 1', 'p0: w y 1', 'p0: r y 1'])).toMatchObject({
    leftAside: 1,
    reads: 1,
  });
});
