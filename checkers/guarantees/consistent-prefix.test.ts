import { expect, test } from 'vitest';
import { Random } from '../../history/random.ts';
import { historyFromEvents } from '../../history/builder.ts';
import type { Event } from '../../history/operation.ts';
import { h } from '../../history/testing.ts';
import { defaultSemantics, unlimited } from '../checker.ts';
import { problemOf } from '../sessions/prefix/problem.ts';
import { replay } from '../sessions/prefix/replay.ts';
import { searchOrder } from '../sessions/prefix/search.ts';
import { prepare } from '../sessions/rule.ts';
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
    'n2 (follower) showed 17 in y together with null, the initial value, in x at 5 ms; 12 had been written to x before 17 was asked for.',
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
    'No order of the writes has a prefix for each of these states: an unnamed node showed at 5 ms null in x and 17 in y; an unnamed node showed at 7 ms 12 in x and null in y.',
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

/** Thirty clients of a log with three keys, who read all of them at once as of some moment: what time says is little. */
function crowd(spoilt?: (lines: string[]) => void): string[] {
  const random = new Random('crowd');
  const lines: string[] = [];
  const held = new Map<string, number>();
  const clients = Array.from({ length: 30 }, () => ({ open: '', answer: '', begun: false, done: false }));
  const keys = ['x', 'y', 'z'];
  for (let step = 0; step < 4_000; step++) {
    const p = random.below(clients.length);
    const client = clients[p];
    if (!client.begun) {
      const key = random.pick(keys);
      client.open = random.chance(0.5) ? `p${p} w ${key} ${step}` : `p${p} r* ${keys.join()}`;
      lines.push(client.open);
    } else if (!client.done) {
      const [, f, key, value] = client.open.split(' ');
      if (f === 'w') held.set(key, Number(value));
      client.answer = f === 'w' ? '' : ` ${keys.map((one) => held.get(one) ?? 'null').join()}`;
    } else lines.push(`p${p} ok${client.answer}`);
    [client.begun, client.done] = client.begun ? (client.done ? [false, false] : [true, true]) : [true, false];
  }
  spoilt?.(lines);
  return lines;
}

test('a crowd of writers whose order only the states tell', () => {
  expect(judge(checker, crowd())).toMatchObject({ type: 'valid' });
});

test('two states in the midst of a crowd that no order explains; few reads show it', () => {
  const knot = ['p90 w v -1', 'p91 w w -2', 'p92: r* v,w -1,null', 'p93: r* v,w null,-2', 'p90 ok', 'p91 ok'];
  const verdict = judge(
    checker,
    crowd((lines) => lines.splice(lines.length / 2, 0, ...knot)),
  );
  expect(verdict.type).toBe('invalid');
  expect(evidence(verdict).length).toBe(6);
});

test('the search ends where its steps or the budget do, and says so', () => {
  const spent = { spent: () => 'ten seconds spent' };
  const open = ['p0 w x 12', 'p1 w y 17', 'p2 w x 13', 'p0 ok', 'p1 ok', 'p2 ok'];
  const history = h(...open, 'p3: r* x,y null,17', 'p4: r* x,y 12,null', 'p4: r* x,y 13,17');
  const problem = problemOf(prepare(history, defaultSemantics));
  const { complete, order: found } = replay(problem);
  const order = found();
  expect(complete).toBe(false);
  expect(searchOrder(problem, order, unlimited).type).toBe('none');
  expect(searchOrder(problem, order, spent)).toEqual({ type: 'stopped', reason: 'ten seconds spent' });
  expect(searchOrder(problem, order, unlimited, -1)).toMatchObject({
    type: 'stopped',
    reason: expect.stringContaining('nor refuted'),
  });
  expect(checker.check(history, spent, defaultSemantics)).toMatchObject({ type: 'unknown' });
});

test('parts of a transaction of several writes are not looked for, and that is said', () => {
  const txn = (process: number, time: number, value: unknown, answer = value): Event[] =>
    [
      { type: 'invoke', time, process, f: 'txn', value },
      { type: 'ok', time: time + 1, process, f: 'txn', value: answer },
    ] as unknown as Event[];
  const asked = [
    ['r', 'x', null],
    ['r', 'y', null],
  ];
  const fractured = [
    ['r', 'x', 1],
    ['r', 'y', null],
  ];
  const writes = [
    ['w', 'x', 1],
    ['w', 'y', 1],
  ];
  const history = historyFromEvents([...txn(0, 0, writes), ...txn(1, 2, asked, fractured)]);
  const verdict = checker.check(history, unlimited, defaultSemantics);
  expect(verdict.type).not.toBe('valid');
});
