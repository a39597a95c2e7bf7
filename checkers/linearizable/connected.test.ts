/** Reads of many keys among reads, writes and cas, held against all orders of all keys at once. */
import { describe, expect, test } from 'vitest';
import { historyFromEvents } from '../../history/builder.ts';
import type { Event, Value } from '../../history/operation.ts';
import type { Random } from '../../history/random.ts';
import { eventsOf, h } from '../../history/testing.ts';
import { drawn, eachRound, rounds } from '../../test-support/rounds.ts';
import type { Verdict } from '../checker.ts';
import { check, follow, withinSteps } from '../index.ts';
import { type Definition, drive, hasOrder } from './objects-testing.ts';

const KEYS = ['a', 'b', 'c'];
type Held = { readonly [key: string]: Value };

/** Up to three, in any order; some of them name a key twice, side by side or not. */
function keysToRead(random: Random, known: readonly string[]): readonly string[] {
  const keys = random.shuffle(known).slice(0, random.between(1, 3));
  return random.chance(0.25) ? random.shuffle([...keys, random.pick(keys)]) : keys;
}

/** Registers a, b, c; what is asked of one is `[key, value]`, and a cas that failed answers `{ found }`, or `{}` if it does not say. */
function registers(values: number, casPercent: number, says: number, known: readonly string[]): Definition {
  const held = (state: Value): Held => state as Held;
  const list = (value: Value): readonly Value[] => value as readonly Value[];
  return {
    initial: { a: null, b: null, c: null },
    ask(random, fresh) {
      const value = (): number => (values === 0 ? fresh() : random.between(1, values));
      const key = random.pick(known);
      if (random.chance(0.3)) return { f: 'readMany', value: keysToRead(random, known) };
      if (random.chance(0.25)) return { f: 'read', value: [key, null] };
      if (random.below(100) >= casPercent) return { f: 'write', value: [key, value()] };
      return { f: 'cas', value: [key, [random.pick<Value>([null, 1, 2, 3]), value()], random.below(100) < says] };
    },
    answer(state, { f, value }) {
      if (f === 'readMany') return list(value).map((key) => held(state)[key as string]);
      const [key, asked] = list(value) as [string, Value];
      if (f === 'read') return [key, held(state)[key]];
      if (f === 'write' || held(state)[key] === list(asked)[0]) return value;
      return list(value)[2] === true ? { found: held(state)[key] } : {};
    },
    after(state, { f, value }, answer) {
      const now = held(state);
      if (f === 'readMany') {
        const told = answer === undefined ? undefined : list(answer);
        return told?.some((one, i) => one !== now[list(value)[i] as string]) === true ? [] : [state];
      }
      const [key, asked] = list(value) as [string, Value];
      if (f === 'read') return answer === undefined || list(answer)[1] === now[key] ? [state] : [];
      if (f === 'write') return [{ ...now, [key]: asked }];
      const [expected, next] = list(asked);
      if (answer === undefined || Array.isArray(answer)) return now[key] === expected ? [{ ...now, [key]: next }] : [];
      const { found } = answer as { readonly found?: Value };
      return now[key] === expected || (found !== undefined && found !== now[key]) ? [] : [state];
    },
    lie(random, answer) {
      const other = (): Value => random.pick<Value>([null, 1, 2, 3, 4]);
      if (!Array.isArray(answer)) return answer;
      const [first, second] = answer as readonly Value[];
      if (KEYS.includes(first as string))
        return Array.isArray(second) ? answer : [first, second === null ? null : other()];
      return (answer as readonly Value[]).map((one) => (random.chance(0.5) ? one : other()));
    },
  };
}

/** As a history has them. */
function recorded(events: readonly Event[]): Event[] {
  return events.map((event): Event => {
    const { f, type, process, time } = event;
    if (f === 'readMany') return { type, process, time, f, value: type === 'info' ? null : event.value } as Event;
    const asked = events.findLast((one) => one.type === 'invoke' && one.process === process && one.time <= time)?.value;
    const [key, value] = asked as readonly Value[];
    const told = event.value;
    const about = { type, process, time, f, key };
    if (f === 'read') return { ...about, value: type === 'ok' ? (told as readonly Value[])[1] : null } as Event;
    if (type !== 'ok' || f !== 'cas' || Array.isArray(told)) return { ...about, value } as Event;
    const { found } = told as { readonly found?: Value };
    return {
      ...about,
      type: 'fail',
      error: 'mismatch',
      value,
      ...(found === undefined ? {} : { actual: found }),
    } as Event;
  });
}

const shapes: readonly (readonly [string, number, number, number, readonly string[]])[] = [
  ['values written once', 0, 0, 100, KEYS],
  ['values written once, and cas', 0, 40, 100, KEYS],
  ['cas that do not say what they found', 0, 40, 30, KEYS],
  ['values that repeat', 3, 30, 50, KEYS],
  ['one key, often read twice at once', 0, 20, 100, ['a']],
  ['one key, values that repeat', 3, 30, 50, ['a']],
];

