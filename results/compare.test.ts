import { describe, expect, it } from 'vitest';
import { Random } from '../history/random.ts';
import { sampleRecord } from '../test-support/sample-record.ts';
import { timedRun } from '../test-support/timed-run.ts';
import { certaintyOf } from './change.ts';
import { compare } from './compare.ts';
import { Latencies } from './histograms.ts';
import { measureName } from './measures.ts';
import type { Cell, RunRecord } from './record.ts';

const base = sampleRecord();

describe('comparing', () => {
  it('says which verdicts changed, which figures, and why they may not be comparable', () => {
    const random = new Random('compare');
    const cell = { ...base.cells[0], guarantee: 'linearizable' } as Cell;
    const side = (factor: number, state: Cell['state'], rate: number): RunRecord[] =>
      Array.from({ length: 5 }, () => timedRun(random, factor, 0.02, { cells: [{ ...cell, state }], plan: { rate } }));
    const compared = compare(side(1, 'kept', 500), side(1.5, 'violated', 600));
    expect(compared.verdicts).toEqual([expect.objectContaining({ a: 'kept', b: 'violated' })]);
    expect(compared.unlike).toEqual(['rate differs: 500 against 600']);
    const [p50] = compared.figures;
    expect(p50.basis).toBe('runs');
    expect(p50.change.low).toBeGreaterThan(0.3);
    expect(p50.change.high).toBeLessThan(0.7);
  });

  it('of single runs speaks of their operations only', () => {
    const random = new Random('single');
    const [figure] = compare([timedRun(random, 1, 0)], [timedRun(random, 1, 0)]).figures;
    expect(figure.basis).toBe('operations');
    expect(figure.change.low).toBeLessThan(0);
    expect(figure.change.high).toBeGreaterThan(0);
    expect(Number.isFinite(figure.change.high)).toBe(true);
  });

  it('of single runs says nothing of a percentile that has no operations beyond it', () => {
    const of = (operations: number, factor: number): RunRecord => {
      const latencies = new Latencies();
      for (let i = 1; i <= operations; i++)
        latencies.record('read', 'leader', 'leader', 'calm', factor * (1e6 + i * 100));
      return { ...base, plan: {}, latencies: latencies.records() };
    };
    const certain = (n: number, factor: number): readonly string[] =>
      compare([of(n, 1)], [of(n, factor)], [50, 99]).figures.map(certaintyOf);
    // The slowest of 100 is below their 99th percentile in a third of all cases.
    expect(certain(100, 3)).toEqual(['differs', 'cannot tell']);
    expect(certain(400, 3)).toEqual(['differs', 'differs']);
  });

  it('of single runs says nothing of a rate, which is one figure each', () => {
    const bench = (throughput: number): RunRecord => ({
      ...base,
      latencies: timedRun(new Random('rate'), 1, 0).latencies,
      plan: { bench: { steps: [{ rate: 500, series: [{ method: 'read', path: 'leader', throughput }] }] } },
    });
    const rates = compare([bench(480)], [bench(900)]).figures.filter(({ measure }) => measure.type === 'throughput');
    expect(rates.map(certaintyOf)).toEqual(['cannot tell']);
    const heap = (rate: number) => [bench(rate), bench(rate + 1), bench(rate + 2), bench(rate + 3)];
    const more = compare(heap(480), heap(900)).figures.filter(({ measure }) => measure.type === 'throughput');
    expect(more.map(certaintyOf)).toEqual(['differs']);
  });

  it('takes all paths together, fault by fault', () => {
    const latencies = new Latencies();
    for (let i = 1; i <= 100; i++) {
      latencies.record('write', 'a', 'leader', 'kill-leader', 1_000_000);
      latencies.record('write', 'b', 'leader', 'kill-leader', 3_000_000);
    }
    const record: RunRecord = { ...base, plan: {}, latencies: latencies.records() };
    const { together, figures } = compare([record], [record], [99]);
    expect(together.map(({ measure, a }) => [measureName(measure), Math.round(a / 1e5)])).toEqual([
      ['write all paths p99 (kill-leader)', 30],
    ]);
    expect(figures.filter(({ measure }) => measure.type === 'latency')).toHaveLength(2);
  });
});
