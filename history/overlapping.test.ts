import { fc } from '../test-support/properties.ts';
import { describe, expect, test } from 'vitest';
import { BadHistory, HistoryBuilder, historyFromEvents } from './builder.ts';
import { FAIL, INFO, NEVER, OK } from './history.ts';
import type { History } from './history.ts';
import type { Event, Value } from './operation.ts';
import { hWith } from './testing.ts';

const overlapping = { processes: 'overlapping' } as const;
type Said = readonly [f: string, key: string, value: Value];
const invoke = (...[f, key, value]: Said): object => ({ type: 'invoke', f, key, value });
const end = (type: string, ...[f, key, value]: Said): object => ({ type, f, key, value });
/** All by process 2. */
const by2 = (...events: readonly object[]): Event[] =>
  events.map((event, time) => ({ time, process: 2, ...event })) as unknown as Event[];
const built = (...events: readonly object[]): History => historyFromEvents(by2(...events), overlapping);

/** All that a history says but whose operations they are. */
function contents(history: History): unknown {
  const rows = Array.from({ length: history.length }, (_, row) => {
    const { process: _process, ...operation } = history.operation(row);
    return { ...operation, call: history.call[row], ret: history.ret[row], batch: history.batch[row] };
  });
  return { rows, positions: history.positions, operations: history.operations };
}

describe('overlapping operations of one process', () => {
  test('are ended by what they wrote', () => {
    const history = built(
      invoke('write', 'x', 1),
      invoke('write', 'x', 2),
      invoke('write', 'y', 2),
      invoke('cas', 'x', [1, 2]),
      invoke('cas', 'x', [3, 2]),
      end('ok', 'cas', 'x', [3, 2]),
      end('ok', 'write', 'y', 2),
      end('fail', 'write', 'x', 2),
      end('info', 'cas', 'x', [1, 2]),
      end('ok', 'write', 'x', 1),
    );
    expect([...history.outcome]).toEqual([OK, FAIL, OK, INFO, OK]);
    expect([...history.ret]).toEqual([8, 7, 6, NEVER, 5]);
    expect([...history.process]).toEqual([2, 2, 2, 2, 2]);
  });

  test('are ended oldest first where nothing tells them apart', () => {
    const reads = built(
      invoke('read', 'x', null),
      invoke('read', 'y', null),
      invoke('read', 'x', null),
      end('ok', 'read', 'x', 7),
      end('ok', 'read', 'x', 8),
      end('ok', 'read', 'y', 9),
    );
    expect([0, 1, 2].map((row) => reads.operation(row).value)).toEqual([7, 9, 8]);
    const silent = built(invoke('write', 'x', 1), invoke('write', 'x', 2), end('fail', 'write', 'x', null));
    expect([...silent.outcome]).toEqual([FAIL, INFO]);
  });

  test('of several keys are ended by the number of answers, or by the parts', () => {
    const reads = built(
      invoke('readMany', 'x', ['x', 'y']),
      invoke('readMany', 'x', ['z']),
      invoke('readMany', 'x', []),
      end('ok', 'readMany', 'x', []),
      end('ok', 'readMany', 'x', [5]),
      end('ok', 'readMany', 'x', [6, 7]),
    );
    expect([0, 1, 2].map((row) => reads.operation(row).value)).toEqual([6, 7, 5]);
    const first = [
      ['w', 'x', 1],
      ['r', 'y', null],
    ];
    const second = [
      ['w', 'x', 2],
      ['r', 'y', null],
    ];
    const parts = built(
      invoke('txn', '', first),
      invoke('txn', '', second),
      end('ok', 'txn', '', [
        ['w', 'x', 2],
        ['r', 'y', 5],
      ]),
      end('info', 'txn', '', null),
    );
    expect([...parts.outcome]).toEqual([INFO, INFO, OK, OK]);
    expect(parts.operation(3).value).toBe(5);
  });

  test('are not ended by what belongs to none of them, down to the last', () => {
    const two = [invoke('write', 'x', 1), invoke('write', 'x', 2)];
    const refusal = 'Process 2 completes an operation that it does not have open.';
    expect(() => built(...two, end('ok', 'write', 'x', 3))).toThrow(refusal);
    expect(() => built(...two, end('ok', 'read', 'x', 1))).toThrow(refusal);
    expect(() => built(...two, end('ok', 'write', 'x', 1), end('ok', 'write', 'x', 1))).toThrow(refusal);
    expect(() =>
      built(...two, end('ok', 'write', 'x', 2), end('ok', 'write', 'x', 1), end('ok', 'write', 'x', 1)),
    ).toThrow('Process 2 has no operation open: its last one, the write, was completed already.');
  });

  test('are a mistake unless it is said that they are meant; only callers of the library are told of the option', () => {
    const events = by2(invoke('read', 'x', null), invoke('read', 'x', null));
    const reason = 'Process 2 invokes an operation while its last one is still open';
    expect(() => historyFromEvents(events)).toThrow(
      new BadHistory(`${reason}; where that is meant, the option processes: 'overlapping' allows it.`),
    );
    const builder = new HistoryBuilder();
    builder.add(events[0]);
    expect(() => builder.add(events[1])).toThrow(new BadHistory(`${reason}.`));
  });

  test('leave a choice to those who want another reading', () => {
    const events = by2(
      invoke('read', 'x', null),
      invoke('read', 'x', null),
      end('ok', 'read', 'x', 7),
      end('ok', 'read', 'x', 8),
    );
    const builder = new HistoryBuilder(overlapping, [1]);
    for (const event of events) builder.add(event);
    expect(builder.choices).toEqual([{ rows: [0, 1], key: 0 }]);
    expect([...builder.build().ret]).toEqual([3, 2]);
  });
});

