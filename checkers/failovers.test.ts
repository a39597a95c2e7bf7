import { expect, test } from 'vitest';
import { historyFromEvents } from '../history/builder.ts';
import { MILLISECOND, SECOND } from '../history/clock.ts';
import type { Event } from '../history/operation.ts';
import { eventsOf, h } from '../history/testing.ts';
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

/** The failovers of what happened at these seconds. */
function at(...lines: readonly (readonly [seconds: number, line: string])[]): ReturnType<typeof analyseFailovers> {
  const events = lines.flatMap(([seconds, line]) =>
    eventsOf(line).map((event): Event => ({ ...event, time: seconds * SECOND })),
  );
  return analyseFailovers(historyFromEvents(events));
}
const note = (fault: string, id: number, deed: 'inject' | 'heal', more = ''): string =>
  `nemesis ${fault} {"do":"${deed}","id":${id},"targets":["n1"]${more}}`;
const wrote = (node: string, term: number, value: number): string =>
  `p0: w x ${value} node=${node} role=leader version=g0/${term}/${value}`;
const first = [0, `cluster sighting ${led('n1', 1)}`] as const;

test('a fault injected when the leader was down already is not to blame, whatever it did later', () => {
  for (const effect of [0, 9]) {
    const failovers = at(
      first,
      [7.9, wrote('n1', 1, 1)],
      [7.96, 'cluster down {"node":"n1"}'],
      [8, note('kill', 1, 'inject')], // an injection is noted when it is done
      [8.4, note('slow-disk', 2, 'inject')],
      [10.5, wrote('n2', 2, 2)],
      [11, note('slow-disk', 2, 'heal', `,"effect":{"writes slowed":${effect}}`)],
      [15, note('kill', 1, 'heal', ',"effect":{"nodes killed":1}')],
    );
    expect(failovers).toMatchObject([{ start: 7.96 * SECOND, cause: 'kill', electedNs: 2.54 * SECOND }]);
  }
});

test('a fault without effect is not to blame', () => {
  for (const effect of ['{"writes slowed":0}', '{"refused: NOT_LEADER":1}', '{}']) {
    const failovers = at(
      first,
      [1, wrote('n1', 1, 1)],
      [2, note('slow-disk', 1, 'inject')],
      [3, note('slow-disk', 1, 'heal', `,"effect":${effect}`)],
      [4, wrote('n2', 2, 2)],
    );
    expect(failovers).toMatchObject([{ start: SECOND, cause: 'none' }]);
  }
});

test('of the faults that struck it, the first after which it no longer led', () => {
  const faults = [
    [2, note('slow-link', 1, 'inject')],
    [5, wrote('n1', 1, 1)],
    [6, note('isolate', 2, 'inject')],
    [7, note('slow-disk', 3, 'inject')],
    [7.5, `cluster sighting ${led('n1', 1)}`], // it believes so
  ] as const;
  const elected = [8, wrote('n2', 2, 2)] as const;
  expect(at(first, ...faults, elected)).toMatchObject([{ start: 6 * SECOND, cause: 'slow-link, isolate, slow-disk' }]);
  // Nothing that is undone shows that it led: only n1 knew the write of 7.6 s.
  const lost = [7.6, 'p1: w y 9 node=n1 role=leader version=g0/1/9'] as const;
  const final = [
    [9, 'harness phase "epilogue"'],
    [10, 'p9: r y null'],
  ] as const;
  expect(at(first, ...faults, lost, elected, ...final)).toMatchObject([{ start: 6 * SECOND }]);
});

test('a fault from which the leader recovered is not where it starts', () => {
  const failovers = at(
    first,
    [1, wrote('n1', 1, 1)],
    [2, note('pause', 1, 'inject')],
    [3, note('pause', 1, 'heal', ',"effect":{"nodes paused":1}')],
    [4, wrote('n1', 1, 2)],
    [6, wrote('n2', 2, 3)],
  );
  expect(failovers).toMatchObject([{ start: 4 * SECOND, cause: 'none' }]);
});

