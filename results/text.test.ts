import { fc } from '../test-support/properties.ts';
import { expect, test } from 'vitest';
import { escapeText, fromStoredJson, toStoredJson } from './text.ts';

const anyText = fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)) });
const oddText = fc.string({ unit: fc.constantFrom('\0', '\u001b', '\ud83c', '\udf0a', '\\', 'u', '0', '1', 'b', '"') });

test('any text comes back, and what is stored has neither NUL nor a lone surrogate', () => {
  fc.assert(
    fc.property(fc.oneof(anyText, oddText), fc.oneof(anyText, oddText), (name, text) => {
      const stored = toStoredJson({ [name]: [text] });
      expect(fromStoredJson(stored)).toEqual({ [name]: [text] });
      const held = Object.entries(JSON.parse(stored) as Record<string, string[]>).flat(2);
      for (const part of held) expect(part.includes('\0') || /\p{Surrogate}/u.test(part)).toBe(false);
      // A parameter that is compared with stored text is the same text.
      expect(held).toEqual([escapeText(name), escapeText(text)]);
    }),
    { numRuns: 500, seed: 1 },
  );
});

test('text that needs nothing stays as it is', () => {
  expect(escapeText('grün \u{1f30a}\n')).toBe('grün \u{1f30a}\n');
  expect(toStoredJson('\\u0000 \n \u{1f30a}')).toBe(JSON.stringify('\\u0000 \n \u{1f30a}'));
});
