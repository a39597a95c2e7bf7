import { describe, expect, it } from 'vitest';
import type { Clock } from '../../../history/clock.ts';
import type { Connection } from '../environment.ts';
import { clientDelay, clientDelayNs, delayed } from './client-delay.ts';

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
      for (const { at, fire } of timers.splice(0)) if (at <= now) fire();
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
      5,
    );
    const bad = delayed(
      line(() => Promise.reject(new Error('no'))),
      clock,
      5,
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
      5,
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
    expect(delayed(same, handClock(), 0)).toBe(same);
    expect(clientDelayNs(new Map([['client-delay-ms', '20']]))).toBe(20_000_000);
    expect(clientDelayNs(new Map())).toBe(0);
    expect(() => clientDelay.check('-1')).toThrow(/whole number from 0 to 10000/);
  });
});
