/** Sequential consistency where values are written any number of times: always decided, and as the definition says. By brute force. */
import { expect, test } from 'vitest';
import { historyFromEvents } from '../../history/builder.ts';
import type { Operation } from '../../history/history.ts';
import type { Event, Key, Value } from '../../history/operation.ts';
import { Random } from '../../history/random.ts';
import { drawn, eachRound, rounds } from '../../test-support/rounds.ts';
import { check, withinSteps } from '../index.ts';

/** The number is that of the version that was told with it. */
type Part = readonly [what: 'r' | 'w' | 'deny', key: Key, value: Value, version?: number | undefined];

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
  /** Of how many writes and true reads the version is told, and of how many of these a wrong one. */
  readonly versions: number;
  readonly wrongVersions: number;
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
  versions: 0,
  wrongVersions: 0,
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
  /** By key, the version of what it holds: each write that takes effect gets the next. */
  const versions = new Map<Key, number>();
  let last = 0;
  const open = new Map<number, { readonly session: number; readonly end: () => void }>();
  const value = (): Value => random.below(shape.values + 1);
  const set = (key: Key, written: Value): void => {
    held.set(key, written);
    versions.set(key, ++last);
  };
  const version = (key: Key): object => {
    const own = versions.get(key);
    if (shape.versions === 0 || own === undefined || random.below(100) >= shape.versions) return {};
    return { version: ['g', 1, random.below(100) < shape.wrongVersions ? 1 + random.below(last) : own] };
  };
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
        if (!isInfo || random.chance(0.5)) for (const [f, k, v] of done) if (f === 'w') set(k, v);
        say(isInfo ? 'info' : 'ok', { f: 'txn', value: isInfo ? asked : done });
      };
    }
    if (kind < shape.transactions + shape.cas) {
      const pair = [value(), value()];
      say('invoke', { f: 'cas', key, value: pair });
      return () => {
        const found = look(key);
        const swaps = found === pair[0];
        if (swaps && (!isInfo || random.chance(0.5))) set(key, pair[1]);
        const told = isInfo || !swaps ? {} : version(key);
        if (isInfo || swaps) say(isInfo ? 'info' : 'ok', { f: 'cas', key, value: pair, ...told });
        else
          say('fail', { f: 'cas', key, value: pair, error: 'mismatch', ...(random.chance(0.3) && { actual: found }) });
      };
    }
    if (random.below(100) < shape.writes) {
      const written = value();
      say('invoke', { f: 'write', key, value: written });
      return () => {
        if (!isInfo || random.chance(0.5)) set(key, written);
        say(isInfo ? 'info' : 'ok', { f: 'write', key, value: written, ...(isInfo ? {} : version(key)) });
      };
    }
    say('invoke', { f: 'read', key, value: null });
    return () => {
      const shown = look(key);
      say('ok', { f: 'read', key, value: shown, ...(shown === (held.get(key) ?? 0) ? version(key) : {}) });
    };
  }
}

function unitsOf(events: readonly Event[]): Unit[] {
  const calls = new Map<unknown, number>();
  return events.flatMap((event, ret): Unit[] => {
    const { type, process, f, key, value, actual, error, session } = event as unknown as Record<string, never>;
    const at = (event as { version?: readonly [string, number, number] }).version?.[2];
    if (type === 'invoke') {
      calls.set(process, ret);
      return [];
    }
    const optional = type === 'info';
    const unit = { session, call: calls.get(process) ?? 0, ret: optional ? Number.POSITIVE_INFINITY : ret, optional };
    const parts = ((): Part[] => {
      if (f === 'txn') return (value as Part[]).filter(([what]) => what === 'w' || !optional);
      if (f === 'write') return [['w', key, value, at]];
      if (f === 'read') return optional ? [] : [['r', key, value, at]];
      if (type !== 'fail')
        return [
          ['r', key, value[0]],
          ['w', key, value[1], at],
        ]; // prettier-ignore
      if (error !== 'mismatch') return [];
      return actual === undefined ? [['deny', key, value[0]]] : [['r', key, actual]];
    })();
    return [{ ...unit, parts }];
  });
}

/** What a key holds, the version that was told of it, and the highest that was told of the key. */
interface Held {
  readonly value: Value;
  readonly version: number | undefined;
  readonly highest: number;
}

