// oxlint-disable no-restricted-globals -- what the clock does is held beside what the platform does
import { expect, test } from 'vitest';
import { realClock } from './clock.ts';

test('what is due already does not sleep: it comes before what the loop does next', async () => {
  const clock = realClock();
  for (let i = 0; i < 20; i++) {
    const order: string[] = [];
    await new Promise<void>((resolve) => {
      clock.timer(clock.now(), () => order.push('due'));
      clock.timer(clock.now(), () => order.push('cancelled'))();
      setImmediate(() => resolve());
    });
    expect(order).toEqual(['due']);
  }
});
