/** What only a real server shows: a wait for standbys that is cancelled, transactions, and an operator who loses nothing that they vouch for. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MILLISECOND, SECOND } from '../../history/clock.ts';
import type { NodeId } from '../../history/operation.ts';
import { type Client, Refused } from '../../history/store.ts';
import { missing, need } from '../../test-support/need.ts';
import { buildFirst } from '../../test-support/tidemark.ts';
import type { DockerCluster } from '../environments/docker/cluster.ts';
import { deploy, prepared } from '../environments/docker/deploy.ts';
import type { Supervisor } from '../system.ts';
import postgres from '../systems/postgres.ts';
import { done } from './sight.ts';

const nodes: readonly NodeId[] = ['n1', 'n2', 'n3'];
const settings = new Map([['isolation', 'serializable']]);

describe('PostgreSQL in containers', () => {
  need('docker');
  let cluster: DockerCluster;
  let operator: Supervisor | undefined;
  const deeds: string[] = [];
  const clients: Client[] = [];

  beforeAll(async () => {
    if (missing('docker') !== undefined) return;
    buildFirst();
    await prepared(settings, undefined, 'postgres');
    const specs = new Map(nodes.map((node) => [node, postgres.node(node, nodes, settings)]));
    cluster = await deploy(specs, { seed: 1, settings, observe: () => undefined });
    await until(async () => ((await postgres.start?.lacks(cluster)) ?? []).length === 0);
  }, 300_000);
  afterAll(async () => {
    for (const client of clients) await client.close();
    await operator?.stop();
    await cluster?.destroy();
  }, 60_000);

  const soon = (ms = 3000): number => cluster.clock.now() + ms * MILLISECOND;
  async function until(holds: () => Promise<boolean>): Promise<void> {
    const { clock } = cluster;
    for (const deadline = clock.now() + 60 * SECOND; !(await holds()); ) {
      if (clock.now() > deadline) throw new Error(`it did not come about: ${deeds.join('; ')}`);
      await clock.sleepUntil(clock.now() + 100 * MILLISECOND);
    }
  }
  async function connect(writePath: string, readPath: string, attempt = 0): Promise<Client> {
    const who = { session: 's1', device: 'd1', home: cluster.regions[0], writePath, readPath, attempt };
    const client = await postgres.connect(cluster, who, settings);
    clients.push(client);
    return client;
  }
  const links = (one: NodeId) =>
    nodes
      .filter((node) => node !== one)
      .flatMap((to) => [
        { from: one, to },
        { from: to, to: one },
      ]);

  test('a wait for standbys that is cancelled comes back as success with a warning: that is info', async () => {
    const client = await connect('on', 'primary');
    await client.write?.({ key: 'w', value: 1 }, soon());
    const cut = await cluster.levers.cut?.(links('n1'));
    const writing = client.write?.({ key: 'w', value: 2 }, soon(20_000)).then(
      () => 'ok',
      (error: unknown) => error,
    );
    // Whoever waits is let go, once somebody does.
    const cancel = `select pg_cancel_backend(pid) from pg_stat_activity where wait_event = 'SyncRep'`;
    await until(() => done(cluster, 'n1', SECOND, async ({ sql }) => (await sql.unsafe(cancel)).count > 0));
    const ended = await writing;
    expect(ended).toBeInstanceOf(Error);
    expect(ended).not.toBeInstanceOf(Refused);
    expect(String(ended)).toMatch(/synchronous replication/);
    // It stands where it was made.
    const other = await connect('on', 'primary', 1);
    expect(await other.read?.({ key: 'w' }, soon())).toMatchObject({ value: 2, servedBy: { node: 'n1' } });
    await cut?.heal();
  }, 60_000);

  test("a transaction is all or nothing; one that only reads is a standby's", async () => {
    const client = await connect('on', 'standby');
    const made = await client.transact?.(
      {
        steps: [
          ['r', 'a', null],
          ['w', 'a', 1],
          ['w', 'b', 2],
          ['r', 'b', null],
        ],
      },
      soon(),
    );
    expect(made).toMatchObject({
      steps: [
        ['r', 'a', null],
        ['w', 'a', 1],
        ['w', 'b', 2],
        ['r', 'b', 2],
      ],
    });
    const leader = made?.servedBy?.node;
    await until(async () => {
      const seen = await client.transact?.(
        {
          steps: [
            ['r', 'a', null],
            ['r', 'b', null],
          ],
        },
        soon(),
      );
      expect(seen?.servedBy?.node).not.toBe(leader);
      return JSON.stringify(seen?.steps) === '[["r","a",1],["r","b",2]]';
    });
    // Two that read both and each write one: one of them is refused, and what it wrote is not there.
    for (let round = 0; ; round++) {
      const [x, y] = [`x${round}`, `y${round}`];
      const ends = await Promise.allSettled(
        [x, y].map(async (key) => {
          const one = await connect('on', 'primary');
          return one.transact?.(
            {
              steps: [
                ['r', x, null],
                ['r', y, null],
                ['w', key, 1],
              ],
            },
            soon(),
          );
        }),
      );
      const refused = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason as unknown] : []));
      const { values } = (await (await connect('on', 'primary')).readMany?.({ keys: [x, y] }, soon())) ?? {};
      expect(values?.filter((value) => value === 1)).toHaveLength(2 - refused.length);
      for (const why of refused) expect((why as Refused).code).toBe('SERIALIZATION_FAILURE');
      if (refused.length > 0) break;
      expect(round, 'none of so many pairs came into conflict').toBeLessThan(50);
    }
  }, 60_000);

  test('a primary that nobody hears is replaced; what standbys vouched for is there, and it comes back as one of them', async () => {
    await until(async () => ((await postgres.start?.lacks(cluster)) ?? []).length === 0);
    operator = postgres.supervise?.(cluster, settings, (deed) => void deeds.push(deed));
    const [safe, unsafe] = [await connect('on', 'primary'), await connect('async', 'primary')];
    const old = (await safe.write?.({ key: 'kept', value: 1 }, soon()))?.servedBy?.node ?? '';
    const cut = await cluster.levers.cut?.(links(old));
    // The others know nothing of it.
    await unsafe.write?.({ key: 'lost', value: 1 }, soon());
    await until(() => Promise.resolve(deeds.some((deed) => deed.startsWith('promoted '))));
    await cut?.heal();
    await until(async () => (await postgres.sight(cluster, old))[0]?.term === 2);
    expect(deeds[0]).toBe(`ended ${old}, which is heard by no standby`);
    const reader = await connect('on', 'primary', 1);
    const read = await reader.readMany?.({ keys: ['kept', 'lost'] }, soon());
    expect(read?.values).toEqual([1, null]);
    expect(read?.servedBy?.node).not.toBe(old);
    await until(async () => ((await postgres.start?.lacks(cluster)) ?? []).length === 0);
    expect((await postgres.sight(cluster, old))[0]?.role).toBe('follower');
    expect(cluster.crashes()).toEqual([]);
  }, 120_000);
});
