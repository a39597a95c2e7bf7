/** How a measure changed from one group of runs to another, with what can be said of chance. */
import type { Random } from '../history/random.ts';
import { exp, ln } from './arithmetic.ts';
import { countOf, type Measure, quantile, type Spread, take, type Taken } from './measures.ts';
import type { RunRecord } from './record.ts';
import { type Block, bootstrap, mean, median, rankTest, shift } from './statistics.ts';

/** Runs made side by side: A B B A. */
export interface RunBlock {
  readonly a: readonly RunRecord[];
  readonly b: readonly RunRecord[];
  /**
   * The n-th run of each side had the same seed, and nothing but seed and side decided it: runs of a simulation. Then a seed is what was
   * drawn, and not a run: sides may be dealt anew between the two of a pair only.
   */
  readonly paired?: true;
}

/** The least groups of runs that would be alike if the sides were: pairs, or the block. */
export function strataOf(block: RunBlock): readonly RunBlock[] {
  if (block.paired !== true) return [block];
  const { a, b } = block;
  return Array.from({ length: Math.min(a.length, b.length) }, (_, i) => ({ a: [a[i]], b: [b[i]] }));
}

/** The same runs with their sides dealt anew: what would be as likely, if the sides were alike. */
export function dealtAnew(block: RunBlock, random: Random): RunBlock {
  const dealt = strataOf(block).map(({ a, b }) => {
    const runs = random.shuffle([...a, ...b]);
    return { a: runs.slice(0, a.length), b: runs.slice(a.length) };
  });
  return { ...block, a: dealt.flatMap(({ a }) => a), b: dealt.flatMap(({ b }) => b) };
}

/** A ratio less one: 0.1 is a tenth more. */
export interface Change {
  readonly estimate: number;
  /** Contradicted by nothing that was measured, at the confidence asked for; infinite where there is too little. */
  readonly low: number;
  readonly high: number;
}

/** What runs say of one measure. */
export interface Comparison {
  readonly measure: Measure;
  /** Medians of the runs. */
  readonly a: number;
  readonly b: number;
  readonly runs: { readonly a: number; readonly b: number };
  readonly change: Change;
  /** The chance of so much more (less) in b if both were alike: the rank test over the runs. */
  readonly pMore: number;
  readonly pLess: number;
  /** The bootstrap's interval of the same change: runs, and operations within them, drawn again. */
  readonly drawn: { readonly low: number; readonly high: number };
  /** `runs`: the interval is of what differs from run to run; `operations`: there were too few runs, and it is narrower than the truth. */
  readonly basis: 'runs' | 'operations';
}

export interface Comparing {
  readonly confidence: number;
  readonly random: Random;
  /** Replications of the bootstrap. */
  readonly rounds?: number;
}

/** Fewer runs on a side, and no interval over runs has both ends. */
const RUNS_MIN = 4;
const ROUNDS = 400;

/** Undefined where a side has not taken it. */
export function compareMeasure(
  blocks: readonly RunBlock[],
  measure: Measure,
  options: Comparing,
): Comparison | undefined {
  const strata = blocks.flatMap(strataOf);
  const taken = strata
    .map(({ a, b }) => ({ a: all(a, measure), b: all(b, measure) }))
    .filter(({ a, b }) => strata.length === 1 || (a.length > 0 && b.length > 0));
  const [a, b] = [taken.flatMap((one) => one.a), taken.flatMap((one) => one.b)];
  if (a.length === 0 || b.length === 0) return undefined;
  const logs = taken.map(
    (one): Block => ({ a: one.a.map(({ value }) => ln(value)), b: one.b.map(({ value }) => ln(value)) }),
  );
  const test = rankTest(logs);
  const basis = Math.min(a.length, b.length) >= RUNS_MIN ? 'runs' : 'operations';
  const drawn = drawnAgain(taken, measure, options);
  const { estimate, low, high } = shift(logs, options.confidence);
  const change = { estimate: exp(estimate) - 1, low: exp(low) - 1, high: exp(high) - 1 };
  return {
    measure,
    a: median(a.map(({ value }) => value)),
    b: median(b.map(({ value }) => value)),
    runs: { a: a.length, b: b.length },
    change: basis === 'runs' ? change : { ...change, ...ofOperations(taken, measure, drawn, options.confidence) },
    pMore: test.pGreater,
    pLess: test.pLess,
    drawn,
    basis,
  };
}

