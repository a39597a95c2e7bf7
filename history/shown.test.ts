import { expect, test } from 'vitest';
import type { Value } from './operation.ts';
import { shownValue } from './shown.ts';

test.each<[Value, string]>([
  [null, 'null'],
  [7, '7'],
  ['leader', 'leader'],
  [':kw', ':kw'],
  ['\0:kw', '":kw"'],
  [[':kw', '\0:kw', { '\0:a': 1, ':a': 2 }], '[:kw,":kw",{":a":1,:a 2}]'],
  ['two words', '"two words"'],
  ['', '""'],
  ['1', '"1"'],
  ['-1.5e3', '"-1.5e3"'],
  ['007', '"007"'],
  ['true', '"true"'],
  [true, 'true'],
  ['null', '"null"'],
  ['12:30', '12:30'],
  ['9007199254740993', '9007199254740993'], // how values that no double holds are handed out
  [[1, 'a', null, ':b'], '[1,"a",null,:b]'],
  [{ a: 1, b: [2] }, '{"a":1,"b":[2]}'],
  [{ ':a': 1 }, '{:a 1}'],
  [{ '#set': [1, 2] }, '#{1 2}'],
  [{ '#set': [] }, '#{}'],
  [[{ '#set': [':x'] }], '[#{:x}]'],
  [
    {
      '#map': [
        [1, 2],
        [3, 4],
      ],
    },
    '{1 2, 3 4}',
  ],
  ['\u000012345678901234567890', '12345678901234567890'],
])('%j is %s', (value, text) => {
  expect(shownValue(value)).toBe(text);
});

test('long and deep values are not looked through', () => {
  const million = Array.from({ length: 1_000_000 }, (_, i) => i);
  expect(shownValue(million).length).toBeLessThan(300);
  let deep: Value = 1;
  for (let i = 0; i < 100_000; i++) deep = [deep];
  expect(shownValue(deep)).toBe(`${'['.repeat(16)}…${']'.repeat(16)}`);
});
