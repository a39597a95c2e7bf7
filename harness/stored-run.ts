/** A stored run by what the user calls it; and the database, where it has to be there. */
import { join } from 'node:path';
import { printable } from '../checkers/explain/labels.ts';
import { type Database, openDatabase } from '../results/database.ts';
import { unfinishedIds } from '../results/files.ts';
import type { RunRecord } from '../results/record.ts';
import { openStoredRuns, type StoredRuns } from '../results/stored.ts';
import { DatabaseUnavailable, whyUnsaved } from '../results/unavailable.ts';
import type { Io } from './command.ts';
import { BadInput, HARNESS_FAILED } from './errors.ts';

/** Runs `work` on all that is stored; what the database fails at in between is one sentence, and 255. */
export async function withStoredRuns<T>(io: Io, work: (stored: StoredRuns) => Promise<T>): Promise<T | undefined> {
  const warn = (sentence: string): void => io.err(`tidemark: ${printable(sentence)}\n`);
  const folder = join(io.cwd, '.tidemark');
  const stored = await openStoredRuns({ folder, url: io.env.TIDEMARK_DATABASE_URL, warn });
  try {
    return await told(io, () => work(stored));
  } finally {
    await stored.close();
  }
}

/** The same on the database, which is made if there is none. Throws {@link BadInput} when it can't be had. */
export async function withDatabase<T>(io: Io, work: (database: Database) => Promise<T>): Promise<T | undefined> {
  const folder = join(io.cwd, '.tidemark');
  const database = await openDatabase({ folder, url: io.env.TIDEMARK_DATABASE_URL }).catch((error: unknown) => {
    if (!(error instanceof DatabaseUnavailable)) throw error;
    throw new BadInput(`${whyUnsaved(error)}.`, { cause: error });
  });
  try {
    return await told(io, () => work(database));
  } finally {
    await database.close();
  }
}

/** Undefined when the database failed. */
async function told<T>(io: Io, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (!isOfDatabase(error)) throw error;
    io.err(`tidemark: ${whyUnsaved(error)}.\n`);
    io.exit(HARNESS_FAILED);
    return undefined;
  }
}

/** What the server says, and what the client says of its connection. */
function isOfDatabase(error: unknown): boolean {
  const { severity, code } = (error ?? {}) as { readonly severity?: unknown; readonly code?: unknown };
  return error instanceof DatabaseUnavailable || severity !== undefined || String(code).startsWith('CONNECTION_');
}

/**
 * `last`, an id or the beginning of one, or a label. Throws {@link BadInput} with a sentence that says what there is when nothing, or too
 * much, is meant.
 */
export async function storedRun(word: string, io: Io): Promise<RunRecord> {
  const folder = join(io.cwd, '.tidemark');
  const warn = (sentence: string): void => io.err(`tidemark: ${printable(sentence)}\n`);
  const stored = await openStoredRuns({ folder, url: io.env.TIDEMARK_DATABASE_URL, warn });
  try {
    return await recordOf(await idOf(word, stored, folder), stored);
  } finally {
    await stored.close();
  }
}

export async function recordOf(id: string, stored: StoredRuns): Promise<RunRecord> {
  const record = await stored.load(id);
  if (record === undefined) throw new BadInput(`Run ${id} is gone.`);
  return record;
}

/** Of the run that a word means. Throws {@link BadInput} as {@link storedRun} does. */
export async function idOf(word: string, stored: Pick<StoredRuns, 'find' | 'list'>, folder: string): Promise<string> {
  const found = await stored.find(word);
  if (found.type === 'found') return found.id;
  if (found.type === 'ambiguous') {
    throw new BadInput(
      `'${word}' begins the ids of several runs: ${found.ids.join(', ')}${found.ids.length < 10 ? '' : ', …'}.`,
    );
  }
  const unfinished = unfinishedIds(folder).find((id) => word !== '' && (word === 'last' || id.startsWith(word)));
  if (unfinished !== undefined) {
    const journal = join('.tidemark', 'runs', unfinished, 'journal.jsonl');
    throw new BadInput(
      `Run ${unfinished} has not ended, or was killed; its journal can be judged: tidemark check ${journal}.`,
    );
  }
  const newest = await stored.list({ limit: 3 });
  if (newest.length === 0) throw new BadInput('There are no stored runs here; tidemark run makes one.');
  const ids = newest.map((run) => run.id).join(', ');
  throw new BadInput(`There is no run '${word}': no id begins so, and no label is called so. The newest: ${ids}.`);
}
