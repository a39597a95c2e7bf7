import { expect, test } from 'vitest';
import { evidence, judge, sentences } from '../sessions/testing.ts';
import checker from './writes-follow-reads.ts';

const lines = ['p0: w x 12', 'p1: r x 12 session=s3', 'p1: w y 17 session=s3'];

test('an answer is shown with what it answers', () => {
  const verdict = judge(checker, [...lines, 'p2: r* x,y 12,17', 'p0: w x 13', 'p2: r* x,y 13,17']);
  expect(verdict).toMatchObject({ type: 'valid', examined: { operations: 6, reads: 2, pairs: 2 } });
});

test('an answer without what it answers', () => {
  const verdict = judge(checker, [...lines, 'p2: r* x,y null,17 node=n2 role=follower']);
  expect(sentences(verdict)).toEqual([
    'Session s3 read 12 from x at 3 ms and then wrote 17 to y (ok at 5 ms); n2 (follower) showed 17 in y together with null, the initial value, in x at 7 ms.',
  ]);
  expect(evidence(verdict)).toEqual([0, 2, 4, 6, 6]);
});

test('a later state of the same log', () => {
  const verdict = judge(checker, [
    ...lines,
    'p2: r y 17 node=n2 position=g0/3/118',
    'p2: r x null node=n2 position=g0/3/119',
  ]);
  expect(sentences(verdict)).toEqual([
    'Session s3 read 12 from x at 3 ms and then wrote 17 to y (ok at 5 ms); n2 showed 17 in y at (3,118) and null, the initial value, in x at (3,119) at 9 ms.',
  ]);
});

test('what a session reads after its write is no dependency of it', () => {
  const verdict = judge(checker, ['p0: w x 12', 'p1: w y 17', 'p1: r x 12', 'p2: r* x,y null,17']);
  expect(sentences(verdict)).toEqual(['unknown: no state showed a write whose session had read before making it']);
});

test('a reader that roams to a stale node breaks monotonic reads, not this', () => {
  const verdict = judge(checker, [
    ...lines,
    'p2: r y 17 node=n1 position=g0/3/118',
    'p2: r x null node=n2 position=g0/3/110',
  ]);
  expect(verdict.type).toBe('unknown');
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

test('a cas binds its session to what it found', () => {
  const before = ['p0: w x 1', 'p1: cas x 1 2 session=s', 'p1: w y 5 session=s'];
  expect(judge(checker, [...before, 'p2: r* x,y null,5']).type).toBe('invalid');
  expect(judge(checker, [...before, 'p2: r* x,y 1,5']).type).toBe('valid');
  const refused = ['p0: w x 1', 'p1 cas x 7 2 session=s', 'p1 fail error=mismatch actual=1', 'p1: w y 5 session=s'];
  const verdict = judge(checker, [...refused, 'p2: r* x,y null,5']);
  expect(sentences(verdict)).toEqual([
    'Session s read 1 from x at 3 ms and then wrote 5 to y (ok at 5 ms); an unnamed node showed 5 in y together with null, the initial value, in x at 7 ms.',
  ]);
  expect(evidence(verdict)).toEqual([0, 2, 4, 6, 6]);
});
