import { expect, test } from 'vitest';
import { judge, sentences } from '../sessions/testing.ts';
import checker from './one-leader-per-term.ts';

const seen = (node: string, role: string, term: number, more = ''): string =>
  `cluster sighting {"node":"${node}","role":"${role}","term":${term}${more}}`;

test('one leader after another', () => {
  const verdict = judge(checker, [
    seen('n1', 'leader', 1),
    seen('n2', 'follower', 1),
    seen('n2', 'leader', 2),
    seen('n1', 'leader', 1),
  ]);
  expect(verdict).toEqual({
    type: 'valid',
    examined: { operations: 0, sightings: 4, claims: 3, terms: 2, leaders: 2 },
  });
});

test('two leaders in one term, said once', () => {
  const verdict = judge(checker, [
    seen('n1', 'leader', 4),
    seen('n2', 'leader', 4),
    seen('n1', 'leader', 4),
    seen('n2', 'leader', 4),
  ]);
  expect(sentences(verdict)).toEqual(['n1 (at 0 ns) and n2 (at 1 ms) both claimed to lead in term 4.']);
  expect(verdict).toMatchObject({ count: 1 });
});

test('groups have terms of their own', () => {
  const verdict = judge(checker, [
    seen('n1', 'leader', 4, ',"commit":["g0",4,1]'),
    seen('n2', 'leader', 4, ',"commit":["g1",4,1]'),
  ]);
  expect(verdict.type).toBe('valid');
  const two = judge(checker, [
    seen('n1', 'leader', 4, ',"group":"g0"'),
    seen('n2', 'leader', 4, ',"group":"g1"'),
    seen('n3', 'leader', 4, ',"commit":["g1",4,1]'),
  ]);
  expect(sentences(two)).toEqual(['n2 (at 1 ms) and n3 (at 2 ms) both claimed to lead in term 4 of g1.']);
});

test('without claims there is nothing to judge', () => {
  expect(sentences(judge(checker, ['p1: w x 1', seen('n2', 'follower', 1)]))).toEqual([
    'unknown: no node was seen to claim leadership of a term',
  ]);
});
