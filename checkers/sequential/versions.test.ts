/** Sequential consistency where versions are reported: against all orders, and what lies. */
import { expect, test } from 'vitest';
import { historyFromEvents } from '../../history/builder.ts';
import type { Completion, Event, Key, Value } from '../../history/operation.ts';
import type { Random } from '../../history/random.ts';
import { drawn, eachRound } from '../../test-support/rounds.ts';
import { holdsByBruteForce, holdsInVersionOrder, randomEvents, type Shape } from '../causal/testing.ts';
import type { Verdict } from '../checker.ts';
import { check } from '../index.ts';

const shape: Shape = {
  sessions: 3,
  operations: 6,
  keys: 2,
  transactions: 0,
  cas: 15,
  actual: 100,
  info: 15,
  devices: 15,
  lies: 15,
  replicas: true,
  writes: 50,
};

/** The write of each value gets a number: that of its answer, or by chance that of another. Reads tell what they returned. */
function numbered(random: Random, events: readonly Event[], disorder: number): Map<Value, number> {
  const values = events.flatMap((event): Value[] => {
    if (event.type === 'invoke' || event.type === 'fail') return [];
    const { f, value } = event;
    return f === 'write' ? [value] : f === 'cas' ? [(value as Value[])[1]] : [];
  });
  for (let i = 1; i < values.length; i++) {
    if (random.chance(disorder)) [values[i - 1], values[i]] = [values[i], values[i - 1]];
  }
  return new Map(values.map((value, i) => [value, i + 1]));
}

function withVersions(
  events: readonly Event[],
  numbers: ReadonlyMap<Value, number>,
  tells = (): boolean => true,
): Event[] {
  return events.map((event) => {
    if (event.type !== 'ok') return event;
    const { f, value } = event;
    const number = numbers.get(f === 'cas' ? (value as Value[])[1] : value);
    return number === undefined || !tells() ? event : { ...event, version: ['g', 1, number] };
  }) as Event[];
}

const judged = (events: readonly Event[]): Verdict => check('sequential', historyFromEvents(events), { initial: 0 });

/** Numbers of writes that somebody answered for or read: others are not known. */
function known(events: readonly Event[], numbers: ReadonlyMap<Value, number>): Map<Value, number> {
  const said = new Set(
    events.flatMap((event) => {
      const { version } = event as { version?: [string, number, number] };
      return version === undefined ? [] : [version[2]];
    }),
  );
  return new Map([...numbers].filter(([, number]) => said.has(number)));
}

test('an order of versions leaves nothing open: valid iff some order of all keeps to it', () => {
  const seen = { valid: 0, invalid: 0, unknown: 0 };
  eachRound('sequential by versions', (random, label) => {
    const events = randomEvents(random, random.chance(0.5) ? shape : { ...shape, replicas: false, lies: 5 });
    const numbers = numbered(random, events, random.pick([0, 0.1, 0.3]));
    const told = withVersions(events, numbers);
    const { type } = judged(told);
    seen[type]++;
    // What was read of an unknown outcome as the expected value of a cas has no version: then values decide besides.
    const all = known(told, numbers);
    const silent = events.some((event) => event.type === 'fail' || (event as Completion).f === 'cas');
    if (!silent || type === 'invalid') expect(type, label).toBe(holdsInVersionOrder(told, all) ? 'valid' : 'invalid');
    if (type === 'valid') expect(holdsByBruteForce('sequential', events), label).toBe(true);
  });
  expect(Math.min(seen.valid, seen.invalid), drawn).toBeGreaterThan(50);
  expect(seen.unknown).toBe(0);
});

test('versions that only some tell never make invalid what an order explains that keeps to them', () => {
  eachRound('some versions', (random, label) => {
    const events = randomEvents(random, { ...shape, info: 0, cas: 0 });
    const numbers = numbered(random, events, 0.1);
    const told = withVersions(events, numbers, () => random.chance(0.6));
    const { type } = judged(told);
    if (type === 'valid') expect(holdsByBruteForce('sequential', events), label).toBe(true);
    else if (holdsInVersionOrder(events, numbers)) expect(type, label).toBe('valid');
  });
});

type Said = readonly [session: string, f: string, key: Key, value: Value, version?: readonly [string, number, number]];

function one(said: readonly Said[]): Verdict {
  return judged(
    said.flatMap(([session, f, key, value, version], i) => {
      const common = { process: session.charCodeAt(0), session, f, key };
      return [
        { type: 'invoke', time: i * 10, ...common, value: f === 'read' ? null : value },
        { type: 'ok', time: i * 10 + 5, ...common, value, ...(version === undefined ? {} : { version }) },
      ] as unknown as Event[];
    }),
  );
}

test('a circle over two keys names the versions', () => {
  const verdict = one([
    ['a', 'write', 'x', 1, ['g', 1, 1]],
    ['a', 'read', 'y', 0],
    ['b', 'write', 'y', 2, ['g', 1, 2]],
    ['b', 'read', 'x', 0],
  ]);
  expect(verdict).toMatchObject({ type: 'invalid', count: 1 });
  if (verdict.type !== 'invalid') return;
  expect(verdict.anomalies[0].kind).toBe('against the order of versions');
  expect(verdict.anomalies[0].sentence).toMatch(
    /In the order of versions that the store reports.*2 \(1,2\).*1 \(1,1\)/,
  );
  expect(verdict.anomalies[0].operations).toHaveLength(4);
});

test('a read that goes back is against the versions, though some order of values alone explains it', () => {
  const back: Said[] = [
    ['a', 'write', 'x', 1, ['g', 1, 1]],
    ['b', 'write', 'x', 2, ['g', 1, 2]],
    ['c', 'read', 'x', 2, ['g', 1, 2]],
    ['c', 'read', 'x', 1, ['g', 1, 1]],
  ];
  expect(one(back).type).toBe('invalid');
  expect(one(back.map(([s, f, k, v]) => [s, f, k, v])).type).toBe('valid');
  // What a deposed leader acknowledged may have been undone: terms alone order nothing.
  const deposed = back.map(([s, f, k, v]): Said => [s, f, k, v, ['g', v as number, 5]]);
  expect(one(deposed).type).toBe('valid');
});

test('false claims are anomalies', () => {
  const twice = one([
    ['a', 'write', 'x', 1, ['g', 1, 1]],
    ['a', 'write', 'x', 2, ['g', 1, 1]],
  ]);
  const other = one([
    ['a', 'write', 'x', 1, ['g', 1, 1]],
    ['a', 'write', 'x', 2, ['g', 1, 2]],
    ['a', 'read', 'x', 2, ['g', 1, 1]],
  ]);
  for (const verdict of [twice, other]) {
    expect(verdict.type).toBe('invalid');
    if (verdict.type === 'invalid') expect(verdict.anomalies[0].kind).toBe('contradicting claims');
  }
});
