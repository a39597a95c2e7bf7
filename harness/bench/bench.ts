/**
 * One bench, end to end: deploy, load, measure step after step, read the sample back. Nothing strikes; what is measured is the
 * calm. All read paths are measured on the same cluster in the same run.
 */
import { type Clock, MILLISECOND, SECOND } from '../../history/clock.ts';
import type { Key } from '../../history/operation.ts';
import { Random } from '../../history/random.ts';
import type { Client, ClientOptions } from '../../history/store.ts';
import { Latencies } from '../../results/histograms.ts';
import type { LatencyRecord } from '../../results/record.ts';
import { type Ground, onCluster } from '../deployed.ts';
import { Driver, type OpenLoad, type Row } from '../driver.ts';
import type { DeployOptions, Deployment } from '../environments/environment.ts';
import { epilogue } from '../epilogue.ts';
import { uncommittedPaths } from '../judge.ts';
import type { ResolvedPlan } from '../plan.ts';
import { untilLed } from '../ready.ts';
import type { Recorder } from '../recorder.ts';
import type { Ended } from '../run.ts';
import type { Watch } from '../watch.ts';
import { checkKeys, startChecks } from './checks.ts';
import { climb } from './ladder.ts';
import { load } from './load.ts';
import { Meter, outstanding, type Window } from './meter.ts';
import { type Mix, mixWorkload, recordKey, Records } from './mix.ts';
import type { BenchPlan, Ladder, Rung, Step, Target } from './plan.ts';
import { sampleOf } from './sample.ts';
import { stepOf } from './step.ts';
import { type Values, valuesOf } from './values.ts';

/** Between measurements a few operations go on, of no window: an arrival is never far off. */
const IDLE_PER_SECOND = 20;
const DRAIN_NS = 20 * SECOND;
const LOOK_AGAIN_NS = 20 * MILLISECOND;
const QUEUE_MAX = 8;
/** Of the arrivals, so many may go unanswered in a rate that held. */
const UNANSWERED_SHARE = 0.001;

export interface BenchOptions {
  readonly journal: string;
  readonly run: NonNullable<DeployOptions['run']>;
  readonly stopped: () => boolean;
  /** Told what is being done, in a few words. */
  readonly say: (line: string) => void;
}

export interface Resolved {
  readonly plan: BenchPlan;
  readonly mix: Mix;
  readonly targets: readonly Target[];
  readonly writePath: string;
  /** The same as a run would have it, for deploying and judging. */
  readonly run: ResolvedPlan;
}

export interface Benched {
  readonly ended: Ended;
  readonly steps: readonly Step[];
  readonly rungs: readonly Rung[];
  /** Of all steps; the phase is the rate. */
  readonly latencies: readonly LatencyRecord[];
}

export async function executeBench(bench: Resolved, options: BenchOptions): Promise<Benched> {
  const { run } = bench;
  const { course, watch, ...left } = await onCluster({
    plan: run,
    journal: options.journal,
    header: {
      system: run.system,
      environment: run.environment,
      seed: run.seed,
      nodes: run.nodes,
      workloads: [`ycsb-${bench.mix.name}`],
      readPaths: run.readPaths,
      writePaths: run.writePaths,
      uncommittedPaths: uncommittedPaths(run.use.system),
      settings: run.settings,
    },
    run: options.run,
    following: undefined,
    begin: (ground) => new Course(bench, ground, options),
  });
  const ended: Ended = {
    ...left,
    driver: course.driver.counts,
    reasons: course.driver.reasons.counts(),
    arrivals: course.driver.arrivals,
    store: watch.counts,
    faults: [],
    skipped: [],
    struck: [],
    fired: [],
    pulls: [],
    interrupted: course.interrupted,
  };
  return { ended, steps: course.steps, rungs: course.rungs, latencies: course.latencies.records() };
}

class Course {
  readonly driver: Driver;
  readonly steps: Step[] = [];
  readonly rungs: Rung[] = [];
  readonly latencies = new Latencies();
  interrupted = false;
  readonly #bench: Resolved;
  readonly #cluster: Deployment;
  readonly #clock: Clock;
  readonly #watch: Watch;
  readonly #recorder: Recorder;
  readonly #options: BenchOptions;
  readonly #values: Values;
  readonly #meter: Meter;
  readonly #records: Records;
  readonly #sample: { readonly keys: readonly Key[]; readonly has: (key: Key) => boolean };
  #warmingUp = false;
  readonly #load: { -readonly [K in keyof OpenLoad]: OpenLoad[K] };

