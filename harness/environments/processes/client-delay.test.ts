import { describe, expect, it } from 'vitest';
import type { Clock } from '../../../history/clock.ts';
import type { Connection } from '../environment.ts';
import { clientDelay, clientStretch, delayed, delayOf } from './client-delay.ts';

/** A clock whose time passes when it is told to. */
function handClock(): Clock & { pass(ns: number): void } {
  let now = 0;
  const timers: { readonly at: number; readonly fire: () => void }[] = [];
  return {
    now: () => now,
    timer: (at, fire) => {
      timers.push({ at, fire });
      return () => undefined;
    },
    sleepUntil: () => Promise.resolve(),
    pass(ns) {
      now += ns;
      for (const timer of timers.splice(0)) {
        if (timer.at <= now) timer.fire();
        else timers.push(timer);
      }
    },
  };
}

const line = (answer: () => Promise<unknown>): Connection => ({ request: answer, close: () => undefined });

describe('answers', () => {
  it('come later, errors too', async () => {
    const clock = handClock();
    const outcomes: string[] = [];
    const good = delayed(
      line(() => Promise.resolve('yes')),
      clock,
      { delayNs: 5, stretch: 1 },
    );
    const bad = delayed(
      line(() => Promise.reject(new Error('no'))),
      clock,
      { delayNs: 5, stretch: 1 },
    );
    void good.request(1).then((answer) => outcomes.push(String(answer)));
    void bad.request(1).catch((error: unknown) => outcomes.push((error as Error).message));
    await new Promise((resolve) => process.nextTick(resolve));
    await Promise.resolve();
    expect(outcomes).toEqual([]);
    clock.pass(5);
    await new Promise((resolve) => process.nextTick(resolve));
    expect(outcomes).toEqual(['yes', 'no']);
  });

  it('never come after the line was closed', async () => {
    const clock = handClock();
    let came = false;
    const closing = delayed(
      line(() => Promise.resolve('yes')),
      clock,
      { delayNs: 5, stretch: 1 },
    );
    void closing.request(1).then(() => (came = true));
    await new Promise((resolve) => process.nextTick(resolve));
    closing.close();
    clock.pass(5);
    await new Promise((resolve) => process.nextTick(resolve));
    expect(came).toBe(false);
  });

  it('are not touched without a delay', () => {
    const same = line(() => Promise.resolve(1));
    expect(delayed(same, handClock(), { delayNs: 0, stretch: 1 })).toBe(same);
    expect(delayOf(new Map([['client-delay-ms', '20']]))).toEqual({ delayNs: 20_000_000, stretch: 1 });
    expect(delayOf(new Map([['client-stretch', '1.1']]))).toEqual({ delayNs: 0, stretch: 1.1 });
    expect(delayOf(new Map())).toEqual({ delayNs: 0, stretch: 1 });
    expect(() => clientDelay.check('-1')).toThrow(/whole number from 0 to 10000/);
    for (const wrong of ['0.9', '11', '10%', ''])
      expect(() => clientStretch.check(wrong)).toThrow(/number from 1 to 10 is needed/);
  });

  it.each([
    ['shorter than a timer', 1e6, 0, 1e5],
    ['longer', 50e6, 0, 5e6],
    ['most of it a delay', 2e6, 48e6, 53e6],
  ])('that are stretched come later by a share of all they took: %s', async (_, took, delayNs, more) => {
    const clock = handClock();
    const turn = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve));
    let answer: (value: unknown) => void = () => undefined;
    const slow = line(() => new Promise((resolve) => (answer = resolve)));
    const came: number[] = [];
    void delayed(slow, clock, { delayNs, stretch: 1.1 })
      .request(1)
      .then(() => came.push(clock.now()));
    clock.pass(took);
    answer('yes');
    for (let i = 0; i < 20 && came.length === 0; i++) {
      await turn();
      clock.pass(more / 4);
      await turn();
    }
    expect(came[0]).toBeGreaterThanOrEqual(took + more - 1);
    expect(came[0]).toBeLessThanOrEqual(took + 1.5 * more);
  });
});
