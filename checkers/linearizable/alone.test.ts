/** Registers under transactions, each key alone: what is said of values that a transaction wrote over itself. */
import { expect, test } from 'vitest';
import { historyFromEvents } from '../../history/builder.ts';
import type { Event } from '../../history/operation.ts';
import type { Random } from '../../history/random.ts';
import { eachRound, rounds } from '../../test-support/rounds.ts';
import { defaultSemantics, unlimited, type Verdict } from '../checker.ts';
import linearizable from '../guarantees/linearizable.ts';

type Part = readonly [what: string, key: string, value: number | null];

const judge = (events: readonly Event[]): Verdict =>
  linearizable.check(historyFromEvents(events), unlimited, { ...defaultSemantics, model: 'multi-register' });

/** Transactions one after the other, each by a process of its own. */
const inTurn = (...transactions: readonly (readonly Part[])[]): Event[] =>
  transactions.flatMap((parts, process) => {
    const asked = parts.map(([what, key, value]): Part => [what, key, what === 'r' ? null : value]);
    const event = (type: 'invoke' | 'ok', value: readonly Part[]): Event => ({
      type,
      process,
      f: 'txn',
      value,
      time: 2 * process,
    });
    return [event('invoke', asked), event('ok', parts)];
  });

const r = (value: number): Part => ['r', 'x', value];
const w = (value: number): Part => ['w', 'x', value];

test.each([
  [
    'of another one',
    [[w(1), w(2)], [r(1)]],
    'intermediate read (2): Process 1 found 1 in x, which is there at no time: the transaction of process 0 that wrote it wrote 2 over it.',
  ],
  [
    'of another one, before it writes itself',
    [
      [w(1), w(2)],
      [r(1), w(3)],
    ],
    'intermediate read (2): Process 1 found 1 in x, which is there at no time: the transaction of process 0 that wrote it wrote 2 over it.',
  ],
  [
    'of its own, before it wrote it',
    [[r(1), w(1), w(2)]],
    'intermediate read (1): Process 0 found 1 in x, which nothing had written there but its own transaction, later.',
  ],
  [
    'where another one wrote it later',
    [[w(1), w(2)], [r(1)], [w(1)]],
    "read before write (2): Process 1's read of 1 from x was answered at 2 ns, before process 2's write of 1 to x was asked for, at 4 ns. " +
      'That is what the operations did to x alone. The transaction of process 0 that wrote 1 to x as well wrote 2 over it.',
  ],
  [
    'that it left itself',
    [[r(1), w(1)]],
    "cas in a circle (1): Process 0's cas of x from 1 to 1: it found the value that nothing but itself could have left there. " +
      'That is what the operations did to x alone (a cas: one that read it and then wrote it).',
  ],
])('a read of a value %s', (_, transactions, told) => {
  const verdict = judge(inTurn(...transactions));
  const all = verdict.type === 'invalid' ? verdict.anomalies : [];
  expect(all.map(({ kind, operations, sentence }) => `${kind} (${operations.length}): ${sentence}`)).toEqual([told]);
});

test('what is written again in the end may be read', () => {
  expect(judge(inTurn([w(1), w(2), w(1)], [r(1)])).type).toBe('valid');
});

test('of no value that a transaction wrote is it said that nothing ever did', () => {
  const seen = { none: 0, intermediate: 0 };
  /** Values are written once, and sometimes read before that. */
  const transaction = (random: Random, fresh: () => number): Part[] =>
    Array.from({ length: random.between(1, 4) }, () =>
      random.chance(0.6) ? ['w', 'x', fresh()] : ['r', 'x', random.between(1, 9)],
    );
  eachRound(
    'values written over',
    (random, label) => {
      let values = 0;
      const transactions = Array.from({ length: random.between(1, 4) }, () => transaction(random, () => ++values));
      const verdict = judge(inTurn(...transactions));
      if (verdict.type !== 'invalid') return;
      const written = new Set(
        transactions.flat().flatMap(([what, key, value]) => (what === 'w' ? [`${value} ${key}`] : [])),
      );
      for (const { kind, sentence, operations } of verdict.anomalies) {
        const [, value, key] = /found (\d), which nothing ever wrote to (\w)/.exec(sentence) ?? [];
        if (value !== undefined) expect(written, label).not.toContain(`${value} ${key}`);
        if (value !== undefined) seen.none++;
        if (kind === 'intermediate read') seen.intermediate++;
        // By themselves they cannot stand either.
        const alone = transactions.filter((__, process) => operations.some((one) => one.process === process));
        expect(judge(inTurn(...alone)).type, label).toBe('invalid');
      }
    },
    Math.ceil(rounds / 5),
  );
  expect(Math.min(seen.none, seen.intermediate), JSON.stringify(seen)).toBeGreaterThan(5);
});
