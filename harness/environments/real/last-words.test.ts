import { expect, test } from 'vitest';
import { lastLinesOf, lastWordsOf } from './last-words.ts';

test.each([
  ['', undefined],
  ['ready\n', 'ready'],
  ['a\nb\n', 'b'],
  ['starting\nFATAL:  could not open the file "x"\nshutting down\nbye\n', 'FATAL:  could not open the file "x" … bye'],
  ['bye: error 7\n', 'bye: error 7'],
  // Of an uncaught error, what comes before its stack.
  ['Error: no\n    at f (x.js:1)\n\nNode.js v22.1.0\n', 'Error: no'],
  // What is long past is not what it ended of.
  [`error: long ago\n${'fine\n'.repeat(10)}`, 'fine'],
  [`error: ${'x'.repeat(400)}\nbye`, `error: ${'x'.repeat(293)}… … bye`],
])('of %j they are %j', (text, words) => {
  expect(lastWordsOf(text)).toBe(words);
});

test('its last lines are those that say anything', () => {
  const text = ['zero', 'one', '', '  two', 'three', 'four', 'five', 'x'.repeat(400), ''].join('\n');
  const lines = lastLinesOf(text);
  expect(lines).toEqual(['one', '  two', 'three', 'four', 'five', `${'x'.repeat(300)}…`]);
  expect(lastLinesOf('')).toEqual([]);
});
