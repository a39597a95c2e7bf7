/** `tidemark doctor`: what this machine has, and each lever pulled on a scratch cluster, its effect measured from beside. */
import { realClock } from '../../history/clock.ts';
import type { Lever } from '../../nemesis/fault.ts';
import type { Io } from '../command.ts';
import type { Engine } from '../environments/docker/engine.ts';
import environment from '../environments/docker/index.ts';
import { labels } from '../environments/docker/owner.ts';
import { prepared } from '../environments/docker/deploy.ts';
import {
  BAD_INPUT,
  BadInput,
  BROKEN,
  checkNames,
  type ExitCode,
  HARNESS_FAILED,
  KEPT,
  UNDECIDED,
  unknownName,
  worst,
} from '../errors.ts';
import { type Interrupt, onInterrupt } from '../interrupt.ts';
import { duration } from '../table.ts';
import { Bench } from './bench.ts';
import { type Check, engineChecks, machineChecks, noEngine } from './machine.ts';
import {
  type Aftermath,
  aftermathJson,
  aftermathText,
  checkJson,
  checksText,
  rowJson,
  rowsText,
  untriedJson,
} from './report.ts';
import type { DoctoredLever, Row, Trial } from './trial.ts';
import { trialsOn } from './trials.ts';

export interface DoctorOptions {
  /** By name; none given: all. `none` alone: only the machine is looked at. */
  readonly levers: readonly string[];
  readonly set: readonly string[];
  readonly json: boolean;
}

export async function doctor(options: DoctorOptions, io: Io): Promise<ExitCode> {
  const wanted = wantedLevers(options.levers);
  const settings = settingsOf(options.set);
  const interrupt = onInterrupt(() =>
    io.err('\ntidemark: stopping; healing and removing what was made. Control-C again leaves at once.\n'),
  );
  try {
    return await examine(wanted, settings, options.json, interrupt, io);
  } finally {
    interrupt.end();
  }
}

async function examine(
  wanted: readonly DoctoredLever[],
  settings: ReadonlyMap<string, string>,
  json: boolean,
  interrupt: Interrupt,
  io: Io,
): Promise<ExitCode> {
  const database = io.env['TIDEMARK_DATABASE_URL'];
  const show = (checks: readonly Check[]): void => {
    for (const line of json ? checks.map(checkJson) : checksText(checks)) io.out(`${line}\n`);
  };
  const made: string[] = [];
  let found: Awaited<ReturnType<typeof prepared>>;
  try {
    found = await prepared(settings, (line) => {
      if (!/interrupted run/.test(line)) made.push(line);
      io.err(`doctor: ${line}\n`);
    });
  } catch (error) {
    if (!(error instanceof BadInput)) throw error;
    show([noEngine(error.message), ...(await machineChecks(database))]);
    if (json) io.out(`${untriedJson(error.message)}\n`);
    io.err(`tidemark: no lever was tried. ${error.message}\n`);
    return BAD_INPUT;
  }
  const { checks, lacks } = await engineChecks(found.engine, found.image, made, database);
  show(checks);
  if (wanted.length === 0) return KEPT;
  if (interrupt.asked) return UNDECIDED;
  const { rows, aftermath } = await tryLevers(wanted, settings, lacks, interrupt, io, (row) => {
    if (json) io.out(`${rowJson(row)}\n`);
  });
  const lines = json ? [aftermathJson(aftermath)] : ['', ...rowsText(rows), ...aftermathText(aftermath)];
  for (const line of lines) io.out(`${line}\n`);
  return worst([...codesOf(aftermath), ...rows.map(codeOf)]);
}

function codeOf({ outcome }: Row): ExitCode {
  if (outcome === 'works' || outcome === 'not here') return KEPT;
  return outcome === 'unclear' ? UNDECIDED : BROKEN;
}

interface Tried {
  readonly rows: readonly Row[];
  readonly aftermath: Aftermath;
}

