import { expect, test } from 'vitest';
import { Values } from '../../history/values.ts';
import { parseJson } from '../../history/codec/json.ts';
import { valueTextOf } from '../sessions/words.ts';
import { apart, instant, legible, roundInstant, showOf } from './words.ts';

test('times are exact as they come, and legible in sentences', () => {
  expect([12, 1500, 12_345_678, 15_819_313_007].map(instant)).toEqual([
    '12 ns',
    '1.5 µs',
    '12.345678 ms',
    '15.819313007 s',
  ]);
  expect([1500, 12_345_678, 15_819_313_007].map(roundInstant)).toEqual(['1.5 µs', '12.346 ms', '15.819 s']);
  expect(legible('A at 15.819313 s, B at 65.693598 s.')).toBe('A at 15.819 s, B at 65.694 s.');
  expect(legible('A at 12.345678 ms, B at 2 s, C at 3.5 ms')).toBe('A at 12.346 ms, B at 2 s, C at 3.5 ms');
});

test('two times that would be said alike are said exactly, one that is named twice is not', () => {
  const near = 'A at 22.478299 s, B at 22.478323 s, C at 23.000001 s';
  expect(legible(near)).toBe('A at 22.478299 s, B at 22.478323 s, C at 23 s');
  expect(legible('A at 22.478 s, B at 22.4780001 s')).toBe('A at 22.478 s, B at 22.4780001 s');
  expect(legible('A at 22.478299 s, B at 22.478299 s')).toBe('A at 22.478 s, B at 22.478 s');
  expect(legible(legible(near))).toBe(legible(near));
});

test('what only looks like a time stays as it is', () => {
  const values = 'read "at 1.23456 s" from k1.23456 s and x.1.23456 s, 1.23456 sheep';
  expect(legible(values)).toBe(values);
});

test('values that differ are said differently: integers that no double holds and their digits, keywords and strings', () => {
  const values = new Values();
  const texts = [
    '9007199254740993',
    '9007199254740992',
    '"9007199254740993"',
    '[9007199254740993]',
    '[9007199254740992]',
  ];
  const marked = texts.map((text) => values.intern(parseJson(text)));
  expect(marked.map((ref) => showOf(values, ref))).toEqual(texts);
  expect(marked.map((ref) => valueTextOf(values, ref))).toEqual(texts);
  const keywords = [':a', '\0:a'].map((text) => values.intern(text));
  for (const say of [showOf, valueTextOf]) expect(keywords.map((ref) => say(values, ref))).toEqual([':a', '":a"']);
});

test('times beside each other have the decimals that tell them apart, and no more', () => {
  expect(apart([7_386_264_475, 7_423_000_000, 7_386_270_000, 7_423_000_000])).toEqual([
    '7.38626 s',
    '7.423 s',
    '7.38627 s',
    '7.423 s',
  ]);
  expect(apart([1_000_000_001, 1_000_000_002])).toEqual(['1.000000001 s', '1.000000002 s']);
  expect(apart([12, 1500, 2_500_000])).toEqual(['12 ns', '1.5 µs', '2.5 ms']);
});
