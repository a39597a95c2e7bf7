/** `tidemark run`: reads the flags, then one run or a campaign of them. */
import { availableParallelism } from 'node:os';
import { MILLISECOND, SECOND } from '../history/clock.ts';
import { campaign } from './campaign.ts';
import type { Lever } from '../nemesis/fault.ts';
import type { Io } from './command.ts';
import { BadInput, type ExitCode, unknownName } from './errors.ts';
import { type Plan, type ResolvedPlan, resolvePlan, withoutLevers } from './plan.ts';
import type { ProgressStyle } from './progress.ts';
import { single } from './single.ts';

/** The flags as commander hands them over. */
export interface RunFlags {
  readonly system: string;
  readonly env: string;
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
  readonly runs?: string | undefined;
  readonly jobs?: string | undefined;
  readonly shard?: string | undefined;
  readonly bail?: string | undefined;
  readonly lastFailed?: true | undefined;
  readonly fresh?: true | undefined;
  readonly keep: string;
  readonly progress?: string | undefined;
  readonly quiet?: true | undefined;
  readonly json?: true | undefined;
}

/** How the user wants to see it. */
export interface Display {
  readonly progress: ProgressStyle;
  readonly quiet: boolean;
  readonly json: boolean;
  readonly labels: Readonly<Record<string, string>>;
}

export async function runCommand(flags: RunFlags, io: Io): Promise<ExitCode> {
  const plan = await resolvePlan(planOf(flags));
  const labels = keyValues('--label', flags.label);
  if (flags.progress !== undefined && flags.progress !== 'json')
    throw unknownName('progress style', flags.progress, ['json']);
  if (flags.keep !== 'failed' && flags.keep !== 'all')
    throw unknownName('choice for --keep', flags.keep, ['failed', 'all']);
  const progress: ProgressStyle =
    flags.progress === 'json' ? 'json' : flags.quiet || flags.json ? 'none' : io.terminal.err ? 'terminal' : 'lines';
  const display: Display = { progress, quiet: flags.quiet === true, json: flags.json === true, labels };
  const bail = flags.bail === undefined ? undefined : wholeNumber('--bail', flags.bail, 1, 1_000_000);
  if (flags.runs === undefined) {
    for (const name of ['jobs', 'shard', 'lastFailed', 'fresh'] as const) {
      if (flags[name] !== undefined) throw new BadInput(`--${dashed(name)} goes with --runs.`);
    }
    if (bail !== undefined && bail !== 1)
      throw new BadInput(
        `--bail ${bail} goes with --runs: a single run stops at the first broken promise, with --bail 1.`,
      );
    return single(await prepared(plan, io), display, bail === 1, io);
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

/** The plan as this machine can carry it out. */
async function prepared(plan: ResolvedPlan, io: Io): Promise<ResolvedPlan> {
  const { environment, faults, settings } = plan.use;
  const say = (line: string): void => io.err(`tidemark: ${plan.environment}: ${line}\n`);
  const levers = [...new Set(faults.flatMap((fault) => fault.levers))];
  const lacking =
    (await environment.prepare?.({ settings, levers, nodes: plan.nodes }, say)) ?? new Map<Lever, string>();
  return withoutLevers(plan, lacking, say);
}

function planOf(flags: RunFlags): Plan {
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
  };
}

function wholeNumber(flag: string, text: string, least: number, most: number): number {
  const n = Number(text);
  if (!/^\d{1,16}$/.test(text) || n < least || n > most)
    throw new BadInput(`${flag} ${text}: a whole number from ${least} to ${most} is needed.`);
  return n;
}

/** `1500ms`, `60s`, `5m`, `1h` in nanoseconds. */
export function time(flag: string, text: string): number {
  const match = /^(\d{1,12}(?:\.\d{1,3})?)(ms|s|m|h)$/.exec(text);
  const unit = { ms: MILLISECOND, s: SECOND, m: 60 * SECOND, h: 3600 * SECOND };
  const ns = match === null ? Number.NaN : Math.round(Number(match[1]) * unit[match[2] as keyof typeof unit]); // the pattern's units
  if (!(ns >= 100 * MILLISECOND && ns <= 24 * 3600 * SECOND)) {
    throw new BadInput(`${flag} ${text}: a time from 100ms to 24h is needed, such as 1500ms, 60s or 5m.`);
  }
  return ns;
}

function keyValues(flag: string, items: readonly string[]): Readonly<Record<string, string>> {
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
