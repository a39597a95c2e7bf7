/** One torn read among thousands of operations on connected keys: what is shown holds it, and has no order by itself. */
import { describe, expect, test } from 'vitest';
import { historyFromEvents } from '../../history/builder.ts';
import type { Event, Value } from '../../history/operation.ts';
import type { Random } from '../../history/random.ts';
import { eachRound, rounds } from '../../test-support/rounds.ts';
import { defaultSemantics, unlimited } from '../checker.ts';
import linearizable from '../guarantees/linearizable.ts';
import { canAllStand, drive, stepsOf } from '../linearizable/objects-testing.ts';
import type { Definition, Step } from '../linearizable/objects-testing.ts';

const KEYS = ['a', 'b', 'c'];
type Held = { readonly [key: string]: Value };
const list = (value: Value | undefined): readonly Value[] => value as readonly Value[];

/** Registers a, b, c: each value is written once, and all of them are read at once. */
const registers: Definition = {
  initial: { a: null, b: null, c: null },
  ask: (random, fresh) =>
    random.chance(0.3) ? { f: 'readMany', value: KEYS } : { f: 'write', value: [random.pick(KEYS), fresh()] },
  answer: (state, { f, value }) => (f === 'write' ? value : KEYS.map((key) => (state as Held)[key])),
  after(state, { f, value }, answer) {
    if (f === 'write') return [{ ...(state as Held), [list(value)[0] as string]: list(value)[1] }];
    const isRight = answer === undefined || list(answer).every((one, i) => one === (state as Held)[KEYS[i]]);
    return isRight ? [state] : [];
  },
  lie: (_, answer) => answer,
};

const write = (key: string, value: Value): Value => [key, value];

/**
 * A read in the second half of them that is told of a value of one key after another write of that key returned, which was before the
 * write of another value that it found was asked for. Answers where it was asked for, and the events.
 */
function tear(events: readonly Event[]): { readonly index: number; readonly events: Event[] } {
  const steps = stepsOf(events);
  const writes = steps.filter(({ asked, ret }) => asked.f === 'write' && ret < events.length);
  for (const read of steps) {
    if (read.asked.f !== 'readMany' || read.answer === undefined || read.call < events.length / 2) continue;
    const near = writes.filter(({ call, ret }) => ret > read.call - 200 && call < read.ret);
    const isFound = ({ asked }: Step): boolean =>
      list(read.answer)[KEYS.indexOf(list(asked.value)[0] as string)] === list(asked.value)[1];
    for (const late of near.filter((one) => one.call > read.call && isFound(one))) {
      for (const over of near.filter(({ call, ret }) => call > read.call && ret < late.call)) {
        const [key, value] = list(over.asked.value);
        const sameKey = near.filter(({ asked }) => list(asked.value)[0] === key);
        const old = sameKey.findLast(({ ret }) => ret < over.call && ret < read.call);
        if (key === list(late.asked.value)[0] || old === undefined || list(old.asked.value)[1] === value) continue;
        const found = KEYS.map((one, i) => (one === key ? list(old.asked.value)[1] : list(read.answer)[i]));
        return {
          index: read.call,
          events: events.map((event, at) => (at === read.ret ? { ...event, value: found } : event)),
        };
      }
    }
  }
  throw new Error('no read can be torn');
}

/** As a history of registers has them, or one of transactions. */
function recorded(events: readonly Event[], isTransactions: boolean): Event[] {
  return events.map((event): Event => {
    const { f, type, value } = event;
    const { key: _, ...rest } = event as Event & { readonly key?: unknown };
    if (f === 'write') {
      const [key, written] = list(value);
      return (
        isTransactions ? { ...rest, f: 'txn', value: [['w', key, written]] } : { ...rest, key, value: written }
      ) as Event;
    }
    const found = type === 'ok' ? list(value) : KEYS.map(() => null);
    if (isTransactions) return { ...rest, f: 'txn', value: KEYS.map((key, i) => ['r', key, found[i]]) };
    return { ...rest, value: type === 'info' ? null : value };
  });
}

describe.each([
  ['reads of many keys', false],
  ['transactions', true],
] as const)('%s', (name, isTransactions) => {
  test('a torn read is blamed, and nothing that came later', { timeout: 3_600_000 }, () => {
    const attempt = (random: Random, label: string): void => {
      const how = { processes: random.pick([6, 10]), operations: random.between(1500, 5000), lies: 0, swaps: 0 };
      const valid = drive(random, registers, { ...how, infoPercent: random.pick([0, 1]) });
      const torn = tear(valid);
      const model = isTransactions ? 'multi-register' : 'cas-register';
      const history = historyFromEvents(recorded(torn.events, isTransactions));
      const verdict = linearizable.check(history, unlimited, { ...defaultSemantics, model });
      if (verdict.type !== 'invalid') throw new Error(`${label}: ${verdict.type}`);
      const [{ kind, operations, sentence }] = verdict.anomalies;
      const shown = new Set(operations.map(({ index }) => index));
      const steps = stepsOf(torn.events).filter(({ index }) => shown.has(index));
      const said = `${label}\n${sentence}`;
      expect([...shown], said).toContain(torn.index);
      expect(canAllStand(steps, registers), said).toBe(false);
      // Of one key alone, what the read found in the others is nobody's concern.
      if (operations.some(({ f }) => f === 'read')) return;
      // Whoever wrote what was found is shown: otherwise it would be no wonder that it stands nowhere.
      const written = steps.filter(({ asked }) => asked.f === 'write').map(({ asked }) => JSON.stringify(asked.value));
      for (const { asked, answer } of steps) {
        if (asked.f !== 'readMany' || answer === undefined || kind !== 'no possible order') continue;
        list(answer).forEach((value, i) => {
          if (value !== null) expect(written, said).toContain(JSON.stringify(write(KEYS[i], value)));
        });
      }
      if (kind !== 'no possible order') return;
      const process = Number(/^Process (\d+)'s/.exec(sentence)?.[1]);
      const blamed = steps.filter(({ index }) => torn.events[index].process === process);
      const isToBlame = (step: Step): boolean =>
        canAllStand(
          steps.filter((other) => other !== step),
          registers,
        );
      expect(
        blamed.some((step) => step.answer !== undefined && isToBlame(step)),
        said,
      ).toBe(true);
      expect(sentence, said).toMatch(/ has no place /);
    };
    eachRound(`torn ${name}`, attempt, rounds > 1000 ? 60 : 2);
  });
});
