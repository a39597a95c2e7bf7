/** Containers on a Docker engine: the network between nodes is a real one, and can be cut for real. */
import type { Environment } from '../environment.ts';
import { settings } from './settings.ts';

export default {
  name: 'docker',
  about:
    'containers on a Docker engine, in real time, with links cut, slow or lossy, kill -9, SIGSTOP, wrong clocks and bad disks; for the reference store, etcd, MariaDB, PostgreSQL and Redis',
  settings,
  levers: [
    'cut',
    'shape',
    'throttle',
    'cutClients',
    'kill',
    'stop',
    'pause',
    'clock',
    'slowDisk',
    'stallDisk',
    'fillDisk',
    'failDisk',
    'corruptDisk',
    'cutPower',
    'squeeze',
  ],
  // Whatever speaks to an engine is loaded when one is needed.
  prepare: async (preparation, say) => (await import('./deploy.ts')).prepare(preparation, say),
  deploy: async (nodes, options) => (await import('./deploy.ts')).deploy(nodes, options),
  cleanUp: async (dryRun, images) => (await import('./deploy.ts')).cleanUp(dryRun, images),
} satisfies Environment;
