import { connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { FrameWriter } from '../wire/frames.ts';
import { helloFrame } from '../wire/hello.ts';
import { writeRequest } from '../wire/requests.ts';
import type { TcpLine } from '../client/tcp.ts';
import { groupOf } from '../core/slots.ts';
import type { Request, Response } from '../core/types.ts';
import { sleep } from './clock.ts';
import { TestCluster, type TestNode, expectType, residentBytes, until } from './testing.ts';

let cluster: TestCluster | undefined;
const lines: TcpLine[] = [];

afterEach(async (context) => {
  if (context.task.result?.state === 'fail') process.stderr.write(`${cluster?.logs()}\n`);
  for (const line of lines.splice(0)) line.close();
  await cluster?.close();
  cluster = undefined;
});

async function started(...args: string[]): Promise<TestCluster> {
  cluster = await TestCluster.make({ args });
  cluster.start();
  await cluster.leader();
  return cluster;
}

function dial(node: TestNode): TcpLine {
  const line = node.dial();
  lines.push(line);
  return line;
}

/** By a new line each time, until it is not refused. */
function asked(node: TestNode, body: Request): Promise<Response> {
  return until(`${node.id} to answer`, async () => {
    const line = node.dial();
    try {
      const answer = await line.request(body);
      if (answer.type === 'refused') throw new Error(answer.code);
      return answer;
    } finally {
      line.close();
    }
  });
}

async function writeMany(line: TcpLine, count: number): Promise<void> {
  const all = Array.from({ length: count }, (_, i) => {
    return expectType(line, { type: 'write', key: `key ${i % 300}`, value: i }, 'written');
  });
  await Promise.all(all);
}

describe('a cluster of processes', () => {
  test.each([['real'], ['forgetful']])(
    'all killed at once with writes under way, files %s: what was acknowledged is there',
    { timeout: 60_000 },
    async (files) => {
      const { nodes, ...rest } = await started('--files', files).then((made) => ({ nodes: made.nodes, made }));
      const acknowledged: number[] = [];
      const line = dial(await rest.made.leader());
      const writing = Array.from({ length: 2000 }, (_, i) =>
        line.request({ type: 'write', key: `k${i}`, value: i }).then(
          ({ type }) => (type === 'written' ? acknowledged.push(i) : 0),
          () => 0,
        ),
      );
      await until('some to be acknowledged', () => (acknowledged.length > 300 ? true : undefined));
      await Promise.all(nodes.map((node) => node.kill()));
      await Promise.all(writing);
      for (const node of nodes) node.start();
      const leader = await rest.made.leader();
      for (let from = 0; from < acknowledged.length; from += 500) {
        const some = acknowledged.slice(from, from + 500);
        const read: Request = { type: 'read', path: 'leader', keys: some.map((i) => `k${i}`), waitMs: 1000 };
        expect(await asked(leader, read)).toMatchObject({ type: 'read', values: some });
      }
    },
  );

  test('a follower that missed more than the log still has takes a snapshot', { timeout: 60_000 }, async () => {
    const { nodes, leader } = {
      nodes: (await started('--snapshot-entries', '200', '--snapshot-keep', '10')).nodes,
      leader: await cluster?.leader(),
    };
    if (leader === undefined) throw new Error('no leader');
    const late = nodes.find((node) => node !== leader) ?? leader;
    await late.kill();
    const line = dial(leader);
    for (let round = 0; round < 6; round++) await writeMany(line, 300);
    await until('the log to be cut', async () => ((await leader.status()).groups[0].first > 100 ? true : undefined));
    const { version } = await expectType(line, { type: 'write', key: 'last', value: 'word' }, 'written');
    late.start();
    const body: Request = {
      type: 'read',
      path: 'follower+token',
      keys: ['last', 'key 299'],
      token: version,
      waitMs: 5000,
    };
    expect(await asked(late, body)).toMatchObject({ values: ['word', 299] });
    expect(late.log).toContain("took the leader's snapshot");
    await late.kill();
    late.start();
    expect(await asked(late, body)).toMatchObject({ values: ['word', 299] });
  });

  test('groups are led by different nodes, and a read of several groups is refused', async () => {
    const { nodes } = await started('--groups', '3');
    await until('the leaders to be spread', async () => {
      const roles = await Promise.all(nodes.map(async (node) => (await node.status()).groups.map(({ role }) => role)));
      return roles.every((own) => own.filter((role) => role === 'leader').length === 1) ? true : undefined;
    });
    const groups = new Set<number>();
    for (let i = 0; groups.size < 3; i++) {
      const group = groupOf(`key ${i}`, 3);
      if (groups.has(group)) continue;
      groups.add(group);
      // On a busy machine a group may change its leader between the question who leads and the write.
      await until(`group ${group} to take a write`, async () => {
        const statuses = await Promise.all(nodes.map((node) => node.status()));
        const leader = nodes.find((_, at) => statuses[at].groups[group].role === 'leader');
        if (leader === undefined) return undefined;
        const answer = await asked(leader, { type: 'write', ack: 'all-applied', key: `key ${i}`, value: i });
        return answer.type === 'written' ? true : undefined;
      });
    }
    const several = await dial(nodes[0]).request({
      type: 'read',
      path: 'local',
      keys: ['key 0', 'key 1', 'key 2', 'key 3', 'key 4'],
      waitMs: 0,
    });
    expect(several).toEqual({ type: 'refused', code: 'WRONG_GROUP' });
  });

  test('a leader that was stopped serves nothing old from its lease when it goes on', async () => {
    const { nodes } = await started();
    const leader = (await cluster?.leader()) ?? nodes[0];
    const line = dial(leader);
    const read: Request = { type: 'read', path: 'leader-lease', keys: ['k'], waitMs: 0 };
    await expectType(line, { type: 'write', key: 'k', value: 'old' }, 'written');
    await expectType(line, read, 'read');
    leader.signal('SIGSTOP');
    const next = await cluster?.leader([leader]);
    if (next === undefined) throw new Error('no leader');
    await expectType(dial(next), { type: 'write', key: 'k', value: 'new' }, 'written');
    // It lies in the stopped node's socket and is the first thing that it sees.
    const reading = line.request(read);
    await sleep(50);
    leader.signal('SIGCONT');
    const answer = await reading;
    if (answer.type === 'read') expect(answer.values).toEqual(['new']);
    else expect(answer.type).toBe('refused');
  });

  test.each<[string, 'local' | 'leader']>([
    ['answered at once: it waits', 'local'],
    ['answered together: it is cut off', 'leader'],
  ])('a client that asks and asks and takes no answers, %s, and nobody else suffers', async (_, path) => {
    // To pack what it asks for takes long on a busy machine: nobody shall stand for election meanwhile.
    await started('--election-ms', '2000');
    const leader = (await cluster?.leader()) ?? expect.fail('no leader');
    const line = dial(leader);
    const keys = Array.from({ length: 100 }, (_, i) => `large ${i}`);
    await Promise.all(
      keys.map((key) => expectType(line, { type: 'write', key, value: 'x'.repeat(60_000) }, 'written')),
    );
    const before = residentBytes(leader.pid ?? 0);
    const socket = connect(leader.port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.once('connect', () => {
      const nonce = Buffer.alloc(32);
      socket.write(helloFrame({ role: 'client', cluster: 'test', from: 'x', to: undefined, groups: 0, nonce }));
      const out = new FrameWriter();
      for (let i = 0; i < 1000; i++) writeRequest(out, i, { type: 'read', path, keys, waitMs: 0 });
      socket.write(out.take());
      socket.pause();
    });
    if (path === 'leader') await until('the cut', () => leader.log.includes('does not take its answers'));
    for (let i = 0; i < 10; i++) {
      await expectType(line, { type: 'write', key: 'still', value: i }, 'written');
      await sleep(50);
    }
    expect(residentBytes(leader.pid ?? 0) - before).toBeLessThan(250 * 1024 * 1024);
    socket.destroy();
  });

  test('more connections than allowed are refused, and those that are there go on', async () => {
    await started('--connections', '12');
    const leader = (await cluster?.leader()) ?? expect.fail('no leader');
    const held = Array.from({ length: 20 }, () => dial(leader));
    const fates = await Promise.allSettled(held.map((one) => one.request({ type: 'write', key: 'a', value: 1 })));
    const served = fates.filter(({ status }) => status === 'fulfilled').length;
    expect(served).toBeGreaterThan(5);
    expect(served).toBeLessThanOrEqual(12);
    for (const fate of fates) if (fate.status === 'rejected') expect(fate.reason).toMatchObject({ definite: true });
  });
});
