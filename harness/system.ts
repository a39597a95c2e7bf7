/**
 * What a system under test is: how to deploy it, how to talk to it, and what it promises. One file each in
 * harness/systems/, with one default export.
 */
import type { Guarantee } from '../history/guarantee.ts';
import type { Key, NodeId, Sighting } from '../history/operation.ts';
import type { Client, ClientOptions } from '../history/store.ts';
import type { Effect, Lever, Operation } from '../nemesis/fault.ts';
import type { Call } from '../workloads/workload.ts';
import type { Deployment, NodeSpec } from './environments/environment.ts';
import type { Setting } from './setting.ts';

/** One way to read or to write. */
export interface Path {
  readonly name: string;
  readonly about: string;
  /** Whose reads the path keeps in order: a path whose token lives on the device speaks for each device by itself. */
  readonly thread: 'session' | 'device';
  /** Its reads may show what has not taken effect, and never may: they are no evidence of what others should have seen. */
  readonly uncommitted?: true;
  /** Nodes of which role it asks; not said: it may be any. */
  readonly asks?: 'leader' | 'follower';
  /** How old its answers may be; the name says the same: `bounded-500ms`. */
  readonly boundMs?: number;
  /** How many nodes it needs besides the one that leads; none if not given. */
  readonly others?: number;
  /** The setting that it is there with: `replication=async`. With another one `configured` leaves it out. */
  readonly withSetting?: string;
  /** Of a read path: the write paths that it is tried with where none is asked for by name; all if not given. */
  readonly byDefaultWith?: readonly string[];
}

/** Who operates a store that does not operate itself. */
export interface Supervisor {
  /** What was done, by name. */
  readonly counts: Readonly<Record<string, number>>;
  /** Resolves when it does nothing any more. */
  stop(): Promise<void>;
}

/** What a system makes of one of its own events. */
export interface Interpreted {
  readonly sighting?: Partial<Sighting>;
  readonly counts?: Readonly<Record<string, number>>;
}

/** A cell of the matrix: both paths for a row, the write path for its own guarantees, neither for the system's. */
export interface Claim {
  readonly writePath?: string;
  readonly readPath?: string;
  readonly guarantee: Guarantee;
}

/** Where a vendor's documentation makes a promise, and what it says there in our words. */
export interface Citation {
  readonly url: string;
  readonly says: string;
}

/** What is between two places of a store. */
export interface Distance {
  /** In the plural: `bytes of WAL`. */
  readonly unit: string;
  /** Each history counts by itself: from a place of one to a place of another there is no distance. */
  readonly withinHistory?: true;
}

export interface System {
  readonly name: string;
  readonly about: string;
  /** Names of the environments that can run it; all if not given. */
  readonly environments?: readonly string[];
  /** Levers that do not reach this store, each with why, as the second half of a sentence. */
  readonly unreachable?: Readonly<Partial<Record<Lever, string>>>;
  readonly methods: readonly Call['f'][];
  readonly readPaths: readonly [Path, ...Path[]];
  readonly writePaths: readonly [Path, ...Path[]];
  /** Read paths besides, whose names follow a pattern: `bounded-250ms`. */
  readPathNamed?(name: string): Path | undefined;
  /** The read path the epilogue judges durability by, and the one it reads every node by name with. */
  readonly strongestReadPath: string;
  readonly stateReadPath: string;
  readonly settings: readonly Setting[];
  /** What it claims for a row of the matrix. Write-path guarantees (durable, fenced) are in `promisesOfWrites`. */
  promises(writePath: string, readPath: string): readonly Guarantee[];
  promisesOfWrites(writePath: string): readonly Guarantee[];
  /** What is judged besides all that is promised somewhere, for what there is to find. */
  readonly examines?: readonly Guarantee[];
  /** What it claims as a whole: convergent, one-leader-per-term. */
  readonly always: readonly Guarantee[];
  node(self: NodeId, nodes: readonly NodeId[], settings: ReadonlyMap<string, string>): NodeSpec;
  /**
   * How long a fresh cluster may take, and what it still lacks, in sentences that name the node; none: it is ready. If not given,
   * it is ready once every group is led.
   */
  readonly start?: { readonly withinNs: number; lacks(cluster: Deployment): Promise<readonly string[]> };
  /** Does for the store what it leaves to its operators, until the run has ended: a failover, say. `told` of what it did. */
  supervise?(cluster: Deployment, settings: ReadonlyMap<string, string>, told: (deed: string) => void): Supervisor;
  /** `settings` are those of `--set`, checked. */
  connect(cluster: Deployment, options: ClientOptions, settings: ReadonlyMap<string, string>): Promise<Client>;
  /** One for each replication group that the node has a part in; none when it does not answer. */
  sight(cluster: Deployment, node: NodeId): Promise<readonly Sighting[]>;
  /** What it is with these settings, where only they tell: a driver is asked. Throws BadInput, in one sentence, where it cannot be had. */
  configured?(settings: ReadonlyMap<string, string>): Promise<System>;
  /** No node leads, or none can be told from others: faults that strike a leader are refused, and no run waits for one. */
  readonly leaderless?: true;
  /** What the positions of its sightings count; if not given, entries of one log, which goes on from leader to leader. */
  readonly positions?: Distance;
  /** Read paths on which a session's token keeps its next process from reading behind it. */
  readonly tokenPaths?: readonly string[];
  /** What the harness's own settings are with this system where `--set` says nothing, by name. */
  readonly defaults?: Readonly<Record<string, number>>;
  /** Connecting takes its time, so that all sessions connect before the load. */
  readonly connectsFirst?: true;
  /** Once it is led, before the load: why clients cannot use the cluster, in one sentence; undefined: they can. */
  ready?(cluster: Deployment): Promise<string | undefined>;
  /** Which part of the store a key belongs to: one readMany is about keys of one part. All are of one if not given. */
  partOf?(key: Key, settings: ReadonlyMap<string, string>): string;
  /** How far from true rate clocks may be, ppm, for the promises that rest on clocks to stand. */
  clockDriftPpmMax?(settings: ReadonlyMap<string, string>): number;
  /**
   * Promises that do not stand where this fault was injected with effect: it goes beyond what the system says it assumes
   * (clock drift beyond the stated bound, a promotion by force). They become findings, and the report says which and why.
   */
  suspends?(fault: string, promise: Claim): boolean;
  /** Where its vendor promises what `promises` says, for whoever reads that it was broken. */
  citation?(promise: Claim): Citation | undefined;
  /** Why a fault cannot be done with these settings, as the second half of a sentence; undefined: it can. */
  cannot?(fault: string, settings: ReadonlyMap<string, string>): string | undefined;
  /** Does what an operator asks; resolves with what was done, counted by name. Throws {@link Refused} with the code. */
  operate?(cluster: Deployment, operation: Operation): Promise<Effect>;
  /** Turns the store's own events into sightings and counters, where it has any. */
  interpret?(node: NodeId, event: unknown): Interpreted;
}
