/**
 * Everything one run produced, as plain data: what is saved, shown, compared. Nothing here refers back to the harness.
 */
import type { Anomaly, Evidence } from '../checkers/checker.ts';
import type { Guarantee } from '../history/guarantee.ts';
import type { Instant, NodeId, Role } from '../history/operation.ts';

/** A cell of the matrix; the words of DESIGN.md, section 6. */
export interface Cell {
  readonly guarantee: Guarantee;
  /** Both for a row; only `writePath` for a write path's own guarantees; neither for the system's. */
  readonly writePath?: string;
  readonly readPath?: string;
  readonly state: 'kept' | 'broken' | 'holds' | 'violated' | 'undecided' | 'not exercised';
  /**
   * Faults of this run, by name, that go beyond what the system says it assumes: the promise does not stand, and what was found is a
   * finding. Absent where it stands, or was never made.
   */
  readonly suspendedBy?: readonly string[];
  /** Why it is undecided, or the figures of a finding: `41 of 1,204 reads`. */
  readonly note: string;
  readonly evidence: Evidence;
  /** Of a broken promise: where its vendor makes it, and what it says there. */
  readonly citation?: { readonly url: string; readonly says: string };
  /** All anomalies there are; `anomalies` holds the first ones. */
  readonly anomalyCount: number;
  readonly anomalies: readonly Anomaly[];
}

export interface FaultRecord {
  readonly id: number;
  readonly fault: string;
  readonly targets: readonly NodeId[];
  readonly from: Instant;
  readonly until: Instant;
  readonly effect: Readonly<Record<string, number>>;
}

/** Latencies of the load's operations that were answered. */
export interface LatencyRecord {
  readonly method: string;
  /** `*`: reads through the strongest path (role leader), or all that followers answered through the others. */
  readonly path: string;
  /** Role of the node that answered. */
  readonly role: string;
  /** `calm`, `faults`, or the name of a fault: all operations that overlapped it. */
  readonly phase: string;
  /** Counted from when the operation was meant to start, or from when its session was free to send it. */
  readonly since: 'intended' | 'sent';
  readonly count: number;
  readonly p50Ns: number;
  readonly p90Ns: number;
  readonly p99Ns: number;
  readonly p999Ns: number;
  readonly maxNs: number;
  /** HdrHistogram V2 compressed, base64; units are microseconds. */
  readonly histogram: string;
}

/** Of the load's reads; all that the load did to their keys is evidence. */
export interface StalenessRecord {
  readonly writePath: string;
  readonly readPath: string;
  readonly reads: number;
  readonly staleReads: number;
  /** Lower ends of the age intervals of stale reads. */
  readonly p50Ns: number;
  readonly p99Ns: number;
  readonly maxNs: number;
  readonly versionsMax: number;
}

export interface FailoverRecord {
  readonly group: string;
  readonly fromTerm: number;
  readonly toTerm: number;
  readonly from?: NodeId;
  readonly to: NodeId;
  /** Faults in force when the old leader was lost, and since the failover's start: see checkers/failovers.ts. */
  readonly cause: string;
  readonly start: Instant;
  /** Nanoseconds after `start`; undefined where it never came in this run. */
  readonly electedNs?: number;
  readonly firstWriteNs?: number;
  /** Absent also where no follower was asked, or no answer tells: see checkers/failovers.ts. */
  readonly firstFreshFollowerReadNs?: number;
  /** Acknowledged writes that did not survive it, by write path. */
  readonly lostWrites: Readonly<Record<string, number>>;
}

/** Where a run was stopped, because a promise was broken: `plan.bail` of its record. */
export interface Bail {
  readonly guarantee: Guarantee;
  readonly writePath?: string;
  readonly readPath?: string;
  /** Since the load began, in the cluster's time. */
  readonly at: Instant;
  /** Number of the journal's event that showed it. */
  readonly event: number;
  readonly kind: string;
  readonly sentence: string;
  /** How much longer the load would have gone on. */
  readonly sparedNs: number;
}

/** A lever of the environment that a fault pulled, until it was let go: who was cut off from whom, killed, paused, slowed down. */
export interface PullRecord {
  readonly lever: string;
  /** Nodes that it acted on; none where it acted on links. */
  readonly nodes: readonly NodeId[];
  /** One direction each: from, to. */
  readonly links: readonly (readonly [from: NodeId, to: NodeId])[];
  readonly from: Instant;
  readonly until: Instant;
}

/** For how long a node went on to say the same of itself and a replication group. */
export interface StandingRecord {
  readonly node: NodeId;
  readonly group: string;
  /** `down`: between two of its lives; `silent`: it was asked, and did not answer. */
  readonly role: Role | 'down' | 'silent';
  /** Absent where it is down or silent. */
  readonly term?: number;
  readonly from: Instant;
  readonly until: Instant;
}

/** Operations by the step in which they came to an end, as far as anybody knows. */
export interface RateSeries {
  readonly kind: 'read' | 'write';
  readonly path: string;
  /** `info`: given up, or never answered; then by the step in which it was asked. */
  readonly outcome: 'ok' | 'mismatch' | 'fail' | 'info';
  /** One number a step. */
  readonly counts: readonly number[];
}

