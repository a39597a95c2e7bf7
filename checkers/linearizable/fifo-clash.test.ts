import { expect, test } from 'vitest';
import { historyFromEvents } from '../../history/builder.ts';
import type { Event } from '../../history/operation.ts';
import type { Random } from '../../history/random.ts';
import { drawn, eachRound, rounds } from '../../test-support/rounds.ts';
import { defaultSemantics, unlimited } from '../checker.ts';
import linearizable from '../guarantees/linearizable.ts';
import { beginningsOf, clashIn, withoutFirst } from './fifo-clash.ts';
import type { PairProblem, Span } from './fifo-pairs.ts';
import { canAllStand, type Definition, definitions, drive, type Step, stepsOf } from './objects-testing.ts';

const queue = queueNeverDrained();

function queueNeverDrained(): Definition {
  const [, , definition] = definitions.find(([name, what]) => name === 'fifo-queue' && what.includes('repeat')) ?? [];
  if (definition === undefined) throw new Error('no such queue');
  return {
    ...definition,
    ask: (random, fresh) => {
      const asked = definition.ask(random, fresh);
      return asked.f === 'drain' ? { f: 'dequeue', value: null } : asked;
    },
  };
}

/** Each operation named by its place among the steps; nobody knows what an unanswered dequeue took, so there is none. */
function problemOf(steps: readonly Step[]): PairProblem {
  const spans = (isOne: (step: Step) => boolean): Span[] =>
    steps
      .map((step, row) => ({ step, row }))
      .filter(({ step }) => isOne(step))
      .map(({ step, row }) => {
        const value = Number(step.asked.f === 'enqueue' ? step.asked.value : step.answer);
        return { value, row, from: step.call, until: step.ret };
      });
  return {
    enqueues: spans(({ asked }) => asked.f === 'enqueue'),
    dequeues: spans(({ asked, answer }) => asked.f === 'dequeue' && answer !== null),
    empties: spans(({ asked, answer }) => asked.f === 'dequeue' && answer === null),
  };
}

function smallOnes(random: Random, infoPercent: number): Step[] {
  const how = { processes: random.between(2, 4), operations: random.between(4, 9), swaps: random.pick([0, 2]) };
  const lies = random.pick([0, 20, 40]);
  return stepsOf(drive(random, queue, { ...how, infoPercent, lies }))
    .filter(({ asked, answer }) => asked.f === 'enqueue' || answer !== undefined)
    .sort((a, b) => a.call - b.call);
}

function rowsOf({ enqueues, dequeues, empties }: PairProblem): Set<number> {
  return new Set([...enqueues, ...dequeues, ...empties].map(({ row }) => row));
}

test('what an order is left without its first pairs is an order', () => {
  let cut = 0;
  const attempt = (random: Random, label: string): void => {
    const steps = smallOnes(random, 0);
    if (!canAllStand(steps, queue)) return;
    const problem = problemOf(steps);
    for (const beginning of beginningsOf(problem, unlimited) ?? []) {
      const rest = rowsOf(withoutFirst(problem, beginning));
      const left = steps.filter((_, row) => rest.has(row));
      expect(canAllStand(left, queue), `${label}, without the first ${beginning.pairs}`).toBe(true);
      if (left.length < steps.length) cut++;
    }
  };
  eachRound('beginnings of queues', attempt);
  expect(cut, drawn).toBeGreaterThan(rounds / 4);
});

test('of what is left, those shown cannot stand, whichever of the others did, and none of them can be spared', () => {
  let clashes = 0;
  let behind = 0;
  const attempt = (random: Random, label: string): void => {
    const steps = smallOnes(random, random.pick([0, 20]));
    if (canAllStand(steps, queue)) return;
    const problem = problemOf(steps);
    const clash = clashIn(problem, unlimited);
    if (clash === undefined) throw new Error(`${label}: no clash`);
    const beginning = beginningsOf(problem, unlimited)?.find(({ pairs }) => pairs === clash.pairs);
    if (beginning === undefined) throw new Error(`${label}: no beginning`);
    const rest = rowsOf(withoutFirst(problem, beginning));
    const canStand = (must: readonly number[]): boolean => {
      const left = steps.flatMap((step, row) => (rest.has(row) ? [{ ...step, optional: !must.includes(row) }] : []));
      return canAllStand(left, queue);
    };
    expect(canStand(clash.rows), `${label}, ${clash.rows.join()}`).toBe(false);
    expect(clash.minimal, label).toBe(true);
    for (const row of clash.rows) {
      expect(canStand(clash.rows.filter((other) => other !== row)), `${label}, ${clash.rows.join()} less ${row}`).toBe(
        true,
      );
    }
    clashes++;
    if (clash.pairs > 0) behind++;
  };
  eachRound('clashes in queues', attempt, 2 * rounds);
  expect(clashes, drawn).toBeGreaterThan(rounds / 4);
  expect(behind, drawn).toBeGreaterThan(rounds / 50);
});

const judge = (events: readonly Event[]): ReturnType<typeof linearizable.check> =>
  linearizable.check(historyFromEvents(events), unlimited, { ...defaultSemantics, model: 'fifo-queue' });

test('one wrong answer in a long queue of three values is told by a few operations, or by those that came before them', () => {
  let told = 0;
  let shown = 0;
  const attempt = (random: Random, label: string): void => {
    const how = { processes: 4, operations: random.pick([250, 600]), infoPercent: 0, lies: 0, swaps: 0 };
    const events = drive(random, queue, how);
    const taken = events.flatMap(({ type, f, value }, at) =>
      type === 'ok' && f === 'dequeue' && value !== null && at > events.length / 2 ? [at] : [],
    );
    const planted = random.pick(taken);
    const value = random.chance(0.3) ? null : (Number(events[planted].value) % 3) + 1;
    const lying = events.map((event, at) => (at === planted ? { ...event, value } : event));
    const verdict = judge(lying);
    expect(judge(events).type, label).toBe('valid');
    if (verdict.type !== 'invalid') return;
    const [{ operations, sentence }] = verdict.anomalies;
    expect(operations.length, label).toBeLessThanOrEqual(12);
    const some = stepsOf(lying).filter(({ index }) => operations.some((operation) => operation.index === index));
    expect(some.length, label).toBe(operations.length);
    expect(canAllStand(some, queue), `${label}: ${sentence}`).toBe(false);
    const hasPlanted = some.some(({ ret }) => ret === planted);
    if (!hasPlanted) expect(sentence, label).toMatch(/ One of those may have been answered wrongly instead\.$/);
    told++;
    if (hasPlanted) shown++;
  };
  eachRound('plants in queues', attempt, rounds / 20);
  expect(told, drawn).toBeGreaterThan(rounds / 40);
  expect(shown, drawn).toBeGreaterThan(told / 2);
});
