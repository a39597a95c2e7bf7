import { expect, it } from 'vitest';
import type { Clock } from '../history/clock.ts';
import { MICROSECOND, MILLISECOND } from '../history/clock.ts';
import { Random } from '../history/random.ts';
import type { Client } from '../history/store.ts';
import { call, type Workload } from '../workloads/workload.ts';
import { Driver } from './driver.ts';

/** Its timers fire 700 µs early, as those of a real clock may. */
class Hasty implements Clock {
  #now = 0;
  #timers: { at: number; fire: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  sleepUntil(): Promise<void> {
    return Promise.resolve();
  }

  timer(at: number, fire: () => void): () => void {
    const one = { at: Math.max(this.#now, at - 700 * MICROSECOND), fire };
    this.#timers.push(one);
    return () => (this.#timers = this.#timers.filter((other) => other !== one));
  }

  /** The timer that is due first. */
  next(): void {
    const [first, ...rest] = this.#timers.sort((a, b) => a.at - b.at);
    this.#timers = rest;
    this.#now = first.at;
    first.fire();
  }
}

const reading: Workload = {
  name: 'reading',
  about: '',
  methods: ['read'],
  exercises: [],
  *script() {
    for (;;) yield* call({ f: 'read', key: 'x' });
  },
};

it('sends no operation before it is meant to begin, though its timer comes early', async () => {
  const clock = new Hasty();
  const late: number[] = [];
  const arrivals: number[] = [];
  const driver = new Driver({
    clock,
    recorder: {
      invoke: (_process, _call, _session, _device, _path, intended) => late.push(clock.now() - (intended ?? NaN)),
      complete: () => undefined,
    },
    random: new Random(1),
    // Never answers: each session sends once.
    connect: () => Promise.resolve({ read: () => new Promise(() => undefined) } as unknown as Client), // nothing else is asked of it
    rows: [{ writePath: 'w', readPath: 'r' }],
    writePaths: ['w'],
    workloads: [reading],
    workloadOptions: { keys: 1, distribution: 'uniform' },
    sessions: 8,
    regions: ['here'],
    load: { type: 'open', perSecond: 500, queueMax: 100, arrived: (intended) => arrivals.push(intended) },
    timeoutNs: 1000 * MILLISECOND,
  });
  await driver.connect();
  driver.start();
  while (arrivals.length < 100) clock.next();
  expect(late).toHaveLength(8);
  expect(Math.min(...late)).toBeGreaterThanOrEqual(0);
  // What was meant is not moved any further: the rate stays.
  expect(clock.now()).toBeGreaterThan(100 * MILLISECOND);
  expect(clock.now()).toBeLessThan(400 * MILLISECOND);
});
