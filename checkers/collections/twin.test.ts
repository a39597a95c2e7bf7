import { expect, test } from 'vitest';
import { historyFromEvents } from '../../history/builder.ts';
import type { Guarantee } from '../../history/guarantee.ts';
import type { Event, Value } from '../../history/operation.ts';
import type { Random } from '../../history/random.ts';
import { eachRound } from '../../test-support/rounds.ts';
import { check } from '../index.ts';

/** An operation as the naive twins see it: positions among all events, `ret` infinite where nobody knows. */
interface Op {
  readonly f: string;
  readonly key: string;
  readonly process: number;
  readonly asked: Value;
  answer: Value;
  readonly call: number;
  ret: number;
  type: 'ok' | 'fail' | 'info';
}

/** What a client may ask of the object of one key, and what it answers; wrong now and then. */
interface Object {
  ask(random: Random, process: number): { f: string; value: Value };
  act(random: Random, op: { f: string; asked: Value; process: number }): Value;
  lie(random: Random, op: { f: string; answer: Value }): Value;
}

function run(random: Random, make: (random: Random) => Object, infoPercent: number): { events: Event[]; ops: Op[] } {
  const objects = [make(random), make(random)];
  const events: Record<string, unknown>[] = [];
  const ops: Op[] = [];
  const clients = [0, 1, 2].map((process) => ({
    process,
    op: undefined as (Op & { done: boolean; of: Object }) | undefined,
  }));
  const lies = random.below(3) === 0 ? 15 : 0;
  let next = 3;
  for (let left = 4 + random.below(10); left > 0 || clients.some(({ op }) => op !== undefined); ) {
    const client = random.pick(clients);
    const { op, process } = client;
    const at = events.length;
    if (op === undefined) {
      if (left-- <= 0) continue;
      const k = random.below(4) === 0 ? 1 : 0;
      const { f, value } = objects[k].ask(random, process);
      client.op = {
        f,
        key: `k${k}`,
        process,
        asked: value,
        answer: value,
        call: at,
        ret: Number.POSITIVE_INFINITY,
        type: 'info',
        done: false,
        of: objects[k],
      };
      ops.push(client.op);
      events.push({ type: 'invoke', process, f, key: `k${k}`, value, time: at * 1000 });
    } else if (random.below(100) < infoPercent) {
      const refused = random.chance(0.4);
      if (!op.done && !refused && random.chance(0.5)) op.of.act(random, op);
      if (refused && op.done) continue;
      op.type = refused ? 'fail' : 'info';
      op.ret = refused ? at : Number.POSITIVE_INFINITY;
      client.op = undefined;
      if (!refused) client.process = next++;
      events.push({ type: op.type, process, f: op.f, key: op.key, value: op.asked, time: at * 1000 });
    } else if (!op.done) {
      op.answer = op.of.act(random, op);
      op.done = true;
    } else {
      if (random.below(100) < lies) op.answer = op.of.lie(random, op);
      [op.type, op.ret, client.op] = ['ok', at, undefined];
      events.push({ type: 'ok', process, f: op.f, key: op.key, value: op.answer, time: at * 1000 });
    }
  }
  return { events: events as unknown as Event[], ops };
}

const text = (value: Value): string => JSON.stringify(value);
const list = (value: Value): readonly Value[] => (value === null ? [] : (value as readonly Value[]));
const keysOf = (ops: readonly Op[]): string[] => [...new Set(ops.map(({ key }) => key))];

/** Kinds of anomalies, each once; straight from the definitions. */
function agrees(
  guarantee: Guarantee,
  make: (random: Random) => Object,
  kindsOf: readonly string[],
  naive: (ops: readonly Op[], all: readonly Op[]) => Set<string>,
): void {
  const seen = { valid: 0, invalid: 0, unknown: 0 };
  const met = new Set<string>();
  eachRound(`collections ${guarantee}`, (random, label) => {
    const { events, ops } = run(random, make, random.pick([0, 10, 25]));
    const verdict = check(guarantee, historyFromEvents(events));
    const wanted = new Set(
      keysOf(ops).flatMap((key) => [
        ...naive(
          ops.filter((op) => op.key === key),
          ops,
        ),
      ]),
    );
    const kinds = verdict.type === 'invalid' ? verdict.anomalies.map(({ kind }) => kind) : [];
    seen[verdict.type]++;
    for (const kind of wanted) met.add(kind);
    if (verdict.type === 'invalid' && verdict.count > verdict.anomalies.length) return; // kinds beyond the first ten are not told
    const [told, due] = [[...new Set(kinds)].sort(), [...wanted].sort()];
    if (told.join() === due.join()) return;
    expect(told, `${label}\n${events.map((event) => JSON.stringify(event)).join('\n')}`).toEqual(due);
  });
  expect(Math.min(seen.valid, seen.invalid), JSON.stringify(seen)).toBeGreaterThan(10);
  expect([...met].sort(), 'a kind never occurred').toEqual(kindsOf);
}

