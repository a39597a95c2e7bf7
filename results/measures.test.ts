import { describe, expect, it } from 'vitest';
import { sampleRecord } from '../test-support/sample-record.ts';
import { Latencies } from './histograms.ts';
import { measureName, measuresOf, quantile, spreadOf, take } from './measures.ts';
import type { RunRecord } from './record.ts';

const base = sampleRecord();

describe('measures', () => {
  it('are of all roles together, exact to the histogram', () => {
    const latencies = new Latencies();
    for (let i = 1; i <= 1_000; i++)
      latencies.record('read', 'follower', i % 2 === 0 ? 'leader' : 'follower', 'calm', i * 1_000);
    const record: RunRecord = { ...base, plan: {}, latencies: latencies.records() };
    const measures = measuresOf([record], [50, 99]);
    expect(measures.map(measureName)).toEqual(['read follower p50', 'read follower p99']);
    expect(measures.map((measure) => take(record, measure)?.value)).toEqual([500_000, 990_000]);
    const spread = spreadOf(record.latencies);
    expect(spread === undefined ? 0 : quantile(spread, 1)).toBe(1_000_000);
  });

  it('know a bench: its rates, and the rungs of its ladder', () => {
    const series = [{ method: 'read', path: 'leader', throughput: 480 }];
    const record: RunRecord = {
      ...base,
      latencies: [],
      plan: {
        bench: {
          steps: [
            { rate: 500, series },
            { rate: 500, series },
          ],
          ladder: { rungs: [{ target: 'leader', held: 900 }] },
        },
      },
    };
    expect(take(record, { type: 'throughput', method: 'read', path: 'leader', phase: 'calm' })?.value).toBe(480);
    expect(take(record, { type: 'ladder', path: 'leader' })?.value).toBe(900);
  });
});
