/** The judges of causality against the definitions, and against one another. */
import { expect, test } from 'vitest';
import { historyFromEvents } from '../../history/builder.ts';
import type { Event } from '../../history/operation.ts';
import { drawn, eachRound, rounds } from '../../test-support/rounds.ts';
import { check } from '../index.ts';
import { type Defined, hasDenials, holdsByBruteForce, plainShape, randomEvents, type Shape } from './testing.ts';

/** All orders of one more operation take several times as long: that is for the deep test. */
const most = rounds > 500 ? 8 : 7;

const plain: Shape = { ...plainShape, operations: most - 1 };

const shapes: Readonly<Record<string, Shape>> = {
  'single operations': { ...plain, operations: most },
  'single operations, with lies': { ...plain, lies: 40 },
  'four sessions': { ...plain, sessions: 4, operations: most, lies: 25 },
  'one key': { ...plain, sessions: 2, keys: 1, operations: most, lies: 35 },
  'mostly reads': { ...plain, operations: most, lies: 60, writes: 35 },
  'with unknown outcomes': { ...plain, info: 25, lies: 40 },
  'with devices': { ...plain, sessions: 2, devices: 50, info: 10, lies: 40 },
  'with cas': { ...plain, cas: 30, actual: 100, info: 10, lies: 20 },
  'own cas of unknown outcome': { ...plain, sessions: 2, keys: 1, operations: most, cas: 50, info: 40, lies: 30 },
  'own unknown outcomes on devices': {
    ...plain,
    sessions: 2,
    operations: most,
    cas: 50,
    info: 40,
    devices: 30,
    lies: 30,
  },
  'with refusals': { ...plain, cas: 40, actual: 40, info: 10, lies: 20 },
  transactions: { ...plain, operations: 6, transactions: 80, lies: 20 },
  'transactions of all kinds': { ...plain, operations: 6, transactions: 50, cas: 20, info: 15, devices: 20, lies: 20 },
  'one copy': { ...plain, replicas: false, transactions: 20, cas: 10, info: 10 },
};

function verdictOf(guarantee: Defined, events: readonly Event[]): string {
  return check(guarantee, historyFromEvents(events), { initial: 0 }).type;
}

const names = Object.entries(shapes);
const guarantees: readonly Defined[] = ['causal-weak', 'causal', 'causal-memory', 'sequential'];

for (const guarantee of guarantees) {
  test(`${guarantee} is what its definition says`, () => {
    const seen = { valid: 0, invalid: 0, unknown: 0, open: 0 };
    eachRound(guarantee, (random, label) => {
      const [name, shape] = random.pick(names);
      const events = randomEvents(random, shape);
      const verdict = verdictOf(guarantee, events);
      const nothing = events.every(({ type }) => type === 'invoke' || type === 'info');
      const expected = nothing ? 'unknown' : holdsByBruteForce(guarantee, events) ? 'valid' : 'invalid';
      seen[verdict as 'valid' | 'invalid' | 'unknown']++;
      if (verdict === 'unknown' && guarantee !== 'sequential' && hasDenials(events)) return;
      expect(verdict, `${label}, ${name}`).toBe(expected);
    });
    if (process.env['TIDEMARK_SHOW'] !== undefined) console.log(guarantee, seen);
    expect(seen.valid * 20, 'valid histories').toBeGreaterThan(seen.unknown);
    expect(Math.min(seen.valid, seen.invalid), drawn).toBeGreaterThan(20);
  });
}
