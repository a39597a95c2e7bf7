/** Followers of stores that lie about versions and positions: what they find stays, and what they say in the end is what check says. */
import { expect, test } from 'vitest';
import { historyFromEvents } from '../../history/builder.ts';
import { eachRound, rounds } from '../../test-support/rounds.ts';
import { type Checker, defaultSemantics, unlimited } from '../checker.ts';
import fenced from '../guarantees/fenced.ts';
import linearizable from '../guarantees/linearizable.ts';
import monotonicReads from '../guarantees/monotonic-reads.ts';
import readYourWrites from '../guarantees/read-your-writes.ts';
import { corrupt, storeEvents } from '../sessions/lies-testing.ts';
import { follow, prefix } from './testing.ts';

const checkers: readonly Checker[] = [readYourWrites, monotonicReads, fenced, linearizable];

test.each(checkers)('$name: claims that contradict one another', (checker) => {
  const seen = { early: 0, invalid: 0, late: 0 };
  eachRound(
    `followed lies ${checker.name}`,
    (random, label) => {
      const honest = storeEvents(random, random.pick([0, 0, 0.3]), random.chance(0.2));
      const events = corrupt(honest, random, random.pick([0, 0.03, 0.1, 0.3]));
      const { brokenAt, end, anomaly } = follow(checker, events);
      expect(end, label).toEqual(checker.check(historyFromEvents(events), unlimited, defaultSemantics));
      if (end.type === 'invalid') seen.invalid++;
      if (brokenAt === undefined) {
        if (end.type === 'invalid') seen.late++;
        return;
      }
      seen.early++;
      const { type } = checker.check(historyFromEvents(prefix(events, brokenAt)), unlimited, defaultSemantics);
      expect([type, end.type], `${label}: ${anomaly?.sentence}`).toEqual(['invalid', 'invalid']);
    },
    Math.ceil(rounds / 5),
  );
  // Most of what contradicts a fencing term shows in the end only.
  expect(Math.min(seen.early * 10, seen.invalid), JSON.stringify(seen)).toBeGreaterThan(9);
});