/** What a key holds after a part; undefined where the part cannot stand. */
function after(
  { value: now, version: known, highest }: Held,
  [what, , value, version]: Part,
  byVersions: boolean,
): Held | undefined {
  const told = byVersions ? version : undefined;
  const isHigher = told === undefined || told > highest;
  const next = { value, version: told, highest: told ?? highest };
  if (what === 'w') return isHigher ? next : undefined;
  if ((now === value) !== (what === 'r')) return undefined;
  if (told === undefined || told === known) return { value: now, version: known, highest };
  // A read may tell the version of a write that has not told its own.
  return known === undefined && isHigher ? next : undefined;
}

/**
 * Lamport's definition: tries all orders that keep to the order within sessions. Registers begin at 0.
 *
 * @param byVersions whether versions are to rise in each key, and each read to find the write whose version it tells
 */
function isSequential(events: readonly Event[], byVersions = false): boolean {
  const units = unitsOf(events);
  const keys = new Map<number | undefined, Key>();
  for (const [, key, , version] of byVersions ? units.flatMap(({ parts }) => parts) : []) {
    // One version is that of one write.
    if (version !== undefined && (keys.get(version) ?? key) !== key) return false;
    keys.set(version, key);
  }
  // Nothing that was written: who tells a version has found something else.
  const initial: Held = { value: 0, version: 0, highest: 0 };
  const go = (left: readonly Unit[], held: ReadonlyMap<Key, Held>): boolean =>
    left.every(({ optional }) => optional) ||
    left.some((unit) => {
      if (left.some((other) => other.session === unit.session && other.ret < unit.call)) return false;
      const next = new Map(held);
      for (const part of unit.parts) {
        const then = after(next.get(part[1]) ?? initial, part, byVersions);
        if (then === undefined) return false;
        next.set(part[1], then);
      }
      return go(
        left.filter((other) => other !== unit),
        next,
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

test('with versions of some it is never unknown: invalid where values have no order, valid where one keeps to versions too', {
  timeout: 3_600_000,
}, () => {
  const seen = { valid: 0, invalid: 0, other: 0 };
  eachRound('sequential, repeated values, some versions', (random, label) => {
    const versions = random.pick([20, 50, 90]);
    const wrongVersions = random.pick([0, 25]);
    const events = randomEvents(random, {
      ...random.pick(shapes),
      lies: random.pick([5, 35]),
      versions,
      wrongVersions,
    });
    if (nothingSaid(events)) return;
    const { type } = check('sequential', historyFromEvents(events), { initial: 0 });
    if (!isSequential(events)) {
      seen.invalid++;
      expect(type, label).toBe('invalid');
    } else if (wrongVersions === 0 && isSequential(events, true)) {
      seen.valid++;
      expect(type, label).toBe('valid');
    } else {
      seen.other++;
      expect(type, label).not.toBe('unknown');
    }
  });
  expect(Math.min(...Object.values(seen)), drawn).toBeGreaterThan(rounds / 100);
});

test('one version beside a value that was written twice leaves nothing open', () => {
  const said: readonly (readonly [f: string, value: Value, version?: readonly [string, number, number]])[] = [
    ['write', 1],
    ['write', 1],
    ['read', 1, ['g', 1, 2]],
  ];
  const events = said.flatMap(([f, value, version], i) => [
    { type: 'invoke', time: i * 10, process: 0, f, key: 'x', value: f === 'read' ? null : value },
    { type: 'ok', time: i * 10 + 5, process: 0, f, key: 'x', value, ...(version && { version }) },
  ]) as unknown as Event[];
  expect(check('sequential', events, { initial: 0 }).type).toBe('valid');
});

/** The events of these operations alone; of transactions, only the parts that are shown. */
function eventsOf(events: readonly Event[], shown: readonly Operation[]): Event[] {
  const open = new Map<unknown, number>();
  return events.flatMap((event, at): Event[] => {
    if (event.type === 'invoke') open.set(event.process, at);
    const own = shown.filter(({ index }) => index === open.get(event.process));
    if (own.length === 0) return [];
    if (event.f !== 'txn') return [event];
    const value = (event.value as unknown as (readonly [what: string, key: Key, value: Value])[]).filter(
      ([f, key, held]) =>
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
    const shape = random.pick(shapes.filter(({ transactions }) => transactions === 0));
    const events = randomEvents(random, { ...shape, operations: rounds > 500 ? shape.operations : 9 });
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
