/** What a bench is asked to do, as plain data. */
import type { Distribution } from './distributions.ts';

/** `leader`, or with the routing of clients besides: `follower@nearest`. */
export interface Target {
  readonly name: string;
  /** The system's read path. */
  readonly path: string;
  /** Value of its setting `routing`, where this target has its own. */
  readonly routing?: string;
}

export interface BenchPlan {
  readonly system: string;
  readonly environment: string;
  readonly seed: number;
  readonly nodes: number;
  readonly mix: string;
  readonly distribution: Distribution;
  readonly records: number;
  readonly valueBytes: number;
  /** Empty: the strongest path, and a follower's. */
  readonly readPaths: readonly string[];
  readonly writePath: string | undefined;
  /** Arrivals per second, one measurement after the other; without a ladder. */
  readonly rates: readonly number[];
  readonly ladder: Ladder | undefined;
  readonly warmUpNs: number;
  readonly durationNs: number;
  readonly repeats: number;
  /** For each read path. */
  readonly sessions: number;
  /** How many keys are checked. */
  readonly checkedKeys: number;
  readonly settings: Readonly<Record<string, string>>;
}

export interface Ladder {
  /** p99 of the reads, from their intended start, is to stay within this. */
  readonly limitNs: number;
  readonly from: number;
  readonly most: number;
}

/** One measurement. */
export interface Step {
  /** The read path that all sessions used; undefined: all of them, at the same time. */
  readonly target: string | undefined;
  readonly rate: number;
  readonly repeat: number;
  readonly seconds: number;
  readonly arrivals: number;
  readonly answered: number;
  readonly refused: number;
  readonly unknown: number;
  readonly shed: number;
  readonly sampled: number;
  /** Answered operations per second. */
  readonly throughput: number;
  /** How late the load generator itself was. */
  readonly lateP99Ns: number;
  readonly series: readonly StepSeries[];
}

/** Latencies of one method on one path, all roles together. */
export interface StepSeries {
  readonly method: string;
  readonly path: string;
  readonly count: number;
  /** Answered, per second. */
  readonly throughput: number;
  /** Since the intended start. */
  readonly p50Ns: number;
  readonly p90Ns: number;
  readonly p99Ns: number;
  readonly p999Ns: number;
  readonly maxNs: number;
  /** Since it was sent. */
  readonly sentP50Ns: number;
  readonly sentP99Ns: number;
}

/** What the ladder found for a read path. */
export interface Rung {
  readonly target: string;
  /** The highest rate that held; undefined: not even the lowest did. */
  readonly held: number | undefined;
  /** The lowest that did not; undefined: none that was tried. */
  readonly failed: number | undefined;
  /** Why it did not hold; empty where none was tried that did not. */
  readonly why: string;
  /** The reads at `held`, measured again so many times. */
  readonly confirmed: readonly { readonly p50Ns: number; readonly p99Ns: number; readonly throughput: number }[];
}

/** `plan.bench` of a bench's record. */
export interface BenchResult {
  readonly mix: string;
  readonly distribution: Distribution;
  readonly records: number;
  readonly valueBytes: number;
  readonly targets: readonly string[];
  readonly writePath: string;
  readonly warmUpNs: number;
  readonly durationNs: number;
  readonly repeats: number;
  readonly sessions: number;
  readonly checkedKeys: number;
  /** Operations of the measurements that were on keys of the sample, of how many. */
  readonly checked: { readonly operations: number; readonly of: number };
  readonly virtualTime: boolean;
  readonly steps: readonly Step[];
  readonly ladder?: Ladder & { readonly rungs: readonly Rung[] };
}
