import { describe, expect, it } from 'vitest';
import { sampleRecord } from '../test-support/sample-record.ts';
import type { RunBlock } from './change.ts';
import { breachesOf, promisesOf, unkeptOf, unkeptText, VERDICT, verdictsOf } from './promises.ts';
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

describe('a promise that the candidate does not keep any more', () => {
  type States = readonly (Cell['state'] | undefined)[];
  /** A run a state; undefined: it is not judged at all. */
  const runs = (side: string, states: States): RunRecord[] =>
    states.map((state, i) => ({
      ...base,
      id: `${side}${i}`,
      verdict: 'kept',
      exitCode: 0,
      cells: state === undefined ? [] : [{ ...base.cells[0], state }],
    }));
  const block = (a: States, b: States): RunBlock => ({ a: runs('a', a), b: runs('b', b) });
  const times = (n: number, state: Cell['state'] | undefined): States => Array.from({ length: n }, () => state);
  const told = (a: States, b: States) => unkeptOf([block(a, b)], 0.05).map(({ instead }) => instead);

  it('is named with what it came to instead', () => {
    const four = times(4, 'kept');
    const [one] = unkeptOf([block(four, ['undecided', 'not exercised', undefined, 'undecided'])], 0.05);
    expect(one).toEqual({
      promise: 'linearizable · quorum-ack · leader',
      kept: 4,
      of: { a: 4, b: 4 },
      instead: { undecided: 2, 'not exercised': 1, 'not judged': 1 },
    });
    expect(unkeptText(one)).toBe(
      'linearizable · quorum-ack · leader: kept in 4 of 4 runs of the baseline, and in none of 4 of the candidate (undecided in 2, not exercised in 1, not judged in 1)',
    );
    // However many there are: where the baseline kept all in all of its runs, their number makes none of them chance.
    const cells = Array.from({ length: 40 }, (_, i): Cell => ({ ...base.cells[0], state: 'kept', readPath: `p${i}` }));
    const full = runs('a', four).map((run) => ({ ...run, cells }));
    expect(unkeptOf([{ a: full, b: runs('b', times(4, undefined)) }], 0.05)).toHaveLength(40);
  });

  it('is none where it is kept now and then, was broken, or too few runs say so', () => {
    expect(told(times(8, 'kept'), [...times(7, 'undecided'), 'kept'])).toEqual([]);
    expect(told(times(8, 'kept'), [...times(7, 'undecided'), 'broken'])).toEqual([]);
    expect(told(times(3, 'kept'), times(8, 'undecided'))).toEqual([]);
    expect(told(times(8, 'kept'), times(3, 'undecided'))).toEqual([]);
    expect(told(times(8, 'undecided'), times(8, 'undecided'))).toEqual([]);
    // A finding is no promise.
    expect(told(times(8, 'holds'), times(8, 'undecided'))).toEqual([]);
  });

  it('of which the baseline kept some is one beyond chance only', () => {
    // Of 16 runs 7 kept, and none of them the candidate's: 36 in 11,440. The verdicts are a second that was kept.
    expect(told([...times(7, 'kept'), 'undecided'], times(8, 'undecided'))).toEqual([{ undecided: 8 }]);
    // 4 of them: 70 in 1,820, which is not below 2.5 %.
    expect(told([...times(4, 'kept'), ...times(4, 'undecided')], times(8, 'undecided'))).toEqual([]);
    // Sides are dealt anew within blocks.
    const blocks = Array.from({ length: 4 }, () => block(['kept', 'kept'], ['undecided', 'undecided']));
    const [first, ...others] = blocks;
    expect(unkeptOf([block(['kept', 'undecided'], ['undecided', 'undecided']), ...others], 0.05)).toHaveLength(1);
    expect(unkeptOf([first, block(['undecided'], ['undecided']), block(['undecided'], ['undecided'])], 0.05)).toEqual(
      [],
    );
  });

  it('is the verdict too, where each run lacks another promise; one of a run that went wrong vouches for nothing', () => {
    const b = runs('b', times(4, 'kept'));
    const undecided = b.map((run): RunRecord => ({ ...run, verdict: 'undecided', exitCode: 2 }));
    const a = runs('a', times(4, 'kept'));
    expect(unkeptOf([{ a, b: undecided }], 0.05)).toMatchObject([{ promise: VERDICT, instead: { undecided: 4 } }]);
    expect(unkeptOf([{ a: undecided, b: undecided }], 0.05)).toEqual([]);
    const failed = b.map((run): RunRecord => ({ ...run, exitCode: 255 }));
    expect(unkeptOf([{ a, b: failed }], 0.05)).toMatchObject([{ promise: VERDICT, instead: { 'failed (kept)': 4 } }]);
    expect(verdictsOf([{ a, b: [...failed, undecided[0]] }])).toEqual({
      a: { kept: 4 },
      b: { 'failed (kept)': 4, undecided: 1 },
    });
  });
});
