/** Real containers: how a cluster comes up, what is said of it, what it leaves. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { missing, need } from '../../../test-support/need.ts';
import { buildFirst } from '../../../test-support/tidemark.ts';
import { packed } from './context.ts';
import { prepared } from './deploy.ts';
import { removeImage, unusedImages } from './images.ts';
import { asset } from '../../entry.ts';
import { unguessable } from '../../../reference-impl/server/clock.ts';
import {
  clock,
  closeAll,
  containerOf,
  docker,
  exec,
  leaderOf,
  nextRun,
  ms,
  storeProcess,
  until,
  up,
  forget,
} from './testing.ts';
import { labels } from './owner.ts';

beforeAll(async () => {
  if (missing('docker') !== undefined) return;
  buildFirst();
  await prepared(new Map());
}, 600_000);

afterEach(closeAll, 60_000);

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
      CapAdd: ['NET_ADMIN', 'NET_RAW'],
      CapDrop: ['ALL'],
      NanoCpus: 1e9,
    });
    expect(seen.HostConfig.Memory).toBe(512 * 1024 * 1024);
    const [network] = Object.values(seen.NetworkSettings.Networks);
    expect(network.IPAddress).toMatch(/^198\.19\.\d+\.\d+$/);
    expect(seen.Mounts.map(({ Type, Destination }) => [Type, Destination])).toEqual([['volume', '/data']]);
    const log = (): string => readFileSync(join(cluster.logs, 'n1.log'), 'utf8');
    await exec(cluster, 'n1', 'sh', '-c', 'echo said on its stderr >/proc/1/fd/2');
    await until('the log', () => Promise.resolve(log().includes('said on its stderr') ? true : undefined));
    const filters = { label: [`${labels.run}=${(cluster as unknown as { id: string }).id}`] };
    const destroying = clock.now();
    forget();
    await cluster.destroy();
    const destroyMs = ms(destroying);
    expect(await docker.listContainers({ all: true, filters })).toEqual([]);
    expect((await docker.listVolumes({ filters })).Volumes ?? []).toEqual([]);
    expect(await docker.listNetworks({ filters })).toEqual([]);
    expect(readdirSync(cluster.logs).sort()).toEqual(['n1.log', 'n2.log', 'n3.log', 'n4.log', 'n5.log']);
    expect(log()).toContain('said on its stderr');
    process.stdout.write(`5 nodes: led after ${Math.round(upMs)} ms, removed in ${Math.round(destroyMs)} ms\n`);
    // 5 s and 3 s on a quiet machine; tests share this one.
    expect(upMs).toBeLessThan(15_000);
    expect(destroyMs).toBeLessThan(9_000);
  }, 90_000);

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
    expect(cluster.crashes()[0]).toMatch(/^n1 ended by itself after \d+\.\d s: SIGKILL: .+/);
    await containerOf(cluster, 'n2').kill();
    await until('the end', async () => (cluster.crashes()[1]?.includes('code 137') ? true : undefined));
    expect(cluster.crashes()[1]).toMatch(/^the container of n2 has ended by itself: code 137; .+/);
    await containerOf(cluster, 'n3').pause();
    expect((await cluster.lingering()).slice(1)).toEqual([
      'n2 was not healed: its container has ended',
      'n3 was not healed: its container is paused',
    ]);
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

  test('a cluster that cannot be made leaves nothing', async () => {
    // The second node's volume is there already, and another's.
    const name = nextRun();
    const blocker = await docker.createContainer({
      name: `tidemark-${name}-n2`,
      Image: (await prepared(new Map())).image,
    });
    try {
      await expect(up()).rejects.toThrow(/failed at making the container tidemark-.*-n2: Conflict/);
      const filters = { label: [`${labels.run}=${name}`] };
      expect(await docker.listContainers({ all: true, filters })).toEqual([]);
      expect((await docker.listVolumes({ filters })).Volumes).toEqual([]);
      expect(await docker.listNetworks({ filters })).toEqual([]);
    } finally {
      await blocker.remove({ force: true });
    }
  }, 60_000);

  test('an image is removed once no container uses it, and never one of this version', async () => {
    const { engine, image } = await prepared(new Map());
    const name = `tidemark-store:test-${process.pid}`;
    const { tar, end } = packed(
      new Map([['Dockerfile', { text: 'FROM scratch\nLABEL tidemark.image=yes old=yes\n' }]]),
    );
    const built = await docker.buildImage(tar, { t: name });
    await new Promise((resolve, reject) => {
      docker.modem.followProgress(built, (error) => (error === null ? resolve(undefined) : reject(error)));
    });
    end();
    const container = await docker.createContainer({ Image: name, Cmd: ['nothing'] });
    const unused = async (): Promise<readonly string[]> => (await unusedImages(engine)).map((one) => one.name);
    try {
      expect(await unused()).not.toContain(name);
      expect(await removeImage(engine, name)).toBe(false);
    } finally {
      await container.remove();
    }
    expect(await unused()).toContain(name);
    expect(await unused()).not.toContain(image);
    expect(await removeImage(engine, name)).toBe(true);
    expect(await unused()).not.toContain(name);
  }, 60_000);

  test('what a failed build leaves is known as ours, and goes with the images', async () => {
    const { engine } = await prepared(new Map());
    const tags = (await docker.listImages()).flatMap(({ RepoTags }) => (RepoTags as string[] | null) ?? []);
    const base = ['debian:bookworm-slim', 'tidemark-base:latest'].find((tag) => tags.includes(tag));
    const { tar, end } = packed(
      new Map<string, { readonly file: string } | { readonly text: string }>([
        ['Dockerfile', { file: asset('docker/runtime/Dockerfile') }],
        ['shims/tm-net.c', { text: `#error ${unguessable(8).toString('hex')}\n` }],
      ]),
    );
    const said: { readonly stream?: string; readonly error?: string }[] = [];
    try {
      const built = await docker.buildImage(tar, { rm: true, forcerm: true, buildargs: { BASE_IMAGE: base ?? '' } });
      await new Promise((resolve) => docker.modem.followProgress(built, resolve, (step) => void said.push(step)));
    } finally {
      end();
    }
    expect(said.at(-1)?.error).toContain('gcc');
    const made = said.flatMap(({ stream = '' }) => /^ ---> ([0-9a-f]{12})$/m.exec(stream)?.[1] ?? []).at(-1) ?? '-';
    const left = (await unusedImages(engine)).filter(({ id }) => id.startsWith(`sha256:${made}`));
    expect(left).toHaveLength(1);
    expect(await removeImage(engine, left[0].id)).toBe(true);
    await expect(docker.getImage(left[0].id).inspect()).rejects.toThrow(/no such image/i);
  }, 300_000);
});
