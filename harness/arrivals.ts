/** How many operations arrived in an open load, and how many of them found their session's queue full, by when they were meant to start. */
import { MILLISECOND } from '../history/clock.ts';
import type { Instant } from '../history/operation.ts';

const STEP_NS = 100 * MILLISECOND;

export interface Arrived {
  readonly arrived: number;
  readonly shed: number;
}

export class Arrivals {
  readonly #steps = new Map<number, { arrived: number; shed: number }>();

  add(intended: Instant, shed: boolean): void {
    const at = Math.floor(intended / STEP_NS);
    const step = this.#steps.get(at) ?? { arrived: 0, shed: 0 };
    this.#steps.set(at, step);
    step.arrived++;
    if (shed) step.shed++;
  }

  /** In the steps of which `chosen` says so; a step is a tenth of a second. */
  within(chosen: (from: Instant, until: Instant) => boolean): Arrived {
    const sum = { arrived: 0, shed: 0 };
    for (const [at, { arrived, shed }] of this.#steps) {
      if (!chosen(at * STEP_NS, (at + 1) * STEP_NS)) continue;
      sum.arrived += arrived;
      sum.shed += shed;
    }
    return sum;
  }
}
