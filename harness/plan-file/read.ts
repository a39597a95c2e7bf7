/**
 * A plan file for `tidemark run --plan`: YAML. What the command line of `run` takes may stand in it by the long names of the options, and
 * phases with streams of faults besides. All mistakes are found at once.
 */
import { z } from 'zod';
import { MILLISECOND } from '../../history/clock.ts';
import { guaranteeNames } from '../../history/guarantee.ts';
import type { Schedule } from '../../nemesis/phases.ts';
import type { Environment } from '../environments/environment.ts';
import { BadInput, unknownName } from '../errors.ts';
import { whyNot } from '../fault-choice.ts';
import { checkSetting } from '../plan.ts';
import { loadEnvironments, loadFaults, loadSystems, loadWorkloads, usePlugins } from '../plugins.ts';
import type { System } from '../system.ts';
import { nanosecondsOf } from '../times.ts';
import { readYamlMap } from './document.ts';
import { fields, name, needed, pairs, several, time, whole, yes } from './leaves.ts';
import type { Mistakes } from './mistakes.ts';
import { schedule } from './phases.ts';

/** By the names that commander gives options. */
export type PlanFlags = Readonly<Record<string, string | boolean | readonly string[]>>;

export interface PlanFile {
  readonly flags: PlanFlags;
  readonly schedule: Schedule | undefined;
  /** How long its phases last together. */
  readonly durationNs: number | undefined;
}

/** What the command line says in place of the file, as far as it matters to what the file may say. */
export interface Overrides {
  readonly system?: string;
  readonly env?: string;
  readonly duration?: string;
  readonly nodes?: string;
  readonly skipUnsupported?: boolean;
  /** It names a driver. */
  readonly driver?: boolean;
}

/** The system that drivers stand for. */
const DRIVER = 'driver';

export interface Defaults {
  readonly system: string;
  readonly env: string;
  readonly nodes: number;
  readonly durationNs: number;
}

const text = z.string(needed('a text'));

/** Everything that `run` takes, by the long names of its options; a test sees to it that none is missing. */
function shapes({ systems, environments, workloads }: Known, system: System | undefined) {
  const pathNames = (paths: readonly { readonly name: string }[] | undefined): string[] => [
    'all',
    ...(paths ?? []).map((path) => path.name),
  ];
  const readPath = name(
    'read path',
    pathNames(system?.readPaths),
    (path) => system === undefined || system.readPathNamed?.(path) !== undefined,
  );
  return fields('options, as of `tidemark run --help`, and phases', {
    system: name('system', systems.keys()).optional(),
    env: name('environment', environments.keys()).optional(),
    driver: text.optional(),
    endpoint: several(text).optional(),
    'fault-commands': text.optional(),
    compose: text.optional(),
    workload: several(name('workload', workloads.keys())).optional(),
    fault: several(text).optional(),
    seed: whole(0, Number.MAX_SAFE_INTEGER).optional(),
    duration: time(100 * MILLISECOND).optional(),
    nodes: whole(1, 9).optional(),
    load: name('kind of load', ['open', 'closed']).optional(),
    rate: whole(1, 10_000_000).optional(),
    'read-path': several(readPath).optional(),
    'write-path': several(name('write path', pathNames(system?.writePaths), () => system === undefined)).optional(),
    guarantee: several(name('guarantee', guaranteeNames)).optional(),
    set: pairs.optional(),
    label: pairs.optional(),
    runs: whole(1, 10_000_000).optional(),
    jobs: whole(1, 256).optional(),
    shard: z
      .string(needed("a text such as '2/8'"))
      .regex(/^[1-9]\d{0,4}\/[1-9]\d{0,4}$/, needed("a text such as '2/8'"))
      .optional(),
    bail: whole(1, 1_000_000).optional(),
    'last-failed': yes.optional(),
    fresh: yes.optional(),
    keep: name('choice', ['failed', 'all']).optional(),
    progress: name('progress style', ['json']).optional(),
    quiet: yes.optional(),
    json: yes.optional(),
    plugin: several(text).optional(),
    'skip-unsupported': yes.optional(),
    report: several(text).optional(),
    'store-journal': yes.optional(),
    'no-database': yes.optional(),
    phases: z.unknown().optional(),
  });
}

/** The names of all fields. */
export async function planFields(): Promise<readonly string[]> {
  return Object.keys(shapes(await known(), undefined).shape);
}

interface Known {
  readonly systems: ReadonlyMap<string, System>;
  readonly environments: ReadonlyMap<string, Environment>;
  readonly workloads: Awaited<ReturnType<typeof loadWorkloads>>;
}

async function known(): Promise<Known> {
  const [systems, environments, workloads] = await Promise.all([loadSystems(), loadEnvironments(), loadWorkloads()]);
  return { systems, environments, workloads };
}

type Plain = Readonly<Record<string, unknown>>;

