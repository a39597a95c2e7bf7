/**
 * What a workload is: one script a session. A script is a generator that yields calls and is handed their completions;
 * it neither knows which store it talks to nor how: paths, clients, time and recording are the driver's.
 *
 * A session uses one read path and one write path, its **lane** being the number of the write path. Keys carry the lane in
 * their name, so that a key has one write path in a run and a lost `leader-ack` write never blames `quorum-ack`.
 */
import type { Guarantee } from '../history/guarantee.ts';
import type { Key, Outcome, SessionId, Value } from '../history/operation.ts';
import type { Step } from '../history/store.ts';
import type { Random } from '../history/random.ts';

export type Call = { readonly device?: string } & (
  | { readonly f: 'read'; readonly key: Key }
  | { readonly f: 'readMany'; readonly keys: readonly Key[] }
  | { readonly f: 'write'; readonly key: Key; readonly value: Value }
  | { readonly f: 'cas'; readonly key: Key; readonly expected: Value; readonly next: Value }
  | { readonly f: 'send'; readonly key: Key; readonly value: Value }
  | { readonly f: 'poll'; readonly key: Key; readonly from: number }
  | { readonly f: 'txn'; readonly steps: readonly Step[] }
);

/** What the script is told of its call. `value` is the answer of an ok read; of a poll `[[offset, value], …]`. */
export interface Reply {
  readonly outcome: Outcome;
  readonly value: Value;
  readonly error?: string;
}

/** Never ends by itself: the driver stops asking. */
export type Script = Generator<Call, void, Reply>;

export interface SessionContext {
  readonly id: SessionId;
  /** 0 … sessions-1 among the sessions of this workload in this lane. */
  readonly index: number;
  /** Which write path its keys belong to. */
  readonly lane: number;
  readonly devices: readonly [string, ...string[]];
  /** A positive integer that nobody else in this run is given: unique written values. */
  unique(): number;
  /** `--set` options that name this workload's settings. */
  readonly options: WorkloadOptions;
}

export interface WorkloadOptions {
  /** Registers per lane. */
  readonly keys: number;
  readonly distribution: 'uniform' | 'zipfian';
  /** Which part of the store a key belongs to: one readMany is about keys of one part. All are of one if not given. */
  readonly partOf?: (key: Key) => string;
  /** What the system can be asked; everything if not given. */
  readonly methods?: readonly Call['f'][];
}

/** Those of the keys that can be read together, as one of them, drawn at random, has it. */
export function readableTogether(keys: readonly Key[], { partOf }: WorkloadOptions, random: Random): readonly Key[] {
  if (partOf === undefined) return keys;
  const part = partOf(random.pick(keys));
  return keys.filter((key) => partOf(key) === part);
}

/**
 * A plug-in: one file in workloads/kinds/. Every key that was written is read back in the epilogue, by the driver: a
 * workload has nothing to say there.
 */
export interface Workload {
  readonly name: string;
  readonly about: string;
  /** What it cannot do without. */
  readonly methods: readonly Call['f'][];
  /** What it asks where the system has it, as `options.methods` says. */
  readonly optional?: readonly Call['f'][];
  readonly exercises: readonly Guarantee[];
  /** Only where it is asked for by name: what it finds speaks for itself alone. */
  readonly byName?: true;
  script(session: SessionContext, random: Random): Script;
}

/** Yields one call and returns its reply: `const seen = yield* call({ f: 'read', key })`. */
export function* call(request: Call): Generator<Call, Reply, Reply> {
  return yield request;
}
