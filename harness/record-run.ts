/** Judges a run that has ended and puts everything it produced into one record. */
import { arch, cpus, release } from 'node:os';
import { analyseFailovers } from '../checkers/failovers.ts';
import type { Budget } from '../checkers/checker.ts';
import { undoneWrites } from '../checkers/sessions/survival.ts';
import { MILLISECOND, realClock, wallTime } from '../history/clock.ts';
import { type History, METHODS, MISMATCH, NONE, OK, READ, ROLES } from '../history/history.ts';
import { readJsonlSync } from '../history/codec/jsonl.ts';
import { hadEffect, type Lever } from '../nemesis/fault.ts';
import { RECOVERY_NS } from '../results/calm.ts';
import { Latencies } from '../results/histograms.ts';
import type { FaultRecord, RunRecord } from '../results/record.ts';
import { type ExitCode, HARNESS_FAILED, KEPT, BROKEN, UNDECIDED, worst } from './errors.ts';
import { isPromised, judge, uncommittedPaths, verdictOf } from './judge.ts';
import type { Plan, ResolvedPlan } from './plan.ts';
import { CALM_ARRIVED, CALM_SHED, UNTOUCHED_ARRIVED, UNTOUCHED_SHED } from './load-text.ts';
import { ofLoad, stalenessRecords } from './load-reads.ts';
import { loadCheckers } from './plugins.ts';
import { gitOf, machine } from './surroundings.ts';
import { compared, isReplay, replayCommand } from './replay.ts';
import type { Ended } from './run.ts';
import { overTime } from './series.ts';
import { version } from './version.ts';
import { batchName } from './transactions.ts';

/** How often a checker may ask whether to go on: the same on every machine, so that a verdict never depends on its speed. */
const BUDGET_ASKS = 50_000_000;

/** What may cost a leader its office, or a node what it had not synced. */
const disruptive: readonly Lever[] = [
  'cut',
  'kill',
  'stop',
  'pause',
  'cutPower',
  'failDisk',
  'stallDisk',
  'corruptDisk',
];

export interface Judging {
  readonly plan: ResolvedPlan;
  readonly ended: Ended;
  readonly journal: string;
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Latencies, and how the run went over time. Campaigns of many runs leave them out. */
  readonly histograms: boolean;
}

export async function judgeRun({ plan, ended, journal, id, labels, histograms }: Judging): Promise<RunRecord> {
  const real = realClock();
  const { history } = readJsonlSync(journal);
  const { system, faults, guarantees } = plan.use;
  // Promises are judged on all there is; figures are of what the load met with.
  const load = ofLoad(history);
  const undone = undoneWrites(history);
  const failovers = analyseFailovers(history, undone);
  const cells = judge(history, {
    system,
    writePaths: plan.writePaths,
    readPaths: plan.readPaths,
    rows: plan.use.rows,
    guarantees,
    checkers: await loadCheckers(),
    budget: asks(BUDGET_ASKS),
    disruptive: faults.some((fault) => fault.levers.some((lever) => disruptive.includes(lever))),
    failovers: failovers.length,
    struck: ended.faults.filter(({ effect }) => hadEffect(effect)).map(({ fault }) => fault),
    undone,
  });
  const verdict = verdictOf(cells, (cell) => isPromised(system, cell));
  const failures = [...ended.failures];
  // The followers only say when to stop. That what they found does not stand in the end would be a mistake of theirs.
  if (ended.bail !== undefined && verdict !== 'broken') failures.push('stopped for a promise that was not broken');
  const { exact, journalSha256: then } = plan.replays ?? {};
  if (exact === true && !ended.interrupted && then !== undefined && then !== ended.journalSha256)
    failures.push('the journal differs from that of the run that was replayed');
  const judged: ExitCode = verdict === 'broken' ? BROKEN : verdict === 'undecided' ? UNDECIDED : KEPT;
  const failed = failures.length > 0 ? worst([judged, HARNESS_FAILED]) : judged;
  const exitCode = ended.notStarted?.exitCode ?? failed;
  const partitions = faults.filter((fault) => fault.levers.includes('cut')).map((fault) => fault.name);
  const calm = { ...calmRequests(load, plan, ended.faults), ...calmArrivals(ended) };
  return {
    id,
    createdAt: wallTime().toISOString(),
    command: commandOf(plan.use.asked, id, ended.bail !== undefined),
    labels,
    system: system.name,
    environment: plan.environment,
    seed: plan.seed,
    plan: {
      ...recordedPlan(plan, ended),
      ...(ended.bail !== undefined && { bail: ended.bail }),
      ...(failures.length > 0 && { failures: failures.slice(0, FAILURES_KEPT) }),
    },
    versions: versions(),
    machine: machine(),
    ...gitOf(process.cwd()),
    verdict,
    exitCode,
    virtualNs: ended.virtualNs,
    wallMs: ended.wallMs + real.now() / MILLISECOND,
    counts: {
      ...ended.driver,
      ...ended.reasons,
      ...ended.store,
      ...ended.environment,
      ...calm,
      'leader changes': failovers.filter(({ from, to }) => from !== to).length,
      ...Object.fromEntries(ended.skipped.map(([fault, n]) => [`skipped ${fault}`, n])),
      failovers: failovers.length,
      'leader changes under partition': failovers.filter(({ cause }) => partitions.some((name) => cause.includes(name)))
        .length,
      'harness failures': failures.length,
      interrupted: ended.interrupted ? 1 : 0,
    },
    cells,
    faults: ended.faults,
    latencies: histograms ? latencies(load, ended.faults, system.strongestReadPath) : [],
    staleness: stalenessRecords(load, plan, { uncommitted: uncommittedPaths(system), undone }),
    failovers,
    ...(histograms && {
      ...overTime(history, {
        strongestReadPath: system.strongestReadPath,
        uncommitted: uncommittedPaths(system),
        faults: ended.faults,
        undone,
        lagWithinHistory: system.positions?.withinHistory === true,
      }),
      pulls: ended.pulls,
    }),
    journalSha256: ended.journalSha256,
  };
}

