/** Storages in folders of their own, for tests: what they reported is kept, and they can be left as a killed process leaves them. */
import { cpSync, lstatSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DiskState, Entry, Snapshot } from '../../../core/types.ts';
import type { Storage, StorageOptions } from '../../storage.ts';
import { type Disks, openStorageOn } from '../open.ts';
import { forgetfulFiles, realFiles } from '../files.ts';
import { lockFolder } from '../lock.ts';

export interface Opened {
  readonly storage: Storage;
  readonly folder: string;
  readonly said: string[];
  readonly states: DiskState[];
  readonly failures: Error[];
  /** Highest ticket reported. */
  readonly ticket: () => number;
  /** Resolves when `ticket` is reported. */
  readonly synced: (ticket: number) => Promise<void>;
}

const folders: string[] = [];

/** Gone after the test, if the file says `afterEach(removeFolders)`. */
export function temporaryFolder(): string {
  const made = mkdtempSync(join(tmpdir(), 'tidemark-storage-'));
  folders.push(made);
  return made;
}

export function removeFolders(): void {
  for (const made of folders.splice(0)) rmSync(made, { recursive: true, force: true });
}

/** Where nothing fails, syncs only take time. */
export const quick: Disks = { lock: lockFolder, opening: realFiles(false), running: realFiles(false) };

/** `disks`: instead of those that the options name. */
export async function opened(folder: string, options: Partial<StorageOptions> = {}, disks?: Disks): Promise<Opened> {
  const isSyncing = options.fsync !== 'off';
  const running = options.files === 'forgetful' ? forgetfulFiles(isSyncing) : realFiles(isSyncing);
  const said: string[] = [];
  const states: DiskState[] = [];
  const failures: Error[] = [];
  let highest = 0;
  let waiting: { readonly ticket: number; readonly done: () => void }[] = [];
  const storage = await openStorageOn(disks ?? { lock: lockFolder, opening: realFiles(true), running }, {
    folder,
    cluster: 'c1',
    node: 'n1',
    groups: ['g0'],
    fsync: 'on',
    files: 'real',
    segmentBytes: 64 << 10,
    retryMs: 20,
    log: (level, sentence) => void said.push(`${level}: ${sentence}`),
    changed: (state) => void states.push(state),
    synced: (ticket) => {
      highest = ticket;
      for (const one of waiting) if (one.ticket <= ticket) one.done();
      waiting = waiting.filter((one) => one.ticket > ticket);
    },
    failed: (error) => void failures.push(error),
    ...options,
  });
  return {
    storage,
    folder,
    said,
    states,
    failures,
    ticket: () => highest,
    synced: (ticket) =>
      highest >= ticket ? Promise.resolve() : new Promise((done) => void waiting.push({ ticket, done })),
  };
}

/** A copy of the folder as it is now: what a process that is killed now leaves behind. */
export function copyOf(folder: string): string {
  const copy = temporaryFolder();
  cpSync(folder, copy, { recursive: true, filter: (path) => !lstatSync(path).isSocket() });
  return copy;
}

export function entry(index: number, term = 1, value = `v${index}`): Entry {
  return { term, index, command: { type: 'write', key: `k${index % 5}`, value } };
}

export function entries(from: number, to: number, term = 1): readonly Entry[] {
  return Array.from({ length: to - from + 1 }, (_, i) => entry(from + i, term));
}

export function snapshot(index: number, term = 1, size = 3): Snapshot {
  return {
    term,
    index,
    members: { voters: ['n1', 'n2', 'n3'], learners: [] },
    membersIndex: 0,
    terms: [{ term, index: 1 }],
    values: Array.from({ length: size }, (_, i) => ({ key: `k${i}`, value: `s${index}.${i}`, term, index: 1 })),
    requests: [{ client: 'c', sequence: index, term, index: 1 }],
  };
}
