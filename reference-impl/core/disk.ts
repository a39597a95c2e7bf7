import type { Log } from './log.ts';
import type { DiskWrite, NodeId, Snapshot } from './types.ts';

/** What two of the defects do to the disk; nothing of it in a sound replica. */
export interface Laziness {
  /** Term and vote wait for the next entries, and nothing waits for them. */
  readonly meta: boolean;
  /** Fewer entries than this wait for more. */
  readonly entries: number;
}

export const DILIGENT: Laziness = { meta: false, entries: 0 };

/**
 * What is on its way to the disk, and what has arrived. The log in memory runs ahead of the disk; this remembers from
 * where on they differ, writes the difference in one piece (group commit: one write in flight, the next one takes all
 * that came meanwhile), and knows how far the disk equals the log. Term and vote never wait for a batch.
 */
export class Disk {
  #ticket = 0;
  #syncedTicket = 0;
  /** Lowest index at which the log differs from what was handed to the disk. */
  #dirtyFrom = Number.POSITIVE_INFINITY;
  /** Last index handed to the disk. */
  #writtenLast: number;
  /** Takes the place of everything that is on the disk with the next write. */
  #snapshot: Snapshot | undefined;
  #metaDirty = false;
  #healedDirty = false;
  /** There is no room: what was handed out waits for it, and no more is handed out meanwhile. */
  full = false;
  #metaTicket = 0;
  readonly #inFlight: { readonly ticket: number; readonly sinceMs: number; last: number }[] = [];
  #durable: number;
  readonly #lazy: Laziness;

  constructor(lastIndex: number, lazy: Laziness) {
    this.#lazy = lazy;
    this.#writtenLast = lastIndex;
    this.#durable = lastIndex;
  }

  /** Highest index up to which the disk is known to hold the log as it is now. */
  get durable(): number {
    return this.#durable;
  }

  /** Highest index up to which the log as it is now was handed to the disk. */
  get handed(): number {
    return this.#snapshot !== undefined ? 0 : Math.min(this.#dirtyFrom - 1, this.#writtenLast);
  }

  /** Whether the current term and vote are on the disk. */
  get metaDurable(): boolean {
    return this.#lazy.meta || (!this.#metaDirty && this.#metaTicket <= this.#syncedTicket);
  }

  /** When the oldest write that waits for its sync was handed out; infinity when none does. */
  get waitsSinceMs(): number {
    return this.#inFlight.length === 0 ? Number.POSITIVE_INFINITY : this.#inFlight[0].sinceMs;
  }

  metaChanged(): void {
    this.#metaDirty = true;
  }

  appended(index: number): void {
    if (index < this.#dirtyFrom) this.#dirtyFrom = index;
  }

  truncated(index: number): void {
    if (index < this.#dirtyFrom) this.#dirtyFrom = index;
    if (this.#durable >= index) this.#durable = index - 1;
    // What is in flight will be overwritten from `index` on by the next write.
    for (const write of this.#inFlight) if (write.last >= index) write.last = index - 1;
  }

  /** A snapshot has replaced the log, which had equalled it up to `common`. */
  replaced(snapshot: Snapshot, common: number): void {
    this.truncated(common + 1);
    this.#snapshot = snapshot;
  }

  /** The log is no longer to be found damaged. */
  healed(): void {
    this.#healedDirty = true;
  }

  synced(ticket: number): void {
    if (ticket > this.#syncedTicket) this.#syncedTicket = ticket;
    while (this.#inFlight.length > 0 && this.#inFlight[0].ticket <= ticket) {
      this.#durable = Math.max(this.#durable, this.#inFlight[0].last);
      this.#inFlight.shift();
    }
  }

  /** The next write, if there is something to write and no reason to wait for more. */
  next(log: Log, term: number, votedFor: NodeId | null, nowMs: number): DiskWrite | undefined {
    const snapshot = this.#snapshot;
    const from = snapshot === undefined ? this.#dirtyFrom : log.first;
    const last = log.lastIndex;
    const entriesDirty = snapshot !== undefined || from <= last || from <= this.#writtenLast;
    const few = snapshot === undefined && last - from + 1 < this.#lazy.entries;
    if (this.full && this.#inFlight.length > 0) return undefined;
    const nothing = !this.#healedDirty && (!entriesDirty || few);
    const entriesWait = nothing || this.#inFlight.length > 0;
    if (entriesWait && (!this.#metaDirty || this.#lazy.meta)) return undefined;
    const write: DiskWrite = {
      ticket: ++this.#ticket,
      ...(this.#metaDirty ? { term, votedFor } : undefined),
      ...(snapshot !== undefined ? { snapshot } : undefined),
      ...(entriesDirty && snapshot === undefined && from <= this.#writtenLast ? { truncateFrom: from } : undefined),
      ...(entriesDirty && from <= last ? { entries: log.slice(from, last) } : undefined),
      ...(this.#healedDirty ? { healed: true } : undefined),
    };
    this.#snapshot = undefined;
    this.#healedDirty = false;
    if (this.#metaDirty) this.#metaTicket = this.#ticket;
    this.#metaDirty = false;
    this.#dirtyFrom = Number.POSITIVE_INFINITY;
    this.#writtenLast = last;
    this.#inFlight.push({ ticket: this.#ticket, sinceMs: nowMs, last });
    return write;
  }
}