function commandOf(asked: Plan, id: string, bailed: boolean): string {
  const command = replayCommand(asked, id);
  // A replay stops where the run stopped, by itself.
  return bailed && !isReplay(command) ? `${command} --bail 1` : command;
}

/** All that decides the run, and the strikes that came of it: what `--replay` needs. */
/** Stack traces and all; nobody reads more. */
const FAILURES_KEPT = 50;

function recordedPlan(plan: ResolvedPlan, { struck, fired, journalSha256 }: Ended): RunRecord['plan'] {
  const { replays, use } = plan;
  return {
    ...plannedOf(plan),
    ...(use.schedule !== undefined && { fired: Object.fromEntries(fired) }),
    strikes: struck,
    ...(replays !== undefined && { replay: compared(replays, struck, journalSha256) }),
  };
}

/** What is known before it is run. */
export function plannedOf(plan: ResolvedPlan): RunRecord['plan'] {
  const { use, replays, ...plain } = plan;
  const { replays: _, ...asked } = use.asked;
  return {
    ...plain,
    workloads: use.workloads.map((workload) => workload.name),
    faults: use.faults.map((fault) => fault.name),
    strongestReadPath: use.system.strongestReadPath,
    ...(use.system.positions !== undefined && { positions: { ...use.system.positions } }),
    ...(use.schedule !== undefined && { schedule: use.schedule }),
    unsupported: use.unsupported,
    asked,
    ...(replays !== undefined && { replays: replays.run }),
    ...(replays?.guide !== undefined && { guide: replays.guide }),
  };
}

function versions(): Readonly<Record<string, string>> {
  return {
    tidemark: version(),
    node: process.version,
    platform: `${process.platform} ${release()} ${arch()}`,
    processor: cpus()[0]?.model ?? 'unknown',
  };
}

function asks(most: number): Budget {
  let asked = 0;
  return { spent: () => (++asked > most ? 'the step budget of a run is spent' : undefined) };
}

/** A time span; faults in force, or the cluster recovering from one. */
interface Disturbance {
  readonly fault: string;
  readonly from: number;
  readonly until: number;
}

/**
 * How many requests the workloads made through each path, and how many were answered, while nothing was wrong: a store that
 * refuses everything is no store.
 */
