import { expect, test } from 'vitest';
import { historyFromEvents } from '../history/builder.ts';
import { MILLISECOND, SECOND } from '../history/clock.ts';
import type { Event, Value } from '../history/operation.ts';
import { h } from '../history/testing.ts';
import { overTime, type SeriesOptions } from './series.ts';

const at = (n: number): string => `time=${n * MILLISECOND}`;
const options: SeriesOptions = { strongestReadPath: 'leader', uncommitted: [], faults: [] };

test('operations are counted in the second in which they ended, by path and outcome', () => {
  const { series } = overTime(
    h(
      `p0 w x 1 path=quorum-ack ${at(100)}`,
      `p0 ok node=n1 role=leader ${at(1200)}`,
      `p1: r x 1 path=leader node=n1 role=leader ${at(1300)}`,
      `p0 cas x 7 8 path=quorum-ack ${at(1400)}`,
      `p0 fail error=mismatch ${at(1500)}`,
      `p0 w x 2 path=quorum-ack ${at(2100)}`,
      `p0 info ${at(2900)}`,
    ),
    options,
  );
  expect(series).toMatchObject({ stepNs: SECOND, steps: 3 });
  expect(series.rates).toEqual([
    { kind: 'write', path: 'quorum-ack', outcome: 'ok', counts: [0, 1, 0] },
    { kind: 'read', path: 'leader', outcome: 'ok', counts: [0, 1, 0] },
    { kind: 'write', path: 'quorum-ack', outcome: 'mismatch', counts: [0, 1, 0] },
    { kind: 'write', path: 'quorum-ack', outcome: 'info', counts: [0, 0, 1] },
  ]);
});

test('latencies count from the intended start; reads of the strongest path are the leader’s, what followers answered theirs', () => {
  const read = (process: number, path: string, role: string, from: number, to: number): string[] => [
    `p${process} r x path=${path} intended=${(from - 10) * MILLISECOND} ${at(from)}`,
    `p${process} ok null node=n1 role=${role} ${at(to)}`,
  ];
  const { series, nodeLatencies } = overTime(
    h(
      ...read(0, 'leader', 'leader', 100, 130),
      ...read(0, 'leader', 'leader', 200, 210),
      ...read(0, 'leader', 'leader', 300, 305),
      ...read(0, 'follower', 'follower', 1100, 1102),
      ...read(0, 'follower', 'leader', 1200, 1290),
    ),
    options,
  );
  const figures = (...ms: number[]): number[] => ms.map((n) => n * MILLISECOND);
  expect(series.latencies).toEqual([
    {
      kind: 'read',
      path: '*',
      role: 'leader',
      counts: [3, 0],
      p50Ns: figures(20, 0),
      p99Ns: figures(40, 0),
      maxNs: figures(40, 0),
    },
    {
      kind: 'read',
      path: '*',
      role: 'follower',
      counts: [0, 1],
      p50Ns: figures(0, 12),
      p99Ns: figures(0, 12),
      maxNs: figures(0, 12),
    },
  ]);
  expect(nodeLatencies.map(({ node, path, role, phase, count }) => [node, path, role, phase, count])).toEqual([
    ['n1', 'leader', 'leader', 'calm', 3],
    ['n1', 'follower', 'follower', 'calm', 1],
    ['n1', 'follower', 'leader', 'calm', 1],
  ]);
});

test('stale reads by the second in which they were invoked, and the chance that a read sees a write by then', () => {
  const { series, curves } = overTime(
    h(
      `p0: w x 1 path=quorum-ack ${at(100)}`,
      `p0: w x 2 path=quorum-ack ${at(200)}`,
      `p1: r x 1 path=follower node=n2 role=follower ${at(1700)}`,
      `p1: r x 2 path=follower node=n2 role=follower ${at(1800)}`,
      `p1: r x 1 path=node:n2 node=n2 role=follower session=epilogue ${at(1900)}`,
    ),
    options,
  );
  expect(series.staleness).toEqual([
    { readPath: 'follower', reads: [0, 2], stale: [0, 1], maxNs: [0, 1500 * MILLISECOND] },
  ]);
  expect(curves.map(({ path, reads, stale }) => [path, reads, stale])).toEqual([['follower', 2, 1]]);
  expect(curves[0].curve.find(({ tNs }) => tNs === SECOND)).toMatchObject({ reads: 2, missed: 1 });
});

test('very long runs have wider steps', () => {
  const { series } = overTime(h(`p0: w x 1 path=quorum-ack ${at(5_000_000)}`), options);
  expect(series).toMatchObject({ stepNs: 2 * SECOND, steps: 2501 });
});

const note = (seconds: number, f: string, value: Value): Event => ({
  type: 'info',
  time: seconds * SECOND,
  process: 'cluster',
  f,
  value,
});
const sighting = (seconds: number, node: string, role: string, term: number, at: number): Event =>
  note(seconds, 'sighting', { node, role, term, commit: ['g0', term, at], applied: ['g0', term, at] });

test('who led, who was down, who did not answer, and how far behind', () => {
  const { standings, series } = overTime(
    historyFromEvents([
      sighting(0, 'n1', 'leader', 1, 10),
      sighting(0.5, 'n2', 'follower', 1, 4),
      sighting(1, 'n1', 'leader', 1, 20),
      sighting(1, 'n2', 'follower', 1, 20),
      note(1.5, 'down', { node: 'n1' }),
      sighting(6, 'n2', 'leader', 2, 30),
      note(7, 'up', { node: 'n1' }),
      sighting(7.5, 'n1', 'follower', 2, 20),
      sighting(8, 'n2', 'leader', 2, 30),
    ]),
    options,
  );
  expect(
    standings.map(({ node, role, term, from, until }) => [node, role, term, from / SECOND, until / SECOND]),
  ).toEqual([
    ['n1', 'leader', 1, 0, 1.5],
    ['n1', 'down', undefined, 1.5, 7],
    ['n1', 'follower', 2, 7.5, 8],
    ['n2', 'follower', 1, 0.5, 1],
    ['n2', 'silent', undefined, 1, 6],
    ['n2', 'leader', 2, 6, 8],
  ]);
  expect(series.lags).toEqual([
    { node: 'n1', group: 'g0', entries: [0, 0, null, null, null, null, null, 10, null] },
    { node: 'n2', group: 'g0', entries: [6, 0, null, null, null, null, 0, null, 0] },
  ]);
});

test('where histories are counted each by itself, a node is behind a leader of its own history only', () => {
  const place = (seconds: number, node: string, role: string, of: string, offset: number): Event =>
    note(seconds, 'sighting', { node, role, term: 1, commit: ['g', of, offset], applied: ['g', of, offset] });
  const history = historyFromEvents([
    place(0, 'n1', 'leader', 'a', 9000),
    place(0, 'n2', 'follower', 'a', 8000),
    place(1, 'n2', 'leader', 'b', 500),
    place(1.5, 'n3', 'follower', 'a', 8900),
    place(2, 'n3', 'follower', 'b', 400),
    place(2, 'n1', 'follower', 'c', 1),
  ]);
  const lagsOf = (lagWithinHistory: boolean) =>
    overTime(history, { ...options, lagWithinHistory }).series.lags.map(({ node, entries }) => [node, entries]);
  expect(lagsOf(true)).toEqual([
    ['n1', [0, null, null]],
    ['n2', [1000, 0, null]],
    ['n3', [null, 100, 100]],
  ]);
  expect(lagsOf(false)).toContainEqual(['n1', [0, null, 8999]]);
});
