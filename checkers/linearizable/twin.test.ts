/** What the events alone do not exercise: ties in time, mutated histories, and two properties that hold of every history. */
import { describe, expect, test } from 'vitest';
import { historyFromEvents, historyFromOperations } from '../../history/builder.ts';
import type { SpannedOperation } from '../../history/builder.ts';
import type { Completion, Event } from '../../history/operation.ts';
import type { Random } from '../../history/random.ts';
import { drawn, eachRound, rounds } from '../../test-support/rounds.ts';
import { defaultSemantics, unlimited } from '../checker.ts';
import type { Verdict } from '../checker.ts';
import linearizable from '../guarantees/linearizable.ts';
import type { History } from '../../history/history.ts';
import { isLinearizableByBruteForce, nullsRead, randomEvents, withNull } from './testing.ts';

const judge = (history: History): Verdict =>
  linearizable.check(history, unlimited, { ...defaultSemantics, initial: 0 });

function small(random: Random, lies: number): Event[] {
  return randomEvents(random, {
    keys: 1 + random.below(3),
    processes: 2 + random.below(4),
    operations: 4 + random.below(7),
    casPercent: random.pick([0, 40]),
    actualPercent: random.pick([0, 50]),
    values: random.pick([0, 0, 3]),
    infoPercent: random.pick([0, 20]),
    lies,
  });
}

/** The operations of the events at coarser times: some of those that followed one another at once are concurrent now. */
function spanned(events: readonly Event[], coarseness: number): SpannedOperation[] {
  return events.flatMap((invoke, i): SpannedOperation[] => {
    if (invoke.type !== 'invoke') return [];
    const { f, key, process } = invoke as { f: SpannedOperation['f']; key: string; process: number };
    const isEnd = (other: Event, j: number): boolean => j > i && other.process === process && other.type !== 'invoke';
    const at = events.findIndex(isEnd);
    const end = at === -1 || events[at].type === 'info' ? undefined : (events[at] as Completion);
    return [
      {
        f,
        key,
        value: end?.type === 'ok' && f === 'read' ? end.value : invoke.value,
        outcome: end?.type ?? 'info',
        call: Math.floor(i / coarseness),
        ...(end === undefined ? {} : { ret: Math.floor(at / coarseness) }),
        ...(end?.error === undefined ? {} : { error: end.error }),
        ...(end?.actual === undefined ? {} : { actual: end.actual }),
      },
    ];
  });
}

/** The definition: of events at one time, all invocations come first. */
function eventsOf(operations: readonly SpannedOperation[]): Event[] {
  const timed = operations.flatMap(({ call, ret = Number.POSITIVE_INFINITY, outcome, ...fields }, process) => {
    const asked = fields.f === 'read' ? null : fields.value;
    return [
      { at: call, order: 0, event: { process, f: fields.f, key: fields.key, type: 'invoke', value: asked } },
      { at: ret, order: 1, event: { process, ...fields, type: outcome } },
    ];
  });
  timed.sort((a, b) => (a.at === b.at ? a.order - b.order : a.at - b.at));
  return timed.map(({ event }, i) => ({ ...event, time: i * 1000 }) as Event);
}

/** A value, a key, a time exchanged for another one of the history. */
function mutated(list: readonly SpannedOperation[], random: Random): SpannedOperation[] {
  const operations = [...list];
  const times = Math.max(...operations.map(({ ret, call }) => ret ?? call));
  for (let i = 1 + random.below(2); i > 0; i--) {
    const at = random.below(operations.length);
    const one = operations[at];
    const other = random.pick(operations);
    const changes: readonly Partial<SpannedOperation>[] = [
      one.f === 'cas' || other.f === 'cas' ? {} : { value: other.value ?? 0 },
      { key: other.key ?? 'k0' },
      one.ret === undefined ? {} : { ret: one.call + random.below(times - one.call + 1) },
    ];
    operations[at] = { ...one, ...random.pick(changes) };
  }
  return operations;
}

const printed = (label: string, operations: readonly SpannedOperation[]): string =>
  `${label}\n${operations.map((operation) => JSON.stringify(operation)).join('\n')}`;

