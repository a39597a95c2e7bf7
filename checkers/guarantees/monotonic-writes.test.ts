import { expect, test } from 'vitest';
import { evidence, judge, sentences } from '../sessions/testing.ts';
import checker from './monotonic-writes.ts';

const writes = ['p1: w x 12 session=s3', 'p1: w y 17 session=s3'];

test('a state that shows both', () => {
  const verdict = judge(checker, [...writes, 'p2: r* x,y 12,17']);
  expect(verdict).toMatchObject({ type: 'valid', examined: { operations: 3, reads: 1, pairs: 1, states: 1 } });
});

test('one state that shows the later write only', () => {
  const verdict = judge(checker, [...writes, 'p2: r* x,y null,17 node=n2 role=follower']);
  expect(sentences(verdict)).toEqual([
    'Session s3 wrote 12 to x (ok at 1 ms) and then 17 to y; n2 (follower) showed 17 in y together with null, the initial value, in x at 5 ms.',
  ]);
  expect(evidence(verdict)).toEqual([0, 2, 4, 4]);
});

test('two states of one log', () => {
  const verdict = judge(checker, [
    ...writes,
    'p2: r y 17 node=n2 role=follower position=g0/3/118',
    'p2: r x null node=n2 role=follower position=g0/3/120',
  ]);
  expect(sentences(verdict)).toEqual([
    'Session s3 wrote 12 to x (ok at 1 ms) and then 17 to y; n2 (follower) showed 17 in y at (3,118) and null, the initial value, in x at (3,120) at 7 ms.',
  ]);
});

test('states that do not continue one another are not compared', () => {
  const states = (first: string, second: string, ...between: string[]): string =>
    judge(checker, [...writes, `p2: r y 17 ${first}`, ...between, `p2: r x null ${second}`]).type;
  const at = 'node=n2 position=g0/3/118';
  expect(states(at, at)).toBe('invalid');
  expect(states(at, 'node=n2 position=g0/3/117')).toBe('unknown');
  expect(states(at, 'node=n2 position=g0/4/119')).toBe('unknown');
  expect(states(at, 'node=n1 position=g0/3/119')).toBe('unknown');
  expect(states(at, 'node=n2 position=g0/3/119', 'cluster down {"node":"n2"}', 'cluster up {"node":"n2"}')).toBe(
    'unknown',
  );
  expect(states(at, 'node=n2 position=g0/3/119', 'cluster down {"node":"n1"}')).toBe('invalid');
});

test('keys of several groups are not one state, however many a read asks for', () => {
  const grouped = (ofY: string): string[] => [
    'p1: w x 12 session=s3 version=g0/3/7',
    `p1: w y 17 session=s3 version=${ofY}`,
  ];
  const one = `p2: r* x,y null,17 node=n2`;
  expect(judge(checker, [...grouped('g0/3/8'), one]).type).toBe('invalid');
  expect(judge(checker, [...grouped('g1/2/8'), one]).type).toBe('unknown');
  expect(judge(checker, [...grouped('g0/3/8'), `${one} position=g0/3/9`]).type).toBe('invalid');
  expect(judge(checker, [...grouped('g1/2/8'), `${one} position=g0/3/6`]).type).toBe('unknown');
  // What lies in one group is one state still.
  const third = 'p1: w z 18 session=s3 version=g0/3/9';
  const read = 'p2: r* x,y,z null,17,18 node=n2';
  expect(sentences(judge(checker, [...grouped('g1/2/8'), third, read]))).toEqual([
    'Session s3 wrote 12 to x (ok at 1 ms) and then 18 to z; n2 showed 18 in z together with null, the initial value, in x at 7 ms.',
  ]);
});

test('without states there is nothing to judge', () => {
  expect(sentences(judge(checker, [...writes, 'p2: r y 17', 'p2: r x null']))).toEqual([
    'unknown: no state is known: the reads are neither of several keys at once nor tied to a place in a node',
  ]);
});

test('a later write of the same key that its version puts before the earlier one', () => {
  const verdict = judge(checker, [
    'p1: w x 1 session=s3 version=g0/3/115',
    'p1: w x 2 session=s3 version=g0/2/120',
    'p2: r x 2 version=g0/2/120',
  ]);
  expect(sentences(verdict)).toEqual([
    'Session s3 wrote 1 to x (ok at 1 ms) and then 2 to x; an unnamed node showed 2 in x at 5 ms, by its version the older one.',
  ]);
});

test('a write that its version puts above a later one of its session is owed still', () => {
  const verdict = (between: readonly string[]): string =>
    judge(checker, [
      'p0 w x 9',
      'p1: w x 1 session=s3 version=g0/3/115',
      'p1: w x 2 session=s3 version=g0/2/120',
      ...between,
      'p0 ok version=g0/2/121',
      'p1: w y 3 session=s3',
      'p2: r* x,y 9,3',
    ]).type;
  expect(verdict([])).toBe('invalid');
  // Above whichever of the two is the highest, and above all that came before the others.
  expect(verdict(['p1: w x 4 session=s3 version=g0/2/119', 'p1: w x 5 session=s3'])).toBe('invalid');
});

test('a write of unknown outcome is owed by no one until its session has read it', () => {
  const lines = ['p1 w x 12 session=s3', 'p1 info'];
  expect(judge(checker, [...lines, 'p3: w y 17 session=s3', 'p2: r* x,y null,17']).type).toBe('unknown');
  const read = judge(checker, [...lines, 'p3: r x 12 session=s3', 'p3: w y 17 session=s3', 'p2: r* x,y null,17']);
  expect(read.type).toBe('invalid');
});

test('one state holds one value of a key', () => {
  const writes = ['p0: w x 1', 'p0: w x 2'];
  const verdict = judge(checker, [...writes, 'p1: r* x,y,x 2,null,1 node=n1']);
  expect(verdict).toMatchObject({
    type: 'invalid',
    anomalies: expect.arrayContaining([
      expect.objectContaining({
        kind: 'state that contradicts itself',
        sentence: 'One read of several keys returned both 2 and 1 for x from n1 at 5 ms.',
      }),
    ]),
  });
  expect(judge(checker, [...writes, 'p1: r* x,x 0,null'], { initial: 0 }).type).not.toBe('invalid');
});
