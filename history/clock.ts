/**
 * The one way to tell time and to sleep. Two implementations exist: {@link realClock}, here, and the simulator's virtual
 * clock. Nothing else in the project may look at the time; lint and a test see to it.
 */
import type { Instant } from './operation.ts';

/** Ends a timer that has not fired; harmless afterwards. */
export type Cancel = () => void;

export interface Clock {
  /** Nanoseconds since the clock was made; never decreases. */
  now(): Instant;
  /** Resolves once `now() >= at`, on a real clock a millisecond or two sooner at times; at once when that is already so. */
  sleepUntil(at: Instant): Promise<void>;
  /** Calls `fire` once, when `now() >= at`; on a real clock, whose timers count whole milliseconds, one or two sooner at times. */
  timer(at: Instant, fire: () => void): Cancel;
}

export const MICROSECOND = 1_000;
export const MILLISECOND = 1_000_000;
export const SECOND = 1_000_000_000;

/** A clock on the machine's monotonic time. */
export function realClock(): Clock {
  const start = process.hrtime.bigint();
  const now = (): Instant => Number(process.hrtime.bigint() - start);
  const timer = (at: Instant, fire: () => void): Cancel => {
    const wait = at - now();
    if (wait <= 0) {
      // A timer sleeps for a millisecond at least. What is due comes after the input that waits by now, and sleeps for nothing.
      const due = setImmediate(fire);
      return () => clearImmediate(due);
    }
    const handle = setTimeout(fire, wait / MILLISECOND);
    return () => clearTimeout(handle);
  };
  return {
    now,
    timer,
    sleepUntil: (at) => (at <= now() ? Promise.resolve() : new Promise((resolve) => void timer(at, resolve))),
  };
}

/** The machine's own monotonic clock (CLOCK_MONOTONIC), nanoseconds: for what another process of it reads too. */
export function machineNs(): bigint {
  return process.hrtime.bigint();
}

/** The wall clock, for what is stored beside a result and never inside a history. */
export function wallTime(): Date {
  return new Date();
}

/** Milliseconds since 1970 of a moment that somebody else wrote down in ISO 8601; NaN when it is none. */
export function millisecondsOf(text: string): number {
  return Date.parse(text);
}
