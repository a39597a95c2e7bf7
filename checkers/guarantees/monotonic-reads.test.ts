import { expect, test } from 'vitest';
import { historyFromEvents } from '../../history/builder.ts';
import type { Event } from '../../history/operation.ts';
import { defaultSemantics, unlimited } from '../checker.ts';
import { evidence, judge, sentences } from '../sessions/testing.ts';
import checker from './monotonic-reads.ts';

const writes = ['p0: w x 12', 'p0: w x 17'];

test('reads that go forward', () => {
  const verdict = judge(checker, [...writes, 'p1: r x null', 'p1: r x 12', 'p1: r x 17', 'p1: r x 17']);
  expect(verdict).toMatchObject({ type: 'valid', examined: { operations: 6, reads: 2, pairs: 2, sessions: 1 } });
});

test('a read that goes back', () => {
  const verdict = judge(checker, [
    ...writes,
    'p1: r x 17 session=s3 node=n1 role=leader',
    'p1: r x 12 session=s3 node=n2 role=follower',
  ]);
  expect(sentences(verdict)).toEqual([
    'Session s3 read 17 from x on n1 (leader) at 5 ms and then 12, written before it, from n2 (follower) at 7 ms.',
  ]);
  expect(evidence(verdict)).toEqual([0, 2, 4, 6]);
});

test('back to the initial value', () => {
  const verdict = judge(checker, ['p0: w x 12', 'p1: r x 12', 'p1: r x null']);
  expect(sentences(verdict)).toEqual(['Process 1 read 12 from x at 3 ms and then null, the initial value, at 5 ms.']);
});

test('reads that overlap have no order, and other sessions are of no concern', () => {
  const overlapping = ['p1 r x session=s', 'p2: r x 17 session=s', 'p1 ok 12'];
  expect(judge(checker, [...writes, ...overlapping]).type).toBe('unknown');
  expect(judge(checker, [...writes, 'p1: r x 17', 'p2: r x 12']).type).toBe('unknown');
});

test('each key of a multi-key read is a read', () => {
  const verdict = judge(checker, [...writes, 'p0: w y 1', 'p1: r* x,y 17,1', 'p1: r* x,y 12,1']);
  expect(verdict).toMatchObject({ type: 'invalid', count: 1, examined: { operations: 5, reads: 2 } });
});

test('two sessions that saw concurrent writes in opposite orders', () => {
  const verdict = judge(checker, [
    'p1 w x 1',
    'p2 w x 2',
    'p3: r x 1',
    'p4: r x 2',
    'p3: r x 2',
    'p4: r x 1',
    'p1 ok',
    'p2 ok',
  ]);
  expect(sentences(verdict)).toEqual([
    'No order of the writes to x allows that process 3 read 1 and then 2, and that process 4 read 2 and then 1.',
  ]);
});

test('where some versions are known, they are part of the order', () => {
  const verdict = judge(checker, [
    'p1 w x 1',
    'p2 w x 2',
    'p3 w x 3',
    'p4: r x 2',
    'p4: r x 3',
    'p5: r x 3',
    'p5: r x 1',
    'p1 ok version=g0/1/1',
    'p2 ok version=g0/1/2',
    'p3 ok',
  ]);
  expect(sentences(verdict)).toEqual([
    'No order of the writes to x that keeps to their versions allows that process 4 read 2 and then 3, and that process 5 read 3 and then 1.',
  ]);
});

test('a version that belongs to another write is a lie, and judged by values the read is stale', () => {
  const verdict = judge(checker, [
    'p0: w x 12 version=g0/1/7',
    'p0: w x 17 version=g0/1/8',
    'p1: r x 17 version=g0/1/8',
    'p1: r x 12 node=n2 version=g0/1/8',
  ]);
  expect(sentences(verdict)).toEqual([
    'Process 1 read 17 from x at 5 ms and then 12, written before it, from n2 at 7 ms.',
    'A read of x returned 12 from n2 at 7 ms with version (1,8), which belongs to the write of 17 to x.',
  ]);
});

