/**
 * The write-ahead log of all groups, as it is written. One record is on its way to disk at a time, with one write that
 * syncs; everything that comes meanwhile goes into the next.
 *
 * The call runs in Node's thread pool: in the event loop, it would stop the whole node, heartbeats included, when a disk
 * hangs.
 */
import type { DiskWrite, GroupId, Position, Snapshot } from '../../core/types.ts';
import type { StorageStatistics } from '../storage.ts';
import { after, atEndOfTurn, type Cancel, monotonicMs, wallMs } from '../clock.ts';
import { Batch, type BatchPlace, BufferPool } from './batch.ts';
import { crc32c } from '../../wire/crc32c.ts';
import { type Files, isFull, type OpenFile } from './files.ts';
import { packHead, RECORD_HEAD_BYTES, sealRecord } from './frame.ts';
import type { GroupLog } from './group-log.ts';
import { packEnd, packImage, packNote, packState, packWrite } from './items.ts';
import { Writer } from '../../wire/bytes.ts';
import { Segment, segmentPath } from './segment.ts';
import { Spares } from './spare.ts';
import { SyncTimes } from './sync-times.ts';
import type { GroupVote } from './votes.ts';

/** A record that is longer only holds one write. */
const BATCH_BYTES_MAX = 4 << 20;
/** The log is idle for so long before a note is written that proves its last record. */
const NOTE_AFTER_MS = 50;

export interface LogOptions {
  readonly folder: string;
  readonly cluster: string;
  readonly node: string;
  readonly files: Files;
  /** Syncs really happen. */
  readonly syncing: boolean;
  readonly segmentBytes: number;
  readonly retryMs: number;
  readonly groups: ReadonlyMap<GroupId, GroupLog>;
  /** Those that are there already, oldest first. */
  readonly segments: readonly Segment[];
  /** Sequence of the next record. */
  readonly next: number;
  /** Makes the image that a write brings along; durable when it resolves. */
  readonly install: (group: GroupId, snapshot: Snapshot) => Promise<void>;
  /** Keeps terms and votes beside the log, durably. */
  readonly votes: (votes: readonly GroupVote[]) => Promise<void>;
  readonly healed: (groups: readonly GroupId[]) => Promise<void>;
  readonly synced: (ticket: number) => void;
  readonly full: (full: boolean) => void;
  readonly failed: (error: Error) => void;
}

/** A segment and how much of it is taken. */
interface Planned {
  readonly segment: Segment;
  readonly allocated: number;
  offset: number;
}

export class Log {
  readonly #options: LogOptions;
  readonly #spares: Spares;
  readonly #pool = new BufferPool();
  readonly #scratch = new Writer(64 << 10);
  /** Segments whose names are on disk. The last one is being written. */
  readonly #segments: Segment[];
  #file: OpenFile | undefined;
  #seed = 0;

  /** The one being written, those that wait, and the one being filled. */
  readonly #queue: Batch[] = [];
  #filling: Batch | undefined;
  #next: number;
  /** The segment into which the batch being filled will go, and what of it earlier batches have taken. */
  #planned: Planned | undefined;
  #begun = 0;

  #syncedSequence: number;
  #running = false;
  #full = false;
  #dead: Error | undefined;
  #closing = false;
  #noted = 0;
  #noteTimer: Cancel | undefined;
  #wake: (() => void) | undefined;
  #ended: (() => void) | undefined;
  #idleSinceMs = 0;
  #writes = 0;
  readonly #times = new SyncTimes();

  constructor(options: LogOptions) {
    this.#options = options;
    this.#spares = new Spares(options.files, options.folder, options.segmentBytes);
    this.#segments = [...options.segments];
    this.#next = options.next;
    this.#syncedSequence = options.next - 1;
  }

