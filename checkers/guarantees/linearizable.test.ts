import { describe, expect, test } from 'vitest';
import { historyFromEvents } from '../../history/builder.ts';
import type { Event } from '../../history/operation.ts';
import { Random } from '../../history/random.ts';
import { eventsOf, h } from '../../history/testing.ts';
import { drawn, rounds, seed } from '../../test-support/rounds.ts';
import type { Semantics, Verdict } from '../checker.ts';
import { defaultSemantics, unlimited } from '../checker.ts';
import { couldStand, isLinearizableByBruteForce, randomEvents } from '../linearizable/testing.ts';
import type { Shape } from '../linearizable/testing.ts';
import { models } from '../linearizable/models.ts';
import linearizable from './linearizable.ts';
import monotonicReads from './monotonic-reads.ts';
import sequential from './sequential.ts';

const zero: Semantics = { ...defaultSemantics, initial: 0 };

const judge = (lines: readonly string[], semantics = zero): Verdict =>
  linearizable.check(h(...lines), unlimited, semantics);

function shape(random: Random, values: number, casPercent: number): Shape {
  return {
    keys: 1 + random.below(2),
    processes: 2 + random.below(4),
    operations: 4 + random.below(7),
    casPercent,
    actualPercent: random.pick([0, 50, 100]),
    values,
    infoPercent: random.pick([0, 20]),
    lies: random.pick([0, 10, 30]),
  };
}

const printed = (round: number, events: readonly Event[]): string =>
  `TIDEMARK_SEED=${seed}, round ${round}:\n${events.map((event) => JSON.stringify(event)).join('\n')}`;

describe('every order of small random histories', () => {
  test.each([
    { values: 0, casPercent: 0 },
    { values: 0, casPercent: 40 },
    { values: 0, casPercent: 75 },
    { values: 3, casPercent: 0 },
    { values: 3, casPercent: 40 },
  ])('%o', { timeout: 3_600_000 }, ({ values, casPercent }) => {
    const count = { valid: 0, invalid: 0, unknown: 0 };
    for (let round = 0; round < rounds; round++) {
      const random = new Random(seed).fork(`${values}/${casPercent}/${round}`);
      const events = randomEvents(random, shape(random, values, casPercent));
      const verdict = linearizable.check(historyFromEvents(events), unlimited, zero);
      count[verdict.type]++;
      if (verdict.type === 'unknown') continue;
      expect(verdict.type, printed(round, events)).toBe(isLinearizableByBruteForce(events) ? 'valid' : 'invalid');
      if (verdict.type !== 'invalid') continue;
      for (const { sentence, operations } of verdict.anomalies) {
        const indices = new Set(operations.map(({ index }) => index));
        expect(couldStand(events, operations[0].key, indices), `${sentence}\n${printed(round, events)}`).toBe(false);
      }
    }
    expect(count.valid, drawn).toBeGreaterThan(rounds / 4);
    expect(count.invalid, drawn).toBeGreaterThan(rounds / 20);
    expect(count.unknown, drawn).toBeLessThan(rounds / 100);
  });
});

test('an impossible read makes any history invalid', () => {
  for (let round = 0; round < 100; round++) {
    const random = new Random(seed).fork(`impossible/${round}`);
    const events = randomEvents(random, { ...shape(random, round % 2 === 0 ? 0 : 3, 30), lies: 0 });
    const at = random.below(events.length + 1);
    const read = { process: 99, f: 'read', key: 'k0' } as const;
    const lie: Event[] = [
      { ...read, type: 'invoke', time: 0, value: null },
      { ...read, type: 'ok', time: 0, value: 'nobody wrote this' },
    ];
    const all = [...events.slice(0, at), ...lie, ...events.slice(at)].map((event, i) => ({ ...event, time: i }));
    const verdict = linearizable.check(historyFromEvents(all), unlimited, zero);
    expect(verdict.type, printed(round, all)).toBe('invalid');
  }
});

