/**
 * One run, end to end (DESIGN.md, section 1):
 *
 * plan ──► deploy ──► drive ∥ disturb ──► heal ──► settle ──► epilogue ──► judge
 *
 * Data goes one way. The journal is on disk before judging starts, and judging happens whatever went wrong after it was
 * written. Saving and reporting are the callers'.
 */
import { type Clock, MILLISECOND } from '../history/clock.ts';
import type { NodeId, Value } from '../history/operation.ts';
import { Random } from '../history/random.ts';
import { Nemesis, type Struck } from '../nemesis/nemesis.ts';
import { arrange, type Schedule } from '../nemesis/phases.ts';
import { plan as planStrikes } from '../nemesis/schedule.ts';
import type { Bail, FaultRecord, PullRecord } from '../results/record.ts';
import type { Arrivals } from './arrivals.ts';
import { type Ground, onCluster } from './deployed.ts';
import { Driver, type DriverCounts } from './driver.ts';
import type { DeployOptions, Deployment } from './environments/environment.ts';
import { epilogue, ReadingBack } from './epilogue.ts';
import type { ExitCode } from './errors.ts';
import { type Broken, Following } from './following.ts';
import { uncommittedPaths } from './judge.ts';
import type { ResolvedPlan } from './plan.ts';
import { loadCheckers } from './plugins.ts';
import { untilLed } from './ready.ts';
import type { Recorder } from './recorder.ts';
import type { Watch } from './watch.ts';

/** Faults strike between these shares of the duration; what is before and after is calm. */
const FAULTS_FROM = 1 / 12;
const FAULTS_UNTIL = 10 / 12;
/** How often a waiting run looks whether it was told to stop. */
const STOP_CHECK_NS = 50 * MILLISECOND;
/** How often it is looked again what a fault has left in a calm phase. */
const LINGER_CHECK_NS = 250 * MILLISECOND;

/** What can be seen of a run while it lives. */
export interface Progress {
  readonly phase: string;
  /** The run's own clock: virtual in a simulation. */
  readonly now: number;
  readonly events: number;
  readonly counts: DriverCounts;
  readonly faultsInForce: readonly string[];
  readonly leader: NodeId | undefined;
  /** At the end: whose answers are waited for. */
  readonly waitsFor?: string;
}

export interface RunOptions {
  readonly journal: string;
  /** What the run is called, and where the logs of its nodes go. */
  readonly run?: DeployOptions['run'];
  /** Told once, when there is something to see. */
  readonly watching?: (progress: () => Progress) => void;
  /** Asked now and then: heal, judge what there is, end. */
  readonly stopped?: () => boolean;
  /** Follows the promises while the run goes on, and ends load and faults at the first that is broken. */
  readonly bail?: boolean;
}

/** A run that has ended; its journal is complete and closed. */
export interface Ended {
  readonly journalSha256: string;
  readonly driver: DriverCounts;
  /** By `refused: ` or `unknown: ` and the reason: see reasons.ts. */
  readonly reasons: Readonly<Record<string, number>>;
  readonly arrivals: Arrivals;
  readonly store: Readonly<Record<string, number>>;
  readonly environment: Readonly<Record<string, number>>;
  readonly faults: readonly FaultRecord[];
  /** Strikes that found nobody to strike, by fault. */
  readonly skipped: readonly (readonly [fault: string, times: number])[];
  /** All strikes as they were carried out, their times counted from the beginning of the load. */
  readonly struck: readonly Struck[];
  /** How often each trigger fired, by its stream. */
  readonly fired: readonly (readonly [stream: string, times: number])[];
  /** What faults did to the cluster by its levers, in the order in which they were pulled. */
  readonly pulls: readonly PullRecord[];
  readonly virtualNs: number;
  readonly wallMs: number;
  readonly interrupted: boolean;
  /** Where and why it was stopped, if it was. */
  readonly bail?: Bail;
  /** What went wrong in the harness or broke down in a node; the history up to there stands. */
  readonly failures: readonly string[];
  /** Why the cluster never came to be led, in one sentence: nothing was tried. */
  readonly notStarted?: { readonly why: string; readonly exitCode: ExitCode };
}

