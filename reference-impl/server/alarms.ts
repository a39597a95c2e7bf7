/** The core's timers: many names, one timer of the machine, set for the earliest. */
import type { Timer } from '../core/types.ts';
import { type Cancel, after, drawMs, monotonicMs } from './clock.ts';

export class Alarms {
  readonly #dueMs = new Map<Timer, number>();
  readonly #fire: (timer: Timer) => void;
  #cancel: Cancel | undefined;
  #wakeAtMs = Number.POSITIVE_INFINITY;

  constructor(fire: (timer: Timer) => void) {
    this.#fire = fire;
  }

  arm(timer: Timer, minMs: number, maxMs: number): void {
    const dueMs = monotonicMs() + drawMs(minMs, maxMs);
    this.#dueMs.set(timer, dueMs);
    if (dueMs < this.#wakeAtMs) this.#wake(dueMs);
  }

  /** The machine's timer is left alone: it finds nothing to do, and is set for the next. */
  disarm(timer: Timer): void {
    this.#dueMs.delete(timer);
  }

  close(): void {
    this.#dueMs.clear();
    this.#cancel?.();
  }

  #wake(atMs: number): void {
    this.#cancel?.();
    this.#wakeAtMs = atMs;
    this.#cancel = after(Math.max(0, Math.ceil(atMs - monotonicMs())), this.#ring);
  }

  readonly #ring = (): void => {
    this.#wakeAtMs = Number.POSITIVE_INFINITY;
    const now = monotonicMs();
    const due = [...this.#dueMs].filter(([, dueMs]) => dueMs <= now).sort((a, b) => a[1] - b[1]);
    for (const [timer, dueMs] of due) {
      // One that fired before it may have set this one anew, or taken it away.
      if (this.#dueMs.get(timer) !== dueMs) continue;
      this.#dueMs.delete(timer);
      this.#fire(timer);
    }
    let next = Number.POSITIVE_INFINITY;
    for (const dueMs of this.#dueMs.values()) if (dueMs < next) next = dueMs;
    if (next < this.#wakeAtMs) this.#wake(next);
  };
}
