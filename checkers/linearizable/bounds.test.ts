/** What is told at once, of long histories too, by few operations. */
import { expect, test } from 'vitest';
import { historyFromEvents } from '../../history/builder.ts';
import type { Event, Value } from '../../history/operation.ts';
import { defaultSemantics } from '../checker.ts';
import type { Anomaly } from '../checker.ts';
import { withinSteps } from '../index.ts';
import linearizable from '../guarantees/linearizable.ts';

type Step = readonly [process: number, f: string, asked: Value, answer: Value];

/** Clients that always overlap one another: each asks again right after its answer. */
function overlapping(clients: number, steps: readonly Step[]): Event[] {
  const events: Event[] = [];
  const ends: (Event | undefined)[] = [];
  steps.forEach(([, f, asked, answer], i) => {
    const process = i % clients;
    const waiting = ends[process];
    if (waiting !== undefined) events.push(waiting);
    const key = f === 'txn' ? {} : { key: 'x' };
    const base = { process, f, ...key } as const;
    events.push({ type: 'invoke', ...base, value: asked } as Event);
    ends[process] = { type: 'ok', ...base, value: answer } as Event;
  });
  for (const event of ends) if (event !== undefined) events.push(event);
  return events.map((event, i) => ({ ...event, time: i }));
}

function anomalyOf(model: string, steps: readonly Step[]): Anomaly {
  const history = historyFromEvents(overlapping(20, steps));
  const verdict = linearizable.check(history, withinSteps(1000), { ...defaultSemantics, model });
  if (verdict.type !== 'invalid') throw new Error(JSON.stringify(verdict));
  return verdict.anomalies[0];
}

const LENGTH = 4000;
const MIDDLE = 2001;

test('a read of a counter beyond all that was added', () => {
  let sum = 0;
  const steps = Array.from({ length: LENGTH }, (_, i): Step => {
    if (i % 2 === 1) return [0, 'read', null, i === MIDDLE ? sum + 100 : sum];
    sum++;
    return [0, 'add', 1, 1];
  });
  const { operations, sentence } = anomalyOf('counter', steps);
  expect(operations.map(({ value }) => value)).toEqual([1001 + 100]);
  expect(sentence).toMatch(/out of bounds|no possible order|leads to/);
});

test('two reads of a text that no appends lead to', () => {
  const textUntil = (changed: (text: string, i: number) => string): Anomaly => {
    let text = '';
    const steps = Array.from({ length: LENGTH }, (_, i): Step => {
      if (i % 2 === 1) return [0, 'get', null, changed(text, i)];
      text += `${i}.`;
      return [0, 'append', `${i}.`, `${i}.`];
    });
    return anomalyOf('string', steps);
  };
  const swapped = textUntil((text, i) => (i === MIDDLE ? `${text.slice(0, -3)}.7` : text));
  expect([swapped.kind, swapped.operations.length]).toEqual(['reads that diverge', 2]);
  const old = textUntil((text, i) => (i === MIDDLE ? text.slice(0, -1000) : text));
  expect([old.kind, old.operations.length]).toEqual(['stale read', 2]);
});

test('a transaction that reads of one register what was written over', () => {
  const held: (number | null)[] = [null, null, null];
  const steps = Array.from({ length: LENGTH }, (_, i): Step => {
    const before = [...held];
    held[i % 3] = i + 1;
    const read = i === MIDDLE ? 1 + ((i + 1) % 3) : before[(i + 1) % 3];
    const parts = [
      ['r', `k${(i + 1) % 3}`, read],
      ['w', `k${i % 3}`, i + 1],
    ] as const;
    return [
      0,
      'txn',
      parts.map(([what, key, value]) => [what, key, what === 'r' ? null : value]),
      parts.map((p) => [...p]),
    ];
  });
  const { kind, operations } = anomalyOf('multi-register', steps);
  expect([kind, operations.length <= 4]).toEqual(['stale read', true]);
  expect(operations.every(({ f }) => f === 'txn')).toBe(true);
});
