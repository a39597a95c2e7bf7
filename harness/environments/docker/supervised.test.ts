import { expect, test } from 'vitest';
import { realClock } from '../../../history/clock.ts';
import { Supervised } from './supervised.ts';

test('a store that could not be started is not up, and can be started later', async () => {
  const seen: string[] = [];
  let launches = 0;
  const store = new Supervised({
    id: 'n1',
    clock: realClock(),
    launch: () => (++launches === 1 ? Promise.reject(new Error('no answer')) : Promise.resolve()),
    lastWords: () => '',
    observe: ({ type }) => void seen.push(type),
    crashes: [],
  });
  await expect(store.start()).rejects.toThrow('no answer');
  expect([store.up, seen]).toEqual([false, []]);
  await store.start();
  expect([store.up, seen, launches]).toEqual([true, ['up'], 2]);
});
