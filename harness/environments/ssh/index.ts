/** Machines that are reached by SSH, which others may use too: nothing is touched but what belongs to the run. */
import type { Environment } from '../environment.ts';
import { settings } from './settings.ts';

export default {
  name: 'ssh',
  about:
    'machines reached by SSH, in real time, with links cut, slow or lossy, kill -9, SIGSTOP, wrong clocks and bad disks; for the reference store',
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
  ],
  // Whatever speaks SSH is loaded when it is needed.
  prepare: async (preparation, say) => (await import('./deploy.ts')).prepare(preparation, say),
  deploy: async (nodes, options) => (await import('./deploy.ts')).deploy(nodes, options),
  cleanUp: async (dryRun, _images, given) => (await import('./deploy.ts')).cleanUp(dryRun, given),
} satisfies Environment;
