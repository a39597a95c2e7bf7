/**
 * The timers of a node, which run on its clock. A timer that is put off keeps its event in the queue, which then moves
 * itself: a follower's election timer is put off by every message of its leader, and fires hardly ever.
 */
import type { Instant } from '../../../history/operation.ts';
import type { Timer } from '../../../reference-impl/core/types.ts';
import { type EventQueue, TIMER } from './events.ts';
import type { NodeClock, Skew } from './node-clock.ts';

/** Differences below this are roundings, not effects. */
const SKEW_NS_LEAST = 1_000;

/** `lease`: the shell's own, in an external election. */
export type NodeTimer = Timer | 'lease';

export class Timers {
  readonly #queue: EventQueue;
  readonly #node: number;
  readonly #clock: NodeClock;
  /** Timers are known by number, in the order in which they were armed first: a node with many groups has many. */
  readonly #numbers = new Map<NodeTimer, number>();
  readonly #names: NodeTimer[] = [];
  /** True time each is due (Infinity: not armed), the same on the node's clock, and as it were without clock faults. */
  readonly #due: number[] = [];
  readonly #dueOnClock: number[] = [];
  readonly #dueFaultless: number[] = [];
  /** When each one's event is in the queue; Infinity: it has none. */
  readonly #eventAt: number[] = [];

  constructor(queue: EventQueue, node: number, clock: NodeClock) {
    this.#queue = queue;
    this.#node = node;
    this.#clock = clock;
  }

  /** Disarms all: the process they belonged to is gone. */
  clear(): void {
    this.#due.fill(Infinity);
  }

  arm(name: NodeTimer, from: Instant, delayNs: number): void {
    const timer = this.#numbers.get(name) ?? this.#add(name);
    this.#dueOnClock[timer] = this.#clock.read(from) + delayNs;
    this.#dueFaultless[timer] = Math.ceil(from + this.#clock.faultlessNs(delayNs));
    this.#due[timer] = Math.ceil(from + this.#clock.trueNs(delayNs));
    this.#await(timer);
  }

  disarm(name: Timer): void {
    const timer = this.#numbers.get(name);
    if (timer !== undefined) this.#due[timer] = Infinity;
  }

  name(timer: number): NodeTimer {
    return this.#names[timer];
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
      for (const skew of this.#clock.skews) {
        if (skew.driftPpm === 0) continue;
        if (late > 0) skew.late++;
        else skew.early++;
      }
    }
    return true;
  }

  skew(skew: Skew, now: Instant): void {
    this.#clock.skew(skew, now);
    this.#reschedule(now);
  }

  unskew(skew: Skew, now: Instant): void {
    if (this.#clock.unskew(skew, now)) this.#reschedule(now);
  }

  #add(name: NodeTimer): number {
    const timer = this.#names.push(name) - 1;
    this.#numbers.set(name, timer);
    this.#due.push(Infinity);
    this.#dueOnClock.push(Infinity);
    this.#dueFaultless.push(Infinity);
    this.#eventAt.push(Infinity);
    return timer;
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
    for (let timer = 0; timer < this.#due.length; timer++) {
      if (this.#due[timer] <= now || this.#due[timer] === Infinity) continue;
      const remainingNs = Math.max(0, this.#dueOnClock[timer] - this.#clock.read(now));
      this.#due[timer] = Math.ceil(now + this.#clock.trueNs(remainingNs));
      this.#await(timer);
    }
  }
}
