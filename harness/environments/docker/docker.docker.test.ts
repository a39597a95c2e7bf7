/** Real containers. What a lever did is looked for by other means than its own: the engine's list of processes, datagrams. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import Docker from 'dockerode';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { MILLISECOND, realClock, SECOND } from '../../../history/clock.ts';
import { missing, need } from '../../../test-support/need.ts';
import { buildFirst } from '../../../test-support/tidemark.ts';
import reference from '../../systems/reference.ts';
import type { DockerCluster } from './cluster.ts';
import { deploy, prepared } from './deploy.ts';
import { labels } from './owner.ts';

const clock = realClock();
const docker = new Docker();
const open: DockerCluster[] = [];
const folders: string[] = [];
const noEngine = missing('docker') !== undefined;

beforeAll(async () => {
  if (noEngine) return;
  buildFirst();
  await prepared(new Map());
}, 600_000);

afterEach(async () => {
  for (const cluster of open.splice(0)) await cluster.destroy();
}, 60_000);
afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));

let runs = 0;

async function up(count = 3, given: Readonly<Record<string, string>> = {}): Promise<DockerCluster & { logs: string }> {
  const nodes = Array.from({ length: count }, (_, i) => `n${i + 1}`);
  const settings = new Map(Object.entries(given));
  const logs = mkdtempSync(join(tmpdir(), 'tm-docker-'));
  folders.push(logs);
  const specs = new Map(nodes.map((node) => [node, reference.node(node, nodes, settings)] as const));
  const run = { id: `test-${process.pid}-${++runs}`, logs };
  const cluster = await deploy(specs, { seed: 1, settings, observe: () => undefined, run });
  open.push(cluster);
  return Object.assign(cluster, { logs, id: run.id });
}

interface Said {
  readonly role: string;
  readonly term: number;
  readonly commit: { readonly index: number };
}

async function until<T>(what: string, look: () => Promise<T | undefined>, ns = 15 * SECOND): Promise<T> {
  const deadline = clock.now() + ns;
  for (;;) {
    const seen = await look();
    if (seen !== undefined) return seen;
    if (clock.now() > deadline) throw new Error(`${what} did not come within ${ns / SECOND} s`);
    await clock.sleepUntil(clock.now() + 20 * MILLISECOND);
  }
}

function leaderOf(cluster: DockerCluster, not: readonly string[] = []): Promise<string> {
  return until('a leader', async () => {
    for (const node of cluster.nodes) {
      if (not.includes(node)) continue;
      const said = (await cluster.status(node)) as Said | undefined;
      if (said?.role === 'leader') return node;
    }
    return undefined;
  });
}

function containerOf(cluster: DockerCluster, node: string): Docker.Container {
  return docker.getContainer(`tidemark-${(cluster as DockerCluster & { id: string }).id}-${node}`);
}

/** What a command in a node's container says: the way that no lever goes. */
async function exec(cluster: DockerCluster, node: string, ...command: string[]): Promise<string> {
  const run = await containerOf(cluster, node).exec({ Cmd: command, AttachStdout: true, AttachStderr: true });
  const stream = await run.start({});
  let said = '';
  const take = new Writable({
    write(bytes: Buffer, _, done) {
      said += bytes.toString('utf8');
      done();
    },
  });
  docker.modem.demuxStream(stream, take, take);
  await new Promise((resolve) => stream.on('end', resolve));
  return said.trim();
}

/** Whether a datagram of one node's reaches the other. */
async function hears(cluster: DockerCluster, from: string, to: string): Promise<boolean> {
  const listen = `const s = require('dgram').createSocket('udp4');
    s.on('message', () => { console.log('heard'); process.exit(0) });
    s.bind(9999); setTimeout(() => { console.log('nothing'); process.exit(0) }, 1500)`;
  const speak = `const s = require('dgram').createSocket('udp4');
    const i = setInterval(() => s.send('x', 9999, '${to}'), 50); setTimeout(() => { clearInterval(i); s.close() }, 1200)`;
  const [heard] = await Promise.all([
    exec(cluster, to, 'node', '-e', listen),
    exec(cluster, from, 'node', '-e', speak),
  ]);
  return heard === 'heard';
}

/** The store's process as the engine sees it: its state, and its pid. */
async function storeProcess(
  cluster: DockerCluster,
  node: string,
): Promise<{ readonly pid: string; readonly state: string } | undefined> {
  const { Processes } = (await containerOf(cluster, node).top({ ps_args: '-eo pid,stat,args' })) as {
    readonly Processes: readonly (readonly string[])[];
  };
  const found = Processes.find(([, , command]) => command.includes('tidemark-store.mjs'));
  return found === undefined ? undefined : { pid: found[0], state: found[1].charAt(0) };
}

const ms = (from: number): number => (clock.now() - from) / MILLISECOND;

