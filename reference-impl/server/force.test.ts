import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { TestCluster, expectType, runBeside, until } from './testing.ts';

/** Real processes from dist. */
describe('a promotion by force', () => {
  let cluster: TestCluster;
  beforeEach(async () => {
    cluster = await TestCluster.make();
    cluster.start();
  });
  afterEach(async (context) => {
    if (context.task.result?.state === 'fail') process.stderr.write(`${cluster.logs()}\n`);
    await cluster.close();
  });

  test('one that is left alone leads again, says what is lost, and takes the others back', async () => {
    const leader = await cluster.leader();
    const [left, other] = cluster.nodes.filter((node) => node !== leader);
    const line = leader.dial();
    await expectType(line, { type: 'write', ack: 'all-ack', key: 'kept', value: 1 }, 'written');
    // What it misses: acknowledged by the two that are about to be gone.
    await left.kill();
    for (const value of [2, 3]) await expectType(line, { type: 'write', key: 'lost', value }, 'written');
    line.close();
    await Promise.all([leader.kill(), other.kill()]);
    left.start();
    await until('its port', () => left.status().then(() => true));
    const before = await left.status();
    const asked = { force: true, members: { voters: [left.id] } };
    const { status, body } = await left.post('/promote-by-force', asked);
    expect(status).toBe(200);
    const { last } = before.groups[0];
    expect(body).toMatchObject({ groups: { g0: { type: 'done', loss: { last } } } });
    expect(left.log).toMatch(/promoted by force in term \d+; \{"last"/);
    await cluster.leader([leader, other]);
    const now = await left.status();
    expect(now.term).toBeGreaterThan(1e9);
    expect(now.groups[0].members).toMatchObject({ voters: [left.id], learners: [] });
    const alone = left.dial();
    await expectType(alone, { type: 'write', key: 'since', value: 3 }, 'written');
    const keys = ['kept', 'lost', 'since'];
    const read = { type: 'read', path: 'leader', keys, waitMs: 0 } as const;
    expect((await expectType(alone, read, 'read')).values).toEqual([1, null, 3]);
    // The old leader comes back with the history that was given up, and is rebuilt from a snapshot.
    leader.start();
    await until('the change', async () => {
      const change = { add: leader.id, as: 'voter', address: leader.address };
      return (await left.post('/members', { change })).status === 200;
    });
    expect(leader.log).toContain("took the leader's snapshot");
    // It was killed: what of that had been committed it cannot know, and says so.
    expect(leader.log).toMatch(
      /2 entries of g0 are undone, 0 of them acknowledged; of 2, from before a restart, that is/,
    );
    const { out } = await runBeside(['rollback', 'list', '--data', leader.data]);
    expect(out).toMatch(
      /write "lost" 2 over null, perhaps acknowledged\n.*write "lost" 3 over 2, perhaps acknowledged\n/,
    );
    const where = ['--data', leader.data, '--cluster', 'test', '--to', left.address];
    const replayed = await runBeside(['rollback', 'replay', ...where]);
    expect(replayed.out).toMatch(/\n2 replayed, \d+ left alone, 0 failed\n$/);
    expect((await expectType(alone, read, 'read')).values).toEqual([1, 3, 3]);
    const { version } = await expectType(
      alone,
      { type: 'write', ack: 'all-applied', key: 'since', value: 4 },
      'written',
    );
    alone.close();
    const returned = leader.dial();
    const behind = { type: 'read', path: 'follower+token', keys, token: version, waitMs: 2000 } as const;
    expect((await expectType(returned, behind, 'read')).values).toEqual([1, 3, 4]);
    returned.close();
  });
});
