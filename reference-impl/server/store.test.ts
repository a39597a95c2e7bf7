import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Acknowledgement, ReadPath, ReadRequest, Value } from '../core/types.ts';
import type { TcpLine } from '../client/tcp.ts';
import { monotonicMs } from './clock.ts';
import { TestCluster, type TestNode, expectType, runBeside, until } from './testing.ts';

/** Real processes from dist. One test goes on where the one before it has stopped. */
describe('three nodes', () => {
  let cluster: TestCluster;
  const lines = new Map<TestNode, TcpLine>();

  beforeAll(async () => {
    cluster = await TestCluster.make();
    cluster.start();
    await cluster.leader();
  });
  afterEach((context) => {
    if (context.task.result?.state === 'fail') process.stderr.write(`${cluster.logs()}\n`);
  });
  afterAll(async () => {
    for (const line of lines.values()) line.close();
    await cluster.close();
  });

  function line(node: TestNode): TcpLine {
    const there = lines.get(node) ?? node.dial();
    lines.set(node, there);
    return there;
  }

  function redial(node: TestNode): void {
    lines.get(node)?.close();
    lines.delete(node);
  }

  /** As a client does: a node that refuses because it has just come back is asked again. */
  async function read(node: TestNode, path: ReadPath, key: string, more: Partial<ReadRequest> = {}): Promise<Value> {
    const [value] = await until(`a read by ${path} of ${node.id}`, async () => {
      const body = { type: 'read', path, keys: [key], waitMs: 2000, ...more } as const;
      const answer = await line(node)
        .request(body)
        .catch((error: unknown) => {
          redial(node);
          throw error;
        });
      if (answer.type === 'refused') throw new Error(answer.code);
      return answer.type === 'read' ? answer.values : undefined;
    });
    return value;
  }

  /** An operator's request, again and again until it is granted. */
  function granted(node: TestNode, path: string, body: unknown): Promise<unknown> {
    return until(`${path} ${JSON.stringify(body)}`, async () => {
      const answer = await node.post(path, body);
      if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
      return answer.body;
    });
  }

  test.each<Acknowledgement>(['leader-ack', 'quorum-ack', 'all-ack', 'all-applied'])(
    'a write is acknowledged by %s and read everywhere',
    async (ack) => {
      const leader = await cluster.leader();
      const key = `written ${ack}`;
      const { version } = await expectType(line(leader), { type: 'write', ack, key, value: { ack } }, 'written');
      for (const node of cluster.nodes) {
        expect(await read(node, 'follower+token', key, { token: version })).toEqual({ ack });
      }
    },
  );

  test.each<[ReadPath, Partial<ReadRequest>]>([
    ['leader', {}],
    ['leader-lease', {}],
    ['follower-linearizable', {}],
    ['follower', {}],
    ['local', {}],
    ['follower+timestamp', { notBeforeMs: 1 }],
    ['bounded', { boundMs: 5000 }],
    ['region', { user: 'somebody' }],
  ])('reads by %s', async (path, more) => {
    const leader = await cluster.leader();
    const follower = cluster.nodes.find((node) => node !== leader) ?? leader;
    await expectType(line(leader), { type: 'write', ack: 'all-applied', key: 'k', value: 7 }, 'written');
    expect(await read(path.startsWith('leader') ? leader : follower, path, 'k', more)).toBe(7);
  });

  test('a cas decides, and says what it found', async () => {
    const leader = await cluster.leader();
    await expectType(line(leader), { type: 'write', key: 'c', value: 1 }, 'written');
    await expectType(line(leader), { type: 'cas', key: 'c', expected: 1, next: 2 }, 'written');
    const { actual } = await expectType(line(leader), { type: 'cas', key: 'c', expected: 1, next: 3 }, 'mismatch');
    expect(actual).toBe(2);
  });

  test('a follower refuses writes and names the leader', async () => {
    const leader = await cluster.leader();
    const follower = cluster.nodes.find((node) => node !== leader) ?? leader;
    const refused = await expectType(line(follower), { type: 'write', key: 'x', value: 1 }, 'refused');
    expect(refused).toEqual({ type: 'refused', code: 'NOT_LEADER', leader: leader.id });
  });

  test('the leader is killed: the others go on with what it acknowledged, and it catches up', async () => {
    const leader = await cluster.leader();
    const writes = Array.from({ length: 200 }, (_, i) => {
      return expectType(line(leader), { type: 'write', key: `before ${i}`, value: i }, 'written');
    });
    await Promise.all(writes);
    await leader.kill();
    redial(leader);
    const next = await cluster.leader([leader]);
    for (const i of [0, 99, 199]) expect(await read(next, 'leader', `before ${i}`)).toBe(i);
    const { version } = await expectType(line(next), { type: 'write', key: 'since', value: 'then' }, 'written');
    leader.start();
    await until('its port', () => leader.admin('/status').then(() => true));
    expect(await read(leader, 'follower+token', 'since', { token: version })).toBe('then');
  });

  test('a switchover asked for at the admin port moves the leadership', async () => {
    const leader = await cluster.leader();
    const to = cluster.nodes.find((node) => node !== leader) ?? leader;
    const done = await granted(leader, '/switchover', { to: to.id });
    expect(done).toEqual({ groups: { g0: expect.objectContaining({ type: 'done' }) } });
    expect(await cluster.leader()).toBe(to);
  });

  test('a node joins as a learner, serves, becomes a voter, and is removed', async () => {
    const leader = await cluster.leader();
    const added = await cluster.joining();
    added.start();
    const change = (asked: unknown): Promise<unknown> => granted(leader, '/members', { change: asked });
    await change({ add: added.id, as: 'learner', address: added.address });
    const { version } = await expectType(line(leader), { type: 'write', key: 'for all', value: 1 }, 'written');
    await until('the learner to serve', async () => (await added.status()).serving);
    expect((await added.status()).role).toBe('learner');
    expect(await read(added, 'follower+token', 'for all', { token: version })).toBe(1);
    await change({ promote: added.id });
    await until('the vote', async () => (await added.status()).groups[0].members.voters.includes(added.id));
    await change({ remove: added.id });
    expect((await leader.status()).groups[0].members.voters).toEqual(['n1', 'n2', 'n3']);
    redial(added);
    await added.kill();
    cluster.nodes.pop();
  });

  test('health, status and metrics tell what the node is and does', async () => {
    const leader = await cluster.leader();
    expect(await leader.admin('/health')).toEqual({ status: 200, body: { serving: true } });
    const status = await leader.status();
    expect(status).toMatchObject({ schema: 1, node: leader.id, role: 'leader', serving: true, leader: leader.id });
    expect(status.groups[0]).toMatchObject({ term: status.term, commit: status.groups[0].applied, lag: 0, behind: [] });
    expect(status.groups[0].last.index).toBeGreaterThan(0);
    expect(status.storage.syncs).toBeGreaterThan(0);
    expect(Object.keys(status.peers)).toHaveLength(2);
    const { body } = await leader.admin('/metrics');
    for (const name of [
      'is_leader{',
      'log_syncs_total{',
      'requests_total{path="write quorum-ack"',
      'request_seconds_bucket{',
    ]) {
      expect(body).toContain(`tidemark_store_${name}`);
    }
  });

  test('a leader whose followers are stopped says whom all-ack waits for, and stops serving', async () => {
    const leader = await cluster.leader();
    const others = cluster.nodes.filter((node) => node !== leader);
    for (const node of others) node.signal('SIGSTOP');
    const pending = line(leader).request({ type: 'write', ack: 'leader-ack', key: 'alone', value: 1 });
    expect((await pending).type).toBe('written');
    await until('the leader to step down', async () => (await leader.admin('/health')).status === 503);
    const { role, serving, reason } = await leader.status();
    expect([role === 'leader', serving, reason]).toEqual([false, false, expect.stringMatching(/^g0: [A-Z_]+$/)]);
    for (const node of others) node.signal('SIGCONT');
    await cluster.leader();
  });

  test('asked to stop, a leader hands over first, and ends with 0', async () => {
    const leader = await cluster.leader();
    const followers = cluster.nodes.filter((node) => node !== leader);
    await until('followers to be level', async () => {
      const [a, b] = await Promise.all(followers.map((node) => node.status()));
      return a.groups[0].lag === 0 && b.groups[0].lag === 0;
    });
    const begun = monotonicMs();
    leader.signal('SIGTERM');
    const next = await cluster.leader([leader]);
    const tookMs = monotonicMs() - begun;
    expect(await leader.ended()).toBe(0);
    expect(next.log).toContain('leader in term');
    // By election it would be 300 ms at least before anybody stood.
    expect(leader.log).toMatch(/hand-over to n\d begun/);
    expect(tookMs).toBeLessThan(5000);
    redial(leader);
    leader.start();
    await until('it to be back', async () => (await leader.status()).serving);
  });

  test('what a failover undid is listed, and written again where nobody has written since', async () => {
    const leader = await cluster.leader();
    const others = cluster.nodes.filter((node) => node !== leader);
    await expectType(line(leader), { type: 'write', ack: 'all-ack', key: 'taken', value: 'first' }, 'written');
    // Killed, not stopped: what was sent to a stopped one it would still receive.
    await Promise.all(others.map((node) => node.kill()));
    await expectType(line(leader), { type: 'write', ack: 'leader-ack', key: 'lost', value: 'lost' }, 'written');
    await expectType(line(leader), { type: 'write', ack: 'leader-ack', key: 'taken', value: 'second' }, 'written');
    leader.signal('SIGSTOP');
    for (const node of others) {
      redial(node);
      node.start();
    }
    const next = await cluster.leader([leader]);
    await expectType(line(next), { type: 'write', key: 'taken', value: 'third' }, 'written');
    leader.signal('SIGCONT');
    const listed = await until('the undone entries', async () => {
      const { out } = await runBeside(['rollback', 'list', '--data', leader.data]);
      return out.includes('write "lost" "lost"') ? out : undefined;
    });
    expect(listed).toMatch(
      /write "lost" "lost" over null, acknowledged\n.*write "taken" "second" over "first", acknowledged/,
    );
    const to = cluster.nodes.flatMap(({ address }) => ['--to', address]);
    const replayed = await runBeside(['rollback', 'replay', '--data', leader.data, '--cluster', 'test', ...to]);
    expect(replayed.out).toMatch(/"lost" was written at/);
    expect(replayed.out).toMatch(/"taken" holds "third", which is not what the entry had overwritten/);
    expect(replayed.code).toBe(0);
    expect(await read(await cluster.leader(), 'leader', 'lost')).toBe('lost');
    const again = await runBeside(['rollback', 'replay', '--data', leader.data, '--cluster', 'test', ...to, '--force']);
    expect(again.out).toMatch(/was replayed .*\n(.*\n)*.*"taken" was written at/);
    expect(await read(await cluster.leader(), 'leader', 'taken')).toBe('second');
    expect(readFileSync(`${leader.data}/rollback.jsonl`, 'utf8').split('\n').length).toBeGreaterThanOrEqual(3);
  });
});
