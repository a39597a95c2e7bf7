import { expect, it } from 'vitest';
import { sampleRecord } from '../test-support/sample-record.ts';
import { breachesOf, promisesOf } from './gate.ts';
import type { Cell, RunRecord } from './record.ts';

const base = sampleRecord();

it('names promises that the baseline broke too', () => {
  const cell = { ...base.cells[0], state: 'broken' } as Cell;
  const breaches = breachesOf([{ a: [{ ...base, cells: [cell] }], b: [{ ...base, cells: [cell] }] }]);
  expect(breaches.map(({ alsoInBaseline }) => alsoInBaseline)).toEqual([true]);
});

it('tells of each breach in how many runs its promise was broken', () => {
  const cell = { ...base.cells[0], state: 'broken' } as Cell;
  const run = (id: string, ...readPaths: readonly string[]): RunRecord => ({
    ...base,
    id,
    cells: readPaths.map((readPath) => ({ ...cell, readPath })),
  });
  const breaches = breachesOf([{ a: [], b: [run('1', 'leader', 'local'), run('2', 'leader'), run('3')] }]);
  expect(breaches.map(({ run: id, runs }) => [id, runs.broken, runs.of])).toEqual([
    ['1', 2, 3],
    ['1', 1, 3],
    ['2', 2, 3],
  ]);
  expect(promisesOf(breaches).map(({ run: id, cell: { readPath } }) => [id, readPath])).toEqual([
    ['1', 'leader'],
    ['1', 'local'],
  ]);
});
