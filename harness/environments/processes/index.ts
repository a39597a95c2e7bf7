/** Real processes of the reference store on this machine: what the simulator leaves out is here, at the speed of the clock. */
import type { Environment } from '../environment.ts';
import { clientDelay, clientStretch } from './client-delay.ts';
import { storeSettings } from '../real/store.ts';
import { Processes } from './processes.ts';

export default {
  name: 'processes',
  about: 'real processes on loopback, in real time, with kill -9 and SIGSTOP; for the reference store',
  settings: [...storeSettings, clientDelay, clientStretch],
  levers: ['kill', 'pause', 'corruptDisk'],
  deploy: (nodes, options) => Processes.deploy(nodes, options),
} satisfies Environment;
