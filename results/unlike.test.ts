import { expect, it } from 'vitest';
import { sampleRecord } from '../test-support/sample-record.ts';
import { caveat } from './caveats.ts';
import { compare } from './compare.ts';
import type { RunRecord } from './record.ts';
import { differences } from './unlike.ts';

const plain = sampleRecord({ verdict: 'kept', exitCode: 0, cells: [], counts: {}, plan: {} });

it.each<[Partial<RunRecord>, readonly string[]]>([
  [{}, []],
  [{ plan: { durationNs: 5 } }, ['durationNs differs: nothing against 5']],
  [{ plan: { schedule: { phases: [1] } } }, ['schedule differs: nothing against {"phases":[1]}']],
  [{ versions: { ...plain.versions, tidemark: '0.2.0' } }, ['Tidemark differs: "0.1.0" against "0.2.0"']],
])('runs that differ in %j', (changes, sentences) => {
  expect(differences([plain], [{ ...plain, ...changes }])).toEqual(sentences);
});

it('benches differ by what they measured, not by how long the plan around it is', () => {
  const bench = (durationNs: number, of: object): RunRecord => ({ ...plain, plan: { durationNs, bench: of } });
  expect(differences([bench(1, { warmUpNs: 1 })], [bench(2, { warmUpNs: 1 })])).toEqual([]);
  expect(differences([bench(1, { writePath: 'a', repeats: 1 })], [bench(1, { writePath: 'b', repeats: 2 })])).toEqual([
    'bench writePath differs: "a" against "b"',
    'bench repeats differs: 1 against 2',
  ]);
});

it('what is cut short before it differs is not told twice', () => {
  const scheduled = (end: string): RunRecord => ({ ...plain, plan: { schedule: `${'x'.repeat(200)}${end}` } });
  expect(differences([scheduled('a')], [scheduled('b')])).toEqual(['schedule differs']);
});

it('runs that figures are better not taken from are counted, in a comparison too', () => {
  const dirty = { ...plain, git: { revision: '0123', dirty: true } };
  const failed: RunRecord = { ...plain, exitCode: 255 };
  const broken: RunRecord = { ...plain, verdict: 'broken', exitCode: 1, counts: { 'harness failures': 2 } };
  const interrupted = { ...plain, counts: { interrupted: 1 } };
  expect(caveat('A', [plain, plain])).toBeUndefined();
  const said = "of B's 5 runs: 2 went wrong; 1 interrupted; 1 made from a tree with changes in no commit";
  expect(caveat('B', [plain, dirty, failed, broken, interrupted])).toBe(said);
  expect(compare([plain], [plain, dirty, failed, broken, interrupted]).caveats).toEqual([said]);
});
