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

/** A session whose first write the new leader took, and whose second one the deposed leader was asked for first. */
const deposed = (node: string, read: string): string[] => [
  'p0: w a 7 version=g0/1/1',
  'p1: w a 8 session=s version=g0/2/4',
  'p1 w b 9 session=s',
  `p2: r b 9 ${node} version=g0/1/5 position=g0/1/5`,
  `p2: r a ${read}`,
  'p1 ok version=g0/2/6',
];

test('a state of what is not committed, whose position and versions are true, owes what was written before', () => {
  const lines = deposed('node=n1', '7 node=n1 version=g0/1/1 position=g0/1/5');
  const found =
    'Session s wrote 8 to a (ok at 3 ms) and then 9 to b; n1 showed 9 in b at (1,5) and 7, an older write, in a at (1,5) at 8 ms.';
  expect(sentences(judge(checker, lines))).toEqual([found]);
  expect(sentences(judge(checker, deposed('node=n1', 'null node=n1 position=g0/1/5')))).toEqual([
    'A read of a at position (1,5) returned null from n1 at 8 ms, the initial value, though 7 was written there with version (1,1), which that position covers.',
  ]);
  // It shows both.
  expect(judge(checker, deposed('node=n1', '8 node=n1 position=g0/1/5')).type).toBe('valid');
  expect(judge(checker, deposed('node=n1', '7 node=n2 version=g0/1/1 position=g0/1/5')).type).toBe('unknown');
});

test('a write that was undone is missing from every state of the next term', () => {
  const lines = ['p1: w a 8 session=s version=g0/1/4', 'p1: w b 9 session=s version=g0/2/4'];
  const reads = ['p2: r b 9 node=n1 version=g0/2/4 position=g0/2/5', 'p2: r a null node=n1 position=g0/2/6'];
  expect(sentences(judge(checker, [...lines, ...reads]))).toEqual([
    'Session s wrote 8 to a (ok at 1 ms) and then 9 to b; n1 showed 9 in b at (2,5) and null, the initial value, in a at (2,6) at 7 ms.',
  ]);
});

test('a write that was sent again, shown before that with the version of the older term, is no later one', () => {
  const lines = ['p1: w a 8 session=s version=g0/1/3', 'p1 w a 9 session=s'];
  const read = 'p2: r a 9 node=n1 version=g0/1/4 position=g0/1/4';
  expect(judge(checker, [...lines, read, 'p1 ok version=g0/2/4', 'p2: r* a,b 9,null']).type).not.toBe('invalid');
});

test('states that want the writes of a key in two orders name the positions that make each of them one', () => {
  const lines = [
    'p0 w x 1 session=s0',
    'p1 w x 2 session=s1',
    'p0 ok',
    'p1 ok',
    'p0: w y 3 session=s0',
    'p1: w y 4 session=s1',
  ];
  const first = ['p2: r y 3 node=n1 position=g0/1/5', 'p2: r x 2 node=n1 position=g0/1/6'];
  const second = ['p3: r y 4 node=n2 position=g0/2/7', 'p3: r x 1 node=n2 position=g0/2/8'];
  expect(judge(checker, [...lines, ...first]).type).toBe('valid');
  expect(sentences(judge(checker, [...lines, ...first, ...second]))).toEqual([
    'No order of the writes to x allows that 2 is shown at position (1,6) with 3 of y at (1,5), which session s0 wrote after 1, ' +
      'and that 1 is shown at position (2,8) with 4 of y at (2,7), which session s1 wrote after 2.',
  ]);
});
