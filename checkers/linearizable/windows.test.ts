import { expect, test } from 'vitest';
import { historyFromEvents } from '../../history/builder.ts';
import type { Event, Value } from '../../history/operation.ts';
import type { Random } from '../../history/random.ts';
import { drawn, eachRound, rounds } from '../../test-support/rounds.ts';
import { defaultSemantics, unlimited } from '../checker.ts';
import linearizable from '../guarantees/linearizable.ts';
import { layOut } from '../search/problem.ts';
import { search } from '../search/search.ts';
import { registerMachine } from './register.ts';
import { randomEvents } from './testing.ts';

const zero = { ...defaultSemantics, initial: 0 };

/** Each third failed cas expects, instead, what was written a little before: denials are all that may be wrong then. */
function withOtherDenials(events: readonly Event[], random: Random): Event[] {
  const recent: Value[] = [0];
  const open = new Map<number, Value>();
  const failed = new Set(events.flatMap((event, i) => (event.type === 'fail' ? [i] : [])));
  const ends = (at: number, process: unknown): number =>
    events.findIndex((event, i) => i > at && event.process === process && event.type !== 'invoke');
  return events.map((event, i) => {
    if (typeof event.process !== 'number') return event;
    if (event.type !== 'invoke') {
      const value = open.get(event.process);
      return failed.has(i) && value !== undefined ? { ...event, value } : event;
    }
    open.delete(event.process);
    if (event.f === 'write') recent.push(event.value);
    if (event.f !== 'cas') return event;
    const [, next] = event.value as [Value, Value];
    if (!failed.has(ends(i, event.process))) recent.push(next);
    else if (random.chance(0.33)) {
      const value = [recent[Math.max(0, recent.length - 1 - random.below(4))], next];
      open.set(event.process, value);
      return { ...event, value };
    }
    return event;
  });
}

test('denials decided in a part of a key are decided as in the whole', { timeout: 3_600_000 }, () => {
  const seen = { valid: 0, invalid: 0 };
  eachRound(
    'windows',
    (random, label) => {
      const clean = randomEvents(random, {
        keys: 1,
        processes: 3 + random.below(6),
        operations: 30 + random.below(90),
        casPercent: random.pick([40, 70, 90]),
        actualPercent: 0,
        values: 0,
        infoPercent: random.pick([0, 0, 5, 20]),
        lies: random.pick([0, 0, 1, 2]),
      });
      const events = random.chance(0.7) ? withOtherDenials(clean, random) : clean;
      const history = historyFromEvents(events);
      const machine = registerMachine(history, zero);
      const rows = Array.from({ length: history.length }, (_, row) => row).filter((row) => machine.relevant(row));
      const whole = search(layOut(history, machine, rows), machine, { budget: unlimited, stepsMax: 100_000 });
      const { type } = linearizable.check(history, unlimited, zero);
      if (whole.type === 'stopped' || type === 'unknown') return;
      expect(type, label).toBe(whole.type === 'found' ? 'valid' : 'invalid');
      seen[type]++;
    },
    rounds / 4,
  );
  expect(Math.min(seen.valid, seen.invalid), drawn).toBeGreaterThan(rounds / 50);
});
