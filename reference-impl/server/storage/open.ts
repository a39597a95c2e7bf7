/**
 * Opens a data directory:
 *
 *     meta.json           whose it is, and its format
 *     lock                which process has it
 *     lock-<n>.socket     where that process answers
 *     log/<first>.log     the write-ahead log, in segments
 *     votes               terms and votes, beside the log
 *     snapshots/          two images a group, at most
 *     rollback.jsonl      entries that were undone
 *     damaged.json        groups that have not healed since their log was found damaged
 *     damaged-<n>/        what was cut off then
 */
import { mkdir, readdir, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Storage, type StorageOptions, StorageRefused } from '../storage.ts';
import { DamageMarks, newDamagedFolder, setAside } from './damage.ts';
import { DiskStorage } from './disk-storage.ts';
import { endSegment } from './end.ts';
import { type Files, forgetfulFiles, isFull, realFiles } from './files.ts';
import { FORMAT } from './frame.ts';
import { imageName } from './image.ts';
import { lockFolder, type Unlock } from './lock.ts';
import { type Meta, readMeta, writeMeta } from './meta.ts';
import { readLog, type Recovery } from './recover.ts';
import { type GroupFound, foundOf } from './found.ts';
import { Replay } from './replay.ts';
import { firstOf } from './segment.ts';
import { readVotes, VoteFile, type VotesRead } from './votes.ts';

/** Rejects with `StorageRefused` where the folder must not or cannot be used. */
export function openStorage(options: StorageOptions): Promise<Storage> {
  const isSyncing = options.fsync === 'on';
  const running = options.files === 'real' ? realFiles(isSyncing) : forgetfulFiles(isSyncing);
  // What is done before the first write is durable whatever the options say.
  return openStorageOn({ lock: lockFolder, opening: realFiles(true), running }, options);
}

export interface Disks {
  readonly lock: (folder: string, log: StorageOptions['log']) => Promise<Unlock>;
  readonly opening: Files;
  readonly running: Files;
}

export async function openStorageOn(disks: Disks, options: StorageOptions): Promise<Storage> {
  const { folder } = options;
  await mkdir(folder, { recursive: true });
  const unlock = await disks.lock(folder, options.log);
  try {
    return await openLocked(disks, options, unlock);
  } catch (error) {
    await unlock();
    if (isFull(error)) throw new StorageRefused(`There is no room on the disk to open ${folder}.`, { cause: error });
    throw error;
  }
}

async function openLocked(disks: Disks, options: StorageOptions, unlock: Unlock): Promise<Storage> {
  const { folder, cluster, node, groups } = options;
  const files = disks.opening;
  const meta = await prepareFolder(files, options);
  const replay = new Replay();
  const logFolder = join(folder, 'log');
  const isFresh = !meta.begun && (await segmentsIn(logFolder)) === 0;
  const recovery: Recovery = isFresh ? { segments: [], next: 1 } : await readLog(logFolder, { cluster, node }, replay);
  const marks = await DamageMarks.read(files, folder);
  const { next, aside } = await repair(files, options, recovery, replay, marks);
  const read = await readVotes(files, folder);
  const found: GroupFound[] = [];
  for (const group of groups) {
    found.push(
      await foundOf({ files, folder, cluster, node, log: options.log }, replay.group(group), read.votes.get(group)),
    );
  }
  await marks.add(found.filter((one) => one.incomplete).map((one) => one.log.group));
  for (const { log } of found) for (const segment of recovery.segments) segment.cut(log.group, log.last + 1);
  await removeLeftovers(files, folder, found, aside);
  const votes = await openVotes(disks.running, folder, found, read);
  const storage = new DiskStorage({
    options,
    files: disks.running,
    votes,
    found,
    marks,
    segments: recovery.segments,
    next,
    unlock,
  });
  await storage.begin(() => (meta.begun ? Promise.resolve() : writeMeta(files, folder, { ...meta, begun: true })));
  return storage;
}