describe('every order of all keys', () => {
  test.each(shapes)('%s', { timeout: 3_600_000 }, (name, values, cas, says, known) => {
    const seen = { valid: 0, invalid: 0, unknown: 0 };
    const definition = registers(values, cas, says, known);
    eachRound(`connected ${name}`, (random: Random, label) => {
      const lies = random.pick([0, 0, 10, 30]);
      const how = { processes: random.between(2, 4), operations: random.between(4, 9), lies };
      const events = drive(random, definition, { ...how, infoPercent: random.pick([0, 15]), swaps: random.below(6) });
      const { type } = check('linearizable', historyFromEvents(recorded(events)));
      seen[type]++;
      const truth = hasOrder(events, definition) ? 'valid' : 'invalid';
      if (type !== 'unknown' && type !== truth) {
        expect(
          type,
          `${label}\n${recorded(events)
            .map((event) => JSON.stringify(event))
            .join('\n')}`,
        ).toBe(truth);
      }
    });
    expect(Math.min(seen.valid, seen.invalid), drawn).toBeGreaterThan(rounds / 20);
    expect(seen.unknown, drawn).toBeLessThan(rounds / 50);
  });
});

describe('torn reads', () => {
  const judge = (...lines: string[]): Verdict => check('linearizable', h(...lines));

  test('of two keys written one after the other', () => {
    const verdict = judge('p1 r* x,y', 'p0: w x 1', 'p0: w y 1', 'p1 ok null,1');
    expect(verdict.type === 'invalid' && verdict.anomalies[0].sentence).toMatch(
      /^Process 1's readMany \[x null, y 1\] has no place .* beside process 0's write of 1 to x, process 0's write of 1 to y/,
    );
    const operations = verdict.type === 'invalid' ? verdict.anomalies[0].operations : [];
    expect(operations.map(({ f }) => f)).toEqual(['readMany', 'write', 'write']);
    expect(operations[0].value).toEqual([['r', 'x', null], ['r', 'y', 1]]); // biome-ignore format: pairs
    expect(judge('p1 r* x,y', 'p0: w x 1', 'p0: w y 1', 'p1 ok 1,null').type).toBe('valid');
  });

  test('of two readers that saw the writes in different orders', () => {
    const torn = ['p0 w x 1', 'p1 w y 1', 'p2 r* x,y', 'p3 r* x,y', 'p2 ok 1,null', 'p3 ok null,1', 'p0 ok', 'p1 ok'];
    const verdict = judge(...torn);
    expect(verdict.type === 'invalid' && verdict.count).toBe(1);
    const alone = h(...torn, 'p4 w z 1', 'p4 ok', 'p4: r z null');
    const both = check('linearizable', alone);
    expect(both.type === 'invalid' && both.anomalies.map(({ kind }) => kind)).toEqual([
      'stale read',
      'no possible order',
    ]);
    const unknown = check('linearizable', h(...torn), { budget: withinSteps(0) });
    expect(unknown.type).toBe('unknown');
  });

  test('none where an order is at hand: no search is asked for, and no budget', () => {
    const spent = { budget: withinSteps(0) };
    const judgeWithout = (...lines: string[]): Verdict => check('linearizable', h(...lines), spent);
    const asked = ['p0 w x 1', 'p1 w y 1', 'p2 r* x,y', 'p3 r* x,y'];
    const answered = ['p2 ok 1,null', 'p3 ok 1,1', 'p0 ok', 'p1 ok'];
    expect(judgeWithout(...asked, ...answered).type).toBe('valid');
    // A write that nobody found is written over, whenever it returns.
    expect(judgeWithout(...asked, 'p4 w x 2', ...answered, 'p4 ok', 'p5: r x 1').type).toBe('valid');
    expect(judgeWithout('p4 w x 2', ...asked, ...answered, 'p4 ok', 'p5: r x 1').type).toBe('valid');
  });

  test('of one key, named twice', () => {
    const open = (keys: string, answer: string): string => judge(`p0 r* ${keys}`, 'p1: w x 1', `p0 ok ${answer}`).type;
    expect([open('x,x', 'null,1'), open('x,x', '1,null'), open('x,y,x', 'null,null,1')]).toEqual(
      Array(3).fill('invalid'),
    );
    expect([open('x,x', '1,1'), open('x,x', 'null,null'), open('x,y,x', '1,null,1')]).toEqual(Array(3).fill('valid'));
    // Whatever the key held all the time, it is one answer.
    expect(judge('p1: w x 1', 'p0: r* x,x 1,2').type).toBe('invalid');
    const verdict = judge('p0 r* x,x', 'p1: w x 1', 'p0 ok null,1');
    expect(verdict.type === 'invalid' && verdict.anomalies[0].sentence).toMatch(
      /^Process 0's readMany \[x null, x 1\] has no place /,
    );
  });

  test('of one key, while the history is made', () => {
    const followed = follow('linearizable');
    for (const event of eventsOf('p0 r* x,x', 'p1: w x 1', 'p0 ok null,1')) followed.add(event);
    expect(followed.end().type).toBe('invalid');
  });

  test('of one key, in a transaction', () => {
    const txn = (type: string, time: number, found: readonly Value[]): Event =>
      ({ type, time, process: 0, f: 'txn', value: found.map((value) => ['r', 'x', value]) }) as unknown as Event;
    const [asked, answered] = eventsOf('p1: w x 1');
    const judgeTransaction = (found: readonly Value[]): string =>
      check('linearizable', [txn('invoke', 0, [null, null]), asked, answered, txn('ok', 1e9, found)], {
        model: 'multi-register',
      }).type;
    expect(
      [
        [null, 1],
        [1, null],
        [1, 1],
        [null, null],
      ].map(judgeTransaction),
    ).toEqual(['invalid', 'invalid', 'valid', 'valid']);
  });

  test('by the model register as well', () => {
    const verdict = check('linearizable', h('p1 r* x,y', 'p0: w x 1', 'p0: w y 1', 'p1 ok null,1'), {
      model: 'register',
    });
    expect(verdict.type).toBe('invalid');
  });
});
