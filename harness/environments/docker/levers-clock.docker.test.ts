/** Wrong clocks of one process, seen by others than the shim's own counters: the store's HTTP answers carry its date. */
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { millisecondsOf, MILLISECOND, SECOND, wallTime } from '../../../history/clock.ts';
import { missing, need } from '../../../test-support/need.ts';
import { buildFirst } from '../../../test-support/tidemark.ts';
import type { DockerCluster } from './cluster.ts';
import { prepared } from './deploy.ts';
import { clock, closeAll, containerOf, exec, leaderOf, ms, storeProcess, until, up } from './testing.ts';

beforeAll(async () => {
  if (missing('docker') !== undefined) return;
  buildFirst();
  await prepared(new Map());
}, 600_000);

afterEach(closeAll, 60_000);

/** How far the store's time of day is from this machine's, seconds: it writes it above every answer, in whole seconds. */
async function offSeconds(cluster: DockerCluster, node: string): Promise<number> {
  const { NetworkSettings } = await containerOf(cluster, node).inspect();
  const [{ IPAddress }] = Object.values(NetworkSettings.Networks);
  // It looks at its clock for that at most once a second.
  await clock.sleepUntil(clock.now() + 1100 * MILLISECOND);
  const answer = await fetch(`http://${IPAddress}:7601/status`);
  await answer.arrayBuffer();
  return (millisecondsOf(answer.headers.get('date') ?? '') - wallTime().getTime()) / 1000;
}

/**
 * A program of its own in the node's container, under the store's shims, for a second by the machine's clock: how fast its
 * clocks run, how many times its timer of 10 ms fired, and how often its time of day went back.
 */
async function watched(
  cluster: DockerCluster,
  node: string,
): Promise<{ readonly rate: number; readonly ticks: number; readonly backs: number; readonly offMs: number }> {
  const program = `let ticks = 0, backs = 0, last = Date.now();
    setInterval(() => { ticks++; const now = Date.now(); if (now < last) backs++; last = now }, 10);
    const machine = () => +require('fs').readFileSync('/proc/uptime', 'latin1').split(' ')[0] * 1000;
    const from = machine(), mine = performance.now();
    const look = setInterval(() => { const past = machine() - from; if (past < 1000) return;
      console.log(JSON.stringify({ rate: (performance.now() - mine) / past, ticks: ticks * 1000 / past, backs, offMs: Date.now() }));
      process.exit(0) }, 20)`;
  const env = ['LD_PRELOAD=/opt/shims/tm-io.so:/opt/shims/tm-clock.so', 'TM_CLOCK=/run/tidemark/clock'];
  const said = await exec(cluster, node, 'env', ...env, 'node', '-e', program);
  const seen = JSON.parse(said) as { rate: number; ticks: number; backs: number; offMs: number };
  return { ...seen, offMs: seen.offMs - wallTime().getTime() };
}

