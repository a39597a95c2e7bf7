import { expect, test } from 'vitest';
import type { RunRecord } from '../../results/record.ts';
import { sampleRecord } from '../../test-support/sample-record.ts';
import { timeCharts } from './time-charts.ts';

test('lag is in what the positions of the store count: entries, where it does not say', () => {
  const series: RunRecord['series'] = {
    stepNs: 1e9,
    steps: 2,
    rates: [],
    latencies: [],
    lags: [{ node: 'n2', group: 'g', entries: [5, 0] }],
    staleness: [],
  };
  const lagOf = (plan: RunRecord['plan']) => {
    const charts = timeCharts({ ...sampleRecord(), series, plan });
    const chart = charts.find(({ figure }) => String(figure).includes('<b>Lag</b>'));
    return [chart?.readout.unit, /Lag<\/b> <span>(.+?) that a leader/.exec(String(chart?.figure))?.[1]];
  };
  expect(lagOf({ positions: { unit: 'bytes of WAL', withinHistory: true } })).toEqual(['bytes of WAL', 'bytes of WAL']);
  expect(lagOf({})).toEqual(['entries', 'entries']);
});
