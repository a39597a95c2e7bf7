import { expect, test } from 'vitest';
import { DatabaseUnavailable, whyUnsaved } from './unavailable.ts';

test('why nothing was saved goes into a sentence, and ends with no full stop of its own', () => {
  expect(whyUnsaved(new DatabaseUnavailable('it is too new', 'Use another database.'))).toBe(
    'it is too new. Use another database',
  );
  expect(whyUnsaved(new Error('no'))).toBe('no');
});
