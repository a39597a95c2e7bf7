import { expect, it } from 'vitest';
import { JsonBytes } from './json-bytes.ts';

const texts = ['', 'plain', 'a"b', 'back\\slash', 'tab\t', '\u0000', '\u007f', 'café', '日本', '😀', '\ud800 alone'];

it('writes strings as JSON.stringify does', () => {
  for (const text of texts) expect(new JsonBytes().text(text).take().toString()).toBe(JSON.stringify(text));
});

it('writes numbers as JSON.stringify does, at every length', () => {
  const out = new JsonBytes();
  const numbers = [0, -0, -1, 0.5, 1e21, 1e-7, -12.25, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER + 1];
  for (let power = 1; power <= Number.MAX_SAFE_INTEGER; power *= 10)
    numbers.push(power - 1, power, power + 1, power * 7);
  for (const number of numbers) expect(out.number(number).take().toString()).toBe(JSON.stringify(number));
});

it('writes any value as JSON.stringify does', () => {
  const out = new JsonBytes();
  for (const value of [null, true, 7, NaN, 'é', [1, 'two', null], { a: [], 'b"': '日本' }])
    expect(out.json(value).take().toString()).toBe(JSON.stringify(value));
});

it('grows with what is written, and begins anew when that was taken', () => {
  const out = new JsonBytes();
  let expected = '';
  for (let n = 0; n < 30_000; n++) {
    out
      .number(n)
      .plain(',')
      .text(texts[n % texts.length]);
    expected += `${n},${JSON.stringify(texts[n % texts.length])}`;
  }
  const long = 'ü'.repeat(200_000);
  out.text(long);
  const taken = out.take().toString();
  expect(taken === `${expected}"${long}"`).toBe(true);
  expect(out.length).toBe(0);
  expect(out.plain('[]').take().toString()).toBe('[]');
});
