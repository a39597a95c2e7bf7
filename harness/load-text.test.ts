import { describe, expect, test } from 'vitest';
import { sampleRecord } from '../test-support/sample-record.ts';
import { Arrivals } from './arrivals.ts';
import { CALM_ARRIVED, CALM_SHED, overloadLines, reasonLines, UNTOUCHED_ARRIVED, UNTOUCHED_SHED } from './load-text.ts';
import { rendered } from './report/formats.ts';
import { calmLines, renderReport } from './report-text.ts';

const { plan, counts } = sampleRecord();
const loaded = (shed: number, environment = 'docker'): ReturnType<typeof sampleRecord> =>
  sampleRecord({
    environment,
    plan: { ...plan, rate: 600 },
    counts: { ...counts, [CALM_ARRIVED]: 1000, [CALM_SHED]: shed, 'refused: READONLY': 4574, 'unknown: timeout': 3 },
  });

test('arrivals are counted by when they were meant to start', () => {
  const arrivals = new Arrivals();
  for (const [ms, shed] of [
    [20, false],
    [99, true],
    [100, true],
    [250, false],
  ] as const)
    arrivals.add(ms * 1e6, shed); // prettier-ignore
  expect(arrivals.within(() => true)).toEqual({ arrived: 4, shed: 2 });
  expect(arrivals.within((from, until) => !(from <= 120e6 && until >= 120e6))).toEqual({ arrived: 3, shed: 1 });
});

describe('a load that could not be carried', () => {
  test('is said in one sentence, from one operation in twenty on', () => {
    expect(overloadLines(loaded(51))).toEqual([
      'Overloaded: 51 of 1,000 operations were shed while no fault was in force: the store or this machine could not carry 600 operations a second; latencies are those of an overloaded system (a lower --rate measures the store).',
    ]);
    expect(overloadLines(loaded(51, 'simulation'))[0]).toContain('force: the store could not carry');
    expect(overloadLines(loaded(50))).toEqual([]);
    expect(overloadLines(sampleRecord())).toEqual([]); // a closed load, or a run of an earlier version
  });

  test('is not what is said where the load was carried until the first fault', () => {
    const record = loaded(51);
    const of = (shed: number): string[] =>
      overloadLines({ ...record, counts: { ...record.counts, [UNTOUCHED_ARRIVED]: 300, [UNTOUCHED_SHED]: shed } });
    expect(of(15)).toEqual([
      'Shed: 51 of 1,000 operations while no fault was in force, though before the first fault no more than 15 of 300 were: more likely what earlier faults had left broken than a rate that is too high. Latencies while calm include it.',
    ]);
    expect(of(16)[0]).toMatch(/^Overloaded: 51 of 1,000/);
  });

  test.each(['text', 'html', 'markdown'] as const)('%s says so, and why operations were refused', (format) => {
    const of = (shed: number): string => {
      const record = loaded(shed);
      return format === 'text' ? renderReport(record, { color: false }) : rendered(record, format);
    };
    expect(of(51)).toContain('51 of 1,000 operations were shed while no fault was in force');
    expect(of(50)).not.toContain('Overloaded');
    expect(of(50)).toMatch(/refused: READONLY 4,574/);
    expect(of(50)).toMatch(/of unknown outcome: timeout 3/);
  });
});

test('the four most frequent reasons are told, and how many others there are', () => {
  const told = { A: 7, B: 9, C: 8, D: 1, E: 2, F: 3 };
  const many = Object.fromEntries(Object.entries(told).map(([name, n]) => [`refused: ${name}`, n * 1000]));
  expect(reasonLines(many)).toEqual(['refused: B 9,000, C 8,000, A 7,000, F 3,000, 2 other reasons 3,000']);
  expect(reasonLines({ 'refused: A': 1, refused: 1 })).toEqual(['refused: A 1']);
  expect(reasonLines({ refused: 0 })).toEqual([]);
});

test('what calm means is told where calm requests often went unanswered', () => {
  const calm = (answered: number): string[] =>
    calmLines({ 'calm reads asked leader': 100, 'calm reads answered leader': answered });
  expect(calm(90)).toEqual(['calm reads answered: leader 90.0 % of 100']);
  expect(calm(89)[1]).toContain('what an earlier fault left broken');
});
