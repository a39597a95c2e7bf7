import { Random } from '../../history/random.ts';

export interface Interval {
  readonly low: number;
  readonly middle: number;
  readonly high: number;
}

const RESAMPLES = 10_000;

/**
 * Median of paired ratios with its 95 % percentile bootstrap interval: pairs are drawn with replacement (Efron &
 * Tibshirani 1993, chapter 13).
 */
export function medianRatio(pairs: readonly { readonly ours: number; readonly theirs: number }[]): Interval {
  const ratios = pairs.map(({ ours, theirs }) => ours / theirs);
  const random = new Random('bench-store');
  const medians = Array.from({ length: RESAMPLES }, () => median(ratios.map(() => random.pick(ratios))));
  medians.sort((a, b) => a - b);
  const at = (share: number): number => medians[Math.floor(share * (RESAMPLES - 1))];
  return { low: at(0.025), middle: median(ratios), high: at(0.975) };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}
