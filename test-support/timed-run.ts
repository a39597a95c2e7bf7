/** Made-up runs, whose latencies are what a test wants. */
import type { Random } from '../history/random.ts';
import { exp } from '../results/arithmetic.ts';
import { Latencies } from '../results/histograms.ts';
import type { RunRecord } from '../results/record.ts';
import { sampleRecord } from './sample-record.ts';

/** Latencies about 1 ms, with a tail; `noise` is the run's own. */
export function timedRun(random: Random, factor: number, noise: number, change: Partial<RunRecord> = {}): RunRecord {
  const latencies = new Latencies();
  const own = factor * exp(noise * normal(random));
  const series = latencies.series('read', 'leader', 'leader', 'calm');
  for (let i = 0; i < 400; i++) series.record(Math.round(1e6 * own * exp(0.5 * normal(random))));
  return {
    ...sampleRecord(),
    id: `run-${random.u32()}`,
    plan: {},
    cells: [],
    latencies: latencies.records(),
    ...change,
  };
}

/** About 0, with a deviation of 1. */
export function normal(random: Random): number {
  let sum = -6;
  for (let i = 0; i < 12; i++) sum += random.fraction();
  return sum;
}
