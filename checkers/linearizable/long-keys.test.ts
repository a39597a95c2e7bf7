import { describe, expect, test } from 'vitest';
import { historyFromEvents } from '../../history/builder.ts';
import { NEVER } from '../../history/history.ts';
import type { Event, Value } from '../../history/operation.ts';
import { Random } from '../../history/random.ts';
import { drawn, eachRound, rounds } from '../../test-support/rounds.ts';
import type { Anomaly } from '../checker.ts';
import { defaultSemantics, unlimited } from '../checker.ts';
import { cutsBefore } from '../explain/cut.ts';
import linearizable from '../guarantees/linearizable.ts';
import { layOut } from '../search/problem.ts';
import { search } from '../search/search.ts';
import { modelNamed } from './models.ts';
import { definitions, drive, hasOrder } from './objects-testing.ts';

/** Compares each cut with the whole; `truth`: whether an order of the whole is found by trying all. Answers how many cuts. */
function cutAnywhere(events: readonly Event[], name: string, label: string, truth: boolean): number {
  const history = historyFromEvents(events);
  const machine = modelNamed(name)?.machine(history, {
    ...defaultSemantics,
    initial: name === 'cas-register' ? 0 : null,
  });
  if (machine === undefined) throw new Error(`no model ${name}`);
  const rows = Array.from({ length: history.length }, (_, row) => row).filter((row) => machine.relevant(row));
  const answered = rows.filter((row) => history.ret[row] !== NEVER);
  if (answered.length === 0) return 0;
  const problem = layOut(history, machine, rows);
  const whole = search(problem, machine, { budget: unlimited });
  expect(whole.type === 'found', label).toBe(truth);
  const last = answered.reduce((one, other) => (history.ret[other] > history.ret[one] ? other : one));
  const stuck = whole.type === 'impossible' ? problem.row[whole.stuck] : last;
  const cuts = cutsBefore(history, machine, rows, stuck, unlimited);
  for (const cut of cuts) {
    const since = { ...machine, initial: cut.state };
    const result = search(layOut(history, since, cut.rows, cut.mayBeMissing), since, { budget: unlimited });
    expect(result.type, `${label}, cut after ${cut.after}`).toBe(whole.type);
  }
  return cuts.length;
}

describe('what is left after a cut is as impossible as the whole, and as possible', () => {
  // A dozen twins share the rounds of a quick test.
  const times = rounds > 1000 ? rounds : rounds / 10;

  const objects = definitions.filter(([name]) => modelNamed(name)?.partition === undefined && name !== 'string');
  test.each(objects)('%s, %s', { timeout: 3_600_000 }, (name, what, definition) => {
    let cuts = 0;
    const attempt = (random: Random, label: string): void => {
      const how = { processes: random.between(2, 4), operations: random.between(4, 8), swaps: random.pick([0, 2]) };
      const events = drive(random, definition, {
        ...how,
        infoPercent: random.pick([0, 20]),
        lies: random.pick([0, 20]),
      });
      cuts += cutAnywhere(events, name, label, hasOrder(events, definition));
    };
    eachRound(`cuts of ${name} ${what}`, attempt, times);
    expect(cuts, drawn).toBeGreaterThan(times / 2);
  });
});

const OPERATIONS = 20_000;

/** One client after another asks; two overlap now and then. What is asked when is up to the caller. */
function longEvents(ask: (i: number) => { f: string; value: Value; answer: Value }): Event[] {
  const events: unknown[] = [];
  const push = (type: string, process: number, f: string, value: Value): void =>
    void events.push({ type, process, f, key: 'x', value, time: events.length * 1000 });
  for (let i = 0; i < OPERATIONS; i++) {
    const { f, value, answer } = ask(i);
    push('invoke', i % 3, f, value);
    if (i % 2 === 1) {
      push('invoke', 7, 'read', null);
      push('info', 7, 'read', null);
    }
    push('ok', i % 3, f, answer);
  }
  return events as Event[];
}

function anomalyOf(events: readonly Event[], model: string, initial: Value): Anomaly {
  const verdict = linearizable.check(historyFromEvents(events), unlimited, { ...defaultSemantics, model, initial });
  if (verdict.type !== 'invalid') throw new Error(verdict.type);
  return verdict.anomalies[0];
}

describe('of many thousands of operations on one key, the few that matter', () => {
  test('a register of five values', () => {
    const random = new Random('long');
    let held = 0;
    const anomaly = anomalyOf(
      longEvents((i) => {
        if (i === OPERATIONS - 5) return { f: 'read', value: null, answer: 9 };
        if (random.chance(0.5)) return { f: 'read', value: null, answer: held };
        held = i === OPERATIONS >> 1 ? 9 : random.below(5);
        return { f: 'write', value: held, answer: held };
      }),
      'cas-register',
      0,
    );
    expect(anomaly.operations.length).toBeLessThanOrEqual(3);
    expect(anomaly.sentence).toMatch(
      /read of (\d+) from x has no place .* x cannot hold \1 by then\. It would have one right after .* write of \1 to x\.$/,
    );
  });

  test('a counter', () => {
    let sum = 0;
    const anomaly = anomalyOf(
      longEvents((i) => {
        if (i % 2 === 0) return { f: 'read', value: null, answer: i === OPERATIONS - 6 ? sum - 1 : sum };
        sum += 2;
        return { f: 'add', value: 2, answer: 2 };
      }),
      'counter',
      0,
    );
    const { operations, sentence, lastState } = anomaly;
    expect(operations.length).toBeLessThanOrEqual(2);
    expect(operations.map(({ value }) => value)).toContain(OPERATIONS - 7);
    expect(sentence).toMatch(/Every order of what must have happened by the end of .* leads to 199\d\d\.$/);
    expect(lastState?.stuck.value).toBe(OPERATIONS - 7);
  });

  test('a lock', () => {
    const { operations, sentence } = anomalyOf(
      longEvents((i) => {
        const isTwice = i === OPERATIONS - 5;
        return { f: i % 2 === 0 || isTwice ? 'acquire' : 'release', value: null, answer: null };
      }).filter(({ f }) => f !== 'read'),
      'mutex',
      null,
    );
    expect(operations.map(({ f }) => f)).toEqual(['acquire', 'acquire']);
    expect(sentence).toMatch(/leads to "?free"?\.$/);
  });
});
