import { expect, test } from 'vitest';
import { historyFromEvents } from '../../history/builder.ts';
import type { Event, Value } from '../../history/operation.ts';
import { eventsOf } from '../../history/testing.ts';
import { defaultSemantics, unlimited } from '../checker.ts';
import { evidence, judge, sentences } from '../sessions/testing.ts';
import monotonicReads from './monotonic-reads.ts';
import checker from './read-your-writes.ts';

test('a session reads its own write, or a later one', () => {
  const verdict = judge(checker, [
    'p1: w x 17 session=s3',
    'p1: r x 17 session=s3',
    'p2: w x 18',
    'p1: r x 18 session=s3',
  ]);
  expect(verdict).toEqual({
    type: 'valid',
    examined: { operations: 4, reads: 2, writes: 2, sessions: 1, pairs: 2, ambiguous: 0 },
  });
});

test('an older value is not enough', () => {
  const verdict = judge(checker, [
    'p0: w x 12',
    'p1 w x 17 session=s3',
    'p1 ok time=1204000000',
    'p2: r x 17 time=1205000000',
    'p1 r x session=s3 time=1300000000',
    'p1 ok 12 node=n2 role=follower time=1310000000',
  ]);
  expect(sentences(verdict)).toEqual([
    'Session s3 wrote 17 to x (ok at 1.204 s) and then read 12, written before it, from n2 (follower) at 1.31 s.',
  ]);
  expect(evidence(verdict)).toEqual([0, 2, 6]);
});

test('a write that was lost is still owed to its session', () => {
  const verdict = judge(checker, ['p1: w x 17 session=s3', 'p1: r x null session=s3 node=n2 role=leader']);
  expect(sentences(verdict)).toEqual([
    'Session s3 wrote 17 to x (ok at 1 ms) and then read null, the initial value, from n2 (leader) at 3 ms; no read ever returned 17.',
  ]);
});

test('versions tell what real time does not', () => {
  const lines = [
    'p0 w x 12',
    'p1: w x 17 session=s3 version=g0/2/118',
    'p0 ok version=g0/2/117',
    'p1: r x 12 session=s3 version=g0/2/117',
  ];
  expect(judge(checker, lines).type).toBe('invalid');
  expect(
    judge(
      checker,
      lines.map((line) => line.replace(/ version=\S+/, '')),
    ).type,
  ).toBe('valid');
});

test('a read of an undone suffix is older than what the next term acknowledged', () => {
  const verdict = judge(checker, [
    'p0 w x 12',
    'p1: w x 17 session=s3 version=g0/3/115',
    'p1: r x 12 session=s3 version=g0/2/118',
  ]);
  expect(verdict.type).toBe('invalid');
});

test('real time holds where a deposed leader goes on counting its own term', () => {
  const verdict = judge(checker, [
    'p0: w x 12 version=g0/3/115',
    'p1: w x 17 session=s3 version=g0/2/120',
    'p1: r x 12 session=s3 version=g0/3/115',
  ]);
  expect(verdict.type).toBe('invalid');
});

test('a write of unknown outcome is owed to nobody; once read, it is up to monotonic reads', () => {
  const before = ['p0: w x 12', 'p1 w x 17 session=s3', 'p1 info', 'p2: r x 12 session=s3'];
  const readBack = [...before, 'p2: r x 17 session=s3', 'p2: r x 12 session=s3'];
  for (const lines of [before, readBack]) expect(judge(checker, lines).type).toBe('unknown');
  expect(judge(monotonicReads, readBack).type).toBe('invalid');
});

test('devices overlap: only what has ended precedes', () => {
  const lines = [
    'p0: w x 12',
    'p1 w x 17 session=s3 device=phone',
    'p2: r x 12 session=s3 device=desk',
    'p1 ok',
    'p2: r x 12 session=s3 device=desk',
  ];
  const verdict = judge(checker, lines);
  expect(verdict).toMatchObject({ type: 'invalid', count: 1, examined: { reads: 1 } });
  expect(judge(checker, lines, { thread: 'device' }).type).toBe('unknown');
});

test('no order of concurrent writes satisfies two sessions that each saw the other one last', () => {
  const verdict = judge(checker, [
    'p1 w x 1 session=s1',
    'p2 w x 2 session=s2',
    'p1 ok',
    'p2 ok',
    'p1: r x 2 session=s1',
    'p2: r x 1 session=s2',
  ]);
  expect(sentences(verdict)).toEqual([
    'No order of the writes to x allows that session s1 wrote 1 and then read 2, and that session s2 wrote 2 and then read 1.',
  ]);
});

test('a cas that succeeded is a write', () => {
  const verdict = judge(checker, ['p0: w x 1', 'p1: cas x 1 2 session=s1', 'p1: r x 1 session=s1']);
  expect(verdict.type).toBe('invalid');
});

test('a value that nobody wrote is neither the own write nor a later one', () => {
  const verdict = judge(checker, ['p1: w x 1', 'p1: r x 99 node=n1']);
  expect(sentences(verdict)).toEqual([
    'The read of x from n1 at 3 ms returned 99, which no write can have left there.',
  ]);
});

