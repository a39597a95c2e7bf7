import { expect, test } from 'vitest';
import { MILLISECOND } from '../history/clock.ts';
import { h } from '../history/testing.ts';
import { ofLoad, stalenessRecords } from './load-reads.ts';
import { overTime } from './series.ts';

const at = (n: number): string => `time=${n * MILLISECOND}`;
const paths = { writePaths: ['quorum-ack', 'all-ack'], readPaths: ['leader', 'follower', 'local'] };
const believing = { uncommitted: ['local'], undone: new Set<number>() };

/** What the write of 2 took is long over when a read of `path` shows it, and then another read still shows 1. */
const shownBy = (path: string): string[] => [
  `p0: w x 1 path=quorum-ack ${at(100)}`,
  `p0 w x 2 path=quorum-ack ${at(200)}`,
  `p1: r x 2 path=${path} ${at(300)}`,
  `p2: r x 1 path=follower ${at(400)}`,
  `p3: r x 1 path=local ${at(500)}`,
  `p0 ok ${at(600)}`,
];

test('the load is all but what the harness asked after it, polls and nodes by name among that', () => {
  const load = ofLoad(
    h(
      `p0: w x 1 path=quorum-ack session=s0 ${at(100)}`,
      `p1: r x 1 path=leader session=s1 ${at(200)}`,
      `p9: r x 1 path=leader session=epilogue ${at(300)}`,
      `p9: r x 1 path=node:n2 session=epilogue ${at(400)}`,
      `p9: poll l 0 [] path=leader session=epilogue ${at(500)}`,
    ),
  );
  expect([...load.callTime].map((ns) => ns / MILLISECOND)).toEqual([100, 200]);
});

test('what one path shows is evidence against another, save what a path shows that may be undone', () => {
  const stale = (path: string): readonly (readonly [string, number, number])[] =>
    stalenessRecords(h(...shownBy(path)), paths, believing).map((one) => [
      one.readPath,
      one.staleReads,
      one.maxNs / 1e6,
    ]);
  expect(stale('leader')).toEqual([
    ['leader', 0, 0],
    ['follower', 1, 100],
    ['local', 1, 200],
  ]);
  expect(stale('local')).toEqual([
    ['follower', 0, 0],
    ['local', 1, 200],
  ]);
});

test('rows add up to the curves of their read paths and to the series, whoever wrote and whatever was read besides', () => {
  const lines = [
    ...shownBy('leader'),
    `p0: w y 1 path=all-ack ${at(700)}`,
    `p0: w y 2 path=all-ack ${at(800)}`,
    `p2: r y 1 path=follower ${at(900)}`,
    `p2: r z null path=follower ${at(950)}`,
    `p9: r y 2 path=follower session=epilogue ${at(1000)}`,
  ];
  const history = h(...lines);
  const records = stalenessRecords(ofLoad(history), paths, believing);
  const { curves, series } = overTime(history, { ...believing, strongestReadPath: 'leader', faults: [] });
  const sum = (all: readonly number[]): number => all.reduce((a, b) => a + b, 0);
  expect(records.filter(({ readPath }) => readPath === 'follower')).toHaveLength(2);
  for (const path of paths.readPaths) {
    const own = records.filter(({ readPath }) => readPath === path);
    const told = [sum(own.map(({ reads }) => reads)), sum(own.map(({ staleReads }) => staleReads))];
    const curve = curves.find((one) => one.path === path && one.node === undefined);
    const over = series.staleness.find(({ readPath }) => readPath === path);
    expect([curve?.reads, curve?.stale]).toEqual(told);
    expect([sum(over?.reads ?? []), sum(over?.stale ?? [])]).toEqual(told);
    expect(curve?.low.max).toBe(Math.max(...own.map(({ maxNs }) => maxNs)));
  }
});
