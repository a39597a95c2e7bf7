import { describe, expect, test } from 'vitest';
import { BadHistory, historyFromEvents, historyFromOperations } from './builder.ts';
import {
  CAS,
  FAIL,
  HAS_ACTUAL,
  INFO,
  MISMATCH,
  NEVER,
  NONE,
  NULL_REF,
  OK,
  READ,
  TRANSACTION,
  WRITE,
} from './history.ts';
import type { Event, Value } from './operation.ts';
import { eventsOf, h } from './testing.ts';

describe('HistoryBuilder', () => {
  test('gives each operation a row, with its place in the order of events', () => {
    const history = h('p0 w x 1', 'p1 r x', 'p1 ok', 'p0 ok', 'p0: r y "s"');
    expect(history.length).toBe(3);
    expect(history.operations).toBe(3);
    expect(history.positions).toBe(6);
    expect([...history.f]).toEqual([WRITE, READ, READ]);
    expect([...history.outcome]).toEqual([OK, OK, OK]);
    expect([...history.call]).toEqual([0, 1, 4]);
    expect([...history.ret]).toEqual([3, 2, 5]);
    expect([...history.process]).toEqual([0, 1, 0]);
    expect([...history.key].map((key) => history.keys[key])).toEqual(['x', 'x', 'y']);
    expect([...history.value].map((ref) => history.values.get(ref))).toEqual([1, null, 's']);
    expect(history.value[1]).toBe(NULL_REF);
    expect([...history.callTime]).toEqual([0, 1e6, 4e6]);
    expect([...history.retTime]).toEqual([3e6, 2e6, 5e6]);
    expect(history.eventIndex).toBeUndefined();
  });

  test('leaves what has no certain end open', () => {
    const history = h('p0 w x 1', 'p0 info', 'p1 w x 2', 'p2 w x 3', 'p2 fail');
    expect([...history.outcome]).toEqual([INFO, INFO, FAIL]);
    expect([...history.ret]).toEqual([NEVER, NEVER, 3]);
    expect([...history.retTime]).toEqual([1e6, Number.NaN, 4e6]);
    expect(history.positions).toBe(4);
    expect([...(history.eventIndex ?? [])]).toEqual([0, 2, 3, 4]);
  });

  test('never lets a fail or info override what was asked', () => {
    const events: Event[] = [
      { type: 'invoke', time: 0, process: 0, f: 'write', key: 'x', value: 1 },
      { type: 'info', time: 1, process: 0, f: 'write', key: 'x', value: null },
      { type: 'invoke', time: 2, process: 1, f: 'cas', key: 'x', value: [1, 2] },
      { type: 'fail', time: 3, process: 1, f: 'cas', key: 'x', value: [8, 9] },
    ];
    const history = historyFromEvents(events);
    expect(history.operation(0).value).toBe(1);
    expect(history.operation(1)).toMatchObject({ expected: 1, value: 2, outcome: 'fail' });
  });

  test('tells a mismatch from other failures of a cas', () => {
    const history = h(
      'p0 cas x 1 2',
      'p0 fail error=mismatch',
      'p0 cas x 1 2',
      'p0 fail error=mismatch actual=7',
      'p0 cas x 1 2',
      'p0 fail error=timeout',
      'p0 w x 1',
      'p0 fail error=mismatch',
    ); // prettier-ignore
    expect([...history.flags]).toEqual([MISMATCH, MISMATCH | HAS_ACTUAL, 0, 0]);
    expect([...history.f]).toEqual([CAS, CAS, CAS, WRITE]);
    expect(history.operation(0).actual).toBeUndefined();
    expect(history.operation(1).actual).toBe(7);
  });

  test('makes a readMany one row a key, side by side', () => {
    const history = h('p0 w x 1', 'p1 r* x,y', 'p0 ok', 'p1 ok 1,null node=n2', 'p0: r x 1');
    expect(history.operations).toBe(3);
    expect([...history.f]).toEqual([WRITE, READ, READ, READ]);
    expect([...history.batch]).toEqual([NONE, 1, 1, NONE]);
    expect([...history.call]).toEqual([0, 1, 2, 6]);
    expect([...history.ret]).toEqual([3, 4, 5, 7]);
    expect([...(history.eventIndex ?? [])]).toEqual([0, 1, 1, 2, 3, 3, 4, 5]);
    expect(history.operation(2)).toMatchObject({ index: 1, completionIndex: 3, key: 'y', value: null, node: 'n2' });
  });

  test('takes the parts of a transaction apart', () => {
    const events: Event[] = [
      {
        type: 'invoke',
        time: 0,
        process: 0,
        f: 'txn',
        value: [
          ['w', 'x', 1],
          ['r', 'y', null],
          ['append', 'z', 2],
        ],
        session: 's',
      },
      {
        type: 'ok',
        time: 1,
        process: 0,
        f: 'txn',
        value: [
          ['w', 'x', 1],
          ['r', 'y', 5],
          ['append', 'z', 2],
        ],
      },
    ]; // prettier-ignore
    const history = historyFromEvents(events);
    expect([...history.flags]).toEqual([TRANSACTION, TRANSACTION, TRANSACTION]);
    expect([...history.batch]).toEqual([0, 0, 0]);
    expect([0, 1, 2].map((row) => history.operation(row)).map(({ f, key, value }) => [f, key, value])).toEqual([
      ['write', 'x', 1],
      ['read', 'y', 5],
      ['append', 'z', 2],
    ]);
  });

  test("knows a transaction's reads and writes by their long names too", () => {
    const value = (y: number | null): Event['value'] => [
      ['write', 'x', 1],
      ['read', 'y', y],
    ];
    const history = historyFromEvents([
      { type: 'invoke', time: 0, process: 0, f: 'txn', value: value(null) },
      { type: 'ok', time: 1, process: 0, f: 'txn', value: value(5) },
    ]);
    expect([0, 1].map((row) => history.operation(row))).toMatchObject([
      { f: 'write', key: 'x', value: 1 },
      { f: 'read', key: 'y', value: 5 },
    ]);
  });

  test('keeps notes with their place among the events', () => {
    const history = h('harness phase "calm"', 'p0 w x 1', 'cluster down {"node":"n1"}', 'p0 ok');
    expect(history.notes.map(({ at, process, f, value }) => [at, process, f, value])).toEqual([
      [0, 'harness', 'phase', 'calm'],
      [1, 'cluster', 'down', { node: 'n1' }],
    ]);
    expect([...(history.eventIndex ?? [])]).toEqual([1, 3]);
  });

  test('keeps who answered, from which state', () => {
    const history = h(
      'p0: r x 1 session=s1 device=d1 path=follower intended=5 node=n2 role=follower version=g0/3/7 position=g0/3/9',
      'p1: r x 1',
    );
    expect(history.operation(0)).toMatchObject({
      session: 's1',
      device: 'd1',
      path: 'follower',
      node: 'n2',
      role: 'follower',
      version: { group: 'g0', history: 3, at: 7 },
      position: { group: 'g0', history: 3, at: 9 },
    }); // prettier-ignore
    expect(history.intended[0]).toBe(5);
    expect([history.session[1], history.node[1], history.role[1], history.versionGroup[1]]).toEqual([
      NONE,
      NONE,
      255,
      NONE,
    ]);
    expect(history.operation(1)).not.toHaveProperty('session');
  });

  test('says nothing of who answered what was never answered', () => {
    const answered = 'p0: cas x 1 2 node=n1 role=leader version=g0/3/7 position=g0/3/9';
    const history = h(answered, 'p1 cas x 5 6', 'p1 fail error=mismatch actual=1', 'p2 w x 3');
    const { node, role, retTime, actual, versionGroup, versionHistory, versionAt } = history;
    expect([node[2], role[2], actual[2], versionGroup[2], versionHistory[2]]).toEqual([NONE, 255, NONE, NONE, NONE]);
    expect([history.positionGroup[2], history.positionHistory[2]]).toEqual([NONE, NONE]);
    expect([retTime[2], versionAt[2], history.positionAt[2]]).toEqual([Number.NaN, Number.NaN, Number.NaN]);
    expect(history.operation(2)).toEqual({
      index: 4,
      process: 2,
      f: 'write',
      outcome: 'info',
      key: 'x',
      value: 3,
      callTime: 4e6,
    });
  });

  test.each([
    ['a completion without an invocation', ['p0 ok 1'], 'Process 0 completes an operation that it never invoked.'],
    [
      'a second completion',
      ['p0: w x 1', 'p0 fail'],
      'Process 0 has no operation open: its last one, the write, was completed already.',
    ],
    [
      'two open invocations',
      ['p0 r x', 'p0 r x'],
      "Process 0 invokes an operation while its last one is still open; where that is meant, the option processes: 'overlapping' allows it.",
    ],
    ['time running backwards', ['p0: r x 1 time=5', 'p0: r x 1 time=4'], 'Time runs backwards, from 5 to 4.'],
    ['an unknown operation', ['p0 jump x'], 'The operation must be one of read, write'],
    ['a missing key', ['p0 r'], 'The read names no key.'],
    ['a cas without a pair', ['p0 add x 1', 'p0 ok', 'p0 cas'], 'The cas names no key.'],
    ['answers that do not fit', ['p0 r* x,y', 'p0 ok 1'], 'The answer of process 0 must list 2 values'],
  ])('refuses %s', (_what, lines, reason) => {
    expect(() => h(...lines)).toThrow(BadHistory);
    expect(() => h(...lines)).toThrow(reason);
  });

  test('refuses types and processes it does not know', () => {
    const event = { type: 'invoke', time: 0, process: 0, f: 'read', key: 'x', value: null };
    const refuse = (change: object): void => void historyFromEvents([{ ...event, ...change } as unknown as Event]);
    expect(() => refuse({ type: 'okay' })).toThrow('The type must be invoke, ok, fail or info, not "okay".');
    expect(() => refuse({ type: undefined })).toThrow('not missing');
    expect(() => refuse({ process: -1 })).toThrow('A process must be an integer from 0, below 2^31, not -1.');
    expect(() => refuse({ process: 2 ** 31 })).toThrow(
      'A process must be an integer from 0, below 2^31, not 2147483648.',
    );
    expect(() => refuse({ process: undefined })).toThrow('The event names no process.');
    const named = 'of an operation must be an integer from 0, below 2^31: only notes, of type info, have names.';
    for (const [process, shown] of [
      ['a', '"a"'],
      ['1', '"1"'],
      ['\u00009007199254740993', '9007199254740993'],
    ] as const) {
      expect(() => refuse({ process })).toThrow(`The process ${shown} ${named}`);
      expect(() => refuse({ process, type: 'ok' })).toThrow(`The process ${shown} ${named}`);
    }
    expect(() => refuse({ key: true })).toThrow('A key must be a string or a number, not true.');
    expect(() => refuse({ f: 'cas', value: 1 })).toThrow('The value of a cas must be [expected, next].');
  });
});

