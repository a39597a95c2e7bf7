/**
 * Two properties that hold of most guarantees, whatever the history: without an operation that nobody depends on, what is valid does not
 * become invalid; and an impossible read makes everything invalid. (Of linearizable, sequential and the causal family: linearizable/twin.test.ts
 * and causal/properties.test.ts.)
 *
 * They do not hold of `durable`, `convergent`, `fenced` and `one-leader-per-term`: a final read is the judgement itself; a read of nothing
 * is `unexpected` only among the final reads; acknowledgements and sightings have no reads.
 */
import { expect, test } from 'vitest';
import type { Guarantee } from '../history/guarantee.ts';
import type { History } from '../history/history.ts';
import type { Completion, Event, Value } from '../history/operation.ts';
import type { Random } from '../history/random.ts';
import { drawn, eachRound, rounds } from '../test-support/rounds.ts';
import { smallEvents } from '../test-support/session-histories.ts';
import { makeCounter, makeLock, makeLog, makeQueue, makeSet, type Pair } from './collections/makers-testing.ts';
import { list, type Object, run, text } from './collections/testing.ts';
import { check, type CheckOptions, historyFromEvents } from './index.ts';
import { staleEvents } from './staleness/testing.ts';

/** An operation, by the places of its events among all. */
interface Op {
  readonly call: number;
  readonly ret: number | undefined;
  readonly f: string;
  readonly key: string;
  readonly type: string;
  readonly asked: Value;
  readonly answer: Value;
  /** What a cas found that failed. */
  readonly actual: Value;
}

function opsOf(events: readonly Event[]): Op[] {
  return events.flatMap((invoke, call): Op[] => {
    if (invoke.type !== 'invoke') return [];
    const { process, f, key = '', value } = invoke;
    const at = events.findIndex((other, i) => i > call && other.process === process && other.type !== 'invoke');
    const end = at === -1 ? undefined : (events[at] as Completion);
    return [
      {
        call,
        ret: end && at,
        f,
        key: String(key),
        type: end?.type ?? 'info',
        asked: value,
        answer: end?.value ?? null,
        actual: end?.actual ?? null,
      },
    ];
  });
}

const without = (events: readonly Event[], { call, ret }: Op): Event[] =>
  events.filter((_, i) => i !== call && i !== ret);

/** All values that an operation speaks of. */
const spoken = ({ asked, answer, actual }: Op): readonly string[] =>
  [asked, answer, actual].flat(2).map((value) => text(value));

type Drawing = (random: Random) => { readonly events: Event[]; readonly options: CheckOptions };

interface Kind {
  readonly guarantees: readonly Guarantee[];
  readonly draw: Drawing;
  /** Whether nobody depends on an operation that was answered. */
  mayGo(op: Op, all: readonly Op[]): boolean;
  /** What cannot be, as the answer to a process of its own; undefined where the guarantee says nothing about such a history. */
  impossible(all: readonly Op[]): { readonly f: string; readonly key: string; readonly value: Value } | undefined;
}

/** A read; or a write of what no other operation speaks of, not even a failed cas, which may have found it. */
const isReadOrUnseen = (op: Op, all: readonly Op[]): boolean =>
  op.f.startsWith('read') ||
  (op.f === 'write' && all.every((other) => other === op || !spoken(other).includes(text(op.asked))));

const ofRegisters = (guarantees: readonly Guarantee[], draw: Drawing): Kind => ({
  guarantees,
  draw,
  mayGo: isReadOrUnseen,
  impossible: () => ({ f: 'read', key: 'x', value: 'nobody wrote this' }),
});

const SESSIONS = [
  'read-your-writes',
  'monotonic-reads',
  'monotonic-writes',
  'writes-follow-reads',
  'consistent-prefix',
] as const;

/** Seldom is there a write that follows a read, seen in a state, with nothing wrong: now and then one of many is taken. */
const sessions = ofRegisters(SESSIONS, (random) => {
  const options = { thread: random.pick(['session', 'device'] as const) };
  let events = smallEvents(random);
  for (let left = random.pick([0, 0, 12]); left > 0; left--) {
    if (check('writes-follow-reads', historyFromEvents(events), options).type === 'valid') break;
    events = smallEvents(random);
  }
  return { events, options };
});

const stale = ofRegisters(['bounded-staleness'], (random) => {
  const versions = random.chance(0.5);
  const shape = { processes: 4, operations: 8, casPercent: 20, infoPercent: 10, lies: 0, versions };
  const events = staleEvents(random, { ...shape, keys: 1 + random.below(2), lag: random.below(3) });
  return { events, options: { boundMs: random.below(12) / 1000 } };
});

const collection = (
  guarantee: Guarantee,
  make: (random: Random) => Object,
  rest: Pick<Kind, 'mayGo' | 'impossible'>,
  options: CheckOptions = {},
): Kind => ({
  guarantees: [guarantee],
  draw: (random) => ({ events: run(random, make, random.pick([0, 10, 25])).events, options }),
  ...rest,
});

const answered = (all: readonly Op[], f: string): readonly Op[] => all.filter((op) => op.f === f && op.type === 'ok');
const isAsked = (f: string, { asked }: Op, all: readonly Op[]): number =>
  all.filter((op) => op.f === f && text(op.asked) === text(asked)).length;
const isEmpty = (value: Value): boolean => value === null || list(value).length === 0;
const isShown = ({ asked }: Op, shown: readonly Value[]): boolean => shown.some((one) => text(one) === text(asked));

