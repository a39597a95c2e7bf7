/** What one look at runs says of each figure of the policy: worse, not worse, or that it cannot be told, and what could tell. */
import { Random } from '../history/random.ts';
import { exp, ln } from './arithmetic.ts';
import { type Comparison, compareMeasure, type RunBlock, strataOf } from './change.ts';
import { allowed, fits, type Limit, limitOf, overruledIn, unmet } from './limits.ts';
import { isCost, type Measure, measureName, measuresOf, take, withholds } from './measures.ts';
import { criticalZ, mean, median, rankTest } from './statistics.ts';

export interface Rules {
  readonly limits: readonly Limit[];
  /** Of a false alarm in one look, over all measures together. */
  readonly alpha: number;
  /** Blocks of A B B A: at first, and at most in all. */
  readonly blocks: { readonly first: number; readonly most: number };
  readonly seed: string;
}

/** What this machine made of comparing the same with the same: blocks of runs, all of one kind. */
export interface Calibration {
  readonly blocks: readonly RunBlock[];
}

export interface Finding extends Comparison {
  readonly limit: Limit;
  /** So much change, or more, is seen in one of twenty comparisons of the same with the same, on this machine. */
  readonly noise?: number;
  readonly verdict: 'worse' | 'not worse' | 'cannot tell';
  /** One sentence's half. */
  readonly why: string;
  /** Runs of each side that could tell; {@link RUNS_MOST} stands for all that are as many, or more. */
  readonly runsNeeded?: number;
  readonly lacking?: Lacking;
}

/** Some runs have not taken a measure. */
export interface Lacking {
  /** How many runs there were. */
  readonly of: { readonly a: number; readonly b: number };
  /** The chance that so few of the candidate's have it, were both sides alike. */
  readonly p: number;
  /** Whether it is worse for that reason. */
  readonly decides?: true;
  /** Those that have not taken it broke a promise, and figures of such a run are not kept: that it lacks them says nothing more. */
  readonly isWithheld?: true;
}

export interface Looking {
  readonly calibration?: Calibration | undefined;
  /** Runs that were not made in blocks: one more is one more, and none is dealt with those beside it only. */
  readonly isHeap?: boolean;
}

interface Looked {
  readonly limit: Limit;
  readonly measure: Measure;
  readonly comparison: Comparison | undefined;
  readonly lacking: Lacking | undefined;
}

/** The findings of one look at runs: of every measure with a limit that the baseline has taken. */
export function look(blocks: readonly RunBlock[], rules: Rules, looking: Looking = {}): readonly Finding[] {
  const looked = measuresIn(blocks, rules).flatMap((measure): Looked[] => {
    const limit = limitOf(rules.limits, measure, baselineOf(blocks, measure));
    if (limit === undefined) return [];
    const random = new Random(`${rules.seed}/${measureName(measure)}`);
    const comparison = compareMeasure(blocks, measure, { confidence: 0.9, random });
    return [{ limit, measure, comparison, lacking: lackingOf(blocks, measure) }];
  });
  const hypotheses = looked.flatMap(({ comparison, lacking }): { readonly of: object; readonly p: number }[] => [
    ...(comparison === undefined ? [] : [{ of: comparison, p: pWorse(comparison) }]),
    ...(lacking === undefined || lacking.isWithheld === true ? [] : [{ of: lacking, p: lacking.p }]),
  ]);
  const passes = new Set(holm(hypotheses, rules.alpha));
  const level = rules.alpha / Math.max(1, hypotheses.length);
  return looked.flatMap(({ limit, measure, comparison, lacking }): Finding[] => {
    const noise = noiseOf(looking.calibration, measure, blocksOf(blocks, measure, looking), rules);
    const told =
      comparison === undefined
        ? undefined
        : judged(comparison, limit, passes.has(comparison), { noise, level, blocks, ...looking });
    if (lacking === undefined) return told === undefined ? [] : [told];
    const counts = takenIn(blocks, measure);
    if (counts.a === 0) return []; // nothing to be worse than: see `added`
    const base = { ...(told ?? nothingOf(measure, limit, counts, blocks)), lacking };
    const why = `taken in ${counts.b} of ${lacking.of.b} runs of the candidate, in ${counts.a} of ${lacking.of.a} of the baseline`;
    if (passes.has(lacking)) return [{ ...base, lacking: { ...lacking, decides: true }, verdict: 'worse', why }];
    const isDoubtful = told === undefined || (told.verdict === 'not worse' && counts.a === lacking.of.a);
    if (lacking.isWithheld === true && (isDoubtful || told.verdict === 'cannot tell')) {
      const who = counts.b < lacking.of.b ? 'candidate' : 'baseline';
      const { runsNeeded: _, ...unmeasured } = base;
      return [{ ...unmeasured, verdict: 'cannot tell', why: `not measured where the ${who} broke a promise` }];
    }
    if (!isDoubtful) return [base];
    return [{ ...base, verdict: 'cannot tell', why, runsNeeded: leastRuns(level, blocks, looking) }];
  });
}

