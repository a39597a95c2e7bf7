/**
 * YCSB's core workloads A to F as workloads of ours. What differs from YCSB, since a store here is asked for keys and not for
 * fields of records: a scan is one read of several keys out of one state; a read-modify-write is a read and a write, two
 * requests of one session, each timed by itself.
 */
import type { Key, Value } from '../../history/operation.ts';
import type { Random } from '../../history/random.ts';
import { call, readableTogether, type Script, type Workload } from '../../workloads/workload.ts';
import { type Distribution, Keys, Zeta } from './distributions.ts';

/** Shares of the operations, in per cent. */
export interface Mix {
  readonly name: string;
  readonly about: string;
  readonly distribution: Distribution;
  readonly read?: number;
  readonly update?: number;
  readonly insert?: number;
  readonly scan?: number;
  readonly readModifyWrite?: number;
}

/** As YCSB's own files workloada … workloadf say. */
export const mixes: readonly Mix[] = [
  { name: 'a', about: 'update heavy: a session store', distribution: 'zipfian', read: 50, update: 50 },
  { name: 'b', about: 'read mostly: tags of photographs', distribution: 'zipfian', read: 95, update: 5 },
  { name: 'c', about: 'read only: a cache of profiles', distribution: 'zipfian', read: 100 },
  { name: 'd', about: 'read latest: status updates', distribution: 'latest', read: 95, insert: 5 },
  { name: 'e', about: 'short ranges: threads of messages', distribution: 'zipfian', scan: 95, insert: 5 },
  { name: 'f', about: 'read, modify, write: user records', distribution: 'zipfian', read: 50, readModifyWrite: 50 },
];

/** Scans ask for 1 to so many records, evenly: `maxscanlength` of workloade. */
const SCAN_MAX = 100;

/** The records of a bench, all sessions' together. */
export class Records {
  #asked: number;
  #there: number;
  readonly #ahead = new Set<number>();

  constructor(loaded: number) {
    this.#asked = loaded;
    this.#there = loaded;
  }

  /** So many are there, those of which somebody is not sure included. */
  get count(): number {
    return this.#there;
  }

  /** The number of a new one. */
  next(): number {
    return this.#asked++;
  }

  /** The insert of a record has ended, however: records count up to the first whose insert has not. */
  inserted(n: number): void {
    this.#ahead.add(n);
    while (this.#ahead.delete(this.#there)) this.#there++;
  }
}

export function recordKey(n: number): Key {
  return `user${n}`;
}

export interface MixOptions {
  readonly mix: Mix;
  readonly distribution: Distribution;
  readonly records: Records;
  /** Makes a value that carries this number. */
  readonly value: (unique: number) => Value;
}

export function mixWorkload({ mix, distribution, records, value }: MixOptions): Workload {
  const zeta = new Zeta();
  const { read = 0, update = 0, insert = 0, scan = 0 } = mix;
  return {
    name: `ycsb-${mix.name}`,
    about: mix.about,
    methods: scan > 0 ? ['read', 'readMany', 'write'] : ['read', 'write'],
    exercises: [],
    *script(session, random: Random): Script {
      const keys = new Keys(distribution, zeta);
      const key = (): Key => recordKey(keys.draw(random, records.count));
      for (;;) {
        const dice = random.below(100);
        if (dice < read) yield* call({ f: 'read', key: key() });
        else if (dice < read + update) yield* call({ f: 'write', key: key(), value: value(session.unique()) });
        else if (dice < read + update + insert) {
          const n = records.next();
          yield* call({ f: 'write', key: recordKey(n), value: value(session.unique()) });
          records.inserted(n);
        } else if (dice < read + update + insert + scan) {
          const from = keys.draw(random, records.count);
          const until = Math.min(records.count, from + random.between(1, SCAN_MAX));
          const wanted = Array.from({ length: until - from }, (_, i) => recordKey(from + i));
          yield* call({ f: 'readMany', keys: readableTogether(wanted, session.options, random) });
        } else {
          const record = key();
          yield* call({ f: 'read', key: record });
          yield* call({ f: 'write', key: record, value: value(session.unique()) });
        }
      }
    },
  };
}
