/**
 * How often the gate cries wolf, and what it finds, on this machine: real runs of the reference store on loopback, some of them with a
 * real slowdown (answers that come later), all made by turns, in the order A A' S T T S A' A. Then
 *
 * - live: gates on the runs as they were made, A against A', A against S (about 10 % more at p99), A against T (about 20 %);
 * - resampled: 200 gates of A against itself, 20 each of S and T, on blocks drawn again from those runs.
 *
 *     npm run calibrate -- [--rounds 40] [--rate 300] [--output FILE] [--from FILE] [--simulation]
 *
 * A round takes a minute or more, and wants a quiet machine. What was run is kept in FILE after each, so that --from judges it again, or an end in between
 * loses nothing. With --simulation runs are simulated, each with a seed of its own, and slowed by latencies of the network that are a
 * tenth and a fifth longer: that tries the gate, on any machine, and says nothing of the machine. Not part of the test suite: its figures are those of the machine, and are worth what its quiet is worth.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { executeBench } from '../harness/bench/bench.ts';
import type { BenchPlan } from '../harness/bench/plan.ts';
import { recordBench } from '../harness/bench/record.ts';
import { resolveBench } from '../harness/bench/resolve.ts';
import { falseAlarms, noiseText, resampled } from '../harness/gate/calibrate.ts';
import { slim, thisMachine } from '../harness/gate/calibration.ts';
import { runOnce, type Running, type Side } from '../harness/gate/live.ts';
import { programIn } from '../harness/gate/program.ts';
import { duration } from '../harness/table.ts';
import { type Clock, realClock, SECOND } from '../history/clock.ts';
import type { RunBlock } from '../results/change.ts';
import { compareMeasure } from '../results/change.ts';
import { gate } from '../results/gate.ts';
import type { Rules } from '../results/look.ts';
import type { Measure } from '../results/measures.ts';
import type { RunRecord } from '../results/record.ts';
import { median, shareInterval } from '../results/statistics.ts';
import { Random } from '../history/random.ts';

const { values: given } = parseArgs({
  options: {
    rounds: { type: 'string', default: '40' },
    output: { type: 'string', default: '.tidemark/gate-calibration.json' },
    from: { type: 'string' },
    rate: { type: 'string', default: '300' },
    simulation: { type: 'boolean', default: false },
  },
});

/** Clients this far away: a p99 that single milliseconds are shares of. */
const BASE_MS = 20;
const words =
  `bench --env processes --rate ${given.rate} --duration 4s --warm-up 1s --records 200 --sessions 64 --read-path leader --quiet`.split(
    ' ',
  );
const rules: Rules = {
  limits: [{ type: 'latency', methods: ['read'], percentiles: [99], worseBy: 0.05, andBy: 0 }],
  alpha: 0.05,
  blocks: { first: 4, most: 12 },
  seed: 'calibrate',
};
const p99: Measure = {
  type: 'latency',
  method: 'read',
  path: 'leader',
  phase: 'calm',
  since: 'intended',
  percentile: 99,
};

/** Above this, a machine has other things to do, and a tenth of it is not what anybody means by slower. */
const P99_MS_MAX = 200;

/** One round's runs: two of each. */
interface Round {
  readonly seconds: number;
  /** How busy the machine was: processes that want to run, on average of the last minute. */
  readonly load: number;
  readonly a: readonly RunRecord[];
  readonly same: readonly RunRecord[];
  readonly tenth: readonly RunRecord[];
  readonly fifth: readonly RunRecord[];
}

interface Kept {
  readonly machine: string;
  /** What A, S and T were. */
  readonly slowed: readonly [string, string, string];
  readonly rounds: Round[];
}

const clock = realClock();

type Make = (kind: (typeof kinds)[number], n: number) => Promise<RunRecord>;

const kinds = ['a', 'same', 'tenth', 'fifth'] as const;

