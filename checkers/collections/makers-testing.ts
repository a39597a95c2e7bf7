/** Clients' objects, each of them wrong now and then: what `run` (testing.ts) drives. Not for production code. */
import type { Value } from '../../history/operation.ts';
import type { Random } from '../../history/random.ts';
import { list, type Object } from './testing.ts';

export function makeSet(): Object {
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
}

export function makeCounter(): Object {
  let sum = 0;
  return {
    ask: (random) => (random.chance(0.5) ? { f: 'add', value: random.below(9) - 4 } : { f: 'read', value: null }),
    act: (_, { f, asked }) => (f === 'read' ? sum : ((sum += asked as number), asked)),
    lie: (random, { f, answer }) => (f === 'read' ? (answer as number) + random.below(7) - 3 : answer),
  };
}

export function makeLock(): Object {
  const holders = new Set<number>();
  let token = 0;
  return {
    ask: (_, process) => ({ f: holders.has(process) ? 'release' : 'acquire', value: null }),
    act: (random, { f, process }) => {
      if (f === 'release') return (holders.delete(process), null);
      if (holders.size === 0) holders.add(process);
      token += random.between(1, 4); // with gaps, so that a lower one need not be one that was given before
      return token;
    },
    lie: (random, { f, answer }) => (f === 'acquire' ? Math.max(1, (answer as number) - random.below(8)) : answer),
  };
}

/** The first, or now and then the last. */
export function makeQueue(random: Random): Object {
  const held: Value[] = [];
  const isFaulty = random.chance(0.3);
  const few = random.chance(0.2); // values come again
  let fresh = 0;
  return {
    ask: () =>
      random.chance(0.5)
        ? { f: 'enqueue', value: few ? random.below(3) : random.chance(0.1) ? 1 : ++fresh }
        : { f: random.chance(0.8) ? 'dequeue' : 'drain', value: null },
    act: (_, { f, asked }) => {
      if (f === 'enqueue') held.push(asked);
      if (f === 'enqueue') return asked;
      if (isFaulty && random.chance(0.3)) held.reverse();
      return f === 'dequeue' ? (held.shift() ?? null) : held.splice(0);
    },
    lie: (_, { f, answer }) =>
      f === 'enqueue' ? answer : f === 'dequeue' ? random.pick([null, 1, 2, 99]) : list(answer).slice(1),
  };
}

export type Pair = readonly [number, Value];

/** A log that loses, repeats and reorders; consumers that lose their place. */
export function makeLog(random: Random): Object {
  const entries: Pair[] = [];
  const places = new Map<number, number>();
  const isFaulty = random.chance(0.6);
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
        return [offset, asked];
      }
      const from = random.chance(0.15) ? random.below(entries.length + 1) : (places.get(process) ?? 0);
      const to = Math.min(entries.length, from + 1 + random.below(4));
      places.set(process, to);
      return entries.slice(from, to);
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
