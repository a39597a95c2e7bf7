/** When images of the state are written, and how much of the log may go then. One at a time. */
import type { GroupId, SnapshotReader } from '../core/types.ts';
import { after } from './clock.ts';
import type { Log } from './log.ts';
import type { Storage } from './storage.ts';

export interface SnapshotPolicy {
  /** Fewer committed entries than this since the last one are no reason for another. */
  readonly entries: number;
  /** So many entries below a snapshot stay in the log, for followers that are a little behind. */
  readonly keep: number;
}

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
  bytes: number;
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
    for (const { group = 'g0', snapshot } of storage.recovered) {
      const index = snapshot?.index ?? 0;
      this.#progress.set(group, { committed: index, snapshot: index, bytes: 0 });
    }
  }

  committed(group: GroupId, index: number): void {
    const progress = this.#of(group);
    progress.committed = index;
    if (index - progress.snapshot >= this.#policy.entries) this.#consider(group, progress);
  }

  /** The leader sent one. */
  installed(group: GroupId, index: number): void {
    const progress = this.#of(group);
    progress.snapshot = Math.max(progress.snapshot, index);
  }

  /** Resolves when none is being written any more. */
  async idle(): Promise<void> {
    await this.#busy;
  }

  #of(group: GroupId): Progress {
    let progress = this.#progress.get(group);
    if (progress === undefined) this.#progress.set(group, (progress = { committed: 0, snapshot: 0, bytes: 0 }));
    return progress;
  }

  #consider(group: GroupId, progress: Progress): void {
    if (this.#busy !== undefined || this.#resting) return;
    const grown = progress.committed - progress.snapshot;
    const { logBytes } = this.#storage.statistics();
    if (logBytes < progress.bytes * PART_OF_IMAGE && grown < this.#policy.entries * PATIENCE) return;
    this.#busy = this.#take(group, progress).finally(() => {
      this.#busy = undefined;
    });
  }

  async #take(group: GroupId, progress: Progress): Promise<void> {
    try {
      const { index, bytes } = await this.#storage.snapshot(group, this.#open(group));
      this.written++;
      progress.bytes = bytes;
      progress.snapshot = Math.max(progress.snapshot, index);
      const upTo = index - this.#policy.keep;
      if (upTo <= 0) return;
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
