import { expect, test } from 'vitest';
import type { Event, Value } from '../../history/operation.ts';
import { check } from '../index.ts';

/** One operation after the other. */
function inTurn(...deeds: readonly (readonly [process: number, f: string, value: Value, answer?: Value])[]): Event[] {
  return deeds.flatMap(([process, f, value, answer = value], i): Event[] => [
    { type: 'invoke', time: 2 * i, process, f, key: 'c', value } as Event,
    { type: 'ok', time: 2 * i + 1, process, f, key: 'c', value: answer } as Event,
  ]);
}

test('an answer that others lead to is told to fit after those alone, and not right after them', () => {
  const verdict = check('linearizable', inTurn([1, 'add', 3], [1, 'add', 4], [2, 'read', null, 4]), {
    model: 'counter',
  });
  const [anomaly] = verdict.type === 'invalid' ? verdict.anomalies : [];
  expect(anomaly?.sentence).toMatch(
    /read of 4 from c has no place .* It would have one if only process 1's add of 4 to c had come before\.$/,
  );
});