async function run(): Promise<Kept> {
  const output = resolve(given.output);
  mkdirSync(dirname(output), { recursive: true });
  const { make, ...about } = given.simulation ? simulated() : await onLoopback();
  const found: Kept = { ...about, rounds: [] };
  for (let n = 0; n < Number(given.rounds); n++) {
    found.rounds.push(await roundOf(make, n));
    writeFileSync(output, `${JSON.stringify(found)}\n`);
  }
  return found;
}

/** Every run has its own seed: what differs between them is the model's chance. Without loss: one message in 2,000 would be all of p99. */
function simulated(): Omit<Kept, 'rounds'> & { readonly make: Make } {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-calibrate-'));
  let made = 0;
  const make: Make = async (kind) => {
    const seed = ++made;
    const latency = { a: '1', same: '1', tenth: '1.1', fifth: '1.2' }[kind];
    const bench = await resolveBench({ ...simulatedPlan, seed, settings: { latency, loss: '0' } });
    const id = `simulated-${seed}`;
    const journal = join(folder, `${id}.jsonl`);
    const run = { id, logs: join(folder, id) };
    const benched = await executeBench(bench, { journal, run, stopped: () => false, say: () => undefined });
    const record = await recordBench({ bench, benched, journal, id, labels: {}, command: '' });
    rmSync(journal);
    return record;
  };
  return { machine: 'simulation', slowed: ['network as it is', 'network 10 % slower', 'network 20 % slower'], make };
}

const simulatedPlan: BenchPlan = {
  system: 'reference',
  environment: 'simulation',
  seed: 1,
  nodes: 3,
  mix: 'b',
  distribution: 'zipfian',
  records: 50,
  valueBytes: 0,
  readPaths: ['leader'],
  writePath: undefined,
  rates: [300],
  ladder: undefined,
  warmUpNs: SECOND,
  durationNs: 10 * SECOND,
  repeats: 1,
  sessions: 64,
  checkedKeys: 8,
  settings: {},
};

async function onLoopback(): Promise<Omit<Kept, 'rounds'> & { readonly make: Make }> {
  const running = runningOf(clock);
  const side = (delayMs: number): Side => ({
    name: 'candidate',
    command: undefined,
    program: running.baseline.program,
    cwd: dirname(running.folder),
    options: ['--set', `client-delay-ms=${delayMs}`],
  });
  // What a tenth and a fifth of p99 are, on this machine.
  const first = await runOnce(running, side(BASE_MS), 0);
  const p99Ms =
    (first.latencies.find(({ method, since }) => method === 'read' && since === 'intended')?.p99Ns ?? 0) / 1e6;
  if (p99Ms > P99_MS_MAX || p99Ms === 0) {
    say(
      `p99 of reads is ${p99Ms.toFixed(0)} ms at ${given.rate} operations a second, load ${loadavg()[0].toFixed(1)}: this machine is too busy; a lower --rate may do`,
    );
    process.exit(2);
  }
  const delays = [0, 0.1, 0.2].map((share) => BASE_MS + Math.max(share > 0 ? 1 : 0, Math.round(share * p99Ms)));
  say(
    `p99 of reads is ${p99Ms.toFixed(1)} ms with answers ${delays[0]} ms later; slowed: ${delays[1]} and ${delays[2]} ms`,
  );
  const [none, tenth, fifth] = delays;
  const delayOf = { a: none, same: none, tenth, fifth };
  return {
    machine: thisMachine(),
    slowed: [`answers ${none} ms later`, `answers ${tenth} ms later`, `answers ${fifth} ms later`],
    make: (kind, n) => runOnce(running, side(delayOf[kind]), n),
  };
}

function runningOf(clockOfRuns: Clock): Running {
  const folder = join(tmpdir(), `tidemark-calibrate-${process.pid}`);
  if (!existsSync(folder)) mkdirSync(folder);
  const nobody: Side = {
    name: 'baseline',
    command: undefined,
    program: programIn(folder, 'baseline'),
    cwd: folder,
    options: [],
  };
  return {
    baseline: nobody,
    candidate: nobody,
    words,
    seed: 1,
    labels: {},
    folder: join(folder, '.tidemark'),
    clock: clockOfRuns,
    timeoutMs: 300_000,
    say,
    stopped: () => false,
  };
}

