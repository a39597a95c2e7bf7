import { describe, expect, test } from 'vitest';
import { historyFromEvents } from '../../history/builder.ts';
import type { History } from '../../history/history.ts';
import type { Event } from '../../history/operation.ts';
import { Random } from '../../history/random.ts';
import { h } from '../../history/testing.ts';
import type { Semantics } from '../checker.ts';
import { eachRound, rounds, seed } from '../../test-support/rounds.ts';
import { defaultSemantics, unlimited } from '../checker.ts';
import linearizable from '../guarantees/linearizable.ts';
import { registerMachine } from '../linearizable/register.ts';
import { couldStand, isLinearizableByBruteForce, randomEvents } from '../linearizable/testing.ts';
import type { Machine } from '../model.ts';
import { Memory } from './memory.ts';
import { layOut } from './problem.ts';
import type { Problem } from './problem.ts';
import { search } from './search.ts';
import { shrink } from './shrink.ts';

const zero: Semantics = { ...defaultSemantics, initial: 0 };

function problemOf(history: History, machine: Machine, key = 0): Problem {
  const rows = Array.from({ length: history.length }, (_, row) => row);
  return layOut(
    history,
    machine,
    rows.filter((row) => history.key[row] === key && machine.relevant(row)),
  );
}

const isFound = (history: History, machine: Machine): boolean =>
  history.keys.every(
    (_, key) => search(problemOf(history, machine, key), machine, { budget: unlimited }).type === 'found',
  );

function randomSmall(random: Random): Event[] {
  return randomEvents(random, {
    keys: 1,
    processes: 2 + random.below(4),
    operations: 4 + random.below(7),
    casPercent: random.pick([0, 30, 60]),
    actualPercent: random.pick([0, 50]),
    values: random.pick([0, 2, 3]),
    infoPercent: random.pick([0, 25]),
    lies: random.pick([0, 15, 30]),
  });
}

describe('search', () => {
  test('finds an order iff there is one, with and without knowing that it is a register', {
    timeout: 3_600_000,
  }, () => {
    eachRound('search', (random, note) => {
      const events = randomSmall(random);
      const history = historyFromEvents(events);
      const machine = registerMachine(history, zero);
      const { register: _register, ...anyObject } = machine;
      const truth = isLinearizableByBruteForce(events);
      expect(isFound(history, machine), `register, ${note}`).toBe(truth);
      expect(isFound(history, anyObject), `any object, ${note}`).toBe(truth);
    });
  });

  test('agrees with the zones on longer histories', () => {
    const seen = { valid: 0, invalid: 0 };
    const attempt = (random: Random, label: string): void => {
      const events = randomEvents(random, {
        keys: 1,
        processes: 5 + random.below(20),
        operations: 100 + random.below(200),
        casPercent: random.pick([0, 20, 50]),
        actualPercent: random.pick([0, 100]),
        values: 0,
        infoPercent: random.pick([0, 3]),
        lies: random.pick([0, 3]),
      });
      const history = historyFromEvents(events);
      const { type } = linearizable.check(history, unlimited, zero);
      const machine = registerMachine(history, zero);
      expect(isFound(history, machine) ? 'valid' : 'invalid', label).toBe(type);
      seen[type === 'valid' ? 'valid' : 'invalid']++;
    };
    eachRound('zones', attempt, rounds / 8);
    expect(Math.min(seen.valid, seen.invalid), `TIDEMARK_SEED=${seed}: ${JSON.stringify(seen)}`).toBeGreaterThan(8);
  });

  test('says where it got stuck, and what was held then', () => {
    const history = h('p0: w x 1', 'p0 w x 2', 'p1: r x 3', 'p0 ok');
    const machine = registerMachine(history, zero);
    const result = search(problemOf(history, machine), machine, { budget: unlimited });
    expect(result).toMatchObject({ type: 'impossible', stuck: 2 });
    expect(result.type === 'impossible' && result.states.map((state) => history.values.get(state))).toEqual([1]);
  });

  test('stops when the budget is spent, after so many orders, or so much memory', () => {
    // Six cas that any order of the writes beside them could serve, and one that none can.
    const lines = Array.from({ length: 8 }, (_, i) => [
      `p${i} w x ${i}`,
      `p${i + 10} cas x ${i} ${(i + 1) % 8}`,
    ]).flat();
    const ends = Array.from({ length: 6 }, (_, i) => [`p${i} ok`, `p${i + 10} ok`]).flat();
    const history = h(...lines, 'p9 cas x 77 78', ...ends, 'p9 ok');
    const machine = registerMachine(history, zero);
    const problem = problemOf(history, machine);
    let asked = 0;
    const budget = { spent: () => (++asked > 1 ? '3 s spent' : undefined) };
    expect(search(problem, machine, { budget })).toMatchObject({ type: 'stopped', reason: '3 s spent' });
    const limited = search(problem, machine, { budget: unlimited, stepsMax: 500 });
    expect(limited).toMatchObject({ type: 'stopped', reason: '500 orders tried', steps: 501 });
    expect(search(problem, machine, { budget: unlimited, bytesMax: 50_000 })).toMatchObject({ type: 'stopped' });
    expect(search(problem, machine, { budget: unlimited }).type).toBe('impossible');
  });

  test('more than 32 operations at once', () => {
    const open = Array.from({ length: 70 }, (_, i) => `p${i} w x ${i + 1}`);
    const closed = Array.from({ length: 70 }, (_, i) => `p${i} ok`);
    const isPossible = (...lines: string[]): boolean => {
      const history = h(...lines);
      return isFound(history, registerMachine(history, zero));
    };
    expect(isPossible(...open, 'p99: r x 70', 'p99: r x 3', 'p99: r x 41', ...closed)).toBe(true);
    expect(isPossible(...open, 'p99: r x 70', 'p99: r x 3', 'p99: r x 70', ...closed)).toBe(false);
  });
});

