/** Less of the machine, seen by what a program in the container gets done, and by the engine. */
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { missing, need } from '../../../test-support/need.ts';
import { buildFirst } from '../../../test-support/tidemark.ts';
import type { DockerCluster } from './cluster.ts';
import { prepared } from './deploy.ts';
import { clock, closeAll, containerOf, exec, leaderOf, ms, up } from './testing.ts';

beforeAll(async () => {
  if (missing('docker') !== undefined) return;
  buildFirst();
  await prepared(new Map());
}, 600_000);

afterEach(closeAll, 60_000);

/** Share of a processor that a program gets in the node's container which wants all of one, over a second. */
async function share(cluster: DockerCluster, node: string): Promise<number> {
  const program = `const from = performance.now(), used = process.cpuUsage();
    while (performance.now() - from < 1000);
    const { user, system } = process.cpuUsage(used); console.log((user + system) / 1000 / (performance.now() - from))`;
  return Number(await exec(cluster, node, 'node', '-e', program));
}

describe('a machine', () => {
  need('docker');

  test('gives a node less processor, the least that two leave it, and then what it had', async () => {
    const cluster = await up(1);
    await leaderOf(cluster);
    const before = await share(cluster, 'n1');
    const from = clock.now();
    const some = await cluster.levers.squeeze?.('n1', { cpus: 0.3 });
    const squeezeMs = ms(from);
    const little = await cluster.levers.squeeze?.('n1', { cpus: 0.1 });
    const least = await share(cluster, 'n1');
    expect(await cluster.lingering()).toEqual(['n1 was not healed: its limits are not what they were']);
    await little?.heal();
    const { HostConfig } = await containerOf(cluster, 'n1').inspect();
    expect(HostConfig.NanoCpus).toBe(0.3e9);
    await some?.heal();
    await some?.heal();
    expect(await cluster.lingering()).toEqual([]);
    process.stdout.write(
      `a program got ${before.toFixed(2)} of a processor, and ${least.toFixed(2)} of 0.1; in force after ${squeezeMs.toFixed(0)} ms\n`,
    );
    expect(least).toBeLessThan(0.16);
    expect(some?.effect()['ms without a processor']).toBeGreaterThan(100);
  }, 90_000);

  // That a program does not get what it asks for is measured by the doctor's probe (harness/doctor).
  test('gives it less memory, says so while it lasts, and then what it had', async () => {
    const cluster = await up(1);
    await leaderOf(cluster);
    const limit = async (): Promise<number> => (await containerOf(cluster, 'n1').inspect()).HostConfig.Memory ?? 0;
    const before = await limit();
    const squeeze = await cluster.levers.squeeze?.('n1', { memorySpareMb: 16 });
    expect(await limit()).toBeLessThan(before);
    expect((await cluster.lingering()).join()).toContain('its limits are not what they were');
    await squeeze?.heal();
    expect(await limit()).toBe(before);
    await leaderOf(cluster);
    expect([cluster.crashes(), await cluster.lingering()]).toEqual([[], []]);
  }, 90_000);
});
