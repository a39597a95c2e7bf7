import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { shellWord, wordsIn } from './shell.ts';

const odd = [
  'a b',
  "it's",
  "'",
  '$HOME `id` $(id)',
  'a"b',
  '~',
  '*',
  'a;b',
  '#x',
  'back\\slash',
  'two\nlines',
  '',
  'ü',
];
const plain = ['plan.yaml', 'follower@nearest', 'timeout-ms=100', '/home/me/checker.mjs', 'a,b', '50%', '1:2'];

test('a shell takes words as they were', () => {
  const command = `printf '%s\\0' ${[...odd, ...plain].map(shellWord).join(' ')}`;
  expect(execFileSync('sh', ['-c', command], { encoding: 'utf8' }).split('\0').slice(0, -1)).toEqual([
    ...odd,
    ...plain,
  ]);
});

test('only what needs quotes has them', () => {
  expect(plain.map(shellWord)).toEqual(plain);
});

test('a command is told into its words', () => {
  const words = ['npx', ...[...odd, ...plain].map(shellWord)];
  expect(wordsIn(words.join(' '))).toEqual(words);
  expect(wordsIn('')).toEqual([]);
});
