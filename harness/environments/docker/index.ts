/** Containers on a Docker engine: the network between nodes is a real one, and can be cut for real. */
import type { Environment } from '../environment.ts';
import { settings } from './settings.ts';

export default {
  name: 'docker',
  about: 'containers on a Docker engine, in real time, with links cut, kill -9 and SIGSTOP; for the reference store',
  settings,
  levers: ['cut', 'kill', 'pause', 'corruptDisk'],
  // Whatever speaks to an engine is loaded when one is needed.
  prepare: async (given, say) => void (await (await import('./deploy.ts')).prepared(given, say)),
  deploy: async (nodes, options) => (await import('./deploy.ts')).deploy(nodes, options),
  cleanUp: async (dryRun) => (await import('./deploy.ts')).cleanUp(dryRun),
} satisfies Environment;
