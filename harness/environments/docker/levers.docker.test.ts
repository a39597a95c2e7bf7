/** What each lever does to real containers, seen by other ways than its own, and that it is undone. */
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { MILLISECOND } from '../../../history/clock.ts';
import { missing, need } from '../../../test-support/need.ts';
import { buildFirst } from '../../../test-support/tidemark.ts';
import { prepared } from './deploy.ts';
import { clock, closeAll, echoes, hears, leaderOf, median, ms, storeProcess, until, up, type Said } from './testing.ts';

beforeAll(async () => {
  if (missing('docker') !== undefined) return;
  buildFirst();
  await prepared(new Map());
}, 600_000);

afterEach(closeAll, 60_000);

/** How many came after a later one. */
function overtaken(order: readonly number[]): number {
  return order.filter((n, i) => i > 0 && n < order[i - 1]).length;
}

describe('a lever', () => {
  need('docker');

  test('a link is cut in one direction, by as many as cut it, and clients are spared', async () => {
    const cluster = await up();
    const leader = await leaderOf(cluster);
    const [a, b] = cluster.nodes.filter((node) => node !== leader);
    const from = clock.now();
    const first = await cluster.levers.cut?.([{ from: a, to: b }]);
    const cutMs = ms(from);
    const second = await cluster.levers.cut?.([
      { from: a, to: b },
      { from: leader, to: b },
    ]);
    expect(await Promise.all([hears(cluster, a, b), hears(cluster, leader, a)])).toEqual([false, true]);
    expect(await hears(cluster, b, a)).toBe(true);
    expect(await cluster.status(b)).toBeDefined();
    expect((await cluster.lingering()).join()).toContain(`${b} was not healed: its rules are not what they were`);
    const healing = clock.now();
    await first?.heal();
    const healMs = ms(healing);
    await first?.heal(); // twice is harmless: the other's cut stands
    expect(await hears(cluster, a, b)).toBe(false);
    await second?.heal();
    expect(await hears(cluster, a, b)).toBe(true);
    expect((first?.effect()['packets dropped'] ?? 0) + (second?.effect()['packets dropped'] ?? 0)).toBeGreaterThan(10);
    expect(await cluster.lingering()).toEqual([]);
    process.stdout.write(`cut in ${Math.round(cutMs)} ms, mended in ${Math.round(healMs)} ms\n`);
  }, 90_000);

  test('a link is slow in one direction, as slow as two say, and lossy; then as it was', async () => {
    const cluster = await up();
    await leaderOf(cluster);
    const before = await echoes(cluster, 'n1', 'n2', 50);
    expect(before.ms.length).toBe(50);
    const link = [{ from: 'n1', to: 'n2' }];
    const bending = clock.now();
    const slow = await cluster.levers.shape?.(link, { delayNs: 50 * MILLISECOND });
    const bendMs = ms(bending);
    const slowed = await echoes(cluster, 'n1', 'n2', 50);
    const other = await echoes(cluster, 'n1', 'n3', 50);
    const slower = await cluster.levers.shape?.(link, { delayNs: 30 * MILLISECOND, jitterNs: 20 * MILLISECOND });
    const both = await echoes(cluster, 'n1', 'n2', 50);
    await slow?.heal();
    await slow?.heal();
    const lossy = await cluster.levers.shape?.(link, { loss: 0.3, duplicate: 0.3, reorder: 0.3 });
    await slower?.heal();
    const torn = await echoes(cluster, 'n1', 'n2', 300);
    expect((await cluster.lingering()).join()).toContain("its rules are not what they were: '-A TM-OUT -d ");
    await lossy?.heal();
    const after = await echoes(cluster, 'n1', 'n2', 50);
    expect(await cluster.lingering()).toEqual([]);

    const calm = median(before);
    process.stdout.write(
      `delay 50 ms: ${median(slowed).toFixed(2)} ms (calm ${calm.toFixed(2)} ms), in force after ${Math.round(bendMs)} ms\n`,
    );
    // The fastest of fifty tells what the link adds: others use this machine too, and only ever make a packet later.
    for (const free of [before, other, after]) expect(free.ms[0]).toBeLessThan(50);
    expect(slowed.ms[0]).toBeGreaterThan(50);
    expect(both.ms[0]).toBeGreaterThan(80);
    // Jitter alone keeps the order; a busy kernel with two processors now and then does not.
    expect(overtaken(both.order)).toBeLessThan(10);
    // 300 × 0.7 ± 5 standard deviations, and the duplicates of what got through.
    const distinct = new Set(torn.order).size;
    expect(distinct).toBeGreaterThan(170);
    expect(distinct).toBeLessThan(250);
    expect(torn.order.length - distinct).toBeGreaterThan(30);
    expect(overtaken(torn.order)).toBeGreaterThan(30);
    expect(slow?.effect()['packets delayed']).toBeGreaterThanOrEqual(50);
    expect(Object.keys(lossy?.effect() ?? {})).toEqual(['packets dropped', 'packets duplicated', 'packets reordered']);
    for (const n of Object.values(lossy?.effect() ?? {})) expect(n).toBeGreaterThan(30);
    expect(after.ms.length).toBe(50);
  }, 120_000);

  test('a disk is slow to sync, as slow as two say, or full; then as it was', async () => {
    const cluster = await up(1);
    await leaderOf(cluster);
    const line = cluster.dial('n1');
    let n = 0;
    const write = async (): Promise<{ readonly ms: number; readonly type: string; readonly code?: string }> => {
      const from = clock.now();
      const answer = await line.request({ type: 'write', ack: 'all-ack', key: 'k', value: ++n });
      return { ms: ms(from), ...(answer as { readonly type: string; readonly code?: string }) };
    };
    await write();
    const calm = await write();
    expect(calm.type).toBe('written');
    const slow = await cluster.levers.slowDisk?.('n1', 300 * MILLISECOND);
    const slowed = await write();
    const slower = await cluster.levers.slowDisk?.('n1', 200 * MILLISECOND);
    const both = await write();
    expect((await cluster.lingering()).join()).toBe(
      'n1 was not healed: its disk is not what it was: syncs take 500000000 ns longer, there is room',
    );
    await slow?.heal();
    await slow?.heal();
    const one = await write();
    await slower?.heal();
    const after = await write();
    expect([slowed.ms > 300, both.ms > 500, one.ms > 200, after.ms < 200]).toEqual([true, true, true, true]);
    expect(slow?.effect()['syncs delayed']).toBeGreaterThan(0);
    process.stdout.write(
      `a write and its sync: ${calm.ms.toFixed(1)} ms, with 300 ms more ${slowed.ms.toFixed(1)} ms\n`,
    );

    const full = await cluster.levers.fillDisk?.('n1');
    const waits = write(); // until there is room
    await until('the store to say so', async () => ((await write()).code === 'DISK_FULL' ? true : undefined));
    await full?.heal();
    await waits;
    expect(full?.effect()['writes refused for want of room']).toBeGreaterThan(0);
    await until('room', async () => ((await write()).type === 'written' ? true : undefined));
    line.close();

    // A store that finds no room when it begins, ends; it is started once there is some.
    const again = await cluster.levers.fillDisk?.('n1');
    const kill = await cluster.levers.kill?.(['n1']);
    await kill?.heal();
    await until('its end', async () => (cluster.isUp('n1') ? undefined : true));
    await again?.heal();
    expect(cluster.isUp('n1')).toBe(true);
    await leaderOf(cluster);
    expect([cluster.crashes(), await cluster.lingering()]).toEqual([[], []]);
  }, 60_000);

  test('a leader that is cut off is followed by another', async () => {
    const cluster = await up();
    const leader = await leaderOf(cluster);
    const others = cluster.nodes.filter((node) => node !== leader);
    const cut = await cluster.levers.cut?.(
      others.flatMap((other) => [
        { from: leader, to: other },
        { from: other, to: leader },
      ]),
    );
    expect(others).toContain(await leaderOf(cluster, [leader]));
    const heard = await Promise.all(others.map((other) => hears(cluster, leader, other)));
    expect(heard).toEqual([false, false]);
    await cut?.heal();
    // Twenty datagrams and more for each of the two: both receivers' rules are counted.
    expect(cut?.effect()['packets dropped']).toBeGreaterThan(40);
    const { term } = (await cluster.status(await leaderOf(cluster))) as Said;
    expect(term).toBeGreaterThan(1);
  }, 60_000);

  test('the store is stopped and let go on by its process, killed and started again', async () => {
    const cluster = await up();
    await leaderOf(cluster);
    const before = await storeProcess(cluster, 'n2');
    const pausing = clock.now();
    const pause = await cluster.levers.pause?.(['n2']);
    const pauseMs = ms(pausing);
    expect(await storeProcess(cluster, 'n2')).toEqual({ pid: before?.pid, state: 'T' });
    expect(await cluster.status('n2')).toBeUndefined();
    expect(await cluster.lingering()).toEqual(['n2 was not healed: its process is stopped still']);
    const again = await cluster.levers.pause?.(['n2']);
    await pause?.heal();
    expect((await storeProcess(cluster, 'n2'))?.state).toBe('T'); // somebody else holds it still
    await again?.heal();
    expect((await storeProcess(cluster, 'n2'))?.state).not.toBe('T');
    expect(pause?.effect()['nodes stopped']).toBe(1);

    const killing = clock.now();
    const kill = await cluster.levers.kill?.(['n2', 'n3', 'n2']);
    const killMs = ms(killing);
    expect(await storeProcess(cluster, 'n2')).toBeUndefined();
    expect([cluster.isUp('n1'), cluster.isUp('n2'), cluster.isUp('n3')]).toEqual([true, false, false]);
    const vain = await cluster.levers.kill?.(['n2']);
    await vain?.heal();
    expect([vain?.effect(), cluster.isUp('n2')]).toEqual([{ 'nodes killed': 0 }, false]);
    await kill?.heal();
    await kill?.heal();
    expect(kill?.effect()).toEqual({ 'nodes killed': 2 });
    const after = await until('a new process', () => storeProcess(cluster, 'n2'));
    expect(after.pid).not.toBe(before?.pid);
    await until('an answer', () => cluster.status('n2'));
    expect(cluster.crashes()).toEqual([]);
    expect(await cluster.lingering()).toEqual([]);
    process.stdout.write(`stopped in ${Math.round(pauseMs)} ms, killed in ${Math.round(killMs)} ms\n`);
  }, 60_000);

  test('a damaged log is found at the start, and the node comes back from the others', async () => {
    const cluster = await up();
    const leader = await leaderOf(cluster);
    const line = cluster.dial(leader);
    for (let i = 0; i < 60; i++) {
      await line.request({ type: 'write', ack: 'all-ack', key: `k${i}`, value: i });
    }
    line.close();
    const victim = cluster.nodes.find((node) => node !== leader) ?? '';
    const injection = await cluster.levers.corruptDisk?.(victim);
    const { 'bits flipped': flipped, 'files cut': cut } = injection?.effect() ?? {};
    expect(flipped + cut).toBe(1);
    await injection?.heal();
    await until('healing', async () => {
      const said = (await cluster.status(victim)) as (Said & { damaged: boolean }) | undefined;
      return said !== undefined && !said.damaged && said.commit.index > 50 ? said : undefined;
    });
  }, 60_000);
});
