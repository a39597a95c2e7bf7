/** Small random histories of sessions: several keys, indeterminate operations, versions and positions, stale answers and lies. */
import { historyFromEvents } from '../history/builder.ts';
import type { History } from '../history/history.ts';
import type { Event, Position, Value } from '../history/operation.ts';
import type { Random } from '../history/random.ts';

/** A log, two nodes that follow it each at its own pace, and clients who are sometimes told something old. */
class SmallStore {
  readonly #random: Random;
  readonly #log: { readonly key: string; readonly value: number }[] = [];
  readonly #applied = [0, 0];
  readonly #versions: number;
  /** How often it says a version that is not so, and a position. */
  readonly #lies: number;
  readonly #misplaces: number;
  /** Whether what is old is of one state, at whose position it is told. */
  readonly #honest: boolean;

  /** @param lies whether versions may be told wrong: only where values tell the writes apart */
  constructor(random: Random, lies: boolean) {
    this.#random = random;
    this.#versions = random.pick([0, 0, 0.5, 1, 1]);
    this.#lies = lies ? random.pick([0, 0, 0, 0, 0.1]) : 0;
    this.#misplaces = lies ? random.pick([0, 0, 0, 0, 0.1]) : 0;
    this.#honest = random.chance(0.4);
  }

  apply(key: string, value: number): number {
    this.#log.push({ key, value });
    return this.#log.length - 1;
  }

  /** Of a place of the log, or nothing where the store keeps it to itself. */
  version(place: number): Position | undefined {
    if (place < 0 || !this.#random.chance(this.#versions)) return undefined;
    return position(this.#random.chance(this.#lies) ? this.#random.below(8) : place);
  }

  read(keys: readonly string[]): { values: Value[]; versions: (Position | undefined)[]; node: number; at: Position } {
    const random = this.#random;
    const node = random.below(2);
    this.#applied[node] += random.below(this.#log.length - this.#applied[node] + 1);
    const isOld = this.#honest && random.chance(0.2);
    const applied = isOld ? random.below(this.#applied[node] + 1) : this.#applied[node];
    const places = keys.map((key) => this.#place(key, applied));
    const values = places.map((place) => (place < 0 ? null : random.chance(0.01) ? 999 : this.#log[place].value));
    return {
      values,
      versions: places.map((place, i) => (values[i] === 999 ? undefined : this.version(place))),
      node,
      at: position(random.chance(this.#misplaces) ? random.below(9) : applied),
    };
  }

  #place(key: string, applied: number): number {
    const mine = this.#log.flatMap((entry, place) => (entry.key === key && place < applied ? [place] : []));
    return !this.#honest && this.#random.chance(0.2) ? this.#random.pick([-1, ...mine]) : (mine[mine.length - 1] ?? -1);
  }
}

/** Two terms, so that positions are not all comparable. */
function position(place: number): Position {
  return { group: 'g0', history: term(place), at: place };
}

export function term(place: number): number {
  return place < 4 ? 1 : place >= 4 ? 2 : Number.NaN;
}

interface Pending {
  readonly process: number;
  readonly key: string;
  readonly value: number;
  place: number;
}

/** Small, of several sessions, with all that may be told of them; now and then with lies. */
export const smallHistory = (random: Random): History => historyFromEvents(smallEvents(random));

export function smallEvents(random: Random): Event[] {
  const repeats = random.chance(0.1);
  const store = new SmallStore(random, !repeats);
  const events: Event[] = [];
  const keys = random.pick([['x'], ['x', 'y'], ['x', 'y'], ['x', 'y', 'z']]);
  const clients = Array.from({ length: random.between(2, 4) }, (_, i) => ({
    process: i,
    session: `s${random.below(2)}`,
    device: random.pick(['phone', 'desk']),
    open: undefined as { readonly keys: readonly string[]; readonly write: Pending | undefined } | undefined,
  }));
  const named = random.chance(0.8);
  const positioned = random.chance(0.6);
  const pending: Pending[] = [];
  let time = 0;
  let processes = clients.length;
  let unique = 1;
  const land = (write: Pending): void => {
    if (write.place < 0) write.place = store.apply(write.key, write.value);
  };
  for (let step = random.between(12, 36); step > 0; step--) {
    time += 1000;
    const late = pending.filter(({ place }) => place < 0);
    if (late.length > 0 && random.chance(0.3)) land(random.pick(late));
    if (random.chance(0.02)) events.push({ type: 'info', time, process: 'cluster', f: 'down', value: { node: 'n0' } });
    const client = random.pick(clients);
    const { session, device, process } = client;
    if (client.open === undefined) {
      const who = { type: 'invoke' as const, time, process, ...(named && { session, device }) };
      const key = random.pick(keys);
      if (random.chance(0.4) && unique <= 7) {
        const write = { process, key, value: repeats ? random.below(3) : unique++, place: -1 };
        pending.push(write);
        client.open = { keys: [key], write };
        if (random.chance(0.2)) {
          const [expected = null] = random.chance(0.8) && !repeats ? store.read([key]).values : [];
          events.push({ ...who, f: 'cas', key, value: [expected, write.value] });
        } else events.push({ ...who, f: 'write', key, value: write.value });
      } else if (random.chance(0.4)) {
        client.open = { keys, write: undefined };
        events.push({ ...who, f: 'readMany', value: keys });
      } else {
        client.open = { keys: [key], write: undefined };
        events.push({ ...who, f: 'read', key, value: null });
      }
      continue;
    }
    const { keys: asked, write } = client.open;
    client.open = undefined;
    const invoked = events.findLast((event) => event.type === 'invoke' && event.process === process) as Event & {
      type: 'invoke';
    };
    const { f, value } = invoked;
    const done = { time, process, f, ...(f !== 'readMany' && { key: asked[0] }) };
    if (write === undefined) {
      const seen = store.read(asked);
      const where = positioned ? { node: `n${seen.node}`, position: seen.at } : {};
      if (random.chance(0.1)) events.push({ ...done, type: 'fail', value });
      else if (f === 'readMany') {
        const version = seen.versions.map((v) => v ?? null);
        events.push({
          ...done,
          ...where,
          type: 'ok',
          value: seen.values,
          ...(version.some((v) => v !== null) && { version }),
        });
      } else {
        const [version] = seen.versions;
        events.push({
          ...done,
          ...where,
          type: 'ok',
          value: seen.values[0],
          ...(version !== undefined && { version }),
        });
      }
    } else if (random.chance(0.25)) {
      events.push({ ...done, type: 'info', value });
      client.process = processes++;
    } else if (write.place < 0 && random.chance(0.2)) {
      const tells = f === 'cas' && random.chance(0.7);
      const [actual = null] = tells ? store.read(asked).values : [];
      events.push({ ...done, type: 'fail', value, ...(tells && { error: 'mismatch', actual }) });
      pending.splice(pending.indexOf(write), 1);
    } else {
      land(write);
      const version = store.version(write.place);
      events.push({ ...done, type: 'ok', value, ...(version !== undefined && { version }) });
    }
  }
  return events;
}
