import { expect, test } from 'vitest';
import { CAS, type History, OK, type Operation, READ } from '../../history/history.ts';
import { drawn, eachRound, rounds } from '../../test-support/rounds.ts';
import { smallHistory } from '../../test-support/session-histories.ts';
import { type Checker, defaultSemantics, unlimited } from '../checker.ts';
import consistentPrefix from '../guarantees/consistent-prefix.ts';
import monotonicReads from '../guarantees/monotonic-reads.ts';
import monotonicWrites from '../guarantees/monotonic-writes.ts';
import readYourWrites from '../guarantees/read-your-writes.ts';
import writesFollowReads from '../guarantees/writes-follow-reads.ts';
import { evidence, judge, sentences } from './testing.ts';

const guarantees: readonly Checker[] = [
  readYourWrites,
  monotonicReads,
  monotonicWrites,
  writesFollowReads,
  consistentPrefix,
];

/** These operations alone. */
function alone(history: History, operations: readonly Operation[]): History {
  const text = ({ index, key, value }: Operation): string => JSON.stringify([index, key, value]);
  const shown = new Set(operations.map(text));
  return history.filter((row) => shown.has(text(history.operation(row))));
}

/** Values that reads returned, and cas found, without a write of them, where the whole history has one. */
function unexplained(history: History, part: History, casReads: boolean): readonly string[] {
  const found = (of: History, wanted: 'written' | 'read'): string[] =>
    Array.from({ length: of.length }, (_, row) => row).flatMap((row) => {
      const { f, outcome, value, expected, key, keys } = of;
      const name = (reference: number): string => `${String(keys[key[row]])} ${reference}`;
      if (wanted === 'written') return f[row] === READ ? [] : [name(value[row])];
      if (outcome[row] !== OK || (f[row] !== READ && (f[row] !== CAS || !casReads))) return [];
      return [name(f[row] === READ ? value[row] : expected[row])];
    });
  const all = new Set(found(history, 'written'));
  const kept = new Set(found(part, 'written'));
  return found(part, 'read').filter((one) => all.has(one) && !kept.has(one) && !one.endsWith(' 1'));
}

test.each(guarantees)('$name: what an anomaly shows is invalid in the same way by itself', (checker) => {
  const shown = { anomalies: 0, operations: 0 };
  eachRound(
    `evidence of ${checker.name}`,
    (random, label) => {
      const history = smallHistory(random);
      const semantics = {
        ...defaultSemantics,
        thread: random.chance(0.3) ? ('device' as const) : ('session' as const),
      };
      const verdict = checker.check(history, unlimited, semantics);
      if (verdict.type !== 'invalid') return;
      for (const anomaly of verdict.anomalies) {
        const part = alone(history, anomaly.operations);
        const again = checker.check(part, unlimited, semantics);
        const kinds = again.type === 'invalid' ? again.anomalies.map(({ kind }) => kind) : [];
        const missing = unexplained(history, part, checker !== consistentPrefix);
        if (!kinds.includes(anomaly.kind) || missing.length > 0) {
          expect.fail(`${label}: ${JSON.stringify({ anomaly, again, missing }, null, 1)}`);
        }
        shown.anomalies++;
        shown.operations += anomaly.operations.length;
      }
    },
    Math.ceil(rounds / 5),
  );
  expect(shown.anomalies, drawn).toBeGreaterThan(10);
  // Five or six in the mean, of histories of up to eighteen.
  expect(shown.operations / shown.anomalies, drawn).toBeLessThan(7);
});

test('the read that proves which of two overlapping writes is the older one is shown', () => {
  const verdict = judge(readYourWrites, ['p1 w x 3', 'p0: r x 3', 'p0 w x 4', 'p1 ok', 'p0 ok', 'p0: r x 3']);
  expect(sentences(verdict)).toEqual([
    'Process 0 wrote 4 to x (ok at 5 ms) and then read 3, which had been read before the write of 4 was invoked, at 7 ms; no read ever returned 4. That rests on [1] as well.',
  ]);
  expect(evidence(verdict)).toEqual([0, 1, 3, 6]);
});