describe('a cluster of containers', () => {
  need('docker');

  test('is up in seconds, with fixed addresses, names, limits and few rights, and leaves nothing', async () => {
    const from = clock.now();
    const cluster = await up(5);
    await leaderOf(cluster);
    const upMs = ms(from);
    const seen = await containerOf(cluster, 'n2').inspect();
    expect(seen.Config.Hostname).toBe('n2');
    expect(seen.HostConfig).toMatchObject({
      Privileged: false,
      CapAdd: ['NET_ADMIN'],
      CapDrop: ['ALL'],
      NanoCpus: 1e9,
    });
    expect(seen.HostConfig.Memory).toBe(512 * 1024 * 1024);
    const [network] = Object.values(seen.NetworkSettings.Networks);
    expect(network.IPAddress).toMatch(/^198\.19\.\d+\.\d+$/);
    expect(seen.Mounts.map(({ Type, Destination }) => [Type, Destination])).toEqual([['volume', '/data']]);
    const filters = { label: [`${labels.run}=${(cluster as unknown as { id: string }).id}`] };
    const destroying = clock.now();
    open.splice(0);
    await cluster.destroy();
    const destroyMs = ms(destroying);
    expect(await docker.listContainers({ all: true, filters })).toEqual([]);
    expect((await docker.listVolumes({ filters })).Volumes ?? []).toEqual([]);
    expect(await docker.listNetworks({ filters })).toEqual([]);
    expect(readdirSync(cluster.logs).sort()).toEqual(['n1.log', 'n2.log', 'n3.log', 'n4.log', 'n5.log']);
    expect(readFileSync(join(cluster.logs, 'n1.log'), 'utf8')).toContain('n1');
    process.stdout.write(`5 nodes: led after ${Math.round(upMs)} ms, removed in ${Math.round(destroyMs)} ms\n`);
    // 5 s and 3 s on a quiet machine; tests share this one.
    expect(upMs).toBeLessThan(15_000);
    expect(destroyMs).toBeLessThan(9_000);
  }, 90_000);

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
    await cut?.heal();
    expect(cut?.effect()['packets dropped']).toBeGreaterThan(0);
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

  test('says what was left by others: a rule, a held container, a store that is down', async () => {
    const cluster = await up();
    await leaderOf(cluster);
    await exec(cluster, 'n1', 'iptables', '-A', 'OUTPUT', '-d', '198.18.0.9', '-j', 'DROP');
    await exec(
      cluster,
      'n3',
      'tc',
      'qdisc',
      'add',
      'dev',
      'eth0',
      'root',
      'tbf',
      'rate',
      '1mbit',
      'burst',
      '10k',
      'latency',
      '50ms',
    );
    await cluster.levers.kill?.(['n2']);
    const said = await cluster.lingering();
    expect(said[0]).toBe(
      "n1 was not healed: its rules are not what they were: '-A OUTPUT -d 198.18.0.9/32 -j DROP' is new",
    );
    expect(said[1]).toBe('n2 was not healed: it was not started again');
    expect(said[2]).toMatch(/^n3 was not healed: its queues are not what they were: 'qdisc tbf .*' is new$/);
  }, 60_000);

  test('a node whose store or container ends by itself is named, with its last words', async () => {
    const cluster = await up();
    await leaderOf(cluster);
    const victim = await storeProcess(cluster, 'n1');
    expect(victim).toBeDefined();
    await exec(
      cluster,
      'n1',
      'sh',
      '-c',
      'kill -9 $(ls /proc | grep -E "^[0-9]+$" | while read p; do grep -qa tidemark-store.mjs /proc/$p/cmdline 2>/dev/null && grep -qva agent /proc/$p/cmdline && [ $p != 1 ] && [ $p != $$ ] && echo $p; done | head -1)',
    );
    await until('the crash', async () => (cluster.crashes().length > 0 ? true : undefined));
    expect(cluster.crashes()[0]).toMatch(/^n1 ended by itself: SIGKILL: .+/);
    await containerOf(cluster, 'n2').kill();
    await until('the end', async () => (cluster.crashes()[1]?.includes('code 137') ? true : undefined));
    expect(cluster.crashes()[1]).toMatch(/^the container of n2 has ended by itself: code 137; .+/);
    expect((await cluster.lingering()).join()).toContain('nobody knows whether n2 was healed');
  }, 60_000);

  test('several stand side by side, one reached by published ports', async () => {
    const [one, other] = await Promise.all([up(), up(3, { reach: 'ports' })]);
    await Promise.all([leaderOf(one), leaderOf(other)]);
    const networks = await Promise.all(
      [one, other].map(
        async (cluster) => Object.values((await containerOf(cluster, 'n1').inspect()).NetworkSettings.Networks)[0],
      ),
    );
    expect(networks[0].Gateway).not.toBe(networks[1].Gateway);
    const published = (await containerOf(other, 'n1').inspect()).NetworkSettings.Ports;
    expect(published['7600/tcp']?.[0]?.HostIp).toBe('127.0.0.1');
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