describe('sentences', () => {
  const said = (...lines: string[]): readonly string[] => {
    const verdict = judge(lines);
    if (verdict.type !== 'invalid') return [verdict.type];
    return verdict.anomalies.map(({ kind, sentence, operations }) => `${kind} (${operations.length}): ${sentence}`);
  };

  test('stale read', () => {
    expect(said('p0: w x 1', 'p0: w x 2', 'p1: r x 1 node=n3')).toEqual([
      "stale read (3): Process 1's read of 1 from x at n3 was asked for at 4 ms, after process 0's write of 2 to x was over, " +
        "at 3 ms; yet 1 is the older value, for process 0's write of 2 to x was asked for after process 0's write of 1 to x was " +
        'over, at 1 ms.',
    ]);
  });

  test('of one instant say which came first, and not the same time twice', () => {
    const at = (time: number, ...lines: readonly string[]): readonly string[] => {
      const events = eventsOf(...lines).map((event) => ({ ...event, time }));
      const verdict = linearizable.check(historyFromEvents(events), unlimited, zero);
      return verdict.type === 'invalid' ? verdict.anomalies.map(({ sentence }) => sentence) : [verdict.type];
    };
    expect(at(489_473_012, 'p0: w x 1', 'p1: r x 0')).toEqual([
      "Process 1's read of 0 from x was asked for at 489.473 ms, after process 0's write of 1 to x was over, earlier in the " +
        'same instant; yet 0 is the initial value.',
    ]);
    expect(at(489_473_012, 'p1: r x 1', 'p0: w x 1')).toEqual([
      "Process 1's read of 1 from x was answered at 489.473 ms, before process 0's write of 1 to x was asked for, later in the " +
        'same instant.',
    ]);
  });

  test('stale read of the initial value', () => {
    expect(said('p0: w x 1', 'p1: r x 0')).toEqual([
      "stale read (2): Process 1's read of 0 from x was asked for at 2 ms, after process 0's write of 1 to x was over, at " +
        '1 ms; yet 0 is the initial value.',
    ]);
  });

  test('read of what nobody wrote, or was refused', () => {
    expect(said('p0: w x 1', 'p1: r x 7')).toEqual([
      "read of a value never written (1): Process 1's read of 7 from x found 7, which nothing ever wrote to x.",
    ]);
    expect(said('p0 w x 7', 'p0 fail', 'p1: r x 7')).toEqual([
      "read of a refused write (2): Process 1's read of 7 from x found 7, which never took effect on x: process 0's write " +
        'of 7 to x was refused.',
    ]);
    // The same where values repeat.
    expect(said('p0: w x 1', 'p0: w x 1', 'p1: r x 7')).toEqual([
      "read of a value never written (1): Process 1's read of 7 from x found 7, which nothing ever wrote to x.",
    ]);
  });

  test('read before write', () => {
    expect(said('p1: r x 1', 'p0: w x 1')).toEqual([
      "read before write (2): Process 1's read of 1 from x was answered at 1 ms, before process 0's write of 1 to x was " +
        'asked for, at 2 ms.',
    ]);
  });

  test('one value replaced twice, one cas shown by a read', () => {
    expect(said('p0: w x 1', 'p1 cas x 1 2', 'p2: cas x 1 3', 'p1 info', 'p3: r x 2')).toEqual([
      "value swapped twice (4): Process 1's cas of x from 1 to 2 (outcome unknown) and process 2's cas of x from 1 to 3 both " +
        "replaced 1, which x held only once, as process 3's read of 2 from x shows.",
    ]);
  });

  test('cas in a circle', () => {
    expect(said('p0 cas x 1 2', 'p1 cas x 2 1', 'p0 ok', 'p1 ok')).toEqual([
      "cas in a circle (2): Process 0's cas of x from 1 to 2, process 1's cas of x from 2 to 1: each found the value of " +
        'another of them, so none could be the first.',
    ]);
  });

  test('cas refused although its value was there all along', () => {
    expect(said('p0: w x 1', 'p1 cas x 1 2', 'p1 fail error=mismatch', 'p2: r x 1')).toEqual([
      "cas refused without cause (3): Process 1's failed cas of x from 1 to 2 was refused for a mismatch, although x held that " +
        "value all along, from before its call (process 0's write of 1 to x, over at 1 ms) until after its answer (process 2's " +
        'read of 1 from x, asked for at 4 ms).',
    ]);
    expect(said('p0: w x 1', 'p1 cas x 1 2', 'p1 fail error=mismatch actual=1')).toEqual([
      "cas refused without cause (1): Process 1's failed cas of x from 1 to 2 (it found 1) was refused, although that is the very value it expected.",
    ]);
  });

  test('without times, none are told', () => {
    const events = eventsOf('p0: w x 1', 'p0: w x 2', 'p1: r x 1').map(
      (event) => ({ ...event, time: undefined }) as unknown as Event,
    );
    const verdict = linearizable.check(historyFromEvents(events), unlimited, defaultSemantics);
    expect(verdict).toMatchObject({
      anomalies: [
        {
          sentence:
            "Process 1's read of 1 from x was asked for after process 0's write of 2 to x was over; yet 1 is the older value, " +
            "for process 0's write of 2 to x was asked for after process 0's write of 1 to x was over.",
        },
      ],
    });
  });

  test('a cas that did it itself is not told twice', () => {
    expect(said('p0: w x 1', 'p1: cas x 1 2', 'p2: r x 1')).toEqual([
      "stale read (2): Process 2's read of 1 from x was asked for at 4 ms, although process 1's cas of x from 1 to 2 had shown at " +
        '3 ms that 1 was over.',
    ]);
  });

  test('what only the search can tell', () => {
    expect(said('p0: w x 1', 'p0: w x 2', 'p0: w x 1', 'p0: w x 3', 'p1: r x 1')).toEqual([
      "no possible order (3): Process 1's read of 1 from x has no place between 8 ms and 9 ms beside process 0's write of 1 to " +
        "x, process 0's write of 3 to x: whatever else was pending happened or not, x cannot hold 1 by then. " +
        "It would have one right after process 0's write of 1 to x. " +
        'Other writes of what was found do not help: each happened between its own call and its answer, or not at all.',
    ]);
  });
});

