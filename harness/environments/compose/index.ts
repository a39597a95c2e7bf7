/** The services of a compose file of the user's as nodes, for a driver of the user's. */
import { BadInput } from '../../errors.ts';
import { type Environment, mustBeGiven } from '../environment.ts';
import { readComposeFile } from './file.ts';

export default {
  name: 'compose',
  about:
    'the services of a compose file of your own, started and removed for each run; kill, stop and pause by the engine',
  settings: [
    {
      name: 'compose',
      about: 'the file; its nodes carry the labels tidemark.node and tidemark.port (--compose says the same)',
      local: true,
      check: () => undefined,
    },
  ],
  levers: ['kill', 'stop', 'pause'],

  async prepare({ settings, nodes }, say) {
    const file = await readComposeFile(fileIn(settings));
    if (file.nodes.length !== nodes)
      throw new BadInput(`--nodes ${nodes}: ${file.nodes.length} nodes are labelled in ${file.path}.`);
    const { prepareCompose } = await import('./prepare.ts');
    await prepareCompose(say);
    return new Map();
  },

  async deploy(nodes, { settings, ...options }) {
    mustBeGiven(nodes, '--env compose starts what its file says');
    const { ComposeCluster } = await import('./cluster.ts');
    return ComposeCluster.deploy(await readComposeFile(fileIn(settings)), { settings, ...options });
  },
} satisfies Environment;

function fileIn(settings: ReadonlyMap<string, string>): string {
  const file = settings.get('compose');
  if (file === undefined) throw new BadInput('--env compose needs --compose, a compose file.');
  return file;
}
