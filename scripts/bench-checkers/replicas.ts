/**
 * Histories of sessions on a replicated store: one log, followers that apply it late, each session at a follower of its own
 * choice that never goes back and shows the session's own writes. So what the sessions see is sequentially consistent, and stale.
 */
import { EventFields, HistoryBuilder, INVOKE } from '../../history/builder.ts';
import { NULL_REF, OK, READ, WRITE } from '../../history/history.ts';
import type { History } from '../../history/history.ts';
import { Random } from '../../history/random.ts';

export interface ReplicaLoad {
  readonly operations: number;
  readonly sessions: number;
  readonly keys: number;
  /** What answers carry beside values: the place of the state they show, and the version of the value. */
  readonly tells: 'versions and positions' | 'positions' | 'values alone';
  readonly replicas?: number;
  /** How many entries a follower may lag. */
  readonly lag?: number;
}

const NANOSECONDS_A_STEP = 500;
const REPLICAS = 3;
const LAG = 50;

interface Session {
  state: 'idle' | 'asked' | 'done';
  f: number;
  key: number;
  value: number;
  version: number;
  position: number;
  /** The log index of its last write. */
  own: number;
}

class Replica {
  applied = 0;
  /** Log index of the entry that each key shows; 0: none. */
  readonly shows: Int32Array;

  constructor(keys: number) {
    this.shows = new Int32Array(keys);
  }

  applyUntil(index: number, log: Int32Array): void {
    while (this.applied < index) this.shows[log[++this.applied]] = this.applied;
  }
}

export function replicaHistory(load: ReplicaLoad): History {
  return new Replicas(load).run();
}

class Replicas {
  readonly #load: ReplicaLoad;
  readonly #random: Random;
  readonly #builder = new HistoryBuilder();
  readonly #fields = new EventFields();
  readonly #keys: readonly number[];
  readonly #names: readonly number[];
  /** The leader, then the followers. */
  readonly #nodes: readonly number[];
  readonly #group: number;
  readonly #term: number;
  readonly #sessions: readonly Session[];
  readonly #replicas: readonly Replica[];
  /** Per log index, from 1: the key and the value written. */
  readonly #log: Int32Array;
  readonly #values: Int32Array;
  #written = 0;
  #time = 0;

  constructor(load: ReplicaLoad) {
    this.#load = load;
    this.#random = new Random(JSON.stringify(load));
    const { keys, sessions, operations, replicas = REPLICAS } = load;
    const { tables } = this.#builder;
    this.#builder.reserve(operations);
    this.#keys = Array.from({ length: keys }, (_, k) => tables.keys.intern(JSON.stringify(`k${k}`)));
    this.#names = Array.from({ length: sessions }, (_, s) => tables.sessions.intern(`s${s}`));
    this.#nodes = Array.from({ length: replicas + 1 }, (_, r) => tables.nodes.intern(`n${r + 1}`));
    this.#group = tables.groups.intern('g0');
    this.#term = tables.values.intern(1);
    this.#sessions = this.#names.map(() => {
      return { state: 'idle', f: READ, key: 0, value: 0, version: 0, position: 0, own: 0 };
    });
    this.#replicas = this.#nodes.slice(1).map(() => new Replica(keys));
    this.#log = new Int32Array(operations + 1);
    this.#values = new Int32Array(operations + 1);
  }

  run(): History {
    const { operations, lag = LAG } = this.#load;
    const random = this.#random;
    let started = 0;
    let open = 0;
    while (started < operations || open > 0) {
      const s = random.below(this.#sessions.length);
      const session = this.#sessions[s];
      this.#time += NANOSECONDS_A_STEP + random.below(NANOSECONDS_A_STEP);
      if (random.chance(0.1)) {
        const replica = random.pick(this.#replicas);
        replica.applyUntil(Math.max(replica.applied, this.#written - random.below(lag)), this.#log);
      }
      if (session.state === 'idle') {
        if (started === operations) continue;
        started++;
        open++;
        session.f = random.chance(0.5) ? READ : WRITE;
        session.key = random.below(this.#keys.length);
        if (session.f === WRITE) session.value = started;
        this.#emit(s, INVOKE);
        session.state = 'asked';
      } else if (session.state === 'asked') {
        this.#takeEffect(session, this.#replicas[s % this.#replicas.length]);
        session.state = 'done';
      } else {
        this.#emit(s, OK);
        session.state = 'idle';
        open--;
      }
    }
    return this.#builder.build();
  }

  #takeEffect(session: Session, replica: Replica): void {
    if (session.f === WRITE) {
      session.own = session.version = session.position = ++this.#written;
      this.#log[session.own] = session.key;
      this.#values[session.own] = session.value;
    } else {
      replica.applyUntil(session.own, this.#log);
      session.version = replica.shows[session.key];
      session.value = this.#values[session.version];
      session.position = replica.applied;
    }
  }

  /** Integers are their own references, times two. Nothing written: null, which is reference 1. */
  #emit(s: number, type: number): void {
    const { f, key, value, version, position } = this.#sessions[s];
    const fields = this.#fields;
    fields.clear();
    fields.type = type;
    fields.f = f;
    fields.process = s;
    fields.session = this.#names[s];
    fields.time = this.#time;
    fields.key = this.#keys[key];
    fields.value = f === READ && version === 0 ? NULL_REF : value * 2;
    if (type === OK) {
      fields.node = this.#nodes[f === WRITE ? 0 : 1 + (s % this.#replicas.length)];
      if (this.#load.tells !== 'values alone') this.#tellPositions(version, position);
    }
    this.#builder.put(fields);
  }

  #tellPositions(version: number, position: number): void {
    const fields = this.#fields;
    if (version > 0 && this.#load.tells === 'versions and positions') {
      fields.versionGroup = this.#group;
      fields.versionHistory = this.#term;
      fields.versionAt = version;
    }
    fields.positionGroup = this.#group;
    fields.positionHistory = this.#term;
    fields.positionAt = position;
  }
}
