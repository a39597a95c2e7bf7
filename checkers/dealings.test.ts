import { expect, test } from 'vitest';
import { Random } from '../history/random.ts';
import type { Event, Value } from '../history/operation.ts';
import { BadHistory, check, checkLinearizable, withinSteps } from './index.ts';
import { isLinearizableByBruteForce, randomEvents } from './linearizable/testing.ts';

type Step = readonly [type: string, f: string, value: Value];
const invoke: Step = ['invoke', 'read', null];
const ok = (value: Value): Step => ['ok', 'read', value];
const write = (value: Value): readonly Step[] => [
  ['invoke', 'write', value],
  ['ok', 'write', value],
]; // prettier-ignore
const by = (process: number, steps: readonly Step[]): object[] =>
  steps.map(([type, f, value]) => ({ process, type, f, key: 'x', value }));
const inOrder = (...parts: readonly object[][]): Event[] =>
  parts.flat().map((event, time) => ({ time, ...event })) as unknown as Event[];

const overlapping = { processes: 'overlapping', initial: 0 } as const;

test('what is refused by default is judged where it is meant', () => {
  const events = inOrder(
    by(2, [
      ['invoke', 'write', 1],
      ['invoke', 'write', 2],
      ['ok', 'write', 2],
      ['ok', 'write', 1],
    ]),
    by(3, [invoke, ok(1)]),
  ); // prettier-ignore
  expect(() => checkLinearizable(events)).toThrow(BadHistory);
  expect(() => checkLinearizable(events)).toThrow("processes: 'overlapping'");
  expect(checkLinearizable(events, overlapping).type).toBe('valid');
  expect(
    checkLinearizable(
      [...events, ...inOrder(by(3, [invoke, ok(3)]))].map((event, time) => ({ ...event, time })),
      overlapping,
    ).type,
  ).toBe('invalid');
});

test('an answer goes to whichever read makes the history stand', () => {
  // The old value came back to the read that was there before the write, and it came last.
  const late = inOrder(by(0, [invoke]), by(1, write(1)), by(0, [invoke, ok(1), ok(0)]));
  expect(checkLinearizable(late, overlapping).type).toBe('valid');
  const early = inOrder(by(0, [invoke]), by(1, write(1)), by(0, [invoke, ok(0), ok(1)]));
  expect(checkLinearizable(early, overlapping).type).toBe('valid');
  const both = inOrder(by(0, [invoke]), by(1, write(1)), by(0, [invoke, ok(0), ok(0)]));
  expect(checkLinearizable(both, overlapping).type).toBe('invalid');
});

test('an anomaly that no dealing touches is found among any number of dealings; others are undecided', () => {
  const stretch = by(0, [invoke, invoke, ok(0), ok(0)]);
  const many = Array.from({ length: 20 }, () => stretch);
  expect(checkLinearizable(inOrder(...many, by(1, [invoke, ok(9)])), overlapping).type).toBe('invalid');
  const stale = inOrder(
    by(1, write(1)),
    by(0, [invoke, invoke, ok(0), ok(1)]),
    ...many.map(() => by(0, [invoke, invoke, ok(1), ok(1)])),
  );
  expect(checkLinearizable(stale, overlapping)).toMatchObject({
    type: 'unknown',
    reason: expect.stringContaining('key x: 1024 dealings tried') as string,
  });
  expect(checkLinearizable(stale, { ...overlapping, budget: withinSteps(500) }).type).toBe('unknown');
});

test('for sessions, operations that overlap have no order', () => {
  const during = inOrder(by(0, [['invoke', 'write', 1], invoke, ok(0), ['ok', 'write', 1]]));
  expect(check('read-your-writes', during, overlapping).type).not.toBe('invalid');
  const after = inOrder(by(0, [['invoke', 'write', 1], invoke, ['ok', 'write', 1], invoke, ok(1), ok(0)]));
  expect(check('read-your-writes', after, overlapping).type).toBe('invalid');
});

test('events without overlap get the same verdict, and processes thrown together are never blamed for it', () => {
  const random = new Random('dealings');
  const shape = { keys: 2, processes: 3, operations: 9, casPercent: 20, actualPercent: 0, values: 0, infoPercent: 5 };
  let invalid = 0;
  for (let run = 0; run < 300; run++) {
    const events = randomEvents(random, { ...shape, lies: run % 2 === 0 ? 0 : 20 });
    expect(checkLinearizable(events, overlapping)).toEqual(checkLinearizable(events, { initial: 0 }));
    const together = events.map((event) => ({ ...event, process: 0 })) as Event[];
    const { type } = checkLinearizable(together, overlapping);
    if (isLinearizableByBruteForce(events)) expect(type).toBe('valid');
    if (type === 'invalid') invalid++;
  }
  expect(invalid).toBeGreaterThan(50);
});
