import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { guaranteeNames } from '../history/guarantee.ts';
import type { Value } from '../history/operation.ts';
import { eventsOf } from '../history/testing.ts';
import type { Event, Verdict } from './index.ts';
import {
  BadHistory,
  check,
  checkLinearizable,
  follow,
  historyFromEvents,
  historyFromOperations,
  modelOf,
  models,
  readHistory,
  withinSteps,
} from './index.ts';

const on = { process: 0, key: 'x' } as const;
const events: Event[] = [
  { ...on, type: 'invoke', time: 0, f: 'write', value: 1 },
  { ...on, type: 'ok', time: 10, f: 'write', value: 1 },
  { ...on, type: 'invoke', time: 20, f: 'read', value: null },
  { ...on, type: 'ok', time: 30, f: 'read', value: null },
];

/** Only what was read from a file tells where it stood there. */
const withoutLines = (verdict: Verdict): unknown =>
  JSON.parse(JSON.stringify(verdict), (name, value: unknown) =>
    name === 'line' || name === 'completionLine' ? undefined : value,
  );

test('events, a history, and a journal get the same verdict', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-'));
  try {
    const file = join(folder, 'journal.jsonl');
    writeFileSync(file, events.map((event) => `${JSON.stringify(event)}\n`).join(''));
    const { history } = await readHistory(file);
    const verdicts = [events, historyFromEvents(events), history].map((given) => checkLinearizable(given));
    expect(verdicts.map((verdict) => verdict.type)).toEqual(['invalid', 'invalid', 'invalid']);
    expect(withoutLines(verdicts[2])).toEqual(verdicts[0]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('options say how to read the history', () => {
  expect(checkLinearizable(events, { nilRead: 'any' }).type).toBe('valid');
  expect(checkLinearizable(events, { initial: 1 }).type).toBe('valid');
  expect(checkLinearizable(events, { model: 'string' }).type).toBe('invalid');
  expect(models.map(({ name }) => name)).toContain('cas-register');
});

test('operations of which only times are known: a tie is an overlap', () => {
  const write = { f: 'write', key: 'x', value: 1, call: 0, ret: 5 } as const;
  const read = { f: 'read', key: 'x', value: null, ret: 9 } as const;
  expect(checkLinearizable(historyFromOperations([write, { ...read, call: 5 }])).type).toBe('valid');
  expect(checkLinearizable(historyFromOperations([write, { ...read, call: 6 }])).type).toBe('invalid');
});

test('every guarantee has its checker, and says unknown of an empty history', () => {
  for (const name of guaranteeNames) expect([name, check(name, []).type]).toEqual([name, 'unknown']);
});

test('a budget of steps is spent', () => {
  const twice = [...events, ...events].map((event, at) => ({ ...event, time: at }));
  expect(checkLinearizable(twice, { initial: 0, budget: withinSteps(0) })).toMatchObject({
    type: 'unknown',
    reason: 'key x: 0 steps spent before it was looked at',
  });
});

test('what cannot be is refused', () => {
  expect(() => checkLinearizable([events[1]])).toThrow(BadHistory);
});

test('what is no guarantee is refused with those there are', () => {
  expect(() => check('nonsense' as never, [])).toThrow(/^There is no guarantee 'nonsense'\. Valid: linearizable, /);
});

test('a history is followed while it is made', () => {
  const followed = follow('linearizable', { initial: 0 });
  const told = events.map((event) => {
    followed.add(event);
    return followed.broken()?.kind;
  });
  expect(told.slice(0, -1)).toEqual(told.slice(0, -1).map(() => undefined));
  expect(followed.end()).toEqual(check('linearizable', events, { initial: 0 }));
  const set = follow('causal');
  for (const event of events) set.add(event);
  expect(set.broken()).toBeUndefined();
  expect(set.end()).toEqual(check('causal', events));
});

test('the set of EDN is a list of its elements; a state of null is shown as null', () => {
  const set = (type: string, f: string, value: unknown, time: number): Event =>
    ({ type, f, value, time, process: 0, key: 's' }) as unknown as Event;
  const added = [set('invoke', 'add', 1, 0), set('ok', 'add', 1, 1), set('invoke', 'read', null, 2)];
  const read = (value: unknown): string =>
    check('linearizable', [...added, set('ok', 'read', value, 3)], { model: 'set' }).type;
  expect([read({ '#set': [1] }), read({ '#set': [] })]).toEqual(['valid', 'invalid']);
  const lone = check('linearizable', [set('invoke', 'read', null, 0), set('ok', 'read', 7, 1)]);
  expect(lone).toMatchObject({ type: 'invalid', anomalies: [{ lastState: { configurations: [{ held: null }] } }] });
});

test("a model of one's own needs no types of its own", () => {
  const model = modelOf({
    name: 'max-register',
    about: 'A register that only ever grows.',
    methods: ['read', 'write'],
    initial: 0,
    step: (state, { f, value }) =>
      f === 'write' ? Math.max(Number(state), Number(value)) : value === state ? state : undefined,
    pure: ({ f }) => f === 'read',
  });
  const verdicts = [events.slice(0, 2), events].map((some) => check('linearizable', some, { model }).type);
  expect(verdicts).toEqual(['valid', 'invalid']);
});

test('of transactions every read, write and key is counted', () => {
  const txn = (type: 'invoke' | 'ok', process: number, time: number, ...value: Value[]): Event => ({
    type,
    process,
    time,
    f: 'txn',
    value,
  });
  const events = [
    txn('invoke', 0, 0, ['w', 'x', 1], ['w', 'y', 1]),
    txn('ok', 0, 1, ['w', 'x', 1], ['w', 'y', 1]),
    txn('invoke', 1, 2, ['r', 'x', null], ['r', 'y', null]),
    txn('ok', 1, 3, ['r', 'x', 1], ['r', 'y', 1]),
  ];
  const verdict = check('linearizable', events, { model: 'multi-register' });
  expect(verdict).toMatchObject({ type: 'valid', examined: { operations: 2, keys: 2, reads: 2, writes: 2 } });
});

test('a read that was never answered is no operation of unknown outcome, whichever guarantee counts', () => {
  const events = eventsOf('p0: w x 1', 'p0: r x 1', 'p0 r x', 'p1 r x', 'p2 w x 2');
  for (const guarantee of ['linearizable', 'sequential', 'causal', 'causal-memory', 'causal-weak'] as const) {
    expect(check(guarantee, events).examined, guarantee).toMatchObject({ operations: 5, reads: 1, indeterminate: 1 });
  }
});
