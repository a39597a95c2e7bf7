/** Histories without times, as most that are written by hand: what is said of them are whole sentences, in which none are missing. */
import { expect, test } from 'vitest';
import { historyFromEvents } from '../history/builder.ts';
import type { Guarantee } from '../history/guarantee.ts';
import type { History } from '../history/history.ts';
import type { Random } from '../history/random.ts';
import { historyOf } from '../history/table.ts';
import { h } from '../history/testing.ts';
import { eachRound, seed } from '../test-support/rounds.ts';
import { smallHistory } from '../test-support/session-histories.ts';
import { check, type CheckOptions } from './index.ts';
import { definitions, drive } from './linearizable/objects-testing.ts';
import { randomHistory } from './linearizable/testing.ts';

/** An instant that is missing shows in what stands around it; what was over before something else was asked for needs none. */
const BROKEN =
  /,[ ]?[,.;:]|[.:;] ?[.:;]| {2}| [,.;:]|\(\)|\b(by|at|by the|between|and) ?[:,.;)]|(?<!before (it|that) was )(asked for|over|drained), (lacks|holds|and)|NaN|undefined/;

function withoutTimes(history: History): History {
  const { filter: _filter, operation: _operation, length, ...parts } = history;
  const unknown = new Float64Array(length).fill(Number.NaN);
  return historyOf({ ...parts, callTime: unknown, retTime: unknown, intended: unknown });
}

/** The kinds of what was found, each of whose sentences is looked at. */
function look(history: History, guarantee: Guarantee, options: CheckOptions, label: string): readonly string[] {
  const verdict = check(guarantee, withoutTimes(history), options);
  if (verdict.type !== 'invalid') return [];
  return verdict.anomalies.map(({ kind, sentence }) => {
    // What a transaction or a list holds is no sentence.
    const words = sentence.replaceAll(/\[[^\]]*\]|"[^"]*"|#\{[^}]*\}/g, 'it');
    expect(words, `${label}: ${sentence}`).not.toMatch(BROKEN);
    expect(words, label).toMatch(/[^ ,;:][.…]$/);
    return kind;
  });
}

const SESSIONS: readonly Guarantee[] = [
  'read-your-writes',
  'monotonic-reads',
  'monotonic-writes',
  'writes-follow-reads',
  'consistent-prefix',
  'causal',
  'sequential',
  'linearizable',
  'durable',
  'fenced',
];

test('registers and sessions', () => {
  const kinds = new Set<string>();
  eachRound(
    'timeless sessions',
    (random, label) => {
      const history = smallHistory(random);
      for (const guarantee of SESSIONS) {
        for (const kind of look(history, guarantee, {}, label)) kinds.add(`${guarantee}: ${kind}`);
      }
      const shape = {
        keys: 1,
        processes: 3,
        operations: 10,
        casPercent: random.pick([0, 40]),
        actualPercent: 50,
        values: random.pick([0, 3]),
        infoPercent: 10,
        lies: 15,
      };
      for (const kind of look(randomHistory(random, shape), 'linearizable', { initial: 0 }, label)) kinds.add(kind);
    },
    30,
  );
  expect(kinds.size, `TIDEMARK_SEED=${seed}: ${[...kinds].join('; ')}`).toBeGreaterThan(20);
});

test('objects', () => {
  const kinds = new Set<string>();
  const attempt = (random: Random, label: string): void => {
    for (const [model, , definition] of definitions) {
      const lies = random.pick([0, 15]);
      const how = { processes: 3, operations: 10, infoPercent: 5, lies, swaps: random.pick([1, 4]) };
      const history = historyFromEvents(drive(random, definition, how));
      for (const kind of look(history, 'linearizable', { model }, `${label}, ${model}`)) kinds.add(`${model}: ${kind}`);
      for (const guarantee of ['set', 'queue', 'counter', 'lock'] as const) {
        for (const kind of look(history, guarantee, {}, `${label}, ${guarantee}`)) kinds.add(`${guarantee}: ${kind}`);
      }
    }
  };
  eachRound('timeless objects', attempt, 40);
  expect(kinds.size, `TIDEMARK_SEED=${seed}: ${[...kinds].join('; ')}`).toBeGreaterThan(20);
});

test.each<[string, readonly string[], Guarantee, CheckOptions, string]>([
  [
    'stale read of a set',
    ['p0: add x 1', 'p1: r x []'],
    'linearizable',
    { model: 'set' },
    "Process 1's read of [] from x lacks 1, which was added before that was asked for: process 0's add of 1 to x.",
  ],
  [
    'read before add',
    ['p1: r x [1]', 'p0: add x 1'],
    'linearizable',
    { model: 'set' },
    "Process 1's read of [1] from x holds 1, which was not added before that was over: process 0's add of 1 to x.",
  ],
  [
    'queue out of order',
    ['p0: enqueue x 1', 'p0: enqueue x 2', 'p1: dequeue x 2', 'p1: dequeue x 1'],
    'linearizable',
    { model: 'fifo-queue' },
    "1 was in the queue before 2 was enqueued, yet process 1's dequeue of 2 from x came first: 1 was still in it.",
  ],
])('%s', (_, lines, guarantee, options, sentence) => {
  const verdict = check(guarantee, withoutTimes(h(...lines)), options);
  expect(verdict.type === 'invalid' && verdict.anomalies.map((one) => one.sentence)).toEqual([sentence]);
});
