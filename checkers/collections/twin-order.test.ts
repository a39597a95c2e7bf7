import { expect, test } from 'vitest';
import { historyFromEvents } from '../../history/builder.ts';
import type { Value } from '../../history/operation.ts';
import { eachRound } from '../../test-support/rounds.ts';
import { check } from '../index.ts';
import { makeLog, makeQueue, type Pair } from './makers-testing.ts';
import { agrees, list, type Object, type Op, run, text } from './testing.ts';

function queueKinds(ops: readonly Op[]): Set<string> {
  const kinds = new Set<string>();
  const takes = ops.filter(({ f, type }) => f !== 'enqueue' && type === 'ok');
  const puts = ops.filter(({ f, type }) => f === 'enqueue' && type !== 'fail');
  const taken = takes.flatMap((op) =>
    (op.f === 'drain' ? list(op.answer) : op.answer === null ? [] : [op.answer]).map((item, i) => ({
      op,
      i,
      item: text(item),
    })),
  );
  const putsOf = (item: string): Op[] => puts.filter(({ asked }) => text(asked) === item);
  const expected = taken.filter(({ op, item }) => putsOf(item).some(({ call }) => call < op.ret));
  if (expected.length < taken.length) kinds.add('unexpected value');
  const times = (item: string): number => expected.filter((other) => other.item === item).length;
  /** Taken by then more often than asked for by then. */
  const isAgain = ({ op, item }: (typeof expected)[number]): boolean =>
    expected.filter((other) => other.item === item && other.op.ret <= op.ret).length >
    putsOf(item).filter(({ call }) => call < op.ret).length;
  if (expected.some(isAgain)) kinds.add('duplicated value');
  for (const proof of takes.filter(({ f, answer }) => f === 'drain' || answer === null)) {
    if (ops.some(({ f, type, call }) => f === 'drain' && type === 'info' && call < proof.ret)) continue;
    const before = puts.filter(({ type, ret }) => type === 'ok' && ret < proof.call).map(({ asked }) => text(asked));
    const missing = [...new Set(before)].map((item) =>
      Math.max(0, before.filter((other) => other === item).length - times(item)),
    );
    const open = ops.filter(({ f, type, call }) => f === 'dequeue' && type === 'info' && call < proof.ret).length;
    if (missing.reduce((sum, n) => sum + n, 0) > open) kinds.add('lost value');
  }
  // Each pair of values, one wholly enqueued before the other.
  const items = [...new Set(puts.map(({ asked }) => text(asked)))].filter((item) => times(item) <= putsOf(item).length);
  const takesOf = (item: string): typeof expected => expected.filter((other) => other.item === item);
  for (const a of items) {
    for (const b of items) {
      if (!putsOf(a).every(({ ret }) => putsOf(b).every(({ call }) => ret < call))) continue;
      for (const late of takesOf(b)) {
        const isOpen = ops.some(({ f, type, call }) => f !== 'enqueue' && type === 'info' && call < late.op.ret);
        const overtaken = takesOf(a).some(({ op, i }) => late.op.ret < op.call || (late.op === op && late.i < i));
        if (overtaken || (takesOf(a).length === 0 && !isOpen)) kinds.add('reordered');
      }
    }
  }
  return kinds;
}

test('queue', () => {
  agrees(eachRound, 'queue', makeQueue, ['duplicated value', 'lost value', 'unexpected value'], (ops) => {
    const kinds = queueKinds(ops);
    kinds.delete('reordered');
    return kinds;
  });
});

test('queue in order', () => {
  const kindsOf = ['duplicated value', 'lost value', 'reordered', 'unexpected value'];
  agrees(eachRound, 'queue', makeQueue, kindsOf, queueKinds, 'fifo-queue');
});

test('a true queue whose values come again is never called out of order', () => {
  eachRound('true queues', (random, label) => {
    const make = (): Object => {
      const held: Value[] = [];
      return {
        ask: () =>
          random.chance(0.6)
            ? { f: 'enqueue', value: random.below(4) }
            : { f: random.chance(0.8) ? 'dequeue' : 'drain', value: null },
        act: (_, { f, asked }) =>
          f === 'enqueue' ? (held.push(asked), asked) : f === 'dequeue' ? (held.shift() ?? null) : held.splice(0),
        lie: (_, { answer }) => answer,
      };
    };
    const { events } = run(random, make, random.pick([0, 10]));
    if (events.some(({ type }) => type === 'fail')) return; // some of these happened all the same
    const verdict = check('queue', historyFromEvents(events), { model: 'fifo-queue' });
    expect(verdict.type, `${label}\n${events.map((event) => JSON.stringify(event)).join('\n')}`).not.toBe('invalid');
  });
});

test('log', () => {
  const kindsOf = [
    'aborted read',
    'duplicated value',
    'lost value',
    'reordered poll',
    'reordered sends',
    'skipped value',
    'two values at one offset',
    'unexpected value',
  ];
  agrees(eachRound, 'log', makeLog, kindsOf, (ops) => {
    const kinds = new Set<string>();
    const sends = ops.filter(({ f, type }) => f === 'send' && type !== 'fail');
    const acknowledged = sends.filter(({ type }) => type === 'ok');
    const polls = ops.filter(({ f, type }) => f === 'poll' && type === 'ok');
    const pairOf = (op: Op): Pair => op.answer as unknown as Pair;
    const pairsOf = (op: Op): readonly Pair[] => list(op.answer) as unknown as readonly Pair[];
    // Whoever spoke of an offset first is believed.
    const held = new Map<number, string>();
    for (const [offset, value] of [...acknowledged.map(pairOf), ...polls.flatMap(pairsOf)]) {
      if (!held.has(offset)) held.set(offset, text(value));
      else if (held.get(offset) !== text(value)) kinds.add('two values at one offset');
    }
    for (const value of new Set(sends.map(({ asked }) => text(asked)))) {
      const places = [...held.values()].filter((other) => other === value).length;
      if (places > sends.filter(({ asked }) => text(asked) === value).length) kinds.add('duplicated value');
    }
    for (const poll of polls) {
      for (const [, value] of pairsOf(poll)) {
        const same = ops.filter(({ f, asked }) => f === 'send' && text(asked) === text(value));
        if (same.some(({ type, call }) => type !== 'fail' && call < poll.ret)) continue;
        kinds.add(same.length > 0 && same.every(({ type }) => type === 'fail') ? 'aborted read' : 'unexpected value');
      }
    }
    for (const a of acknowledged) {
      for (const b of acknowledged) {
        if (a.process === b.process && a.ret < b.call && pairOf(a)[0] > pairOf(b)[0]) kinds.add('reordered sends');
      }
    }
    const polled = new Set(polls.flatMap(pairsOf).map(([offset]) => offset));
    const isOpen = ops.some(({ f, type }) => f === 'poll' && type === 'info');
    for (const offset of held.keys()) {
      if (!polled.has(offset) && !isOpen && [...polled].some((other) => other > offset)) kinds.add('lost value');
    }
    for (const poll of polls) {
      const offsets = pairsOf(poll).map(([offset]) => offset);
      for (let i = 1; i < offsets.length; i++) {
        if (offsets[i] <= offsets[i - 1]) kinds.add('reordered poll');
        for (const offset of held.keys()) {
          if (offset > offsets[i - 1] && offset < offsets[i])
            kinds.add(polled.has(offset) ? 'skipped value' : 'lost value');
        }
      }
    }
    return kinds;
  });
});
