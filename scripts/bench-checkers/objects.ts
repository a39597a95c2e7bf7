/** Histories of sets, queues, logs, counters and locks: closed-loop clients against the true object, seeded by the load itself. */
import { EventFields, HistoryBuilder, INVOKE } from '../../history/builder.ts';
import { FAIL, type History, METHODS, NULL_REF, OK } from '../../history/history.ts';
import type { Method, Value } from '../../history/operation.ts';
import { Random } from '../../history/random.ts';

export type ObjectKind = 'set' | 'queue' | 'log' | 'counter' | 'lock';

export interface ObjectLoad {
  readonly operations: number;
  readonly clients: number;
  readonly kind: ObjectKind;
}

interface Client {
  state: 'idle' | 'asked' | 'done';
  f: Method;
  key: number;
  /** As asked for, and as answered. */
  value: Value;
  fails: boolean;
}

/** One kind of object, of which there may be several, by number. */
interface Objects {
  /** What a client asks next, and of which; at the end, what ends the history. */
  ask(client: number, isEnding: boolean): Pick<Client, 'f' | 'key' | 'value'>;
  /** What it does, at one moment between call and return. Undefined: it is refused. */
  happen(client: number, asked: Pick<Client, 'f' | 'key' | 'value'>): Value | undefined;
  /** Whether it asks for more once all operations were started: queues end empty. */
  goesOn?(): boolean;
}

const NANOSECONDS_A_STEP = 500;

export function objectHistory({ operations, clients, kind }: ObjectLoad): History {
  const random = new Random(JSON.stringify({ operations, clients, kind }));
  const objects = made[kind](random, clients);
  const builder = new HistoryBuilder();
  builder.reserve(operations);
  const { keys, values } = builder.tables;
  const fields = new EventFields();
  const all = Array.from({ length: clients }, (): Client => {
    return { state: 'idle', f: 'read', key: 0, value: null, fails: false };
  });
  let time = 0;
  const emit = (process: number, type: number): void => {
    const { f, key, value } = all[process];
    fields.clear();
    fields.type = type;
    fields.f = METHODS.indexOf(f as (typeof METHODS)[number]);
    fields.process = process;
    fields.time = time;
    fields.key = keys.intern(JSON.stringify(`${kind}${key}`));
    fields.value = value === null ? NULL_REF : values.intern(value);
    builder.put(fields);
  };
  let started = 0;
  let open = 0;
  while (started < operations || open > 0 || objects.goesOn?.() === true) {
    const process = random.below(clients);
    const client = all[process];
    time += NANOSECONDS_A_STEP + random.below(NANOSECONDS_A_STEP);
    if (client.state === 'idle') {
      if (started >= operations && objects.goesOn?.() !== true) continue;
      started++;
      open++;
      Object.assign(client, objects.ask(process, started > operations));
      emit(process, INVOKE);
      client.state = 'asked';
    } else if (client.state === 'asked') {
      const answer = objects.happen(process, client);
      client.fails = answer === undefined;
      if (answer !== undefined) client.value = answer;
      client.state = 'done';
    } else {
      emit(process, client.fails ? FAIL : OK);
      client.state = 'idle';
      open--;
    }
  }
  return builder.build();
}

/** Elements of one set, for all of it is read again and again. */
const SET_SIZE = 200;
const SET_READS = 0.02;
const COUNTERS = 10;
const LOCKS = 10;
const PARTITIONS = 10;
const POLLED_MAX = 8;

const made: Readonly<Record<ObjectKind, (random: Random, clients: number) => Objects>> = {
  set: (random) => {
    const sets: number[][] = [];
    let added = 0;
    return {
      ask() {
        const key = Math.floor(added / SET_SIZE);
        if (random.chance(SET_READS)) return { f: 'read', key, value: null };
        return { f: 'add', key, value: ++added };
      },
      happen(_, { f, key, value }) {
        const held = (sets[key] ??= []);
        if (f === 'read') return held.slice();
        held.push(value as number);
        return value;
      },
    };
  },

  queue: (random) => {
    const held: number[] = [];
    let first = 0;
    let fresh = 0;
    let sawEmpty = false;
    return {
      ask: () =>
        random.chance(0.5) ? { f: 'enqueue', key: 0, value: ++fresh } : { f: 'dequeue', key: 0, value: null },
      happen(_, { f, value }) {
        sawEmpty = f === 'dequeue' && first === held.length;
        if (f === 'dequeue') return sawEmpty ? null : held[first++];
        held.push(value as number);
        return value;
      },
      goesOn: () => !sawEmpty,
    };
  },

  log: (random, clients) => {
    const logs: number[][] = Array.from({ length: PARTITIONS }, () => []);
    const next = Array.from({ length: clients }, () => new Int32Array(PARTITIONS));
    let fresh = 0;
    return {
      ask() {
        const key = random.below(PARTITIONS);
        return random.chance(0.5) ? { f: 'send', key, value: ++fresh } : { f: 'poll', key, value: null };
      },
      happen(client, { f, key, value }) {
        if (f === 'send') return [logs[key].push(value as number) - 1, value];
        const from = next[client][key];
        const entries = logs[key].slice(from, from + POLLED_MAX).map((one, i): Value => [from + i, one]);
        next[client][key] += entries.length;
        return entries;
      },
    };
  },

  counter: (random) => {
    const sums = new Int32Array(COUNTERS);
    return {
      ask() {
        const key = random.below(COUNTERS);
        return random.chance(0.5) ? { f: 'add', key, value: 1 + random.below(9) } : { f: 'read', key, value: null };
      },
      happen(_, { f, key, value }) {
        if (f === 'read') return sums[key];
        sums[key] += value as number;
        return value;
      },
    };
  },

  lock: (random, clients) => {
    const holders = new Int32Array(LOCKS).fill(-1);
    const tokens = new Int32Array(LOCKS);
    const held = new Int32Array(clients).fill(-1);
    return {
      ask(client) {
        if (held[client] !== -1) return { f: 'release', key: held[client], value: null };
        return { f: 'acquire', key: random.below(LOCKS), value: null };
      },
      happen(client, { f, key }) {
        if (f === 'release') {
          holders[key] = held[client] = -1;
          return null;
        }
        if (holders[key] !== -1) return undefined;
        holders[key] = client;
        held[client] = key;
        return ++tokens[key];
      },
    };
  },
};
