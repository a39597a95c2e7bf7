/**
 * Durability against its definition, and against what did survive: a small store with leaders that are deposed, and whose last entries are
 * lost then, tells as much as it pleases.
 */
import { expect, test } from 'vitest';
import { historyFromEvents } from '../../history/builder.ts';
import type { Event } from '../../history/operation.ts';
import type { Random } from '../../history/random.ts';
import { drawn, eachRound, rounds } from '../../test-support/rounds.ts';
import { defaultSemantics, unlimited } from '../checker.ts';
import durable from './durable.ts';

type Place = readonly [group: string, term: number | string, at: number];

/** A write that was not refused, as the definition sees it. */
interface Write {
  readonly key: string;
  readonly value: number;
  readonly path: string;
  readonly call: number;
  ret: number;
  isAcknowledged: boolean;
  /** Where the log had it when it was asked for; what anybody was told of it. */
  readonly place: Place;
  told: Place | undefined;
  /** The first time that somebody had been shown it. */
  shown: number;
}

interface Final {
  readonly key: string;
  readonly value: number | null;
  readonly call: number;
  readonly position: Place | undefined;
}

interface Drawn {
  readonly events: Event[];
  readonly writes: readonly Write[];
  /** The last one of each key. */
  readonly finals: ReadonlyMap<string, Final>;
  /** Values in the log at the end. */
  readonly survived: ReadonlySet<number>;
  readonly isTrue: boolean;
}

interface Entry {
  readonly place: Place;
  readonly key: string;
  readonly value: number;
}

/** A log with its term, which loses its end with each new leader; what was lost may have been acknowledged, and may be later on. */
class Store {
  readonly #random: Random;
  readonly isNumbered: boolean;
  entries: Entry[] = [];
  #term = 1;
  #deposedTerm = 0;
  /** What a deposed leader still appends to, in its own term. */
  deposed: Entry[] = [];

  constructor(random: Random) {
    this.#random = random;
    this.isNumbered = random.chance(0.85);
  }

