/** Runs that are no longer wanted: what would be lost with them, and taking them away. */
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Database, within } from './database.ts';
import { runFolder } from './files.ts';
import type { StoredRuns } from './stored.ts';
import type { RunFilter, RunSummary } from './summary.ts';
import { hasLabel } from './summary.ts';

const TIMEOUT_MS = 60_000;
/** So many runs go in one statement: each is one wait for the disk, and none takes long. */
const AT_ONCE = 500;

export interface PruneFilter extends RunFilter {
  /** Runs with one of these labels stay. */
  readonly keep?: readonly string[];
}

/** The runs that go, newest first. */
export async function runsToPrune(stored: StoredRuns, filter: PruneFilter): Promise<readonly RunSummary[]> {
  const runs = await stored.list(filter);
  return runs.filter((run) => !(filter.keep ?? []).some((label) => hasLabel(run, label)));
}

export interface Loss {
  /** In the database, as stored. */
  readonly anomalies: number;
  readonly histograms: number;
  readonly journals: number;
  readonly journalBytes: number;
  /** Below `.tidemark/runs`. */
  readonly folders: number;
  readonly folderBytes: number;
}

/** What goes with these runs. Journals that other runs have too stay. */
export async function lossOf(
  database: Database | undefined,
  tidemarkFolder: string,
  ids: readonly string[],
): Promise<Loss> {
  const folders = ids.map((id) => runFolder(tidemarkFolder, id)).filter((folder) => existsSync(folder));
  const files = { folders: folders.length, folderBytes: folders.reduce((sum, folder) => sum + bytesBelow(folder), 0) };
  const none = { anomalies: 0, histograms: 0, journals: 0, journalBytes: 0 };
  if (database === undefined) return { ...none, ...files };
  const { sql } = database;
  const [row] = await within(
    database.clock,
    TIMEOUT_MS,
    'what would be lost could not be counted',
    sql<{ anomalies: number; histograms: number; journals: number; journalBytes: number }[]>`
    with gone as (select json_array_elements_text(${JSON.stringify(ids)}::text::json) as run),
    journals as (
      select sha256 from tidemark.journals
      where exists (select from tidemark.runs where journal_sha256 = sha256 and id in (table gone))
        and not exists (select from tidemark.runs where journal_sha256 = sha256 and id not in (table gone)))
    select
      (select count(*)::double precision from tidemark.anomalies where run in (table gone)) as anomalies,
      (select count(*)::double precision from tidemark.histograms where run in (table gone)) as histograms,
      (select count(*)::double precision from journals) as journals,
      (select coalesce(sum(length(gzip)), 0)::double precision from tidemark.journal_chunks
        where sha256 in (table journals)) as "journalBytes"`,
  );
  return { ...row, ...files };
}

function bytesBelow(folder: string): number {
  let bytes = 0;
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }))
    bytes += statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0;
  return bytes;
}

/** Takes runs away: out of the database first, then their folders. `told` hears how many are gone by now. */
export async function pruneRuns(
  database: Database | undefined,
  tidemarkFolder: string,
  ids: readonly string[],
  told: (gone: number) => void = () => undefined,
): Promise<void> {
  for (let from = 0; from < ids.length; from += AT_ONCE) {
    const some = ids.slice(from, from + AT_ONCE);
    if (database !== undefined) {
      await within(
        database.clock,
        TIMEOUT_MS,
        'runs could not be removed',
        database.sql`
        select tidemark.delete_runs(array(select json_array_elements_text(${JSON.stringify(some)}::text::json)))`,
      );
    }
    for (const id of some) rmSync(runFolder(tidemarkFolder, id), { recursive: true, force: true });
    told(from + some.length);
  }
}
