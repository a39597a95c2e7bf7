/** A bench plan with its names looked up. Throws {@link BadInput} for every name or number that will not do. */
import type { Guarantee } from '../../history/guarantee.ts';
import type { Workload } from '../../workloads/workload.ts';
import { BadInput, unknownName } from '../errors.ts';
import { defaultPlan, resolvePlan } from '../plan.ts';
import { loadSystems, loadWorkloads } from '../plugins.ts';
import type { System } from '../system.ts';
import type { Resolved } from './bench.ts';
import { type Mix, mixes, mixWorkload, Records } from './mix.ts';
import type { BenchPlan, Target } from './plan.ts';

/** After the load nothing has to heal: what is written has only to arrive everywhere. */
const SETTLE_MS = '1000';

export async function resolveBench(plan: BenchPlan): Promise<Resolved> {
  const system = (await loadSystems()).get(plan.system);
  if (system === undefined) throw unknownName('system', plan.system, (await loadSystems()).keys());
  const mix = mixes.find(({ name }) => name === plan.mix);
  if (mix === undefined)
    throw unknownName(
      'mix',
      plan.mix,
      mixes.map(({ name }) => name),
    );
  const targets = targetsOf(plan, system);
  const writePath = plan.writePath ?? defaultWritePath(system);
  const { methods } = mixWorkload({
    mix,
    distribution: 'uniform',
    records: new Records(1),
    value: (n) => n,
  });
  const lacking = methods.find((method) => !system.methods.includes(method));
  if (lacking !== undefined)
    throw new BadInput(`The mix '${mix.name}' needs ${lacking}, which the system '${system.name}' has not.`);
  const run = await resolvePlan({
    ...defaultPlan,
    system: plan.system,
    environment: plan.environment,
    // One that the system can do, for what looks into the plan; what is driven stands below.
    workloads: [await someWorkload(system)],
    faults: ['none'],
    seed: plan.seed,
    durationNs: plan.durationNs,
    nodes: plan.nodes,
    rate: Math.max(...plan.rates, plan.ladder?.most ?? 1),
    readPaths: [...new Set(targets.map(({ path }) => path))],
    writePaths: [writePath],
    settings: { 'settle-ms': SETTLE_MS, ...plan.settings },
  });
  const named: Workload = { ...run.use.workloads[0], name: `ycsb-${mix.name}` };
  return {
    plan,
    mix,
    targets,
    writePath,
    run: { ...run, workloads: [named.name], use: { ...run.use, workloads: [named] } },
  };
}

async function someWorkload(system: System): Promise<string> {
  const all = [...(await loadWorkloads()).values()];
  const able = all.find(({ methods }) => methods.every((method) => system.methods.includes(method)));
  if (able === undefined) throw new BadInput(`There is no workload that the system '${system.name}' can do.`);
  return able.name;
}

/** `path@routing`, where the system's clients can be told whom to ask. */
function targetsOf(plan: BenchPlan, system: System): readonly Target[] {
  const routing = system.settings.find(({ name }) => name === 'routing');
  const { strongestReadPath, stateReadPath } = system;
  const asked = plan.readPaths.length > 0 ? plan.readPaths : [strongestReadPath, ...followers(stateReadPath)];
  function followers(path: string): string[] {
    if (path === strongestReadPath) return [];
    return routing === undefined ? [path] : [`${path}@round-robin`, `${path}@nearest`];
  }
  return [...new Set(asked)].map((name) => {
    const at = name.indexOf('@');
    if (at < 0) return { name, path: name };
    if (routing === undefined)
      throw new BadInput(`--read-path ${name}: clients of the system '${system.name}' have no routing to choose.`);
    const how = name.slice(at + 1);
    routing.check(how);
    return { name, path: name.slice(0, at), routing: how };
  });
}

/** The first that promises not to lose what it acknowledged; figures for one that does not flatter. */
function defaultWritePath(system: System): string {
  const durable: Guarantee = 'durable';
  const safe = system.writePaths.find(({ name }) => system.promisesOfWrites(name).includes(durable));
  return (safe ?? system.writePaths[0]).name;
}

export function mixNamed(name: string): Mix | undefined {
  return mixes.find((mix) => mix.name === name);
}
