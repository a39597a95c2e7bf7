/** `tidemark run`: reads the flags, then one run or a campaign of them. */
import { availableParallelism } from 'node:os';
import { MILLISECOND, SECOND } from '../history/clock.ts';
import type { Schedule } from '../nemesis/phases.ts';
import { campaign } from './campaign.ts';
import type { Lever } from '../nemesis/fault.ts';
import type { Io } from './command.ts';
import { isOtherStore } from './environments/environment.ts';
import { BadInput, type ExitCode, unknownName } from './errors.ts';
import { promisesByTelling } from './following.ts';
import { defaultPlan, type Plan, type ResolvedPlan, resolvePlan, withoutLevers } from './plan.ts';
import { loadCheckers } from './plugins.ts';
import { planToReplay } from './replay.ts';
import type { Wanted } from './report/formats.ts';
import type { ProgressStyle } from './progress.ts';
import { single } from './single.ts';
import { withDriver } from './driver-flags.ts';
import { nanosecondsOf, timeText } from './times.ts';

/** The flags as commander hands them over. */
export interface RunFlags {
  readonly system: string;
  readonly env: string;
  readonly driver?: string | undefined;
  readonly endpoint?: readonly string[];
  readonly faultCommands?: string | undefined;
  readonly compose?: string | undefined;
  readonly workload: readonly string[];
  readonly fault: readonly string[];
  readonly seed: string;
  readonly duration: string;
  readonly nodes: string;
  readonly load: string;
  readonly rate: string;
  readonly readPath: readonly string[];
  readonly writePath: readonly string[];
  readonly guarantee: readonly string[];
  readonly set: readonly string[];
  readonly label: readonly string[];
  readonly report: readonly string[];
  readonly runs?: string | undefined;
  readonly jobs?: string | undefined;
  readonly shard?: string | undefined;
  readonly bail?: string | undefined;
  readonly lastFailed?: true | undefined;
  readonly fresh?: true | undefined;
  readonly keep: string;
  readonly storeJournal?: true | undefined;
  readonly database: boolean;
  readonly progress?: string | undefined;
  readonly quiet?: true | undefined;
  readonly json?: true | undefined;
  readonly plan?: string | undefined;
  readonly replay?: string | undefined;
  readonly skipUnsupported?: true | undefined;
}

/** Whether an option, by the name that commander gives it, is from the command line itself. */
export type Given = (attribute: string) => boolean;

/** How the user wants to see it. */
export interface Display {
  readonly progress: ProgressStyle;
  readonly quiet: boolean;
  readonly json: boolean;
  readonly labels: Readonly<Record<string, string>>;
  /** Whether journals that are kept go into the database too. */
  readonly storeJournal: boolean;
  /** Else files alone are kept, and no database is started. */
  readonly database: boolean;
  /** Besides the page that every run writes. */
  readonly reports: readonly Wanted[];
}

/** What is to be run: as the command line says, and the plan file, or the stored run that it names. */
export async function askedFor(
  asked: RunFlags,
  io: Io,
  given: Given,
): Promise<{ readonly plan: Plan; readonly flags: RunFlags; readonly bail?: boolean }> {
  if (asked.replay !== undefined) return { ...(await replayed(asked.replay, asked, io, given)), flags: asked };
  const { flags, schedule } = await withPlanFile(asked, io, given);
  // The plan file's, where there is one, or the command line's.
  const wished = given('nodes') || flags.nodes !== asked.nodes ? flags.nodes : undefined;
  return { plan: planOf(await withDriver(flags, wished), schedule), flags };
}

