import { join, relative } from 'node:path';
import type { CommandModule } from '../command.ts';
import { KEPT } from '../errors.ts';

export default {
  name: 'show',
  about: 'Show a stored run as it reported itself.',
  register(program, io) {
    program
      .command('show')
      .argument('[run]', "'last', the beginning of an id, or a label", 'last')
      .option('--json', 'the whole run as one JSON object')
      .action(async (run, { json }) => {
        const { storedRun } = await import('../stored-run.ts');
        const { runFolder } = await import('../../results/files.ts');
        const { closingLines, renderReport } = await import('../report-text.ts');
        const record = await storedRun(run, io);
        if (json === true) io.out(`${JSON.stringify({ schema: 1, type: 'run', ...record })}\n`);
        else if (record.plan['bench'] !== undefined) {
          const { closingOfBench, renderBench } = await import('../bench/text.ts');
          io.out(`${renderBench(record, io.colour.out)}\n${closingOfBench(record)}\n`);
        } else {
          const report = join(relative(io.cwd, runFolder(join(io.cwd, '.tidemark'), record.id)), 'report.txt');
          io.out(`${renderReport(record, { color: io.colour.out })}\n`);
          io.out(`${closingLines(record, report).join('\n')}\n`);
        }
        io.exit(KEPT);
      });
  },
} satisfies CommandModule;
