/** The command as users run it: real processes on loopback, started and ended by the program from dist. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isAlive, processId } from '../../results/lock.ts';
import { buildFirst, type Ended, tidemark } from '../../test-support/tidemark.ts';
import type { Cluster } from './home.ts';

let cwd: string;
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), 'tm-cluster-'));
  buildFirst();
});
afterAll(async () => {
  for (const name of ['default', 'small', 'broken']) await cluster('down', '--purge', '--name', name);
  rmSync(cwd, { recursive: true, force: true });
}, 60_000);

const cluster = (...args: string[]): Promise<Ended> => tidemark(['cluster', ...args], { cwd });
/** Long enough that a switchover is not given up because the machine is busy: it lasts one election timeout at most. */
const calm = ['--set', 'election-ms=1000', '--set', 'heartbeat-ms=100'];

const fileOf = (name: string): string => join(cwd, '.tidemark', 'cluster', name, 'cluster.json');
const read = (name: string): Cluster => JSON.parse(readFileSync(fileOf(name), 'utf8')) as Cluster; // our own file

interface Status {
  readonly leaderless: readonly string[];
  readonly nodes: readonly {
    readonly node: string;
    readonly pid: number | null;
    readonly learner: boolean;
    readonly serving: boolean;
    readonly groups: readonly { readonly group: string; readonly role: string }[];
  }[];
}
const statusOf = ({ stdout }: Ended): Status => JSON.parse(stdout) as Status; // one line
const fields = ({ stdout }: Ended): Record<string, unknown> => JSON.parse(stdout) as Record<string, unknown>;

async function leaderOf(group: string): Promise<string> {
  const { nodes } = statusOf(await cluster('status', '--json'));
  return (
    nodes.find(({ groups }) => groups.some((one) => one.group === group && one.role === 'leader'))?.node ?? 'nobody'
  );
}

