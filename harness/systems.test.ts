/** Stores that are not ours, as far as a plan knows of them. */
import { describe, expect, test } from 'vitest';
import { defaultPlan, resolvePlan } from './plan.ts';
import etcd from './systems/etcd.ts';
import redis from './systems/redis.ts';
import type { System } from './system.ts';

const planOf = (system: string, rest: object = {}) =>
  resolvePlan({ ...defaultPlan, system, environment: 'docker', ...rest });

describe('a store that is not ours', () => {
  test('is refused by an environment that cannot run it', async () => {
    await expect(planOf('redis', { environment: 'simulation' })).rejects.toThrow(
      "The system 'redis' runs with --env docker, not with --env simulation.",
    );
  });

  test('is spared faults that would not reach it, and refuses them by name', async () => {
    const plan = await planOf('etcd', { faults: ['mix'] });
    expect(plan.faults).toContain('kill-leader');
    expect(plan.faults).not.toContain('clock-shift');
    expect(plan.use.unsupported.find(({ fault }) => fault === 'clock-shift')?.why).toMatch(
      /^it needs clock, and etcd is a Go/,
    );
    await expect(planOf('etcd', { faults: ['clock-shift'] })).rejects.toThrow(
      /^The fault 'clock-shift' cannot be done: it needs clock, and etcd is a Go program/,
    );
  });

  test('has time to settle of its own, unless it is said', async () => {
    expect((await planOf('redis')).use.setting('settle-ms')).toBe(25_000);
    expect((await planOf('redis', { settings: { 'settle-ms': '1' } })).use.setting('settle-ms')).toBe(1);
  });

  test('has its image named by the user, in a way that can be one', async () => {
    await expect(planOf('redis', { settings: { image: 'no image!' } })).rejects.toThrow(
      '--set image=no image!: the name of an image is needed.',
    );
  });
});

test.each([redis as System, etcd as System])('every promise of $name cites its source', (system) => {
  const claims = [
    ...system.always.map((guarantee) => ({ guarantee })),
    ...system.writePaths.flatMap(({ name: writePath }) => [
      ...system.promisesOfWrites(writePath).map((guarantee) => ({ guarantee, writePath })),
      ...system.readPaths.flatMap(({ name: readPath }) =>
        system.promises(writePath, readPath).map((guarantee) => ({ guarantee, writePath, readPath })),
      ),
    ]),
  ];
  expect(claims.length).toBeGreaterThan(0);
  for (const claim of claims) expect(system.citation?.(claim)?.url, JSON.stringify(claim)).toMatch(/^https:\/\//);
});
