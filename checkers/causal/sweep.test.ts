/** The quick judge of causal memory against the slow one, on histories that are too long for all orders to be tried. */
import { expect, test } from 'vitest';
import { historyFromEvents } from '../../history/builder.ts';
import { drawn, eachRound, rounds } from '../../test-support/rounds.ts';
import { defaultSemantics, unlimited } from '../checker.ts';
import { threadsOf } from '../sessions/threads.ts';
import { invalid, judge, standing } from './judge.ts';
import { judgeMemory } from './memory.ts';
import { SessionOrder } from './order.ts';
import { eachSweepStands } from './sweep.ts';
import { plainShape, randomEvents, type Shape } from './testing.ts';
import { unitsOf } from './units.ts';

const plain: Shape = { ...plainShape, sessions: 5, operations: 60, keys: 3, lies: 2 };

const shapes: readonly Shape[] = [
  plain,
  { ...plain, sessions: 3, keys: 2, operations: 30 },
  { ...plain, lies: 10, keys: 5 },
  { ...plain, sessions: 8, keys: 6, info: 10, writes: 60 },
  { ...plain, transactions: 40, operations: 30 },
  { ...plain, cas: 20, keys: 6, operations: 30 },
];

test('whatever is quickly found to stand does stand, and most of what stands is quickly found to', () => {
  const seen = { quick: 0, slow: 0, invalid: 0 };
  eachRound(
    'sweep',
    (random, label) => {
      const history = historyFromEvents(randomEvents(random, random.pick(shapes)));
      const semantics = { ...defaultSemantics, initial: 0 };
      const units = unitsOf(history, semantics);
      const threads = threadsOf(history, semantics);
      const stands =
        units.bad.length === 0 && eachSweepStands(units, new SessionOrder(units, threads), threads, unlimited);
      const { type } = judge(history, unlimited, semantics, (at) => {
        const memory = judgeMemory(at, false);
        return memory.count > 0 ? invalid(memory, at.examined) : standing(at, memory.doubt);
      });
      if (stands) expect(type, label).toBe('valid');
      seen[stands ? 'quick' : type === 'valid' ? 'slow' : 'invalid']++;
    },
    rounds / 2,
  );
  if (process.env['TIDEMARK_SHOW'] !== undefined) console.log(seen);
  expect(seen.invalid, drawn).toBeGreaterThan(rounds / 40);
  expect(seen.quick, drawn).toBeGreaterThan(rounds / 40);
  expect(seen.slow, drawn).toBeLessThan(seen.quick);
});
