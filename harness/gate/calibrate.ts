/** `tidemark gate --calibrate`: the baseline against itself, kept as this machine's noise. */
import { relative } from 'node:path';
import { exp, ln } from '../../results/arithmetic.ts';
import { dealtAnew, type RunBlock } from '../../results/change.ts';
import { gate } from '../../results/gate.ts';
import type { Limit } from '../../results/limits.ts';
import { look, noiseOf, type Rules } from '../../results/look.ts';
import { type Measure, measureName, measuresOf, take } from '../../results/measures.ts';
import { deviation, mean, shareInterval } from '../../results/statistics.ts';
import { Random } from '../../history/random.ts';
import type { Io } from '../command.ts';
import { type ExitCode, KEPT, UNDECIDED } from '../errors.ts';
import { many, table } from '../table.ts';
import { slim, thisMachine, writeCalibration } from './calibration.ts';
import { runBlock, type Running } from './live.ts';
import type { Policy } from './policy.ts';

/** Kept when it is whole: of fewer blocks than were asked for nothing is, and an earlier calibration stays. */
export async function calibrate(
  running: Running,
  policy: Policy,
  wanted: number,
  { asJson, io }: { readonly asJson: boolean; readonly io: Io },
): Promise<ExitCode> {
  const blocks: RunBlock[] = [];
  for (let n = 0; n < wanted && !running.stopped(); n++) {
    const block = await runBlock(running, n);
    if (block.a.length === 2 && block.b.length === 2) blocks.push(slim(block));
  }
  if (blocks.length < wanted) {
    const said = `interrupted after ${blocks.length} of ${many(wanted, 'block')}: nothing is kept of them, and an earlier calibration stays`;
    io.err(`tidemark: gate: ${said}\n`);
    return UNDECIDED;
  }
  const file = relative(io.cwd, writeCalibration(running.folder, running.words, blocks));
  const { alarms, undecided, of } = await falseAlarms(blocks, policy.rules, 200);
  const { low, high } = shareInterval(alarms, of);
  const runs = 4 * blocks.length;
  if (asJson) {
    const measures = noises(blocks, policy.rules).map(({ measure, ...rest }) => ({
      measure: measureName(measure),
      ...rest,
    }));
    const falsely = { alarms, undecided, of, low, high };
    const told = { file, machine: thisMachine(), blocks: blocks.length, runs, measures, falseAlarms: falsely };
    io.out(`${JSON.stringify({ schema: 1, type: 'calibration', ...told })}\n`);
    return KEPT;
  }
  for (const line of noiseText(blocks, policy.rules)) io.out(`${line}\n`);
  io.out(
    `false alarms: ${alarms} of ${of} comparisons of the same with the same, drawn from these runs: ${percentText(alarms / of)}, 95 % interval ${percentText(low)} … ${percentText(high)}; ${undecided} could not be told\n`,
  );
  io.out(`calibration: ${file} (${blocks.length} blocks, ${runs} runs)\n`);
  return KEPT;
}

function percentText(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

interface Noise {
  readonly measure: Measure;
  /** Standard deviations of the runs' logarithms, as ratios; not a number where too few runs have it. */
  readonly within: number;
  readonly between: number;
  /** What a gate of the policy's size would take for noise; undefined where it was taken too seldom. */
  readonly noise: number | undefined;
}

/** For each measure of the policy. */
function noises(blocks: readonly RunBlock[], rules: Rules): readonly Noise[] {
  const percentiles = [...new Set(rules.limits.flatMap((limit: Limit) => limit.percentiles))];
  const named = new Set(look(blocks, rules).map(({ measure }) => measureName(measure)));
  const measures = measuresOf(
    blocks.flatMap(({ a, b }) => [...a, ...b]),
    percentiles,
  ).filter((measure) => named.has(measureName(measure)));
  return measures.map((measure) => ({
    measure,
    ...spreads(blocks, measure),
    noise: noiseOf({ blocks }, measure, rules.blocks.first, rules),
  }));
}

function ratioText(ratio: number): string {
  return Number.isNaN(ratio) ? '–' : `${(100 * ratio).toFixed(1)} %`;
}

/** For each measure of the policy: how runs differ, and what a gate of its size would take for noise. */
export function noiseText(blocks: readonly RunBlock[], rules: Rules): readonly string[] {
  const rows = noises(blocks, rules).map(({ measure, within, between, noise }) => [
    measureName(measure),
    ratioText(within),
    ratioText(between),
    noise === undefined ? '–' : `±${(100 * noise).toFixed(1)} %`,
  ]);
  const heading = ['measure', 'within a block', 'between blocks', `noise of ${rules.blocks.first} blocks`];
  return table([heading, ...rows], ['left', 'right', 'right', 'right']);
}

function spreads(blocks: readonly RunBlock[], measure: Measure): Pick<Noise, 'within' | 'between'> {
  // Of runs that have it, in blocks where more than one does.
  const logs = blocks
    .map(({ a, b }) => [...a, ...b].map((record) => ln(take(record, measure)?.value ?? Number.NaN)))
    .map((values) => values.filter(Number.isFinite))
    .filter((values) => values.length > 1);
  if (logs.length < 2) return { within: Number.NaN, between: Number.NaN };
  const squares = logs.map((values) => deviation(values) ** 2);
  return { within: exp(Math.sqrt(mean(squares))) - 1, between: exp(deviation(logs.map(mean))) - 1 };
}

export interface Alarms {
  readonly alarms: number;
  readonly undecided: number;
  readonly of: number;
}

/**
 * Whole gates, confirmation and all, on these blocks in another order with their sides dealt anew: whatever alarms, alarms
 * falsely. What they were drawn from is the same few runs, so this tells of the gate more than of the machine.
 */
export async function falseAlarms(blocks: readonly RunBlock[], rules: Rules, rounds: number): Promise<Alarms> {
  return resampled(rounds, rules, (random) => {
    // Where there are fewer than a gate may want, they come again, dealt anew again.
    let order: readonly RunBlock[] = [];
    return (n) =>
      Array.from({ length: n }, () => {
        if (order.length === 0) order = random.shuffle(blocks);
        const [block, ...rest] = order;
        order = rest;
        return dealtAnew(block, random);
      });
  });
}

/** The same with their sides as they are: the blocks in another order, none of them twice in a gate, so that fresh runs are fresh. */
export async function asTheyAre(blocks: readonly RunBlock[], rules: Rules, rounds: number): Promise<Alarms> {
  return resampled(rounds, rules, (random) => {
    let order: readonly RunBlock[] = random.shuffle(blocks);
    return (n) => {
      const drawn = order.slice(0, n);
      order = order.slice(n);
      return drawn;
    };
  });
}

/** So many gates on blocks that `draw` makes. The calibration is not used: it is what the blocks are drawn from. */
async function resampled(
  rounds: number,
  rules: Rules,
  draw: (random: Random) => (n: number) => readonly RunBlock[],
): Promise<Alarms> {
  let alarms = 0;
  let undecided = 0;
  for (let round = 0; round < rounds; round++) {
    const source = draw(new Random(`resampled/${round}`));
    const { outcome } = await gate((n) => Promise.resolve(source(n)), { ...rules, seed: `${rules.seed}/${round}` });
    if (outcome === 'failed') alarms++;
    else if (outcome === 'cannot tell') undecided++;
  }
  return { alarms, undecided, of: rounds };
}