export async function executeRun(plan: ResolvedPlan, options: RunOptions): Promise<Ended> {
  let run: Run | undefined;
  const following = options.bail === true ? await follow(plan, () => run) : undefined;
  const { course, watch, ...left } = await onCluster({
    plan,
    journal: options.journal,
    header: header(plan),
    run: options.run,
    following,
    begin: (ground) => {
      const begun = new Run(plan, ground, options.stopped ?? (() => false));
      run = begun;
      options.watching?.(() => begun.progress());
      return begun;
    },
  });
  return {
    ...left,
    driver: course.driver.counts,
    reasons: course.driver.reasons.counts(),
    arrivals: course.driver.arrivals,
    store: watch.counts,
    faults: course.nemesis.records,
    skipped: course.nemesis.skipped,
    struck: course.nemesis.struck.map((struck) => ({ ...struck, at: struck.at - course.loadFrom })),
    fired: course.nemesis.fired,
    pulls: watch.pulls.records(left.virtualNs),
    interrupted: course.interrupted,
    ...(course.bail !== undefined && { bail: course.bail }),
    failures: [...left.failures, ...course.failures],
  };
}

async function follow({ writePaths, use }: ResolvedPlan, run: () => Run | undefined): Promise<Following> {
  const { system, rows, guarantees } = use;
  return new Following({
    system,
    writePaths,
    rows,
    guarantees,
    checkers: await loadCheckers(),
    struck: () => run()?.nemesis.begun ?? [],
    broke: (broken) => run()?.broke(broken),
  });
}

/** Nothing here may differ from machine to machine: the journal of a seed is the same everywhere, byte for byte. */
function header(plan: ResolvedPlan): Readonly<Record<string, Value>> {
  return {
    system: plan.system,
    environment: plan.environment,
    seed: plan.seed,
    nodes: plan.nodes,
    durationNs: plan.durationNs,
    workloads: plan.workloads,
    faults: plan.faults,
    load: plan.load,
    rate: plan.rate,
    readPaths: plan.readPaths,
    writePaths: plan.writePaths,
    // What a journal is judged by that its names alone do not say.
    uncommittedPaths: uncommittedPaths(plan.use.system),
    settings: settingsOf(plan),
    // Plain data, and only where there is one.
    ...(plan.use.schedule !== undefined && { schedule: plan.use.schedule as unknown as Value }),
  };
}

function waitsForTriggers(schedule: Schedule | undefined): boolean {
  return schedule?.phases.some(({ streams }) => streams.some(({ type }) => type === 'when')) === true;
}

/** All but those that only say where: machines, paths. */
function settingsOf({ settings, use }: ResolvedPlan): Readonly<Record<string, string>> {
  const local = new Set(use.environment.settings.filter((one) => one.local === true).map(({ name }) => name));
  return Object.fromEntries(Object.entries(settings).filter(([name]) => !local.has(name)));
}

class Run {
  readonly driver: Driver;
  readonly nemesis: Nemesis;
  readonly failures: string[] = [];
  interrupted = false;
  /** The broken promise for which the load was ended. */
  bail: Bail | undefined;
  /** When the load began. */
  loadFrom = 0;
  #loadUntil = 0;
  readonly #plan: ResolvedPlan;
  readonly #cluster: Deployment;
  readonly #clock: Clock;
  readonly #recorder: Recorder;
  readonly #watch: Watch;
  readonly #stopped: () => boolean;
  readonly #random: Random;
  #phase = 'deploy';
  #reading: ReadingBack | undefined;
  /** What is left of the faults once all were healed is looked for, and found. */
  #lookedLast: Promise<void> = Promise.resolve();
  #settled = false;

