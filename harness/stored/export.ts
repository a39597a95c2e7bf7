/** `tidemark results export` and `journal`: what is stored goes into a file. */
import { createWriteStream, existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { StringDecoder } from 'node:string_decoder';
import { runFolder } from '../../results/files.ts';
import {
  journalBytes,
  journalIn,
  packedChunks,
  packedFile,
  storedJournal,
  WrongJournal,
} from '../../results/journals.ts';
import type { RunRecord } from '../../results/record.ts';
import type { StoredRuns } from '../../results/stored.ts';
import { BadFile, exportRuns as exportFile, type Source } from '../../results/transfer.ts';
import type { Io } from '../command.ts';
import { BadInput, KEPT } from '../errors.ts';
import { idOf, recordOf, withStoredRuns } from '../stored-run.ts';
import { count } from '../table.ts';

export interface ExportOptions {
  readonly output: string;
  /** Journals of run folders too. */
  readonly journal: boolean;
  readonly json: boolean;
}

export async function exportRuns(words: readonly string[], options: ExportOptions, io: Io): Promise<void> {
  const folder = join(io.cwd, '.tidemark');
  await withStoredRuns(io, async (stored) => {
    if (stored.incomplete && words.length === 0)
      throw new BadInput(
        'What is in the database cannot be seen now, so not all runs can be exported; those in files can be named.',
      );
    const ids = words.length === 0 ? (await stored.list({})).map((run) => run.id) : await idsOf(words, stored, folder);
    if (ids.length === 0) throw new BadInput('There are no stored runs here; tidemark run makes one.');
    try {
      const source = sourceOf(stored, options.journal ? folder : undefined);
      const { runs, journals } = await exportFile(source, ids, resolve(io.cwd, options.output));
      const written = { schema: 1, type: 'export', file: options.output, runs, journals };
      if (options.json) io.out(`${JSON.stringify(written)}\n`);
      else
        io.out(
          `${count(runs)} ${runs === 1 ? 'run' : 'runs'} and ${count(journals)} ${journals === 1 ? 'journal' : 'journals'} in ${options.output}\n`,
        );
      io.exit(KEPT);
    } catch (error) {
      throw plain(error, options.output);
    }
  });
}

async function idsOf(words: readonly string[], stored: StoredRuns, folder: string): Promise<readonly string[]> {
  const ids = new Set<string>();
  for (const word of words) ids.add(await idOf(word, stored, folder));
  return [...ids];
}

function sourceOf(stored: StoredRuns, folder: string | undefined): Source {
  return {
    load: (id) => stored.load(id),
    async journal({ id, journalSha256 }) {
      const { database } = stored;
      const journal = database === undefined ? undefined : await storedJournal(database, journalSha256);
      if (database !== undefined && journal !== undefined) return { journal, chunks: packedChunks(database, journal) };
      if (folder === undefined) return undefined;
      const file = join(runFolder(folder, id), 'journal.jsonl');
      if (!existsSync(file)) return undefined;
      const found = journalIn(file, journalSha256);
      return { journal: found, chunks: packedFile(file, found) };
    },
  };
}

export async function writeJournal(word: string, output: string | undefined, io: Io): Promise<void> {
  const folder = join(io.cwd, '.tidemark');
  await withStoredRuns(io, async (stored) => {
    const record = await recordOf(await idOf(word, stored, folder), stored);
    const { database } = stored;
    const journal = database === undefined ? undefined : await storedJournal(database, record.journalSha256);
    if (database === undefined || journal === undefined) throw new BadInput(notStored(record, folder));
    try {
      if (output === undefined) {
        const decoder = new StringDecoder('utf8'); // a chunk may end within a character
        for await (const bytes of journalBytes(database, journal)) {
          io.out(decoder.write(bytes));
          await io.drained();
        }
      } else {
        const file = resolve(io.cwd, output);
        if (existsSync(file)) throw new BadFile(`${output} is there already`);
        await pipeline(Readable.from(journalBytes(database, journal)), createWriteStream(file, { flags: 'wx' }));
        io.out(`${count(journal.bytes)} bytes in ${output}\n`);
      }
      io.exit(KEPT);
    } catch (error) {
      throw plain(error, output ?? 'standard output');
    }
  });
}

function notStored({ id }: RunRecord, folder: string): string {
  const file = join(runFolder(folder, id), 'journal.jsonl');
  const there = existsSync(file) ? ` It is in ${join('.tidemark', 'runs', id, 'journal.jsonl')}.` : '';
  return `The journal of run ${id} is not in the database: tidemark run --store-journal puts it there.${there}`;
}

/** What the user can see to, as a sentence. */
function plain(error: unknown, output: string): unknown {
  if (error instanceof BadFile || error instanceof WrongJournal)
    return new BadInput(`${error.message}.`, { cause: error });
  const { code = '', syscall = '', message } = error as NodeJS.ErrnoException;
  if (!['open', 'write', 'rename'].includes(syscall)) return error;
  const why = { ENOENT: 'its folder is not there', ENOSPC: 'the disk is full', EACCES: 'nothing may be written there' }[
    code
  ];
  return new BadInput(`${output} cannot be written: ${why ?? message}.`, { cause: error });
}