  /** Throws, and changes nothing, if the write does not follow what was written of its group before. */
  write(write: DiskWrite): void {
    if (this.#dead !== undefined) return;
    const group = write.group ?? 'g0';
    const log = this.#groupLog(group);
    const why = log.unfit(write);
    if (why !== undefined) throw new Error(`A write of group ${group} does not follow its log: ${why}.`);
    this.#scratch.at = 0;
    packWrite(this.#scratch, group, write);
    // An image is made before its record, and must not hold up the records before.
    if (write.snapshot !== undefined) this.#seal();
    const batch = this.#put();
    batch.ticket = write.ticket;
    batch.writes++;
    if (write.snapshot !== undefined) batch.installs.push({ group, snapshot: write.snapshot });
    if (write.healed === true) batch.healed.push(group);
    const { last } = log;
    const from = log.write(write);
    if (write.term !== undefined || write.votedFor !== undefined) {
      batch.votes.push({ group, term: log.term, votedFor: log.votedFor });
    }
    if (from <= last) for (const segment of this.#segmentsNamedOrNot()) segment.cut(group, from);
    if (write.entries !== undefined && write.entries.length > 0) batch.place.segment.holds(group, log.last);
    this.#kick();
  }

  /** Says that an image is complete. */
  image(group: GroupId, { term, index }: Position): void {
    const log = this.#groupLog(group);
    const reset = !log.holds({ term, index });
    this.#scratch.at = 0;
    packImage(this.#scratch, { group, term, index, reset });
    this.#put();
    log.image({ term, index, reset });
    if (reset) for (const segment of this.#segmentsNamedOrNot()) segment.cut(group, index + 1);
    this.#kick();
  }

  /** Begins the first segment, so that an empty log is told from one that is gone. Resolves when it is durable. */
  begin(): Promise<void> {
    this.#batchFor(0);
    return this.durable();
  }

  /** Resolves when all that was given so far is durable; rejects if it never will be. */
  durable(): Promise<void> {
    const last = this.#queue.at(-1);
    if (last === undefined) return Promise.resolve();
    if (this.#dead !== undefined) return Promise.reject(this.#dead);
    this.#kick();
    return new Promise((resolve, reject) => void last.waiting.push({ resolve, reject }));
  }

  /** Takes out the oldest segments that nobody needs; `dispensable`: up to which index a group can do without. */
  takeDispensable(dispensable: (group: GroupId) => number): readonly Segment[] {
    let count = 0;
    while (count < this.#segments.length - 1 && this.#segments[count].isDispensable(dispensable)) count++;
    return this.#segments.splice(0, count);
  }

  /** Tries once more where the disk is full, then gives up what is not durable. Otherwise the log ends properly. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#noteTimer?.();
    this.#scratch.at = 0;
    packEnd(this.#scratch);
    const last = this.#put();
    this.#kick();
    this.#wake?.();
    await new Promise<void>((resolve) => {
      this.#ended = resolve;
      if (!this.#running) resolve();
    });
    if (this.#queue.length === 0 && this.#dead === undefined) {
      await this.#file?.truncate(last.place.offset + last.bytes);
      await this.#file?.sync();
    }
    await this.#file?.close();
    await this.#spares.close();
  }

  statistics(): StorageStatistics {
    const oldest = this.#queue.find((batch) => batch.ticket !== undefined);
    return {
      logBytes: this.#segments.reduce((sum, segment) => sum + segment.bytes, 0),
      segments: this.#segments.length,
      writes: this.#writes,
      syncs: this.#times.count,
      syncMs: this.#times.figures,
      waitingMs: oldest === undefined ? 0 : monotonicMs() - oldest.sinceMs,
      full: this.#full,
    };
  }

  #groupLog(group: GroupId): GroupLog {
    const log = this.#options.groups.get(group);
    if (log === undefined) throw new Error(`Group ${group} is not among those that the folder was opened for.`);
    return log;
  }

  #segmentsNamedOrNot(): readonly Segment[] {
    return this.#planned === undefined ? this.#segments : [...this.#segments, this.#planned.segment];
  }

  /** What is in `#scratch` goes into the batch that is being filled. */
  #put(): Batch {
    const batch = this.#batchFor(this.#scratch.at);
    batch.out.raw(this.#scratch.bytes.subarray(0, this.#scratch.at));
    return batch;
  }

  #batchFor(bytes: number): Batch {
    if (this.#filling !== undefined && this.#filling.hasRoom(bytes)) return this.#filling;
    this.#seal();
    const planned = this.#planned;
    const fits = planned !== undefined && planned.offset + RECORD_HEAD_BYTES + bytes <= planned.allocated;
    const out = this.#pool.take();
    const batch = fits ? this.#batchIn(planned, out) : this.#batchOfNewSegment(bytes, out);
    this.#queue.push(batch);
    this.#filling = batch;
    return batch;
  }

  #batchIn(planned: Planned, out: Writer): Batch {
    const { segment, offset, allocated } = planned;
    const bytesMax = Math.min(BATCH_BYTES_MAX, allocated - offset);
    return new Batch({ sequence: this.#next++, segment, offset, bytesMax }, out, monotonicMs());
  }

  /** A segment begins with the state of every group, so that it needs none before it. */
  #batchOfNewSegment(bytes: number, out: Writer): Batch {
    out.at = RECORD_HEAD_BYTES;
    for (const log of this.#options.groups.values()) packState(out, log.state);
    const stateEnd = out.at;
    const { folder, cluster, node } = this.#options;
    const first = this.#next++;
    const about = { kind: 'log', cluster, node, group: '', first, madeAtMs: wallMs() } as const;
    const headBytes = packHead({ ...about, allocated: 0 }).length;
    const allocated = Math.max(this.#spares.bytesOf(this.#begun++), headBytes + stateEnd + bytes);
    const head = packHead({ ...about, allocated });
    const segment = new Segment(segmentPath(folder, first), first);
    this.#planned = { segment, allocated, offset: headBytes };
    const bytesMax = Math.max(Math.min(BATCH_BYTES_MAX, allocated - headBytes), stateEnd + bytes);
    const place: BatchPlace = { sequence: first, segment, offset: headBytes, bytesMax, begins: { head, allocated } };
    const batch = new Batch(place, out, monotonicMs());
    out.at = stateEnd;
    return batch;
  }

  /** Nothing more goes into the batch that is being filled. */
  #seal(): void {
    if (this.#filling !== undefined && this.#planned !== undefined) this.#planned.offset += this.#filling.bytes;
    this.#filling = undefined;
  }

  #kick(): void {
    if (this.#running || this.#dead !== undefined) return;
    this.#running = true;
    // At the end of the turn: what other connections have brought by then goes along.
    atEndOfTurn(() => void this.#run());
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0 && this.#dead === undefined) {
      const batch = this.#queue[0];
      if (batch === this.#filling) this.#seal();
      try {
        await this.#toDisk(batch);
      } catch (error) {
        if (!(await this.#mayTryAgain(error))) break;
        continue;
      }
      this.#queue.shift();
      this.#arrived(batch);
    }
    this.#running = false;
    this.#idleSinceMs = monotonicMs();
    if (this.#queue.length > 0) this.#giveUp();
    if (this.#closing) this.#ended?.();
    else this.#noteLater();
  }

  async #toDisk(batch: Batch): Promise<void> {
    const { sequence, segment, offset, begins } = batch.place;
    while (batch.installs.length > 0) {
      await this.#options.install(batch.installs[0].group, batch.installs[0].snapshot);
      batch.installs.shift();
    }
    if (!batch.isOnDisk) {
      const record = batch.out.bytes.subarray(0, batch.bytes);
      const seed = begins === undefined ? this.#seed : crc32c(begins.head, 0, begins.head.length - 4);
      sealRecord(record, batch.bytes, seed, sequence, this.#syncedSequence);
      await this.#recordToDisk(batch, record, seed);
      // There may be no room for what comes after it, and only that is tried again then.
      batch.isOnDisk = true;
    }
    // Afterwards: what else the write holds (the first entry of an epoch) must not come later than its term.
    if (batch.votes.length > 0) await this.#options.votes(batch.votes);
    segment.bytes = offset + batch.bytes;
    if (batch.healed.length > 0) await this.#options.healed(batch.healed);
  }

  async #recordToDisk({ place }: Batch, record: Buffer, seed: number): Promise<void> {
    const { segment, offset, begins } = place;
    if (begins === undefined) {
      const file = this.#file;
      if (file === undefined) throw new Error('the log has no segment');
      await this.#timed(() => file.writeDurably(record, offset));
    } else {
      const { file } = await this.#spares.get(begins.allocated);
      await file.write(begins.head, 0);
      await file.write(record, offset);
      await this.#timed(() => file.syncMade());
      await this.#options.files.rename(file.path, segment.path);
      await this.#options.files.syncFolder(this.#options.folder);
      this.#spares.used();
      const before = this.#file;
      this.#file = file;
      this.#seed = seed;
      this.#segments.push(segment);
      await before?.close();
      if (!this.#closing) this.#spares.prepare(this.#spares.bytesOf(this.#begun));
    }
  }

  async #timed(sync: () => Promise<void>): Promise<void> {
    const start = monotonicMs();
    await sync();
    if (this.#options.syncing) this.#times.add(monotonicMs() - start);
  }

  #arrived(batch: Batch): void {
    if (this.#full) this.#options.full((this.#full = false));
    if (this.#options.syncing) this.#syncedSequence = batch.place.sequence;
    this.#writes += batch.writes;
    this.#pool.give(batch.out);
    for (const one of batch.waiting) one.resolve();
    if (batch.ticket !== undefined) this.#options.synced(batch.ticket);
  }

  /** Nothing that waits will be durable any more. */
  #giveUp(): void {
    const error = this.#dead ?? new Error('The storage was closed while the disk was full.');
    for (const batch of this.#queue) for (const one of batch.waiting.splice(0)) one.reject(error);
  }

  /** Waits and says true where the disk is full; anything else is the end. */
  async #mayTryAgain(error: unknown): Promise<boolean> {
    if (!isFull(error)) {
      this.#dead = error instanceof Error ? error : new Error(String(error));
      this.#options.failed(this.#dead);
      return false;
    }
    if (!this.#full) this.#options.full((this.#full = true));
    if (this.#closing) return false;
    await new Promise<void>((resolve) => {
      const cancel = after(this.#options.retryMs, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
    this.#wake = undefined;
    return true;
  }

  /** A record behind the last one proves that the last one was synced. Only a log that rests needs it. */
  #noteLater(): void {
    const last = this.#next - 1;
    if (this.#noteTimer !== undefined || this.#noted === last || !this.#options.syncing || this.#dead) return;
    const dueMs = Math.max(1, this.#idleSinceMs + NOTE_AFTER_MS - monotonicMs());
    this.#noteTimer = after(dueMs, () => {
      this.#noteTimer = undefined;
      if (this.#running || this.#closing || this.#dead !== undefined) return;
      if (monotonicMs() < this.#idleSinceMs + NOTE_AFTER_MS) return this.#noteLater();
      this.#scratch.at = 0;
      packNote(this.#scratch);
      this.#noted = this.#put().place.sequence;
      this.#kick();
    });
  }
}