describe('a clock', () => {
  need('docker');

  test('of one node is off, and then right again; nobody else is told a wrong time', async () => {
    const cluster = await up();
    await leaderOf(cluster);
    expect(Math.abs(await offSeconds(cluster, 'n1'))).toBeLessThan(3);
    const from = clock.now();
    const ahead = await cluster.levers.clock?.('n1', { offsetNs: 3600 * SECOND, driftPpm: 0 });
    const shiftMs = ms(from);
    const behind = await cluster.levers.clock?.('n1', { offsetNs: -60 * SECOND, driftPpm: 0 });
    expect(Math.round((await offSeconds(cluster, 'n1')) / 10)).toBe(354);
    expect(Math.abs(await offSeconds(cluster, 'n2'))).toBeLessThan(3);
    // The agent beside it, and whatever else runs in its container, keep the machine's.
    expect(Math.abs(Number(await exec(cluster, 'n1', 'date', '+%s')) - wallTime().getTime() / 1000)).toBeLessThan(5);
    expect(await cluster.lingering()).toEqual([
      'n1 was not healed: its clocks are not what they were: clocks run 0 ppm fast, 2 shifts of the wall clock',
    ]);
    const healing = clock.now();
    await ahead?.heal();
    const healMs = ms(healing);
    await ahead?.heal();
    expect(Math.round((await offSeconds(cluster, 'n1')) / 10)).toBe(-6);
    await behind?.heal();
    expect(Math.abs(await offSeconds(cluster, 'n1'))).toBeLessThan(3);
    expect(ahead?.effect()['wall clock readings shifted']).toBeGreaterThan(0);
    expect(await cluster.lingering()).toEqual([]);
    process.stdout.write(`a clock was off in ${shiftMs.toFixed(1)} ms, and right in ${healMs.toFixed(1)} ms\n`);
  }, 60_000);

  test('runs fast, slow, and leaps to and fro; waits are as long as it says, and time never goes back but then', async () => {
    const cluster = await up(1);
    await leaderOf(cluster);
    const calm = await watched(cluster, 'n1');
    expect(Math.abs(calm.rate - 1)).toBeLessThan(0.1);
    const fast = await cluster.levers.clock?.('n1', { offsetNs: 0, driftPpm: 1_000_000 });
    const doubled = await watched(cluster, 'n1');
    const faster = await cluster.levers.clock?.('n1', { offsetNs: 0, driftPpm: 500_000 });
    const summed = await watched(cluster, 'n1');
    await faster?.heal();
    await fast?.heal();
    const slow = await cluster.levers.clock?.('n1', { offsetNs: 0, driftPpm: -500_000 });
    const halved = await watched(cluster, 'n1');
    await slow?.heal();
    const strobe = await cluster.levers.clock?.('n1', {
      offsetNs: 5 * SECOND,
      driftPpm: 0,
      strobeNs: 50 * MILLISECOND,
    });
    const leaping = await watched(cluster, 'n1');
    await strobe?.heal();
    const after = await watched(cluster, 'n1');
    process.stdout.write(
      `clocks at double rate: ${doubled.rate.toFixed(3)}, and half more: ${summed.rate.toFixed(3)}, at half: ${halved.rate.toFixed(3)}, healed: ${after.rate.toFixed(3)}\n`,
    );
    for (const [seen, rate] of [
      [doubled, 2],
      [summed, 2.5],
      [halved, 0.5],
      [after, 1],
    ] as const) {
      expect(Math.abs(seen.rate / rate - 1)).toBeLessThan(0.1);
      expect(seen.backs).toBe(0);
    }
    // A timer of 10 ms, in a second of the machine's: at most 100 × rate, and less on a busy one.
    expect(doubled.ticks).toBeGreaterThan(105);
    expect(halved.ticks).toBeLessThan(55);
    expect(leaping.backs).toBeGreaterThanOrEqual(5);
    expect(Math.abs(after.offMs)).toBeLessThan(1000);
    for (const injection of [fast, slow]) {
      expect(injection?.effect()['clock readings at another rate']).toBeGreaterThan(100);
      expect(injection?.effect()['waits shorter or longer']).toBeGreaterThan(10);
    }
    expect(strobe?.effect()['wall clock readings shifted']).toBeGreaterThan(0);
    expect(await cluster.lingering()).toEqual([]);
  }, 60_000);

  test('goes on through a restart of the store, and waits for one that is stopped', async () => {
    const cluster = await up(1);
    await leaderOf(cluster);
    const pause = await cluster.levers.pause?.(['n1']);
    const skew = await cluster.levers.clock?.('n1', { offsetNs: 600 * SECOND, driftPpm: 0 });
    await pause?.heal();
    const kill = await cluster.levers.kill?.(['n1']);
    await kill?.heal();
    await until('a process', () => storeProcess(cluster, 'n1'));
    await leaderOf(cluster);
    expect(Math.round((await offSeconds(cluster, 'n1')) / 10)).toBe(60);
    await skew?.heal();
    expect(Math.abs(await offSeconds(cluster, 'n1'))).toBeLessThan(3);
    expect(await cluster.lingering()).toEqual([]);
  }, 60_000);

  test('of a static program cannot be wrong, and that is said', async () => {
    const cluster = await up(1);
    const ask = `import('/opt/tidemark/dist/harness/environments/docker/agent/clocks.js').then(async ({ followsNot }) => {
      console.log(await followsNot('ldconfig', []));
      console.log(await followsNot('node', ['-p', 'Date.now()']));
      console.log(await followsNot('node', ['-p', '0'])) })`;
    const [ofStatic, ofNode, ofLiar] = (await exec(cluster, 'n1', 'node', '-e', ask)).split('\n');
    expect(ofStatic).toBe('ldconfig is a static program, which no library can tell another time');
    expect(ofNode).toBe('undefined');
    expect(ofLiar).toMatch(/^node's clock did not follow: it is -\d+ ms off$/);
  }, 60_000);
});