/** A A' S T T S A' A: what drifts meets all alike. */
async function roundOf(make: Make, n: number): Promise<Round> {
  const start = clock.now();
  const round: Record<(typeof kinds)[number], RunRecord[]> = { a: [], same: [], tenth: [], fifth: [] };
  for (const kind of [...kinds, ...kinds.toReversed()]) {
    const { a } = slim({ a: [await make(kind, n)], b: [] });
    round[kind].push(...a);
  }
  const seconds = (clock.now() - start) / SECOND;
  const [load] = loadavg();
  say(`round ${n + 1}: ${seconds.toFixed(0)} s, load ${load.toFixed(1)}`);
  return { ...round, seconds, load };
}

async function tell({ machine, slowed, rounds }: Kept): Promise<void> {
  const blocksOf = (kind: 'same' | 'tenth' | 'fifth'): readonly RunBlock[] =>
    rounds.map((round) => ({ a: round.a, b: round[kind] }));
  const loads = rounds.map(({ load }) => load);
  out(
    `${machine}; ${rounds.length} rounds of 8 runs, ${median(rounds.map(({ seconds }) => seconds)).toFixed(0)} s each; load ${median(loads).toFixed(1)}, at most ${Math.max(...loads).toFixed(1)}`,
  );
  for (const line of noiseText(blocksOf('same'), rules)) out(`  ${line}`);
  for (const [kind, how] of [
    ['same', slowed[0]],
    ['tenth', slowed[1]],
    ['fifth', slowed[2]],
  ] as const) {
    const comparison = compareMeasure(blocksOf(kind), p99, { confidence: 0.95, random: new Random('tell') });
    if (comparison === undefined) continue;
    const { a, b, change } = comparison;
    out(
      `${how}: p99 ${duration(a)} against ${duration(b)}, ${percent(change.estimate)} (95 % interval ${percent(change.low)} … ${percent(change.high)})`,
    );
    await live(kind, blocksOf(kind));
  }
  const start = clock.now();
  const same = await falseAlarms(blocksOf('same'), rules, 200);
  const { low, high } = shareInterval(same.alarms, same.of);
  out(
    `resampled, A against A: ${same.alarms} false alarms of ${same.of}, ${percent(same.alarms / same.of)} (95 % interval ${percent(low)} … ${percent(high)}), ${same.undecided} cannot tell; ${((clock.now() - start) / SECOND / same.of).toFixed(2)} s of computing each`,
  );
  for (const kind of ['tenth', 'fifth'] as const) {
    const blocks = blocksOf(kind);
    const found = await resampled(20, rules, (random) => random.pick(blocks));
    out(
      `resampled, slowed by about ${kind === 'tenth' ? '10' : '20'} %: found in ${found.alarms} of ${found.of}, ${found.undecided} cannot tell`,
    );
  }
}

/** Gates on runs as they were made, none of them used twice. */
async function live(kind: string, blocks: readonly RunBlock[]): Promise<void> {
  const outcomes: Record<string, number> = { passed: 0, failed: 0, 'cannot tell': 0 };
  let at = 0;
  let gates = 0;
  while (blocks.length - at >= rules.blocks.first) {
    const { outcome, blocks: used } = await gate((n) => Promise.resolve(blocks.slice(at, (at += n))), rules);
    // One that ran out of runs has not been let speak.
    if (at > blocks.length) break;
    gates++;
    outcomes[outcome] += used.length > 0 ? 1 : 0;
  }
  out(
    `  live (${kind}): ${gates} gates, ${Object.entries(outcomes)
      .map(([name, n]) => `${n} ${name}`)
      .join(', ')}`,
  );
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function out(line: string): void {
  process.stdout.write(`${line}\n`);
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

const kept = given.from === undefined ? await run() : (JSON.parse(readFileSync(resolve(given.from), 'utf8')) as Kept); // our own
await tell(kept);
