/** All runs that are stored, in the database and in files, seen as one. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Database, openDatabase } from './database.ts';
import { listRunFiles, readRun, runIds } from './files.ts';
import { knownIds, listRuns, loadRun } from './load.ts';
import type { RunRecord } from './record.ts';
import { findAmong, type Found, newestFirst, type RunFilter, type RunSummary } from './summary.ts';
import { DatabaseUnavailable } from './unavailable.ts';

export interface StoredRuns {
  /** Undefined where there is none, or it can't be had. */
  readonly database: Database | undefined;
  /** Whether there is a database that can't be had: there may be runs that are not seen. */
  readonly incomplete: boolean;
  /** Newest first. */
  list(filter: RunFilter): Promise<readonly RunSummary[]>;
  /** `last`, an id or the beginning of one, or a label. */
  find(word: string): Promise<Found>;
  load(id: string): Promise<RunRecord | undefined>;
  close(): Promise<void>;
}

export interface StoredRunsOptions {
  /** `.tidemark`. */
  readonly folder: string;
  /** TIDEMARK_DATABASE_URL. */
  readonly url?: string | undefined;
  /** Told, in one sentence each, what could not be read. */
  readonly warn: (sentence: string) => void;
}

/** Never rejects for want of a database: then the files alone are read, and `warn` is told. */
export async function openStoredRuns({ folder, url, warn }: StoredRunsOptions): Promise<StoredRuns> {
  const { database, incomplete } = await openIfAny(folder, url, warn);
  const list = async (filter: RunFilter): Promise<readonly RunSummary[]> => {
    const ids = runIds(folder);
    const known = database === undefined ? new Set() : await knownIds(database, ids);
    const unsaved = ids.filter((id) => !known.has(id));
    if (database !== undefined && unsaved.length === 0) return listRuns(database, filter);
    const { skip = 0, limit = Number.POSITIVE_INFINITY, ...which } = filter;
    // Both kinds from the newest on, as many as may be shown: which of them are left out shows only when they are merged.
    const most = limit === Number.POSITIVE_INFINITY ? {} : { limit: limit + skip };
    const saved = database === undefined ? [] : await listRuns(database, { ...which, ...most });
    const runs = [...saved, ...listRunFiles(folder, { ...which, ...most }, unsaved, warn)].sort(newestFirst);
    return runs.slice(skip, skip + limit);
  };
  return {
    database,
    incomplete,
    list,
    find: (word) => findAmong(word, list),
    load: async (id) => (database === undefined ? undefined : await loadRun(database, id)) ?? readRun(folder, id),
    close: async () => database?.close(),
  };
}

async function openIfAny(
  folder: string,
  url: string | undefined,
  warn: (sentence: string) => void,
): Promise<{ readonly database: Database | undefined; readonly incomplete: boolean }> {
  // Whoever only looks makes no database.
  if ((url ?? '') === '' && !existsSync(join(folder, 'postgres', 'data')))
    return { database: undefined, incomplete: false };
  try {
    return { database: await openDatabase({ folder, url }), incomplete: false };
  } catch (error) {
    if (!(error instanceof DatabaseUnavailable)) throw error;
    const hint = error.hint === '' ? '' : ` ${error.hint}`;
    warn(`Only the runs in ${join(folder, 'runs')} are seen: ${error.message}.${hint}`);
    return { database: undefined, incomplete: true };
  }
}