describe('semantics', () => {
  test('a read of null is the initial value, or matches anything', () => {
    const lines = ['p0: w x 1', 'p1: r x null'];
    expect(judge(lines, defaultSemantics).type).toBe('invalid');
    expect(judge(lines, zero).type).toBe('invalid');
    expect(judge(['p1: r x null', 'p0: w x 1'], zero).type).toBe('valid');
    expect(judge(lines, { ...zero, nilRead: 'any' }).type).toBe('valid');
  });

  test('null that was written, or expected by a cas, is no initial value', () => {
    for (const nilRead of ['initial', 'any'] as const) {
      const as = { ...zero, nilRead };
      expect(judge(['p0 cas x null 2', 'p0 fail error=mismatch actual=0'], as).type).toBe('valid');
      expect(judge(['p0: cas x null 1'], as).type).toBe('invalid');
      expect(judge(['p0: w x null', 'p0: cas x null 1', 'p0: r x 1'], as).type).toBe('valid');
      expect(judge(['p0: w x null', 'p0: r x 0'], as).type).toBe('invalid');
    }
  });

  test('a failed cas constrains, or is ignored', () => {
    const lines = ['p0: w x 1', 'p1 cas x 1 2', 'p1 fail error=mismatch', 'p2: r x 1'];
    expect(judge(lines).type).toBe('invalid');
    expect(judge(lines, { ...zero, failedCas: 'ignore' }).type).toBe('valid');
    expect(judge(['p0: w x 1', 'p1 cas x 1 2', 'p1 fail', 'p2: r x 1']).type).toBe('valid');
  });

  test('an indeterminate write happened iff it was read', () => {
    const unknown = ['p0: w x 1', 'p1 w x 2', 'p1 info', 'p2: r x 1'];
    expect(judge(unknown).type).toBe('valid');
    expect(judge([...unknown, 'p2: r x 2']).type).toBe('valid');
    expect(judge([...unknown, 'p2: r x 2', 'p2: r x 1']).type).toBe('invalid');
  });

  test('a write that nobody read must account for one denial, and so cannot serve another', () => {
    const once = ['p4 cas x 0 2', 'p3 w x 3', 'p3 info', 'p4 fail error=mismatch'];
    expect(judge(once).type).toBe('valid');
    expect(judge([...once, 'p5 cas x 3 5', 'p5 fail error=mismatch']).type).toBe('invalid');
  });

  test('each row of a readMany is judged by itself where its keys do not change meanwhile', () => {
    expect(judge(['p0: w x 1', 'p0: w y 1', 'p1: r* x,y 1,1']).type).toBe('valid');
    expect(judge(['p0: w x 1', 'p0: w y 1', 'p1: r* x,y 1,0']).type).toBe('invalid');
  });

  test('strings', () => {
    const semantics = { ...defaultSemantics, model: 'string' };
    expect(
      judge(['p0: put x "a"', 'p0 append x "b"', 'p1: get x "a"', 'p0 ok', 'p1: get x "ab"'], semantics).type,
    ).toBe('valid');
    const verdict = judge(['p0: put x "a"', 'p0: append x "b"', 'p1: get x "a"'], semantics);
    expect(verdict.type === 'invalid' && verdict.anomalies[0].operations.map(({ f }) => f)).toEqual([
      'write',
      'append',
      'read',
    ]);
  });
});