/** A read of a key to which something was added: nothing is said of others. */
function ofAdded(all: readonly Op[], value: Value): ReturnType<Kind['impossible']> {
  const added = all.find(({ f }) => f === 'add');
  return added && { f: 'read', key: added.key, value };
}

const queue = {
  // Who takes a value accounts for it. That nothing was left accounts for nothing.
  mayGo: (op: Op, all: readonly Op[]): boolean => {
    if (op.f !== 'enqueue') return op.type === 'ok' && isEmpty(op.answer);
    const taken = [...answered(all, 'dequeue'), ...answered(all, 'drain')].flatMap(({ answer }) => [answer].flat());
    return !isShown(op, taken) && isAsked('enqueue', op, all) === 1;
  },
  impossible: () => ({ f: 'dequeue', key: 'k0', value: 'nobody put this in' }),
};

const pairsOf = ({ answer }: Op): readonly Pair[] => list(answer) as unknown as readonly Pair[];

const kinds: readonly Kind[] = [
  sessions,
  stale,
  collection('set', makeSet, {
    // A later read that shows an element says that an earlier one, which lacks it, was only stale: the last to show one stays.
    mayGo: (op, all) => {
      const reads = answered(all, 'read');
      if (op.f === 'add')
        return !reads.some(({ answer }) => isShown(op, list(answer))) && isAsked('add', op, all) === 1;
      const later = reads.filter(({ key, ret }) => key === op.key && (ret ?? 0) > (op.ret ?? 0));
      const isShownLater = (item: Value): boolean =>
        later.some(({ answer }) => list(answer).some((other) => text(other) === text(item)));
      return op.type === 'ok' && list(op.answer).every(isShownLater);
    },
    impossible: (all) => ofAdded(all, ['nobody added this']),
  }),
  collection('counter', makeCounter, {
    mayGo: ({ f }) => f === 'read', // on an addition all reads depend that come after it
    impossible: (all) => ofAdded(all, 1e6),
  }),
  collection('queue', makeQueue, queue),
  collection('queue', makeQueue, queue, { model: 'fifo-queue' }),
  collection('log', makeLog, {
    // An offset that nobody polled is lost where others were polled beyond it.
    mayGo: (op, all) => {
      const others = answered(all, 'poll').filter((other) => other !== op);
      if (op.f === 'poll') {
        const polled = others
          .filter(({ key }) => key === op.key)
          .flatMap(pairsOf)
          .map(([offset]) => offset);
        return op.type === 'ok' && pairsOf(op).every(([offset]) => polled.includes(offset));
      }
      return (
        !isShown(
          op,
          others.flatMap(pairsOf).map(([, value]) => value),
        ) && isAsked('send', op, all) === 1
      );
    },
    impossible: () => ({ f: 'poll', key: 'k0', value: [[1000, 'nobody sent this']] as unknown as Value }),
  }),
  collection('lock', makeLock, {
    // Who has it already may ask again for the same token. On a release all later holders depend.
    mayGo: (op, all) =>
      op.f === 'acquire' && answered(all, 'acquire').filter(({ answer }) => answer === op.answer).length === 1,
    impossible: (all) => {
      const [first] = answered(all, 'acquire');
      return first === undefined ? undefined : { f: 'acquire', key: first.key, value: first.answer };
    },
  }),
];

/** Each round is many checks: as many as of twins only in `npm run test:deep`. */
const times = rounds > 500 ? rounds : 125;

const printed = (events: readonly Event[]): string => events.map((event) => JSON.stringify(event)).join('\n');

const historyOf = (events: readonly Event[]): History =>
  historyFromEvents(events.map((event, i): Event => ({ ...event, time: event.time + i })));

/** With an answer at the end that cannot be. */
function withAnswer(
  events: readonly Event[],
  { value, ...asked }: NonNullable<ReturnType<Kind['impossible']>>,
): Event[] {
  const who = { ...asked, process: 999, time: events.at(-1)?.time ?? 0 };
  return [...events, { ...who, type: 'invoke', value: null }, { ...who, type: 'ok', value }] as unknown as Event[];
}

test.each(kinds)('$guarantees', ({ guarantees, draw, mayGo, impossible }) => {
  const removed = new Map<Guarantee, number>(guarantees.map((name) => [name, 0]));
  let added = 0;
  const attempt = (random: Random, label: string): void => {
    const { events, options } = draw(random);
    const ops = opsOf(events);
    const [op] = random.shuffle(ops.filter((one) => mayGo(one, ops)));
    const [whole, less] = [historyOf(events), op && historyOf(without(events, op))];
    const what = impossible(ops);
    const more = what && historyOf(withAnswer(events, what));
    if (more !== undefined) added++;
    for (const guarantee of guarantees) {
      const context = (): string =>
        `${label}, ${guarantee}, less ${JSON.stringify(op)}, and ${JSON.stringify(what)}\n${printed(events)}`;
      if (less !== undefined && check(guarantee, whole, options).type === 'valid') {
        removed.set(guarantee, (removed.get(guarantee) ?? 0) + 1);
        const { type } = check(guarantee, less, options);
        if (type === 'invalid') expect(type, context()).not.toBe('invalid');
      }
      if (more === undefined) continue;
      const { type } = check(guarantee, more, options);
      if (type !== 'invalid') expect(type, context()).toBe('invalid');
    }
  };
  eachRound(`properties ${guarantees.join()}`, attempt, times);
  for (const [name, count] of [...removed, ['added', added] as const])
    expect(count, `${name}, ${drawn}`).toBeGreaterThan(times / 20);
});
