import { expect, test, vi } from 'vitest';
import { realClock, SECOND } from './clock.ts';

test('what is due already does not sleep, and may be called off', async () => {
  const clock = realClock();
  const sleeps = vi.spyOn(globalThis, 'setTimeout');
  try {
    const called: string[] = [];
    await new Promise<void>((resolve) => {
      clock.timer(clock.now(), () => called.push('called off'))();
      clock.timer(clock.now(), () => resolve());
    });
    expect(called).toEqual([]);
    expect(sleeps).not.toHaveBeenCalled();
    clock.timer(clock.now() + 3600 * SECOND, () => undefined)();
    expect(sleeps).toHaveBeenCalledTimes(1);
  } finally {
    sleeps.mockRestore();
  }
});
