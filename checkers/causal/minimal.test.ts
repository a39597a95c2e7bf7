/** What anomalies of causality show: wrong by itself, and without any unit of it right, or wrong in another way. By brute force. */
import { expect, test } from 'vitest';
import { historyFromEvents } from '../../history/builder.ts';
import type { Operation } from '../../history/history.ts';
import type { Event, Value } from '../../history/operation.ts';
import { drawn, eachRound, rounds } from '../../test-support/rounds.ts';
import { check } from '../index.ts';
import { type Defined, holdsByBruteForce, plainShape, randomEvents, type Shape } from './testing.ts';

const plain: Shape = { ...plainShape, lies: 25 };

const shapes: readonly Shape[] = [
  plain,
  { ...plain, lies: 5, operations: 12, writes: 40 },
  { ...plain, sessions: 2, keys: 1 },
  { ...plain, info: 30, lies: 30 },
  { ...plain, cas: 50, info: 30, keys: 1 },
  { ...plain, cas: 40, info: 20, devices: 20 },
  { ...plain, cas: 40, actual: 50 },
  { ...plain, transactions: 60, operations: 8 },
];

const text = (value: unknown): string => JSON.stringify(value);

/** The events of these operations alone, as they were recorded; of transactions, only the parts that are shown. */
function eventsOf(events: readonly Event[], shown: readonly Operation[]): Event[] {
  const parts = new Map<number, Operation[]>();
  for (const one of shown) parts.set(one.index, [...(parts.get(one.index) ?? []), one]);
  const open = new Map<unknown, number>();
  const kept: Event[] = [];
  events.forEach((event, at) => {
    if (event.type === 'invoke') open.set(event.process, at);
    const index = open.get(event.process) ?? -1;
    if (event.type !== 'invoke') open.delete(event.process);
    const own = parts.get(index);
    if (own === undefined) return;
    if (event.f !== 'txn') kept.push(event);
    else {
      const told = own.map(({ f, key, value }) => [f === 'read' ? 'r' : 'w', key, value]);
      const value = (event.value as [string, ...Value[]][]).filter(([f, key, held]) =>
        told.some(([g, k, v]) => f === g && k === key && (held === null || text(v) === text(held))),
      );
      kept.push({ ...event, value });
    }
  });
  return kept;
}

/** A read, a failed cas, or a write with all that found its value; of cas, what followed from it as well. */
function without(operations: readonly Operation[], of: Operation): readonly Operation[] {
  const gone = new Set([of]);
  for (const one of gone) {
    if (one.f === 'read' || one.outcome === 'fail') continue;
    for (const other of operations) {
      const { f, outcome, actual, expected, value, key } = other;
      const found = f === 'read' ? value : f === 'cas' ? (outcome === 'fail' ? actual : expected) : undefined;
      if (key === one.key && other !== one && text(found) === text(one.value)) gone.add(other);
    }
  }
  return operations.filter((one) => !gone.has(one));
}

/** A refusal that does not say what it found is explained by what is not shown as well: leaving that out proves nothing. */
const isSilent = ({ f, outcome, actual }: Operation): boolean =>
  f === 'cas' && outcome === 'fail' && actual === undefined;

const kindsOf = (guarantee: Defined, events: readonly Event[]): readonly string[] => {
  const verdict = check(guarantee, historyFromEvents(events), { initial: 0 });
  return verdict.type === 'invalid' ? verdict.anomalies.map(({ kind }) => kind) : [];
};

for (const guarantee of ['causal-weak', 'causal', 'causal-memory', 'sequential'] as const) {
  test(`${guarantee}: what is shown is wrong by itself, and nothing of it can be spared`, {
    timeout: 3_600_000,
  }, () => {
    let compared = 0;
    const kinds = new Set<string>();
    eachRound(
      `${guarantee} minimal`,
      (random, label) => {
        const events = randomEvents(random, random.pick(shapes));
        const verdict = check(guarantee, historyFromEvents(events), { initial: 0 });
        if (verdict.type !== 'invalid') return;
        for (const { kind, operations, sentence } of verdict.anomalies) {
          const note = `${label}: ${kind}: ${sentence}`;
          if (operations.length > 9) continue;
          kinds.add(kind);
          expect(holdsByBruteForce(guarantee, eventsOf(events, operations)), note).toBe(false);
          if (operations.some(isSilent)) continue;
          for (const one of operations) {
            const rest = without(operations, one);
            compared++;
            const left = eventsOf(events, rest);
            if (rest.length === 0 || holdsByBruteForce(guarantee, left)) continue;
            expect(kindsOf(guarantee, left), `${note}\n${one.index} could be spared`).not.toContain(kind);
          }
        }
      },
      rounds / 4,
    );
    expect(compared, drawn).toBeGreaterThan(60);
    if (process.env['TIDEMARK_SHOW'] !== undefined) console.log(guarantee, compared, [...kinds]);
  });
}
