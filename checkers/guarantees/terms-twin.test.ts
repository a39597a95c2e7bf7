/** Fencing and leadership against twins that compare every two of what was said, on small random histories in which some of it is false. */
import { expect, test } from 'vitest';
import { historyFromEvents } from '../../history/builder.ts';
import type { Event } from '../../history/operation.ts';
import type { Random } from '../../history/random.ts';
import { drawn, eachRound, rounds } from '../../test-support/rounds.ts';
import { defaultSemantics, unlimited, type Verdict } from '../checker.ts';
import fenced from './fenced.ts';
import oneLeaderPerTerm from './one-leader-per-term.ts';

type Place = readonly [group: string, history: number | string, at: number];

/** What was said of the version of a value, by the acknowledgement of its write or by a read. */
interface Report {
  readonly value: number;
  readonly place: Place;
  readonly path: string;
  readonly isRead: boolean;
  readonly call: number;
  readonly ret: number;
}

interface Drawn {
  readonly events: Event[];
  readonly reports: readonly Report[];
}

/** Leaders of two groups, some of whom do not know that they are deposed; histories without numbers; versions said twice, or wrong. */
function acknowledgements(random: Random): Drawn {
  const events: Event[] = [];
  const reports: Report[] = [];
  const push = (event: object): void => void events.push({ time: events.length, ...event } as Event);
  const clients = [0, 1, 2, 3].map((process) => ({ process, open: undefined as Asked | undefined }));
  const late = random.pick([0, 0.2, 0.5]);
  const lies = random.pick([0, 0, 0.1]);
  const isNumbered = random.chance(0.95);
  const terms = { g0: 1, g1: 1 };
  let fresh = 0;
  let retired = 4;
  for (let left = random.between(6, 26); left > 0; left--) {
    const client = random.pick(clients);
    const { process, open } = client;
    if (open === undefined) {
      const group = random.pick(['g0', 'g0', 'g1'] as const);
      if (random.chance(0.25)) terms[group]++;
      const term = random.chance(late) ? Math.max(1, terms[group] - random.between(1, 2)) : terms[group];
      const known = reports.filter(({ isRead }) => !isRead);
      const shown = random.chance(0.25) && known.length > 0 ? random.pick(known) : undefined;
      const f = shown !== undefined ? 'read' : random.chance(0.2) ? 'cas' : 'write';
      const value = shown?.value ?? ++fresh;
      const place: Place = shown?.place ?? [group, isNumbered ? term : `h${term}`, events.length];
      const path = random.pick(['fast', 'safe']);
      client.open = { f, value, place, path, call: events.length };
      const asked = f === 'read' ? null : f === 'cas' ? [0, value] : value;
      push({ type: 'invoke', process, f, key: 'x', path, value: asked });
      continue;
    }
    client.open = undefined;
    const { f, value, path, call } = open;
    const type = random.chance(0.1) ? 'info' : random.chance(0.1) ? 'fail' : 'ok';
    if (type === 'info') client.process = retired++;
    let place: Place | undefined = random.chance(0.9) ? open.place : undefined;
    if (type === 'ok' && place !== undefined) {
      // That of another, or one that nobody else speaks of.
      const wrong = random.pick([
        ...reports.map((one) => one.place),
        [place[0], random.pick([1, 2, 'h9']), 1000 + left],
      ]);
      if (random.chance(lies)) place = wrong as Place;
      reports.push({ value, place, path, isRead: f === 'read', call, ret: events.length });
    } else place = undefined;
    const answer = f === 'cas' ? [0, value] : value;
    push({ type, process, f, key: 'x', value: answer, ...(place !== undefined && { version: place }) });
  }
  return { events, reports };
}

interface Asked {
  readonly f: 'read' | 'write' | 'cas';
  readonly value: number;
  readonly place: Place;
  readonly path: string;
  readonly call: number;
}

const same = (a: Place, b: Place): boolean => a.every((part, i) => part === b[i]);

/** What a deposed leader lost its client may send again to the next one; till it is undone, it is shown with the older term. */
const isSentAgain = ([group, first]: Place, [other, second]: Place): boolean =>
  group === other && typeof first === 'number' && typeof second === 'number' && second < first;

