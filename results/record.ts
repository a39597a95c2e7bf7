/**
 * Everything one run produced, as plain data: what is saved, shown, compared. Nothing here refers back to the harness.
 */
import type { Anomaly, Evidence } from '../checkers/checker.ts';
import type { Guarantee } from '../history/guarantee.ts';
import type { Instant, NodeId } from '../history/operation.ts';

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

/** Latencies of the operations that were answered. */
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
  /** Faults in force when the old leader was last seen leading well. */
  readonly cause: string;
  readonly start: Instant;
  /** Nanoseconds after `start`; undefined where it never came in this run. */
  readonly electedNs?: number;
  readonly firstWriteNs?: number;
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
  /** SHA-256 of the journal's bytes, hexadecimal. */
  readonly journalSha256: string;
}
