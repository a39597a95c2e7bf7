import { describe, expect, test } from 'vitest';
import { Random } from '../../history/random.ts';
import { defaultSemantics, unlimited } from '../checker.ts';
import { historyFromEvents } from '../../history/builder.ts';
import { isLinearizableByBruteForce, randomEvents } from '../linearizable/testing.ts';
import { layOut } from '../search/problem.ts';
import { search } from '../search/search.ts';
import { registerMachine } from '../linearizable/register.ts';
import linearizable from './linearizable.ts';

const zero = { ...defaultSemantics, initial: 0 };
const seed = process.env['TIDEMARK_SEED'] ?? '1';
const rounds = process.env['TIDEMARK_DEEP'] === undefined ? 500 : 20_000;

describe('against every order', () => {
  for (const values of [0, 3])
    for (const cas of [0, 40])
      test(`values ${values} cas ${cas}`, () => {
        const seen = [0, 0];
        for (let i = 0; i < rounds; i++) {
          const random = new Random(seed).fork(`${values} ${cas} ${i}`);
          const shape = {
            keys: 1 + random.below(2),
            processes: 2 + random.below(3),
            operations: 4 + random.below(8),
            casPercent: cas,
            actualPercent: random.pick([0, 50, 100]),
            values,
            infoPercent: random.pick([0, 20]),
            lies: random.pick([0, 0, 15]),
          };
          const events = randomEvents(random, shape);
          const truth = isLinearizableByBruteForce(events);
          seen[truth ? 0 : 1]++;
          const history = historyFromEvents(events);
          const machine = registerMachine(history, zero);
          const impossible = history.keys.some((_, k) => {
            const rows = Array.from({ length: history.length }, (_, r) => r).filter(
              (r) => history.key[r] === k && machine.relevant(r),
            );
            return search(layOut(history, machine, rows), machine, { budget: unlimited }).type !== 'found';
          });
          const note = `seed ${seed} round ${i} ${events.map((e) => JSON.stringify(e)).join('\n')}`;
          expect(!impossible, `search: ${note}`).toBe(truth);
          const verdict = linearizable.check(history, unlimited, zero);
          if (verdict.type !== 'unknown' || !truth) expect(verdict.type, note).toBe(truth ? 'valid' : 'invalid');
        }
      });
});
