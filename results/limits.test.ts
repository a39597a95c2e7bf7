import { expect, it } from 'vitest';
import { allowed, type Limit, limitOf, overruledIn } from './limits.ts';
import type { Measure } from './measures.ts';

const latency = (worseBy: number, names: Partial<Limit> = {}): Limit => ({
  type: 'latency',
  percentiles: [99],
  worseBy,
  andBy: 0,
  ...names,
});
const measure = (path: string, percentile = 99, method = 'read'): Measure => ({
  type: 'latency',
  method,
  path,
  phase: 'calm',
  since: 'intended',
  percentile,
});

it('the limit that names most of a measure holds, wherever it stands among the others', () => {
  const general = latency(0.5, { percentiles: [50, 99] });
  const reads = latency(0.2, { methods: ['read'] });
  const exact = latency(0.3, { methods: ['read', 'write'], paths: ['leader'], phases: ['calm'] });
  for (const limits of [
    [general, reads, exact],
    [exact, reads, general],
  ]) {
    expect(limitOf(limits, measure('leader'), 1e6)).toBe(exact);
    expect(limitOf(limits, measure('follower'), 1e6)).toBe(reads);
    expect(limitOf(limits, measure('leader', 99, 'write'), 1e6)).toBe(exact);
    expect(limitOf(limits, measure('follower', 99, 'write'), 1e6)).toBe(general);
    // A percentile in a list is named as it is alone.
    expect(limitOf(limits, measure('leader', 50), 1e6)).toBe(general);
    expect(limitOf(limits, measure('leader', 90), 1e6)).toBeUndefined();
  }
});

it('of two that name as much the stricter holds, by what the baseline makes of share and amount', () => {
  const share = latency(0.1, { methods: ['read'] });
  const amount = latency(0.05, { paths: ['leader'], andBy: 500_000 });
  for (const limits of [
    [share, amount],
    [amount, share],
  ]) {
    // Half a millisecond is half of a millisecond, and a hundredth of fifty.
    expect(limitOf(limits, measure('leader'), 1e6)).toBe(share);
    expect(limitOf(limits, measure('leader'), 50e6)).toBe(amount);
    expect(limitOf(limits, measure('leader'), Number.NaN)).toBe(amount);
  }
  expect([allowed(amount, 1e6), allowed(amount, 50e6), allowed(amount, Number.NaN)]).toEqual([0.5, 0.05, 0.05]);
});

it('figures that fit and never hold are told, each percentile by itself', () => {
  const general = latency(0.5, { percentiles: [50, 99] });
  const reads = latency(0.2, { methods: ['read'] });
  const leader = latency(0.1, { paths: ['leader'] });
  const told = (limits: readonly Limit[], measures: readonly Measure[]) => overruledIn(limits, measures, () => 1e6);
  const all = [measure('leader'), measure('leader', 50), measure('follower'), measure('follower', 50)];
  expect(told([general], all)).toEqual([]);
  expect(told([general, reads], all)).toEqual(['p99 (worse-by 50%)']);
  expect(told([reads, leader], all)).toEqual([]);
  // On the leader both name as much, and a tenth is stricter.
  expect(told([reads, leader], all.slice(0, 2))).toEqual(['p99 of method read (worse-by 20%)']);
  // What fits nothing at all is told of elsewhere.
  expect(told([latency(1, { paths: ['nowhere'] })], all)).toEqual([]);
});