export async function runCommand(asked: RunFlags, io: Io, given: Given): Promise<ExitCode> {
  const { plan: wanted, flags, bail: bailed } = await askedFor(asked, io, given);
  const plan = await resolvePlan(wanted);
  const labels = keyValues('--label', flags.label);
  const reports = (await import('./report/formats.ts')).wantedReports(flags.report, io.cwd);
  if (flags.progress !== undefined && flags.progress !== 'json')
    throw unknownName('progress style', flags.progress, ['json']);
  // Where only one of them is said here, it holds against a plan file or a configuration that says the other.
  if (!flags.database && asked.storeJournal === true && given('storeJournal') && given('database'))
    throw new BadInput('--store-journal puts the journal into the database: it does not go with --no-database.');
  if (flags.keep !== 'failed' && flags.keep !== 'all')
    throw unknownName('choice for --keep', flags.keep, ['failed', 'all']);
  const progress: ProgressStyle =
    flags.progress === 'json' ? 'json' : flags.quiet || flags.json ? 'none' : io.terminal.err ? 'terminal' : 'lines';
  const display: Display = {
    progress,
    quiet: flags.quiet === true,
    json: flags.json === true,
    labels,
    reports,
    storeJournal: flags.database && flags.storeJournal === true,
    database: flags.database,
  };
  const bail = flags.bail === undefined ? undefined : wholeNumber('--bail', flags.bail, 1, 1_000_000);
  if (bail === 1 && (flags.runs === undefined || flags.runs === '1')) {
    const note = await whatBailWatches(plan);
    if (!display.quiet && !display.json && note !== undefined) io.err(`${note}\n`);
  }
  if (flags.runs === undefined) {
    for (const name of ['jobs', 'shard', 'lastFailed', 'fresh'] as const) {
      if (flags[name] !== undefined) throw new BadInput(`--${dashed(name)} goes with --runs.`);
    }
    if (bail !== undefined && bail !== 1)
      throw new BadInput(
        `--bail ${bail} goes with --runs: a single run stops at the first broken promise, with --bail 1.`,
      );
    return single(await prepared(plan, io), display, bail === 1 || bailed === true, io);
  }
  const runs = wholeNumber('--runs', flags.runs, 1, 10_000_000);
  return campaign({
    plan: await prepared(plan, io),
    display,
    io,
    runs,
    jobs: flags.jobs === undefined ? availableParallelism() : wholeNumber('--jobs', flags.jobs, 1, 256),
    shard: shardOf(flags.shard),
    bail,
    lastFailed: flags.lastFailed === true,
    fresh: flags.fresh === true,
    keepAll: flags.keep === 'all',
  });
}

/** What a run that is to stop at its first broken promise will not stop for. @throws BadInput where it would stop for nothing */
async function whatBailWatches({ writePaths, use }: ResolvedPlan): Promise<string | undefined> {
  const { early, atTheEnd } = promisesByTelling({ ...use, writePaths }, await loadCheckers());
  if (early.length === 0) {
    const why =
      atTheEnd.length === 0
        ? 'nothing that is judged is promised here'
        : `of what is promised here, ${atTheEnd.join(', ')} can only be told at the end`;
    throw new BadInput(`--bail 1 would never stop this run: ${why}. Leave it out.`);
  }
  if (atTheEnd.length === 0) return undefined;
  return `--bail 1 stops for ${early.join(', ')}; told only at the end: ${atTheEnd.join(', ')}.`;
}

/** What goes with `--replay`: where the run is made again, and how it is shown. */
const WITH_REPLAY = [
  'env',
  'set',
  'skipUnsupported',
  'label',
  'report',
  'plugin',
  'progress',
  'quiet',
  'json',
  'replay',
  'keep',
  'storeJournal',
  'database',
];

async function replayed(
  word: string,
  asked: RunFlags,
  io: Io,
  given: Given,
): Promise<{ readonly plan: Plan; readonly bail: boolean }> {
  const other = Object.keys(asked).find((attribute) => given(attribute) && !WITH_REPLAY.includes(attribute));
  if (other !== undefined) {
    const may = WITH_REPLAY.slice(0, 3).map((attribute) => `--${dashed(attribute)}`);
    throw new BadInput(
      `--${dashed(other)} does not go with --replay: the run goes as it went; ${may.join(', ')} may differ.`,
    );
  }
  const [{ storedRun }, { killedRun }] = await Promise.all([import('./stored-run.ts'), import('./killed-run.ts')]);
  const record = killedRun(word, io.cwd) ?? (await storedRun(word, io));
  const plan = planToReplay(record, {
    ...(given('env') && { environment: asked.env }),
    settings: given('set') ? keyValues('--set', asked.set) : {},
    skipUnsupported: asked.skipUnsupported === true,
  });
  return { plan, bail: record.plan['bail'] !== undefined };
}

/** What the plan file says, where there is one; what the command line says besides wins. */
async function withPlanFile(
  asked: RunFlags,
  io: Io,
  given: Given,
): Promise<{ readonly flags: RunFlags; readonly schedule: Schedule | undefined }> {
  if (asked.plan === undefined) return { flags: asked, schedule: undefined };
  const { readPlanFile } = await import('./plan-file/read.ts');
  const over = {
    ...(given('system') && { system: asked.system }),
    ...(given('env') && { env: asked.env }),
    ...(given('duration') && { duration: asked.duration }),
    ...(given('nodes') && { nodes: asked.nodes }),
    ...(asked.skipUnsupported === true && { skipUnsupported: true }),
    ...(given('driver') && { driver: true }),
  };
  const { system, environment: env, nodes, durationNs } = defaultPlan;
  const file = await readPlanFile(asked.plan, io.cwd, over, { system, env, nodes, durationNs });
  if (file.schedule !== undefined && given('fault'))
    throw new BadInput(`--fault: it is the phases of ${asked.plan} that say what strikes.`);
  const flags: Record<string, unknown> = { ...asked };
  for (const [attribute, value] of Object.entries(file.flags)) {
    const isMap = attribute === 'set' || attribute === 'label';
    if (!given(attribute)) flags[attribute] = value;
    else if (isMap && Array.isArray(value)) flags[attribute] = overlaid(value, asked[attribute]);
  }
  if (file.durationNs !== undefined) {
    const asWhole = nanosecondsOf(asked.duration);
    if (given('duration') && asWhole !== file.durationNs) {
      throw new BadInput(
        `--duration ${asked.duration}: the phases of ${asked.plan} last ${timeText(file.durationNs)} together; let one last the 'rest'.`,
      );
    }
    flags['duration'] = `${file.durationNs / MILLISECOND}ms`;
  }
  return { flags: flags as unknown as RunFlags, schedule: file.schedule }; // the file's fields are those of the options
}