test('without a fault, it starts when the leader went down for good', () => {
  const failovers = at(
    first,
    [1, 'cluster down {"node":"n1"}'],
    [2, 'cluster up {"node":"n1"}'],
    [3, wrote('n1', 1, 1)], // it leads again
    [4, 'cluster down {"node":"n1"}'],
    [5, 'cluster up {"node":"n1"}'],
    [5.5, 'cluster down {"node":"n1"}'],
    [6, wrote('n2', 2, 2)],
  );
  expect(failovers).toMatchObject([{ start: 4 * SECOND, cause: 'none', electedNs: 2 * SECOND }]);
});

test('a fresh follower read is one of the load, not one of the harness', () => {
  const [failover] = at(
    [1, wrote('n1', 1, 1)],
    [2, wrote('n2', 2, 2)],
    [3, 'p2: r x 2 path=node:n3 node=n3 role=follower version=g0/2/2 position=g0/2/2'],
    [4, 'harness phase "epilogue"'],
    [5, 'p2: r x 2 path=follower node=n3 role=follower version=g0/2/2 position=g0/2/2'],
  );
  expect(failover).not.toHaveProperty('firstFreshFollowerReadNs');
});

test('where answers tell a node and no term, a write belongs to who led when it was asked for', () => {
  const failovers = at(
    [0, `cluster sighting ${led('n1', 1)}`],
    [1, 'p0: w x 1 node=n1'],
    [2, 'p0: w x 2 node=n2'], // before anybody saw it lead
    [3, `cluster sighting ${led('n2', 2)}`],
    [3.5, 'p0: w x 3 node=n1'], // the old leader still answers
    [4, 'p0: w x 4 node=n2'],
    [4.5, 'p1: r x 4 node=n3 role=follower'],
    [5, `cluster sighting ${led('n3', 3)}`],
    [6, `cluster sighting ${led('n2', 4)}`],
    [7, 'p0: w x 5 node=n2'],
  );
  const told = failovers.map(({ start, firstWriteNs, firstFreshFollowerReadNs }) => [
    start / SECOND,
    firstWriteNs,
    firstFreshFollowerReadNs, // by its value: see below
  ]);
  expect(told).toEqual([
    [1, 3 * SECOND, 3.5 * SECOND],
    [4, undefined, undefined],
    [5, 2 * SECOND, undefined],
  ]);
});

const acked = (node: string, value: number): string => `p0: w x ${value} node=${node} role=leader`;
const saw = (node: string, role: string, term: number): string =>
  `cluster sighting {"node":"${node}","role":"${role}","term":${term},"commit":["g0",${term},1]}`;
const toAll = (fault: string, id: number, deed: string, more = ''): string =>
  `nemesis ${fault} {"do":"${deed}","id":${id},"targets":["n1","n2","n3"]${more}}`;

// As PostgreSQL was recorded under a mix of faults: every node is restarted, and the first leads again in the next term.
test('a leader that tells no term is not seen to lead until a while after it does', () => {
  const failovers = at(
    [2.7, saw('n1', 'leader', 1)],
    [16.18, toAll('restart-all', 3, 'inject')],
    [16.2, acked('n1', 1)],
    [16.24, acked('n1', 2)],
    [16.3, 'cluster down {"node":"n1"}'],
    [16.9, 'cluster up {"node":"n1"}'],
    [19.16, saw('n1', 'follower', 1)],
    [20.09, toAll('restart-all', 3, 'heal', ',"effect":{"nodes killed":2}')],
    [21.81, acked('n1', 3)],
    [22.2, acked('n1', 4)],
    [22.3, saw('n1', 'leader', 2)],
    [22.33, acked('n1', 5)],
    [22.63, 'cluster down {"node":"n1"}'],
    [22.77, note('kill-leader', 5, 'inject')],
    [26.28, acked('n3', 6)],
    [26.52, saw('n3', 'leader', 3)],
    [26.9, note('kill-leader', 5, 'heal', ',"effect":{"nodes killed":1}')],
  );
  expect(failovers).toMatchObject([
    { fromTerm: 1, toTerm: 2, start: 16.18 * SECOND, cause: 'restart-all' },
    { fromTerm: 2, toTerm: 3, start: 22.63 * SECOND, cause: 'kill-leader' },
  ]);
  const times = failovers.map(({ electedNs = 0, firstWriteNs = 0 }) => [electedNs / SECOND, firstWriteNs / SECOND]);
  expect(times.flat().map((time) => time.toFixed(2))).toEqual(['5.63', '5.63', '3.65', '3.65']);
});

