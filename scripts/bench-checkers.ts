/**
 * How fast linearizability is decided: one line an input, the median of five. Reading is not counted, laying out is.
 *
 *     node dist/scripts/bench-checkers.js [recorded histories]
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Semantics } from '../checkers/checker.ts';
import { defaultSemantics, unlimited } from '../checkers/checker.ts';
import linearizable from '../checkers/guarantees/linearizable.ts';
import { HistoryBuilder, EventFields, INVOKE } from '../history/builder.ts';
import { MILLISECOND, realClock } from '../history/clock.ts';
import { readJsonlSync } from '../history/codec/jsonl.ts';
import { CAS, FAIL, INFO, OK, READ, WRITE } from '../history/history.ts';
import type { History } from '../history/history.ts';
import { Random } from '../history/random.ts';

interface Load {
  readonly operations: number;
  readonly clients: number;
  readonly keys: number;
  readonly casPercent?: number;
  /** Per mille of writes that never return. */
  readonly indeterminate?: number;
  /** One read in the middle answers what was overwritten before it was asked. */
  readonly stale?: boolean;
  /** Failed cas say what they found. */
  readonly actual?: boolean;
  /** Written values are 0 … this-1 instead of unique. */
  readonly values?: number;
}

interface Client {
  at: number;
  process: number;
  state: 'idle' | 'asked' | 'done';
  f: number;
  key: number;
  value: number;
  expected: number;
  /** What it found. */
  found: number;
  swapped: boolean;
}

/** Closed-loop clients against true registers; each operation takes 50 + Exp(1000) µs and happens somewhere in between. */
function generate(load: Load): History {
  const random = new Random(JSON.stringify(load));
  const builder = new HistoryBuilder();
  builder.reserve(load.operations);
  const keys = Array.from({ length: load.keys }, (_, k) => builder.keys.intern(JSON.stringify(`k${k}`)));
  const held = new Int32Array(load.keys);
  const before = new Int32Array(load.keys);
  const fields = new EventFields();
  const clients = Array.from({ length: load.clients }, (_, process): Client => {
    return {
      at: random.below(100),
      process,
      state: 'idle',
      f: READ,
      key: 0,
      value: 0,
      expected: 0,
      found: 0,
      swapped: true,
    };
  });
  let started = 0;
  let fresh = 0;
  let nextProcess = load.clients;
  let lied = load.stale !== true;
  const emit = (client: Client, type: number): void => {
    fields.clear();
    fields.type = type;
    fields.f = client.f;
    fields.process = client.process;
    fields.time = client.at * 1000;
    fields.key = keys[client.key];
    fields.value = (client.f === READ ? client.found : client.value) * 2;
    if (client.f === CAS) fields.expected = client.expected * 2;
    if (type === FAIL) {
      fields.mismatch = true;
      if (load.actual === true) fields.actual = client.found * 2;
    }
    builder.put(fields);
  };
  for (;;) {
    let client = clients[0];
    for (const other of clients) if (other.at < client.at) client = other;
    if (client.at === Number.POSITIVE_INFINITY) return builder.build();
    if (client.state === 'idle') {
      if (started++ >= load.operations) {
        client.at = Number.POSITIVE_INFINITY;
        continue;
      }
      client.key = random.below(load.keys);
      const draw = random.below(100);
      const cas = load.casPercent ?? 0;
      client.f = draw < cas ? CAS : draw < cas + (100 - cas) / 2 ? WRITE : READ;
      fresh++;
      client.value = load.values === undefined ? fresh : random.below(load.values);
      client.expected = held[client.key];
      emit(client, INVOKE);
      client.state = 'asked';
      client.at += 50 + random.exponential(500);
    } else if (client.state === 'asked') {
      apply(client);
      client.state = 'done';
      client.at += random.exponential(500);
    } else {
      const unknown = client.f !== READ && random.below(1000) < (load.indeterminate ?? 0);
      if (!lied && client.f === READ && started > load.operations / 2 && fresh % 400 === 399) {
        client.found = before[client.key];
        lied = true;
      }
      emit(client, unknown ? INFO : client.f === CAS && !client.swapped ? FAIL : OK);
      if (unknown) client.process = nextProcess++;
      client.state = 'idle';
      client.at += random.exponential(100);
    }
  }

  function apply(client: Client): void {
    const k = client.key;
    client.found = held[k];
    if (client.f === READ) return;
    client.swapped = client.f === WRITE || held[k] === client.expected;
    if (!client.swapped) return;
    if (fresh % 400 < 10) before[k] = held[k];
    held[k] = client.value;
  }
}

const loads: readonly (readonly [string, Load])[] = [
  ...[5, 20, 50].flatMap((clients): (readonly [string, Load])[] => [
    [`1M, 1 key, ${clients} clients`, { operations: 1_000_000, clients, keys: 1 }],
    [`1M, 1 key, ${clients} clients, one stale read`, { operations: 1_000_000, clients, keys: 1, stale: true }],
    [`1M, 1 key, ${clients} clients, 2 % unknown`, { operations: 1_000_000, clients, keys: 1, indeterminate: 20 }],
  ]),
  ['1M, 100 keys, 20 clients', { operations: 1_000_000, clients: 20, keys: 100 }],
  ['100k, 1 key, 20 clients, 30 % cas', { operations: 100_000, clients: 20, keys: 1, casPercent: 30, actual: true }],
  ['100k, 1 key, 5 clients, 30 % cas, mismatch only', { operations: 100_000, clients: 5, keys: 1, casPercent: 30 }],
  ['100k, 1 key, 20 clients, 30 % cas, mismatch only', { operations: 100_000, clients: 20, keys: 1, casPercent: 30 }],
  ['100k, 1 key, 5 clients, 5 values', { operations: 100_000, clients: 5, keys: 1, values: 5 }],
  ['100k, 1 key, 20 clients, 5 values', { operations: 100_000, clients: 20, keys: 1, values: 5 }],
  [
    '100k, 1 key, 20 clients, 5 values, 30 % cas',
    { operations: 100_000, clients: 20, keys: 1, values: 5, casPercent: 30 },
  ],
];

const clock = realClock();

/** Milliseconds of the median of five, and what was found. */
function measure(histories: readonly History[], semantics: Semantics): { ms: number; verdict: string } {
  const times: number[] = [];
  const types = new Map<string, number>();
  for (let i = 0; i < 5; i++) {
    types.clear();
    const start = clock.now();
    for (const history of histories) {
      const { type } = linearizable.check(history, unlimited, semantics);
      types.set(type, (types.get(type) ?? 0) + 1);
    }
    times.push((clock.now() - start) / MILLISECOND);
  }
  times.sort((a, b) => a - b);
  return {
    ms: times[2],
    verdict: [...types].map(([type, count]) => (histories.length === 1 ? type : `${count} ${type}`)).join(', '),
  };
}

function line(name: string, histories: readonly History[], semantics: Semantics): void {
  const { ms, verdict } = measure(histories, semantics);
  console.log(`${name.padEnd(52)} ${ms.toFixed(1).padStart(9)} ms  ${verdict}`);
}

const recorded = process.argv[2] ?? '../shared/vectors';
if (existsSync(recorded)) {
  const folder = join(recorded, 'porcupine-etcd');
  const logs = readdirSync(folder).map((name) => readJsonlSync(join(folder, name)).history);
  line(`${logs.length} logs of etcd`, logs, defaultSemantics);
}
for (const [name, load] of loads) line(name, [generate(load)], { ...defaultSemantics, initial: 0 });
