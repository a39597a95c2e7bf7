/** Stores that are not ours, in containers: reached by their users' drivers, through faults and past them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MILLISECOND, realClock, SECOND } from '../history/clock.ts';
import type { NodeId } from '../history/operation.ts';
import { type Client, Refused } from '../history/store.ts';
import { missing, need } from '../test-support/need.ts';
import { buildFirst } from '../test-support/tidemark.ts';
import { deploy, prepared } from './environments/docker/deploy.ts';
import type { DockerCluster } from './environments/docker/cluster.ts';
import { isOtherStore } from './environments/environment.ts';
import type { Supervisor, System } from './system.ts';
import etcd from './systems/etcd.ts';
import mariadb from './systems/mariadb.ts';
import postgres from './systems/postgres.ts';
import redis from './systems/redis.ts';

const clock = realClock();
const nodes: readonly NodeId[] = ['n1', 'n2', 'n3'];
const settings = new Map<string, string>();

async function until<T>(what: string, look: () => Promise<T | undefined>, ns = 30 * SECOND): Promise<T> {
  const deadline = clock.now() + ns;
  for (;;) {
    const seen = await look();
    if (seen !== undefined) return seen;
    if (clock.now() > deadline) throw new Error(`${what} did not come within ${ns / SECOND} s`);
    await clock.sleepUntil(clock.now() + 20 * MILLISECOND);
  }
}

async function leaderOf(system: System, cluster: DockerCluster, not?: NodeId): Promise<NodeId> {
  return until('a leader', async () => {
    for (const node of nodes) {
      if (node === not) continue;
      const [seen] = await system.sight(cluster, node);
      if (seen?.role === 'leader') return node;
    }
    return undefined;
  });
}

/** How an operation ended, in the words of a history. */
async function outcome(work: Promise<unknown> | undefined): Promise<string> {
  return Promise.race([
    Promise.resolve(work).then(
      () => 'ok',
      (error: unknown) => (error instanceof Refused ? 'fail' : 'info'),
    ),
    clock.sleepUntil(clock.now() + 3 * SECOND).then(() => 'info'),
  ]);
}

