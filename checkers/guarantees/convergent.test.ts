import { expect, test } from 'vitest';
import { evidence, judge, sentences } from '../sessions/testing.ts';
import checker from './convergent.ts';

const start = ['p0: w x 17', 'p0: w y 5', 'harness phase "epilogue"', 'p1: r* x,y 17,5 path=leader'];
const byName = (node: string, answers: string): string => `p2: r* x,y ${answers} path=node:${node} node=${node}`;

test('every node holds the same', () => {
  const verdict = judge(checker, [...start, byName('n1', '17,5'), byName('n2', '17,5')]);
  expect(verdict).toEqual({ type: 'valid', examined: { operations: 5, nodes: 2, reads: 4, keys: 2 } });
});

test('a node that is up and differs', () => {
  const verdict = judge(checker, [...start, byName('n1', '17,5'), byName('n2', '12,5')]);
  expect(sentences(verdict)).toEqual([
    'n2 was up and held 12 in x at 10 ms, and the final read (leader) returned 17 at 6 ms.',
  ]);
  expect(evidence(verdict)).toEqual([5, 9]);
});

test('without final reads, most nodes are right', () => {
  const verdict = judge(checker, [start[2], byName('n1', '12,5'), byName('n2', '17,5'), byName('n3', '17,5')]);
  expect(sentences(verdict)).toEqual(['n1 was up and held 12 in x at 2 ms, and n2 held 17 at 4 ms.']);
});

test('a node that is up and refuses has not caught up; one that caught up in the end has', () => {
  const refusal = ['p3 r x path=node:n2', 'p3 fail error=NOT_READY'];
  expect(sentences(judge(checker, [...start, byName('n1', '17,5'), ...refusal]))).toEqual([
    'n2 was up and left 1 final read by name unanswered, the last one of x at 10 ms.',
  ]);
  expect(judge(checker, [...start, ...refusal, byName('n2', '12,5'), byName('n2', '17,5')]).type).toBe('valid');
});

test('a node that is down, unasked or spoken for leaves it open', () => {
  const down = 'cluster down {"node":"n2"}';
  expect(sentences(judge(checker, [...start, byName('n1', '17,5'), down, 'p3 r x path=node:n2', 'p3 info']))).toEqual([
    'unknown: n2 was down at the end',
  ]);
  expect(sentences(judge(checker, ['cluster up {"node":"n2"}', ...start, byName('n1', '17,5')]))).toEqual([
    'unknown: n2 was not read by name',
  ]);
  expect(sentences(judge(checker, [...start, 'p2: r x 17 path=node:n2 node=n1']))).toEqual([
    'unknown: another node answered what n2 was asked',
  ]);
  expect(judge(checker, [...start, byName('n2', '17,5'), down]).type).toBe('valid');
});

test('what was not healed cannot be blamed', () => {
  const inject = 'nemesis isolate-leader {"do":"inject","id":1,"targets":["n1"]}';
  const verdict = judge(checker, [inject, ...start, byName('n2', '12,5')]);
  expect(sentences(verdict)).toEqual(['unknown: not everything was healed: isolate-leader']);
});

test('no reads by name, nothing to judge', () => {
  expect(sentences(judge(checker, start))).toEqual(['unknown: no node was read by name at the end']);
  expect(sentences(judge(checker, ['p0: w x 1']))).toEqual(['unknown: no node was read by name at the end']);
});

test('nodes that were asked for different keys were not compared', () => {
  const one = (node: string, ofKey: string): string => `p2: r ${ofKey} 1 path=node:${node} node=${node}`;
  const disjoint = judge(checker, [start[2], one('n1', 'x'), one('n2', 'y'), one('n3', 'z')]);
  expect(disjoint).toMatchObject({ type: 'unknown', examined: { nodes: 3, reads: 3, keys: 0 } });
  expect(sentences(disjoint)).toEqual([
    'unknown: n1 was not asked for 2 of 3 keys; n2 was not asked for 2 of 3 keys; n3 was not asked for 2 of 3 keys',
  ]);
  expect(sentences(judge(checker, [...start, byName('n1', '17,5'), one('n2', 'y').replace(' 1 ', ' 5 ')]))).toEqual([
    'unknown: n2 was not asked for 1 of 2 keys',
  ]);
  expect(sentences(judge(checker, [start[2], one('n1', 'x')]))).toEqual(['unknown: there is nothing to compare']);
  // What is known to differ is invalid, however much else was not asked.
  expect(judge(checker, [...start, byName('n1', '17,5'), one('n2', 'y')])).toMatchObject({ type: 'invalid', count: 1 });
});

test('a key that another node answers must be answered; one that nobody answers leaves it open', () => {
  const refusal = (node: string): string[] => [`p3 r z path=node:${node}`, 'p3 fail error=NOT_READY'];
  const both = [...start, byName('n1', '17,5'), byName('n2', '17,5')];
  expect(sentences(judge(checker, [...both, ...refusal('n1'), ...refusal('n2')]))).toEqual([
    'unknown: no node answered for 1 key',
  ]);
  const verdict = judge(checker, [...both, ...refusal('n1'), 'p3: r z 3 path=node:n2 node=n2']);
  expect(sentences(verdict)).toEqual([
    'n1 was up and left 1 final read by name unanswered, the last one of z at 12 ms.',
  ]);
});

test('null and the initial value are one state', () => {
  const lines = [start[2], byName('n1', 'null,0'), byName('n2', '0,null')];
  expect(judge(checker, lines, { initial: 0 }).type).toBe('valid');
  expect(judge(checker, lines).type).toBe('invalid');
});

const leads = (group: string, term: number, members: string): string =>
  `cluster sighting {"node":"n1","role":"leader","term":${term},"commit":["${group}",${term},9],"members":${members}}`;

test('a learner has to catch up, a node that was removed has not', () => {
  const answered = [byName('n1', '17,5'), byName('n2', '12,5')];
  const refused = ['p3 r x path=node:n3', 'p3 fail error=NOT_A_MEMBER'];
  expect(judge(checker, [leads('g0', 1, '["n1","n2","n3"]'), ...start, ...answered, ...refused])).toMatchObject({
    type: 'invalid',
    count: 2,
  });
  const shrunk = [leads('g0', 1, '["n1","n2","n3"]'), leads('g0', 2, '["n1"]'), leads('g0', 1, '["n1","n2","n3"]')];
  expect(judge(checker, [...shrunk, ...start, ...answered, ...refused, 'cluster down {"node":"n3"}'])).toMatchObject({
    type: 'valid',
    examined: { nodes: 1, reads: 2, keys: 2 },
  });
});

test('who was removed from one group is held to what is in the others', () => {
  const lines = [
    leads('g0', 2, '["n1"]'),
    leads('g1', 1, '["n1","n2"]'),
    'p0: w x 17 version=g0/2/7',
    'p0: w y 5 version=g1/1/3',
    ...start.slice(2),
    byName('n1', '17,5'),
    'p3 r x path=node:n2',
    'p3 fail error=NOT_A_MEMBER',
  ];
  const read = (answer: number): string => `p4: r y ${answer} path=node:n2 node=n2`;
  expect(judge(checker, [...lines, read(5)])).toMatchObject({
    type: 'valid',
    examined: { nodes: 2, reads: 3, keys: 2 },
  });
  expect(judge(checker, [...lines, read(6)])).toMatchObject({ type: 'invalid', count: 1 });
  const up = 'cluster up {"node":"n2"}';
  expect(sentences(judge(checker, [up, ...lines]))).toEqual(['unknown: n2 was not read by name']);
});