  constructor(plan: ResolvedPlan, { cluster, recorder, watch }: Ground, stopped: () => boolean) {
    this.#plan = plan;
    this.#cluster = cluster;
    this.#clock = cluster.clock;
    this.#recorder = recorder;
    this.#watch = watch;
    this.#stopped = stopped;
    this.#random = new Random(plan.seed);
    const { system, workloads, workloadOptions, faults, setting } = plan.use;
    watch.attach(cluster);
    this.driver = new Driver({
      clock: this.#clock,
      recorder,
      random: this.#random.fork('driver'),
      connect: (options) => system.connect(cluster, options, plan.use.settings),
      rows: plan.use.rows,
      writePaths: plan.writePaths,
      workloads,
      workloadOptions,
      sessions: setting('sessions'),
      regions: cluster.regions,
      load:
        plan.load === 'open'
          ? { type: 'open', perSecond: plan.rate, queueMax: setting('queue-max') }
          : { type: 'closed', thinkNs: setting('think-ms') * MILLISECOND },
      timeoutNs: setting('timeout-ms') * MILLISECOND,
    });
    this.nemesis = new Nemesis({
      clock: this.#clock,
      target: watch,
      faults,
      random: this.#random.fork('nemesis'),
      note: (fault, value) => recorder.note('nemesis', fault, value),
      ...(plan.replays?.guide !== undefined && {
        before: plan.replays.guide.strikes,
        beforeIsWhole: plan.replays.guide.whole,
      }),
    });
    if (waitsForTriggers(plan.use.schedule)) watch.tell((seen) => this.nemesis.observe(seen));
    const partitions = new Set(faults.filter(({ levers }) => levers.includes('cut')).map(({ name }) => name));
    watch.partitioned = () => this.nemesis.inForce().some((name) => partitions.has(name));
  }

  progress(): Progress {
    // What is reported is in the file: a machine too busy to run us for a while can't make a liar of the report.
    this.#recorder.flush();
    const waitsFor = this.#reading?.waitsFor();
    return {
      phase: this.#phase,
      now: this.#clock.now(),
      events: this.#recorder.events,
      counts: this.driver.counts,
      faultsInForce: this.nemesis.inForce(),
      leader: this.#watch.leader(),
      ...(waitsFor !== undefined && { waitsFor }),
    };
  }

