/**
 * A replica's timers, which run on its node's clock. A timer that is put off keeps its event in the queue, which then moves
 * itself: a follower's election timer is put off by every message of its leader, and fires hardly ever.
 */
import type { Instant } from '../../../history/operation.ts';
import type { Timer, TimerName } from '../../../reference-impl/core/types.ts';
import { type EventQueue, TIMER } from './events.ts';
import type { NodeClock } from './node-clock.ts';

/** A clock fault in force, and how many timers it made fire at another instant than they should have. */
export interface Skew {
  early: number;
  late: number;
}

export const TIMERS: readonly TimerName[] = ['election', 'heartbeat', 'check-quorum', 'requests', 'probe'];
const NUMBERS: Readonly<Record<TimerName, number>> = {
  election: 0,
  heartbeat: 1,
  'check-quorum': 2,
  requests: 3,
  probe: 4,
};
/** Differences below this are roundings, not effects. */
const SKEW_NS_LEAST = 1_000;

export class Timers {
  readonly #queue: EventQueue;
  readonly #node: number;
  readonly #clock: NodeClock;
  readonly #skews = new Set<Skew>();
  /** True time each is due (Infinity: not armed), the same on the node's clock, and as it were without clock faults. */
  readonly #due = new Float64Array(TIMERS.length).fill(Infinity);
  readonly #dueOnClock = new Float64Array(TIMERS.length);
  readonly #dueFaultless = new Float64Array(TIMERS.length);
  /** When each one's event is in the queue; Infinity: it has none. */
  readonly #eventAt = new Float64Array(TIMERS.length).fill(Infinity);

  constructor(queue: EventQueue, node: number, clock: NodeClock) {
    this.#queue = queue;
    this.#node = node;
    this.#clock = clock;
  }

  /** Disarms all: the process they belonged to is gone. */
  clear(): void {
    this.#due.fill(Infinity);
  }

  arm(name: Timer, from: Instant, delayNs: number): void {
    const timer = NUMBERS[name as TimerName];
    this.#dueOnClock[timer] = this.#clock.read(from) + delayNs;
    this.#dueFaultless[timer] = Math.ceil(from + this.#clock.faultlessNs(delayNs));
    this.#due[timer] = Math.ceil(from + this.#clock.trueNs(delayNs));
    this.#await(timer);
  }

  disarm(name: Timer): void {
    this.#due[NUMBERS[name as TimerName]] = Infinity;
  }

  /** A timer's event has come up: whether the timer is due now, rather than put off, disarmed or cleared since. */
  comesUp(timer: number, at: Instant): boolean {
    if (this.#eventAt[timer] !== at) return false;
    this.#eventAt[timer] = Infinity;
    if (this.#due[timer] <= at) return true;
    this.#await(timer);
    return false;
  }

  /** Disarms a timer that is due, to be fired; false when it was put off or disarmed while it waited in the inbox. */
  take(timer: number, now: Instant): boolean {
    if (this.#due[timer] > now) return false;
    const late = this.#due[timer] - this.#dueFaultless[timer];
    this.#due[timer] = Infinity;
    if (Math.abs(late) >= SKEW_NS_LEAST) {
      for (const skew of this.#skews) {
        if (late > 0) skew.late++;
        else skew.early++;
      }
    }
    return true;
  }

  skew(skew: Skew, now: Instant, offsetNs: number, driftPpm: number): void {
    this.#skews.add(skew);
    this.#clock.leap(now, offsetNs);
    this.#clock.drift(now, driftPpm);
    this.#reschedule(now);
  }

  unskew(skew: Skew, now: Instant, driftPpm: number): void {
    if (!this.#skews.delete(skew)) return;
    this.#clock.drift(now, -driftPpm);
    this.#reschedule(now);
  }

  /** Sees to it that an event is in the queue no later than the timer is due. */
  #await(timer: number): void {
    const due = this.#due[timer];
    if (due >= this.#eventAt[timer]) return;
    this.#eventAt[timer] = due;
    this.#queue.push(due, TIMER, this.#node, timer, undefined);
  }

  /** The clock has changed: armed timers are due when it shows what it was to show. */
  #reschedule(now: Instant): void {
    for (let timer = 0; timer < TIMERS.length; timer++) {
      if (this.#due[timer] <= now || this.#due[timer] === Infinity) continue;
      const remainingNs = Math.max(0, this.#dueOnClock[timer] - this.#clock.read(now));
      this.#due[timer] = Math.ceil(now + this.#clock.trueNs(remainingNs));
      this.#await(timer);
    }
  }
}
