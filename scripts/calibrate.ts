/**
 * How often the gate cries wolf, and what it finds, on this machine: real runs of the reference store on loopback, some of them with a
 * real slowdown (clients wait 1.1 and 1.2 times as long for each answer), all made by turns. On loopback p99 is what a scheduler, a
 * collector of garbage and a compiler make of it, and differs from run to run more than by a tenth; clients that are --delay-ms away
 * differ less, as they do in a data centre. Then
 *
 * - live: gates on the runs as they were made, A against A' (the same), A against S (a tenth slower), A against T (a fifth);
 * - resampled: 200 gates of A against A', as they are and with sides dealt anew, and 20 each of S and T, on those runs in another order.
 *
 *     npm run calibrate -- [--gates 40] [--slowed 20] [--rounds N] [--delay-ms 0] [--worse-by 0.1] [--rate 1600] [--duration 1500ms] [--sessions 64] [--output FILE] [--from FILE] [--simulation]
 *
 * A round is a block of each kind that still wants gates: A, and of A', S, T those that have not had theirs, twice, there and back
 * (A A' S T T S A' A); who is first goes round. The A runs of a round are those of all its blocks; no block is in two gates of a kind. It
 * goes on until every kind has its gates, or for --rounds. What was run is kept in FILE after each round: --from FILE goes on with it, and
 * with --rounds 0 only judges. The gates' limit is --worse-by, that of this project's gate.yaml unless it is said. It wants a quiet machine;
 * rounds made under load are told apart. With --simulation runs are simulated, each with a
 * seed of its own, and slowed by latencies of the network that are a tenth and a fifth longer: that tries the gate, on any machine, and
 * says nothing of the machine. Not part of the test suite: its figures are those of the machine, and are worth what its quiet is worth.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type Alarms, asTheyAre, falseAlarms, noiseText } from '../harness/gate/calibrate.ts';
import { slim, thisMachine } from '../harness/gate/calibration.ts';
import { changeText } from '../harness/compare/text.ts';
import { duration } from '../harness/table.ts';
import { realClock, SECOND } from '../history/clock.ts';
import { Random } from '../history/random.ts';
import { compareMeasure, type RunBlock } from '../results/change.ts';
import { gate, type Gated } from '../results/gate.ts';
import type { Rules } from '../results/look.ts';
import type { Measure } from '../results/measures.ts';
import type { RunRecord } from '../results/record.ts';
import { median, shareInterval } from '../results/statistics.ts';
import { type Kind, kinds, type Make, onLoopback, simulated } from './calibration-runs.ts';

const { values: given } = parseArgs({
  options: {
    gates: { type: 'string', default: '40' },
    slowed: { type: 'string', default: '20' },
    rounds: { type: 'string' },
    output: { type: 'string' },
    from: { type: 'string' },
    rate: { type: 'string', default: '1600' },
    duration: { type: 'string', default: '1500ms' },
    sessions: { type: 'string', default: '64' },
    'delay-ms': { type: 'string', default: '0' },
    'worse-by': { type: 'string', default: '0.1' },
    simulation: { type: 'boolean', default: false },
  },
});

const delayMs = Number(given['delay-ms']);
const words =
  `bench --env processes --rate ${given.rate} --duration ${given.duration} --warm-up 500ms --records 200 --sessions ${given.sessions} --read-path leader --set settle-ms=100 --quiet`.split(
    ' ',
  );
const rules: Rules = {
  limits: [{ type: 'latency', methods: ['read'], percentiles: [99], worseBy: Number(given['worse-by']), andBy: 0 }],
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

const names: Readonly<Record<Kind, string>> = {
  same: 'A against A',
  tenth: 'slowed by a tenth',
  fifth: 'slowed by a fifth',
};
const wanted: Readonly<Record<Kind, number>> = {
  same: Number(given.gates),
  tenth: Number(given.slowed),
  fifth: Number(given.slowed),
};

/** One round's runs: two of A, and two of each kind that wanted them. */
interface Round {
  readonly seconds: number;
  /** Before it began: processes that want to run, on average of the last minute; and how long a fixed sum took. */
  readonly load: number;
  readonly sumMs: number;
  readonly runs: Readonly<Partial<Record<Kind | 'a', readonly RunRecord[]>>>;
}

interface Kept {
  readonly schema: 2;
  readonly machine: string;
  /** What was run; another session has to run the same. */
  readonly words: readonly string[];
  readonly rounds: Round[];
}

const clock = realClock();

interface LiveGate {
  readonly outcome: Gated['outcome'];
  /** Of the kind's blocks. */
  readonly from: number;
  readonly until: number;
}

/** Gates on blocks as they were made, none of them used twice; only those that came to an end. */
class LiveGates {
  readonly done: LiveGate[] = [];