describe('a cluster of three, a learner, two groups', () => {
  test('comes up led, and says who is who', async () => {
    const ended = await cluster('up', '--nodes', '3', '--learners', '1', '--groups', '2', ...calm, '--json');
    expect([ended.code, ended.stderr]).toEqual([0, '']);
    const { nodes, leaderless } = statusOf(ended);
    expect(leaderless).toEqual([]);
    expect(nodes.map(({ node, learner, serving }) => [node, learner, serving])).toEqual([
      ['n1', false, true],
      ['n2', false, true],
      ['n3', false, true],
      ['n4', true, true],
    ]);
    expect(nodes[3].groups.map(({ group, role }) => [group, role])).toEqual([
      ['g0', 'learner'],
      ['g1', 'learner'],
    ]);
    const text = await cluster('status');
    expect(text.code).toBe(0);
    expect(text.stdout).toMatch(/^node +region +pid +group +role +term +commit +lag +serving\n/);
    expect(text.stdout).toMatch(new RegExp(`\nn2 +r2 +${String(nodes[1].pid)} +g0 `));
    expect(text.stdout.split('\n').filter((line) => / leader +\d+ +\(\d+,\d+\) +– +yes$/.test(line))).toHaveLength(2);
  }, 60_000);

  test('will not come up twice, nor as another', async () => {
    const again = await cluster('up');
    expect([again.code, again.stderr]).toEqual([
      254,
      "tidemark: The cluster 'default' is up already: 'tidemark cluster status' shows it.\n",
    ]);
    expect((await cluster('up', '--nodes', '5')).stderr).toBe(
      "tidemark: --nodes 5: the cluster 'default' was made with 3; 'tidemark cluster down --purge' removes it, with its data.\n",
    );
  });

  test('is written and read, each in every way', async () => {
    const put = await cluster('put', 'greeting', '{"say":"hello"}', '--write-path', 'all-ack');
    expect([put.code, put.stdout, put.stderr]).toEqual([0, 'ok\n', '']);
    for (const path of ['leader', 'follower-linearizable', 'follower+token', 'bounded-900ms']) {
      const got = await cluster('get', 'greeting', '--read-path', path);
      expect([path, got.code, got.stdout, got.stderr]).toEqual([path, 0, '{"say":"hello"}\n', '']);
    }
    const local = fields(await cluster('get', 'greeting', '--read-path', 'local', '--region', 'r2', '--json'));
    expect(local).toMatchObject({ schema: 1, type: 'get', outcome: 'ok', key: 'greeting', node: 'n2' });
    expect((await cluster('get', 'nothing')).stdout).toBe('null\n');

    const swapped = await cluster('cas', 'greeting', '{"say":"hello"}', 'bye', '--json');
    expect(swapped.code).toBe(0);
    expect(fields(swapped)).toMatchObject({ type: 'cas', outcome: 'ok', swapped: true });
    const not = await cluster('cas', 'greeting', '1', '2');
    expect([not.code, not.stdout]).toEqual([2, 'not swapped: it holds "bye"\n']);
  }, 60_000);

  test('hands over to whom it is told', async () => {
    const to = (await leaderOf('g0')) === 'n3' ? 'n1' : 'n3';
    const ended = await cluster('switchover', '--to', to, '--group', 'g0', '--json');
    expect(ended.code).toBe(0);
    expect(fields(ended)).toMatchObject({ type: 'switchover', group: 'g0', outcome: 'done', to });
    const toLearner = await cluster('switchover', '--to', 'n4', '--group', 'g0');
    expect([toLearner.code, toLearner.stdout]).toEqual([2, expect.stringMatching(/^g0: refused: [A-Z_]+\n$/)]);
  }, 60_000);

  test('goes on without a node that was killed, which comes back', async () => {
    const victim = await leaderOf('g0');
    expect((await cluster('kill', victim)).stdout).toBe(`${victim} killed\n`);
    const twice = await cluster('kill', victim);
    expect([twice.code, twice.stderr]).toEqual([
      254,
      `tidemark: ${victim} is not up: 'tidemark cluster start ${victim}' starts it.\n`,
    ]);
    const hurt = await cluster('status', '--json');
    expect(hurt.code).toBe(2);
    expect(statusOf(hurt).nodes.find(({ node }) => node === victim)).toMatchObject({ pid: null, serving: false });
    expect((await cluster('put', 'greeting', '17', '--timeout', '10s')).stdout).toBe('ok\n');
    expect((await cluster('start', victim)).stdout).toBe(`${victim} started\n`);
    const got = await cluster('get', 'greeting', '--read-path', 'follower-linearizable');
    expect([got.code, got.stdout]).toEqual([0, '17\n']);
  }, 60_000);

  test('is watched until nobody reads any more', async () => {
    const ended = await tidemark(['cluster', 'status', '--watch', '--interval', '50ms', '--json'], {
      cwd,
      firstLineOnly: true,
    });
    expect([ended.code, ended.signal]).toEqual([0, null]);
    expect(statusOf({ ...ended, stdout: ended.stdout.split('\n')[0] }).nodes).toHaveLength(4);
  }, 30_000);

  test('goes down with its data kept, comes up again with it, and is gone when purged', async () => {
    const before = read('default').nodes.map(({ process }) => process ?? '');
    expect((await cluster('down')).stdout).toContain('default is down; its data is in ');
    expect(before.map(isAlive)).toEqual([false, false, false, false]);
    const refused = await cluster('get', 'greeting', '--timeout', '300ms');
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringMatching(/^tidemark: refused: [A-Z_]+\n$/)]);
    expect((await cluster('up')).code).toBe(0);
    expect(read('default').nodes.map(({ admin }) => admin)).toHaveLength(4);
    expect((await cluster('get', 'greeting')).stdout).toBe('17\n');
    expect((await cluster('down', '--purge')).stdout).toBe('default is down, and its data gone\n');
    const gone = await cluster('status');
    expect([gone.code, gone.stderr]).toEqual([
      254,
      "tidemark: There is no cluster here; 'tidemark cluster up' makes one.\n",
    ]);
  }, 90_000);
});

