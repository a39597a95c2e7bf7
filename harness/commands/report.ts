import type { CommandModule } from '../command.ts';
import { list } from '../flags.ts';

export default {
  name: 'report',
  about: 'Write the report of a stored run: one HTML page, or Markdown, JSON, JUnit.',
  register(program, io) {
    program
      .command('report')
      .argument('[run...]', "'last', the beginning of an id, or a label; several: their summary", ['last'])
      .option(
        '--format <name>',
        "html (into the run's folder), markdown, json or junit (to standard output)",
        list('--format'),
        [] as readonly string[],
      )
      .option('--output <file>', 'write to this file; - is standard output')
      .option('--json', 'the same as --format json')
      .action(async (runs, options) => {
        const { report } = await import('../report/command.ts');
        io.exit(await report(runs, options, io));
      });
  },
} satisfies CommandModule;