/** Those that pass in Holm's order: the smallest of m must be at most alpha / m, the next at most alpha / (m - 1), … */
export function holm<T>(hypotheses: readonly { readonly of: T; readonly p: number }[], alpha: number): readonly T[] {
  const order = hypotheses.toSorted((x, y) => x.p - y.p);
  const end = order.findIndex(({ p }, i) => p > alpha / (order.length - i));
  return order.slice(0, end < 0 ? order.length : end).map((one) => one.of);
}

function measuresIn(blocks: readonly RunBlock[], rules: Rules): readonly Measure[] {
  const percentiles = [...new Set(rules.limits.flatMap((limit) => limit.percentiles))];
  return measuresOf(
    blocks.flatMap(({ a, b }) => [...a, ...b]),
    percentiles,
  );
}

function takenIn(blocks: readonly RunBlock[], measure: Measure): { readonly a: number; readonly b: number } {
  const count = (side: 'a' | 'b'): number =>
    blocks.reduce((sum, block) => sum + block[side].filter((run) => take(run, measure) !== undefined).length, 0);
  return { a: count('a'), b: count('b') };
}

/** How many blocks of two runs a side they are, or would be: of runs that were not made in any, as many as the smaller side fills. */
function blocksOf(blocks: readonly RunBlock[], measure: Measure, { isHeap = false }: Looking): number {
  if (!isHeap) return blocks.length;
  const { a, b } = takenIn(blocks, measure);
  return Math.max(1, Math.floor(Math.min(a, b) / 2));
}

/** The median of the baseline's runs; NaN where none has taken it. */
function baselineOf(blocks: readonly RunBlock[], measure: Measure): number {
  return median(blocks.flatMap(({ a }) => a.flatMap((run) => take(run, measure)?.value ?? [])));
}

/** Undefined where every run has taken it. */
function lackingOf(blocks: readonly RunBlock[], measure: Measure): Lacking | undefined {
  const bits = blocks.flatMap(strataOf).map(({ a, b }) => ({
    a: a.map((run): number => (take(run, measure) === undefined ? 0 : 1)),
    b: b.map((run): number => (take(run, measure) === undefined ? 0 : 1)),
  }));
  const missing = blocks.flatMap(({ a, b }) => [...a, ...b]).filter((run) => take(run, measure) === undefined);
  if (missing.length === 0) return undefined;
  const of = { a: bits.flatMap(({ a }) => a).length, b: bits.flatMap(({ b }) => b).length };
  const p = of.a === 0 || of.b === 0 ? 1 : rankTest(bits).pLess;
  return { of, p, ...(missing.every(withholds) && { isWithheld: true }) };
}

/** Of a measure that no candidate's run has taken. */
function nothingOf(measure: Measure, limit: Limit, runs: Comparison['runs'], blocks: readonly RunBlock[]): Finding {
  const unknown = { estimate: Number.NaN, low: Number.NaN, high: Number.NaN };
  return {
    measure,
    limit,
    a: baselineOf(blocks, measure),
    b: Number.NaN,
    runs,
    change: unknown,
    pMore: 1,
    pLess: 1,
    drawn: unknown,
    basis: 'runs',
    verdict: 'cannot tell',
    why: '',
  };
}

/** Names of what has a limit and only candidates have taken: there is nothing to compare it with. */
export function added(blocks: readonly RunBlock[], rules: Rules): readonly string[] {
  return measuresIn(blocks, rules)
    .filter((measure) => rules.limits.some((limit) => fits(limit, measure)) && takenIn(blocks, measure).a === 0)
    .map(measureName);
}

/** What limits name, and no run of either side has taken: `p99 of path folower`. */
export function unmatched(blocks: readonly RunBlock[], rules: Rules): readonly string[] {
  return unmet(rules.limits, measuresIn(blocks, rules));
}

/** Limits that never decide anything in these runs, since others hold wherever they would: `p99 of method read (worse-by 10%)`. */
export function overruled(blocks: readonly RunBlock[], rules: Rules): readonly string[] {
  return overruledIn(rules.limits, measuresIn(blocks, rules), (measure) => baselineOf(blocks, measure));
}

export function pWorse({ measure, pMore, pLess }: Comparison): number {
  return isCost(measure) ? pMore : pLess;
}

/** Changes for the worse are positive, whatever is measured. */
export function worsening(
  measure: Measure,
  change: { readonly estimate?: number; readonly low: number; readonly high: number },
): { readonly estimate: number; readonly low: number; readonly high: number } {
  const { estimate = Number.NaN, low, high } = change;
  // A tenth less of a rate is as bad as a tenth more of a latency is taken to be: of what it was.
  return isCost(measure) ? { estimate, low, high } : { estimate: -estimate, low: -high, high: -low };
}

/** What one look knows beside the figures. */
interface Known extends Looking {
  readonly noise: number | undefined;
  /** That the least chance of all has to stay below. */
  readonly level: number;
  readonly blocks: readonly RunBlock[];
}