describe('filter', () => {
  test('keeps event positions and renumbers batches', () => {
    const history = h('p0: w x 1', 'p1: r* x,y,z 1,2,3', 'p0: w y 2', 'p1: r* x,y 1,2');
    const kept = history.filter((row) => history.keys[history.key[row]] === 'y');
    expect(kept.length).toBe(3);
    expect(kept.operations).toBe(3);
    expect([...kept.batch]).toEqual([0, NONE, 2]);
    expect([...kept.call]).toEqual([history.call[2], history.call[4], history.call[6]]);
    expect(kept.operation(0)).toEqual(history.operation(2));
    const two = history.filter((row) => row === 2 || row === 3);
    expect([...two.batch]).toEqual([0, 0]);
    expect(two.operations).toBe(1);
  });
});

describe('historyFromOperations', () => {
  test('counts ties as concurrent', () => {
    const history = historyFromOperations([
      { f: 'write', value: 1, call: 0, ret: 10, process: 4 },
      { f: 'read', value: 1, call: 10, ret: 12, process: 4 },
      { f: 'write', value: 2, call: 3, process: 5, outcome: 'info' },
    ]);
    expect([...history.process]).toEqual([4, 5, 4]);
    expect(history.call[2]).toBeLessThan(history.ret[0]);
    expect(history.ret[1]).toBe(NEVER);
  });

  test('refuses an operation that ends before it begins', () => {
    expect(() => historyFromOperations([{ f: 'read', value: 1, call: 2, ret: 1 }])).toThrow(
      'ends at 1, before it begins at 2',
    );
  });
});

