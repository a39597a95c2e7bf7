import { expect, test } from 'vitest';
import { evidence, judge, sentences } from '../sessions/testing.ts';
import checker from './consistent-prefix.ts';

const writes = ['p0: w x 12', 'p1: w y 17'];

test('states that show the beginning of one order of writes, each as far as it got', () => {
  const verdict = judge(checker, [...writes, 'p2: r* x,y null,null', 'p2: r* x,y 12,17', 'p3: r* x,y 12,null']);
  expect(verdict).toMatchObject({ type: 'valid', examined: { operations: 5, states: 3, writes: 2, reads: 3 } });
});

test('a state that shows a later write of somebody else, and misses an earlier one', () => {
  const verdict = judge(checker, [...writes, 'p2: r* x,y null,17 node=n2 role=follower']);
  expect(sentences(verdict)).toEqual([
    'n2 (follower) showed 17 in y together with null, the initial value, in x at 0.005 s; 12 had been written to x before 17 was asked for.',
  ]);
  expect(evidence(verdict)).toEqual([0, 2, 4, 4]);
});

test('a later state of the same log that falls back; not one of another node', () => {
  const first = 'p2: r y 17 node=n2 position=g0/3/118';
  expect(judge(checker, [...writes, first, 'p2: r x null node=n2 position=g0/3/119']).type).toBe('invalid');
  expect(judge(checker, [...writes, first, 'p2: r x null node=n1 position=g0/3/110']).type).toBe('unknown');
});

test('versions order what time does not', () => {
  const open = ['p0 w x 12', 'p1 w y 17', 'p0 ok version=g0/1/1', 'p1 ok version=g0/1/2'];
  const state = 'p2: r* x,y null,17';
  expect(judge(checker, [...open, state]).type).toBe('invalid');
  expect(
    judge(
      checker,
      [...open, state].map((line) => line.replace(/ version=\S+/, '')),
    ).type,
  ).toBe('valid');
});

test('two states that want two writes in opposite orders', () => {
  const open = ['p0 w x 12', 'p1 w y 17', 'p0 ok', 'p1 ok'];
  const verdict = judge(checker, [...open, 'p2: r* x,y null,17', 'p3: r* x,y 12,null', 'p3: r* x,y 12,17']);
  expect(sentences(verdict)).toEqual([
    'No order of the writes has a prefix for each of these states: an unnamed node showed at 0.005 s null in x and 17 in y; an unnamed node showed at 0.007 s 12 in x and null in y.',
  ]);
  expect(evidence(verdict)).toEqual([0, 1, 4, 4, 6, 6]);
});

test('a prefix for each replication group, never across', () => {
  const grouped = ['p0: w x 12 version=g0/1/1', 'p1: w y 17 version=g1/1/1'];
  expect(judge(checker, [...grouped, 'p2: r* x,y null,17']).type).toBe('unknown');
});

test('single reads without a place are no states', () => {
  expect(sentences(judge(checker, [...writes, 'p2: r y 17', 'p2: r x null']))).toEqual([
    'unknown: no state showed a write together with anything else',
  ]);
});

test('a state holds one value of a key, and none that nobody wrote', () => {
  expect(judge(checker, ['p0: w x 1', 'p0: w x 2', 'p1: r* x,x 2,1']).type).toBe('invalid');
  expect(judge(checker, ['p0: w x 1', 'p1: r* x,y 99,null']).type).toBe('invalid');
});
