/** Linearizability followed: nothing is found before it is broken, and what zones decide is found at that very event. */
import { describe, expect, it } from 'vitest';
import { HistoryBuilder, historyFromEvents } from '../../history/builder.ts';
import type { Event } from '../../history/operation.ts';
import type { Random } from '../../history/random.ts';
import { drawn, eachRound } from '../../test-support/rounds.ts';
import { defaultSemantics, unlimited } from '../checker.ts';
import linearizable from '../guarantees/linearizable.ts';
import { isLinearizableByBruteForce, randomEvents, type Shape } from '../linearizable/testing.ts';
import { registerReading } from '../linearizable/register.ts';
import { follow, prefix } from './testing.ts';
import { ZoneStream } from './zone-stream.ts';

const semantics = { ...defaultSemantics, initial: 0 };

/** Some writes and cas turn out never to have happened, whatever was read of them. */
function refused(random: Random, events: readonly Event[]): Event[] {
  return events.map((event): Event => {
    const isWrite = event.type !== 'invoke' && (event.f === 'write' || event.f === 'cas') && event.type !== 'fail';
    return isWrite && random.chance(0.05) ? ({ ...event, type: 'fail' } as Event) : event;
  });
}

function shape(random: Random, over: Partial<Shape>): Shape {
  return {
    keys: 1 + random.below(2),
    processes: 2 + random.below(4),
    operations: 6 + random.below(8),
    casPercent: random.pick([0, 20, 60, 95]),
    actualPercent: 100,
    values: 0,
    infoPercent: random.pick([0, 10, 40]),
    lies: random.pick([0, 5, 20]),
    ...over,
  };
}

/** After how many events zones alone find something, unconfirmed. */
function crossedAt(events: readonly Event[]): number | undefined {
  const builder = new HistoryBuilder();
  const zones = new ZoneStream(builder.growing, registerReading(builder.growing, semantics), true);
  builder.listener = { ...bound(zones), noted: () => undefined };
  const at = events.findIndex((event) => {
    builder.add(event);
    return zones.crossed.length > 0;
  });
  return at === -1 ? undefined : at + 1;
}

const bound = (zones: ZoneStream): Pick<ZoneStream, 'invoked' | 'completed'> => ({
  invoked: (row) => zones.invoked(row),
  completed: (row) => zones.completed(row),
});

describe('unique values, failed cas that say what they found', () => {
  it('break at the first event that no order explains', () => {
    let broken = 0;
    let whole = 0;
    eachRound('linearizable followed', (random, label) => {
      const plain = randomEvents(random, shape(random, {}));
      const events = random.chance(0.3) ? refused(random, plain) : plain;
      const { brokenAt, end, history } = follow(linearizable, events, semantics);
      expect(end, label).toEqual(linearizable.check(history, unlimited, semantics));
      expect(crossedAt(events), label).toBe(brokenAt);
      if (brokenAt === undefined) {
        whole++;
        expect(isLinearizableByBruteForce(events), label).toBe(true);
        return;
      }
      broken++;
      expect(isLinearizableByBruteForce(prefix(events, brokenAt)), label).toBe(false);
      expect(isLinearizableByBruteForce(prefix(events, brokenAt - 1)), `${label}, one event before`).toBe(true);
      expect(end.type, label).toBe('invalid');
    });
    expect(broken, drawn).toBeGreaterThan(50);
    expect(whole, drawn).toBeGreaterThan(50);
  });

  it('break where check of the prefix breaks, in longer histories', () => {
    eachRound(
      'linearizable followed, longer',
      (random, label) => {
        const events = randomEvents(
          random,
          shape(random, { keys: 1 + random.below(4), operations: 60 + random.below(140), processes: 8, lies: 1 }),
        );
        const isBroken = (length: number): boolean =>
          linearizable.check(historyFromEvents(events.slice(0, length)), unlimited, semantics).type === 'invalid';
        const { brokenAt } = follow(linearizable, events, semantics);
        if (brokenAt === undefined) expect(isBroken(events.length), label).toBe(false);
        else {
          expect(isBroken(brokenAt), label).toBe(true);
          expect(isBroken(brokenAt - 1), `${label}, one event before`).toBe(false);
        }
      },
      30,
    );
  });
});

describe('values written again, failed cas that are silent', () => {
  it('never break before the first event that no order explains', () => {
    let broken = 0;
    eachRound('linearizable followed, doubtful', (random, label) => {
      const values = { values: random.pick([0, 3, 6]), actualPercent: random.pick([0, 50]) };
      const events = randomEvents(random, shape(random, { ...values, casPercent: random.pick([30, 60]) }));
      const { brokenAt, end, history } = follow(linearizable, events, semantics);
      expect(end, label).toEqual(linearizable.check(history, unlimited, semantics));
      if (brokenAt === undefined) return;
      broken++;
      expect(isLinearizableByBruteForce(prefix(events, brokenAt)), label).toBe(false);
    });
    expect(broken, drawn).toBeGreaterThan(20);
  });

  it('are judged again and again', () => {
    const events: Event[] = [];
    const push = (event: object): void => void events.push({ time: events.length, process: 0, ...event } as Event);
    for (let i = 0; i < 100; i++) {
      push({ type: 'invoke', f: 'write', key: 'x', value: 1 + (i % 2) });
      push({ type: 'ok', f: 'write', key: 'x', value: 1 + (i % 2) });
      push({ type: 'invoke', f: 'read', key: 'x', value: null });
      push({ type: 'ok', f: 'read', key: 'x', value: i === 40 ? 2 : 1 + (i % 2) });
    }
    expect(follow(linearizable, events, semantics).brokenAt).toBeLessThan(300);
  });

  it('another model is judged again and again too', () => {
    const events: Event[] = [];
    const push = (event: object): void => void events.push({ time: events.length, process: 0, ...event } as Event);
    for (let i = 0; i < 100; i++) {
      push({ type: 'invoke', f: 'append', key: 'x', value: 'a' });
      push({ type: 'ok', f: 'append', key: 'x', value: 'a' });
      push({ type: 'invoke', f: 'get', key: 'x', value: null });
      push({ type: 'ok', f: 'get', key: 'x', value: 'a'.repeat(i === 30 ? 5 : i + 1) });
    }
    const { brokenAt } = follow(linearizable, events, { ...defaultSemantics, model: 'string' });
    expect(brokenAt).toBeGreaterThan(4 * 30);
    expect(brokenAt).toBeLessThan(400);
  });
});
