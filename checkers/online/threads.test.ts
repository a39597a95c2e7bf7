/** Read-your-writes and monotonic-reads followed: never too early, and what needs no circle is found at the event that shows it. */
import { describe, expect, it } from 'vitest';
import { historyFromEvents } from '../../history/builder.ts';
import type { Event } from '../../history/operation.ts';
import type { Random } from '../../history/random.ts';
import { h } from '../../history/testing.ts';
import { drawn, eachRound, rounds } from '../../test-support/rounds.ts';
import { type Checker, defaultSemantics, type Semantics, unlimited, type Verdict } from '../checker.ts';
import monotonicReads from '../guarantees/monotonic-reads.ts';
import readYourWrites from '../guarantees/read-your-writes.ts';
import { eventsOf, follow } from './testing.ts';

interface Shape {
  /** Of versions told. */
  readonly versions: number;
  /** Of answers that are something older, or nothing at all. */
  readonly stale: number;
  /** Values written twice, values that nobody wrote, versions of something else, writes refused after all, cas. */
  readonly wild: number;
}

interface Open {
  readonly f: 'read' | 'write' | 'cas';
  readonly key: string;
  /** Of a cas. */
  readonly expected: number | null;
  readonly value: number;
  place: number;
}

/** Users of one log, which tells of anything by its place there. */
function randomEvents(random: Random, { versions, stale, wild }: Shape): Event[] {
  const log: { readonly key: string; readonly value: number }[] = [];
  const events: Event[] = [];
  const push = (event: object): void => void events.push({ time: events.length * 1000, ...event } as Event);
  const clients = Array.from({ length: random.between(2, 5) }, (_, i) => ({
    process: i,
    session: `s${random.below(3)}`,
    device: `d${random.below(2)}`,
    open: undefined as Open | undefined,
  }));
  const named = random.chance(0.8);
  let unique = 0;
  let processes = clients.length;
  const version = (place: number): object =>
    place >= 0 && random.chance(versions)
      ? { version: ['g0', 1, random.chance(wild / 4) ? random.below(log.length) : place] }
      : {};
  const land = (open: Open): void => {
    if (open.place < 0) open.place = log.push({ key: open.key, value: open.value }) - 1;
  };
  for (let step = random.between(20, 60); step > 0; step--) {
    const client = random.pick(clients);
    const { process, session, device, open } = client;
    if (open === undefined) {
      const f = !random.chance(0.45) ? 'read' : random.chance(wild / 2) ? 'cas' : 'write';
      const value = random.chance(wild / 4) ? random.below(4) : ++unique;
      const key = random.pick(['x', 'x', 'y']);
      const held = log.filter((entry) => entry.key === key).map((entry) => entry.value);
      const expected =
        f === 'cas' ? (random.chance(stale) ? random.pick([null, ...held]) : (held.at(-1) ?? null)) : null;
      client.open = { f, key, value, expected, place: -1 };
      const who = { type: 'invoke', process, ...(named && { session, device }) };
      push({ ...who, f, key, value: f === 'cas' ? [expected, value] : f === 'write' ? value : null });
      continue;
    }
    const { f, key } = open;
    if (f !== 'read' && open.place < 0 && random.chance(0.5)) {
      land(open);
      continue;
    }
    client.open = undefined;
    const done = { process, f, key };
    if (f !== 'read') {
      const value = f === 'cas' ? [open.expected, open.value] : open.value;
      if (random.chance(0.15)) {
        push({ ...done, type: 'info', value });
        client.process = processes++;
      } else if (open.place < 0 ? random.chance(0.2) : random.chance(wild / 3)) {
        const actual = f === 'cas' ? log.findLast((entry) => entry.key === key)?.value : undefined;
        push({ ...done, type: 'fail', value, ...(actual !== undefined && { error: 'mismatch', actual }) });
      } else {
        land(open);
        push({ ...done, type: 'ok', value, ...version(open.place) });
      }
      continue;
    }
    const places = [-1, ...log.flatMap((entry, place) => (entry.key === key ? [place] : []))];
    const place = random.chance(stale) ? random.pick(places) : (places.at(-1) ?? -1);
    const shown = random.chance(wild / 6) ? 99 : place < 0 ? null : log[place].value;
    push({ ...done, type: 'ok', value: shown, ...version(place) });
  }
  return events;
}