describe('shrinking', () => {
  test('keeps operations that cannot all stand, and none to spare', { timeout: 3_600_000 }, () => {
    let shrunk = 0;
    eachRound('shrink', (random, note) => {
      const events = randomSmall(random);
      const history = historyFromEvents(events);
      const machine = registerMachine(history, zero);
      const problem = problemOf(history, machine);
      const failure = search(problem, machine, { budget: unlimited });
      if (failure.type !== 'impossible') return;
      shrunk++;
      const core = shrink(history, machine, problem, failure, unlimited);
      const stands = (rows: readonly number[]): boolean =>
        couldStand(events, 'k0', new Set(rows.map((row) => history.operation(row).index)));
      expect(core.minimal, note).toBe(true);
      expect(stands(core.rows), note).toBe(false);
      for (const row of core.rows) expect(stands(core.rows.filter((other) => other !== row)), note).toBe(true);
    });
    expect(shrunk, `TIDEMARK_SEED=${seed}`).toBeGreaterThan(rounds / 20);
  });

  test('finds what matters among thousands', () => {
    const lines = Array.from({ length: 1000 }, (_, i) => [`p0: w x ${i % 7}`, `p1: r x ${i % 7}`]).flat();
    const history = h(...lines, 'p0: w x 8', 'p1: r x 3', ...lines);
    const verdict = linearizable.check(history, unlimited, zero);
    expect(verdict.type === 'invalid' && verdict.anomalies[0].operations.map(({ f, value }) => [f, value])).toEqual([
      ['write', 3],
      ['write', 8],
      ['read', 3],
    ]);
  });
});

test('memory tells apart records of one hash', () => {
  const memory = new Memory(2);
  const all = new Set<string>();
  const random = new Random(seed);
  let agreed = 0;
  for (let i = 0; i < 5000; i++) {
    const record = Int32Array.of(random.below(50), random.below(50) - 25);
    const text = record.join();
    if (memory.add(record) === !all.has(text)) agreed++;
    all.add(text);
  }
  expect([agreed, all.size < 2500]).toEqual([5000, true]);
});
