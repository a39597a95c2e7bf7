/** What a disk holds of one group: all that is left of it after a crash. */
import type { Random } from '../../../history/random.ts';
import type { DiskWrite, Durable, Entry, GroupId, NodeId, Snapshot } from '../../../reference-impl/core/types.ts';

export class GroupDisk {
  readonly #group: GroupId;
  #term = 0;
  #votedFor: NodeId | null = null;
  #snapshot: Snapshot | undefined;
  /** Index before the first of the entries: what lies at or below it was compacted. */
  #before = 0;
  readonly #entries: Entry[] = [];
  #damaged = false;

  constructor(group: GroupId) {
    this.#group = group;
  }

  get snapshotIndex(): number {
    return this.#snapshot?.index ?? 0;
  }

  /** A write has become durable. */
  keep(write: DiskWrite): void {
    if (write.term !== undefined) this.#term = write.term;
    if (write.votedFor !== undefined) this.#votedFor = write.votedFor;
    if (write.snapshot !== undefined) this.#replaceBy(write.snapshot);
    if (write.truncateFrom !== undefined) this.#truncate(write.truncateFrom);
    for (const entry of write.entries ?? []) {
      if (entry.index <= this.#before) continue;
      if (entry.index !== this.#last + 1) throw new Error(`a write puts index ${entry.index} after ${this.#last}`);
      this.#entries.push(entry);
    }
    if (write.healed === true) this.#damaged = false;
  }

  /** An image of the node's own state has become durable, beside the log. */
  keepSnapshot(snapshot: Snapshot): void {
    this.#snapshot = snapshot;
  }

  /** Forgets the entries up to `index`, which a snapshot covers. Returns how many there were. */
  compact(index: number): number {
    const forgotten = Math.min(index - this.#before, this.#entries.length);
    if (forgotten <= 0) return 0;
    this.#entries.splice(0, forgotten);
    this.#before += forgotten;
    return forgotten;
  }

  /** A record in the middle of the log has become unreadable, and with it all that follows. Returns how many entries. */
  damage(random: Random): number {
    const readable = random.below(Math.max(1, this.#entries.length));
    const gone = this.#entries.length - readable;
    this.#entries.length = readable;
    this.#damaged = true;
    return gone;
  }

  /** What a process finds when it starts. */
  recover(): Durable {
    this.#align();
    return {
      group: this.#group,
      term: this.#term,
      votedFor: this.#votedFor,
      ...(this.#snapshot !== undefined && { snapshot: this.#snapshot }),
      entries: this.#entries.slice(),
      ...(this.#damaged && { damaged: true }),
    };
  }

  get #last(): number {
    return this.#before + this.#entries.length;
  }

  /**
   * What is committed may be compacted before the node's own writes of it have become durable: such a write then begins below
   * what is left, and what it says of that part the snapshot says too.
   */
  #truncate(from: number): void {
    if (from <= this.#before) {
      this.#entries.length = 0;
      return;
    }
    if (from > this.#last + 1)
      throw new Error(`a write begins at index ${from}, the log on disk ends at ${this.#last}`);
    this.#entries.length = from - 1 - this.#before;
  }

  #replaceBy(snapshot: Snapshot): void {
    this.#snapshot = snapshot;
    this.#entries.length = 0;
    this.#before = snapshot.index;
  }

  /**
   * A node's own snapshot is of the committed state, and the log on its disk may be behind that: it may end before the
   * snapshot, or hold there what has been undone, when a crash took the writes that would have mended it. Such a log says
   * nothing that counts: only one that passes through the snapshot's place is kept (as in Raft's InstallSnapshot).
   */
  #align(): void {
    const snapshot = this.#snapshot;
    if (snapshot === undefined || snapshot.index <= this.#before) return;
    const there = this.#entries[snapshot.index - this.#before - 1] as Entry | undefined; // the log may end before it
    if (there?.term !== snapshot.term) this.#replaceBy(snapshot);
  }
}