test('values that several writes wrote are not judged without versions', () => {
  const verdict = judge(checker, ['p0: w x 1', 'p1: w x 2 session=s', 'p0: w x 1', 'p1: r x 1 session=s']);
  expect(sentences(verdict)).toEqual([
    'unknown: 1 read returned a value that several writes wrote, and no version tells them apart: ' +
      'operation 6 read 1 from x, which operations 0, 4 wrote',
  ]);
  const versioned = ['p0: w x 1 version=g0/1/1', 'p1: w x 2 session=s version=g0/1/2', 'p0: w x 1 version=g0/1/3'];
  expect(judge(checker, [...versioned, 'p1: r x 1 session=s version=g0/1/3']).type).toBe('valid');
  expect(judge(checker, [...versioned, 'p1: r x 1 session=s version=g0/1/1']).type).toBe('invalid');
});

test('null may mean anything where the semantics say so', () => {
  const lines = ['p1: w x 1', 'p1: r x null'];
  expect(judge(checker, lines).type).toBe('invalid');
  expect(judge(checker, lines, { nilRead: 'any' }).type).toBe('unknown');
});

test('a deposed leader acknowledged the later of two own writes: both are still owed', () => {
  const verdict = judge(checker, [
    'p0 w x 5',
    'p1: w x 1 version=g0/3/115',
    'p0 ok version=g0/3/116',
    'p1: w x 2 version=g0/2/120',
    'p1: r x 5 version=g0/3/116',
  ]);
  expect(verdict).toMatchObject({ type: 'invalid', count: 1 });
});

test('an own write with a version is owed though a later one has none', () => {
  const verdict = judge(checker, [
    'p0 w x 5',
    'p1: w x 1 version=g0/1/2',
    'p1: w x 2',
    'p0 ok version=g0/1/1',
    'p1: r x 5 version=g0/1/1',
  ]);
  expect(sentences(verdict)).toEqual([
    'Process 1 wrote 1 to x (ok at 2 ms) and then read 5, by its version (1,1) older than (1,2), at 7 ms; no read ever returned 1.',
  ]);
});

test('null is the initial value, not one that nobody wrote', () => {
  const verdict = judge(checker, ['p0: w x 5', 'p0: r x null'], { initial: 0 });
  expect(sentences(verdict)).toEqual([
    'Process 0 wrote 5 to x (ok at 1 ms) and then read null, the initial value, at 3 ms; no read ever returned 5.',
  ]);
});

test('a cas is a read too: it found what it expected, or says what it found', () => {
  const own = 'p1: w x 1 session=s';
  const verdict = judge(checker, [own, 'p1: cas x null 2 session=s']);
  expect(sentences(verdict)).toEqual([
    'Session s wrote 1 to x (ok at 1 ms) and then read null, the initial value, at 3 ms; no read ever returned 1.',
  ]);
  expect(evidence(verdict)).toEqual([0, 2]);
  expect(verdict.type === 'invalid' && verdict.anomalies[0].operations[1]).toMatchObject({ f: 'cas', expected: null });
  expect(verdict.examined).toMatchObject({ operations: 2, reads: 1, writes: 2 });
  expect(judge(checker, [own, 'p1: cas x 1 2 session=s']).type).toBe('valid');
  const refused = [own, 'p1 cas x 7 2 session=s'];
  expect(judge(checker, [...refused, 'p1 fail error=mismatch actual=null']).type).toBe('invalid');
  expect(judge(checker, [...refused, 'p1 fail error=mismatch actual=1']).type).toBe('valid');
  const nothing = [['p1 fail error=mismatch'], ['p1 info']];
  for (const end of nothing) expect(judge(checker, [...refused, ...end]).type).toBe('unknown');
  const ignored = judge(checker, [...refused, 'p1 fail error=mismatch actual=null'], { failedCas: 'ignore' });
  expect(ignored.type).toBe('unknown');
});

test('a cas by a write path is not a read by a read path', () => {
  const verdict = judge(checker, ['p1: w x 1 session=s path=log', 'p1: cas x null 2 session=s path=log']);
  expect(verdict.type).toBe('unknown');
});

test('what a cas found it has not written itself', () => {
  const verdict = judge(checker, ['p1: w x 1', 'p1: cas x 5 5']);
  expect(sentences(verdict)).toEqual(['The read of x at 3 ms returned 5, which no write can have left there.']);
});

test('a read of what was refused names the refused write', () => {
  const verdict = judge(checker, ['p0 cas x 3 1', 'p0 fail', 'p1: w x 2', 'p1: r x 1']);
  expect(sentences(verdict)).toEqual([
    "The read of x at 5 ms returned 1, which never took effect on x: process 0's failed cas of x from 3 to 1 was refused.",
  ]);
  expect(evidence(verdict)).toEqual([0, 4]);
});

test('a transaction that reads a key three times is one anomaly', () => {
  const thrice = (key: string, value: number): Value => [0, 1, 2].map(() => ['r', key, value]);
  const of = (value: Value): Event[] => [
    { type: 'invoke', time: 40, process: 1, f: 'txn', value },
    { type: 'ok', time: 41, process: 1, f: 'txn', value },
  ];
  const own = eventsOf('p0: w x 1', 'p1: w x 2').map((event, at) => ({ ...event, time: at }));
  const stale = checker.check(historyFromEvents([...own, ...of(thrice('x', 1))]), unlimited, defaultSemantics);
  expect(stale).toMatchObject({ type: 'invalid', count: 1, anomalies: [{ kind: 'own write not seen' }] });
  const unwritten = checker.check(historyFromEvents([...own, ...of(thrice('y', 7))]), unlimited, defaultSemantics);
  expect(unwritten).toMatchObject({
    type: 'invalid',
    count: 1,
    anomalies: [{ kind: 'read of a value never written' }],
  });
});