test('set', () => {
  const make = (): Object => {
    const states: Value[][] = [[]];
    let fresh = 0;
    return {
      ask: (random) =>
        random.chance(0.5) ? { f: 'add', value: random.chance(0.1) ? 1 : ++fresh } : { f: 'read', value: null },
      act: (random, { f, asked }) => {
        const now = states[states.length - 1];
        if (f === 'read') return random.chance(0.1) ? random.pick(states) : now;
        if (!now.includes(asked)) states.push([...now, asked]);
        return asked;
      },
      lie: (random, { f, answer }) => {
        if (f !== 'read') return answer;
        const items = list(answer);
        return random.pick([items.slice(1), items.slice(0, -1), [...items, 1], [...items, 99]]);
      },
    };
  };
  agrees('set', make, ['duplicated element', 'lost element', 'unexpected element'], (ops) => {
    const kinds = new Set<string>();
    const reads = ops.filter(({ f, type }) => f === 'read' && type === 'ok');
    const adds = ops.filter(({ f, type }) => f === 'add' && type !== 'fail');
    if (!ops.some(({ f }) => f === 'add')) return kinds;
    const has = (read: Op, element: string): boolean => list(read.answer).some((item) => text(item) === element);
    const added = (element: string): Op[] => adds.filter(({ asked }) => text(asked) === element);
    for (const read of reads) {
      const items = list(read.answer).map(text);
      for (const item of items) {
        if (!added(item).some(({ call }) => call < read.ret)) kinds.add('unexpected element');
        else if (items.filter((other) => other === item).length > 1) kinds.add('duplicated element');
      }
    }
    for (const element of new Set(adds.map(({ asked }) => text(asked)))) {
      const first = Math.min(...added(element).map(({ call }) => call));
      const showing = reads.filter((read) => has(read, element) && first < read.ret);
      const known = Math.min(...added(element).map(({ ret }) => ret), ...showing.map(({ ret }) => ret));
      const lost = reads.some(
        (read) => read.call > known && !has(read, element) && showing.every(({ ret }) => ret < read.call),
      );
      if (lost) kinds.add('lost element');
    }
    return kinds;
  });
});

test('counter: each read against every subset of what is open to it', () => {
  const make = (): Object => {
    let sum = 0;
    return {
      ask: (random) => (random.chance(0.5) ? { f: 'add', value: random.below(9) - 4 } : { f: 'read', value: null }),
      act: (_, { f, asked }) => (f === 'read' ? sum : ((sum += asked as number), asked)),
      lie: (random, { f, answer }) => (f === 'read' ? (answer as number) + random.below(7) - 3 : answer),
    };
  };
  agrees('counter', make, ['sum too great', 'sum too small'], (ops) => {
    const kinds = new Set<string>();
    const adds = ops.filter(({ f, type }) => f === 'add' && type !== 'fail');
    if (!ops.some(({ f }) => f === 'add')) return kinds;
    for (const read of ops.filter(({ f, type }) => f === 'read' && type === 'ok')) {
      let sums = [0];
      for (const { asked, call, ret } of adds) {
        const by = asked as number;
        if (ret < read.call) sums = sums.map((sum) => sum + by);
        else if (call < read.ret) sums = sums.flatMap((sum) => [sum, sum + by]);
      }
      if ((read.answer as number) < Math.min(...sums)) kinds.add('sum too small');
      if ((read.answer as number) > Math.max(...sums)) kinds.add('sum too great');
    }
    return kinds;
  });
});

test('queue', () => {
  const make = (): Object => {
    const held: Value[] = [];
    let fresh = 0;
    return {
      ask: (random) =>
        random.chance(0.5)
          ? { f: 'enqueue', value: random.chance(0.1) ? 1 : ++fresh }
          : { f: random.chance(0.8) ? 'dequeue' : 'drain', value: null },
      act: (_, { f, asked }) => {
        if (f === 'enqueue') held.push(asked);
        return f === 'enqueue' ? asked : f === 'dequeue' ? (held.shift() ?? null) : held.splice(0);
      },
      lie: (random, { f, answer }) =>
        f === 'enqueue' ? answer : f === 'dequeue' ? random.pick([null, 1, 2, 99]) : list(answer).slice(1),
    };
  };
  agrees('queue', make, ['duplicated value', 'lost value', 'unexpected value'], (ops) => {
    const kinds = new Set<string>();
    const takes = ops.filter(({ f, type }) => f !== 'enqueue' && type === 'ok');
    const puts = ops.filter(({ f, type }) => f === 'enqueue' && type !== 'fail');
    const taken = takes.flatMap((op) =>
      (op.f === 'drain' ? list(op.answer) : op.answer === null ? [] : [op.answer]).map((item) => ({
        op,
        item: text(item),
      })),
    );
    const putsOf = (item: string): Op[] => puts.filter(({ asked }) => text(asked) === item);
    const expected = taken.filter(({ op, item }) => putsOf(item).some(({ call }) => call < op.ret));
    if (expected.length < taken.length) kinds.add('unexpected value');
    const times = (item: string): number => expected.filter((other) => other.item === item).length;
    if (expected.some(({ item }) => times(item) > putsOf(item).length)) kinds.add('duplicated value');
    for (const proof of takes.filter(({ f, answer }) => f === 'drain' || answer === null)) {
      if (ops.some(({ f, type, call }) => f === 'drain' && type === 'info' && call < proof.ret)) continue;
      const before = puts.filter(({ type, ret }) => type === 'ok' && ret < proof.call).map(({ asked }) => text(asked));
      const missing = [...new Set(before)].map((item) =>
        Math.max(0, before.filter((other) => other === item).length - times(item)),
      );
      const open = ops.filter(({ f, type, call }) => f === 'dequeue' && type === 'info' && call < proof.ret).length;
      if (missing.reduce((sum, n) => sum + n, 0) > open) kinds.add('lost value');
    }
    return kinds;
  });
});

