/** When images of the state are written, and how much of the log may go then. One at a time. */
import type { DiskWrite, GroupId, SnapshotReader } from '../core/types.ts';
import { after } from './clock.ts';
import type { Log } from './log.ts';
import { LogBytes } from './log-bytes.ts';
import type { Storage } from './storage.ts';

export interface SnapshotPolicy {
  /** Fewer committed entries than this since the last one are no reason for another, unless they are large: */
  readonly entries: number;
  /** so many bytes of them are one as well, about. */
  readonly bytes: number;
  /** So many entries below a snapshot stay in the log, for followers that are a little behind; if they are not large. */
  readonly keep: number;
}

/** What stays below a snapshot holds at most this part of {@link SnapshotPolicy.bytes}. */
const KEPT_PART = 1 / 4;
/** So exact are the bytes: a part of {@link SnapshotPolicy.bytes}. */
const GRAIN_PART = 1 / 64;

/**
 * An image costs as much as the whole state, however little has changed: so it waits until the log has grown to a good
 * part of the last image (Ongaro 2014, 5.1.3), but not for ever, for the log is in memory too.
 */
const PART_OF_IMAGE = 0.5;
const PATIENCE = 5;
const RETRY_MS = 5000;

interface Progress {
  committed: number;
  /** Index of the last snapshot on disk, written here or sent by a leader. */
  snapshot: number;
  /** Of that image, bytes. */
  image: number;
  readonly log: LogBytes;
  /** Of the log up to that snapshot. */
  covered: number;
}

export class Snapshotting {
  readonly #policy: SnapshotPolicy;
  readonly #storage: Storage;
  readonly #log: Log;
  readonly #open: (group: GroupId) => SnapshotReader;
  readonly #compacted: (group: GroupId, index: number) => void;
  readonly #progress = new Map<GroupId, Progress>();
  #busy: Promise<void> | undefined;
  #resting = false;
  written = 0;

  constructor(
    policy: SnapshotPolicy,
    storage: Storage,
    log: Log,
    core: { open(group: GroupId): SnapshotReader; compacted(group: GroupId, index: number): void },
  ) {
    this.#policy = policy;
    this.#storage = storage;
    this.#log = log;
    this.#open = (group) => core.open(group);
    this.#compacted = (group, index) => core.compacted(group, index);
    for (const { group = 'g0', snapshot, entries } of storage.recovered) {
      const index = snapshot?.index ?? 0;
      const log = new LogBytes(policy.bytes * GRAIN_PART, Math.min(index, (entries[0]?.index ?? 1) - 1), entries);
      this.#progress.set(group, { committed: index, snapshot: index, image: 0, log, covered: log.upTo(index) });
    }
  }

  /** Handed to the disk, or about to be. */
  writing(write: DiskWrite): void {
    const progress = this.#of(write.group ?? 'g0');
    progress.log.wrote(write);
    if (write.snapshot === undefined) return;
    // The leader sent one.
    progress.snapshot = Math.max(progress.snapshot, write.snapshot.index);
    progress.covered = progress.log.upTo(progress.snapshot);
  }

  committed(group: GroupId, index: number): void {
    const progress = this.#of(group);
    progress.committed = index;
    const { entries, bytes } = this.#policy;
    if (index - progress.snapshot >= entries || progress.log.total - progress.covered >= bytes) {
      this.#consider(group, progress);
    }
  }

  /** Resolves when none is being written any more. */
  async idle(): Promise<void> {
    await this.#busy;
  }

  #of(group: GroupId): Progress {
    let progress = this.#progress.get(group);
    if (progress === undefined) {
      const log = new LogBytes(this.#policy.bytes * GRAIN_PART, 0, []);
      progress = { committed: 0, snapshot: 0, image: 0, log, covered: 0 };
      this.#progress.set(group, progress);
    }
    return progress;
  }

  #consider(group: GroupId, progress: Progress): void {
    if (this.#busy !== undefined || this.#resting) return;
    const { committed, snapshot, image, log, covered } = progress;
    const { entries, bytes } = this.#policy;
    // In limits: what is not committed yet has no part in it.
    const grown = Math.max((committed - snapshot) / entries, (log.upTo(committed) - covered) / bytes);
    if (grown < 1) return;
    if (grown < PATIENCE && this.#storage.statistics().logBytes < image * PART_OF_IMAGE) return;
    this.#busy = this.#take(group, progress).finally(() => {
      this.#busy = undefined;
    });
  }

  async #take(group: GroupId, progress: Progress): Promise<void> {
    try {
      const { index, bytes } = await this.#storage.snapshot(group, this.#open(group));
      this.written++;
      progress.image = bytes;
      const { log } = progress;
      progress.snapshot = Math.max(progress.snapshot, index);
      progress.covered = log.upTo(progress.snapshot);
      const upTo = Math.max(index - this.#policy.keep, log.behind(index, this.#policy.bytes * KEPT_PART));
      if (upTo <= 0) return;
      log.forget(upTo);
      this.#compacted(group, upTo);
      this.#storage.compact(group, upTo);
    } catch (error) {
      this.#log.limited('snapshot', 'error', `the snapshot of ${group} failed: ${(error as Error).message}`);
      this.#resting = true;
      after(RETRY_MS, () => {
        this.#resting = false;
      });
    }
  }
}
