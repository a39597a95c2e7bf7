import { expect, test } from 'vitest';
import { parseLimits, parseTime, spentMemory, spentTime } from './limits.ts';

test.each([
  ['10s', { ms: 10_000, bytes: 4e9 }],
  ['1GB', { ms: 60_000, bytes: 1e9 }],
  ['1.5m, 512MiB', { ms: 90_000, bytes: 512 * 2 ** 20 }],
  ['300mb,20ms', { ms: 20, bytes: 3e8 }],
])('%s', (text, limits) => {
  expect(parseLimits(text)).toEqual(limits);
});

test.each([
  ['500ms', 500],
  ['250µs', 0.25],
  ['250us', 0.25],
  ['100 ns', 1e-4],
])('a time: %s', (text, ms) => {
  expect(parseTime('--bound', text)).toBeCloseTo(ms, 9);
});

test.each(['', '10', 'fast', '10s,,1GB', '0s', '-1s', '5 apples'])('%j is refused', (text) => {
  expect(() => parseLimits(text)).toThrow(`--budget takes time, memory or both, as in 10s,500MB; not '${text}'.`);
});

test('what was spent is said in the words it was given in', () => {
  expect(spentTime({ ms: 60_000, bytes: 1 })).toBe('60.0 s spent');
  expect(spentMemory({ ms: 1, bytes: 1.5e9 })).toBe('1.5 GB spent');
  expect(spentMemory({ ms: 1, bytes: 5e8 })).toBe('500 MB spent');
});
