/** Histories of registers: closed-loop clients against true registers, in simulated time, seeded by the load itself. */
import { EventFields, HistoryBuilder, INVOKE } from '../../history/builder.ts';
import { CAS, FAIL, INFO, OK, READ, WRITE } from '../../history/history.ts';
import type { History } from '../../history/history.ts';
import { Random } from '../../history/random.ts';

export interface ClientLoad {
  readonly operations: number;
  readonly clients: number;
  readonly keys: number;
  readonly casPercent?: number;
  /** Per mille of writes and cas that nobody answers: a third takes effect in time, a third late, a third never. */
  readonly indeterminate?: number;
  /** One read in the middle answers what was overwritten for certain before it was asked. */
  readonly stale?: boolean;
  /** Failed cas say what they found. */
  readonly actual?: boolean;
  /** Written values are 1 … this instead of unique; every register begins at 0. */
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
  /** When invoked: the value of the last write that had returned; of a read, one that was over. */
  settled: number;
  over: number;
}

/** A write that takes effect after its client gave up. */
interface Ghost {
  readonly at: number;
  readonly client: Client;
}

/** Microseconds: an operation takes 50 + Exp(1000), and happens somewhere in between; then the client thinks. */
const TAKES = 50;
const TAKES_ON_AVERAGE = 1000;
const THINKS = 100;
const LATE = 20_000;

export function clientHistory(load: ClientLoad): History {
  return new Clients(load).run();
}

class Clients {
  readonly #load: ClientLoad;
  readonly #random: Random;
  readonly #builder = new HistoryBuilder();
  readonly #fields = new EventFields();
  readonly #keys: readonly number[];
  /** Per key: what is held; the value of the last write that returned; a value overwritten before some return. */
  readonly #held: Int32Array;
  readonly #settled: Int32Array;
  readonly #over: Int32Array;
  readonly #clients: Client[];
  #ghosts: Ghost[] = [];
  #started = 0;
  #fresh = 0;
  #nextProcess: number;
  #lied: boolean;

  constructor(load: ClientLoad) {
    this.#load = load;
    this.#random = new Random(JSON.stringify(load));
    this.#builder.reserve(load.operations);
    this.#keys = Array.from({ length: load.keys }, (_, k) => this.#builder.keys.intern(JSON.stringify(`k${k}`)));
    this.#held = new Int32Array(load.keys);
    this.#settled = new Int32Array(load.keys);
    this.#over = new Int32Array(load.keys).fill(-1);
    this.#nextProcess = load.clients;
    this.#lied = load.stale !== true;
    this.#clients = Array.from({ length: load.clients }, (_, process): Client => {
      const at = this.#random.below(THINKS);
      const [key, value, expected, found, settled, over] = [0, 0, 0, 0, 0, 0];
      return { at, process, state: 'idle', f: READ, key, value, expected, found, swapped: true, settled, over };
    });
  }

  run(): History {
    for (;;) {
      let client = this.#clients[0];
      for (const other of this.#clients) if (other.at < client.at) client = other;
      if (this.#ghosts.length > 0) this.#haunt(client.at);
      if (client.at === Number.POSITIVE_INFINITY) return this.#builder.build();
      if (client.state === 'idle') this.#invoke(client);
      else if (client.state === 'asked') this.#takeEffect(client);
      else this.#complete(client);
    }
  }

  #invoke(client: Client): void {
    const { operations, casPercent = 0, values } = this.#load;
    if (this.#started++ >= operations) {
      client.at = Number.POSITIVE_INFINITY;
      return;
    }
    const random = this.#random;
    const k = random.below(this.#keys.length);
    const draw = random.below(100);
    client.key = k;
    client.f = draw < casPercent ? CAS : draw < casPercent + (100 - casPercent) / 2 ? WRITE : READ;
    if (client.f !== READ) client.value = values === undefined ? ++this.#fresh : 1 + random.below(values);
    client.expected = this.#held[k];
    client.settled = this.#settled[k];
    client.over = this.#over[k];
    this.#emit(client, INVOKE);
    client.state = 'asked';
    client.at += TAKES + random.exponential(TAKES_ON_AVERAGE / 2);
  }

  #takeEffect(client: Client): void {
    const random = this.#random;
    const unknown = client.f !== READ && random.below(1000) < (this.#load.indeterminate ?? 0);
    const fate = unknown ? random.below(3) : 0;
    if (fate === 0) this.#apply(client);
    if (fate === 1) this.#ghosts.push({ at: client.at + random.exponential(LATE), client: { ...client } });
    if (unknown) {
      this.#emit(client, INFO);
      client.process = this.#nextProcess++;
      client.state = 'idle';
    } else {
      client.state = 'done';
    }
    client.at += random.exponential(TAKES_ON_AVERAGE / 2);
  }

  #complete(client: Client): void {
    const { key, f } = client;
    if (!this.#lied && f === READ && this.#started > this.#load.operations / 2 && client.over !== -1) {
      client.found = client.over;
      this.#lied = true;
    }
    this.#emit(client, f === CAS && !client.swapped ? FAIL : OK);
    if (f === WRITE) {
      if (client.settled !== 0) this.#over[key] = client.settled;
      this.#settled[key] = client.value;
    }
    client.state = 'idle';
    client.at += this.#random.exponential(THINKS);
  }

  #haunt(until: number): void {
    const due = this.#ghosts.filter(({ at }) => at <= until);
    if (due.length === 0) return;
    this.#ghosts = this.#ghosts.filter(({ at }) => at > until);
    for (const { client } of due.sort((a, b) => a.at - b.at)) this.#apply(client);
  }

  #apply(client: Client): void {
    const k = client.key;
    client.found = this.#held[k];
    if (client.f === READ) return;
    client.swapped = client.f === WRITE || this.#held[k] === client.expected;
    if (client.swapped) this.#held[k] = client.value;
  }

  /** Integers are their own references, times two. */
  #emit(client: Client, type: number): void {
    const fields = this.#fields;
    fields.clear();
    fields.type = type;
    fields.f = client.f;
    fields.process = client.process;
    fields.time = client.at * 1000;
    fields.key = this.#keys[client.key];
    fields.value = (client.f === READ ? client.found : client.value) * 2;
    if (client.f === CAS) fields.expected = client.expected * 2;
    if (type === FAIL) {
      fields.mismatch = true;
      if (this.#load.actual === true) fields.actual = client.found * 2;
    }
    this.#builder.put(fields);
  }
}
