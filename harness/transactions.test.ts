import { describe, expect, test } from 'vitest';
import linearizable from '../checkers/guarantees/linearizable.ts';
import { defaultSemantics, unlimited } from '../checkers/checker.ts';
import { HistoryBuilder, historyFromEvents } from '../history/builder.ts';
import type { Event, Value } from '../history/operation.ts';
import type { Step } from '../history/store.ts';
import { checkLinearizable, followLinearizable } from './transactions.ts';

/** All at once: each transaction overlaps every other one. */
function overlapping(...transactions: readonly (readonly Step[])[]): Event[] {
  const asked = (steps: readonly Step[]): Value => steps.map(([f, key, value]) => [f, key, f === 'r' ? null : value]);
  return [
    ...transactions.map(
      (steps, process): Event => ({ type: 'invoke', time: process, process, f: 'txn', value: asked(steps) }),
    ),
    ...transactions.map(
      (steps, process): Event => ({ type: 'ok', time: 100 + process, process, f: 'txn', value: steps }),
    ),
  ];
}

const verdict = (events: readonly Event[]): string =>
  checkLinearizable(linearizable, historyFromEvents(events), unlimited, defaultSemantics).type;

const skew = overlapping(
  [
    ['r', 'x', null],
    ['r', 'y', null],
    ['w', 'x', 1],
  ],
  [
    ['r', 'x', null],
    ['r', 'y', null],
    ['w', 'y', 2],
  ],
);
const fine = overlapping(
  [
    ['r', 'x', null],
    ['r', 'y', null],
    ['w', 'x', 1],
  ],
  [
    ['r', 'x', 1],
    ['r', 'y', null],
    ['w', 'y', 2],
  ],
);

describe('transactions', () => {
  test('are one operation each: write skew is found', () => {
    expect(verdict(skew)).toBe('invalid');
    expect(verdict(fine)).toBe('valid');
    expect(
      verdict(
        overlapping(
          [
            ['r', 'x', null],
            ['w', 'x', 1],
          ],
          [
            ['r', 'x', null],
            ['w', 'x', 2],
          ],
        ),
      ),
    ).toBe('invalid');
  });

  // A cas is of no model that has transactions.
  const cas: readonly Event[] = [
    { type: 'invoke', time: 200, process: 7, f: 'cas', key: 'r', value: [null, 3] },
    { type: 'ok', time: 201, process: 7, f: 'cas', key: 'r', value: [null, 3] },
    { type: 'invoke', time: 202, process: 7, f: 'read', key: 'r', value: null },
  ];
  const read = (value: Value): Event => ({ type: 'ok', time: 203, process: 7, f: 'read', key: 'r', value });

  test('and are so beside keys that are judged each by itself', () => {
    expect(verdict([...skew, ...cas, read(3)])).toBe('invalid');
    expect(verdict([...fine, ...cas, read(3)])).toBe('valid');
    expect(verdict([...fine, ...cas, read(null)])).toBe('invalid');
    expect(verdict([...cas, read(3)])).toBe('valid');
  });
});

describe('transactions followed', () => {
  const brokenAt = (events: readonly Event[]): number | undefined => {
    const builder = new HistoryBuilder();
    const follower = followLinearizable(linearizable, builder.growing, unlimited, defaultSemantics);
    builder.listener = follower;
    for (const [i, event] of events.entries()) {
      builder.add(event);
      if (follower.broken() !== undefined) return i + 1;
    }
    return undefined;
  };

  test('write skew is told when the second of the two has returned, and what is fine is not', () => {
    const other: Event[] = [
      { type: 'invoke', time: 200, process: 9, f: 'read', key: 'x', value: null },
      { type: 'ok', time: 201, process: 9, f: 'read', key: 'x', value: 1 },
    ];
    expect(brokenAt([...skew, ...other])).toBe(skew.length);
    expect(brokenAt(fine)).toBeUndefined();
  });

  test('a key that no transaction touches is followed as ever', () => {
    const alone: Event[] = [
      { type: 'invoke', time: 200, process: 9, f: 'read', key: 'z', value: null },
      { type: 'ok', time: 201, process: 9, f: 'read', key: 'z', value: 7 },
    ];
    expect(brokenAt([...fine, ...alone])).toBe(fine.length + alone.length);
  });
});

test('the evidence says how many transactions were concurrent, as it does of single operations', () => {
  const examined = (events: readonly Event[]): unknown =>
    checkLinearizable(linearizable, historyFromEvents(events), unlimited, defaultSemantics).examined;
  expect(examined(fine)).toMatchObject({ concurrent: 2 });
  const oneByOne: Event[] = [
    { type: 'invoke', time: 0, process: 0, f: 'txn', value: [['w', 'x', 1]] },
    { type: 'ok', time: 1, process: 0, f: 'txn', value: [['w', 'x', 1]] },
    { type: 'invoke', time: 2, process: 0, f: 'txn', value: [['r', 'x', null]] },
    { type: 'ok', time: 3, process: 0, f: 'txn', value: [['r', 'x', 1]] },
  ];
  expect(examined(oneByOne)).toMatchObject({ concurrent: 0 });
});
