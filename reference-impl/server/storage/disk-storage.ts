/** A storage on a folder that has been opened: the log, the images beside it, and the rollback file. */
import { join } from 'node:path';
import type { DiskWrite, Durable, GroupId, SnapshotReader } from '../../core/types.ts';
import { after, atEndOfTurn, wallMs } from '../clock.ts';
import type { RollbackRecord, Storage, StorageOptions, StorageStatistics } from '../storage.ts';
import type { DamageMarks } from './damage.ts';
import { type Files, isFull } from './files.ts';
import type { GroupFound } from './found.ts';
import type { GroupLog } from './group-log.ts';
import { imageName, type ImageWritten, readerOf, writeImage } from './image.ts';
import type { Unlock } from './lock.ts';
import { Log } from './log.ts';
import { type LineFile, rollbackFile } from './rollback.ts';
import type { Segment } from './segment.ts';
import type { VoteFile } from './votes.ts';

export interface DiskStorageParts {
  readonly options: StorageOptions;
  readonly files: Files;
  readonly found: readonly GroupFound[];
  readonly votes: VoteFile;
  readonly marks: DamageMarks;
  readonly segments: readonly Segment[];
  /** Sequence of the next record. */
  readonly next: number;
  readonly unlock: Unlock;
}

export class DiskStorage implements Storage {
  readonly recovered: readonly Durable[];
  readonly #options: StorageOptions;
  readonly #files: Files;
  readonly #images: string;
  readonly #groups: ReadonlyMap<GroupId, GroupLog>;
  readonly #log: Log;
  readonly #rollback: LineFile;
  readonly #votes: VoteFile;
  readonly #unlock: Unlock;
  /** How often a leader's snapshot replaced a group: an image begun before is of a state that is gone. */
  readonly #installs = new Map<GroupId, number>();
  readonly #dispensable = new Map<GroupId, number>();
  #removing: Promise<void> = Promise.resolve();
  /** Of each group, the images that are there. */
  readonly #imagesKept = new Map<GroupId, Set<string>>();
  /** Who waits for room. */
  readonly #waiting = new Set<'log' | 'rollback'>();
  #whenFull: (() => void) | undefined;
  #closing = false;
  /** What `close` waits for. */
  readonly #underWay = new Set<Promise<unknown>>();

