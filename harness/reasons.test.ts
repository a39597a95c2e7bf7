import { expect, test } from 'vitest';
import { Reasons, reasonOf } from './reasons.ts';

test.each([
  ['READONLY', 'READONLY'],
  ['4 DEADLINE_EXCEEDED: Deadline exceeded after 0.998s,remote_addr=198.19.45.131:2379', 'DEADLINE_EXCEEDED'],
  ['14 UNAVAILABLE: etcdserver: request timed out', 'UNAVAILABLE'],
  ['write CONNECTION_CLOSED 198.19.104.132:5432', 'write CONNECTION_CLOSED …'],
  ['connect ECONNREFUSED [fd00::2]:5432', 'connect ECONNREFUSED …'],
  ['WAIT: 1 of 2 replicas', 'WAIT: 1 of 2 replicas'],
  ['gave up after 1000 ms at row 48213', 'gave up after … at row …'],
  ['Connection lost.\n    at Socket.emit', 'Connection lost.'],
  ['a\u001b[31mred', 'a?[31mred'],
  ['x'.repeat(300), `${'x'.repeat(59)}…`],
  ['', 'no reason given'],
  [undefined, 'no reason given'],
])('%j is counted as %j', (error, reason) => {
  expect(reasonOf(error)).toBe(reason);
});

test('reasons are counted by outcome, and there are not more of them than can be kept', () => {
  const reasons = new Reasons();
  reasons.add('refused', 'READONLY');
  reasons.add('refused', 'READONLY');
  reasons.add('unknown', 'READONLY');
  expect(reasons.counts()).toEqual({ 'refused: READONLY': 2, 'unknown: READONLY': 1 });
  const letters = 'abcdefghij'.split('');
  for (const a of letters) for (const b of letters) reasons.add('refused', `nonsense ${a}${b}`);
  const counts = reasons.counts();
  expect(Object.keys(counts).length).toBeLessThan(50);
  expect(Object.values(counts).reduce((sum, n) => sum + n)).toBe(103);
  expect(counts['refused: other reasons']).toBe(62);
});
