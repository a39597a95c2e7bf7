/**
 * What is needed to tell a difference from noise: a rank test for measurements made in blocks, the interval that belongs to
 * it, the bootstrap, and the interval of a share.
 *
 * Measurements of one block were made side by side (A B B A); what drifts from block to block is common to both sides. So
 * each block is aligned at its mean first, and ranks are dealt anew within blocks only: the aligned rank test (J. L. Hodges
 * and E. L. Lehmann, "Rank methods for combination of independent experiments in analysis of variance", Annals of
 * Mathematical Statistics 33, 1962). With one block it is the test of Mann and Whitney (1947).
 */
import { normalAbove, normalTail } from './arithmetic.ts';
import type { Random } from '../history/random.ts';

/** Measurements made side by side. */
export interface Block {
  readonly a: readonly number[];
  readonly b: readonly number[];
}

export interface RankTest {
  /** Pairs (a, b) in which b is the greater, ties counting half; of aligned values where there are several blocks. */
  readonly u: number;
  /** The chance of so great a `u`, or a greater one, if both sides were alike. */
  readonly pGreater: number;
  readonly pLess: number;
  /** Counted out over all ways to deal the ranks, or by the normal approximation. */
  readonly method: 'exact' | 'normal';
}

/** Up to so many measurements all ways to deal the ranks are counted; above, the normal approximation is good to three digits. */
const EXACT_MAX = 60;

/** Whether b is greater (or less) than a. Both sides need a measurement. */
export function rankTest(blocks: readonly Block[], method?: 'exact' | 'normal'): RankTest {
  const used = blocks.filter(({ a, b }) => a.length > 0 && b.length > 0);
  if (used.length === 0) throw new Error('a rank test needs measurements of both sides');
  const aligned = used.length === 1 ? used : used.map(alignedAtMean);
  const ranks = midRanks(aligned.flatMap(({ a, b }) => [...a, ...b]));
  const strata: Stratum[] = [];
  let at = 0;
  let rankSum = 0;
  let m = 0;
  for (const { a, b } of aligned) {
    const of = ranks.slice(at, at + a.length + b.length);
    strata.push({ ranks: of, drawn: b.length });
    for (const rank of of.slice(a.length)) rankSum += rank;
    at += of.length;
    m += b.length;
  }
  const u = rankSum - (m * (m + 1)) / 2;
  const how = method ?? (ranks.length <= EXACT_MAX ? 'exact' : 'normal');
  return { u, method: how, ...(how === 'exact' ? counted(strata, rankSum) : approximated(strata, rankSum)) };
}

function alignedAtMean({ a, b }: Block): Block {
  // Of the two sides' means, so that a side with more measurements does not weigh more.
  const middle = (mean(a) + mean(b)) / 2;
  return { a: a.map((x) => x - middle), b: b.map((x) => x - middle) };
}

/** Ranks from 1; those that are equal share the middle of theirs. */
export function midRanks(values: readonly number[]): number[] {
  const order = values.map((_, i) => i).sort((i, j) => values[i] - values[j]);
  const ranks: number[] = Array.from({ length: values.length }, () => 0);
  for (let from = 0; from < order.length; ) {
    let until = from + 1;
    while (until < order.length && isTie(values[order[until]], values[order[from]])) until++;
    for (let i = from; i < until; i++) ranks[order[i]] = (from + until + 1) / 2;
    from = until;
  }
  return ranks;
}

/** What differs by no more than rounding did not differ before it was aligned. */
function isTie(x: number, y: number): boolean {
  return x === y || Math.abs(x - y) <= 1e-12 * Math.max(Math.abs(x), Math.abs(y));
}

/** The ranks of one block, and how many of them side b has. */
interface Stratum {
  readonly ranks: readonly number[];
  readonly drawn: number;
}

function counted(strata: readonly Stratum[], rankSum: number): Pick<RankTest, 'pGreater' | 'pLess'> {
  let ways = new Float64Array([1]);
  for (const stratum of strata) ways = convolved(ways, sums(stratum));
  const observed = Math.round(2 * rankSum);
  let less = 0;
  let greater = 0;
  let all = 0;
  for (let sum = 0; sum < ways.length; sum++) {
    all += ways[sum];
    if (sum <= observed) less += ways[sum];
    if (sum >= observed) greater += ways[sum];
  }
  return { pGreater: greater / all, pLess: less / all };
}

/** In how many ways `drawn` of the ranks have each sum; doubled, so that ranks in the middle are whole numbers too. */
function sums({ ranks, drawn }: Stratum): Float64Array<ArrayBuffer> {
  const doubled = ranks.map((rank) => Math.round(2 * rank));
  const most = doubled
    .toSorted((x, y) => y - x)
    .slice(0, drawn)
    .reduce((sum, x) => sum + x, 0);
  const ways = Array.from({ length: drawn + 1 }, () => new Float64Array(most + 1));
  ways[0][0] = 1;
  for (const [i, rank] of doubled.entries()) {
    for (let k = Math.min(i + 1, drawn); k > 0; k--) {
      const [with_, without] = [ways[k], ways[k - 1]];
      for (let sum = most; sum >= rank; sum--) with_[sum] += without[sum - rank];
    }
  }
  return ways[drawn];
}

/** The second has few sums that occur at all: a block's. */
function convolved(x: Float64Array, y: Float64Array): Float64Array<ArrayBuffer> {
  const result = new Float64Array(x.length + y.length - 1);
  for (let j = 0; j < y.length; j++) {
    if (y[j] === 0) continue;
    for (let i = 0; i < x.length; i++) result[i + j] += x[i] * y[j];
  }
  return result;
}

