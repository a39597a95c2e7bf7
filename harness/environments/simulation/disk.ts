/**
 * A node's disk. Writes are atomic and ordered; a sync takes time and covers what had been written when it began (group
 * commit: what arrives meanwhile is for the next one). A crash keeps a random prefix of the unsynced writes: the write at
 * the cut is torn, and a torn write fails its checksum, so it is as if it were not there.
 */
import type { Random } from '../../../history/random.ts';
import type { DiskWrite, Durable, Entry, NodeId } from '../../../reference-impl/core/types.ts';

export interface DiskTimes {
  readonly syncMinNs: number;
  readonly syncMaxNs: number;
}

/** A slow-disk injection in force, and how many syncs it has drawn out. */
export interface Drag {
  readonly delayNs: number;
  delayed: number;
}

export class Disk {
  readonly #times: DiskTimes;
  readonly #random: Random;
  #term = 0;
  #votedFor: NodeId | null = null;
  readonly #entries: Entry[] = [];
  /** Written, not yet durable; the first `#covered` of them are in the sync under way. */
  #unsynced: DiskWrite[] = [];
  #covered = 0;
  #syncing = false;
  readonly #drags = new Set<Drag>();
  syncs = 0;
  writes = 0;
  writesLost = 0;

  constructor(times: DiskTimes, random: Random) {
    this.#times = times;
    this.#random = random;
  }

  write(write: DiskWrite): void {
    this.writes++;
    this.#unsynced.push(write);
  }

  /** Begins a sync of everything written so far and returns how long it takes; undefined when there is nothing to begin. */
  begin(): number | undefined {
    if (this.#syncing || this.#unsynced.length === 0) return undefined;
    this.#syncing = true;
    this.#covered = this.#unsynced.length;
    this.syncs++;
    let delay = this.#random.between(this.#times.syncMinNs, this.#times.syncMaxNs);
    for (const drag of this.#drags) {
      delay += drag.delayNs;
      drag.delayed++;
    }
    return delay;
  }

  /** The sync under way is over: returns the highest ticket that is now durable. */
  end(): number {
    if (!this.#syncing) throw new Error('a sync ended that had not begun');
    this.#syncing = false;
    for (let i = 0; i < this.#covered; i++) this.#keep(this.#unsynced[i]);
    const { ticket } = this.#unsynced[this.#covered - 1];
    this.#unsynced = this.#covered === this.#unsynced.length ? [] : this.#unsynced.slice(this.#covered);
    this.#covered = 0;
    return ticket;
  }

  /** The process is gone. Returns how many writes went with it. */
  crash(): number {
    const surviving = this.#random.between(0, this.#unsynced.length);
    const lost = this.#unsynced.length - surviving;
    for (let i = 0; i < surviving; i++) this.#keep(this.#unsynced[i]);
    this.#unsynced = [];
    this.#covered = 0;
    this.#syncing = false;
    this.writesLost += lost;
    return lost;
  }

  /** What a process finds when it starts. */
  recover(): Durable {
    return { term: this.#term, votedFor: this.#votedFor, entries: this.#entries.slice() };
  }

  slow(drag: Drag): void {
    this.#drags.add(drag);
  }

  quicken(drag: Drag): void {
    this.#drags.delete(drag);
  }

  #keep(write: DiskWrite): void {
    if (write.term !== undefined) this.#term = write.term;
    if (write.votedFor !== undefined) this.#votedFor = write.votedFor;
    if (write.truncateFrom !== undefined) {
      if (write.truncateFrom > this.#entries.length + 1) {
        throw new Error(
          `a write begins at index ${write.truncateFrom}, the log on disk ends at ${this.#entries.length}`,
        );
      }
      this.#entries.length = write.truncateFrom - 1;
    }
    for (const entry of write.entries ?? []) {
      if (entry.index !== this.#entries.length + 1) {
        throw new Error(`a write puts index ${entry.index} after ${this.#entries.length}`);
      }
      this.#entries.push(entry);
    }
  }
}