// As Redis was: the deposed leader comes back and acknowledges on, and what is stopped in order ends later than it serves.
test('what a deposed leader acknowledges is of its own term, and lost to the change that ended it', () => {
  const failovers = at(
    [1.3, saw('n1', 'leader', 0)],
    [1.4, saw('n3', 'follower', 0)],
    [19.32, acked('n1', 1)],
    [21.4, 'cluster down {"node":"n1"}'],
    [21.4, note('stop-leader', 2, 'inject')],
    [21.59, acked('n3', 2)],
    [28, saw('n3', 'candidate', 1)], // a master that nobody has named yet
    [29, 'cluster up {"node":"n1"}'],
    [29, note('stop-leader', 2, 'heal', ',"effect":{"nodes stopped in order":1,"ms until they had ended":2070}')],
    [29.1, 'p1: w y 3 path=async node=n1 role=leader'],
    [30, saw('n3', 'leader', 1)],
    [31, acked('n3', 4)],
    [32, acked('n2', 5)],
    [33, saw('n2', 'leader', 2)],
    [40, 'harness phase "epilogue"'],
    [41, 'p9: r* x,y 5,null'],
  );
  expect(failovers).toMatchObject([
    { toTerm: 1, cause: 'stop-leader', start: 19.33 * SECOND, lostWrites: { async: 1 } },
    { toTerm: 2, cause: 'none', start: 31 * SECOND, electedNs: SECOND, lostWrites: {} },
  ]);
});

// As Redis was: cut off until the others replaced it, and never told.
test('who acknowledges on when another leads had not recovered from the fault that was healed before', () => {
  const until = (last: string): ReturnType<typeof at> =>
    at(
      [12, saw('n1', 'leader', 0)],
      [15.65, note('isolate-leader', 1, 'inject')],
      [17.25, note('isolate-leader', 1, 'heal', ',"effect":{"packets dropped":100}')],
      [18, acked('n1', 1)],
      [18.1, acked('n2', 2)],
      [18.3, saw('n2', 'leader', 1)],
      [19, acked(last, 3)],
    );
  expect(until('n1')).toMatchObject([{ start: 15.65 * SECOND, cause: 'isolate-leader' }]);
  expect(until('n2')).toMatchObject([{ start: 18 * SECOND, cause: 'none' }]);
});

test('a follower that tells no term is fresh once it answers with a write of the new one', () => {
  const [failover] = at(
    [1, saw('n1', 'leader', 1)],
    [2, acked('n1', 1)],
    [3, acked('n2', 2)],
    [3.1, 'p2: r x 1 node=n3 role=follower'],
    [3.2, 'p2: r x 2 node=n2 role=leader'],
    [3.3, 'p2: r x 2 path=node:n3 node=n3 role=follower'], // the harness asks by name
    [3.4, 'p2: r x 2 path=standby node=n3 role=follower'],
    [4, saw('n2', 'leader', 2)],
  );
  expect(failover).toMatchObject({ start: 2 * SECOND, firstFreshFollowerReadNs: 1.4 * SECOND });
});
