/**
 * That the doctor's alarms ring: on a real cluster, levers that say they act and do nothing are seen to have no effect, and
 * levers whose cure does nothing are seen to be in force still. One of each kind, or with TIDEMARK_DEEP=1 all of them.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Injection, Levers } from '../../nemesis/fault.ts';
import { missing, need } from '../../test-support/need.ts';
import { buildFirst } from '../../test-support/tidemark.ts';
import { prepared } from '../environments/docker/deploy.ts';
import { Bench } from './bench.ts';
import type { Trial } from './trial.ts';
import { trialsOn } from './trials.ts';

let bench: Bench | undefined;

beforeAll(async () => {
  if (missing('docker') !== undefined) return;
  buildFirst();
  await prepared(new Map());
  bench = await Bench.setUp(new Map());
}, 600_000);
afterAll(() => bench?.destroy(), 60_000);

type Pull = (...given: readonly unknown[]) => Promise<Injection>;

/** The same levers, but for what each pull of one is made of. */
function altered(levers: Partial<Levers>, alter: (pull: Pull) => Pull): Partial<Levers> {
  return Object.fromEntries(
    Object.entries(levers).map(([name, pull]) => [name, alter(pull as Pull)]),
  ) as Partial<Levers>; // the same names, pulled in the same way
}

const few = [
  'cut',
  'shape delay',
  'shape loss',
  'kill',
  'pause',
  'clock 60',
  'slowDisk',
  'failDisk writes',
  'squeeze 0.05',
];

function tried(on: Bench): readonly Trial[] {
  const all = trialsOn(on);
  if (process.env['TIDEMARK_DEEP'] !== undefined) return all;
  const chosen = few.map((name) => all.find(({ lever, what }) => `${lever} ${what}`.startsWith(name)));
  return chosen.map((one, i) => one ?? fail(`there is no trial ${few[i]}`));
}

function fail(why: string): never {
  throw new Error(why);
}

describe('the doctor sees', () => {
  need('docker');

  test('that a lever does nothing', async () => {
    if (bench === undefined) throw new Error('there is no cluster');
    const idle = altered(
      bench.cluster.levers,
      () => () => Promise.resolve({ heal: () => Promise.resolve(), effect: () => ({ boasted: 1 }) }),
    );
    const outcomes: string[] = [];
    for (const { lever, what, run } of tried(bench)) {
      const { outcome, why } = await run(idle, bench.clock, 2);
      if (outcome !== 'no effect') outcomes.push(`${lever}, ${what}: ${outcome}, ${why}`);
    }
    expect(outcomes).toEqual([]);
  }, 240_000);

  test('that a lever is not undone', async () => {
    if (bench === undefined) throw new Error('there is no cluster');
    const cures: (() => Promise<void>)[] = [];
    const lasting = altered(bench.cluster.levers, (pull) => async (...given) => {
      const injection = await pull(...given);
      cures.push(() => injection.heal());
      return { ...injection, heal: () => Promise.resolve() };
    });
    const outcomes: string[] = [];
    for (const { lever, what, run } of tried(bench)) {
      // It would wait half a minute for a store that is down to come back.
      if (lever === 'corruptDisk') continue;
      const { outcome, why } = await run(lasting, bench.clock, 2);
      if (outcome !== 'not undone') outcomes.push(`${lever}, ${what}: ${outcome}, ${why}`);
      for (const cure of cures.splice(0)) await cure();
    }
    expect(outcomes).toEqual([]);
    expect(await bench.cluster.lingering()).toEqual([]);
  }, 240_000);
});
