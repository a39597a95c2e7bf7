import type { CommandModule } from '../command.ts';

function pairs(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

const examples = `
Examples:
  tidemark cleanup --dry-run
  tidemark cleanup
  tidemark cleanup --images
  tidemark cleanup --set hosts=ada@10.0.0.1,ada@10.0.0.2

Machines reached by SSH are looked at where a run that was begun in this folder used them, or where --set names them.
What a living harness uses is left alone; the embedded PostgreSQL of this folder, where nobody uses it any more, is ended too.
The next run in the same environment cleans up too.
Exit codes: 0 nothing is left; 254 nobody could look; 255 something could not be removed.`;

export default {
  name: 'cleanup',
  about: 'Remove whatever an interrupted run left behind: containers, volumes, networks.',
  register(program, io) {
    program
      .command('cleanup')
      .option('--dry-run', 'only say what would be removed')
      .option('--images', 'images that this version does not use as well, unless a container uses them')
      .option(
        '--set <key=value>',
        'where to look besides: hosts and how to log in, as for run (repeatable)',
        pairs,
        [] as readonly string[],
      )
      .option('--json', 'only JSON on stdout, one object a line')
      .addHelpText('after', examples)
      .action(async (options, command) => {
        const [{ cleanUp }, { keyValues }] = await Promise.all([import('../cleanup.ts'), import('../run-command.ts')]);
        // What a file of defaults sets for runs besides is no business of this.
        const typed = command.getOptionValueSource('set') === 'cli';
        const settings = typed ? new Map(Object.entries(keyValues('--set', options.set))) : new Map<string, string>();
        io.exit(
          await cleanUp(
            { dryRun: options.dryRun === true, images: options.images === true, json: options.json === true, settings },
            io,
          ),
        );
      });
  },
} satisfies CommandModule;