  async advance(blocks: readonly RunBlock[], most: number): Promise<void> {
    while (this.done.length < most) {
      const from = this.done.at(-1)?.until ?? 0;
      let at = from;
      let isShort = false;
      const source = (n: number): Promise<readonly RunBlock[]> => {
        isShort ||= at + n > blocks.length;
        return Promise.resolve(isShort ? [] : blocks.slice(at, (at += n)));
      };
      if (from + rules.blocks.first > blocks.length) return;
      const { outcome } = await gate(source, rules);
      if (isShort) return; // one that ran out of runs has not been let speak
      this.done.push({ outcome, from, until: at });
    }
  }
}

const live: Readonly<Record<Kind, LiveGates>> = {
  same: new LiveGates(),
  tenth: new LiveGates(),
  fifth: new LiveGates(),
};

function withKind(kept: Kept, kind: Kind): readonly Round[] {
  return kept.rounds.filter(({ runs }) => runs[kind] !== undefined);
}

function blocksOf(kept: Kept, kind: Kind): readonly RunBlock[] {
  return withKind(kept, kind).map(({ runs }) => ({ a: runs.a ?? [], b: runs[kind] ?? [] }));
}

async function lacking(kept: Kept): Promise<readonly Kind[]> {
  for (const kind of kinds) await live[kind].advance(blocksOf(kept, kind), wanted[kind]);
  return kinds.filter((kind) => live[kind].done.length < wanted[kind]);
}

async function run(kept: Kept, output: string, make: Make): Promise<void> {
  mkdirSync(dirname(output), { recursive: true });
  const most = given.rounds === undefined ? Number.POSITIVE_INFINITY : Number(given.rounds);
  for (let made = 0; made < most; made++) {
    const left = await lacking(kept);
    if (left.length === 0) return;
    const round = await roundOf(make, kept.rounds.length, left);
    kept.rounds.push(round);
    writeFileSync(`${output}.new`, `${JSON.stringify(kept)}\n`);
    renameSync(`${output}.new`, output);
    const done = kinds.map((kind) => `${live[kind].done.length} of ${wanted[kind]} ${names[kind]}`).join(', ');
    say(
      `round ${kept.rounds.length}: ${round.seconds.toFixed(0)} s, load ${round.load.toFixed(1)}${isBusy(round, kept) ? ' (BUSY)' : ''}; gates: ${done}`,
    );
  }
}

/** A A' S T T S A' A, of those that are wanted; who is first goes round, so that a drift that bends meets all alike. */
async function roundOf(make: Make, n: number, wantedKinds: readonly Kind[]): Promise<Round> {
  const [load, sumMs] = [loadavg()[0], sumTime()];
  const start = clock.now();
  const all: readonly (Kind | 'a')[] = ['a', ...wantedKinds];
  const first = n % all.length;
  const order = [...all.slice(first), ...all.slice(0, first)];
  const runs: Partial<Record<Kind | 'a', RunRecord[]>> = {};
  for (const kind of [...order, ...order.toReversed()]) {
    const { a } = slim({ a: [await make(kind, n)], b: [] });
    (runs[kind] ??= []).push(...a);
  }
  return { seconds: (clock.now() - start) / SECOND, load, sumMs, runs };
}

/** How long a fixed sum takes, at the middle of nine: longer where others use the processors, or share them. */
function sumTime(): number {
  const times = Array.from({ length: 9 }, () => {
    const start = clock.now();
    let x = 1;
    for (let i = 0; i < 3_000_000; i++) x = (x * 1_103_515_245 + 12_345) % 2_147_483_648;
    return (clock.now() - start + (x < 0 ? 1 : 0)) / 1e6;
  });
  return median(times);
}

/** The round before it leaves a load of its own behind: four processes at work, of which as many run as there are processors, and more wait. */
function isBusy({ load, sumMs }: Round, { rounds }: Kept): boolean {
  return load > 2 * availableParallelism() || sumMs > 1.3 * Math.min(...rounds.map((round) => round.sumMs));
}

/** One run that is not counted: whether the machine will do, and how long all of it will take. */
async function estimate(make: Make, left: readonly Kind[]): Promise<void> {
  const start = clock.now();
  const first = await make('a', 0);
  const seconds = (clock.now() - start) / SECOND;
  const p99Ms =
    (first.latencies.find(({ method, since }) => method === 'read' && since === 'intended')?.p99Ns ?? 0) / 1e6;
  if (p99Ms > P99_MS_MAX || p99Ms === 0) {
    say(
      `p99 of reads is ${p99Ms.toFixed(0)} ms at ${given.rate} operations a second, load ${loadavg()[0].toFixed(1)}: this machine is too busy; a lower --rate may do`,
    );
    process.exit(2);
  }
  // A pass takes the first blocks, what is found twice as many; nothing takes more than all.
  const roundsOf = (kind: Kind, blocks: number): number => (wanted[kind] - live[kind].done.length) * blocks;
  const runsOf = (per: (kind: Kind) => number): number => {
    const rounds = left.map((kind) => roundsOf(kind, per(kind)));
    return 2 * (Math.max(0, ...rounds) + rounds.reduce((sum, n) => sum + n, 0));
  };
  const { first: fewest, most } = rules.blocks;
  const hours = (runs: number): string => ((runs * seconds) / 3600).toFixed(1);
  const [least, all] = [runsOf((kind) => (kind === 'same' ? fewest : 2 * fewest)), runsOf(() => most)];
  say(
    `p99 of reads is ${p99Ms.toFixed(1)} ms; a run takes ${seconds.toFixed(1)} s. To come: ${least} runs, ${hours(least)} hours, if each gate is decided as soon as it can be; at most ${all} runs, ${hours(all)} hours${given.rounds === undefined ? '' : `; this session ends after ${given.rounds} rounds`}`,
  );
}

