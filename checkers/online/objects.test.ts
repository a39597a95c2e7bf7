/** Counters, locks, queues and sets followed: never too early, and what needs no later answer at the event that shows it. */
import { expect, it } from 'vitest';
import { historyFromEvents } from '../../history/builder.ts';
import type { Event, Value } from '../../history/operation.ts';
import type { Random } from '../../history/random.ts';
import { drawn, eachRound, rounds } from '../../test-support/rounds.ts';
import { type Checker, defaultSemantics, unlimited, type Verdict } from '../checker.ts';
import counter from '../guarantees/counter.ts';
import lock from '../guarantees/lock.ts';
import queue from '../guarantees/queue.ts';
import set from '../guarantees/set.ts';
import { follow, prefix } from './testing.ts';

interface Asked {
  readonly f: string;
  readonly value: Value;
}

/** An object and what its clients do; `act` answers, and lies now and then. */
interface Simulated {
  ask(random: Random, client: number): Asked;
  act(random: Random, asked: Asked, client: number, lies: number): Value;
}

interface Client {
  process: number;
  open: Asked | undefined;
  answer: Value;
  acted: boolean;
}

function randomEvents(random: Random, make: () => Simulated, sessions: boolean): Event[] {
  const objects = [make(), make()];
  const events: Event[] = [];
  const push = (event: object): void => void events.push({ time: events.length, ...event } as Event);
  const clients = Array.from({ length: 3 }, (_, process): Client => {
    return { process, open: undefined, answer: null, acted: false };
  });
  const lies = random.pick([0, 0, 0.1]);
  const gone = random.pick([0, 0.1]);
  const refused = random.pick([0, 0.15]);
  let next = clients.length;
  for (let left = random.between(15, 50); left > 0; left--) {
    const client = random.pick(clients);
    const at = clients.indexOf(client);
    const object = objects[at === 2 && !sessions ? 1 : 0];
    const key = object === objects[0] ? 'x' : 'y';
    const { process, open } = client;
    if (open === undefined) {
      client.open = object.ask(random, at);
      client.acted = false;
      push({ type: 'invoke', process, key, ...client.open, ...(sessions && { session: `s${at >> 1}` }) });
    } else if (!client.acted && random.chance(0.5)) {
      client.answer = object.act(random, open, at, lies);
      client.acted = true;
    } else if (random.chance(gone)) {
      push({ type: 'info', process, key, ...open });
      client.open = undefined;
      client.process = next++;
    } else if (random.chance(client.acted ? refused / 5 : refused)) {
      push({ type: 'fail', process, key, ...open });
      client.open = undefined;
    } else {
      if (!client.acted) client.answer = object.act(random, open, at, lies);
      push({ type: 'ok', process, key, f: open.f, value: client.answer });
      client.open = undefined;
    }
  }
  return events;
}

const summed = (): Simulated => {
  let sum = 0;
  return {
    ask: (random) => (random.chance(0.5) ? { f: 'add', value: random.below(9) - 4 } : { f: 'read', value: null }),
    act(random, { f, value }, _, lies) {
      if (f === 'read') return random.chance(lies) ? sum + random.below(7) - 3 : sum;
      sum += value as number;
      return value;
    },
  };
};

const locked = (): Simulated => {
  const holders = new Set<number>();
  let token = 0;
  return {
    ask: (random, client) =>
      holders.has(client)
        ? { f: random.chance(0.7) ? 'release' : 'acquire', value: null }
        : { f: 'acquire', value: null },
    act(random, { f }, client, lies) {
      if (f === 'release') return (holders.delete(client), null);
      if (holders.size === 0 || random.chance(lies)) holders.add(client);
      return random.chance(lies)
        ? Math.max(1, token - 1)
        : holders.has(client)
          ? ++token
          : random.pick([++token, null]);
    },
  };
};

const held = (puts: string, takes: string, lists: string, repeats: number) => (): Simulated => {
  const items: Value[] = [];
  let fresh = 0;
  return {
    ask: (random) =>
      random.chance(0.5)
        ? { f: puts, value: random.chance(repeats) ? 1 : ++fresh }
        : { f: takes !== lists && random.chance(0.8) ? takes : lists, value: null },
    act(random, { f, value }, _, lies) {
      if (f === puts) {
        if (takes !== lists || !items.includes(value)) items.push(value);
        return value;
      }
      if (takes === lists) return [...items, ...(random.chance(lies) ? [random.below(fresh + 2)] : [])];
      if (random.chance(lies)) return f === takes ? random.below(fresh + 2) : [random.below(fresh + 2)];
      return f === takes ? (items.shift() ?? null) : items.splice(0);
    },
  };
};

/** The kinds that follow from what has been lost are told in the end. */
const LATE: ReadonlySet<string> = new Set(['lost value', 'lost element', 'reordered']);
const isSoon = (verdict: Verdict): boolean =>
  verdict.type === 'invalid' && verdict.anomalies.some(({ kind }) => !LATE.has(kind));

function agrees(checker: Checker, make: () => Simulated, sessions: boolean, name = checker.name as string): void {
  const check = (events: readonly Event[]): Verdict =>
    checker.check(historyFromEvents(events), unlimited, defaultSemantics);
  let broken = 0;
  let whole = 0;
  eachRound(`${name} followed`, (random, label) => {
    const events = randomEvents(random, make, sessions);
    const { brokenAt, end, history } = follow(checker, events);
    expect(end, label).toEqual(checker.check(history, unlimited, defaultSemantics));
    if (brokenAt === undefined) {
      whole++;
      if (!sessions) expect(isSoon(check(prefix(events, events.length))), label).toBe(false);
      return;
    }
    broken++;
    expect(check(prefix(events, brokenAt)).type, label).toBe('invalid');
    if (!sessions) expect(isSoon(check(prefix(events, brokenAt - 1))), `${label}, one event before`).toBe(false);
  });
  expect(Math.min(broken, whole), drawn).toBeGreaterThan(rounds / 25);
}

it('counter: at the event that leaves no sum', () => agrees(counter, summed, false));

it('lock: at the event that leaves two holders, or shows a token', () => agrees(lock, locked, false));

it('lock: sessions over several processes', () => agrees(lock, locked, true, 'lock of sessions'));

it('queue: at the event that shows what was not put in, or too often', () =>
  agrees(queue, held('enqueue', 'dequeue', 'drain', 0.1), false));

it('set: at the event that shows what was not put in, or twice', () =>
  agrees(set, held('add', 'read', 'read', 0.1), false));

it('queue: a refused request counts for nobody, and what was put in later not for who found it sooner', () => {
  const steps = ['0 invoke enqueue 1', '0 ok enqueue 1', '1 invoke enqueue 1', '2 invoke dequeue', '2 ok dequeue 1'];
  const more = ['2 invoke dequeue', '2 ok dequeue 1', '3 invoke enqueue 1', '1 fail enqueue 1'];
  const events = [...steps, ...more].map((line, time): Event => {
    const [process, type, f, value] = line.split(' ');
    return {
      time,
      process: Number(process),
      type,
      f,
      key: 'x',
      value: value === undefined ? null : Number(value),
    } as Event;
  });
  expect(follow(queue, events).brokenAt).toBe(events.length);
  expect(follow(queue, events.slice(0, -1)).brokenAt).toBeUndefined();
});