/** The definition, on every two reports. */
function isFenced(reports: readonly Report[], blame: string | undefined): Verdict['type'] {
  const acks = reports.filter(({ isRead }) => !isRead);
  const isBlamed = ({ path, isRead }: Report): boolean => blame === undefined || (path === blame && !isRead);
  const doubtful = new Set<number>();
  let isInvalid = false;
  acks.forEach((ack, i) => {
    for (const other of [...acks.slice(i + 1), ...reports.filter(({ isRead }) => isRead)]) {
      const isOfOther = ack.value !== other.value && same(ack.place, other.place);
      const isTwice = ack.value === other.value && !same(ack.place, other.place);
      if (!isOfOther && !(isTwice && !isSentAgain(ack.place, other.place))) continue;
      doubtful.add(ack.value).add(other.value);
      if (isBlamed(ack) && isBlamed(other)) isInvalid = true;
    }
  });
  const telling = acks.filter(({ value, place }) => !doubtful.has(value) && typeof place[1] === 'number');
  const judged = telling.filter(isBlamed);
  const isDeposed = (low: Report): boolean =>
    telling.some(({ place, ret }) => place[0] === low.place[0] && place[1] > low.place[1] && ret < low.call);
  if (isInvalid || judged.some(isDeposed)) return 'invalid';
  return judged.length === 0 || acks.some(({ value }) => doubtful.has(value)) ? 'unknown' : 'valid';
}

test('fenced: every two acknowledgements', () => {
  const seen = { valid: 0, invalid: 0, unknown: 0 };
  eachRound('fenced twin', (random, label) => {
    const { events, reports } = acknowledgements(random);
    const blame = random.pick([undefined, undefined, 'fast', 'safe']);
    const semantics = { ...defaultSemantics, ...(blame !== undefined && { blame }) };
    const { type } = fenced.check(historyFromEvents(events), unlimited, semantics);
    const expected = isFenced(reports, blame);
    seen[expected]++;
    if (type === expected) return;
    expect(type, `${label}, ${blame}\n${events.map((event) => JSON.stringify(event)).join('\n')}`).toBe(expected);
  });
  for (const [type, count] of Object.entries(seen)) expect(count, `${type}, ${drawn}`).toBeGreaterThan(rounds / 20);
});

interface Seen {
  readonly node: string;
  readonly role: string;
  readonly term: number;
  /** As it is named; undefined: not at all. */
  readonly group: string | undefined;
}

/** Sightings that name their group by a place, by name, or not at all, some of them of no use; beside writes in one group or in two. */
function sightings(random: Random): {
  readonly events: Event[];
  readonly seen: readonly Seen[];
  readonly groups: Set<string>;
} {
  const events: Event[] = [];
  const seen: Seen[] = [];
  const groups = new Set<string>();
  const wrong = random.pick([0, 0.05, 0.3]);
  const unnamed = random.pick([0, 0, 0.3, 1]);
  for (let left = random.between(0, 12); left > 0; left--) {
    const time = events.length;
    if (random.chance(0.2)) {
      const group = random.pick(['g0', 'g0', 'g1']);
      groups.add(group);
      const write = { time, process: 0, f: 'write', key: 'x', value: left };
      const version = [group, 1, left];
      events.push({ ...write, type: 'invoke' } as Event, { ...write, type: 'ok', version } as unknown as Event);
      continue;
    }
    const term = 1 + random.below(5);
    const group = random.pick(['g0', 'g0', 'g1']);
    const node = random.chance(wrong) ? 'n9' : `n${(term + Number(group === 'g1')) % 3}`;
    const role = random.chance(0.8) ? 'leader' : 'follower';
    const isNamed = !random.chance(unnamed);
    const named = isNamed ? random.pick([{ group }, { commit: [group, term, 7], applied: [group, term, 7] }]) : {};
    const isUsable = random.chance(0.95);
    const value = { node, role, ...named, ...(isUsable && { term }) };
    events.push({ type: 'info', time, process: 'cluster', f: 'sighting', value } as unknown as Event);
    if (isUsable) seen.push({ node, role, term, group: isNamed ? group : undefined });
  }
  return { events, seen, groups };
}

test('one leader per term: every two claims', () => {
  const met = { valid: 0, invalid: 0, unknown: 0 };
  eachRound('leaders twin', (random, label) => {
    const { events, seen, groups } = sightings(random);
    const verdict = oneLeaderPerTerm.check(historyFromEvents(events));
    const only = groups.size === 1 ? [...groups][0] : 'the one that is not named';
    const claims = seen.filter(({ role }) => role === 'leader');
    const inOneTerm = (a: Seen, b: Seen): boolean => a.term === b.term && (a.group ?? only) === (b.group ?? only);
    // Each node but the first that led in a term, once.
    const seconds = claims.filter((claim, i) => {
      const earlier = claims.slice(0, i).filter((other) => inOneTerm(claim, other));
      return earlier.length > 0 && earlier.every(({ node }) => node !== claim.node);
    });
    const expected = seconds.length > 0 ? 'invalid' : claims.length > 0 ? 'valid' : 'unknown';
    met[expected]++;
    const count = verdict.type === 'invalid' ? verdict.count : 0;
    const context = `${label}\n${events.map((event) => JSON.stringify(event)).join('\n')}`;
    expect([verdict.type, count], context).toEqual([expected, seconds.length]);
  });
  for (const [type, count] of Object.entries(met)) expect(count, `${type}, ${drawn}`).toBeGreaterThan(rounds / 20);
});
