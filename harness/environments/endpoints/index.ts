/** Nodes that run already, given by their addresses; faults by the user's own commands, or none. */
import type { Lever } from '../../../nemesis/fault.ts';
import { BadInput } from '../../errors.ts';
import { type Environment, mustBeGiven } from '../environment.ts';
import { GivenCluster } from './endpoints.ts';
import { commandLevers, type FaultCommands, leversOf, readFaultCommands } from './fault-commands.ts';
import { endpointsOf, settings } from './settings.ts';

export default {
  name: 'endpoints',
  about: 'a cluster that runs already, by its addresses; faults by commands of your own',
  settings,
  levers: commandLevers,

  async prepare({ settings: chosen, nodes }) {
    const given = endpointsOf(chosen.get('endpoints') ?? '').size;
    if (given !== nodes) throw new BadInput(`--nodes ${nodes}: ${given} endpoints are given.`);
    const commands = await commandsOf(chosen);
    const why = chosen.has('fault-commands')
      ? 'the file of --fault-commands has no command for it'
      : 'there is no --fault-commands';
    return new Map(commandLevers.filter((lever) => !commands.has(lever)).map((lever): [Lever, string] => [lever, why]));
  },

  async deploy(nodes, options) {
    mustBeGiven(nodes, '--env endpoints starts no nodes');
    const at = endpointsOf(options.settings.get('endpoints') ?? '');
    const commands = await commandsOf(options.settings);
    return new GivenCluster(at, (told) => leversOf(commands, at, told), options);
  },
} satisfies Environment;

async function commandsOf(chosen: ReadonlyMap<string, string>): Promise<FaultCommands> {
  const file = chosen.get('fault-commands');
  return file === undefined ? new Map() : readFaultCommands(file);
}
