import { expect, test } from 'vitest';
import { MILLISECOND } from '../history/clock.ts';
import type { History } from '../history/history.ts';
import { h } from '../history/testing.ts';
import { readAges, type StalenessOptions, type StalenessSummary, summaryOf } from './staleness.ts';

const stalenessOf = (history: History, options?: StalenessOptions): StalenessSummary =>
  summaryOf(readAges(history, options));

const versioned = [
  'p0: w x 1 version=g0/1/1 time=0',
  'p0 w x 2 time=10000000',
  'p0 ok version=g0/1/2 time=12000000',
  'p0 w x 3 time=20000000',
  'p0 ok version=g0/1/3 time=22000000',
];
const read = (value: string, version = ''): string[] => [
  'p1 r x time=32000000',
  `p1 ok ${value}${version} time=33000000`,
];

test('the age of a read lies between what must and what may have been newer', () => {
  const [age] = readAges(h(...versioned, ...read('1', ' version=g0/1/1')));
  expect(age).toEqual({ row: 3, lowNs: 20 * MILLISECOND, highNs: 23 * MILLISECOND, versions: 2, newer: 1 });
  const [second] = readAges(h(...versioned, ...read('2', ' version=g0/1/2')));
  expect(second).toMatchObject({ lowNs: 10 * MILLISECOND, highNs: 13 * MILLISECOND, versions: 1 });
  const [fresh] = readAges(h(...versioned, ...read('3', ' version=g0/1/3')));
  expect(fresh).toMatchObject({ lowNs: 0, highNs: 0, versions: 0, newer: -1 });
  const [initial] = readAges(h(...versioned, ...read('null')));
  expect(initial).toMatchObject({ lowNs: 32 * MILLISECOND, versions: 3 });
});

test('without versions, only what began after the write had taken effect is certainly newer', () => {
  const plain = versioned.map((line) => line.replace(/ version=\S+/, ''));
  const [age] = readAges(h(...plain, ...read('1')));
  expect(age).toEqual({ row: 3, lowNs: 20 * MILLISECOND, highNs: 23 * MILLISECOND, versions: 2, newer: 1 });
  const concurrent = ['p0 w x 1 time=0', 'p2: w x 2 time=1000000', 'p0 ok time=2000000'];
  expect(readAges(h(...concurrent, ...read('1')))[0]).toMatchObject({ lowNs: 0, versions: 0 });
});

test('a write of unknown outcome counts from when somebody saw it', () => {
  const lines = ['p0: w x 1 time=0', 'p2 w x 2 time=1000000', 'p2 info time=2000000', 'p3: r x 2 time=30000000'];
  const ages = readAges(h(...lines, ...read('1')));
  expect(ages.map(({ lowNs }) => lowNs)).toEqual([0, 2 * MILLISECOND]);
});

test('an undone write is lost, not newer', () => {
  const lines = [
    'p0: w x 1 version=g0/1/1 time=0',
    'p0: w x 2 version=g0/2/2 time=1000000',
    'p1: r x 1 version=g0/1/1 time=5000000',
  ];
  const final = 'p9: r x 1 version=g0/1/1 time=7000000';
  expect(stalenessOf(h(...lines, final)).staleReads).toBe(2);
  expect(stalenessOf(h('harness phase "epilogue"', ...lines, final)).staleReads).toBe(0);
  const history = h(...lines);
  expect(stalenessOf(history, { undone: new Set([history.call[1]]) }).staleReads).toBe(0);
});

test('the summary', () => {
  const summary = stalenessOf(
    h(...versioned, ...read('1', ' version=g0/1/1'), 'p1: r x 2 time=34000000', 'p1: r x 3 time=35000000'),
  );
  expect(summary).toEqual({
    reads: 3,
    staleReads: 2,
    p50Ns: 12 * MILLISECOND,
    p99Ns: 20 * MILLISECOND,
    maxNs: 20 * MILLISECOND,
    versionsMax: 2,
  });
  expect(stalenessOf(h('p0: w x 1'))).toEqual({
    reads: 0,
    staleReads: 0,
    p50Ns: 0,
    p99Ns: 0,
    maxNs: 0,
    versionsMax: 0,
  });
});