  constructor(parts: DiskStorageParts) {
    const { options, files, found, marks } = parts;
    this.#options = options;
    this.#files = files;
    this.#images = join(options.folder, 'snapshots');
    this.#groups = new Map(found.map(({ log }) => [log.group, log]));
    this.#rollback = rollbackFile(files, options.folder);
    this.#votes = parts.votes;
    this.#unlock = parts.unlock;
    this.recovered = found.map(({ durable, log }) => (marks.has(log.group) ? { ...durable, damaged: true } : durable));
    this.#log = new Log({
      ...options,
      folder: join(options.folder, 'log'),
      files,
      syncing: options.fsync === 'on',
      groups: this.#groups,
      segments: parts.segments,
      next: parts.next,
      install: async (group, snapshot) => {
        await this.#writeImage(group, readerOf(snapshot), () => undefined);
      },
      votes: (votes) => parts.votes.write(votes),
      healed: (groups) => marks.remove(groups),
      full: (full) => this.#full('log', full),
    });
    for (const { log } of found) {
      this.#imagesKept.set(log.group, new Set(log.images.map((image) => imageName(log.group, image))));
    }
  }

  /** The log's first segment is there when it resolves, unless the disk is full: then the log waits for room. */
  async begin(begun: () => Promise<void>): Promise<void> {
    // In a forgetful folder, too: an empty log has to be told from one that is gone.
    const first = this.#log
      .begin()
      .then(() => this.#files.flush())
      .then(begun);
    await Promise.race([first, new Promise<void>((resolve) => (this.#whenFull = resolve))]);
  }

  write(write: DiskWrite): void {
    const group = write.group ?? 'g0';
    this.#log.write(write);
    if (write.snapshot === undefined) return;
    this.#installs.set(group, this.#installsOf(group) + 1);
    this.#later(this.#removeOldImages(group));
  }

  snapshot(group: GroupId, reader: SnapshotReader): Promise<ImageWritten> {
    const written = this.#snapshot(group, reader);
    this.#later(written);
    return written;
  }

  async #snapshot(group: GroupId, reader: SnapshotReader): Promise<ImageWritten> {
    const installs = this.#installsOf(group);
    const proceed = (): void => {
      if (this.#closing) throw new Error('The storage is being closed.');
      if (this.#installsOf(group) !== installs) throw new Error(`A leader's snapshot has replaced group ${group}.`);
    };
    try {
      const log = this.#groups.get(group);
      if (log === undefined) throw new Error(`Group ${group} is not among those that the folder was opened for.`);
      const { head } = reader;
      if (head.index <= log.floor) return { index: log.floor, bytes: 0 };
      const written = await this.#writeImage(group, reader, proceed);
      proceed();
      // Another one may have overtaken it: then nobody needs this one.
      if (head.index > log.floor) this.#log.image(group, head);
      await this.#removeOldImages(group);
      return written;
    } finally {
      reader.release();
    }
  }

  compact(group: GroupId, index: number): void {
    const floor = this.#groups.get(group)?.floor ?? 0;
    this.#dispensable.set(group, Math.min(index, floor));
    const segments = this.#log.takeDispensable((of) => this.#dispensable.get(of) ?? 0);
    if (segments.length === 0) return;
    // What makes them dispensable must be durable first.
    const durable = this.#log.durable();
    this.#removing = this.#removing.then(() => durable).then(() => this.#removeSegments(segments));
    this.#later(this.#removing);
  }

  async keepUndone(records: readonly RollbackRecord[]): Promise<void> {
    for (;;) {
      try {
        await this.#rollback.append(records);
        this.#full('rollback', false);
        return;
      } catch (error) {
        if (!isFull(error) || this.#closing) throw error;
        this.#full('rollback', true);
        await new Promise<void>((resolve) => void after(this.#options.retryMs, resolve));
        if (this.#closing) throw error;
      }
    }
  }

  statistics(): StorageStatistics {
    return this.#log.statistics();
  }

  async close(): Promise<void> {
    this.#closing = true;
    await this.#log.close();
    await Promise.allSettled(this.#underWay);
    await this.#rollback.close();
    await this.#votes.close();
    await this.#files.flush();
    await this.#unlock();
  }

  /** Whoever waits for it is told how it ends; nobody has to wait. */
  #later(work: Promise<unknown>): void {
    const forget = (): void => void this.#underWay.delete(work);
    this.#underWay.add(work);
    work.then(forget, forget);
  }

  #installsOf(group: GroupId): number {
    return this.#installs.get(group) ?? 0;
  }

  async #writeImage(group: GroupId, reader: SnapshotReader, mayProceed: () => void): Promise<ImageWritten> {
    const { cluster, node } = this.#options;
    const proceed = async (): Promise<void> => {
      await new Promise<void>(atEndOfTurn);
      mayProceed();
    };
    const owner = { cluster, node, group };
    const written = await writeImage(this.#files, this.#images, owner, reader, wallMs(), proceed);
    this.#imagesKept.get(group)?.add(imageName(group, reader.head));
    return written;
  }

  /** Those that the log does not name any more as of now, once that is durable. */
  async #removeOldImages(group: GroupId): Promise<void> {
    const named = new Set(this.#groups.get(group)?.images.map((image) => imageName(group, image)));
    const kept = this.#imagesKept.get(group) ?? new Set();
    const old = [...kept].filter((name) => !named.has(name));
    for (const name of old) kept.delete(name);
    await this.#log.durable();
    for (const name of old) {
      await this.#remove(join(this.#images, name));
    }
  }

  async #removeSegments(segments: readonly Segment[]): Promise<void> {
    for (const segment of segments) {
      await this.#remove(segment.path);
      // One after another, for a log that has a hole would be taken for a damaged one.
      await this.#files.syncFolder(join(this.#options.folder, 'log')).catch((error: Error) => this.#failed(error));
    }
  }

  /** That a file could not be removed costs room and nothing else. */
  async #remove(path: string): Promise<void> {
    try {
      await this.#files.remove(path);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#options.log('warning', `${path} could not be removed: ${why}.`);
    }
  }

  #failed(error: Error): void {
    this.#options.failed(error);
  }

  #full(who: 'log' | 'rollback', isFull: boolean): void {
    const before = this.#waiting.size > 0;
    if (isFull) this.#waiting.add(who);
    else this.#waiting.delete(who);
    const now = this.#waiting.size > 0;
    if (before === now) return;
    this.#whenFull?.();
    const { folder, log, changed } = this.#options;
    if (now) log('error', `The disk of ${folder} is full: nothing is acknowledged until there is room.`);
    else log('info', `There is room on the disk of ${folder} again.`);
    changed(now ? 'full' : 'ok');
  }
}
