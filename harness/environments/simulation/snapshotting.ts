/**
 * How a shell keeps the logs of its groups short: when a group has committed enough since its last snapshot, an image of
 * its state is read in portions beside the node's other work, written to disk, and synced; then the log is compacted,
 * but for some entries that followers a little behind may still need.
 */
import type { Random } from '../../../history/random.ts';
import type {
  GroupId,
  Snapshot,
  SnapshotHead,
  SnapshotReader,
  Steps,
  StoredRequest,
  StoredValue,
} from '../../../reference-impl/core/types.ts';
import type { Disk } from './disk.ts';

/** Values and requests read and written in one piece. */
const PORTION_ITEMS = 200;
/** Share of the entries of a period that stays in the log. */
const KEPT_SHARE = 1 / 3;

/** A snapshot being taken; `superseded`: another came from the leader meanwhile. */
export interface Job {
  readonly group: GroupId;
  readonly head: SnapshotHead;
  readonly reader: SnapshotReader;
  readonly values: StoredValue[];
  readonly requests: StoredRequest[];
  phase: 'reading' | 'syncing' | 'durable';
  superseded: boolean;
}

export class Snapshotting {
  readonly #every: number;
  readonly #random: Random;
  readonly #disk: Disk;
  /** Commit index at which the next snapshot of each group is due. */
  readonly #dueAt = new Map<GroupId, number>();
  readonly #jobs = new Map<GroupId, Job>();
  /** Groups that came due in the step under way. */
  readonly #due: GroupId[] = [];
  taken = 0;
  compacted = 0;

  /** `every`: entries between two snapshots of a group; infinite: none are taken. */
  constructor(every: number, disk: Disk, random: Random) {
    this.#every = every;
    this.#disk = disk;
    this.#random = random;
  }

  /** A life begins. */
  begin(groups: readonly GroupId[]): void {
    this.#jobs.clear();
    this.#due.length = 0;
    for (const group of groups) this.#postpone(group, this.#disk.snapshotIndex(group));
  }

  /** The replica said that it has committed so far. */
  committed(group: GroupId, index: number): void {
    if (index < (this.#dueAt.get(group) ?? Number.POSITIVE_INFINITY)) return;
    if (this.#jobs.has(group) || this.#disk.full || this.#due.includes(group)) return;
    this.#due.push(group);
  }

  /** The replica wrote a snapshot that it was sent: it takes the place of one being taken. */
  installed(group: GroupId, index: number): void {
    const job = this.#jobs.get(group);
    if (job !== undefined) job.superseded = true;
    this.#postpone(group, index);
  }

  /** Opens the next image that is due. */
  next(replica: Steps): Job | undefined {
    const group = this.#due.shift();
    if (group === undefined) return undefined;
    const reader = replica.snapshot(group);
    const { head } = reader;
    const job: Job = { group, head, reader, values: [], requests: [], phase: 'reading', superseded: false };
    this.#jobs.set(group, job);
    this.#postpone(group, head.index);
    return job;
  }

  /**
   * Reads the next portion; returns how long the disk is busy with it, or with the sync when it was the last one. Undefined:
   * there is no point in going on.
   */
  read(job: Job): number | undefined {
    if (job.superseded || this.#disk.full) {
      job.reader.release();
      this.#jobs.delete(job.group);
      return undefined;
    }
    const portion = job.reader.next(PORTION_ITEMS);
    if (portion === undefined) {
      job.reader.release();
      job.phase = 'syncing';
      return this.#disk.syncTime();
    }
    job.values.push(...portion.values);
    job.requests.push(...portion.requests);
    return this.#disk.writeTime();
  }

  /** The snapshot has reached the disk; false when it was superseded on the way. */
  synced(job: Job): boolean {
    if (job.superseded) {
      this.#jobs.delete(job.group);
      return false;
    }
    const snapshot: Snapshot = { ...job.head, values: job.values, requests: job.requests };
    this.#disk.keepSnapshot(job.group, snapshot);
    job.phase = 'durable';
    this.taken++;
    return true;
  }

  /** Has log and disk forget what the snapshot covers, but for the newest of it. */
  compact(job: Job, replica: Steps): void {
    this.#jobs.delete(job.group);
    if (job.superseded) return;
    const upTo = job.head.index - Math.floor(this.#every * KEPT_SHARE);
    if (upTo <= 0) return;
    replica.compacted(job.group, upTo);
    this.compacted += this.#disk.compact(job.group, upTo);
  }

  /** The nodes of a cluster commit in step, but should not take their snapshots in step. */
  #postpone(group: GroupId, index: number): void {
    if (this.#every === Number.POSITIVE_INFINITY) return;
    this.#dueAt.set(group, index + this.#every + this.#random.below(Math.ceil(this.#every / 2)));
  }
}
