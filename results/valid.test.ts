import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { asset } from '../harness/entry.ts';
import { hostileRecord } from '../test-support/hostile-record.ts';
import { placesIn, spoiled } from '../test-support/places.ts';
import { sampleRecord } from '../test-support/sample-record.ts';
import { aMap } from './shape.ts';
import { recordOf } from './valid.ts';

/** As it comes from a file. */
const plain = (record: unknown): unknown => JSON.parse(JSON.stringify(record)) as unknown;

const [cell] = sampleRecord().cells;
const [latency] = sampleRecord().latencies;
const operation = { index: 3, process: 1, f: 'read', outcome: 'ok', key: 'x', value: null, callTime: 5, retTime: 6 };
const lastState = {
  stuck: operation,
  previous: operation,
  configurations: [{ held: null, last: operation, pending: [operation] }],
  order: [3],
};
const citation = { url: 'https://example.org/', says: 'Reads are linearizable.' };
/** With what the sample leaves out. */
const full = sampleRecord({
  cells: [{ ...cell, citation, suspendedBy: ['x'], anomalies: [{ ...cell.anomalies[0], lastState } as never] }],
});

test.each([
  ['the sample', sampleRecord()],
  ['one with all that may be there', full],
  ['a hostile one', hostileRecord()],
  [
    'one without what may be absent',
    without(sampleRecord(), 'machine', 'git', 'series', 'standings', 'pulls', 'curves'),
  ],
  ['one of a later version', { ...sampleRecord(), later: { a: 1 }, latencies: [{ ...latency, later: null }] }],
])('%s is a run', (_, record) => {
  const given = plain(record);
  expect(recordOf(given, aMap)).toBe(given);
});

test('runs of earlier versions are runs', () => {
  const folder = asset('results/testdata');
  const files = readdirSync(folder).filter((name) => name.startsWith('record-'));
  expect(files.length).toBeGreaterThan(3);
  for (const file of files)
    expect(recordOf(JSON.parse(readFileSync(join(folder, file), 'utf8')), aMap)).toHaveProperty('id');
});

describe('what a run holds is looked at:', () => {
  const places = [...placesIn(plain(full))];

  test('there are many places', () => expect(places.length).toBeGreaterThan(250));

  test.each(places)('%s', (path) => {
    const sentence = recordOf(spoiled(plain(full), path), aMap);
    expect(sentence).toMatch(/^'[^']+' of a run must be [^.]*$/);
    const named = /^'([^']+)'/.exec(String(sentence))?.[1] ?? '';
    // What is wrong in a list of figures, or a map of them, is said of the whole.
    expect(path.startsWith(named)).toBe(true);
    expect(path.slice(named.length)).toMatch(/^(\[\d+\]|\.[^.[]+)?$/);
  });
});

function without(record: object, ...names: readonly string[]): object {
  return Object.fromEntries(Object.entries(record).filter(([name]) => !names.includes(name)));
}

test.each([
  [[{ ...latency, count: 1.5 }], 'count', 'a whole number, not below 0'],
  [[{ ...latency, count: -5 }], 'count', 'a whole number, not below 0'],
  [[{ ...latency, p99Ns: -1 }], 'p99Ns', 'a number, not below 0'],
  [[{ ...latency, maxNs: Number.POSITIVE_INFINITY }], 'maxNs', 'a number, not below 0'],
  [[{ ...latency, since: 'asked' }], 'since', 'intended or sent'],
  [[{ ...latency, histogram: 'AAAA' }], 'histogram', 'an HDR histogram of latencies'],
])('a latency: %#', (latencies, field, due) => {
  expect(recordOf({ ...sampleRecord(), latencies }, aMap)).toBe(`'latencies[0].${field}' of a run must be ${due}`);
  const nodeLatencies = latencies.map((one) => ({ ...one, node: 'n1' }));
  expect(recordOf({ ...sampleRecord(), nodeLatencies }, aMap)).toBe(
    `'nodeLatencies[0].${field}' of a run must be ${due}`,
  );
});

test.each([
  [{ stepNs: 0 }, "'series.stepNs' of a run must be a number above 0"],
  [{ steps: 0 }, "'series.steps' of a run must be a whole number from 1 to 10000"],
  [{ steps: 1e9 }, "'series.steps' of a run must be a whole number from 1 to 10000"],
  [{ steps: 2 }, "'series.rates[0].counts' of a run must be a list of 2 numbers, none below 0, one for each step"],
  [
    { lags: [{ node: 'n1', group: 'g0', entries: [1, null] }] },
    "'series.lags[0].entries' of a run must be a list of 3 numbers or nulls, none below 0, one for each step",
  ],
  [{ lags: 5 }, "'series.lags' of a run must be a list"],
])('a series: %j', (changes, sentence) => {
  const { series } = sampleRecord();
  expect(recordOf({ ...sampleRecord(), series: { ...series, ...changes } }, aMap)).toBe(sentence);
});

test.each([
  [{ guarantee: 'toString' }, 'guarantee', 'a guarantee that this Tidemark knows'],
  [{ state: 'fine' }, 'state', 'kept, broken, holds, violated, undecided or not exercised'],
  [{ evidence: { reads: 4 } }, 'evidence', 'a map of numbers, a whole number of operations among them'],
  [{ evidence: { operations: 1e308 } }, 'evidence', 'a map of numbers, a whole number of operations among them'],
  [
    { anomalies: [{ kind: 'x', sentence: 'x', operations: [{ ...operation, callTime: -1 }] }] },
    'anomalies[0].operations[0].callTime',
    'a number, not below 0',
  ],
])('a cell: %j', (changes, path, due) => {
  expect(recordOf({ ...sampleRecord(), cells: [{ ...cell, ...changes }] }, aMap)).toBe(
    `'cells[0].${path}' of a run must be ${due}`,
  );
});

test('numbers that views add up cannot come to more than a number', () => {
  const [failover] = sampleRecord().failovers;
  const failovers = [{ ...failover, lostWrites: { a: 1e308, b: 1e308 } }];
  expect(recordOf({ ...sampleRecord(), failovers }, aMap)).toBe(
    "'failovers[0].lostWrites' of a run must be a map of whole numbers, none below 0",
  );
});

test.each([null, [], 'run', 5, undefined])('%j is no run', (given) => expect(recordOf(given, aMap)).toBe('no run'));
