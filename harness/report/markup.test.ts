import { describe, expect, test } from 'vitest';
import { cut, data, html, lines, name, prose, verbatim } from './markup.ts';

describe('the template', () => {
  test('escapes all that is put into it, in elements and in attributes', () => {
    const text = `<b a="1" b='2'>&\``;
    expect(html`<p title="${text}">${text}</p>`.text).toBe(
      '<p title="&lt;b a=&quot;1&quot; b=&#39;2&#39;&gt;&amp;&#96;">&lt;b a=&quot;1&quot; b=&#39;2&#39;&gt;&amp;&#96;</p>',
    );
  });

  test('takes markup as it is, lists one after the other, numbers, and nothing for what is not there', () => {
    expect(html`${[html`<i>a</i>`, 'b<', 3, undefined, false]}`.text).toBe('<i>a</i>b&lt;3');
  });

  test('shows by its number what would turn the text, move the cursor or take no room', () => {
    expect(html`${'a\u202eb\u0000c\u001b[0m\ud800\u200bd\n'}`.text).toBe(
      'a\\u{202e}b\\u{0}c\\u{1b}[0m\\u{d800}\\u{200b}d\\u{a}',
    );
  });
});

test('scripts from right to left are kept apart from what surrounds them, in sentences and as names', () => {
  expect(prose('wrote \u05e9\u05dc\u05d5\u05dd to x <1>').text).toBe(
    'wrote <bdi>\u05e9\u05dc\u05d5\u05dd</bdi> to x &lt;1&gt;',
  );
  expect(name('<\u05e9>').text).toBe('<bdi>&lt;\u05e9&gt;</bdi>');
});

test('long text is cut, never within a character, and says how much is missing', () => {
  expect(cut('x'.repeat(1_000_010), 10)).toBe('xxxxxxxxxx… (1,000,000 more characters)');
  expect(cut('abc😀def', 4)).toBe('abc… (5 more characters)');
  expect(cut('short', 5)).toBe('short');
});

test('text of several lines keeps them', () => {
  expect(lines('a<\nb\u0007').text).toBe('a&lt;\nb\\u{7}');
});

test('data cannot end its element, and comes back as it was', () => {
  const content = { a: '</script><script>x()</script>', b: '<!--', c: '\u2028&' };
  const { text } = data('d', content);
  expect(text.match(/<\/?script/g)).toHaveLength(2);
  expect(text).not.toContain('<!--');
  expect(JSON.parse(text.replace(/^<script[^>]*>|<\/script>$/g, ''))).toEqual({ ...content, c: '\\u{2028}&' });
  expect(() => verbatim('style', 'a</STYLE>')).toThrow('must not hold its own end');
});
