import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestCluster, expectType, until } from './testing.ts';

const CLIENT = 'the secret of all clients';
const PEER = 'the secret of all nodes';
const OPERATOR = 'the secret of the operator';

describe('a cluster with secrets', () => {
  let cluster: TestCluster;
  let file: string;
  let other: string;

  beforeAll(async () => {
    const env = { TIDEMARK_STORE_CLIENT_SECRET: CLIENT, TIDEMARK_STORE_OPERATOR_SECRET: OPERATOR };
    cluster = await TestCluster.make({ env, args: ['--log', 'json'] });
    file = join(cluster.folder, 'peer-secret');
    other = join(cluster.folder, 'other-secret');
    writeFileSync(file, `${PEER}\n`);
    writeFileSync(other, 'the secret of somebody else\n');
    for (const node of cluster.nodes) node.start('--peer-secret-file', file);
    await cluster.leader();
  });
  afterAll(() => cluster.close());

  test('serves a client that knows it', async () => {
    const leader = await cluster.leader();
    const line = leader.dial({ secret: Buffer.from(CLIENT) });
    await expectType(line, { type: 'write', key: 'a', value: 1 }, 'written');
    line.close();
  });

  test.each([
    ['none', undefined],
    ['another', Buffer.from('the secret of somebody')],
    ["the nodes'", Buffer.from(PEER)],
  ])('refuses a client with %s, before anything was delivered', async (_, secret) => {
    const leader = await cluster.leader();
    const line = leader.dial(secret === undefined ? {} : { secret });
    const asked = line.request({ type: 'write', key: 'a', value: 2 });
    await expect(asked).rejects.toMatchObject({ definite: true, message: expect.stringMatching(/secret/) });
    await expect(line.request({ type: 'write', key: 'a', value: 2 })).rejects.toMatchObject({ definite: true });
    line.close();
  });

  test('keeps out a stranger, and a member that does not know the secret', async () => {
    const stranger = await cluster.joining();
    stranger.start();
    await until('it to be turned away', () => stranger.log.includes('no member of this cluster'));
    await stranger.kill();
    cluster.nodes.pop();
    const leader = await cluster.leader();
    const member = cluster.nodes.find((node) => node !== leader) ?? leader;
    await member.kill();
    member.start('--peer-secret-file', other);
    await until('it to be turned away', () => member.log.includes(`${leader.id} does not know the secret`));
    expect((await member.status()).leader).toBeUndefined();
    await member.kill();
    member.start('--peer-secret-file', file);
    await until('it to be back', async () => (await member.status()).serving);
  });

  test('does operations only for the operator, and never for other web pages', async () => {
    const leader = await cluster.leader();
    const authorization = `Bearer ${OPERATOR}`;
    const ask = async (headers: Record<string, string>): Promise<number> => {
      return (await leader.post('/switchover', { to: leader.id }, headers)).status;
    };
    expect(await ask({})).toBe(401);
    expect(await ask({ authorization: `Bearer ${PEER}` })).toBe(401);
    expect(await ask({ authorization, origin: 'http://evil.example' })).toBe(403);
    expect(await ask({ authorization })).toBe(200);
  });

  test('refuses what is no operation', async () => {
    const leader = await cluster.leader();
    const headers = { authorization: `Bearer ${OPERATOR}` };
    const ask = async (path: string, body: unknown): Promise<unknown> => {
      const { status, body: said } = await leader.post(path, body, headers);
      return [status, (said as { error: string }).error];
    };
    expect(await ask('/nothing', {})).toEqual([404, expect.stringContaining('/switchover')]);
    expect(await ask('/switchover', { too: 'n1' })).toEqual([400, expect.stringContaining('too')]);
    expect(await ask('/switchover', { group: 'g9' })).toEqual([404, 'there is no group g9']);
    expect(await ask('/promote-by-force', { members: { voters: ['n1'] } })).toEqual([
      400,
      expect.stringContaining('force'),
    ]);
    expect(await ask('/members', 'x'.repeat(100_000))).toEqual([413, expect.stringContaining('bytes')]);
    expect((await leader.admin('/switchover')).status).toBe(404);
    expect((await leader.admin('/health', { method: 'PUT' })).status).toBe(405);
  });

  test('tells its secrets to nobody', async () => {
    const leader = await cluster.leader();
    const said = [cluster.logs(), JSON.stringify(await leader.status()), String((await leader.admin('/metrics')).body)];
    for (const secret of [CLIENT, PEER, OPERATOR]) for (const text of said) expect(text).not.toContain(secret);
    for (const line of leader.log.trim().split('\n')) expect(JSON.parse(line)).toHaveProperty('message');
  });
});