test('eventsOf writes the journal that the lines stand for', () => {
  expect(eventsOf('p3: cas x 1 2 session=s')).toEqual([
    { time: 0, type: 'invoke', process: 3, f: 'cas', key: 'x', value: [1, 2], session: 's' },
    { time: 1e6, type: 'ok', process: 3, f: 'cas', key: 'x', value: [1, 2] },
  ]);
});

test('objects are one value in whatever order their members stand, at any depth', () => {
  const write = (process: number, value: string): Event[] => [
    { type: 'invoke', time: 0, process, f: 'write', key: 'x', value: JSON.parse(value) as Value },
  ];
  const { value, values } = historyFromEvents([
    ...write(0, '{"a":1,"b":[{"c":2,"d":{"__proto__":1,"e":null}}]}'),
    ...write(1, '{"b":[{"d":{"e":null,"__proto__":1},"c":2}],"a":1}'),
    ...write(2, '{"b":[{"d":{"e":null,"__proto__":2},"c":2}],"a":1}'),
    ...write(3, '[{"p":1,"q":2},5]'),
    ...write(4, '[{"q":2,"p":1},5]'),
    ...write(5, '[5,{"q":2,"p":1}]'),
  ]);
  expect(value[1]).toBe(value[0]);
  expect(value[4]).toBe(value[3]);
  expect(new Set(value).size).toBe(4);
  expect(values.json(value[1])).toBe('{"a":1,"b":[{"c":2,"d":{"__proto__":1,"e":null}}]}');
});
