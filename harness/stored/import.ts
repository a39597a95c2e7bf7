/** `tidemark results import`: what is in files goes into the database. */
import { existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { printable } from '../../checkers/explain/labels.ts';
import type { Database } from '../../results/database.ts';
import { findRunFile, listRunFiles, readRun, runFolder, runIds, unfinishedIds } from '../../results/files.ts';
import { saveJournal, WrongJournal } from '../../results/journals.ts';
import { knownIds } from '../../results/load.ts';
import type { RunRecord } from '../../results/record.ts';
import { saveRun } from '../../results/save.ts';
import { BadFile, type Imported, importRuns as importFile, isMisfit } from '../../results/transfer.ts';
import { reasonOf } from '../../results/unavailable.ts';
import { recordOf } from '../../results/valid.ts';
import type { Io } from '../command.ts';
import { BadInput, BAD_INPUT, KEPT } from '../errors.ts';
import { idOf, withDatabase } from '../stored-run.ts';
import { count } from '../table.ts';
import { recordedPlan } from './recorded-plan.ts';

export interface ImportOptions {
  readonly journal: boolean;
  readonly json: boolean;
}

export async function importRuns(what: readonly string[], options: ImportOptions, io: Io): Promise<void> {
  const folder = join(io.cwd, '.tidemark');
  const files = what.filter((word) => isFile(resolve(io.cwd, word)));
  const words = what.filter((word) => !files.includes(word));
  const file = words.find((word) => /[./]/.test(word));
  if (file !== undefined) throw new BadInput(`There is no file ${file}.`);
  // Asked before anything is done, so that a slip of the pen does nothing by halves.
  const ids: string[] = [];
  for (const word of words) ids.push(await idOf(word, filesOf(folder), folder));
  const tally = new Tally(options, io);
  await withDatabase(io, async (database) => {
    if (what.length === 0) {
      const known = await knownIds(database, runIds(folder));
      const unfinished = new Set(unfinishedIds(folder));
      ids.push(...runIds(folder).filter((id) => (options.journal || !known.has(id)) && !unfinished.has(id)));
    }
    for (const id of ids) await importRun(database, id, folder, options, tally, io);
    for (const file of files) {
      try {
        await importFile(database, resolve(io.cwd, file), {
          plan: recordedPlan,
          told: (imported) => tally.told(imported),
        });
      } catch (error) {
        if (!(error instanceof BadFile)) throw error;
        io.err(`tidemark: ${printable(error.message.replace(resolve(io.cwd, file), file))}.\n`);
        io.exit(BAD_INPUT);
      }
    }
    tally.end();
    io.exit(KEPT);
  });
}

async function importRun(
  database: Database,
  id: string,
  folder: string,
  { journal }: ImportOptions,
  tally: Tally,
  io: Io,
): Promise<void> {
  const there = (await knownIds(database, [id])).has(id);
  const record = readable(() => readRun(folder, id));
  if (record === undefined) throw new BadInput(`Run ${id} is gone.`);
  if (!there) await save(database, record, join(runFolder(folder, id), 'verdicts.json'));
  tally.told({ id, outcome: there ? 'there' : 'imported' });
  if (!journal) return;
  try {
    await saveJournal(database, join(runFolder(folder, id), 'journal.jsonl'), record.journalSha256);
  } catch (error) {
    if (!(error instanceof WrongJournal)) throw error;
    io.err(`tidemark: the journal of run ${id} was not stored: ${error.message}.\n`);
    io.exit(BAD_INPUT);
  }
}

/** Throws {@link BadInput} when the file holds what nothing could read. */
async function save(database: Database, given: RunRecord, file: string): Promise<void> {
  const record = recordOf(given, recordedPlan);
  if (typeof record === 'string') throw new BadInput(`${file} is damaged: ${record}.`);
  await saveRun(database, record).catch((cause: unknown) => {
    if (!isMisfit(cause)) throw cause;
    throw new BadInput(`${file} is damaged: ${reasonOf(cause)}.`, { cause });
  });
}

function readable<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new BadInput(`${(error as Error).message}.`, { cause: error });
  }
}

function isFile(path: string): boolean {
  return existsSync(path) && statSync(path).isFile();
}

/** Runs in files alone: what is in the database already need not be brought there. */
function filesOf(folder: string): Parameters<typeof idOf>[1] {
  return {
    find: (word) => findRunFile(folder, word),
    list: (filter) => Promise.resolve(listRunFiles(folder, filter)),
  };
}

class Tally {
  readonly #options: ImportOptions;
  readonly #io: Io;
  readonly #counts: Record<Imported['outcome'], number> = { imported: 0, there: 0, differs: 0 };

  constructor(options: ImportOptions, io: Io) {
    this.#options = options;
    this.#io = io;
  }

  told({ id, outcome }: Imported): void {
    this.#counts[outcome]++;
    if (this.#options.json) this.#io.out(`${JSON.stringify({ schema: 1, type: 'import', run: id, outcome })}\n`);
    else if (outcome === 'differs')
      this.#io.err(`tidemark: another run ${id} is in the database; it stays, and that of the file is left out.\n`);
  }

  end(): void {
    if (this.#options.json) return;
    const { imported, there, differs } = this.#counts;
    const more = differs === 0 ? '' : `, ${count(differs)} left out`;
    this.#io.out(
      `${count(imported)} ${imported === 1 ? 'run' : 'runs'} imported, ${count(there)} there already${more}\n`,
    );
  }
}
