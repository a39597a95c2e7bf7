import { readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { historyFromEvents } from '../../history/builder.ts';
import type { Event } from '../../history/operation.ts';
import type { Random } from '../../history/random.ts';
import { eachRound, rounds } from '../../test-support/rounds.ts';
import { defaultSemantics, unlimited } from '../checker.ts';
import linearizable from '../guarantees/linearizable.ts';
import { checkObjects } from './objects.ts';
import { modelNamed, models } from './models.ts';
import { definitions, drive, hasOrder } from './objects-testing.ts';

test('the list of models is the folder of models', () => {
  const files = readdirSync(new URL('../models', import.meta.url)).filter((name) => !name.includes('.test.'));
  expect(models.map(({ name }) => `${name}.ts`).sort()).toEqual(files.sort());
});

describe.each(definitions)('%s, %s', (name, what, definition) => {
  test('agrees with trying every order, with and without its shortcut', { timeout: 3_600_000 }, () => {
    const model = modelNamed(name);
    if (model === undefined) throw new Error(`no model ${name}`);
    const { decide, ...searchOnly } = model;
    const decidesAll = /queue|set/.test(name);
    const semantics = { ...defaultSemantics, model: name };
    const seen = { valid: 0, invalid: 0, unknown: 0, decided: 0 };
    const attempt = (random: Random, label: string): void => {
      const events = drive(random, definition, {
        processes: random.between(2, 4),
        operations: random.between(3, name === 'multi-register' || name === 'string' ? 7 : 8),
        infoPercent: random.pick([0, 0, 20, 40]),
        lies: random.pick([20, 50, 80]),
        swaps: random.pick([0, 0, 3]),
      });
      const history = historyFromEvents(events);
      const truth = hasOrder(events, definition) ? 'valid' : 'invalid';
      const verdict = linearizable.check(history, unlimited, semantics);
      const { type } = verdict;
      seen[type]++;
      // Only of histories without an answer nobody can tell.
      if (verdict.type === 'unknown') expect(verdict.reason, label).toMatch(/^nothing to examine/);
      else expect(type, label).toBe(truth);
      const searched = checkObjects(history, searchOnly, semantics, unlimited);
      expect(searched.undecided, label).toEqual([]);
      expect(searched.count > 0 ? 'invalid' : 'valid', label).toBe(truth);
      const rows = Int32Array.from({ length: history.length }, (_, row) => row);
      const machine = model.machine(history, semantics);
      const decision = decide?.(history, rows.filter(machine.relevant), semantics, unlimited);
      if (decision === undefined) return;
      seen.decided++;
      if (!decidesAll) expect(decision, label).not.toBe('possible');
      expect(decision === 'possible' ? 'valid' : 'invalid', label).toBe(truth);
      if (decision === 'possible') return;
      const { operations, sentence } = 'rough' in decision ? decision.rough : decision;
      expect(operations.length, label).toBeGreaterThan(0);
      expect(sentence, label).toMatch(/^[^ ].*\.$/);
    };
    // Eleven twins share the rounds of a quick test.
    const times = rounds > 1000 ? rounds : rounds / 10;
    eachRound(`${name} ${what}`, attempt, times);
    expect(Math.min(seen.valid, seen.invalid), JSON.stringify(seen)).toBeGreaterThan(times / 20);
    expect(seen.unknown, JSON.stringify(seen)).toBeLessThan(times / 6);
    if (decide === undefined || /repeat|short/.test(what)) return;
    // Of queues and sets most is decided; of the others only what is impossible at a glance, and nothing else.
    if (decidesAll) expect(seen.decided, JSON.stringify(seen)).toBeGreaterThan(times / 4);
    else expect(seen.decided, JSON.stringify(seen)).toBeGreaterThan(seen.invalid / 4);
  });
});

test.each([
  [
    'another value than it wrote itself',
    [
      ['w', 'x', 2],
      ['r', 'x', 1],
    ],
  ],
  [
    'two values of one key',
    [
      ['r', 'x', 1],
      ['r', 'x', null],
      ['w', 'y', 3],
    ],
  ],
])('a transaction that reads %s is impossible, whatever was written before', (_, value) => {
  const asked = value.map(([what, key, of]) => [what, key, what === 'r' ? null : of]);
  const history = historyFromEvents([
    { type: 'invoke', time: 0, process: 0, f: 'txn', value: [['w', 'x', 1]] },
    { type: 'ok', time: 1, process: 0, f: 'txn', value: [['w', 'x', 1]] },
    { type: 'invoke', time: 2, process: 1, f: 'txn', value: asked },
    { type: 'ok', time: 3, process: 1, f: 'txn', value },
  ]);
  const verdict = linearizable.check(history, unlimited, { ...defaultSemantics, model: 'multi-register' });
  expect(verdict).toMatchObject({ type: 'invalid', anomalies: [{ operations: [{ process: 1 }] }] });
});

const drained = (unanswered: number): Event[] =>
  [
    ['ok', 'enqueue', 1],
    ['ok', 'enqueue', 1],
    ...Array.from({ length: unanswered }, () => ['info', 'dequeue', null] as const),
    ['ok', 'dequeue', null],
  ].flatMap(([type, f, value], i) =>
    ['invoke', type].map((what, j) => ({ type: what, process: i, f, value, key: 'k', time: 2 * i + j }) as Event),
  );

test('a dequeue of unknown outcome takes one element at the most, of values that repeat as well', () => {
  const semantics = { ...defaultSemantics, model: 'unordered-queue' };
  const typeOf = (unanswered: number): string =>
    linearizable.check(historyFromEvents(drained(unanswered)), unlimited, semantics).type;
  expect([0, 1, 2, 3].map(typeOf)).toEqual(['invalid', 'invalid', 'valid', 'valid']);
});
