/**
 * A node's own monotonic clock: where it started is arbitrary, it runs a little fast or slow, and a fault may make it leap
 * or race. Being monotonic it never goes back: a shift backwards is one of the wall clock, which nothing here reads, and
 * a cured clock runs at its old rate again from wherever it stands.
 */
import type { Instant } from '../../../history/operation.ts';

export class NodeClock {
  readonly #ownDriftPpm: number;
  #faultDriftPpm = 0;
  #anchor: Instant = 0;
  #reading: number;
  #rate: number;

  constructor(offsetNs: number, driftPpm: number) {
    this.#ownDriftPpm = driftPpm;
    this.#reading = offsetNs;
    this.#rate = 1 + driftPpm / 1e6;
  }

  /** What it shows, nanoseconds, at true time `now`, which must not precede the latest change. */
  read(now: Instant): number {
    return this.#reading + (now - this.#anchor) * this.#rate;
  }

  /** True time that passes while the clock advances by `ns`. */
  trueNs(ns: number): number {
    return ns / this.#rate;
  }

  /** The same, were there no fault. */
  faultlessNs(ns: number): number {
    return ns / (1 + this.#ownDriftPpm / 1e6);
  }

  leap(now: Instant, offsetNs: number): void {
    this.#settle(now, Math.max(0, offsetNs));
  }

  /** Adds to the rate; take it back with the opposite sign. */
  drift(now: Instant, ppm: number): void {
    this.#settle(now, 0);
    this.#faultDriftPpm += ppm;
    // However many faults add up, time goes on: a tenth of the true rate at least.
    this.#rate = Math.max(0.1, 1 + (this.#ownDriftPpm + this.#faultDriftPpm) / 1e6);
  }

  #settle(now: Instant, leapNs: number): void {
    this.#reading = this.read(now) + leapNs;
    this.#anchor = now;
  }
}
