/**
 * What the server asks of its disk. `openStorage` in storage/open.ts makes one from a folder; nothing else of the server
 * touches files of the data directory.
 *
 * One write-ahead log is shared by all groups of the node: one sync covers what many requests of many groups wrote
 * (group commit). Writes reach the kernel in the order in which they were given.
 */
import type { DiskState, DiskWrite, Durable, Entry, GroupId, SnapshotReader } from '../core/types.ts';

export interface StorageOptions {
  readonly folder: string;
  /** The cluster's name: a folder that belongs to another one is refused. */
  readonly cluster: string;
  readonly node: string;
  readonly groups: readonly GroupId[];
  /** `off`: nothing is synced, and what was written counts as durable at once. Loses data; for demonstrations. */
  readonly fsync: 'on' | 'off';
  /**
   * `forgetful`: what was written stays in this process's memory until its sync, which then really writes and syncs
   * it. So `kill -9` loses exactly what a power failure may lose. For tests of the order of writes, syncs and sends.
   */
  readonly files: 'real' | 'forgetful';
  /** Size at which a segment of the log is closed, bytes. */
  readonly segmentBytes: number;
  /** Shortest time between attempts while the disk is full, ms. */
  readonly retryMs: number;
  /** Told what an operator must know: damage found, disk full, room again. One sentence each, no values of users. */
  readonly log: (level: 'info' | 'warning' | 'error', sentence: string) => void;
  readonly changed: (state: DiskState) => void;
  /** Every write with a ticket up to this one is durable. */
  readonly synced: (ticket: number) => void;
  /** A write or sync failed in a way that cannot be tried again (EIO): the process has to end, its log in doubt. */
  readonly failed: (error: Error) => void;
}

export interface StorageStatistics {
  readonly logBytes: number;
  readonly segments: number;
  readonly writes: number;
  readonly syncs: number;
  /** Of each sync, ms: last, and highest of the last 100. */
  readonly syncMs: { readonly last: number; readonly highest: number };
  /** Age of the oldest write that is not durable yet, ms. */
  readonly waitingMs: number;
  readonly full: boolean;
}

/** An undone entry, as the rollback file keeps it. */
export interface RollbackRecord {
  readonly group: GroupId;
  readonly entry: Entry;
  /** The value that it had replaced (null: none); not given: it changed no key, or `overwroteUnknown`. */
  readonly overwrote?: unknown;
  /** What it replaced, and of a cas whether it matched, is not known: the node's log did not reach back so far. */
  readonly overwroteUnknown?: true;
  /** This node had acknowledged it as a leader, or it was committed, and then whoever led may have. */
  readonly acknowledged: boolean;
  /** It is of before a restart of this node: whether it was committed then, or acknowledged, is not known. */
  readonly acknowledgedUnknown?: true;
  /** It was committed; a promotion by force has undone it all the same. */
  readonly committed?: true;
  /** Wall time at which it was undone, ISO 8601. */
  readonly at: string;
}

export interface Storage {
  /** What the node finds at start, a part for each group it was opened for. */
  readonly recovered: readonly Durable[];
  /** Queues a write; `synced` is called later, never from within. */
  write(write: DiskWrite): void;
  /** Writes an image beside the log, in portions that leave the event loop free; resolves when it is durable. */
  snapshot(group: GroupId, reader: SnapshotReader): Promise<{ readonly index: number; readonly bytes: number }>;
  /** Everything of the group's log up to `index` may go; segments that nobody needs are removed. */
  compact(group: GroupId, index: number): void;
  /** Appends to rollback.jsonl, synced before it resolves. */
  keepUndone(records: readonly RollbackRecord[]): Promise<void>;
  statistics(): StorageStatistics;
  /** Waits for what was written to be durable, and lets go of the folder. */
  close(): Promise<void>;
}

/** Why a folder was not opened, in one sentence for the operator. The program exits with 254. */
export class StorageRefused extends Error {}