/** Operations that are all different, reads too, for no two are of one key; `ends` says who ends when. */
const steps = fc.array(
  fc.record({
    f: fc.constantFrom('read', 'write', 'cas'),
    process: fc.nat(4),
    type: fc.constantFrom('ok', 'fail', 'info'),
  }),
  { maxLength: 40 },
);

function eventsOf(list: typeof steps extends fc.Arbitrary<infer T> ? T : never): Event[] {
  const events: object[] = [];
  const open = new Map<number, object>();
  list.forEach(({ f, process, type }, at) => {
    const asked = open.get(process);
    if (asked !== undefined) events.push({ ...asked, time: events.length, type });
    open.delete(process);
    if (asked !== undefined && at % 3 === 0) return;
    const value = f === 'read' ? null : f === 'cas' ? [at, at + 1] : at;
    const invocation = { process, f, key: f === 'read' ? `k${at}` : 'x', value };
    events.push({ ...invocation, time: events.length, type: 'invoke' });
    open.set(process, invocation);
  });
  return events as Event[];
}

describe('properties', () => {
  test('a history without overlap is what it was', () => {
    fc.assert(
      fc.property(steps, (list) => {
        const events = eventsOf(list);
        const history = historyFromEvents(events, overlapping);
        expect(contents(history)).toEqual(contents(historyFromEvents(events)));
        expect([...history.process]).toEqual([...historyFromEvents(events).process]);
      }),
    );
  });

  test('processes that are thrown together are told apart again', () => {
    fc.assert(
      fc.property(steps, (list) => {
        const events = eventsOf(list);
        const together = events.map((event) => ({ ...event, process: 0 })) as Event[];
        expect(contents(historyFromEvents(together, overlapping))).toEqual(contents(historyFromEvents(events)));
      }),
    );
  });
});

test('a completion of one that is alone may say less, as ever', () => {
  expect(hWith(overlapping, 'p0 w x 1', 'p0 ok').operation(0).value).toBe(1);
  expect(() => hWith(overlapping, 'p0 w x 1', 'p0 ok 5')).toThrow(/invoked its write with 1 and completes it with 5/);
});
