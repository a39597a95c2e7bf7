/** Transactions that write one key twice, or read what they wrote themselves. */
import { expect, test } from 'vitest';
import { historyFromEvents } from '../../history/builder.ts';
import type { Event } from '../../history/operation.ts';
import type { Random } from '../../history/random.ts';
import { eachRound, rounds } from '../../test-support/rounds.ts';
import { type Checker, defaultSemantics, unlimited, type Verdict } from '../checker.ts';
import boundedStaleness from '../guarantees/bounded-staleness.ts';
import consistentPrefix from '../guarantees/consistent-prefix.ts';
import durable from '../guarantees/durable.ts';
import monotonicReads from '../guarantees/monotonic-reads.ts';
import monotonicWrites from '../guarantees/monotonic-writes.ts';
import readYourWrites from '../guarantees/read-your-writes.ts';
import writesFollowReads from '../guarantees/writes-follow-reads.ts';
import { sentences } from './testing.ts';

type Part = readonly [what: 'r' | 'w', key: string, value: number | null];
/** The answer of a transaction, and whose it is. */
interface Transaction {
  readonly session: string;
  readonly parts: readonly Part[];
}

const eventsOf = (transactions: readonly Transaction[]): Event[] =>
  transactions.flatMap(({ session, parts }, i) => {
    const asked = parts.map(([what, key, value]): Part => [what, key, what === 'r' ? null : value]);
    const event = (type: string, value: readonly Part[]): Event =>
      ({ type, process: i, session, f: 'txn', value, time: i * 1_000_000 }) as unknown as Event;
    return [event('invoke', asked), event('ok', parts)];
  });

const judge = (checker: Checker, transactions: readonly Transaction[]): Verdict =>
  checker.check(historyFromEvents(eventsOf(transactions)), unlimited, defaultSemantics);

const checkers = [readYourWrites, monotonicReads, monotonicWrites, writesFollowReads, consistentPrefix];

test.each(checkers)('$name: what a transaction replaced itself nobody may see', (checker) => {
  const twice: Transaction = {
    session: 's',
    parts: [
      ['w', 'x', 1],
      ['w', 'x', 2],
    ],
  }; // prettier-ignore
  const read: Transaction = { session: 's', parts: [['r', 'x', 1]] };
  expect(sentences(judge(checker, [twice, read]))).toEqual([
    'The read of x at 1 ms returned 1, which the transaction that wrote it replaced by 2: nobody may see it.',
  ]);
  const own: Transaction = {
    session: 's',
    parts: [
      ['w', 'x', 1],
      ['r', 'x', 1],
      ['w', 'x', 2],
      ['r', 'x', 2],
    ],
  }; // prettier-ignore
  expect(judge(checker, [own]).type).toBe('unknown');
});

test('what a transaction wrote itself is no part of the state that it read', () => {
  const transactions: Transaction[] = [
    { session: 'a', parts: [['w', 'y', 5]] },
    {
      session: 'b',
      parts: [
        ['r', 'y', null],
        ['w', 'x', 1],
        ['r', 'x', 1],
      ],
    }, // prettier-ignore
  ];
  expect(judge(consistentPrefix, transactions).type).toBe('unknown');
  const other: Transaction = {
    session: 'c',
    parts: [
      ['r', 'y', null],
      ['r', 'x', 1],
    ],
  }; // prettier-ignore
  expect(judge(consistentPrefix, [...transactions, other]).type).toBe('invalid');
});

/** Values are written once; some reads are of what was replaced, or of something old. */
function randomTransactions(random: Random): Transaction[] {
  const keys = ['x', 'y'];
  const written = new Map(keys.map((key) => [key, [null] as (number | null)[]]));
  let fresh = 0;
  return Array.from({ length: random.between(2, 6) }, () => {
    const own = new Map<string, number>();
    const parts = Array.from({ length: random.between(1, 4) }, (): Part => {
      const key = random.pick(keys);
      const values = written.get(key) ?? [];
      if (random.chance(0.5)) {
        values.push(++fresh);
        own.set(key, fresh);
        return ['w', key, fresh];
      }
      return [
        'r',
        key,
        own.get(key) ?? (random.chance(0.7) ? (values[values.length - 1] ?? null) : random.pick(values)),
      ];
    });
    return { session: random.pick(['s', 't']), parts };
  });
}

test('a final state that shows what was replaced is none', () => {
  const events = eventsOf([
    {
      session: 's',
      parts: [
        ['w', 'x', 1],
        ['w', 'x', 2],
      ],
    }, // prettier-ignore
    { session: 's', parts: [['r', 'x', 1]] },
  ]);
  const epilogue = { type: 'info', process: 'harness', f: 'phase', value: 'epilogue', time: 0 } as const;
  const history = historyFromEvents([...events.slice(0, 2), { ...epilogue, time: 500_000 }, ...events.slice(2)]);
  const found =
    'The read of x at 1 ms returned 1, which the transaction that wrote it replaced by 2: nobody may see it.';
  expect(sentences(durable.check(history, unlimited, defaultSemantics))).toEqual([
    'The write of 2 to x, acknowledged at 0 ns, is missing from the final state: the read of x at 1 ms returned 1.',
    found,
  ]);
  expect(sentences(boundedStaleness.check(history, unlimited, { ...defaultSemantics, boundMs: 5 }))).toEqual([found]);
});

test('without what nobody else may see the verdict is the same', () => {
  const seen = { replaced: 0, same: 0, invalid: 0 };
  eachRound(
    'committed',
    (random, label) => {
      const all = randomTransactions(random);
      const replaced = new Set<string>();
      const left = all.map(({ session, parts }) => ({
        session,
        parts: parts.filter(([what, key, value], i) => {
          const isPassing = what === 'w' && parts.some(([f, k], j) => j > i && f === 'w' && k === key);
          if (isPassing) replaced.add(`${key} ${value}`);
          const isOwn = what === 'r' && parts.some(([f, k], j) => j < i && f === 'w' && k === key);
          return !isPassing && !isOwn;
        }),
      }));
      const reads = left.flatMap(({ parts }) => parts).filter(([what]) => what === 'r');
      const isReplaced = reads.some(([, key, value]) => replaced.has(`${key} ${value}`));
      for (const checker of checkers) {
        const verdict = judge(checker, all);
        const kinds = verdict.type === 'invalid' ? verdict.anomalies.map(({ kind }) => kind) : [];
        if (isReplaced) {
          seen.replaced++;
          expect(kinds, `${label} ${checker.name}`).toContain('intermediate read');
          continue;
        }
        seen.same++;
        const { type } = judge(checker, left);
        if (type === 'invalid') seen.invalid++;
        expect(verdict.type, `${label} ${checker.name}`).toBe(type);
      }
    },
    Math.ceil(rounds / 5),
  );
  expect(Math.min(seen.replaced, seen.same, seen.invalid), JSON.stringify(seen)).toBeGreaterThan(5);
});