/** Of the interval's ends: 90 % has a twentieth beyond each. */
const BEYOND = 0.05;

function judged(comparison: Comparison, limit: Limit, passes: boolean, known: Known): Finding {
  const { measure, a, b, basis, runs } = comparison;
  const { noise, level, blocks } = known;
  const { estimate, low, high } = worsening(measure, comparison.change);
  const drawn = worsening(measure, comparison.drawn);
  const by = isCost(measure) ? b - a : a - b;
  const finding = { ...comparison, limit, ...(noise !== undefined && { noise }) };
  const fewest = Math.min(runs.a, runs.b);
  const tooMuch = estimate > limit.worseBy && by > limit.andBy;
  // No more runs than these can make a chance small enough to fail, or an interval with an end to pass.
  const least = leastRuns(tooMuch ? level : BEYOND, blocks, known);
  if (basis === 'operations') {
    const why =
      fewest === 1
        ? 'one run says nothing of how runs differ'
        : `${fewest} runs a side say too little of how runs differ`;
    return { ...finding, verdict: 'cannot tell', why, runsNeeded: Math.max(4, least) };
  }
  if (tooMuch && passes && drawn.low > 0 && estimate > (noise ?? 0))
    return { ...finding, verdict: 'worse', why: 'more than the limit, and beyond the noise' };
  if (high <= limit.worseBy || a * high <= limit.andBy)
    return { ...finding, verdict: 'not worse', why: 'a change of more than the limit is ruled out' };
  const halfWidth = (high - low) / 2;
  // What is too much has to be seen at the level; else a change of the limit's size has to be ruled out.
  const most = allowed(limit, a);
  const wanted = tooMuch ? estimate : Math.max(Math.abs(most - estimate), most / 10);
  const wider = tooMuch ? Math.max(1, criticalZ(Math.min(level, 0.5)) / criticalZ(BEYOND)) : 1;
  const beside = tooMuch && noise !== undefined ? noise : 0;
  const ratio = Math.max(Number.isFinite(halfWidth) ? (halfWidth * wider) / wanted : Math.SQRT2, beside / wanted);
  return {
    ...finding,
    verdict: 'cannot tell',
    why: tooMuch
      ? 'more than the limit, but within the noise'
      : 'the noise would hide a change of the size of the limit',
    // Of nothing that is allowed, and nothing that is seen, no number would tell: a ratio without an end, or none at all.
    runsNeeded: Math.max(
      fewest + 1,
      least,
      ratio < Infinity ? Math.min(RUNS_MOST, Math.ceil(fewest * ratio ** 2)) : RUNS_MOST,
    ),
  };
}

/** The least chance that the rank test comes to, where so many blocks of A B B A are as different as can be: all of b above all of a. */
export function leastChance(blocks: number, paired: boolean): number {
  // Of the ways to deal a block of four, one; of two pairs, one in four.
  return (paired ? 1 / 4 : 1 / 6) ** blocks;
}

/** As many, or more: nobody runs them. */
export const RUNS_MOST = 10_000;

/** Runs of each side with which a chance of `level` can be had at all. */
function leastRuns(level: number, blocks: readonly RunBlock[], { isHeap = false }: Looking): number {
  if (!isHeap) {
    const paired = blocks[0]?.paired === true;
    let n = 1;
    while (leastChance(n, paired) > level && 2 * n < RUNS_MOST) n++;
    return 2 * n;
  }
  let [n, chance] = [1, 1 / 2];
  // Of 2n runs, n: each further pair makes (2n + 1)(2n + 2) / (n + 1)² times as many ways.
  for (; chance > level && n < RUNS_MOST; n++) chance *= (n + 1) ** 2 / ((2 * n + 1) * (2 * n + 2));
  return n;
}

const NOISE_ROUNDS = 400;

/** The 95th percentile of changes that are none: the calibration's blocks drawn again, sides dealt anew. */
export function noiseOf(
  calibration: Calibration | undefined,
  measure: Measure,
  blocks: number,
  { seed }: Pick<Rules, 'seed'>,
): number | undefined {
  if (calibration === undefined) return undefined;
  const strata = calibration.blocks.flatMap(strataOf);
  const each = Math.round(strata.length / calibration.blocks.length);
  const logs = strata
    .map(({ a, b }) => [...a, ...b].flatMap((record) => ln(take(record, measure)?.value ?? Number.NaN)))
    .filter((values) => values.length >= 2 && values.every((value) => !Number.isNaN(value)));
  if (logs.length < 3) return undefined;
  const random = new Random(`${seed}/noise/${measureName(measure)}`);
  const changes = Array.from({ length: NOISE_ROUNDS }, () =>
    Math.abs(
      median(
        Array.from({ length: blocks * each }, () => {
          const dealt = random.shuffle(random.pick(logs));
          const half = dealt.length >> 1;
          return mean(dealt.slice(half)) - mean(dealt.slice(0, half));
        }),
      ),
    ),
  ).sort((x, y) => x - y);
  return exp(changes[Math.floor(0.95 * NOISE_ROUNDS)]) - 1;
}
