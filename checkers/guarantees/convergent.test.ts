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
    'n2 was up and held 12 in x at 0.010 s, and the final read (leader) returned 17 at 0.006 s.',
  ]);
  expect(evidence(verdict)).toEqual([5, 9]);
});

test('without final reads, most nodes are right', () => {
  const verdict = judge(checker, [start[2], byName('n1', '12,5'), byName('n2', '17,5'), byName('n3', '17,5')]);
  expect(sentences(verdict)).toEqual(['n1 was up and held 12 in x at 0.002 s, and n2 held 17 at 0.004 s.']);
});

test('a node that is up and refuses has not caught up; one that caught up in the end has', () => {
  const refusal = ['p3 r x path=node:n2', 'p3 fail error=NOT_READY'];
  expect(sentences(judge(checker, [...start, byName('n1', '17,5'), ...refusal]))).toEqual([
    'n2 was up and answered none of 1 final read by name, the last one of x at 0.010 s.',
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