async function tell(kept: Kept): Promise<void> {
  const { machine, rounds } = kept;
  const loads = rounds.map(({ load }) => load);
  const busy = rounds.filter((round) => isBusy(round, kept)).length;
  out(
    `${machine}; ${kept.words.join(' ')}; ${rounds.length} rounds, ${(rounds.reduce((sum, { seconds }) => sum + seconds, 0) / 3600).toFixed(1)} hours of runs; load ${median(loads).toFixed(1)}, at most ${Math.max(...loads).toFixed(1)}; ${busy} rounds begun while the machine was busy; the gates' limit is ${percent(Number(given['worse-by']))}`,
  );
  await lacking(kept);
  for (const line of noiseText(blocksOf(kept, 'same'), rules)) out(`  ${line}`);
  for (const kind of kinds) tellLive(kind, kept);
  const same = blocksOf(kept, 'same');
  if (same.length === 0) return;
  tellAlarms("resampled, A against A', as they were made", await asTheyAre(same, rules, 200));
  tellAlarms('resampled, A against A, sides dealt anew', await falseAlarms(same, rules, 200));
  for (const kind of ['tenth', 'fifth'] as const) {
    const found = await asTheyAre(blocksOf(kept, kind), rules, 20);
    out(`resampled, ${names[kind]}: found in ${found.alarms} of ${found.of}, ${found.undecided} cannot tell`);
  }
}

function tellAlarms(how: string, { alarms, undecided, of }: Alarms): void {
  out(`${how}: ${shareText(alarms, of)} false alarms, ${undecided} cannot tell`);
}

function tellLive(kind: Kind, kept: Kept): void {
  const blocks = blocksOf(kept, kind);
  const comparison = compareMeasure(blocks, p99, { confidence: 0.95, random: new Random('tell') });
  if (comparison === undefined) return;
  const { a, b, change } = comparison;
  out(
    `${names[kind]}: p99 ${duration(a)} against ${duration(b)}, ${changeText(change.estimate)} (95 % interval ${changeText(change.low)} … ${changeText(change.high)}), ${blocks.length} blocks`,
  );
  const { done } = live[kind];
  if (done.length === 0) return;
  const of = (gates: readonly LiveGate[], outcome: Gated['outcome']): number =>
    gates.filter((one) => one.outcome === outcome).length;
  const rounds = withKind(kept, kind);
  const quiet = done.filter(({ from, until }) => !rounds.slice(from, until).some((round) => isBusy(round, kept)));
  const each = median(done.map(({ from, until }) => until - from));
  // Of a gate alone: four runs a block, whatever else was run between.
  const perRun = median(rounds.map(({ seconds, runs }) => seconds / (2 * Object.keys(runs).length)));
  out(
    `  live: ${done.length} gates, ${of(done, 'failed')} failed (${shareText(of(done, 'failed'), done.length)}), ${of(done, 'passed')} passed, ${of(done, 'cannot tell')} cannot tell; ${quiet.length} of them in quiet rounds only, ${of(quiet, 'failed')} of those failed; ${each} blocks each, ${((4 * each * perRun) / 60).toFixed(1)} minutes`,
  );
}

function shareText(hits: number, of: number): string {
  const { low, high } = shareInterval(hits, of);
  return `${hits} of ${of}, ${percent(hits / of)}, 95 % interval ${percent(low)} … ${percent(high)}`;
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

function stored(file: string): Kept {
  const kept = JSON.parse(readFileSync(file, 'utf8')) as Kept; // our own
  if (kept.schema === 2) return kept;
  say(`${file} was made by another version of this script`);
  process.exit(2);
}

const about = given.simulation
  ? ['bench', '--env', 'simulation']
  : [...words, ...(delayMs === 0 ? [] : ['--set', `client-delay-ms=${delayMs}`])];
const kept: Kept =
  given.from === undefined
    ? { schema: 2, machine: given.simulation ? 'simulation' : thisMachine(), words: about, rounds: [] }
    : stored(resolve(given.from));
const left = await lacking(kept);
if (left.length > 0 && given.rounds !== '0') {
  if (kept.words.join(' ') !== about.join(' ')) {
    say(`${given.from ?? ''} has runs of '${kept.words.join(' ')}', and is not gone on with '${about.join(' ')}'`);
    process.exit(2);
  }
  const make = given.simulation ? simulated(1_000_000 * kept.rounds.length) : await onLoopback(words, delayMs);
  await estimate(make, left);
  await run(kept, resolve(given.output ?? given.from ?? '.tidemark/gate-calibration.json'), make);
}
await tell(kept);
