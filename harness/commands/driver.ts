import type { CommandModule } from '../command.ts';
import { BadInput } from '../errors.ts';
import { list } from '../flags.ts';

const examples = `
Examples:
  tidemark driver check 'python3 my_driver.py' --endpoint n1=127.0.0.1:6379 --endpoint n2=127.0.0.1:6380
  tidemark driver check ./my_driver --endpoint n1=db1:5432 --only no-hidden-resends

Exit codes: 0 every check passed; 1 one failed; 2 one could not be put to the test; 254 bad arguments, or a
store that cannot be used. docs/add-a-system.md leads from nothing to a verdict.`;

export default {
  name: 'driver',
  about: 'Try a driver of your own for a store of your own: does it say what is true?',
  register(program, io) {
    const driver = program.command('driver').addHelpText('after', examples);
    driver.action(() => {
      throw new BadInput("What is to be done with the driver? 'check' is needed.");
    });
    driver
      .command('check')
      .description('Runs the acceptance suite against a driver and its store, and says what is missing.')
      .argument('<command>', 'what starts the driver')
      .option(
        '--endpoint <name=host:port>',
        'where a node of the store is (again for each)',
        again,
        [] as readonly string[],
      )
      .option('--fault-commands <file>', 'your own commands for faults, as YAML')
      .option('--set <key=value>', "a setting of the driver's own (repeatable)", again, [] as readonly string[])
      .option('--only <names>', 'only these checks', list('--only'), [] as readonly string[])
      .option('--json', 'only JSON on stdout, one object a line')
      .action(async (command, options) => {
        const { checkDriver } = await import('../driver-check.ts');
        io.exit(await checkDriver(command, options, io));
      });
  },
} satisfies CommandModule;

function again(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}
