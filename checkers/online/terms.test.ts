/** Fencing and leadership followed: both break at the event that shows it, and at no other. */
import { expect, it } from 'vitest';
import { historyFromEvents } from '../../history/builder.ts';
import type { Event } from '../../history/operation.ts';
import type { Random } from '../../history/random.ts';
import { drawn, eachRound, rounds } from '../../test-support/rounds.ts';
import { type Checker, defaultSemantics, type Semantics, unlimited } from '../checker.ts';
import fenced from '../guarantees/fenced.ts';
import oneLeaderPerTerm from '../guarantees/one-leader-per-term.ts';
import { follow, prefix } from './testing.ts';

/** Acknowledgements through two paths, by leaders of terms that rise, some of whom do not know that they are none any more. */
function acknowledgements(random: Random): Event[] {
  const events: Event[] = [];
  const push = (event: object): void => void events.push({ time: events.length, ...event } as Event);
  const open = new Map<number, { readonly f: string; readonly term: number; readonly path: string }>();
  const late = random.pick([0, 0.2, 0.5]);
  let term = 1;
  let value = 0;
  for (let left = random.between(10, 60); left > 0; left--) {
    const process = random.below(4);
    const known = open.get(process);
    if (known === undefined) {
      const f = random.chance(0.2) ? 'read' : 'write';
      const path = random.pick(['fast', 'safe']);
      if (random.chance(0.2)) term++;
      open.set(process, { f, path, term: random.chance(late) ? Math.max(1, term - 1) : term });
      push({ type: 'invoke', process, f, key: 'x', path, value: f === 'read' ? null : ++value });
      continue;
    }
    open.delete(process);
    const version = random.chance(0.9) ? { version: [random.pick(['g0', 'g0', 'g1']), known.term, left] } : {};
    const type = random.chance(0.1) ? 'fail' : 'ok';
    push({ type, process, f: known.f, key: 'x', value: null, path: known.path, ...version });
  }
  return events;
}

/** What nodes say of themselves; some take themselves for leaders of a term that is another's. */
function sightings(random: Random): Event[] {
  const wrong = random.pick([0, 0.1]);
  const named = random.pick([0, 0.5, 1]);
  return Array.from({ length: random.between(3, 25) }, (_, time) => {
    const term = 1 + random.below(6);
    const node = random.chance(wrong) ? 'n9' : `n${term % 3}`;
    const group = random.chance(named) ? { group: random.chance(wrong) ? 'g1' : 'g0' } : {};
    const value = { node, role: random.chance(0.8) ? 'leader' : 'follower', term, ...group };
    return { type: 'info', time, process: 'cluster', f: 'sighting', value } as unknown as Event;
  });
}

function agrees(checker: Checker, draw: (random: Random) => Event[], semantics: (random: Random) => Semantics): void {
  let broken = 0;
  let whole = 0;
  eachRound(`${checker.name} followed`, (random, label) => {
    const events = draw(random);
    const how = semantics(random);
    const isBroken = (length: number): boolean =>
      checker.check(historyFromEvents(prefix(events, length)), unlimited, how).type === 'invalid';
    const { brokenAt, end, history } = follow(checker, events, how);
    expect(end, label).toEqual(checker.check(history, unlimited, how));
    if (brokenAt === undefined) {
      whole++;
      expect(end.type, label).not.toBe('invalid');
      return;
    }
    broken++;
    expect(isBroken(brokenAt), label).toBe(true);
    expect(isBroken(brokenAt - 1), `${label}, one event before`).toBe(false);
  });
  expect(Math.min(broken, whole), drawn).toBeGreaterThan(rounds / 10);
}

it('fenced: at the acknowledgement of a deposed leader', () =>
  agrees(fenced, acknowledgements, (random) => {
    const blame = random.pick([undefined, undefined, 'fast', 'fast', 'safe', 'other']);
    return { ...defaultSemantics, ...(blame !== undefined && { blame }) };
  }));

it('one-leader-per-term: at the claim of the second leader', () =>
  agrees(oneLeaderPerTerm, sightings, () => defaultSemantics));
