import { expect, test } from 'vitest';
import { historyFromEvents } from '../../history/builder.ts';
import { Random } from '../../history/random.ts';
import { seed } from '../../test-support/rounds.ts';
import { defaultSemantics, unlimited } from '../checker.ts';
import linearizable from '../guarantees/linearizable.ts';
import { type Span, pairUp } from './fifo-pairs.ts';
import { definitions, drive } from './objects-testing.ts';

const span = (value: number, from: number, until: number): Span => ({ value, row: from, from, until });

test('values in one order, and their copies told apart', () => {
  const enqueues = [span(1, 0, 9), span(2, 1, 2), span(1, 3, 4)];
  const dequeues = [span(2, 20, 21), span(1, 22, 23)];
  // The first of the ones may have come late.
  expect(pairUp({ enqueues, dequeues, empties: [] }, unlimited)).toBe('possible');
  // Nothing is left between: 1 is inside until its second copy is taken.
  const third = span(1, 26, 27);
  expect(pairUp({ enqueues, dequeues: [...dequeues, third], empties: [span(-1, 24, 25)] }, unlimited)).toBe(
    'impossible',
  );
  expect(pairUp({ enqueues, dequeues: [...dequeues, third], empties: [span(-1, 24, 29)] }, unlimited)).toBe('possible');
  expect(pairUp({ enqueues, dequeues: [span(1, 20, 21), span(1, 22, 23)], empties: [] }, unlimited)).toBe('impossible');
});

test('queues of three values under twelve clients, where no simple numbering of copies fits, are decided', () => {
  const [, , queue] = definitions.find(([name, what]) => name === 'fifo-queue' && what.includes('repeat')) ?? [];
  if (queue === undefined) throw new Error('no such queue');
  const neverDrained = {
    ...queue,
    ask: (random: Random, fresh: () => number) => {
      const asked = queue.ask(random, fresh);
      return asked.f === 'drain' ? { f: 'dequeue', value: null } : asked;
    },
  };
  for (let round = 0; round < 5; round++) {
    const random = new Random(seed).fork(`pairs/${round}`);
    const how = { processes: 12, operations: 400, infoPercent: 0, lies: 0, swaps: 0 };
    const history = historyFromEvents(drive(random, neverDrained, how));
    const verdict = linearizable.check(history, unlimited, { ...defaultSemantics, model: 'fifo-queue' });
    expect(verdict.type, `TIDEMARK_SEED=${seed}, round ${round}`).toBe('valid');
  }
});