describe('every order of small random operations with ties', () => {
  test('as they are, and mutated', { timeout: 3_600_000 }, () => {
    const seen = { valid: 0, invalid: 0, unknown: 0 };
    eachRound('ties', (random, label) => {
      const list = spanned(small(random, random.pick([0, 10, 30])), 1 + random.below(4));
      const operations = random.chance(0.5) ? list : mutated(list, random);
      const { type } = judge(historyFromOperations(operations));
      seen[type]++;
      if (type === 'unknown') return;
      const truth = isLinearizableByBruteForce(eventsOf(operations)) ? 'valid' : 'invalid';
      if (type !== truth) expect(type, printed(label, operations)).toBe(truth);
    });
    expect(Math.min(seen.valid, seen.invalid), drawn).toBeGreaterThan(rounds / 10);
    expect(seen.unknown, drawn).toBeLessThan(rounds / 50);
  });
});

describe('null beside an initial value of its own', () => {
  test.each(['initial', 'any'] as const)('read as %s', { timeout: 3_600_000 }, (nilRead) => {
    const seen = { valid: 0, invalid: 0, unknown: 0 };
    eachRound(`null ${nilRead}`, (random, label) => {
      const events = withNull(small(random, random.pick([0, 10, 30])), 1);
      const history = historyFromEvents(events);
      const { type } = linearizable.check(history, unlimited, { ...defaultSemantics, initial: 0, nilRead });
      seen[type]++;
      if (type === 'unknown') return;
      const truth = isLinearizableByBruteForce(nullsRead(events, nilRead)) ? 'valid' : 'invalid';
      if (type !== truth) expect(type, `${label}\n${JSON.stringify(events)}`).toBe(truth);
    });
    expect(Math.min(seen.valid, seen.invalid), drawn).toBeGreaterThan(rounds / 10);
  });
});

describe('properties', () => {
  test('without an operation that nobody depends on, what is valid stays valid', { timeout: 3_600_000 }, () => {
    let removed = 0;
    eachRound('removal', (random, label) => {
      const events = small(random, 0);
      if (judge(historyFromEvents(events)).type !== 'valid') return;
      const process = dispensable(events, random);
      if (process === undefined) return;
      removed++;
      const rest = without(events, process).map((event, i): Event => ({ ...event, time: i * 1000 }));
      const { type } = judge(historyFromEvents(rest));
      if (type === 'invalid') expect(type, `${label}\n${JSON.stringify(events)} less ${process}`).toBe('valid');
    });
    expect(removed, drawn).toBeGreaterThan(rounds / 3);
  });

  test('with an impossible read, everything is invalid', { timeout: 3_600_000 }, () => {
    eachRound('impossible read', (random, label) => {
      const events = small(random, random.pick([0, 20]));
      const at = random.below(events.length + 1);
      const key = `k${random.below(3)}`;
      const read = { process: 99, f: 'read', key } as const;
      const lie = [
        { ...read, type: 'invoke', value: null },
        { ...read, type: 'ok', value: 'nobody wrote this' },
      ] as unknown as Event[];
      const all = [...events.slice(0, at), ...lie, ...events.slice(at)].map(
        (event, i): Event => ({ ...event, time: i }),
      );
      const { type } = judge(historyFromEvents(all));
      if (type !== 'invalid') expect(type, `${label}\n${JSON.stringify(all)}`).toBe('invalid');
    });
  });
});

/**
 * Index of the invocation of a read or failed cas; where no cas failed, also of a write whose value no other operation speaks
 * of: a failed cas may need a write that nobody read.
 */
function dispensable(events: readonly Event[], random: Random): number | undefined {
  const anyFailed = events.some(({ type }) => type === 'fail');
  const found = events.flatMap((event, i) => {
    if (event.type !== 'invoke') return [];
    const end = events.find((other, j) => j > i && other.process === event.process && other.type !== 'invoke');
    if (event.f === 'read' || end?.type === 'fail') return [i];
    const isSpokenOf = events.some(
      (other) => other !== event && other !== end && [other.value].flat().includes(event.value),
    );
    return event.f === 'write' && !anyFailed && !isSpokenOf ? [i] : [];
  });
  return found.length === 0 ? undefined : random.pick(found);
}

function without(events: readonly Event[], invocation: number): Event[] {
  const { process } = events[invocation];
  const end = events.findIndex((event, j) => j > invocation && event.process === process && event.type !== 'invoke');
  return events.filter((_, i) => i !== invocation && i !== end);
}