  /** A promise was broken: what is under way comes to its end, nothing more begins, and all is judged as always. */
  broke(broken: Broken): void {
    const now = this.#clock.now();
    // What shows only after the load spares nothing. (Before it, nothing was asked.)
    if (now >= this.#loadUntil) return;
    this.bail = { ...broken, at: now - this.loadFrom, sparedNs: this.#loadUntil - now };
    this.driver.halt();
  }

  async main(): Promise<void> {
    this.#enter('starting');
    await untilLed(this.#cluster, this.#watch, this.#plan.use.system);
    const { system, settings } = this.#plan.use;
    const deed = (what: string): void => this.#recorder.note('harness', 'operator', what);
    const supervisor = system.supervise?.(this.#cluster, settings, deed);
    try {
      await this.#load();
    } finally {
      await supervisor?.stop();
      for (const [what, n] of Object.entries(supervisor?.counts ?? {})) this.#watch.counts[what] = n;
    }
  }

  async #load(): Promise<void> {
    const { setting } = this.#plan.use;
    this.#watch.start(this.#clock);
    if (this.#plan.use.system.connectsFirst === true) await this.driver.connect();
    const start = this.#clock.now();
    const until = start + this.#plan.durationNs;
    this.loadFrom = start;
    this.#loadUntil = until;
    const { schedule } = this.#plan.use;
    if (schedule === undefined) this.#enter('calm');
    this.driver.start();
    if (schedule === undefined) await this.#disturb(start, until);
    else await this.#follow(schedule, start);
    await this.#wait(until);
    await this.driver.stop();
    this.#enter('settle');
    await this.#clock.sleepUntil(this.#clock.now() + setting('settle-ms') * MILLISECOND);
    this.#settled = true;
    await this.#lookedLast;
    await this.#watch.look();
    this.#enter('epilogue');
    const reading = new ReadingBack(this.#clock, this.#plan.durationNs);
    this.#reading = reading;
    await epilogue(this.#plan, this.#cluster, this.driver, reading);
    if (reading.givenUp > 0) this.#watch.counts['final reads given up'] = reading.givenUp;
    this.#watch.stop();
    await this.#watch.look();
    this.#enter('end');
  }

  /** Faults strike within their window; whatever happens, all are healed when this returns. */
  async #disturb(start: number, until: number): Promise<void> {
    const { faults } = this.#plan.use;
    const from = start + Math.floor((until - start) * FAULTS_FROM);
    const end = start + Math.floor((until - start) * FAULTS_UNTIL);
    if (faults.length > 0) {
      await this.#wait(from);
      this.#enter('faults');
      const strikes = planStrikes({ random: this.#random.fork('schedule'), faults, from, until: end });
      this.nemesis.start(strikes);
      await this.#wait(end);
    }
    await this.#heal();
  }

  /** Phase after phase; all is healed when the last one with faults has ended. */
  async #follow(schedule: Schedule, start: number): Promise<void> {
    const { faults, mix } = this.#plan.use;
    const byName = new Map(faults.map((fault) => [fault.name, fault]));
    const random = this.#random.fork('schedule');
    const { strikes, triggers } = arrange(schedule, { random, faults: byName, mix, from: start });
    const { phases } = schedule;
    const last = phases.findLastIndex(({ streams }) => streams.length > 0);
    if (last >= 0) this.nemesis.start(strikes, triggers);
    let until = start;
    const looking: Promise<void>[] = [];
    for (const [i, { name, durationNs, streams }] of phases.entries()) {
      const phase = name ?? (streams.length > 0 ? 'faults' : 'calm');
      this.#enter(phase);
      until += durationNs;
      if (streams.length === 0 && i > 0 && i < last) looking.push(this.#lookBetween(phase, until));
      await this.#wait(until);
      if (i === last) await this.#heal();
    }
    await Promise.all(looking);
  }

  /**
   * In a calm phase between others: what a later fault would undo by the way is found here alone. It is looked until nothing is
   * found, or to the phase's end: an operator may still be about to start a store.
   */
  async #lookBetween(phase: string, until: number): Promise<void> {
    let found: readonly string[] = [];
    while (this.#cluster.lingering !== undefined && this.#clock.now() < until && !this.interrupted) {
      const { rest } = this.nemesis;
      const seen = rest === undefined ? undefined : await this.#cluster.lingering();
      // What was asked while a fault struck or was healed says nothing.
      if (seen !== undefined && this.nemesis.rest === rest) found = seen;
      if (seen?.length === 0) break;
      await this.#clock.sleepUntil(this.#clock.now() + LINGER_CHECK_NS);
    }
    this.#linger(found, `in the phase '${phase}', with no fault in force: `);
  }

  /** Each sentence once: what stays is found again. */
  #linger(found: readonly string[], when: string): void {
    for (const sentence of found)
      if (!this.failures.some((known) => known.endsWith(sentence))) this.failures.push(`${when}${sentence}`);
  }

  async #heal(): Promise<void> {
    this.failures.push(...(await this.nemesis.stop()));
    this.#enter('healed');
    this.#lookedLast = this.#lookLast();
    this.#lookedLast.catch(() => undefined); // it is awaited later, unless something else went wrong before
  }

  /** Where there is an operator it is looked until nothing is found, or the cluster has settled: he may still be about to start a store. */
  async #lookLast(): Promise<void> {
    const operated = this.#plan.use.system.supervise !== undefined;
    for (;;) {
      const found = (await this.#cluster.lingering?.()) ?? [];
      if (found.length === 0 || this.#settled || !operated) return this.#linger(found, '');
      await this.#clock.sleepUntil(this.#clock.now() + LINGER_CHECK_NS);
    }
  }

  /** Until then, or until the run is told to stop. */
  async #wait(until: number): Promise<void> {
    while (!this.interrupted && this.bail === undefined && this.#clock.now() < until) {
      await this.#clock.sleepUntil(Math.min(until, this.#clock.now() + STOP_CHECK_NS));
      if (this.#stopped()) this.interrupted = true;
    }
  }

  #enter(phase: string): void {
    this.#phase = phase;
    this.#recorder.note('harness', 'phase', phase);
  }
}