test('lock', () => {
  const make = (): Object => {
    const holders = new Set<number>();
    let token = 0;
    return {
      ask: (_, process) => ({ f: holders.has(process) ? 'release' : 'acquire', value: null }),
      act: (_, { f, process }) => {
        if (f === 'release') return (holders.delete(process), null);
        if (holders.size === 0) holders.add(process);
        return ++token;
      },
      lie: (random, { f, answer }) => (f === 'acquire' ? Math.max(1, (answer as number) - random.below(3)) : answer),
    };
  };
  agrees('lock', make, ['token given twice', 'token not risen', 'two holders'], (ops, all) => {
    const kinds = new Set<string>();
    const acquired = ops.filter(({ f, type }) => f === 'acquire' && type === 'ok');
    const lets = (op: Op): boolean =>
      op.type === 'info' || (ops.includes(op) && op.f === 'release' && op.type === 'ok');
    const end = ({ process, ret }: Op): number => {
      const letting = all.filter((op) => op.process === process && op.call > ret && lets(op));
      return Math.min(...letting.map(({ call }) => call), Number.POSITIVE_INFINITY);
    };
    for (const b of acquired) {
      const held = acquired.filter((a) => a.ret < b.ret && b.ret < end(a));
      if (held.some((a) => a.process !== b.process)) kinds.add('two holders');
      if (held.some((a) => a.process === b.process && a.answer === b.answer)) continue;
      const earlier = acquired.filter((a) => a.ret < b.ret);
      if (earlier.some((a) => a.answer === b.answer)) kinds.add('token given twice');
      else if (earlier.some((a) => a.ret < b.call && (a.answer as number) > (b.answer as number)))
        kinds.add('token not risen');
    }
    return kinds;
  });
});

type Pair = readonly [number, Value];

/** A log that loses, repeats and reorders; consumers that lose their place. */
function makeLog(random: Random): Object {
  const entries: Pair[] = [];
  const places = new Map<number, number>();
  const isFaulty = random.chance(0.4);
  const few = random.chance(0.3); // values come again
  let fresh = 0;
  let end = 0;
  const fault = (): boolean => isFaulty && random.chance(0.15);
  return {
    ask: () =>
      random.chance(0.5) ? { f: 'send', value: few ? random.below(3) : ++fresh } : { f: 'poll', value: null },
    act: (_, { f, asked, process }) => {
      if (f === 'send') {
        end += random.chance(0.1) ? 2 : 1;
        const offset = fault() ? Math.max(0, end - 2) : end;
        if (!fault()) entries.push([offset, asked]);
        if (fault()) entries.push([++end, asked]);
        return [offset, asked] as unknown as Value;
      }
      const from = random.chance(0.15) ? random.below(entries.length + 1) : (places.get(process) ?? 0);
      const to = Math.min(entries.length, from + 1 + random.below(4));
      places.set(process, to);
      return entries.slice(from, to) as unknown as Value;
    },
    lie: (_, { f, answer }) => {
      if (f === 'send') return [(answer as unknown as Pair)[0] - 1, (answer as unknown as Pair)[1]];
      const pairs = list(answer) as unknown as readonly Pair[];
      const middle = random.below(pairs.length + 1);
      return random.pick<unknown>([
        pairs.filter((_pair, i) => i !== middle),
        pairs.toReversed(),
        pairs.map(([offset, value], i) => [i === middle ? offset + 1 : offset, value]),
        pairs.map(([offset, value], i) => [offset, i === middle ? 1 : value]),
        [...pairs, [random.below(9), random.below(4)]],
        [...pairs, ...pairs.slice(0, 1)],
      ]) as Value;
    },
  };
}

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
  agrees('log', makeLog, kindsOf, (ops) => {
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