/** Of `key=value`: those of the command line win, key by key. */
function overlaid(file: readonly string[], commandLine: readonly string[]): readonly string[] {
  const keys = new Set(commandLine.map((pair) => pair.split('=')[0]));
  return [...file.filter((pair) => !keys.has(pair.split('=')[0])), ...commandLine];
}

/** The plan as this machine can carry it out. */
async function prepared(plan: ResolvedPlan, io: Io): Promise<ResolvedPlan> {
  const { environment, faults, settings, system } = plan.use;
  const say = (line: string): void => io.err(`tidemark: ${plan.environment}: ${line}\n`);
  const levers = [...new Set(faults.flatMap((fault) => fault.levers))];
  const spec = system.node('n1', ['n1'], settings);
  const image = isOtherStore(spec) ? { image: spec.image } : {};
  const lacking =
    (await environment.prepare?.({ settings, levers, nodes: plan.nodes, ...image }, say)) ?? new Map<Lever, string>();
  return withoutLevers(plan, lacking, say);
}

function planOf(flags: RunFlags, schedule?: Schedule): Plan {
  if (flags.load !== 'open' && flags.load !== 'closed')
    throw unknownName('kind of load', flags.load, ['open', 'closed']);
  return {
    system: flags.system,
    environment: flags.env,
    workloads: flags.workload,
    faults: flags.fault.length === 0 ? ['mix'] : flags.fault,
    seed: wholeNumber('--seed', flags.seed, 0, Number.MAX_SAFE_INTEGER),
    durationNs: time('--duration', flags.duration),
    nodes: wholeNumber('--nodes', flags.nodes, 1, 9),
    load: flags.load,
    rate: wholeNumber('--rate', flags.rate, 1, 10_000_000),
    readPaths: flags.readPath,
    writePaths: flags.writePath,
    guarantees: flags.guarantee,
    settings: keyValues('--set', flags.set),
    ...(schedule !== undefined && { schedule }),
    ...(flags.plan !== undefined && { file: flags.plan }),
    ...(flags.skipUnsupported === true && { skipUnsupported: true }),
  };
}

export function wholeNumber(flag: string, text: string, least: number, most: number): number {
  const n = Number(text);
  if (!/^\d{1,16}$/.test(text) || n < least || n > most)
    throw new BadInput(`${flag} ${text}: a whole number from ${least} to ${most} is needed.`);
  return n;
}

/** `1500ms`, `60s`, `5m`, `1h` in nanoseconds. */
export function time(flag: string, text: string): number {
  const ns = nanosecondsOf(text) ?? Number.NaN;
  if (!(ns >= 100 * MILLISECOND && ns <= 24 * 3600 * SECOND)) {
    throw new BadInput(`${flag} ${text}: a time from 100ms to 24h is needed, such as 1500ms, 60s or 5m.`);
  }
  return ns;
}

export function keyValues(flag: string, items: readonly string[]): Readonly<Record<string, string>> {
  const result = new Map<string, string>();
  for (const item of items) {
    const at = item.indexOf('=');
    if (at < 1) throw new BadInput(`${flag} ${item}: key=value is needed.`);
    const key = item.slice(0, at);
    if (result.has(key)) throw new BadInput(`${flag} ${key} is given twice.`);
    result.set(key, item.slice(at + 1));
  }
  return Object.fromEntries(result); // which sets `__proto__` like any other name
}

function shardOf(text: string | undefined): { readonly index: number; readonly of: number } {
  if (text === undefined) return { index: 1, of: 1 };
  const match = /^(\d{1,5})\/(\d{1,5})$/.exec(text);
  const index = Number(match?.[1]);
  const of = Number(match?.[2]);
  if (match === null || index < 1 || index > of)
    throw new BadInput(`--shard ${text}: i/n with 1 <= i <= n is needed, such as 2/8.`);
  return { index, of };
}

function dashed(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
