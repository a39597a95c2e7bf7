/**
 * A node's two clocks.
 *
 * The **monotonic** one runs a little fast or slow, and a fault may make it race or crawl; where it started is arbitrary. It
 * never goes back and never leaps, and goes on while the node is down. Timers run on it.
 *
 * The **wall** clock tells the time of day, more or less: off by a little, as clocks are that are kept by NTP, and a fault may
 * make it leap, or drift off with the monotonic one. When the fault is healed it is set right again, forwards or back.
 */
import { MILLISECOND } from '../../../history/clock.ts';
import type { Instant } from '../../../history/operation.ts';

/** A clock fault in force, and what it did. */
export interface Skew {
  readonly offsetNs: number;
  readonly driftPpm: number;
  /** The offset comes and goes: so long it is there, and so long it is not; 0: it stays. */
  readonly strobeNs: number;
  /** True time at which it began. */
  since: Instant;
  /** Timers that it made fire at another instant than they should have. */
  early: number;
  late: number;
  /** Readings of the wall clock that it shifted by a millisecond or more. */
  shifted: number;
}

export function newSkew(offsetNs: number, driftPpm: number, strobeNs = 0): Skew {
  return { offsetNs, driftPpm, strobeNs, since: 0, early: 0, late: 0, shifted: 0 };
}

/** The time of day when a simulation begins: 2026-01-01, 00:00 UTC. */
const DAWN_MS = 1_767_225_600_000;

export class NodeClock {
  readonly #ownDriftPpm: number;
  readonly #wallOffsetNs: number;
  readonly #skews = new Set<Skew>();
  #anchor: Instant = 0;
  #reading: number;
  #rate: number;

  constructor(start: { readonly readingNs: number; readonly wallOffsetNs: number; readonly driftPpm: number }) {
    this.#reading = start.readingNs;
    this.#wallOffsetNs = start.wallOffsetNs;
    this.#ownDriftPpm = start.driftPpm;
    this.#rate = 1 + start.driftPpm / 1e6;
  }

  /** Clock faults in force. */
  get skews(): ReadonlySet<Skew> {
    return this.#skews;
  }

  /** What the monotonic clock shows, nanoseconds, at true time `now`, which must not precede the latest change. */
  read(now: Instant): number {
    return this.#reading + (now - this.#anchor) * this.#rate;
  }

  /** What the wall clock shows, whole milliseconds since 1970. */
  wallMs(now: Instant): number {
    const shiftNs = this.#skews.size === 0 ? 0 : this.#shift(now);
    return DAWN_MS + Math.floor((now + this.#wallOffsetNs + shiftNs) / MILLISECOND);
  }

  /** True time that passes while the monotonic clock advances by `ns`. */
  trueNs(ns: number): number {
    return ns / this.#rate;
  }

  /** The same, were there no fault. */
  faultlessNs(ns: number): number {
    return ns / (1 + this.#ownDriftPpm / 1e6);
  }

  /** Shifts the wall clock at once, and has both run faster or slower from now on. */
  skew(skew: Skew, now: Instant): void {
    skew.since = now;
    this.#skews.add(skew);
    this.#turn(now);
  }

  /** Both run as before again; the wall clock is set right. False: it had been already. */
  unskew(skew: Skew, now: Instant): boolean {
    const known = this.#skews.delete(skew);
    if (known) this.#turn(now);
    return known;
  }

  /** How far the faults in force have the wall clock off. */
  #shift(now: Instant): number {
    let sum = 0;
    for (const skew of this.#skews) {
      const age = now - skew.since;
      const isThere = skew.strobeNs === 0 || Math.floor(age / skew.strobeNs) % 2 === 0;
      const ns = (isThere ? skew.offsetNs : 0) + (age * skew.driftPpm) / 1e6;
      if (Math.abs(ns) >= MILLISECOND) skew.shifted++;
      sum += ns;
    }
    return sum;
  }

  #turn(now: Instant): void {
    this.#reading = this.read(now);
    this.#anchor = now;
    let driftPpm = this.#ownDriftPpm;
    for (const skew of this.#skews) driftPpm += skew.driftPpm;
    // However many faults add up, time goes on: a tenth of the true rate at least.
    this.#rate = Math.max(0.1, 1 + driftPpm / 1e6);
  }
}