describe('unknown', () => {
  const reasonOf = (verdict: Verdict): string => (verdict.type === 'unknown' ? verdict.reason : verdict.type);

  test('where nothing was answered', () => {
    expect(reasonOf(judge([]))).toBe('nothing to examine: no operation on a register was answered');
    expect(reasonOf(judge(['p0 w x 1', 'p0 info', 'p1 r x', 'p1 info', 'p2 w x 2', 'p2 fail']))).toMatch(
      /^nothing to examine/,
    );
  });

  test('where the model has no meaning for it, unless another key is broken', () => {
    expect(reasonOf(judge(['p0: append x 1', 'p0: w y 1']))).toBe(
      "key x was asked for append, which the model 'cas-register' does not know",
    );
    expect(reasonOf(judge(['p0: cas x 0 1'], { ...zero, model: 'register' }))).toMatch(/asked for cas/);
    expect(judge(['p0: append x 1', 'p0: w y 1', 'p1: r y 7']).type).toBe('invalid');
    expect(reasonOf(judge(['p0: w x 1'], { ...zero, model: 'stack' }))).toBe(
      `there is no model 'stack'; valid: ${models.map(({ name }) => name).join(', ')}`,
    );
  });

  test('where a transaction touched the key', () => {
    const txn = { process: 0, f: 'txn', value: [['w', 'x', 1]] } as const;
    const events: Event[] = [
      { ...txn, type: 'invoke', time: 0 },
      { ...txn, type: 'ok', time: 1 },
      ...eventsOf('p1: r y 0').map((event) => ({ ...event, time: event.time + 2 })),
    ];
    expect(reasonOf(linearizable.check(historyFromEvents(events), unlimited, zero))).toMatch(
      /key x takes part in transactions/,
    );
    const appending = events.map((event) => (event.f === 'txn' ? { ...event, value: [['append', 'x', 1]] } : event));
    const multi = { ...zero, model: 'multi-register' };
    expect(reasonOf(linearizable.check(historyFromEvents(appending), unlimited, multi))).toBe(
      "key x was asked for append in a transaction; the model 'multi-register' knows transactions, but not append",
    );
  });

  test('where the budget is spent', () => {
    const spent = { spent: () => '10 s spent' };
    const history = h('p0: w x 1', 'p0: w x 1', 'p1: r x 1');
    expect(reasonOf(linearizable.check(history, spent, zero))).toBe('key x: 10 s spent before it was looked at');
    // What is decided in linear time needs no budget.
    expect(linearizable.check(h('p0: w x 1', 'p1: r x 1'), spent, zero).type).toBe('valid');
  });
});

test('evidence is counted', () => {
  const verdict = judge([
    'p0 w x 1',
    'p1: r x 0',
    'p0 ok',
    'p1: r y 0',
    'p0: cas x 1 2',
    'p0 cas x 1 3',
    'p0 fail error=mismatch',
  ]);
  expect(verdict).toEqual({
    type: 'valid',
    examined: {
      operations: 5,
      rows: 5,
      keys: 2,
      reads: 2,
      writes: 1,
      cas: 1,
      failedCas: 1,
      concurrent: 2,
      indeterminate: 0,
    },
  });
});

test('a read that is staler by three writes is one anomaly, and two such reads are two', () => {
  const writes = ['p0: w x 1', 'p0: w x 2', 'p0: w x 3', 'p0: w x 4'];
  const countOf = (...reads: string[]): number => {
    const verdict = judge([...writes, ...reads]);
    return verdict.type === 'invalid' ? verdict.count : 0;
  };
  expect([countOf('p1: r x 1'), countOf('p1: r x 1', 'p1: r x 2'), countOf('p1: r x 4')]).toEqual([1, 2, 0]);
});

test('anomalies of several keys are counted, each with its operations', () => {
  const verdict = judge(['p0: w x 1', 'p0: w y 1', 'p1: r x 0', 'p1: r y 0', 'p1: r z 0']);
  expect(
    verdict.type === 'invalid' && [verdict.count, verdict.anomalies.map(({ operations }) => operations[0].key)],
  ).toEqual([2, ['x', 'y']]);
});

test('versions are claims that it does not look at: sequential and monotonic-reads tell what they prove', () => {
  const stale = ['p0: w x 1 version=g/1/1', 'p0: w x 2 version=g/1/2', 'p0: w x 1 version=g/1/3'];
  const reads = ['p1: r x 1 version=g/1/3', 'p1: r x 1 version=g/1/1'];
  const twice = ['p0: w x 1 version=g/1/1', 'p0: w x 2 version=g/1/1', 'p1: r x 2 version=g/1/1'];
  for (const lines of [[...stale, ...reads], twice]) {
    expect(judge(lines).type).toBe('valid');
    for (const other of [sequential, monotonicReads]) {
      expect(other.check(h(...lines), unlimited, zero).type).toBe('invalid');
    }
  }
});