  #named(term: number): number | string {
    return this.isNumbered ? term : `h${term}`;
  }

  append(key: string, value: number): Place {
    const isDeposed = this.#deposedTerm > 0 && this.#random.chance(0.2);
    const log = isDeposed ? this.deposed : this.entries;
    const place: Place = ['g0', this.#named(isDeposed ? this.#deposedTerm : this.#term), log.length + 1];
    log.push({ place, key, value });
    return place;
  }

  /** The next leader has lost the end of the log; or has the one that was deposed before, with all that it went on with. */
  fail(): void {
    const lost = this.entries;
    const isOther = this.#deposedTerm > 0 && this.#random.chance(0.5);
    this.entries = isOther ? this.deposed : lost.slice(0, Math.max(0, lost.length - this.#random.below(3)));
    this.deposed = [...lost];
    this.#deposedTerm = this.#term++;
  }

  read(key: string): { readonly place: Place; readonly value: number } | undefined {
    return this.entries.findLast((entry) => entry.key === key);
  }

  get position(): Place {
    return ['g0', this.#named(this.#term), this.entries.length];
  }
}

function history(random: Random): Drawn {
  const store = new Store(random);
  const events: Event[] = [];
  const writes: Write[] = [];
  const finals = new Map<string, Final>();
  const keys = random.pick([['x'], ['x', 'y'], ['x', 'y', 'z'], ['a', 'b', 'c', 'd', 'e', 'f']]);
  const versions = random.pick([0, 0, 0.5, 1, 1]);
  const positions = random.pick([0, 0.5, 1]);
  const failovers = random.pick([0, 0.15, 0.3]);
  const lies = random.pick([0, 0, 0.2]);
  const clients = [0, 1, 2].map((process) => ({ process, open: undefined as Write | undefined }));
  let retired = 3;
  let isTrue = true;
  const push = (event: object): void => void events.push({ time: events.length, ...event } as Event);
  const tell = (place: Place | undefined): { version?: Place } =>
    place !== undefined && random.chance(versions) ? { version: place } : {};
  const end = (client: (typeof clients)[number], write: Write): void => {
    const { process } = client;
    const done = { process, f: 'write', key: write.key, value: write.value };
    client.open = undefined;
    if (random.chance(0.2)) {
      client.process = retired++;
      push({ ...done, type: 'info' });
      return;
    }
    const said = tell(write.place);
    write.told ??= said.version;
    [write.ret, write.isAcknowledged] = [events.length, true];
    push({ ...done, type: 'ok', ...said });
  };
  const show = (value: number | null, place: Place | undefined): { version?: Place } => {
    const write = writes.find((one) => one.value === value);
    if (write === undefined) return {};
    const said = tell(place);
    write.told ??= said.version;
    write.shown = Math.min(write.shown, Math.max(events.length, write.call));
    return said;
  };
  const read = (key: string, path: string, isLast: boolean): void => {
    push({ type: 'invoke', process: 99, f: 'read', key, path, value: null });
    const call = events.length - 1;
    const entry = store.read(key);
    let value = entry?.value ?? null;
    const isFalse = isLast && random.chance(lies);
    const ofKey = writes.filter((one) => one.key === key).map((one) => one.value);
    if (isFalse) value = random.pick([null, 999, ...ofKey]);
    if (value !== (entry?.value ?? null)) isTrue = false;
    const said = value === entry?.value ? show(value, entry.place) : show(value, undefined);
    const position = !isFalse && random.chance(positions) ? store.position : undefined;
    push({ type: 'ok', process: 99, f: 'read', key, value, ...said, ...(position !== undefined && { position }) });
    if (isLast) finals.set(key, { key, value, call, position });
  };
  const ask = (client: (typeof clients)[number]): void => {
    const key = keys.length > 3 ? keys[writes.length % keys.length] : random.pick(keys);
    const [value, path] = [writes.length + 1, random.pick(['fast', 'safe'])];
    client.open = {
      key,
      value,
      path,
      call: events.length,
      ret: Number.POSITIVE_INFINITY,
      isAcknowledged: false,
      place: store.append(key, value),
      told: undefined,
      shown: Number.POSITIVE_INFINITY,
    };
    writes.push(client.open);
    push({ type: 'invoke', process: client.process, f: 'write', key, path, value });
  };
  for (let left = random.between(4, 20); left > 0; left--) {
    const client = random.pick(clients);
    if (random.chance(failovers)) store.fail();
    if (client.open !== undefined) end(client, client.open);
    else if (random.chance(0.25)) read(random.pick(keys), 'any', false);
    else if (writes.length < 7) ask(client);
  }
  // Now and then some are still open when the final reads begin, and are acknowledged among them.
  const isLate = random.chance(0.3);
  if (!isLate) for (const client of clients) if (client.open !== undefined) end(client, client.open);
  push({ type: 'info', process: 'harness', f: 'phase', value: 'epilogue' });
  for (const key of keys) {
    if (random.chance(0.93)) read(key, 'leader', true);
    if (random.chance(0.1)) read(key, 'node:n1', false);
    const open = clients.find((client) => client.open !== undefined);
    if (open?.open !== undefined && random.chance(0.5)) end(open, open.open);
  }
  return { events, writes, finals, survived: new Set(store.entries.map(({ value }) => value)), isTrue };
}

/** When a write had certainly taken effect. */
const done = ({ ret, shown }: Write): number => Math.min(ret, shown);

function older(a: Write, b: Write): boolean {
  if (done(a) < b.call) return true;
  if (a.told === undefined || b.told === undefined) return false;
  if (a.told[1] === b.told[1]) return a.told[2] < b.told[2];
  return a.told[1] < b.told[1] && typeof a.told[1] === 'number';
}

/** Places of the final log, all of one log: with what was read of it, and halves for the states that were read. */
function placesOf({ writes, finals }: Drawn): readonly Place[] {
  const places = [...finals.values()].flatMap(({ value, position }): Place[] => {
    const told = writes.find((write) => write.value === value)?.told;
    const [group, term, at] = position ?? ['', '', 0];
    return [
      ...(told === undefined ? [] : [told]),
      ...(position === undefined ? [] : [[group, term, at + 0.5] as const]),
    ];
  });
  return places.filter(([, term]) => typeof term === 'number');
}

/** Terms never fall along a log, and each of its places holds one entry. */
const areOneLog = (places: readonly Place[]): boolean =>
  places.every(([, term, at]) =>
    places.every(([, other, behind]) => (behind === at ? term === other || at % 1 > 0 : behind < at || other >= term)),
  );

/** What became of a write that was acknowledged: straight from the definition. */
function fateOf(write: Write, all: Drawn): 'there' | 'lost' | 'covered' | 'not read back' {
  const final = all.finals.get(write.key);
  if (final?.value === write.value) return 'there';
  const ofKey = all.writes.filter(({ key }) => key === write.key);
  const shown = ofKey.find(({ value }) => value === final?.value);
  const isAfter = final !== undefined && done(write) < final.call;
  if (isAfter && final.value === null) return 'lost';
  if (isAfter && shown === undefined && ofKey.length === 1) return 'lost';
  if (isAfter && shown !== undefined && older(shown, write)) return 'lost';
  const places = placesOf(all);
  if (write.told !== undefined && typeof write.told[1] === 'number' && areOneLog(places)) {
    if (!areOneLog([...places, write.told])) return 'lost';
    const ofTerm = places.filter(([, term]) => term === write.told?.[1]).map(([, , at]) => at);
    if (Math.min(...ofTerm) < write.told[2] && write.told[2] < Math.max(...ofTerm)) return 'there';
  }
  return isAfter ? 'covered' : 'not read back';
}

test('durable: every acknowledged write against the final reads, and against the log that survived', () => {
  const seen = { valid: 0, invalid: 0, unknown: 0 };
  const fates = { there: 0, lost: 0, covered: 0, 'not read back': 0 };
  eachRound('durable twin', (random, label) => {
    const all = history(random);
    const blame = random.pick([undefined, undefined, 'fast']);
    const semantics = { ...defaultSemantics, ...(blame !== undefined && { blame }) };
    const verdict = durable.check(historyFromEvents(all.events), unlimited, semantics);
    const counts = { there: 0, lost: 0, covered: 0, 'not read back': 0 };
    const written = all.writes.filter(({ path }) => blame === undefined || path === blame);
    for (const write of written) {
      if (!write.isAcknowledged) continue;
      const fate = fateOf(write, all);
      counts[fate]++;
      const context = `${label}: ${write.value} ${fate}\n${all.events.map((event) => JSON.stringify(event)).join('\n')}`;
      if (all.isTrue && fate === 'lost') expect(all.survived.has(write.value), context).toBe(false);
      if (all.isTrue && fate === 'there') expect(all.survived.has(write.value), context).toBe(true);
    }
    for (const fate of Object.keys(counts) as (keyof typeof counts)[]) fates[fate] += counts[fate];
    const isUnexpected = [...all.finals.values()].some(
      ({ key, value }) => value === 999 && (blame === undefined || written.some((write) => write.key === key)),
    );
    const isDecided = counts['not read back'] === 0 && counts.there > 0;
    const expected = counts.lost > 0 || isUnexpected ? 'invalid' : isDecided ? 'valid' : 'unknown';
    const { lost = 0, survived = 0 } = verdict.examined as { lost?: number; survived?: number };
    seen[expected]++;
    const context = `${label}, ${blame}\n${all.events.map((event) => JSON.stringify(event)).join('\n')}`;
    const counted = all.finals.size === 0 ? [0, 0] : [counts.lost, counts.there];
    const due = all.finals.size === 0 ? 'unknown' : expected;
    expect([verdict.type, lost, survived], context).toEqual([due, ...counted]);
  });
  for (const [type, count] of Object.entries({ ...seen, ...fates }))
    expect(count, `${type}, ${drawn}`).toBeGreaterThan(rounds / 20);
});
