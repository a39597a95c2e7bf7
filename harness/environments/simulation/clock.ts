/**
 * Virtual time, and the loop that makes it pass.
 *
 * Simulated clients are ordinary async code. After an event that may have resolved a promise of theirs, everything that
 * follows from it in promise jobs must have run before the next event; otherwise the order of events would depend on how
 * many `await`s a client has. Two ways to let the jobs run are known to be complete:
 *
 * - `setImmediate` comes back after all of them (about 1.1 µs);
 * - a `process.nextTick` asked for *from within* a promise job comes back when the queue of promise jobs is empty, since
 *   Node takes up ticks only between two complete drains of that queue (about 0.3 µs).
 *
 * The loop uses the second, and every now and then the first, so that signals and real sockets get their turn.
 */
import type { Cancel, Clock } from '../../../history/clock.ts';
import type { Instant } from '../../../history/operation.ts';
import { CALL, type EventQueue, WAKE } from './events.ts';

/** Work between two returns to Node's own event loop: an event counts 1, a drain of promise jobs 8. */
const WORK_BETWEEN_RETURNS = 8_192;
const WORK_PER_DRAIN = 8;

/** With nobody asleep and requests that nobody answers, the simulation gives up after this much virtual time. */
const SILENCE_NS_MAX = 600_000_000_000;

export class VirtualClock implements Clock {
  readonly #queue: EventQueue;
  #now: Instant = 0;
  /** Sleepers and timers that the queue will wake. */
  sleeping = 0;

  constructor(queue: EventQueue) {
    this.#queue = queue;
  }

  now(): Instant {
    return this.#now;
  }

  sleepUntil(at: Instant): Promise<void> {
    if (at <= this.#now) return Promise.resolve();
    this.sleeping++;
    return new Promise((resolve) => void this.#queue.push(Math.ceil(at), WAKE, 0, 0, resolve));
  }

  timer(at: Instant, fire: () => void): Cancel {
    const record = this.#queue.push(Math.max(Math.ceil(at), this.#now), CALL, 0, 0, fire);
    const inserted = this.#queue.inserted;
    this.sleeping++;
    let live = true;
    return () => {
      if (live && this.#queue.forget(record, inserted)) this.sleeping--;
      live = false;
    };
  }

  /** For the loop alone. */
  advance(to: Instant): void {
    if (to < this.#now) throw new Error(`virtual time ran backwards: from ${this.#now} to ${to}`);
    this.#now = to;
  }
}

/** What the loop drives. */
export interface Stage {
  readonly queue: EventQueue;
  readonly clock: VirtualClock;
  /** Handles the event that the queue holds out; true when simulated code may have been woken. */
  dispatch(): boolean;
  /** Requests whose end their clients still wait for. */
  waiting(): number;
}

export class SimulationError extends Error {
  override readonly name = 'SimulationError';
}

/** Runs events until `main` is done. Only one loop may run on a stage at a time. */
export function runLoop<T>(stage: Stage, main: () => Promise<T>): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    let done = false;
    let work = 0;
    let lastWake = stage.clock.now();
    const resolved = Promise.resolve();

    const finish = (end: () => void): void => {
      done = true;
      end();
    };
    const pump = (): void => {
      if (done) return;
      try {
        const why = stuck(stage, lastWake);
        if (why !== undefined) return finish(() => reject(new SimulationError(why)));
        for (;;) {
          if (!stage.queue.pop()) return finish(() => reject(new SimulationError(DRY)));
          stage.clock.advance(stage.queue.at);
          const woken = stage.dispatch();
          work++;
          if (woken) {
            lastWake = stage.clock.now();
            work += WORK_PER_DRAIN;
            return drain();
          }
          if (work >= WORK_BETWEEN_RETURNS) return drain();
        }
      } catch (error) {
        finish(() => reject(error));
      }
    };
    const afterJobs = (): void => process.nextTick(pump);
    const drain = (): void => {
      // A promise's own job costs less than queueMicrotask, which makes an async resource of each.
      if (work < WORK_BETWEEN_RETURNS) return void resolved.then(afterJobs);
      work = 0;
      setImmediate(pump);
    };

    main().then(
      (value) => finish(() => resolve(value)),
      (error: unknown) => finish(() => reject(error)),
    );
    drain();
  });
}

const DRY =
  'the simulation ran out of events before its main function was done: simulated code may only await the virtual clock and connections';

/** Why waiting longer would be in vain, if it would. */
function stuck(stage: Stage, lastWake: Instant): string | undefined {
  if (stage.clock.sleeping > 0) return undefined;
  if (stage.waiting() === 0) {
    return 'simulated code waits for something that is not simulated (real I/O, or a promise that nobody resolves)';
  }
  if (stage.clock.now() - lastWake > SILENCE_NS_MAX) {
    return `${stage.waiting()} requests were never answered, and nothing else is awaited (do they lack a deadline?)`;
  }
  return undefined;
}