const isCircle = (verdict: Verdict): boolean =>
  verdict.type === 'invalid' && verdict.anomalies.every(({ kind }) => kind === 'contradictory order');

/** Whether check calls what there is after so many events broken, by more than a circle. */
function isBroken(checker: Checker, events: readonly Event[], length: number, semantics: Semantics): boolean {
  const verdict = checker.check(historyFromEvents(events.slice(0, length)), unlimited, semantics);
  return verdict.type === 'invalid' && !isCircle(verdict);
}

/** Whether a write is open after so many events. */
function writesOpen(events: readonly Event[], length: number): boolean {
  const open = new Set<unknown>();
  for (const { type, process, f } of events.slice(0, length)) {
    if (f === 'write' && type === 'invoke') open.add(process);
    else if (f === 'write') open.delete(process);
  }
  return open.size > 0;
}

const semanticsOf = (random: Random): Semantics => ({
  ...defaultSemantics,
  thread: random.chance(0.3) ? 'device' : 'session',
});

describe.each([readYourWrites, monotonicReads])('$name', (checker) => {
  it('breaks at the event that shows it', () => {
    let broken = 0;
    eachRound(
      `${checker.name} followed`,
      (random, label) => {
        const events = randomEvents(random, { versions: random.pick([0, 1]), stale: random.pick([0.1, 0.3]), wild: 0 });
        const semantics = semanticsOf(random);
        const { brokenAt, end, history } = follow(checker, events, semantics);
        expect(end, label).toEqual(checker.check(history, unlimited, semantics));
        const mayWait = (length: number): boolean => checker === monotonicReads && writesOpen(events, length);
        if (brokenAt === undefined) {
          if (end.type === 'invalid' && !isCircle(end)) expect(mayWait(events.length), label).toBe(true);
          return;
        }
        broken++;
        expect(end.type, label).toBe('invalid');
        expect(isBroken(checker, events, brokenAt, semantics), label).toBe(true);
        const before = isBroken(checker, events, brokenAt - 1, semantics);
        expect(before && !mayWait(brokenAt - 1), `${label}, one event before`).toBe(false);
      },
      rounds / 2,
    );
    expect(broken, drawn).toBeGreaterThan(50);
  });

  it('never breaks what may yet turn out well', () => {
    let broken = 0;
    let contradicted = 0;
    eachRound(
      `${checker.name} followed, wild`,
      (random, label) => {
        const versions = random.pick([0, 0.5, 1]);
        const events = randomEvents(random, { versions, stale: 0.2, wild: random.pick([0.1, 0.3, 0.6]) });
        const semantics = semanticsOf(random);
        const { brokenAt, anomaly, end, history } = follow(checker, events, semantics);
        expect(end, label).toEqual(checker.check(history, unlimited, semantics));
        if (brokenAt === undefined) return;
        broken++;
        if (anomaly?.kind === 'contradicting claims') contradicted++;
        expect(end.type, label).toBe('invalid');
      },
      rounds / 2,
    );
    expect(broken, drawn).toBeGreaterThan(50);
    expect(contradicted, drawn).toBeGreaterThan(2);
  });
});

describe('monotonic-reads', () => {
  const lines = ['p0 w x 1', 'p1: r x 1 session=s', 'p1: r x null session=s'];

  it('waits for a write that may still be refused', () => {
    const said = (end: string): number | undefined => follow(monotonicReads, eventsOf(h(...lines, end))).brokenAt;
    expect(said('p0 ok')).toBe(6);
    expect(said('p0 fail')).toBeUndefined();
  });
});