test('all writes of a transaction have one version', () => {
  const version = ['g0', 1, 7] as const;
  // biome-ignore format: a table
  const value = [['w', 'x', 0], ['w', 'y', 1], ['w', 'x', 1]];
  const events = [
    { type: 'invoke', process: 0, f: 'txn', value },
    { type: 'ok', process: 0, f: 'txn', value, version },
    ...['x', 'y', 'y'].flatMap((key) => [
      { type: 'invoke', process: 1, f: 'read', key, value: null },
      { type: 'ok', process: 1, f: 'read', key, value: 1, version },
    ]),
  ];
  const history = historyFromEvents(events.map((event, i) => ({ ...event, time: i * 1000 })) as unknown as Event[]);
  expect(Array.from(history.versionAt).slice(0, 3)).toEqual([7, 7, 7]);
  expect(checker.check(history, unlimited, defaultSemantics)).toMatchObject({ type: 'valid', examined: { pairs: 1 } });
});

test('the other false claims', () => {
  const read = 'p1: r x 1';
  expect(sentences(judge(checker, ['p0: w x 1 version=g0/1/7', 'p0: w y 2 version=g0/1/7', read, read]))).toEqual([
    'Two writes were acknowledged with one version (1,7): 1 to x at 1 ms, and 2 to y at 3 ms.',
  ]);
  expect(sentences(judge(checker, ['p0: w x 1 version=g0/1/7', 'p1: r x 1 version=g0/1/9']))).toEqual([
    'A read of x returned 1 at 3 ms with version (1,9); the same write had been reported with another version before.',
  ]);
  expect(sentences(judge(checker, ['p0: w x 1 version=g0/1/7', 'p0: w x 2 version=g0/1/6']))).toEqual([
    'The write of 1 to x was acknowledged at 1 ms with version (1,7), and the write of 2 to x, invoked after that, with the lower version (1,6).',
  ]);
  const deposed = ['p0: w x 1 version=g0/2/7', 'p0: w x 2 version=g0/1/9', 'p1: r x 1', 'p1: r x 1'];
  expect(judge(checker, deposed).type).toBe('valid');
});

test('null stands for the initial value, whatever that is', () => {
  const lines = ['p0: w x 5', 'p1: r x 5', 'p1: r x 5', 'p1: r x null', 'p1: r x 5'];
  const zero = { initial: 0, nilRead: 'initial' } as const;
  expect(sentences(judge(checker, lines, zero))).toEqual([
    'Process 1 read 5 from x at 3 ms and then null, the initial value, at 7 ms.',
  ]);
  expect(judge(checker, lines, { ...zero, nilRead: 'any' }).type).toBe('valid');
  // A cas is no read: null that it found was there.
  const swapped = ['p0: w x null', 'p1: r x 0', 'p1: cas x null 6', 'p1: r x 6'];
  expect(judge(checker, swapped, zero).type).toBe('valid');
  expect(judge(checker, ['p0: cas x null 1', 'p0: r x 1'], zero).type).toBe('invalid');
  const both = ['p0: w x 5', 'p1: r x 5', 'p1: r x 0', 'p0: w y null', 'p2: r y 0', 'p2: r y null'];
  expect(judge(checker, both, zero)).toMatchObject({ type: 'invalid', count: 1 });
  const texts = ['p0: w x a', 'p1: r x a', 'p1: r x ""'];
  expect(judge(checker, texts, { model: 'string' })).toMatchObject({ type: 'invalid', count: 1 });
  expect(sentences(judge(checker, texts))).toEqual([
    'The read of x at 5 ms returned "", which no write can have left there.',
  ]);
});

test('a cas that succeeded read what it expected', () => {
  const before = ['p0: w x 1', 'p0: w x 2', 'p1: r x 2 session=s'];
  const verdict = judge(checker, [...before, 'p1: cas x 1 8 session=s']);
  expect(sentences(verdict)).toEqual(['Session s read 2 from x at 5 ms and then 1, written before it, at 7 ms.']);
  expect(evidence(verdict)).toEqual([0, 2, 4, 6]);
  expect(judge(checker, [...before, 'p1: cas x 2 8 session=s']).type).toBe('valid');
  const twice = ['p0: w x 1', 'p0: w x 2', 'p1: cas x 2 3 session=s', 'p1: r x 1 session=s'];
  expect(judge(checker, twice).type).toBe('invalid');
});

test('versions of an older term are held against time too', () => {
  const lines = ['p0: w x 1 version=g0/2/5', 'p1: w x 2 version=g0/1/2', 'p1: w x 3 version=g0/1/1'];
  expect(judge(checker, lines)).toMatchObject({ type: 'invalid', anomalies: [{ kind: 'contradicting claims' }] });
  const deposed = ['p0: w x 1 version=g0/2/5', 'p1: w x 2 version=g0/1/2', 'p1: w x 3 version=g0/1/3'];
  expect(judge(checker, deposed).type).not.toBe('invalid');
});