function calmRequests(history: History, plan: ResolvedPlan, faults: readonly FaultRecord[]): Record<string, number> {
  const counts: Record<string, number> = {};
  const timeoutNs = plan.use.setting('timeout-ms') * MILLISECOND;
  const kinds = [
    { kind: 'reads', names: plan.readPaths },
    { kind: 'writes', names: plan.writePaths },
  ].map(({ kind, names }) => {
    for (const name of names) {
      counts[`calm ${kind} asked ${name}`] = 0;
      counts[`calm ${kind} answered ${name}`] = 0;
    }
    return { kind, names: history.paths.map((path) => (names.includes(path) ? path : undefined)) };
  });
  const within = overlapping(faults.map(({ fault, from, until }) => ({ fault, from, until: until + RECOVERY_NS })));
  for (let row = 0; row < history.length; row++) {
    const batch = history.batch[row];
    if (history.path[row] === NONE || (batch !== NONE && batch !== row)) continue;
    const { kind, names } = kinds[history.f[row] === READ ? 0 : 1];
    const name = names[history.path[row]];
    const from = history.callTime[row];
    // What was on its way when a fault struck met with that fault. Nobody waits for an answer for ever.
    const until = Number.isNaN(history.retTime[row]) ? from + timeoutNs : history.retTime[row];
    if (name === undefined || within(from, until).length > 0) continue;
    counts[`calm ${kind} asked ${name}`]++;
    // That the register held something else is an answer too.
    if (history.outcome[row] === OK || (history.flags[row] & MISMATCH) !== 0) counts[`calm ${kind} answered ${name}`]++;
  }
  return counts;
}

/** What arrived while nothing was wrong, and what was shed of it, and the same before the first fault: a closed load has no arrivals. */
function calmArrivals({ arrivals, faults }: Ended): Record<string, number> {
  const within = overlapping(faults.map(({ fault, from, until }) => ({ fault, from, until: until + RECOVERY_NS })));
  const { arrived, shed } = arrivals.within((from, until) => within(from, until).length === 0);
  if (arrived === 0) return {};
  const firstFault = faults.reduce((first, { from }) => Math.min(first, from), Number.POSITIVE_INFINITY);
  const before = arrivals.within((_, until) => until <= firstFault);
  return {
    [CALM_ARRIVED]: arrived,
    [CALM_SHED]: shed,
    [UNTOUCHED_ARRIVED]: before.arrived,
    [UNTOUCHED_SHED]: before.shed,
  };
}

/** Finds the disturbances that overlap a span. */
function overlapping(disturbances: readonly Disturbance[]): (from: number, until: number) => readonly Disturbance[] {
  return (from, until) => disturbances.filter((d) => d.from <= until && from <= d.until);
}

function latencies(
  history: History,
  faults: readonly FaultRecord[],
  strongestReadPath: string,
): RunRecord['latencies'] {
  const recorded = new Latencies();
  const within = overlapping(faults);
  const recovering = overlapping(faults.map(({ fault, from, until }) => ({ fault, from, until: until + RECOVERY_NS })));
  for (let row = 0; row < history.length; row++) {
    const batch = history.batch[row];
    const path = history.path[row];
    if (history.outcome[row] !== OK || path === NONE || (batch !== NONE && batch !== row)) continue;
    const end = history.retTime[row];
    const begin = Number.isNaN(history.intended[row]) ? history.callTime[row] : history.intended[row];
    const method = batch === NONE ? METHODS[history.f[row]] : batchName(history, row);
    const role = ROLES[history.role[row]] ?? 'unknown';
    const name = history.paths[path];
    // What reading from a follower buys is told by one figure for each: the strongest path, and all that followers answered.
    const compared = method === 'read' && (name === strongestReadPath || role === 'follower');
    const sent = history.callTime[row];
    const record = (phase: string): void => {
      recorded.record(method, name, role, phase, end - begin);
      if (!compared) return;
      const as = name === strongestReadPath ? 'leader' : 'follower';
      recorded.record(method, '*', as, phase, end - begin);
      recorded.record(method, '*', as, phase, end - sent, 'sent');
    };
    if (recovering(begin, end).length === 0) record('calm');
    const inForce = new Set(within(begin, end).map((d) => d.fault));
    if (inForce.size > 0) record('faults');
    for (const fault of inForce) record(fault);
  }
  return recorded.records();
}