/** Throws {@link BadInput} with every mistake in it: file, line, field, and what would be right. */
export async function readPlanFile(file: string, cwd: string, over: Overrides, defaults: Defaults): Promise<PlanFile> {
  const what = 'a map of options, as of `tidemark run --help`, and phases';
  const { plain: plan, mistakes } = await readYamlMap('plan', what, file, cwd);
  usePlugins(texts(plan['plugin']), cwd);
  const names = await known();
  const named = over.system ?? asText(plan['system']) ?? defaults.system;
  // What a driver offers only the driver says: it is asked when the whole plan is known.
  const isDriver = over.driver === true || plan['driver'] !== undefined || named === DRIVER;
  const system = isDriver ? undefined : names.systems.get(named);
  const isGiven = over.driver === true || plan['endpoint'] !== undefined;
  const environment = isGiven ? undefined : names.environments.get(over.env ?? asText(plan['env']) ?? defaults.env);
  const options = mistakes.examine(shapes(names, system), plan, []);
  const settings = settingsOf(plan);
  const nodes = over.nodes === undefined ? plan['nodes'] : Number(over.nodes);
  const skip = over.skipUnsupported === true || plan['skip-unsupported'] === true;
  const faults = await loadFaults();
  const cannot = (fault: Parameters<typeof whyNot>[0]): string | undefined =>
    skip || system === undefined || environment === undefined
      ? undefined
      : whyNot(fault, system, environment, settings);
  checkSettings(settings, mistakes, system, environment);
  checkWorkloads(plan, mistakes, names, system);
  checkFaults(plan, mistakes, [...faults.keys()], (fault) => {
    const found = faults.get(fault);
    return found === undefined ? undefined : cannot(found);
  });
  const durationNs = nanosecondsOf(over.duration ?? asText(plan['duration']) ?? '');
  const around = {
    mistakes,
    faults,
    cannot,
    nodes: typeof nodes === 'number' && nodes >= 1 && nodes <= 9 ? nodes : defaults.nodes,
    durationNs,
    durationSaidAt: over.duration === undefined ? ['duration'] : undefined,
    defaultNs: defaults.durationNs,
  };
  const said = plan['phases'] === undefined ? undefined : schedule(plan['phases'], ['phases'], around);
  mistakes.throwIfAny();
  return {
    flags: flagsOf(options ?? {}),
    schedule: said,
    durationNs: said?.phases.reduce((sum, phase) => sum + phase.durationNs, 0),
  };
}

function asText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function texts(value: unknown): readonly string[] {
  const listed: readonly unknown[] = Array.isArray(value) ? value : [value];
  return listed.flatMap((one) => (typeof one === 'string' ? one.split(',').map((part) => part.trim()) : []));
}

function settingsOf({ set }: Plain): Readonly<Record<string, string>> {
  const parsed = pairs.safeParse(set);
  return parsed.success ? parsed.data : {};
}

function checkSettings(
  settings: Readonly<Record<string, string>>,
  mistakes: Mistakes,
  system: System | undefined,
  environment: Environment | undefined,
): void {
  if (system === undefined || environment === undefined) return;
  for (const [setting, value] of Object.entries(settings)) {
    try {
      checkSetting(setting, value, system, environment);
    } catch (error) {
      if (!(error instanceof BadInput)) throw error;
      mistakes.add(['set', setting], error.message);
    }
  }
}

function checkWorkloads(plan: Plain, mistakes: Mistakes, { workloads }: Known, system: System | undefined): void {
  if (system === undefined) return;
  for (const workload of texts(plan['workload'])) {
    const lacking = workloads.get(workload)?.methods.find((method) => !system.methods.includes(method));
    if (lacking !== undefined)
      mistakes.add(
        ['workload'],
        `the workload '${workload}' needs ${lacking}, which the system '${system.name}' has not.`,
      );
  }
}

function checkFaults(
  plan: Plain,
  mistakes: Mistakes,
  names: readonly string[],
  cannot: (fault: string) => string | undefined,
): void {
  const given = texts(plan['fault']);
  const isList = Array.isArray(plan['fault']);
  if (given.length > 0 && plan['phases'] !== undefined)
    mistakes.add(['fault'], 'it is the phases that say what strikes: leave out one of the two.');
  const alone = given.find((fault) => fault === 'none' || fault === 'mix');
  if (alone !== undefined && given.length > 1)
    mistakes.add(['fault'], `'${alone}' stands alone: it goes with no other.`);
  for (const [i, fault] of given.entries()) {
    if (fault === 'none' || fault === 'mix') continue;
    const at = isList ? ['fault', i] : ['fault'];
    const why = cannot(fault);
    if (!names.includes(fault)) mistakes.add(at, unknownName('fault', fault, ['none', 'mix', ...names]).message);
    else if (why !== undefined)
      mistakes.add(at, `the fault '${fault}' cannot be done: ${why}; --skip-unsupported leaves it out.`);
  }
}

/** `read-path: leader` becomes `readPath: ['leader']`: what commander makes of the same options. */
function flagsOf(options: Plain): PlanFlags {
  const flags: Record<string, string | boolean | readonly string[]> = {};
  for (const [option, value] of Object.entries(options)) {
    if (option === 'phases' || option === 'plugin' || value === undefined) continue;
    const attribute = option.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
    if (option === 'no-database') {
      if (value === true) flags['database'] = false;
    } else if (typeof value === 'boolean') {
      if (value) flags[attribute] = true;
    } else if (option === 'duration') flags[attribute] = `${Number(value) / MILLISECOND}ms`;
    else if (Array.isArray(value)) flags[attribute] = value.map(String);
    else if (typeof value === 'object' && value !== null)
      flags[attribute] = Object.entries(value).map(([key, one]) => `${key}=${String(one)}`);
    else flags[attribute] = String(value);
  }
  return flags;
}
