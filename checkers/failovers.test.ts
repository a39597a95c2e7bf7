import { expect, test } from 'vitest';
import { MILLISECOND, SECOND } from '../history/clock.ts';
import { h } from '../history/testing.ts';
import { analyseFailovers } from './failovers.ts';

const ms = (n: number): string => `time=${n * MILLISECOND}`;
const led = (node: string, term: number): string =>
  `{"node":"${node}","role":"leader","term":${term},"commit":["g0",${term},1]}`;

const lines = [
  `p0: w x 1 path=quorum-ack node=n1 role=leader version=g0/1/5 ${ms(1000)}`,
  `p0: w x 2 path=leader-ack node=n1 role=leader version=g0/1/6 ${ms(2000)}`,
  `p1: w x 3 path=quorum-ack node=n2 role=leader version=g0/2/6 ${ms(3000)}`,
  `p2: r x 1 path=follower node=n3 role=follower version=g0/1/5 position=g0/1/5 ${ms(3100)}`,
  `p2: r x 3 path=follower node=n3 role=follower version=g0/2/6 position=g0/2/6 ${ms(3200)}`,
];

test('without a fault, a failover starts with the last acknowledgement of the old leader', () => {
  expect(analyseFailovers(h(...lines), new Set())).toEqual([
    {
      group: 'g0',
      fromTerm: 1,
      toTerm: 2,
      from: 'n1',
      to: 'n2',
      cause: 'none',
      start: 2 * SECOND,
      electedNs: SECOND,
      firstWriteNs: SECOND,
      firstFreshFollowerReadNs: 1.2 * SECOND,
      lostWrites: {},
    },
  ]);
});

test('acknowledged writes that did not survive it, by write path', () => {
  const history = h('harness phase "epilogue"', ...lines, `p9: r x 3 version=g0/2/6 ${ms(5000)}`);
  expect(analyseFailovers(history)[0].lostWrites).toEqual({ 'leader-ack': 1 });
});

test('the first election is no failover, and neither is a leader who stays', () => {
  expect(analyseFailovers(h(`cluster sighting ${led('n1', 1)}`, `cluster sighting ${led('n1', 1)}`))).toEqual([]);
  expect(analyseFailovers(h('p0: w x 1'))).toEqual([]);
});

test('a fault that struck the old leader is where it starts', () => {
  const history = h(
    `cluster sighting ${led('n1', 1)}`,
    'nemesis isolate-leader {"do":"inject","id":2,"targets":["n1"]}',
    'nemesis slow-disk {"do":"inject","id":1,"targets":["n3"]}',
    'p0: w x 1 node=n1 role=leader version=g0/1/5',
    `cluster sighting ${led('n2', 3)}`,
    'nemesis isolate-leader {"do":"heal","id":2,"targets":["n1"]}',
    `cluster sighting ${led('n1', 1)}`,
  );
  expect(analyseFailovers(history)).toEqual([
    {
      group: 'g0',
      fromTerm: 1,
      toTerm: 3,
      from: 'n1',
      to: 'n2',
      cause: 'isolate-leader, slow-disk',
      start: MILLISECOND,
      electedNs: 4 * MILLISECOND,
      lostWrites: {},
    },
  ]);
});

test('a fault of long ago is no start, though it may still be in force', () => {
  const [failover] = analyseFailovers(
    h(
      `cluster sighting ${led('n1', 1)}`,
      'nemesis slow-link {"do":"inject","id":1,"targets":["n1"]}',
      `p0: w x 1 node=n1 role=leader version=g0/1/5 ${ms(19_000)}`,
      `p0: w x 2 node=n2 role=leader version=g0/2/6 ${ms(20_000)}`,
    ),
  );
  expect(failover).toMatchObject({ start: 19 * SECOND, electedNs: SECOND, cause: 'slow-link' });
});

test('each loss belongs to the failover that ended its term', () => {
  const failovers = analyseFailovers(
    h(
      'harness phase "epilogue"',
      'p0: w x 1 path=leader-ack node=n1 role=leader version=g0/1/5',
      'p0: w y 2 path=leader-ack node=n2 role=leader version=g0/2/6',
      'p0: w z 3 path=leader-ack node=n3 role=leader version=g0/3/6',
      'p9: r* x,y,z 1,null,3',
    ),
  );
  expect(failovers.map(({ toTerm, lostWrites }) => [toTerm, lostWrites])).toEqual([
    [2, {}],
    [3, { 'leader-ack': 1 }],
  ]);
});
