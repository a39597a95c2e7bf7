/** `tidemark bench`: reads the flags, benches, judges the sample, saves and reports. */
import { join } from 'node:path';
import { SECOND } from '../../history/clock.ts';
import { openDatabase } from '../../results/database.ts';
import { createRunFolder, newRunId, writePlan, writeRunFiles } from '../../results/files.ts';
import type { RunRecord } from '../../results/record.ts';
import { saveRun } from '../../results/save.ts';
import { whyUnsaved } from '../../results/unavailable.ts';
import type { Lever } from '../../nemesis/fault.ts';
import type { Io } from '../command.ts';
import { BadInput, type ExitCode, unknownName, worst } from '../errors.ts';
import { onInterrupt } from '../interrupt.ts';
import { userPlugins } from '../plugins.ts';
import { flagged, shellWord } from '../shell.ts';
import { plannedOf } from '../record-run.ts';
import { nanosecondsOf, timeText } from '../times.ts';
import { keyValues, wholeNumber } from '../run-command.ts';
import { executeBench, type Resolved } from './bench.ts';
import { distributions } from './distributions.ts';
import { mixes } from './mix.ts';
import type { BenchPlan } from './plan.ts';
import { recordBench } from './record.ts';
import { resolveBench } from './resolve.ts';
import { closingOfBench, renderBench } from './text.ts';

/** The flags as commander hands them over. */
export interface BenchFlags {
  readonly system: string;
  readonly env: string;
  readonly mix: readonly string[];
  readonly distribution?: string | undefined;
  readonly records: string;
  readonly valueBytes: string;
  readonly readPath: readonly string[];
  readonly writePath?: string | undefined;
  readonly rate: readonly string[];
  readonly ladder?: true | undefined;
  readonly limit: string;
  readonly rateMax: string;
  readonly duration: string;
  readonly warmUp: string;
  readonly repeats: string;
  readonly sessions: string;
  readonly checkedKeys: string;
  readonly nodes: string;
  readonly seed: string;
  readonly set: readonly string[];
  readonly label: readonly string[];
  readonly database: boolean;
  readonly quiet?: true | undefined;
  readonly json?: true | undefined;
}

export const DEFAULT_RATE = '500';

export async function benchCommand(flags: BenchFlags, io: Io): Promise<ExitCode> {
  const labels = keyValues('--label', flags.label);
  const benches: Resolved[] = [];
  for (const mix of flags.mix) benches.push(await prepared(await resolveBench(planOf(flags, mix)), io));
  const codes: ExitCode[] = [];
  const interrupt = onInterrupt(io.err);
  for (const bench of benches) {
    if (interrupt.asked) break;
    const record = await one(bench, flags, labels, io, () => interrupt.asked);
    codes.push(record.exitCode);
  }
  interrupt.end();
  return worst(codes);
}

async function one(
  bench: Resolved,
  flags: BenchFlags,
  labels: Readonly<Record<string, string>>,
  io: Io,
  stopped: () => boolean,
): Promise<RunRecord> {
  const home = join(io.cwd, '.tidemark');
  const id = newRunId();
  const folder = createRunFolder(home, id);
  writePlan(folder, plannedOf(bench.run));
  const journal = join(folder, 'journal.jsonl');
  const say = (line: string): void => {
    if (flags.quiet !== true && flags.json !== true) io.err(`tidemark: bench ${bench.plan.mix}: ${line}\n`);
  };
  const benched = await executeBench(bench, { journal, run: { id, logs: join(folder, 'nodes') }, stopped, say });
  for (const failure of benched.ended.failures) io.err(`tidemark: the bench went wrong: ${failure}\n`);
  const record = await recordBench({ bench, benched, journal, id, labels, command: commandOf(bench.plan) });
  const text = renderBench(record, false);
  writeRunFiles(folder, record, text);
  if (flags.database) await save(home, record, io);
  if (flags.json === true) io.out(`${JSON.stringify({ schema: 1, type: 'run', ...record })}\n`);
  else io.out(`${io.colour.out ? renderBench(record, true) : text}\n${closingOfBench(record)}\n`);
  return record;
}

/** Opened when all is measured: a database that starts meanwhile would be in the figures. */
async function save(home: string, record: RunRecord, io: Io): Promise<void> {
  try {
    const database = await openDatabase({ folder: home, url: io.env.TIDEMARK_DATABASE_URL });
    try {
      await saveRun(database, record);
    } finally {
      await database.close();
    }
  } catch (error) {
    io.err(`tidemark: run ${record.id} was not saved in the database: ${whyUnsaved(error)}.\n`);
  }
}

