/**
 * A node's disk. Writes of all its groups are atomic and in one order; a sync takes time and covers what had been written
 * when it began (group commit: what arrives meanwhile is for the next one). A crash keeps a random prefix of the unsynced
 * writes: the write at the cut is torn, and a torn write fails its checksum, so it is as if it were not there.
 *
 * While the disk is full nothing more can be written: writes wait for room, and a crash takes all that wait.
 */
import type { Random } from '../../../history/random.ts';
import type { DiskWrite, Durable, GroupId, Snapshot } from '../../../reference-impl/core/types.ts';
import { GroupDisk } from './group-disk.ts';

export interface DiskTimes {
  readonly syncMinNs: number;
  readonly syncMaxNs: number;
}

/** A slow-disk injection in force, and how many syncs it has drawn out. */
export interface Drag {
  readonly delayNs: number;
  delayed: number;
}

/** A fill-disk injection in force, and how many writes found no room. */
export interface Filling {
  waited: number;
}

export class Disk {
  readonly #times: DiskTimes;
  readonly #random: Random;
  readonly #groups: ReadonlyMap<GroupId, GroupDisk>;
  readonly #firstGroup: GroupId;
  /** Written, not yet durable; the first `#covered` of them are in the sync under way, the last `#waiting` have no room. */
  #unsynced: DiskWrite[] = [];
  #covered = 0;
  #waiting = 0;
  #syncing = false;
  readonly #drags = new Set<Drag>();
  readonly #fillings = new Set<Filling>();
  syncs = 0;
  writes = 0;
  writesLost = 0;

  constructor(times: DiskTimes, groups: readonly GroupId[], random: Random) {
    this.#times = times;
    this.#random = random;
    this.#groups = new Map(groups.map((group) => [group, new GroupDisk(group)]));
    this.#firstGroup = groups[0];
  }

  get full(): boolean {
    return this.#fillings.size > 0;
  }

  /** Writes that wait for room. */
  get waiting(): number {
    return this.#waiting;
  }

  write(write: DiskWrite): void {
    this.writes++;
    this.#unsynced.push(write);
    if (!this.full) return;
    this.#waiting++;
    for (const filling of this.#fillings) filling.waited++;
  }

  /** Begins a sync of everything written so far and returns how long it takes; undefined when there is nothing to begin. */
  begin(): number | undefined {
    const written = this.#unsynced.length - this.#waiting;
    if (this.#syncing || written === 0) return undefined;
    this.#syncing = true;
    this.#covered = written;
    return this.syncTime();
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

  /** How long a sync takes that begins now. */
  syncTime(): number {
    this.syncs++;
    let delay = this.writeTime();
    for (const drag of this.#drags) {
      delay += drag.delayNs;
      drag.delayed++;
    }
    return delay;
  }

  /** How long it takes to write a portion of a snapshot. */
  writeTime(): number {
    return this.#random.between(this.#times.syncMinNs, this.#times.syncMaxNs);
  }

  /** The process is gone. Returns how many writes went with it. */
  crash(): number {
    const surviving = this.#random.between(0, this.#unsynced.length - this.#waiting);
    const lost = this.#unsynced.length - surviving;
    for (let i = 0; i < surviving; i++) this.#keep(this.#unsynced[i]);
    this.#unsynced = [];
    this.#covered = 0;
    this.#waiting = 0;
    this.#syncing = false;
    this.writesLost += lost;
    return lost;
  }

  /** What a process finds when it starts: a part for each group. */
  recover(): readonly Durable[] {
    return Array.from(this.#groups.values(), (group) => group.recover());
  }

  snapshotIndex(group: GroupId): number {
    return this.#group(group).snapshotIndex;
  }

  keepSnapshot(group: GroupId, snapshot: Snapshot): void {
    this.#group(group).keepSnapshot(snapshot);
  }

  compact(group: GroupId, index: number): number {
    return this.#group(group).compact(index);
  }

  /** Of a node that is down: damages the log of every group. Returns how many synced entries became unreadable. */
  damage(random: Random): number {
    let gone = 0;
    for (const group of this.#groups.values()) gone += group.damage(random);
    return gone;
  }

  slow(drag: Drag): void {
    this.#drags.add(drag);
  }

  quicken(drag: Drag): void {
    this.#drags.delete(drag);
  }

  runFull(filling: Filling): void {
    this.#fillings.add(filling);
  }

  /** There is room again when every filling has gone: then true, and what waited is written. */
  clear(filling: Filling): boolean {
    if (!this.#fillings.delete(filling) || this.full) return false;
    this.#waiting = 0;
    return true;
  }

  #keep(write: DiskWrite): void {
    this.#group(write.group ?? this.#firstGroup).keep(write);
  }

  #group(group: GroupId): GroupDisk {
    const found = this.#groups.get(group);
    if (found === undefined) throw new Error(`a write for group ${group}, which is not on this disk`);
    return found;
  }
}
