import type { CommandModule } from '../command.ts';
import { list } from '../flags.ts';

const examples = `
Examples:
  tidemark doctor
  tidemark doctor --lever cut,pause
  tidemark doctor --lever none        only the machine, no cluster

Each lever is pulled once on three containers of a Docker engine, which are removed afterwards. What it did is measured by
programs of the doctor's own beside the store: before it, while it is in force, and after its cure.
Exit codes: 0 all that this machine can do works; 1 a lever had no effect, failed, or was not undone; 2 interrupted, or the
machine was too busy to tell; 254 there is no engine, and only the machine is shown.`;

export default {
  name: 'doctor',
  about: 'What this machine can do: its parts, and each lever pulled, its effect measured, and undone.',
  register(program, io) {
    program
      .command('doctor')
      .option(
        '--lever <names>',
        'levers to try (default: all); none: no lever',
        list('--lever'),
        [] as readonly string[],
      )
      .option(
        '--set <key=value>',
        'a setting of the environment docker; `tidemark catalog` lists them (repeatable)',
        (pair: string, before: readonly string[]) => [...before, pair],
        [] as readonly string[],
      )
      .option('--json', 'only JSON on stdout, one object a line')
      .addHelpText('after', examples)
      .action(async (options) => {
        const { doctor } = await import('../doctor/doctor.ts');
        io.exit(await doctor({ levers: options.lever, set: options.set, json: options.json === true }, io));
      });
  },
} satisfies CommandModule;
