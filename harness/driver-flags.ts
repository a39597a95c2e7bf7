/** `--driver`, `--endpoint`, `--compose` and `--fault-commands` are short for a system, an environment and their settings: a plan holds no more than those. */
import { endpointsOf } from './environments/endpoints/settings.ts';
import { BadInput } from './errors.ts';
import { defaultPlan } from './plan.ts';
import { many } from './table.ts';

/** As far as they matter here. */
export interface DriverFlags {
  readonly system: string;
  readonly env: string;
  readonly nodes: string;
  readonly driver?: string | undefined;
  readonly endpoint?: readonly string[];
  readonly faultCommands?: string | undefined;
  readonly compose?: string | undefined;
  readonly set: readonly string[];
}

/**
 * @param wished how many nodes somebody asked for in so many words; undefined: nobody did
 * @throws BadInput where they do not go together
 */
export async function withDriver<F extends DriverFlags>(flags: F, wished?: string): Promise<F> {
  const { driver, endpoint = [], faultCommands, compose } = flags;
  const set = [...flags.set];
  const say = (name: string, flag: string, value: string): void => {
    if (set.some((one) => one.startsWith(`${name}=`)))
      throw new BadInput(`--set ${name} and ${flag} say the same: leave out one.`);
    set.push(`${name}=${value}`);
  };
  let { system, env, nodes } = flags;
  const count = (flag: string, there: number): string => {
    if (wished !== undefined && wished !== String(there))
      throw new BadInput(
        `--nodes ${wished}: ${flag} names ${many(there, 'node')}, and the cluster is ${there === 1 ? 'that one' : 'those'}: leave out --nodes.`,
      );
    return String(there);
  };
  if (driver !== undefined) {
    if (system !== defaultPlan.system && system !== 'driver')
      throw new BadInput(
        `--driver goes with --system driver, or with none: it stands for a system, and so does '${system}'.`,
      );
    system = 'driver';
    say('driver', '--driver', driver);
  }
  if (endpoint.length > 0) {
    if (env !== defaultPlan.environment && env !== 'endpoints')
      throw new BadInput(
        `--endpoint goes with --env endpoints, or with none: those nodes run already, and '${env}' would start others.`,
      );
    env = 'endpoints';
    const endpoints = endpointsOf(endpoint.join(','));
    nodes = count('--endpoint', endpoints.size);
    say('endpoints', '--endpoint', [...endpoints].map(([node, address]) => `${node}=${address}`).join(','));
  }
  if (compose !== undefined) {
    if (endpoint.length > 0)
      throw new BadInput('--compose starts nodes and --endpoint says where others run already: leave out one.');
    if (env !== defaultPlan.environment && env !== 'compose')
      throw new BadInput(`--compose goes with --env compose, or with none: '${env}' would start other nodes.`);
    env = 'compose';
    const { readComposeFile } = await import('./environments/compose/file.ts');
    nodes = count('--compose', (await readComposeFile(compose)).nodes.length);
    say('compose', '--compose', compose);
  }
  if (faultCommands !== undefined) {
    if (env !== 'endpoints') throw new BadInput('--fault-commands goes with --endpoint.');
    say('fault-commands', '--fault-commands', faultCommands);
  }
  if (system === 'driver' && env === defaultPlan.environment)
    throw new BadInput("--driver needs the store's nodes: --endpoint n1=host:port, once for each, or --compose FILE.");
  return { ...flags, system, env, nodes, set };
}
