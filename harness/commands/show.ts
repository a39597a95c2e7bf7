import { join, relative } from 'node:path';
import type { StoredRuns } from '../../results/stored.ts';
import type { CommandModule } from '../command.ts';
import { BadInput, KEPT } from '../errors.ts';

export default {
  name: 'show',
  about: 'Show a stored run as it reported itself.',
  register(program, io) {
    program
      .command('show')
      .argument('[run]', "'last', the beginning of an id, or a label", 'last')
      .option('--json', 'the whole run as one JSON object')
      .action(async (run, { json }) => {
        const { openStoredRuns } = await import('../../results/stored.ts');
        const { runFolder } = await import('../../results/files.ts');
        const { closingLines, renderReport } = await import('../report-text.ts');
        const folder = join(io.cwd, '.tidemark');
        const warn = (sentence: string): void => io.err(`tidemark: ${sentence}\n`);
        const stored = await openStoredRuns({ folder, url: io.env.TIDEMARK_DATABASE_URL, warn });
        try {
          const id = await idOf(run, stored, folder);
          const record = await stored.load(id);
          if (record === undefined) throw new BadInput(`Run ${id} is gone.`);
          if (json === true) io.out(`${JSON.stringify({ schema: 1, type: 'run', ...record })}\n`);
          else {
            const report = join(relative(io.cwd, runFolder(folder, id)), 'report.txt');
            io.out(`${renderReport(record, { color: io.colour.out })}\n`);
            io.out(`${closingLines(record, report).join('\n')}\n`);
          }
          io.exit(KEPT);
        } finally {
          await stored.close();
        }
      });
  },
} satisfies CommandModule;

/** Throws a sentence that says what there is when nothing, or too much, is meant by `word`. */
async function idOf(word: string, stored: StoredRuns, folder: string): Promise<string> {
  const found = await stored.find(word);
  if (found.type === 'found') return found.id;
  if (found.type === 'ambiguous') {
    throw new BadInput(
      `'${word}' begins the ids of several runs: ${found.ids.join(', ')}${found.ids.length < 10 ? '' : ', …'}.`,
    );
  }
  const { unfinishedIds } = await import('../../results/files.ts');
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