  constructor(bench: Resolved, { cluster, recorder, watch }: Ground, options: BenchOptions) {
    this.#bench = bench;
    this.#cluster = cluster;
    this.#clock = cluster.clock;
    this.#recorder = recorder;
    this.#watch = watch;
    this.#options = options;
    const { plan, mix, targets, writePath, run } = bench;
    const random = new Random(plan.seed);
    this.#values = valuesOf(plan.valueBytes);
    this.#records = new Records(plan.records);
    this.#sample = sampleOf(plan, random.fork('sample'));
    this.#meter = new Meter({
      clock: this.#clock,
      recorder,
      values: this.#values,
      isSampled: this.#sample.has,
      pathOf: (name) => targets.find((target) => target.name === name)?.path ?? name,
      writePath,
    });
    watch.attach(cluster);
    this.#load = {
      type: 'open',
      perSecond: IDLE_PER_SECOND,
      queueMax: QUEUE_MAX,
      row: undefined,
      arrived: (intended, shed) => this.#meter.arrived(intended, shed),
    };
    this.driver = new Driver({
      clock: this.#clock,
      recorder: this.#meter,
      random: random.fork('driver'),
      connect: (options) => this.#connect(options),
      rows: targets.map((target): Row => ({ writePath, readPath: target.name })),
      writePaths: [writePath],
      workloads: [
        mixWorkload({
          mix,
          distribution: plan.distribution,
          records: this.#records,
          value: (unique) => this.#values.make(unique),
        }),
      ],
      workloadOptions: run.use.workloadOptions,
      sessions: plan.sessions * targets.length,
      regions: cluster.regions,
      load: this.#load,
      timeoutNs: this.#timeoutNs,
    });
  }

  get #timeoutNs(): number {
    return this.#bench.run.use.setting('timeout-ms') * MILLISECOND;
  }

  #connect(options: ClientOptions): Promise<Client> {
    const { targets, run } = this.#bench;
    const { system, settings } = run.use;
    const target = targets.find(({ name }) => name === options.readPath);
    if (target === undefined) return system.connect(this.#cluster, options, settings);
    const own = target.routing === undefined ? settings : new Map([...settings, ['routing', target.routing]]);
    return system.connect(this.#cluster, { ...options, readPath: target.path }, own);
  }

  async main(): Promise<void> {
    const { plan, writePath, run } = this.#bench;
    const phase = (name: string): void => this.#recorder.note('harness', 'phase', name);
    phase('starting');
    await untilLed(this.#cluster, this.#watch, run.use.system);
    if (run.use.system.connectsFirst === true) await this.driver.connect();
    this.#watch.start(this.#clock);
    phase('load');
    this.#options.say(`loading ${plan.records} records`);
    await load({
      clock: this.#clock,
      meter: this.#meter,
      keys: Array.from({ length: plan.records }, (_, n) => recordKey(n)),
      values: this.#values,
      writePath,
      timeoutNs: this.#timeoutNs,
      connect: (session, attempt) =>
        this.#connect({
          session,
          device: 'd1',
          home: this.#cluster.regions[0],
          readPath: run.use.system.strongestReadPath,
          writePath,
          attempt,
        }),
      newProcess: () => this.driver.newProcess(),
      stopped: () => this.#options.stopped(),
    });
    phase('calm');
    this.driver.start();
    const checks = this.#checks();
    if (plan.ladder === undefined) await this.#atRates();
    else await this.#onLadder(plan.ladder);
    await checks.end();
    await this.driver.stop();
    phase('settle');
    await this.#clock.sleepUntil(this.#clock.now() + run.use.setting('settle-ms') * MILLISECOND);
    await this.#watch.look();
    phase('epilogue');
    const written = new Set([
      ...this.#sample.keys,
      ...checkKeys,
      ...this.driver.keysWritten(writePath).filter(this.#sample.has),
    ]);
    await epilogue(run, this.#cluster, {
      keysWritten: () => [...written],
      logsSent: () => [],
      once: (...call) => this.driver.once(...call),
      newProcess: () => this.driver.newProcess(),
    });
    this.#watch.stop();
    await this.#watch.look();
    phase('end');
  }

  #checks(): { end(): Promise<void> } {
    const { targets, writePath, plan } = this.#bench;
    return startChecks({
      clock: this.#clock,
      meter: this.#meter,
      values: this.#values,
      random: new Random(plan.seed).fork('checks'),
      targets: targets.map(({ name }) => name),
      writePath,
      timeoutNs: this.#timeoutNs,
      connect: (session, readPath, attempt) =>
        this.#connect({
          session,
          device: 'd1',
          home: this.#cluster.regions[attempt % this.#cluster.regions.length],
          readPath,
          writePath,
          attempt,
        }),
      newProcess: () => this.driver.newProcess(),
      now: () => this.#warmingUp,
    });
  }

  async #atRates(): Promise<void> {
    const { rates, repeats } = this.#bench.plan;
    for (const rate of rates) {
      for (let repeat = 1; repeat <= repeats && !this.interrupted; repeat++) {
        await this.#measure(undefined, rate, repeat);
      }
    }
  }

  async #onLadder(ladder: Ladder): Promise<void> {
    const { targets, plan } = this.#bench;
    for (const target of targets) {
      const search = climb(ladder.from, ladder.most);
      let next = search.next();
      let repeat = 0;
      while (next.done !== true) {
        const step = await this.#measure(target, next.value, ++repeat);
        if (this.interrupted) return;
        next = search.next(whyItDidNotHold(step, target, ladder));
      }
      const { held, failed, why } = next.value;
      const confirmed: Rung['confirmed'][number][] = [];
      for (const i of held === undefined ? [] : numbers(plan.repeats)) {
        if (this.interrupted || held === undefined) break;
        const { series } = await this.#measure(target, held, repeat + i);
        const reads = series.find(({ path }) => path === target.name);
        if (reads !== undefined)
          confirmed.push({ p50Ns: reads.p50Ns, p99Ns: reads.p99Ns, throughput: reads.throughput });
      }
      this.rungs.push({ target: target.name, held, failed, why, confirmed });
    }
  }

  async #measure(target: Target | undefined, rate: number, repeat: number): Promise<Step> {
    const { plan, targets } = this.#bench;
    const { warmUpNs, durationNs } = plan;
    const from = this.#clock.now() + warmUpNs;
    const window = this.#meter.open(from, from + durationNs);
    this.#load.row = target === undefined ? undefined : targets.indexOf(target);
    this.#load.perSecond = rate;
    this.#options.say(`${target?.name ?? 'all paths'} at ${rate}/s`);
    this.#warmingUp = true;
    await this.#sleepUntil(from);
    this.#warmingUp = false;
    await this.#sleepUntil(from + durationNs);
    this.#load.perSecond = IDLE_PER_SECOND;
    await this.#drain(window);
    const step = stepOf(window, { target: target?.name, rate, repeat });
    this.steps.push(step);
    for (const record of window.latencies.records()) this.latencies.merge([{ ...record, phase: `${rate}/s` }]);
    return step;
  }

  /** What was meant to begin in the window belongs to it, however long it takes. */
  async #drain(window: Window): Promise<void> {
    const deadline = this.#clock.now() + DRAIN_NS;
    while (outstanding(window) > 0 && this.#clock.now() < deadline)
      await this.#clock.sleepUntil(this.#clock.now() + LOOK_AGAIN_NS);
  }

  async #sleepUntil(until: number): Promise<void> {
    while (this.#clock.now() < until && !this.interrupted) {
      await this.#clock.sleepUntil(Math.min(until, this.#clock.now() + 100 * MILLISECOND));
      if (this.#options.stopped()) this.interrupted = true;
    }
  }
}

function whyItDidNotHold(step: Step, target: Target, { limitNs }: Ladder): string | undefined {
  const unanswered = step.arrivals - step.answered;
  if (step.arrivals === 0) return 'nothing arrived';
  const generator =
    step.lateP99Ns > limitNs / 2
      ? `; the load generator itself was ${(step.lateP99Ns / MILLISECOND).toFixed(1)} ms late: this machine offers no more`
      : '';
  if (unanswered > UNANSWERED_SHARE * step.arrivals) {
    const { shed, refused, unknown } = step;
    return `of ${step.arrivals} operations ${shed} found a full queue, ${refused} were refused, ${unknown} had no answer in time${generator}`;
  }
  const reads = step.series.find(({ path }) => path === target.name);
  if (reads === undefined) return 'no read was answered';
  if (reads.p99Ns > limitNs) return `p99 of reads was ${(reads.p99Ns / MILLISECOND).toFixed(1)} ms${generator}`;
  return undefined;
}

/** 1 to n. */
function numbers(n: number): readonly number[] {
  return Array.from({ length: n }, (_, i) => i + 1);
}