describe('only what was started here is ever ended', () => {
  test('a process that has the number of one of ours by now is left alone', async () => {
    expect((await cluster('up', '--name', 'small', '--nodes', '1', ...calm)).code).toBe(0);
    const real = read('small');
    const ours = processId(process.pid) ?? '';
    // As if our own process had got the number of n1, which has long ended.
    const claim = (id: string): void =>
      writeFileSync(fileOf('small'), JSON.stringify({ ...real, nodes: [{ ...real.nodes[0], process: id }] }));
    claim(`${process.pid}-1`);
    expect((await cluster('down', '--name', 'small')).code).toBe(0);
    expect(isAlive(ours)).toBe(true);
    expect(isAlive(real.nodes[0].process ?? '')).toBe(true);
    claim(real.nodes[0].process ?? '');
    expect((await cluster('down', '--purge', '--name', 'small')).code).toBe(0);
    expect(isAlive(real.nodes[0].process ?? '')).toBe(false);
  }, 60_000);
});

describe('what cannot be', () => {
  test.each([
    [['up', '--nodes', '0'], '--nodes 0: a whole number from 1 to 9 is needed.'],
    [['up', '--set', 'fsync'], '--set fsync: key=value is needed.'],
    [['up', '--name', 'a/b'], '--name a/b: letters, digits and dashes are needed, 32 at the most.'],
    [['get', 'x', '--timeout', 'soon'], "--timeout takes a time, as in 500ms or 2s; not 'soon'."],
    [['kill', 'n9'], "There is no cluster here; 'tidemark cluster up' makes one."],
    [['upp'], /^There is no command 'upp'\. Did you mean 'up'\? Valid: up, status, get, put, cas, /],
    [['put', 'x'], "Missing required argument 'value'."],
  ])('%j', async (args, sentence) => {
    const { code, stdout, stderr } = await cluster(...args);
    expect([code, stdout]).toEqual([254, '']);
    const said = stderr.replace(/^tidemark: /, '').trimEnd();
    if (typeof sentence === 'string') expect(said).toBe(sentence);
    else expect(said).toMatch(sentence);
  });

  test('names of paths and nodes are looked up before anything is asked', async () => {
    expect((await cluster('up', '--nodes', '1', '--name', 'small', ...calm)).code).toBe(0);
    const name = ['--name', 'small'];
    expect((await cluster('get', 'x', '--read-path', 'leder', ...name)).stderr).toMatch(
      /^tidemark: There is no read path 'leder'\. Did you mean 'leader'\?/,
    );
    expect((await cluster('put', 'x', '1', '--write-path', 'quorum', ...name)).stderr).toMatch(
      /^tidemark: There is no write path 'quorum'/,
    );
    expect((await cluster('get', 'x', '--region', 'r9', ...name)).stderr).toBe(
      "tidemark: There is no region 'r9'. Did you mean 'r1'? Valid: r1.\n",
    );
    expect((await cluster('kill', 'n2', ...name)).stderr).toBe(
      "tidemark: There is no node 'n2'. Did you mean 'n1'? Valid: n1.\n",
    );
    expect((await cluster('status', '--name', 'smal')).stderr).toBe(
      "tidemark: There is no cluster 'smal'. Did you mean 'small'? Valid: small.\n",
    );
    await cluster('down', '--purge', ...name);
  }, 60_000);

  test('a setting that the store refuses leaves nothing behind', async () => {
    const ended = await cluster('up', '--name', 'broken', '--nodes', '1', '--set', 'no-such-thing=1');
    expect(ended.code).toBe(254);
    expect(ended.stderr).toMatch(
      /^tidemark: n1 ended at once: tidemark-store: .*There is no setting 'no-such-thing'\./,
    );
    expect((await cluster('status', '--name', 'broken')).code).toBe(254);
  }, 30_000);

  test('a port that somebody else has by now is said', async () => {
    const name = ['--name', 'small'];
    expect((await cluster('up', '--nodes', '1', ...name, ...calm)).code).toBe(0);
    await cluster('down', ...name);
    const { client } = read('small').nodes[0];
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(client, '127.0.0.1', resolve));
    const ended = await cluster('up', ...name);
    await new Promise((resolve) => server.close(resolve));
    expect([ended.code, ended.stderr]).toEqual([
      254,
      expect.stringMatching(new RegExp(`^tidemark: n1 ended at once: tidemark-store: .*EADDRINUSE.*${client}`)),
    ]);
    expect((await cluster('up', ...name)).code).toBe(0);
  }, 60_000);
});
