import type { CommandModule, Io } from '../command.ts';
import { KEPT, unknownName } from '../errors.ts';

/** Section by section, as the user names them. */
const sections = [
  'systems',
  'paths',
  'workloads',
  'faults',
  'guarantees',
  'models',
  'environments',
  'defects',
] as const;

export default {
  name: 'catalog',
  about: 'Say what can be named: systems, paths, workloads, faults, guarantees, models, environments, defects.',
  register(program, io) {
    program
      .command('catalog')
      .argument('[section]', `one of ${sections.join(', ')}`)
      .option('--json', 'one JSON object a line')
      .action(async (section, options) => {
        const wanted = sections.filter((one) => section === undefined || one === section);
        if (wanted.length === 0) throw unknownName('section of the catalog', section ?? '', sections);
        const { catalog, catalogText } = await import('../catalog.ts');
        const entries = (await catalog()).filter((entry) => wanted.some((one) => one === `${entry.kind}s`));
        if (options.json === true) print(io, entries);
        else for (const line of catalogText(entries, io.colour.out)) io.out(`${line}\n`);
        io.exit(KEPT);
      });
  },
} satisfies CommandModule;

function print(io: Io, entries: readonly object[]): void {
  for (const entry of entries) io.out(`${JSON.stringify({ schema: 1, ...entry })}\n`);
}
