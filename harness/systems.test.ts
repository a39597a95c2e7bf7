/** Stores that are not ours, as far as a plan knows of them. */
import { describe, expect, test } from 'vitest';
import { BadInput } from './errors.ts';
import { defaultPlan, resolvePlan } from './plan.ts';
import etcd from './systems/etcd.ts';
import mariadb from './systems/mariadb.ts';
import postgres from './systems/postgres.ts';
import redis from './systems/redis.ts';
import type { Claim, System } from './system.ts';

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

  test('MariaDB has the write paths of the replication that was chosen, and promises what those keep', async () => {
    const semiSync = await planOf('mariadb');
    expect(semiSync.writePaths).toEqual(['semi-sync', 'semi-sync-checked']);
    expect(semiSync.use.system.promisesOfWrites('semi-sync')).toEqual(['durable']);
    const async = await planOf('mariadb', { settings: { replication: 'async' } });
    expect(async.writePaths).toEqual(['async']);
    expect(async.use.system.promisesOfWrites('async')).toEqual([]);
    expect(async.use.system.promises('async', 'replica+gtid')).toEqual([]);
    // A primary that may give up waiting promises nothing but what its counters vouch for.
    const impatient = await planOf('mariadb', { settings: { 'semi-sync-timeout-ms': '500' } });
    expect(impatient.use.system.promisesOfWrites('semi-sync')).toEqual([]);
    expect(impatient.use.system.promises('semi-sync', 'replica+gtid')).toEqual([]);
    expect(impatient.use.system.promisesOfWrites('semi-sync-checked')).toEqual(['durable']);
    await expect(planOf('mariadb', { settings: { replication: 'sync' } })).rejects.toThrow(
      '--set replication=sync: one of semi-sync, async is needed.',
    );
  });

  test.each([
    [
      'redis',
      { nodes: 1 },
      "--nodes 1: wait-1, wait-2, replica, replica+offset of 'redis' need 3 nodes or more; give as many, or --write-path async --read-path leader.",
    ],
    [
      'redis',
      { nodes: 2 },
      "--nodes 2: wait-2 of 'redis' needs 3 nodes or more; give as many, or --write-path async,wait-1.",
    ],
    [
      'postgres',
      { nodes: 1, writePaths: ['async'], readPaths: ['standby'] },
      "--nodes 1: standby of 'postgres' needs 2 nodes or more; give as many, or --read-path primary.",
    ],
    [
      'mariadb',
      { nodes: 1, readPaths: ['primary'] },
      "--nodes 1: semi-sync, semi-sync-checked of 'mariadb' need 2 nodes or more; give as many.",
    ],
    ['mariadb', { writePaths: ['async'] }, "The write path 'async' is there with --set replication=async only."],
    [
      'mariadb',
      { writePaths: ['semi-sync'], settings: { replication: 'async' } },
      "The write path 'semi-sync' is there with --set replication=semi-sync only.",
    ],
  ])('%s is told which paths it has not: %j', async (system, rest, sentence) => {
    await expect(planOf(system, rest)).rejects.toThrow(new BadInput(sentence));
  });

  test('does with one node what one node can do', async () => {
    const alone = { nodes: 1, writePaths: ['async'], readPaths: ['leader'] };
    expect((await planOf('redis', alone)).use.rows).toEqual([{ writePath: 'async', readPath: 'leader' }]);
    expect((await planOf('etcd', { nodes: 1, readPaths: ['linearizable'] })).use.rows).toHaveLength(1);
  });

  test('has its image named by the user, in a way that can be one', async () => {
    await expect(planOf('redis', { settings: { image: 'no image!' } })).rejects.toThrow(
      '--set image=no image!: the name of an image is needed.',
    );
  });
});

test.each([redis as System, etcd as System, postgres, mariadb])('every promise of $name cites its source', (system) => {
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

test('etcd’s promises are cited from where their words stand: the pages of the version that runs, and of terms the paper', () => {
  const urlOf = (guarantee: Claim['guarantee']) => (etcd as System).citation?.({ guarantee })?.url;
  expect(urlOf('durable')).toBe('https://etcd.io/docs/v3.4/learning/api_guarantees/');
  expect(urlOf('one-leader-per-term')).toBe('https://raft.github.io/raft.pdf');
});

describe('PostgreSQL', () => {
  const systemWith = async (synchronous: string): Promise<System> =>
    (await planOf('postgres', { settings: { synchronous } })).use.system;

  test('shows a write to every standby only where all are waited for', async () => {
    expect((await systemWith('any-1')).promises('remote-apply', 'standby')).toEqual([]);
    expect((await systemWith('all')).promises('remote-apply', 'standby')).toEqual(['read-your-writes']);
    expect((await systemWith('all')).promises('on', 'standby')).toEqual([]);
    expect((await systemWith('any-1')).promises('on', 'standby+lsn')).toEqual(['read-your-writes']);
  });

  test('is not held to outlive failovers where nobody fails over', async () => {
    const { system } = (await planOf('postgres', { settings: { failover: 'nobody' } })).use;
    expect(system.writePaths.flatMap(({ name }) => system.promisesOfWrites(name))).toEqual([]);
    expect(system.promises('on', 'primary')).toEqual(['read-your-writes']);
  });

  test('promises nothing over a failover for what no standby has to have', async () => {
    for (const synchronous of ['any-1', 'all']) {
      const system = await systemWith(synchronous);
      expect(system.promisesOfWrites('async')).toEqual([]);
      expect(system.readPaths.flatMap(({ name }) => system.promises('async', name))).toEqual([]);
      for (const path of ['remote-write', 'on', 'remote-apply'])
        expect(system.promisesOfWrites(path)).toEqual(['durable']);
    }
  });

  test('waits for no more standbys than there are', () => {
    const node = (nodes: readonly string[], synchronous: string): string => {
      const spec = postgres.node('n1', nodes, new Map([['synchronous', synchronous]]));
      return ('files' in spec && spec.files?.['/run/tidemark/postgresql.conf']) || '';
    };
    expect(node(['n1', 'n2', 'n3'], 'any-2')).toContain("synchronous_standby_names = 'ANY 2 (n1, n2, n3)'");
    expect(node(['n1', 'n2', 'n3', 'n4', 'n5'], 'all')).toContain("'ANY 4 (n1, n2, n3, n4, n5)'");
    expect(node(['n1'], 'any-1')).not.toContain('synchronous_standby_names');
    expect(node(['n1', 'n2', 'n3'], 'any-3')).toContain("'ANY 2 (n1, n2, n3)'");
  });

  test('runs transactions where they are asked for, and not beside what anybody runs', async () => {
    expect((await planOf('postgres')).workloads).toEqual(['ledger', 'register', 'sessions']);
    expect((await planOf('postgres', { workloads: ['txn'] })).workloads).toEqual(['txn']);
    await expect(planOf('redis', { workloads: ['txn'] })).rejects.toThrow(
      "The workload 'txn' needs txn, which the system 'redis' has not.",
    );
  });
});
