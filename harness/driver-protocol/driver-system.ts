/** A driver as a system under test: what it said in its hello, and a process for each client. */
import { type Guarantee, guarantees } from '../../history/guarantee.ts';
import { MILLISECOND, SECOND } from '../../history/clock.ts';
import type { Client, ClientOptions } from '../../history/store.ts';
import type { Call } from '../../workloads/workload.ts';
import type { Deployment } from '../environments/environment.ts';
import { BadInput } from '../errors.ts';
import type { Setting } from '../setting.ts';
import type { Citation, Claim, System } from '../system.ts';
import { quoted, wordsOf } from './command.ts';
import { DriverClient } from './driver-client.ts';
import { DriverProcess, Trouble } from './driver-process.ts';
import { type Command, Drivers, NotOpened } from './drivers.ts';
import { type Hello, helloOf, Nonsense, PROTOCOL } from './words.ts';

const HELLO_NS = 10 * SECOND;
/** How long a store may take until a client can read from each of its nodes. */
const READY_NS = 10 * SECOND;
const READ_NS = 2 * SECOND;
const PAUSE_NS = 200 * MILLISECOND;
/** Nothing is ever written here. */
const READY_KEY = 'tidemark-ready';

/** What a workload may ask for. */
const callable: readonly Call['f'][] = ['read', 'readMany', 'write', 'cas', 'send', 'poll', 'txn'];

/** The commands that were asked for their hello, so that each is asked once in a process. */
const hellos = new Map<string, Promise<Hello>>();

/** @throws BadInput where the driver says no hello that can be used */
export function helloOfCommand(command: string): Promise<Hello> {
  const known = hellos.get(command) ?? greet(command, wordsOf('--driver', command));
  hellos.set(command, known);
  return known;
}

async function greet(text: string, command: Command): Promise<Hello> {
  const driver = new DriverProcess({ command, count: () => undefined });
  try {
    return helloOf(await driver.ask({ type: 'hello', protocol: PROTOCOL }, HELLO_NS));
  } catch (error) {
    if (!(error instanceof Trouble || error instanceof Nonsense)) throw error;
    const why =
      error instanceof Trouble && driver.usable
        ? `it said no hello within ${HELLO_NS / SECOND} s`
        : quoted(error.message);
    throw new BadInput(`--driver ${quoted(text)}: ${why.replace(/^the driver /, 'it ')}.`, { cause: error });
  } finally {
    await driver.end();
  }
}

/** The system that a driver makes of a store. */
export async function driverSystem(
  base: System,
  command: string,
  settings: ReadonlyMap<string, string>,
): Promise<System> {
  const words = wordsOf('--driver', command);
  const hello = await helloOfCommand(command);
  const offered = callable.filter((method) => hello.methods.includes(method));
  const runs = new WeakMap<Deployment, Drivers>();
  const driversOf = (cluster: Deployment): Drivers => {
    const known = runs.get(cluster) ?? new Drivers(words, cluster, settings, hello);
    runs.set(cluster, known);
    return known;
  };
  const paths = { readPath: hello.strongest, writePath: hello.writePaths[0].name };
  return {
    ...base,
    about: hello.about,
    methods: offered,
    readPaths: hello.readPaths,
    writePaths: hello.writePaths,
    readPathNamed: () => undefined,
    strongestReadPath: hello.strongest,
    stateReadPath: hello.state,
    tokenPaths: hello.tokenPaths,
    ...(!hello.sight && { leaderless: true }),
    ...(offered.includes('poll') && { examines: ['log'] }),
    settings: [...base.settings, ...hello.settings.map(settingOf)],
    promises: (write, read) => promised(hello, 'rows', write, read),
    promisesOfWrites: (write) => promised(hello, 'writes', write),
    always: promised(hello, 'always'),
    citation: (claim) => citation(hello, claim),
    connect: (cluster, options): Promise<Client> => DriverClient.connect(driversOf(cluster), options),
    sight: async (cluster, node) => (hello.sight ? driversOf(cluster).sight(node, paths) : []),
    ready: (cluster) => whyNotReady(driversOf(cluster), hello),
  };
}

function settingOf({ name, about }: { readonly name: string; readonly about: string }): Setting {
  return { name, about: `${about} (the driver's own)`, check: () => undefined };
}

type Where = 'rows' | 'writes' | 'always';

/** A promise of the whole store, of a write path and of a row come in one list: the guarantee says which it is. */
function promised({ promises }: Hello, where: Where, write?: string, read?: string): readonly Guarantee[] {
  const found = promises
    .filter((one) => (one.write ?? write) === write && (one.read ?? read) === read)
    .flatMap((one) => one.guarantees)
    .filter((guarantee) => placeOf(guarantee) === where);
  return [...new Set(found)];
}

/** Where the store's documentation says so, as the driver has it. */
function citation({ promises }: Hello, { writePath, readPath, guarantee }: Claim): Citation | undefined {
  const found = promises.find(
    ({ write, read, guarantees: named, source }) =>
      source !== undefined &&
      named.includes(guarantee) &&
      (write ?? writePath) === writePath &&
      (read ?? readPath) === readPath,
  );
  return found?.source === undefined ? undefined : { url: found.source, says: `${guarantee}, as its driver has it` };
}

function placeOf(guarantee: Guarantee): Where {
  const { scope } = guarantees[guarantee];
  return scope === 'system' ? 'always' : scope === 'write path' ? 'writes' : 'rows';
}

/** Why clients cannot use the store, as a sentence that names the node; undefined: each node answers. */
async function whyNotReady(
  drivers: Drivers,
  { methods, state, strongest, writePaths }: Hello,
): Promise<string | undefined> {
  const { cluster } = drivers;
  const deadline = cluster.clock.now() + READY_NS;
  const each = await Promise.all(
    [undefined, ...cluster.nodes].map((node) =>
      answers(drivers, deadline, methods.includes('read'), {
        session: 'ready',
        device: 'd1',
        home: cluster.regions[0],
        readPath: node === undefined ? strongest : state,
        writePath: writePaths[0].name,
        attempt: 0,
        ...(node !== undefined && { node }),
      }),
    ),
  );
  // A node that does not answer is why the others together do not.
  return each.slice(1).find((why) => why !== undefined) ?? each[0];
}

/** `reads`: it has registers to look at, and not logs alone. */
async function answers(
  drivers: Drivers,
  deadline: number,
  reads: boolean,
  options: ClientOptions,
): Promise<string | undefined> {
  const { clock, address } = drivers.cluster;
  const { node, readPath } = options;
  const who =
    node === undefined
      ? `the store, read through '${readPath}',`
      : `${node}${address === undefined ? '' : ` at ${drivers.cluster.address?.(node) ?? ''}`}`;
  for (;;) {
    let why: string;
    const client = await DriverClient.connect(drivers, options);
    try {
      await client.open();
      const until = clock.now() + READ_NS;
      if (reads) await client.read({ key: READY_KEY }, until);
      else await client.poll({ key: READY_KEY, from: 0 }, until);
      return undefined;
    } catch (error) {
      why = quoted(error instanceof Error ? error.message : String(error));
      if (error instanceof NotOpened && error.definite) return `${who} cannot be used: ${why}`;
    } finally {
      await client.close();
    }
    if (clock.now() + PAUSE_NS > deadline) return `${who} was not ready within ${READY_NS / SECOND} s: ${why}`;
    await clock.sleepUntil(clock.now() + PAUSE_NS);
  }
}
