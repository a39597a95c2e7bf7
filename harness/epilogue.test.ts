/** How long the end of a run waits for a cluster that does not answer, on a clock that stands still but for sleeping and asking. */
import { expect, test } from 'vitest';
import { type Clock, MILLISECOND, SECOND } from '../history/clock.ts';
import type { Deployment } from './environments/environment.ts';
import { epilogue, type Reader, ReadingBack } from './epilogue.ts';
import type { ResolvedPlan } from './plan.ts';

const KEYS = 300;

interface Asked {
  /** Nanoseconds that it took. */
  readonly ns: number;
  /** How often each path was asked. */
  readonly asked: ReadonlyMap<string, number>;
  readonly givenUp: number;
  /** What is waited for, as it is told at each asking. */
  readonly told: readonly (string | undefined)[];
}

/** `answers`: whether the asking of this path and number is answered; `costNs`: how long each takes. */
async function ended(
  answers: (path: string, nth: number) => boolean,
  { costNs = 0, loadNs = 40 * SECOND } = {},
): Promise<Asked> {
  let now = 5;
  const clock: Clock = {
    now: () => now,
    sleepUntil: async (at) => void (now = Math.max(now, at)),
    timer: () => () => undefined,
  };
  const system = {
    strongestReadPath: 'leader',
    stateReadPath: 'local',
    methods: [],
    connect: () => Promise.resolve({ close: () => Promise.resolve() }),
  };
  const plan = { durationNs: loadNs, writePaths: ['quorum-ack'], use: { system, settings: new Map() } };
  const cluster = { clock, nodes: ['n1'], regions: ['r'], regionOf: () => 'r' };
  const asked = new Map<string, number>();
  const told: (string | undefined)[] = [];
  const progress = new ReadingBack(clock, loadNs);
  const reader: Reader = {
    keysWritten: () => Array.from({ length: KEYS }, (_, i) => `k${i}`),
    logsSent: () => [],
    newProcess: () => 1,
    once: async (_client, _process, _call, path) => {
      const nth = (asked.get(path) ?? 0) + 1;
      asked.set(path, nth);
      now += costNs;
      told.push(progress.waitsFor());
      return answers(path, nth) ? { outcome: 'ok', value: 1 } : { outcome: 'fail', value: null, error: 'NOT_LEADER' };
    },
  };
  const from = now;
  // All that it asks of them.
  await epilogue(plan as unknown as ResolvedPlan, cluster as unknown as Deployment, reader, progress);
  return { ns: now - from, asked, givenUp: progress.givenUp, told };
}

test('a cluster that answers is read whole, however slow it is, within the time that the load had', async () => {
  const { asked, givenUp, ns } = await ended(() => true, { costNs: SECOND, loadNs: 700 * SECOND });
  expect([...asked.values()]).toEqual([KEYS, KEYS]);
  expect([givenUp, ns]).toEqual([0, 600 * SECOND]);
});

test('a reader that nobody answers is given up; the others read on, and what is unread is counted', async () => {
  const { asked, givenUp, ns, told } = await ended((path) => path !== 'leader');
  expect(asked.get('node:n1')).toBe(KEYS);
  // Five times each, 200 ms between.
  expect(ns).toBe(30 * SECOND);
  expect(givenUp).toBeGreaterThan(250);
  expect(told).toContainEqual(
    expect.stringMatching(/^leader reads of quorum-ack \(\d+ of 300 keys, unanswered for 29 s\)/),
  );
  expect(told[0]).toBe('leader reads of quorum-ack (0 of 300 keys) and 1 more');
});

test('an answer now and then is hope, and there is an end to that too', async () => {
  const { givenUp, ns } = await ended((_, nth) => nth % 10 === 0, { costNs: 700 * MILLISECOND });
  expect(ns).toBeGreaterThanOrEqual(120 * SECOND);
  expect(ns).toBeLessThan(123 * SECOND);
  expect(givenUp).toBeGreaterThan(0);
});
