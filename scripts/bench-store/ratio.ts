import { Random } from '../../history/random.ts';

export interface Interval {
  readonly low: number;
  readonly middle: number;
  readonly high: number;
}

const RESAMPLES = 10_000;

/**
 * Geometric mean of paired ratios with its 95 % percentile bootstrap interval: pairs are drawn with replacement (Efron &
 * Tibshirani 1993, chapter 13).
 */
export function meanRatio(pairs: readonly { readonly ours: number; readonly theirs: number }[]): Interval {
  const logs = pairs.map(({ ours, theirs }) => Math.log(ours / theirs));
  const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
  const random = new Random('bench-store');
  const means = Array.from({ length: RESAMPLES }, () => mean(logs.map(() => random.pick(logs)))).sort((a, b) => a - b);
  const at = (share: number): number => Math.exp(means[Math.floor(share * (RESAMPLES - 1))]);
  return { low: at(0.025), middle: Math.exp(mean(logs)), high: at(0.975) };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}
