/** What a run is asked to do: names and numbers only, so that it can be saved, sent to a worker, and run again. */
import { SECOND } from '../history/clock.ts';
import { type Guarantee, guaranteeNames } from '../history/guarantee.ts';
import type { Fault, Lever } from '../nemesis/fault.ts';
import type { Schedule } from '../nemesis/phases.ts';
import type { Workload, WorkloadOptions } from '../workloads/workload.ts';
import type { Environment } from './environments/environment.ts';
import { BadInput, checkNames, unknownName } from './errors.ts';
import { chooseFaults, type Unsupported, without } from './fault-choice.ts';
import type { Replays } from './replay.ts';
import { loadEnvironments, loadSystems, loadWorkloads } from './plugins.ts';
import type { Row } from './driver.ts';
import type { Path, System } from './system.ts';

export interface Plan {
  readonly system: string;
  readonly environment: string;
  /** Empty: all there are. */
  readonly workloads: readonly string[];
  /** `mix`: all but those that are opt-in; `none`. */
  readonly faults: readonly string[];
  readonly seed: number;
  readonly durationNs: number;
  readonly nodes: number;
  readonly load: 'open' | 'closed';
  /** Arrivals per second of the open loop. */
  readonly rate: number;
  /** Empty: all that the system has. */
  readonly readPaths: readonly string[];
  readonly writePaths: readonly string[];
  readonly guarantees: readonly string[];
  readonly settings: Readonly<Record<string, string>>;
  /** Phases and streams instead of faults over most of the run: then these are `faults`. */
  readonly schedule?: Schedule;
  /** The file that said so. */
  readonly file?: string;
  /** Faults that cannot be done are left out, rather than refused. */
  readonly skipUnsupported?: true;
  /** What has been left out already, since this machine cannot do it. */
  readonly unsupported?: readonly Unsupported[];
  /** The run that is run again, where this one is to go as that did. */
  readonly replays?: Replays;
}

export const defaultPlan: Plan = {
  system: 'reference',
  environment: 'simulation',
  workloads: [],
  faults: ['mix'],
  seed: 1,
  durationNs: 60 * SECOND,
  nodes: 3,
  load: 'open',
  rate: 600,
  readPaths: [],
  writePaths: [],
  guarantees: [],
  settings: {},
};

/** The harness's own settings for `--set`, with their defaults. */
export const harnessSettings = {
  keys: { about: 'registers per write path in the register workload', value: 8, least: 1, most: 100_000 },
  sessions: {
    about: 'sessions in all, dealt evenly to the rows of the matrix; more where each row would lack a workload',
    value: 120,
    least: 1,
    most: 10_000,
  },
  'timeout-ms': { about: 'how long a client waits before the outcome is info', value: 1000, least: 1, most: 600_000 },
  'settle-ms': {
    about: 'from the last heal to the epilogue: the bound for convergent',
    value: 5000,
    least: 0,
    most: 600_000,
  },
  'queue-max': { about: 'arrivals that may wait for a busy session', value: 8, least: 0, most: 1_000_000 },
  'think-ms': {
    about: 'pause between the operations of a session under --load closed',
    value: 10,
    least: 0,
    most: 600_000,
  },
} as const;

export type HarnessSetting = keyof typeof harnessSettings;

/** A plan with its names looked up. */
export interface ResolvedPlan extends Plan {
  readonly use: {
    /** The plan as it was asked for: empty lists mean all there is. */
    readonly asked: Plan;
    readonly system: System;
    readonly environment: Environment;
    readonly workloads: readonly Workload[];
    readonly faults: readonly Fault[];
    /** What `mix` stands for here. */
    readonly mix: readonly string[];
    /** Without what cannot be done. */
    readonly schedule: Schedule | undefined;
    /** What cannot be done, and so was left out. */
    readonly unsupported: readonly Unsupported[];
    readonly guarantees: readonly Guarantee[];
    readonly settings: ReadonlyMap<string, string>;
    /** Pairs of paths that sessions are dealt to. */
    readonly rows: readonly Row[];
    readonly workloadOptions: WorkloadOptions;
    setting(name: HarnessSetting): number;
  };
}