async function prepared(bench: Resolved, io: Io): Promise<Resolved> {
  const { environment, settings } = bench.run.use;
  const say = (line: string): void => io.err(`tidemark: ${bench.run.environment}: ${line}\n`);
  const levers: readonly Lever[] = [];
  await environment.prepare?.({ settings, levers, nodes: bench.run.nodes }, say);
  return bench;
}

function planOf(flags: BenchFlags, mixName: string): BenchPlan {
  const mix = mixes.find(({ name }) => name === mixName.toLowerCase());
  if (mix === undefined)
    throw unknownName(
      'mix',
      mixName,
      mixes.map(({ name }) => name),
    );
  const distribution = distributions.find((name) => name === (flags.distribution ?? mix.distribution));
  if (distribution === undefined) throw unknownName('distribution', flags.distribution ?? '', distributions);
  if (flags.ladder === true && flags.rate.length > 0)
    throw new BadInput('--rate does not go with --ladder, which looks for the rate; --rate-max bounds it.');
  const rates = flags.rate.length === 0 ? [DEFAULT_RATE] : flags.rate;
  return {
    system: flags.system,
    environment: flags.env,
    seed: wholeNumber('--seed', flags.seed, 0, Number.MAX_SAFE_INTEGER),
    nodes: wholeNumber('--nodes', flags.nodes, 1, 9),
    mix: mix.name,
    distribution,
    records: wholeNumber('--records', flags.records, 1, 1_000_000),
    valueBytes: wholeNumber('--value-bytes', flags.valueBytes, 0, 1_000_000),
    readPaths: flags.readPath,
    writePath: flags.writePath,
    rates: flags.ladder === true ? [] : rates.map((rate) => wholeNumber('--rate', rate, 1, 1_000_000)),
    ladder:
      flags.ladder === true
        ? {
            limitNs: timeOf('--limit', flags.limit, 100_000),
            from: 100,
            most: wholeNumber('--rate-max', flags.rateMax, 1, 1_000_000),
          }
        : undefined,
    warmUpNs: timeOf('--warm-up', flags.warmUp, 0),
    durationNs: timeOf('--duration', flags.duration, SECOND / 10),
    repeats: wholeNumber('--repeats', flags.repeats, 1, 1_000),
    sessions: wholeNumber('--sessions', flags.sessions, 1, 10_000),
    checkedKeys: wholeNumber('--checked-keys', flags.checkedKeys, 1, 100_000),
    settings: keyValues('--set', flags.set),
  };
}

function timeOf(flag: string, text: string, leastNs: number): number {
  const ns = nanosecondsOf(text);
  if (ns === undefined || ns < leastNs || ns > 24 * 3600 * SECOND)
    throw new BadInput(`${flag} ${text}: a time from ${timeText(leastNs)} to 24h is needed, such as 500ms, 10s or 5m.`);
  return ns;
}

const initial: Readonly<Record<string, string>> = {
  system: 'reference',
  env: 'processes',
  records: '1000',
  'value-bytes': '100',
  duration: '10s',
  'warm-up': '2s',
  repeats: '1',
  sessions: '128',
  'checked-keys': '32',
  nodes: '3',
};

/** Only what differs from the defaults. */
export function commandOf(plan: BenchPlan): string {
  const words = [`npx tidemark bench --mix ${plan.mix} --seed ${plan.seed}`];
  const said: Readonly<Record<string, string>> = {
    system: plan.system,
    env: plan.environment,
    records: String(plan.records),
    'value-bytes': String(plan.valueBytes),
    duration: timeText(plan.durationNs),
    'warm-up': timeText(plan.warmUpNs),
    repeats: String(plan.repeats),
    sessions: String(plan.sessions),
    'checked-keys': String(plan.checkedKeys),
    nodes: String(plan.nodes),
  };
  for (const [flag, value] of Object.entries(said))
    if (value !== initial[flag]) words.push(`--${flag} ${shellWord(value)}`);
  if (plan.distribution !== mixes.find(({ name }) => name === plan.mix)?.distribution)
    words.push(`--distribution ${plan.distribution}`);
  if (plan.readPaths.length > 0) words.push(`--read-path ${shellWord(plan.readPaths.join(','))}`);
  if (plan.writePath !== undefined) words.push(`--write-path ${shellWord(plan.writePath)}`);
  if (plan.ladder !== undefined)
    words.push(`--ladder --limit ${timeText(plan.ladder.limitNs)} --rate-max ${plan.ladder.most}`);
  else if (plan.rates.join(',') !== DEFAULT_RATE) words.push(`--rate ${plan.rates.join(',')}`);
  const settings = Object.entries(plan.settings).map(([name, value]) => `${name}=${value}`);
  return [...words, ...flagged('set', settings), ...flagged('plugin', userPlugins())].join(' ');
}
