import type { CommandModule } from '../command.ts';
import { BadInput } from '../errors.ts';

const examples = `
Examples:
  tidemark results import                     what is in files and not in the database yet
  tidemark results import last --journal      a run, with its journal
  tidemark results export last nightly --output runs.tidemark
  tidemark results import runs.tidemark       into another database
  tidemark results journal last --output journal.jsonl`;

const json = ['--json', 'only JSON on stdout, one object a line'] as const;

export default {
  name: 'results',
  about: 'Move runs: from files into the database, and between databases.',
  register(program, io) {
    const results = program.command('results').addHelpText('after', examples);
    results.action(() => {
      const names = results.commands.map((command) => command.name());
      throw new BadInput(`What is to be done with the results? One of ${names.join(', ')} is needed.`);
    });
    results
      .command('import')
      .description('Saves runs from an exported file, or from .tidemark/runs, in the database.')
      .argument('[what...]', "exported files, or runs in files: 'last', ids' beginnings, labels (default: all of them)")
      .option('--journal', 'of runs in files, the journals too')
      .option(...json)
      .action(async (what, options) => {
        const { importRuns } = await import('../stored/import.ts');
        await importRuns(what, { journal: options.journal === true, json: options.json === true }, io);
      });
    results
      .command('export')
      .description('Writes runs, with their journals where those are in the database, into one file.')
      .argument('[runs...]', "'last', ids' beginnings, labels (default: all of them, which needs the database)")
      .requiredOption('--output <file>', 'a new file')
      .option('--journal', 'the journals from .tidemark/runs too')
      .option(...json)
      .action(async (runs, options) => {
        const { output, journal } = options;
        const { exportRuns } = await import('../stored/export.ts');
        await exportRuns(runs, { output, journal: journal === true, json: options.json === true }, io);
      });
    results
      .command('journal')
      .description('Gives a journal back that was put into the database (run --store-journal, import --journal).')
      .argument('[run]', "'last', an id's beginning, or a label", 'last')
      .option('--output <file>', 'a new file (default: standard output)')
      .action(async (run, options) => {
        const { writeJournal } = await import('../stored/export.ts');
        await writeJournal(run, options.output, io);
      });
  },
} satisfies CommandModule;