/** Throws {@link BadInput} for every name or number that will not do. */
export async function resolvePlan(plan: Plan): Promise<ResolvedPlan> {
  const system = withPaths(await systemOf(plan), plan.readPaths);
  const environment = byName('environment', plan.environment, await loadEnvironments());
  if (system.environments?.includes(environment.name) === false) {
    const can = system.environments.map((name) => `--env ${name}`).join(' or ');
    throw new BadInput(`The system '${system.name}' runs with ${can}, not with --env ${environment.name}.`);
  }
  const workloads = workloadsOf(plan, system, await loadWorkloads());
  const { faults, mix, schedule, unsupported } = await chooseFaults(plan, system, environment);
  checkNames('guarantee', plan.guarantees, guaranteeNames);
  const readPaths = paths('read path', plan.readPaths, system.readPaths);
  await mustFitSettings(plan, system);
  const writePaths = paths('write path', plan.writePaths, system.writePaths);
  mustHaveNodes(plan.nodes, system, writePaths, readPaths);
  checkSettings(plan.settings, system, environment);
  const rows = rowsOf(plan, system, readPaths, writePaths);
  const setting = (name: HarnessSetting): number => {
    const given = plan.settings[name];
    if (given !== undefined) return Number(given);
    const value = system.defaults?.[name] ?? harnessSettings[name].value;
    return name === 'sessions' ? Math.max(value, rows.length * workloads.length) : value;
  };
  if (setting('sessions') < rows.length) {
    throw new BadInput(
      `--set sessions=${setting('sessions')}: there are ${rows.length} pairs of paths, and each needs a session.`,
    );
  }
  const given = new Map(Object.entries(plan.settings));
  const { partOf } = system;
  return {
    ...plan,
    readPaths,
    writePaths,
    workloads: workloads.map((workload) => workload.name),
    faults: faults.map((fault) => fault.name),
    use: {
      asked: plan,
      system,
      environment,
      workloads,
      faults,
      mix,
      schedule,
      unsupported: [...new Map([...(plan.unsupported ?? []), ...unsupported].map((one) => [one.fault, one])).values()],
      guarantees:
        plan.guarantees.length === 0
          ? promisedSomewhere(system)
          : guaranteeNames.filter((g) => plan.guarantees.includes(g)),
      settings: given,
      rows,
      workloadOptions: {
        keys: setting('keys'),
        distribution: plan.settings.distribution === 'zipfian' ? 'zipfian' : 'uniform',
        methods: system.methods,
        ...(partOf !== undefined && { partOf: (key) => partOf(key, given) }),
      },
      setting,
    },
  };
}

/**
 * What can be done of a plan where some levers cannot be pulled after all: without the faults that need them, where they are of the mix
 * or the plan may be cut down, told to `say`. Throws {@link BadInput} for another that was named.
 */
export async function withoutLevers(
  plan: ResolvedPlan,
  lacking: ReadonlyMap<Lever, string>,
  say: (line: string) => void,
): Promise<ResolvedPlan> {
  const { asked, faults } = plan.use;
  const needs = (fault: Fault): Lever | undefined => fault.levers.find((lever) => lacking.has(lever));
  const out = faults.flatMap((fault): Unsupported[] => {
    const lever = needs(fault);
    if (lever === undefined) return [];
    return [{ fault: fault.name, why: `it needs ${lever}, which this machine does not offer (${lacking.get(lever)})` }];
  });
  if (out.length === 0) return plan;
  const cut = without(asked, plan.use.mix, out);
  for (const why of new Set(lacking.values())) {
    const some = faults.flatMap((fault) => {
      const lever = needs(fault);
      return lever !== undefined && lacking.get(lever) === why ? [{ name: fault.name, lever }] : [];
    });
    if (some.length === 0) continue;
    const names = some.map(({ name }) => name).join(', ');
    const levers = [...new Set(some.map(({ lever }) => lever))];
    const need = levers.length === 1 ? `it needs ${levers[0]}` : `they need ${levers.join(', ')}`;
    const where = asked.skipUnsupported === true ? '' : ' of the mix';
    say(`left out${where}: ${names}: ${need}, which this machine does not offer (${why})`);
  }
  return resolvePlan({ ...cut, unsupported: [...plan.use.unsupported, ...out] });
}

/** What no path promises is judged where it is asked for, or where the system says that there is something to find. */
function promisedSomewhere(system: System): readonly Guarantee[] {
  const promised = new Set([...system.always, ...(system.examines ?? [])]);
  for (const write of system.writePaths) {
    for (const guarantee of system.promisesOfWrites(write.name)) promised.add(guarantee);
    for (const read of system.readPaths) {
      for (const guarantee of system.promises(write.name, read.name)) promised.add(guarantee);
    }
  }
  return guaranteeNames.filter((guarantee) => promised.has(guarantee));
}

/** The system that is meant, as its settings make it. */
export async function systemOf({ system: name, settings }: Pick<Plan, 'system' | 'settings'>): Promise<System> {
  const system = byName('system', name, await loadSystems());
  return (await system.configured?.(new Map(Object.entries(settings)))) ?? system;
}

/** Those that were named, or all that the system can do. */
function workloadsOf(plan: Plan, system: System, all: ReadonlyMap<string, Workload>): readonly Workload[] {
  const lacking = (workload: Workload): string | undefined =>
    workload.methods.find((method) => !system.methods.includes(method));
  const able = new Map([...all].filter(([, workload]) => workload.byName !== true && lacking(workload) === undefined));
  const [chosen, ...others] = named('workload', plan.workloads, plan.workloads.length > 0 ? all : able);
  for (const workload of chosen === undefined ? [] : [chosen, ...others]) {
    const method = lacking(workload);
    if (method !== undefined)
      throw new BadInput(`The workload '${workload.name}' needs ${method}, which the system '${system.name}' has not.`);
  }
  if (chosen === undefined)
    throw new BadInput(`No workload can do with ${system.methods.join(', ')}, which is all that '${system.name}' has.`);
  return [chosen, ...others];
}