describe.each([
  {
    system: redis as System,
    write: 'async',
    strong: 'leader',
    follower: 'replica',
    token: 'replica+offset',
    static: false,
  },
  {
    system: etcd as System,
    write: 'quorum',
    strong: 'linearizable',
    follower: 'serializable',
    token: 'serializable+revision',
    static: true,
  },
  {
    system: mariadb,
    write: 'semi-sync',
    strong: 'primary',
    follower: 'replica',
    token: 'replica+gtid',
    static: false,
  },
  {
    system: postgres,
    write: 'on',
    strong: 'primary',
    follower: 'standby',
    token: 'standby+lsn',
    static: true,
  },
])('$system.name in containers', ({ system, write, strong, follower, token, static: passesBy }) => {
  need('docker');
  let cluster: DockerCluster;
  let supervisor: Supervisor | undefined;
  let logs = '';
  const clients: Client[] = [];

  beforeAll(async () => {
    if (missing('docker') !== undefined) return;
    logs = mkdtempSync(join(tmpdir(), 'tm-systems-'));
    buildFirst();
    const specs = new Map(nodes.map((node) => [node, system.node(node, nodes, settings)]));
    const spec = system.node('n1', nodes, settings);
    if (isOtherStore(spec)) await prepared(settings, undefined, spec.image);
    const run = { id: `test-${process.pid}-${system.name}`, logs };
    cluster = await deploy(specs, { seed: 1, settings, observe: () => undefined, run });
    await ready();
    supervisor = system.supervise?.(cluster, settings, () => undefined);
  }, 600_000);
  afterAll(async () => {
    for (const client of clients) await client.close();
    await supervisor?.stop();
    await cluster?.destroy();
    rmSync(logs, { recursive: true, force: true });
  }, 60_000);

  const ready = async (): Promise<void> => {
    let lacks: readonly string[] = [];
    const look = async (): Promise<true | undefined> => {
      lacks = (await system.start?.lacks(cluster)) ?? [];
      return lacks.length === 0 ? true : undefined;
    };
    await until('readiness', look, 60 * SECOND).catch(() => expect(lacks).toEqual([]));
  };
  /** Deadlines are on the cluster's clock. */
  const soon = (ms = 2000): number => cluster.clock.now() + ms * MILLISECOND;
  const connect = async (readPath: string, device = 'd1', node?: NodeId): Promise<Client> => {
    const home = cluster.regions[0];
    const who = { session: 's1', device, home, readPath, writePath: write, attempt: 0 };
    const client = await system.connect(cluster, { ...who, ...(node !== undefined && { node }) }, settings);
    clients.push(client);
    return client;
  };

  test('writes, reads, compares and sets; paths go where they say', async () => {
    const leader = await leaderOf(system, cluster);
    const client = await connect(strong);
    expect((await client.write?.({ key: 'a', value: 1 }, soon()))?.servedBy).toEqual({ node: leader, role: 'leader' });
    expect(await client.read?.({ key: 'a' }, soon())).toMatchObject({ value: 1, servedBy: { node: leader } });
    expect(await client.read?.({ key: 'nobody wrote it' }, soon())).toMatchObject({ value: null });
    const swap = await client.compareAndSet?.({ key: 'a', expected: 1, next: 2 }, soon());
    expect(swap).toMatchObject({ swapped: true });
    const vain = await client.compareAndSet?.({ key: 'a', expected: 1, next: 3 }, soon());
    expect(vain).toMatchObject({ swapped: false, actual: 2 });
    const first = await client.compareAndSet?.({ key: 'b', expected: null, next: 'x' }, soon());
    expect(first).toMatchObject({ swapped: true });
    expect(await client.readMany?.({ keys: ['a', 'b', 'c'] }, soon())).toMatchObject({ values: [2, 'x', null] });
    const reader = await connect(follower);
    const read = await reader.read?.({ key: 'a' }, soon());
    expect(read?.servedBy?.role).toBe('follower');
    expect(read?.servedBy?.node).not.toBe(leader);
    for (const node of nodes) {
      const named = await (await connect(follower, 'd1', node)).read?.({ key: 'a' }, soon());
      expect(named?.servedBy?.node).toBe(node);
    }
  }, 30_000);

  test('a token keeps a follower from reading behind its device', async () => {
    const client = await connect(token);
    for (let i = 0; i < 50; i++) {
      await client.write?.({ key: 't', value: i }, soon());
      expect((await client.read?.({ key: 't' }, soon()))?.value).toBe(i);
    }
    expect(client.token?.()).not.toBeNull();
  }, 30_000);

  test('a request whose answer is lost is open, was done once, and is not sent again', async () => {
    const leader = await leaderOf(system, cluster);
    const client = await connect(strong);
    await client.write?.({ key: 'once', value: 0 }, soon());
    const cut = await cluster.levers.cutClients?.([leader], ['answers']);
    // Compare and set from 0 to 1: a second one would find 1.
    const swap = client.compareAndSet?.({ key: 'once', expected: 0, next: 1 }, soon(1000));
    expect(await outcome(swap)).toBe('info');
    await client.close();
    // Sighting goes on past what cuts clients off.
    expect((await system.sight(cluster, leader))[0]?.role).toBe('leader');
    await cut?.heal();
    const other = await connect(strong, 'd2');
    const held = await until('an answer', () => other.read?.({ key: 'once' }, soon()).catch(() => undefined) as never);
    expect((held as { value: number }).value).toBe(1);
    await other.write?.({ key: 'once', value: 0 }, soon());
    await clock.sleepUntil(clock.now() + 1500 * MILLISECOND);
    expect((await other.read?.({ key: 'once' }, soon()))?.value).toBe(0);
  }, 30_000);

  test('a request that cannot be sent is refused, and never done', async () => {
    const client = await connect(strong);
    const kill = await cluster.levers.kill?.(nodes);
    try {
      // Over a connection that has just broken nobody knows; the next one cannot be had.
      expect(await outcome(client.write?.({ key: 'broken', value: 1 }, soon(1000)))).not.toBe('ok');
      expect(await outcome(client.write?.({ key: 'never', value: 1 }, soon(1000)))).toBe('fail');
    } finally {
      await kill?.heal();
    }
    await leaderOf(system, cluster);
    await until('an answer', () => client.read?.({ key: 'a' }, soon(500)).catch(() => undefined) as never);
    expect((await client.read?.({ key: 'never' }, soon()))?.value).toBeNull();
  }, 60_000);

  test('a leader that is stopped is replaced, seen within 2 s, and comes back as a follower', async () => {
    await ready();
    // An operator acts on what it has seen while all was well.
    if (supervisor !== undefined) await clock.sleepUntil(clock.now() + 2 * SECOND);
    const old = await leaderOf(system, cluster);
    const pause = await cluster.levers.pause?.([old]);
    const client = await connect(strong, 'd3');
    const next = await leaderOf(system, cluster, old);
    const served = await until(
      'a write',
      () => client.write?.({ key: 'after', value: 1 }, soon(500)).catch(() => undefined) as never,
    );
    expect((served as { servedBy: { node: string } }).servedBy.node).toBe(next);
    await pause?.heal();
    await until('the old leader as a follower', async () => {
      const [seen] = await system.sight(cluster, old);
      return seen?.role === 'follower' ? true : undefined;
    });
    expect(await cluster.lingering()).toEqual([]);
    expect(cluster.crashes()).toEqual([]);
  }, 120_000);

  test('a clock that it cannot be given is not asked for', async () => {
    expect(system.unreachable?.clock !== undefined).toBe(passesBy);
    if (passesBy) await expect(cluster.levers.clock?.('n1', { offsetNs: SECOND, driftPpm: 0 })).rejects.toThrow();
  }, 30_000);
});
