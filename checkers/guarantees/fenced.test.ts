import { expect, test } from 'vitest';
import { evidence, judge, sentences } from '../sessions/testing.ts';
import checker from './fenced.ts';

const higher = 'p1: w x 17 node=n2 role=leader version=g0/3/115';

test('terms that only rise', () => {
  const verdict = judge(checker, [
    'p1: w x 1 version=g0/2/7',
    'p2 w x 2',
    higher,
    'p2 ok version=g0/2/120',
    'p1: cas x 17 18 version=g0/3/116',
  ]);
  expect(verdict).toEqual({ type: 'valid', examined: { operations: 4, writes: 4, terms: 2 } });
});

test('a deposed leader that acknowledges', () => {
  const verdict = judge(checker, [higher, 'p2: w y 18 node=n1 role=leader version=g0/2/120']);
  expect(sentences(verdict)).toEqual([
    'n2 (leader) acknowledged 17 to x in term 3 at 1 ms, and then n1 (leader) acknowledged 18 to y, invoked at 2 ms, in the lower term 2.',
  ]);
  expect(evidence(verdict)).toEqual([0, 2]);
});

test('other groups have terms of their own, and refusals acknowledge nothing', () => {
  expect(judge(checker, [higher, 'p2: w y 18 version=g1/2/120']).type).toBe('valid');
  expect(sentences(judge(checker, [higher, 'p2: w y 18 version=g1/2/120', 'p2: w y 19 version=g1/1/121']))[0]).toMatch(
    / in term 2 of g1 at .*, in the lower term 1 of g1\.$/,
  );
  expect(judge(checker, [higher, 'p2 w y 18', 'p2 info', 'p3 w y 19', 'p3 fail']).type).toBe('valid');
});

test('without terms there is nothing to judge', () => {
  expect(sentences(judge(checker, ['p1: w x 1', 'p1: w x 2 version=g0/8f3a/7']))).toEqual([
    'unknown: no acknowledged write tells its term',
  ]);
});

test('an acknowledgement that overlaps the higher term lowers nothing', () => {
  const overlapping = ['p2 w y 1', higher, 'p2 ok version=g0/2/120'];
  expect(judge(checker, overlapping).type).toBe('valid');
  expect(judge(checker, [...overlapping, 'p3: w z 2 version=g0/2/121']).type).toBe('invalid');
});

test('one path is judged by the acknowledgements of all', () => {
  const lines = [
    'p0: w y 1 path=fast version=g0/2/7',
    'p1: w x 17 path=safe node=n2 role=leader version=g0/3/115',
    'p2: w y 18 path=fast node=n1 role=leader version=g0/2/120',
  ];
  expect(judge(checker, lines, { blame: 'fast' })).toMatchObject({
    type: 'invalid',
    count: 1,
    examined: { writes: 2 },
  });
  expect(judge(checker, lines, { blame: 'safe' })).toMatchObject({ type: 'valid', examined: { writes: 1, terms: 1 } });
  expect(judge(checker, lines, { blame: 'other' }).type).toBe('unknown');
});

test('a read that tells of a write what its acknowledgement did not say casts doubt on it, whoever says so', () => {
  const acknowledged = [
    'p0: w x 1 path=fast version=g0/1/7',
    'p0: w x 2 path=safe version=g0/2/8',
    'p0: w x 3 path=fast version=g0/2/9',
  ];
  const doubt = ['unknown: the versions of 1 acknowledged write contradict other claims'];
  const another = 'p1: r x 3 version=g0/2/12';
  expect(judge(checker, [...acknowledged, another])).toMatchObject({ type: 'invalid', count: 1 });
  expect(sentences(judge(checker, [...acknowledged, another], { blame: 'fast' }))).toEqual(doubt);
  // That of another write: which of the two has it is not known.
  const ofOther = 'p1: r x 3 version=g0/2/8';
  expect(judge(checker, [...acknowledged, ofOther])).toMatchObject({ type: 'invalid', count: 1 });
  expect(sentences(judge(checker, [...acknowledged, ofOther], { blame: 'fast' }))).toEqual([
    'unknown: the versions of 2 acknowledged writes contradict other claims',
  ]);
});

test('of several writes with one version, those of one path contradict each other', () => {
  const lines = [
    'p0: w x 1 path=safe version=g0/1/7',
    'p0: w x 2 path=fast version=g0/1/7',
    'p0: w x 3 path=fast version=g0/1/7',
  ];
  expect(judge(checker, lines, { blame: 'fast' })).toMatchObject({ type: 'invalid', count: 1 });
  expect(judge(checker, lines.slice(0, 2), { blame: 'fast' }).type).toBe('unknown');
  expect(judge(checker, lines).type).toBe('invalid');
});