function byName<T>(what: string, name: string, all: ReadonlyMap<string, T>): T {
  const found = all.get(name);
  if (found === undefined) throw unknownName(what, name, all.keys());
  return found;
}

function named<T>(what: string, names: readonly string[], all: ReadonlyMap<string, T>): readonly T[] {
  checkNames(what, names, all.keys());
  return names.length === 0 ? [...all.values()] : [...new Set(names)].map((name) => byName(what, name, all));
}

/** The system with the paths that were asked for by a name of its pattern. */
function withPaths(system: System, names: readonly string[]): System {
  const known = new Set(system.readPaths.map(({ name }) => name));
  const others = [...new Set(names)].flatMap((name): Path[] => {
    const path = known.has(name) ? undefined : system.readPathNamed?.(name);
    return path === undefined ? [] : [path];
  });
  return others.length === 0 ? system : { ...system, readPaths: [...system.readPaths, ...others] };
}

/** Every pair of the paths asked for; where none are named, a path that is tried with few others is left to those. */
function rowsOf(
  asked: Plan,
  { readPaths: known }: System,
  readPaths: readonly string[],
  writePaths: readonly string[],
): readonly Row[] {
  const pairs = writePaths.flatMap((writePath) => readPaths.map((readPath): Row => ({ writePath, readPath })));
  if (asked.readPaths.length > 0) return pairs;
  const withFew = new Map(known.map(({ name, byDefaultWith }) => [name, byDefaultWith]));
  const chosen = pairs.filter(({ writePath, readPath }) => withFew.get(readPath)?.includes(writePath) !== false);
  return chosen.length === 0 ? pairs : chosen;
}

function paths(what: string, names: readonly string[], all: readonly { readonly name: string }[]): readonly string[] {
  const valid = all.map((path) => path.name);
  if (names.includes('all')) {
    if (names.length > 1) throw new BadInput(`The ${what} 'all' stands alone: it goes with no other.`);
    return valid;
  }
  checkNames(what, names, ['all', ...valid]);
  return names.length === 0 ? valid : valid.filter((name) => names.includes(name));
}

/** A write path that the system has with another setting is no unknown name. */
async function mustFitSettings(plan: Plan, { writePaths }: System): Promise<void> {
  const known = (await loadSystems()).get(plan.system)?.writePaths ?? [];
  for (const { name, withSetting } of known) {
    if (withSetting !== undefined && plan.writePaths.includes(name) && !writePaths.some((path) => path.name === name))
      throw new BadInput(`The write path '${name}' is there with --set ${withSetting} only.`);
  }
}

/** Paths that need more nodes than there are would refuse all that is asked of them. */
function mustHaveNodes(
  nodes: number,
  system: System,
  writePaths: readonly string[],
  readPaths: readonly string[],
): void {
  const fits = ({ others = 0 }: Path): boolean => others < nodes;
  const asked = [
    ...system.writePaths.filter(({ name }) => writePaths.includes(name)),
    ...system.readPaths.filter(({ name }) => readPaths.includes(name)),
  ];
  const lacking = asked.filter((path) => !fits(path));
  if (lacking.length === 0) return;
  const needed = 1 + Math.max(...asked.map(({ others = 0 }) => others));
  const flags = (flag: string, all: readonly Path[], names: readonly string[]): readonly string[] => {
    const fitting = all.filter(fits).map(({ name }) => name);
    return all.some((path) => names.includes(path.name) && !fits(path)) && fitting.length > 0
      ? [`${flag} ${fitting.join(',')}`]
      : [];
  };
  const other = [
    ...flags('--write-path', system.writePaths, writePaths),
    ...flags('--read-path', system.readPaths, readPaths),
  ];
  throw new BadInput(
    `--nodes ${nodes}: ${lacking.map(({ name }) => name).join(', ')} of '${system.name}' ${lacking.length === 1 ? 'needs' : 'need'} ${needed} nodes or more; ` +
      `give as many${other.length === 0 ? '' : `, or ${other.join(' ')}`}.`,
  );
}

function checkSettings(settings: Readonly<Record<string, string>>, system: System, environment: Environment): void {
  for (const [name, value] of Object.entries(settings)) checkSetting(name, value, system, environment);
}

/** Throws {@link BadInput} for a setting that there is not, or a value that it may not have. */
export function checkSetting(name: string, value: string, system: System, environment: Environment): void {
  const others = [...system.settings, ...environment.settings];
  const other = others.find((setting) => setting.name === name);
  if (other) other.check(value);
  else if (name === 'distribution') {
    if (value !== 'uniform' && value !== 'zipfian') throw unknownName('distribution', value, ['uniform', 'zipfian']);
  } else if (Object.hasOwn(harnessSettings, name)) {
    const { least, most } = harnessSettings[name as HarnessSetting]; // just looked up
    const fits = /^\d{1,9}$/.test(value) && Number(value) >= least && Number(value) <= most;
    if (!fits) throw new BadInput(`--set ${name}=${value}: a whole number from ${least} to ${most} is needed.`);
  } else {
    const valid = [...Object.keys(harnessSettings), 'distribution', ...others.map((setting) => setting.name)];
    throw unknownName('setting', name, valid);
  }
}
