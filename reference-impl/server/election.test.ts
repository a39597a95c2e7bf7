import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { missing, need } from '../../test-support/need.ts';
import { Etcd } from './etcd.ts';
import { TestCluster, expectType, freePorts, until } from './testing.ts';

const TIMEOUT_MS = 2000;

describe('election by a lease in etcd', () => {
  let folder: string;
  let etcd: ChildProcess | undefined;
  let url: string;

  need('etcd');
  beforeAll(async () => {
    if (missing('etcd') !== undefined) return;
    folder = mkdtempSync(join(tmpdir(), 'tidemark-etcd-'));
    const [client, peer] = await freePorts(2);
    url = `http://127.0.0.1:${client}`;
    const args = {
      'data-dir': folder,
      'listen-client-urls': url,
      'advertise-client-urls': url,
      'listen-peer-urls': `http://127.0.0.1:${peer}`,
      'initial-advertise-peer-urls': `http://127.0.0.1:${peer}`,
      'initial-cluster': `default=http://127.0.0.1:${peer}`,
      'log-level': 'error',
    };
    etcd = spawn(
      'etcd',
      Object.entries(args).flatMap(([name, value]) => [`--${name}`, value]),
      { stdio: 'ignore' },
    );
    await until('etcd', () => new Etcd(url).grant(1, TIMEOUT_MS).then(() => true));
  });
  afterAll(() => {
    etcd?.kill('SIGKILL');
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  test('a key is held by one lease at a time, and its revision ascends', async () => {
    const client = new Etcd(url);
    const first = await client.grant(5, TIMEOUT_MS);
    const mine = await client.claim('k', 'n1', first.id, TIMEOUT_MS);
    const second = await client.grant(5, TIMEOUT_MS);
    expect(await client.claim('k', 'n2', second.id, TIMEOUT_MS)).toEqual({ type: 'taken', by: 'n1' });
    expect((await client.keepAlive(first.id, TIMEOUT_MS))?.untilMs).toBeGreaterThan(first.untilMs);
    await client.revoke(first.id, TIMEOUT_MS);
    expect(await client.keepAlive(first.id, TIMEOUT_MS)).toBeUndefined();
    const theirs = await client.claim('k', 'n2', second.id, TIMEOUT_MS);
    expect(theirs).toMatchObject({ type: 'ours' });
    const revisions = [mine, theirs].map((claim) => (claim.type === 'ours' ? claim.revision : 0));
    expect(revisions[1]).toBeGreaterThan(revisions[0]);
  });

  test('a cluster is led by who holds the lease, and by another once that one is gone', async () => {
    const cluster = await TestCluster.make({ args: ['--election', `etcd=${url}`] });
    try {
      cluster.start();
      const leader = await cluster.leader();
      const line = leader.dial();
      const { version } = await expectType(line, { type: 'write', key: 'a', value: 1 }, 'written');
      line.close();
      const lease = await new Etcd(url).grant(5, TIMEOUT_MS);
      const held = await new Etcd(url).claim('tidemark/test/leader/g0', 'me', lease.id, TIMEOUT_MS);
      expect(held).toEqual({ type: 'taken', by: leader.id });
      const refused = await leader.post('/switchover', {});
      expect(refused.status).toBe(409);
      const reason = expect.stringContaining('who leads is decided by the external core');
      expect(refused.body).toMatchObject({ groups: { g0: { code: 'ELECTED_OUTSIDE', reason } } });
      await leader.kill();
      const next = await cluster.leader([leader]);
      const other = next.dial();
      const read = await expectType(other, { type: 'read', path: 'leader', keys: ['a'], waitMs: 0 }, 'read');
      expect(read.values).toEqual([1]);
      expect((await next.status()).term).toBeGreaterThan(version.term);
      other.close();
    } finally {
      await cluster.close();
    }
  });

  test('a leader whose lease cannot be renewed steps down', async () => {
    const cluster = await TestCluster.make({ args: ['--election', `etcd=${url}`] });
    try {
      cluster.start();
      const leader = await cluster.leader();
      etcd?.kill('SIGSTOP');
      await until('the leader to step down', async () => (await leader.status()).role !== 'leader');
      expect(leader.log).toContain('the lease in etcd was not renewed in time');
      etcd?.kill('SIGCONT');
      await cluster.leader();
    } finally {
      etcd?.kill('SIGCONT');
      await cluster.close();
    }
  });
});
