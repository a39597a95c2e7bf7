/** A stored run by what the user calls it. */
import { join } from 'node:path';
import { unfinishedIds } from '../results/files.ts';
import type { RunRecord } from '../results/record.ts';
import { openStoredRuns, type StoredRuns } from '../results/stored.ts';
import type { Io } from './command.ts';
import { BadInput } from './errors.ts';

/**
 * `last`, an id or the beginning of one, or a label. Throws {@link BadInput} with a sentence that says what there is when nothing, or too
 * much, is meant.
 */
export async function storedRun(word: string, io: Io): Promise<RunRecord> {
  const folder = join(io.cwd, '.tidemark');
  const warn = (sentence: string): void => io.err(`tidemark: ${sentence}\n`);
  const stored = await openStoredRuns({ folder, url: io.env.TIDEMARK_DATABASE_URL, warn });
  try {
    const id = await idOf(word, stored, folder);
    const record = await stored.load(id);
    if (record === undefined) throw new BadInput(`Run ${id} is gone.`);
    return record;
  } finally {
    await stored.close();
  }
}

async function idOf(word: string, stored: StoredRuns, folder: string): Promise<string> {
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