/** Latencies from the intended start, of answered operations, by the step in which they were answered. */
export interface LatencySeries {
  readonly kind: 'read' | 'write';
  /** Of reads `*`, as in {@link LatencyRecord}; of writes the path. */
  readonly path: string;
  readonly role: string;
  /** One number a step, each; zero where nothing was answered. */
  readonly counts: readonly number[];
  readonly p50Ns: readonly number[];
  readonly p99Ns: readonly number[];
  readonly maxNs: readonly number[];
}

/** How far nodes were behind, when they were asked. */
export interface LagSeries {
  readonly node: NodeId;
  readonly group: string;
  /**
   * The most in each step of what a leader had said to be committed and this node had not applied: entries, or what `positions` in the
   * run's plan says (bytes of WAL, transactions). Null: nobody said, or nobody said it of the history that the node was in.
   */
  readonly entries: readonly (number | null)[];
}

/** Stale reads by the step in which they were invoked. */
export interface StalenessSeries {
  readonly readPath: string;
  /** Reads whose age is known, and those that were certainly out of date. */
  readonly reads: readonly number[];
  readonly stale: readonly number[];
  /** The greatest lower end of an age. */
  readonly maxNs: readonly number[];
}

/** How a run went over time. */
export interface SeriesRecord {
  /** Steps begin at 0 and are this wide: a second, or more where there would be too many. */
  readonly stepNs: number;
  readonly steps: number;
  readonly rates: readonly RateSeries[];
  readonly latencies: readonly LatencySeries[];
  readonly lags: readonly LagSeries[];
  readonly staleness: readonly StalenessSeries[];
}

/** Nanoseconds; nearest ranks. */
export interface AgeSpread {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

/**
 * How old the answers of a read path were, on one node or on all, and how soon writes were seen (t-visibility). As
 * checkers/staleness/report.ts has it.
 */
export interface StalenessCurve {
  readonly path: string;
  /** Absent: all nodes. */
  readonly node?: NodeId;
  /** If it was the same in all answers. */
  readonly role?: string;
  readonly reads: number;
  readonly stale: number;
  readonly versionsMax: number;
  /** Ages of all reads, fresh ones too: at least, and at most. */
  readonly low: AgeSpread;
  readonly high: AgeSpread;
  /**
   * Of the reads invoked at least `tNs` after some write of their key was acknowledged: `missed` certainly did not see a write that was
   * acknowledged at least so long before, `mayHaveMissed` perhaps.
   */
  readonly curve: readonly {
    readonly tNs: number;
    readonly reads: number;
    readonly missed: number;
    readonly mayHaveMissed: number;
  }[];
}

/** The machine that ran the harness; that of the nodes too where they are processes or containers of it. */
export interface MachineRecord {
  readonly processor: string;
  readonly processors: number;
  readonly memoryBytes: number;
  readonly kernel: string;
  readonly operatingSystem: string;
  readonly architecture: string;
}

/** The repository whose working directory the run was started in. */
export interface GitRecord {
  /** The commit, 40 hexadecimal digits. */
  readonly revision: string;
  /** In CI the branch that is built; absent where the head is detached. */
  readonly branch?: string;
  /** Whether files under version control had been changed. */
  readonly dirty: boolean;
}

export interface RunRecord {
  readonly id: string;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  readonly command: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly system: string;
  readonly environment: string;
  readonly seed: number;
  /** All that decides the run: workloads, faults, durations, rates, settings, the schedule. */
  readonly plan: Readonly<Record<string, unknown>>;
  readonly versions: Readonly<Record<string, string>>;
  /** Absent in runs of older versions. */
  readonly machine?: MachineRecord;
  /** Absent outside of a repository, and in runs of older versions. */
  readonly git?: GitRecord;
  readonly verdict: 'kept' | 'broken' | 'undecided';
  /** 0 kept, 1 broken, 2 undecided, 254 bad input, 255 the harness failed. */
  readonly exitCode: 0 | 1 | 2 | 254 | 255;
  readonly virtualNs: number;
  readonly wallMs: number;
  /** ok, fail, info, mismatch, shed, refused, …; counters of the store and the environment. */
  readonly counts: Readonly<Record<string, number>>;
  readonly cells: readonly Cell[];
  readonly faults: readonly FaultRecord[];
  readonly latencies: readonly LatencyRecord[];
  readonly staleness: readonly StalenessRecord[];
  readonly failovers: readonly FailoverRecord[];
  /** What follows is absent in runs of a campaign, and in those that earlier versions stored. */
  readonly series?: SeriesRecord;
  readonly standings?: readonly StandingRecord[];
  readonly pulls?: readonly PullRecord[];
  readonly curves?: readonly StalenessCurve[];
  /** As `latencies`, of each node that answered; phases `calm` and `faults` only. */
  readonly nodeLatencies?: readonly (LatencyRecord & { readonly node: NodeId })[];
  /** SHA-256 of the journal's bytes, hexadecimal. */
  readonly journalSha256: string;
}
