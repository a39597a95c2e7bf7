/** What holds of the judges whatever the history. */
import { expect, test } from 'vitest';
import type { Event } from '../../history/operation.ts';
import { eachRound } from '../../test-support/rounds.ts';
import { check, historyFromEvents } from '../index.ts';
import { randomEvents, type Shape } from './testing.ts';

const guarantees = ['causal-weak', 'causal', 'causal-memory', 'sequential'] as const;

const shape: Shape = {
  sessions: 4,
  operations: 9,
  keys: 2,
  transactions: 0,
  cas: 0,
  actual: 100,
  info: 10,
  devices: 10,
  lies: 5,
  writes: 50,
  replicas: true,
};

test('what is stronger implies what is weaker; impossible reads break all; reads left out break nothing', () => {
  eachRound('causal properties', (random, label) => {
    const events = randomEvents(random, random.chance(0.5) ? shape : { ...shape, replicas: false, lies: 2 });
    const history = historyFromEvents(events);
    const judge = (of: typeof history): string[] => guarantees.map((name) => check(name, of, { initial: 0 }).type);
    const [weak, convergent, memory, sequential] = judge(history);
    if (check('linearizable', history, { initial: 0 }).type === 'valid') expect(sequential, label).toBe('valid');
    if (sequential === 'valid') expect([convergent, memory], label).toEqual(['valid', 'valid']);
    if (convergent === 'valid' || memory === 'valid') expect(weak, label).toBe('valid');

    const impossible = [
      { type: 'invoke', time: 1e9, process: 99, f: 'read', key: 'k0', value: null },
      { type: 'ok', time: 1e9, process: 99, f: 'read', key: 'k0', value: -1 },
    ] as unknown as Event[];
    expect(judge(historyFromEvents([...events, ...impossible])), label).toEqual(guarantees.map(() => 'invalid'));

    const fewer = history.filter((row) => history.f[row] !== 0 || random.chance(0.7));
    const after = judge(fewer);
    [weak, convergent, memory, sequential].forEach((before, i) => {
      if (before === 'valid') expect(after[i], `${label}, ${guarantees[i]}`).not.toBe('invalid');
    });
  });
});
