/** One order by repair against the search of all orders, on histories in which many guesses have to be made. */
import { expect, test } from 'vitest';
import { historyFromEvents } from '../../history/builder.ts';
import type { Event } from '../../history/operation.ts';
import { drawn, eachRound, rounds } from '../../test-support/rounds.ts';
import { plainShape, randomEvents, type Shape } from '../causal/testing.ts';
import { defaultSemantics, unlimited } from '../checker.ts';
import { check } from '../index.ts';
import { judge, standing } from '../causal/judge.ts';
import { repair } from './repair.ts';
import { OneOrder } from './search.ts';

const plain: Shape = { ...plainShape, sessions: 5, operations: 24, keys: 3, lies: 6, replicas: false };

const shapes: readonly Shape[] = [
  plain,
  { ...plain, lies: 15, sessions: 8 },
  { ...plain, replicas: true, lies: 0, writes: 30, operations: 16 },
  { ...plain, replicas: true, lies: 0, sessions: 3, keys: 2, operations: 12 },
  { ...plain, info: 15, lies: 12 },
  { ...plain, cas: 25, lies: 8, devices: 20 },
  { ...plain, transactions: 40, operations: 16 },
];

test('repair finds an order where there is one, and proves that there is none where there is none', () => {
  const seen = { order: 0, none: 0, open: 0 };
  eachRound('repair', (random, label) => {
    const events = randomEvents(random, random.pick(shapes));
    const semantics = { ...defaultSemantics, initial: 0 };
    judge(historyFromEvents(events), unlimited, semantics, (at) => {
      const searched = new OneOrder(at, new Uint8Array(at.history.length)).search(unlimited);
      const repaired = repair(at, unlimited);
      if (repaired === 'open') seen.open++;
      else expect(repaired === 'an order' ? repaired : 'none', label).toBe(searched);
      if (repaired !== 'open') seen[repaired === 'an order' ? 'order' : 'none']++;
      return standing(at);
    });
  });
  if (process.env['TIDEMARK_SHOW'] !== undefined) console.log(seen);
  expect(seen.order, drawn).toBeGreaterThan(rounds / 40);
  expect(seen.none, drawn).toBeGreaterThan(rounds / 40);
  expect(seen.open).toBe(0);
});

/** What followers show that apply one log late, each at its own pace: sessions see the past, all of them the same. */
function lagging(operations: number): Event[] {
  const events: Event[] = [];
  const log: [key: string, value: number][] = [];
  const sessions = 8;
  const applied = Array.from({ length: sessions }, () => 0);
  const shown = Array.from({ length: sessions }, () => new Map<string, number>());
  const say = (type: string, process: number, f: string, key: string, value: number | null): void =>
    void events.push({ type, time: events.length, process, f, key, value } as unknown as Event);
  for (let i = 0; i < operations; i++) {
    const s = (i * 7 + ((i / 5) | 0)) % sessions;
    const key = `k${(i * 13) % 9}`;
    if (i % 3 === 0) {
      log.push([key, i + 1]);
      say('invoke', s, 'write', key, i + 1);
      say('ok', s, 'write', key, i + 1);
      applied[s] = Math.max(applied[s], log.length - 1);
    }
    const to = i % 3 === 0 ? log.length : Math.max(applied[s], log.length - 40 - s * 5);
    const map = shown[s];
    log.slice(0, to).forEach(([k, v]) => map.set(k, v));
    applied[s] = Math.max(applied[s], to);
    say('invoke', s, 'read', key, null);
    say('ok', s, 'read', key, map.get(key) ?? 0);
  }
  return events;
}

/** Two sessions that see two writes in different orders, somewhere in the middle. */
function disagreeing(events: readonly Event[]): Event[] {
  const said: readonly (readonly [process: number, f: string, key: string, value: number])[] = [
    [101, 'write', 'x', 1],
    [102, 'write', 'y', 2],
    [103, 'read', 'x', 1],
    [103, 'read', 'y', 0],
    [104, 'read', 'y', 2],
    [104, 'read', 'x', 0],
  ];
  const extra = said.flatMap(([process, f, key, value]) =>
    ['invoke', 'ok'].map((type) => ({ type, time: 0, process, f, key, value }) as unknown as Event),
  );
  return events.toSpliced(events.length >> 1, 0, ...extra).map((event, time) => ({ ...event, time }));
}

test('followers that lag are sequentially consistent; two sessions that disagree are found among them', () => {
  const events = lagging(3000);
  expect(check('sequential', events, { initial: 0 }).type).toBe('valid');
  const verdict = check('sequential', disagreeing(events), { initial: 0 });
  expect(verdict).toMatchObject({ type: 'invalid', count: 1 });
  if (verdict.type !== 'invalid') return;
  const { kind, operations } = verdict.anomalies[0];
  expect(kind).toBe('no one order');
  expect(operations.map(({ key, value }) => [key, value])).toEqual([
    ['x', 1],
    ['y', 2],
    ['x', 1],
    ['y', 0],
    ['y', 2],
    ['x', 0],
  ]);
});
