import { expect, test } from 'vitest';
import { Refused } from '../../history/store.ts';
import { refusalIn } from './line.ts';

test.each([
  ['25006', 'READ_ONLY'],
  ['40001', 'SERIALIZATION_FAILURE'],
  ['40P01', 'DEADLOCK'],
  ['57014', 'CANCELLED'],
  ['53300', 'NO_ROOM'],
  ['ECONNREFUSED', 'NOT_SENT'],
])('%s is a definite refusal: %s', (code, name) => {
  const refusal = refusalIn(Object.assign(new Error('as the server says'), { code }));
  expect(refusal).toBeInstanceOf(Refused);
  expect((refusal as Refused).code).toBe(name);
});

// Shut down, crashed, broken off, and the one that says itself that nobody knows.
test.each(['57P01', '57P02', 'CONNECTION_CLOSED', 'ECONNRESET', '40003', 'XX000', ''])('%s leaves it open', (code) => {
  const error = Object.assign(new Error('as the server says'), { code });
  expect(refusalIn(error)).toBe(error);
});