/** With the correction for ties, which the variance of the ranks themselves contains, and that for continuity. */
function approximated(strata: readonly Stratum[], rankSum: number): Pick<RankTest, 'pGreater' | 'pLess'> {
  let expected = 0;
  let variance = 0;
  for (const { ranks, drawn } of strata) {
    const n = ranks.length;
    const middle = mean(ranks);
    const spread = ranks.reduce((sum, rank) => sum + (rank - middle) ** 2, 0) / n;
    expected += drawn * middle;
    if (n > 1) variance += (drawn * (n - drawn) * spread) / (n - 1);
  }
  if (variance === 0) return { pGreater: 1, pLess: 1 };
  const deviation = Math.sqrt(variance);
  const off = rankSum - expected;
  return { pGreater: normalTail((off - 0.5) / deviation), pLess: normalTail((-off - 0.5) / deviation) };
}

export interface Shift {
  /** By how much b is greater than a: the shift that leaves no difference (Hodges and Lehmann, 1963). */
  readonly estimate: number;
  /** Shifts that the test, one-sided at (1 - confidence) / 2 on each side, does not contradict. Infinite where too few were measured. */
  readonly low: number;
  readonly high: number;
}

/** How much greater b is than a, with its interval: the rank test turned round. */
export function shift(blocks: readonly Block[], confidence: number): Shift {
  const used = blocks.filter(({ a, b }) => a.length > 0 && b.length > 0);
  const differences = used.flatMap(({ a, b }) => b.flatMap((y) => a.map((x) => y - x))).sort((x, y) => x - y);
  const [least, most] = [differences[0], differences[differences.length - 1]];
  const beyond = Math.max(most - least, Math.abs(most), 1e-9) * 2 + 1e-9;
  const alpha = (1 - confidence) / 2;
  const testOf = (by: number): RankTest => rankTest(used.map(({ a, b }) => ({ a, b: b.map((y) => y - by) })));
  /** The point between them where what holds at the low end ceases to. */
  const edge = (holds: (test: RankTest) => boolean): number | undefined => {
    let [low, high] = [least - beyond, most + beyond];
    if (!holds(testOf(low)) || holds(testOf(high))) return undefined;
    for (let i = 0; i < 36; i++) {
      const middle = (low + high) / 2;
      if (holds(testOf(middle))) low = middle;
      else high = middle;
    }
    return (low + high) / 2;
  };
  return {
    estimate:
      used.length === 1 ? median(differences) : (edge((test) => test.pGreater < test.pLess) ?? median(differences)),
    low: edge((test) => test.pGreater <= alpha) ?? Number.NEGATIVE_INFINITY,
    high: edge((test) => test.pLess > alpha) ?? Number.POSITIVE_INFINITY,
  };
}

/**
 * The bootstrap's interval of a figure (B. Efron, 1979), by percentiles of `rounds` replications. `draw` is given the source
 * of randomness and returns the figure of one replication.
 */
export function bootstrap(
  draw: (random: Random) => number,
  { rounds, confidence, random }: { readonly rounds: number; readonly confidence: number; readonly random: Random },
): { readonly low: number; readonly high: number } {
  const figures = Array.from({ length: rounds }, () => draw(random)).sort((x, y) => x - y);
  const at = (share: number): number => figures[Math.min(rounds - 1, Math.max(0, Math.round(share * (rounds - 1))))];
  return { low: at((1 - confidence) / 2), high: at((1 + confidence) / 2) };
}

/** The exact interval of a share (C. Clopper and E. Pearson, 1934). */
export function shareInterval(
  hits: number,
  of: number,
  confidence = 0.95,
): { readonly low: number; readonly high: number } {
  const alpha = (1 - confidence) / 2;
  const solve = (isBelow: (share: number) => boolean): number => {
    let [low, high] = [0, 1];
    for (let i = 0; i < 60; i++) {
      const middle = (low + high) / 2;
      if (isBelow(middle)) low = middle;
      else high = middle;
    }
    return (low + high) / 2;
  };
  return {
    low: hits === 0 ? 0 : solve((share) => 1 - atMost(hits - 1, of, share) < alpha),
    high: hits === of ? 1 : solve((share) => atMost(hits, of, share) > alpha),
  };
}

/** P(X <= k) of the binomial distribution. */
function atMost(k: number, n: number, share: number): number {
  let sum = 0;
  for (let i = 0; i <= k; i++) {
    let term = 1;
    // Factors in turn, so that none of the products leaves the range of doubles for n in the thousands.
    let rest = n - i;
    for (let j = 1; j <= i; j++) {
      term *= ((n - i + j) / j) * share;
      while (term > 1 && rest > 0) {
        term *= 1 - share;
        rest--;
      }
    }
    for (; rest > 0; rest--) term *= 1 - share;
    sum += term;
  }
  return sum;
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, x) => sum + x, 0) / values.length;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((x, y) => x - y);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/** Standard deviation of what the values are drawn from. */
export function deviation(values: readonly number[]): number {
  const middle = mean(values);
  return Math.sqrt(values.reduce((sum, x) => sum + (x - middle) ** 2, 0) / (values.length - 1));
}

/** How many blocks bring an interval of this half width, seen with `blocks`, down to `wanted`. */
export function blocksFor(blocks: number, halfWidth: number, wanted: number): number {
  return Math.ceil(blocks * (halfWidth / wanted) ** 2);
}

/** The z of a one-sided test at `alpha`. */
export function criticalZ(alpha: number): number {
  return normalAbove(alpha);
}
