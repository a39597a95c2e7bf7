/** Real processes of the reference store on this machine: what the simulator leaves out is here, at the speed of the clock. */
import { BadInput } from '../../errors.ts';
import type { Setting } from '../../setting.ts';
import type { Environment } from '../environment.ts';
import { Processes } from './processes.ts';

const settings: readonly Setting[] = [
  oneOf('fsync', ['on', 'off'], 'off: nothing is synced, and crashes lose what was acknowledged'),
  oneOf(
    'files',
    ['real', 'forgetful'],
    'forgetful: a killed node loses all that it had not synced, as in a power failure',
  ),
];

function oneOf(name: string, values: readonly string[], about: string): Setting {
  return {
    name,
    about: `${about} (${values[0]})`,
    values: values.map((value) => ({ name: value, about: '' })),
    check: (value) => {
      if (!values.includes(value)) throw new BadInput(`--set ${name}=${value}: one of ${values.join(', ')} is needed.`);
    },
  };
}

export default {
  name: 'processes',
  about: 'real processes on loopback, in real time, with kill -9 and SIGSTOP; for the reference store',
  settings,
  levers: ['kill', 'pause', 'corruptDisk'],
  deploy: (nodes, options) => Processes.deploy(nodes, options),
} satisfies Environment;
