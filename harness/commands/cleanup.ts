import type { CommandModule } from '../command.ts';

const examples = `
Examples:
  tidemark cleanup --dry-run
  tidemark cleanup
  tidemark cleanup --images

What a living harness uses is left alone. The next run in the same environment cleans up too.
Exit codes: 0 nothing is left; 254 nobody could look; 255 something could not be removed.`;

export default {
  name: 'cleanup',
  about: 'Remove whatever an interrupted run left behind: containers, volumes, networks.',
  register(program, io) {
    program
      .command('cleanup')
      .option('--dry-run', 'only say what would be removed')
      .option('--images', 'images that this version does not use as well, unless a container uses them')
      .option('--json', 'only JSON on stdout, one object a line')
      .addHelpText('after', examples)
      .action(async (options) => {
        const { cleanUp } = await import('../cleanup.ts');
        io.exit(
          await cleanUp(
            { dryRun: options.dryRun === true, images: options.images === true, json: options.json === true },
            io,
          ),
        );
      });
  },
} satisfies CommandModule;
