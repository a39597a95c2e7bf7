import type { CommandModule } from '../command.ts';

const examples = `
Examples:
  tidemark prune --older-than 30d                          what would go
  tidemark prune --older-than 30d --keep release --yes     it goes, but for runs with a label 'release'
  tidemark prune --label branch=gone --verdict kept --yes

Runs leave the database and .tidemark/runs, with all that was stored of them. Nothing goes without --yes.`;

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

export default {
  name: 'prune',
  about: 'Remove stored runs by age and label; shows first what would be lost.',
  register(program, io) {
    program
      .command('prune')
      .addHelpText('after', examples)
      .option('--older-than <time>', 'made longer ago than this: 90d, 12w, 36h')
      .option('--label <label>', 'with this label only: key=value, or a value')
      .option('--system <name>', 'of this system only')
      .option('--branch <name>', 'of this branch only')
      .option('--verdict <verdict>', 'with this verdict only: kept, broken, undecided')
      .option('--keep <label>', 'but not those with this label (repeatable)', collect, [] as readonly string[])
      .option('--yes', 'remove them')
      .option('--json', 'only JSON on stdout, one object a line')
      .action(async (options) => {
        const { prune } = await import('../stored/prune.ts');
        await prune(options, io);
      });
  },
} satisfies CommandModule;
