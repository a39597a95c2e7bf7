/** Writes a run into the database, all of it or nothing: the work is done by results/schema/0002_save_and_load.sql. */
import { type Database, within } from './database.ts';
import type { RunRecord } from './record.ts';
import { toStoredJson } from './text.ts';

const TIMEOUT_MS = 30_000;

/**
 * Saves a run; one that is there already, by its id, is replaced. A connection that broke since the database was opened is
 * made anew, once. Rejects when the database fails or takes more than 30 s.
 */
export async function saveRun(database: Database, record: RunRecord): Promise<void> {
  const json = toStoredJson(record);
  const save = () =>
    within(
      database.clock,
      TIMEOUT_MS,
      'the run could not be saved',
      database.sql`select tidemark.save_run(${json}::text::json)`,
    );
  try {
    await save();
  } catch (error) {
    if (!isBroken(error)) throw error;
    await database.reopen();
    await save();
  }
}

/** Errors of the socket, of the client about its connection, and of a server that shuts down or starts (class 57P). */
function isBroken(error: unknown): boolean {
  const code = String((error as { readonly code?: unknown } | null)?.code);
  return /^(ECONN|EPIPE$|ENOENT$|CONNECT_TIMEOUT$|CONNECTION_|57P0)/.test(code);
}