/** A rate is one figure a run: of too few runs nothing is known of how it differs by chance. */
const UNBOUNDED = { low: -1, high: Number.POSITIVE_INFINITY };

/**
 * What was drawn, as far as there are operations beyond the quantile. Of n of them the slowest is below the true quantile by the chance of
 * its share to the power of n: where that is more than the interval leaves out, as of 100 for the 99th percentile, the quantile has no upper
 * end, and draws that all come to the slowest know nothing of it. At the other end likewise.
 */
function ofOperations(
  blocks: readonly TakenBlock[],
  measure: Measure,
  drawn: { readonly low: number; readonly high: number },
  confidence: number,
): { readonly low: number; readonly high: number } {
  const share = measure.type === 'latency' ? measure.percentile / 100 : Number.NaN;
  const outside = ln((1 - confidence) / 2);
  const seen = (side: 'a' | 'b', part: number): boolean =>
    blocks.every((block) =>
      block[side].every(
        ({ spread }) => spread !== undefined && part < 1 && (part <= 0 || countOf(spread) * ln(part) <= outside),
      ),
    );
  const [top, bottom] = [share, 1 - share];
  return {
    low: seen('a', top) && seen('b', bottom) ? drawn.low : UNBOUNDED.low,
    high: seen('b', top) && seen('a', bottom) ? drawn.high : UNBOUNDED.high,
  };
}

export type Certainty = 'differs' | 'may be chance' | 'cannot tell';

/** What the interval says of a change. */
export function certaintyOf({ change: { low, high } }: Comparison): Certainty {
  if (low > 0 || high < 0) return 'differs';
  return low <= -1 && high === Number.POSITIVE_INFINITY ? 'cannot tell' : 'may be chance';
}

function all(records: readonly RunRecord[], measure: Measure): readonly Taken[] {
  return records.flatMap((record) => {
    const taken = take(record, measure);
    return taken === undefined ? [] : [taken];
  });
}

interface TakenBlock {
  readonly a: readonly Taken[];
  readonly b: readonly Taken[];
}

function drawnAgain(
  blocks: readonly TakenBlock[],
  measure: Measure,
  { confidence, random, rounds = ROUNDS }: Comparing,
) {
  const share = measure.type === 'latency' ? measure.percentile / 100 : Number.NaN;
  const again = (taken: Taken): number =>
    ln(taken.spread === undefined ? taken.value : jittered(taken.spread, share, random));
  const differenceOf = ({ a, b }: TakenBlock): number => mean(b.map(again)) - mean(a.map(again));
  const one = blocks.length === 1 ? blocks[0] : undefined;
  const draw = (): number => {
    if (one !== undefined) {
      const side = (taken: readonly Taken[]): number => median(taken.map(() => again(random.pick(taken))));
      return side(one.b) - side(one.a);
    }
    return median(blocks.map(() => differenceOf(random.pick(blocks))));
  };
  const { low, high } = bootstrap(draw, { rounds, confidence, random });
  return { low: exp(low) - 1, high: exp(high) - 1 };
}

/**
 * The quantile of as many operations drawn again from these: of n, the one whose place is binomially distributed about n times the
 * share; here by the normal approximation, with twelve uniform draws for the normal one.
 */
function jittered(spread: Spread, share: number, random: Random): number {
  let z = -6;
  for (let i = 0; i < 12; i++) z += random.fraction();
  const moved = share + z * Math.sqrt((share * (1 - share)) / countOf(spread));
  return Math.max(1, quantile(spread, Math.min(1, Math.max(0, moved))));
}
