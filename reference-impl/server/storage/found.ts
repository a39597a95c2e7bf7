/** What recovery makes of one group: the newest image that is good, and the entries that follow it. */
import { basename, join } from 'node:path';
import type { Durable, Snapshot, TermStart } from '../../core/types.ts';
import type { StorageOptions } from '../storage.ts';
import { newDamagedFolder } from './damage.ts';
import type { Files } from './files.ts';
import { GroupLog } from './group-log.ts';
import { imageName, readImage } from './image.ts';
import type { Replayed } from './replay.ts';
import type { GroupVote } from './votes.ts';

export interface GroupFound {
  readonly log: GroupLog;
  readonly durable: Durable;
  /** What lies between the image and the entries is gone. */
  readonly incomplete: boolean;
}

interface Where {
  readonly files: Files;
  readonly folder: string;
  readonly cluster: string;
  readonly node: string;
  readonly log: StorageOptions['log'];
}

/** `vote`: what stands beside the log. It is ahead only where the log was cut. */
export async function foundOf(where: Where, replayed: Replayed, vote: GroupVote | undefined): Promise<GroupFound> {
  const { group } = replayed.log;
  const { term, votedFor } = newer(replayed.log, vote);
  const snapshot = await newestGood(where, replayed.log);
  const index = snapshot?.index ?? 0;
  const incomplete = replayed.first > index + 1;
  const entries = incomplete ? [] : replayed.entriesFrom(index + 1);
  if (incomplete) {
    where.log(
      'error',
      `Group ${group}: entries ${index + 1} to ${replayed.first - 1} are missing, so none behind them are used.`,
    );
  }
  const terms: TermStart[] = snapshot === undefined ? [] : [{ term: snapshot.term, index }];
  for (const entry of entries) {
    if (terms.at(-1)?.term !== entry.term) terms.push({ term: entry.term, index: entry.index });
  }
  const log = new GroupLog(group);
  log.state = {
    type: 'state',
    group,
    term,
    votedFor,
    last: entries.at(-1)?.index ?? index,
    terms,
    images: replayed.log.images.filter((image) => image.index <= index),
  };
  const durable: Durable = { group, term, votedFor, entries, ...(snapshot === undefined ? undefined : { snapshot }) };
  return { log, durable, incomplete };
}

function newer(log: Omit<GroupVote, 'group'>, vote: GroupVote | undefined): Omit<GroupVote, 'group'> {
  if (vote === undefined || vote.term < log.term) return log;
  return vote.term > log.term || log.votedFor === null ? vote : log;
}

async function newestGood(where: Where, log: GroupLog): Promise<Snapshot | undefined> {
  const { files, folder, cluster, node } = where;
  const images = join(folder, 'snapshots');
  for (const position of [...log.images].reverse()) {
    const path = join(images, imageName(log.group, position));
    const read = await readImage(path, { cluster, node, group: log.group });
    if (!('bad' in read)) return read;
    where.log('error', `The snapshot ${path} is damaged (${read.bad}) and not used.`);
    await keepForOperator(files, folder, path);
  }
  return undefined;
}

async function keepForOperator(files: Files, folder: string, path: string): Promise<void> {
  const into = await newDamagedFolder(files, folder);
  await files.rename(path, join(into, basename(path))).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  await files.syncFolder(into);
}
