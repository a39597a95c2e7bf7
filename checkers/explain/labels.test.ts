import { expect, test } from 'vitest';
import { printable } from './labels.ts';

test.each([
  ['##[add-mask]secret', '##\\u{5b}add-mask]secret'],
  ['read [1] ##[group]x ##[endgroup]', 'read [1] ##\\u{5b}group]x ##\\u{5b}endgroup]'],
  ['##vso[task.setvariable variable=a]b', '##vso\\u{5b}task.setvariable variable=a]b'],
  ['::stop-commands::x', '\\u{3a}:stop-commands::x'],
  ['  ::error title=a::b', '  \\u{3a}:error title=a::b'],
  ['::1', '::1'],
  ['::ffff:10.0.0.1', '::ffff:10.0.0.1'],
  ['a ::error::b', 'a ::error::b'],
  ['# [x] ## [y] a[0]', '# [x] ## [y] a[0]'],
])('printed, %s is no order to a CI that reads its log', (text, shown) => {
  expect(printable(text)).toBe(shown);
  expect(printable(shown)).toBe(shown);
});

test.each(['::', '##', '    ', ''])('a million letters, spaces and brackets behind %j are read at once', (begin) => {
  for (const filling of ['a', ' ', '[', ':', 'a[', '#']) {
    const text = `${begin}${filling.repeat(1_000_000 / filling.length)}`;
    expect(printable(text).length).toBeGreaterThanOrEqual(text.length);
  }
});
