import { describe, expect, it } from 'vitest';
import { sampleRecord } from '../test-support/sample-record.ts';
import { take } from './measures.ts';
import type { RunRecord } from './record.ts';

describe('the throughput of a run is taken from its calm seconds', () => {
  const all = [5, 100, 200, 7, 9, 11, 13, 300, 5, 0, 0];
  const rates = [{ kind: 'read', path: 'leader', outcome: 'ok', counts: all }] as const;
  const series = { stepNs: 1e9, steps: all.length, rates, latencies: [], lags: [], staleness: [] };
  const fault = { id: 1, fault: 'kill-leader', targets: [], from: 3.4e9, until: 4.9e9, effect: {} };
  const record: RunRecord = { ...sampleRecord(), plan: {}, faults: [fault], series };
  const perSecond = (change: Partial<RunRecord>): number | undefined =>
    take({ ...record, ...change }, { type: 'throughput', method: 'read', path: 'leader', phase: 'calm' })?.value;

  it('without those under faults and two seconds more, where it began or ended, and what came after the load', () => {
    expect(perSecond({})).toBe((100 + 200 + 300) / 3);
    expect(perSecond({ faults: [] })).toBe((100 + 200 + 7 + 9 + 11 + 13 + 300) / 7);
  });

  it('without those after its planned end, when only what was under way came to an end', () => {
    expect(perSecond({ plan: { durationNs: 7.5e9 } })).toBe((100 + 200) / 2);
  });

  it('with those in which nothing was answered though it was asked for', () => {
    const failed = { kind: 'write', path: 'quorum-ack', outcome: 'info', counts: all.map(() => 1) } as const;
    expect(perSecond({ series: { ...series, rates: [...rates, failed] } })).toBe((100 + 200 + 300 + 5 + 0) / 5);
  });

  it('not at all where none was calm', () => {
    expect(perSecond({ faults: [{ ...fault, from: 0, until: 12e9 }] })).toBeUndefined();
  });
});