async function openVotes(
  files: Files,
  folder: string,
  found: readonly GroupFound[],
  read: VotesRead,
): Promise<VoteFile> {
  const known = found.map(({ log }) => log);
  const votes = await VoteFile.open(files, folder, known, read);
  const isCurrent = known.every(({ group, term, votedFor }) => {
    const vote = read.votes.get(group) ?? { term: 0, votedFor: null };
    return vote.term === term && vote.votedFor === votedFor;
  });
  // It was damaged, or the process was stopped before it was written.
  if (!isCurrent) await votes.write([]);
  return votes;
}

async function prepareFolder(files: Files, options: StorageOptions): Promise<Meta> {
  const { folder, cluster, node, groups } = options;
  const before = await readMeta(folder, options);
  const logFolder = join(folder, 'log');
  if (before === undefined && (await segmentsIn(logFolder)) > 0) {
    throw new StorageRefused(`${folder} has a log and no meta.json: it is not known whose it is.`);
  }
  await mkdir(logFolder, { recursive: true });
  await mkdir(join(folder, 'snapshots'), { recursive: true });
  await files.syncFolder(folder);
  await syncParents(files, await realpath(folder), before === undefined);
  if (before !== undefined && before.groups.length === groups.length) return before;
  const meta: Meta = { format: FORMAT, cluster, node, groups: [...groups], begun: before?.begun ?? false };
  await writeMeta(files, folder, meta);
  return meta;
}

/**
 * A folder's name is durable once the folder above it is synced. Of a folder that was never in use any of those above may
 * be new: made just now, or by a process that ended before it came to sync them. So all of them are synced, once.
 */
async function syncParents(files: Files, folder: string, isNew: boolean): Promise<void> {
  let at = dirname(folder);
  await files.syncFolder(at);
  if (!isNew) return;
  while (at !== dirname(at)) {
    at = dirname(at);
    try {
      await files.syncFolder(at);
    } catch (error) {
      // What this user cannot read, or cannot be written, was not made by this program.
      if (!NOT_OURS.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  }
}

const NOT_OURS: ReadonlySet<string> = new Set(['EACCES', 'EPERM', 'EROFS', 'EINVAL']);

async function segmentsIn(logFolder: string): Promise<number> {
  const names = await readdir(logFolder).catch(() => []);
  return names.filter((name) => firstOf(name) !== undefined).length;
}

/** Makes the log end where its last good record ends. `next`: sequence of the next record; `aside`: where damaged files are. */
async function repair(
  files: Files,
  options: StorageOptions,
  recovery: Recovery,
  replay: Replay,
  marks: DamageMarks,
): Promise<{ readonly next: number; readonly aside?: string }> {
  const { folder, log } = options;
  const { torn, damage, open, next } = recovery;
  let aside: string | undefined;
  if (torn !== undefined) {
    log(
      'warning',
      `The end of the log was torn (${torn.path}, byte ${torn.offset}: ${torn.why}): the last write had not been finished, and is cut off.`,
    );
  }
  if (damage !== undefined) {
    await marks.add([...new Set([...options.groups, ...replay.groups.keys()])]);
    aside = await newDamagedFolder(files, folder);
    log(
      'error',
      `The log is damaged (${damage.path}, byte ${damage.offset}: ${damage.why}): it is cut there, what follows is kept in ${aside}, and this node heals from its leader before it counts again.`,
    );
    await setAside(files, join(folder, 'log'), aside, recovery);
  }
  const kept = aside === undefined ? undefined : { aside };
  if (open === undefined) return { next, ...kept };
  await endSegment(files, open, next);
  return { next: next + 1, ...kept };
}

/** Files that were not finished, and images that the log does not speak of. */
async function removeLeftovers(
  files: Files,
  folder: string,
  found: readonly GroupFound[],
  aside: string | undefined,
): Promise<void> {
  const known = new Set(found.flatMap(({ log }) => log.images.map((image) => imageName(log.group, image))));
  for (const [name, isLeft] of [
    ['log', (file: string) => file.endsWith('.tmp')],
    ['snapshots', (file: string) => !known.has(file)],
  ] as const) {
    const below = join(folder, name);
    const left = (await readdir(below)).filter(isLeft);
    for (const file of left) {
      // The part of the log that is cut off may have spoken of it.
      if (aside === undefined || file.endsWith('.tmp')) await files.remove(join(below, file));
      else await files.rename(join(below, file), join(aside, file));
    }
    if (left.length > 0) await files.syncFolder(below);
  }
}
