import type { Guarantee } from '../../history/guarantee.ts';
import { wordsOf } from '../driver-protocol/command.ts';
import { driverSystem } from '../driver-protocol/driver-system.ts';
import { GIVEN } from '../environments/environment.ts';
import { BadInput } from '../errors.ts';
import type { System } from '../system.ts';

const SAYS = 'as the driver says in its hello';
const none: readonly Guarantee[] = [];

/** A store behind a program of the user's, in any language; harness/driver-protocol/ is what it is made of. */
const driver: System = {
  name: 'driver',
  about: 'a store of your own, behind a driver in any language (--driver, docs/add-a-system.md)',
  environments: ['endpoints', 'compose'],
  methods: ['read', 'write'],
  readPaths: [{ name: 'of-the-driver', about: SAYS, thread: 'session' }],
  writePaths: [{ name: 'of-the-driver', about: SAYS, thread: 'session' }],
  readPathNamed: (name) => ({ name, about: SAYS, thread: 'session' }),
  strongestReadPath: 'of-the-driver',
  stateReadPath: 'of-the-driver',
  // Each is a process, on the machine that measures.
  defaults: { sessions: 16, 'settle-ms': 1000 },
  connectsFirst: true,
  settings: [
    {
      name: 'driver',
      about: 'the command that starts it (--driver says the same)',
      local: true,
      check: (value) => void wordsOf('--driver', value),
    },
  ],
  promises: () => none,
  promisesOfWrites: () => none,
  always: none,
  configured: async (settings) => {
    const command = settings.get('driver');
    if (command === undefined)
      throw new BadInput("--system driver needs --driver, such as --driver 'python3 my_driver.py'.");
    return driverSystem(driver, command, settings);
  },
  node: () => ({ program: GIVEN, options: {} }),
  connect: () => Promise.reject(new Error('a driver was not asked what it is')),
  sight: () => Promise.resolve([]),
};

export default driver;