function codesOf({ lingering, crashes, left, interrupted }: Aftermath): readonly ExitCode[] {
  const codes: ExitCode[] = [KEPT];
  if (lingering.length > 0) codes.push(BROKEN);
  if (crashes.length + left.length > 0) codes.push(HARNESS_FAILED);
  if (interrupted) codes.push(UNDECIDED);
  return codes;
}

async function tryLevers(
  wanted: readonly DoctoredLever[],
  settings: ReadonlyMap<string, string>,
  lacks: ReadonlyMap<Lever, string>,
  interrupt: Interrupt,
  io: Io,
  tell: (row: Row) => void,
): Promise<Tried> {
  const clock = realClock();
  const beginning = clock.now();
  const bench = await Bench.setUp(settings);
  const upNs = clock.now() - beginning;
  io.err(`doctor: three containers of ${bench.run} are up after ${duration(upNs)}\n`);
  let rows: readonly Row[];
  let aftermath: Pick<Aftermath, 'lingering' | 'crashes'>;
  let removing = clock.now();
  try {
    const trials = trialsOn(bench).filter(({ lever }) => wanted.includes(lever));
    rows = await inTurn(trials, bench, lacks, interrupt, io, tell);
    aftermath = { lingering: await bench.cluster.lingering(), crashes: bench.cluster.crashes() };
  } finally {
    removing = clock.now();
    await bench.destroy();
  }
  const removedNs = clock.now() - removing;
  const left = await leftOf(bench.engine, bench.run);
  return { rows, aftermath: { ...aftermath, upNs, removedNs, left, interrupted: interrupt.asked } };
}

/** By their label, as the engine lists them. */
async function leftOf(engine: Engine, run: string): Promise<readonly string[]> {
  const filters = { label: [`${labels.run}=${run}`] };
  const { docker } = engine;
  const [containers, { Volumes }, networks] = await engine.ask('listing what is left', () =>
    Promise.all([
      docker.listContainers({ all: true, filters }),
      docker.listVolumes({ filters }),
      docker.listNetworks({ filters }),
    ]),
  );
  return [
    ...containers.map(({ Names }) => `container ${Names[0]}`),
    ...Volumes.map(({ Name }) => `volume ${Name}`),
    ...networks.map(({ Name }) => `network ${Name}`),
  ];
}

async function inTurn(
  trials: readonly Trial[],
  bench: Bench,
  lacks: ReadonlyMap<Lever, string>,
  interrupt: Interrupt,
  io: Io,
  tell: (row: Row) => void,
): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const { lever, what, run } of trials) {
    if (interrupt.asked) break;
    if (io.terminal.err) io.err(`doctor: ${lever}, ${what}\n`);
    const why = lacks.get(lever);
    const row: Row =
      why === undefined
        ? await run(bench.cluster.levers, bench.clock)
        : { lever, what, outcome: 'not here', why: `${why}${instead(lever)}` };
    rows.push(row);
    tell(row);
  }
  return rows;
}

/** What to do about it. */
function instead(lever: DoctoredLever): string {
  return lever === 'clock'
    ? '; a Node that is linked dynamically is needed'
    : "; on the engine's host: modprobe nfnetlink_queue xt_NFQUEUE";
}

function wantedLevers(names: readonly string[]): readonly DoctoredLever[] {
  const all = environment.levers;
  if (names.length === 0) return all;
  if (names.length === 1 && names[0] === 'none') return [];
  checkNames('lever', names, all);
  return names.flatMap((name) => all.find((lever) => lever === name) ?? []);
}

function settingsOf(pairs: readonly string[]): ReadonlyMap<string, string> {
  return new Map(
    pairs.map((pair) => {
      const at = pair.indexOf('=');
      const [name, value] = [pair.slice(0, at), pair.slice(at + 1)];
      if (at < 1) throw new BadInput(`--set ${pair}: key=value is needed.`);
      const setting = environment.settings.find((one) => one.name === name);
      if (setting === undefined)
        throw unknownName(
          'setting',
          name,
          environment.settings.map((one) => one.name),
        );
      setting.check(value);
      return [name, value] as const;
    }),
  );
}
