import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { BadInput, readSettings, settingNames } from './config.ts';
import { TestCluster, run } from './testing.ts';

const folder = mkdtempSync(join(tmpdir(), 'tidemark-config-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const SECRET = 'correct horse battery staple';

function file(text: string, name = 'store.yaml'): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const needed = { node: 'n1', data: 'd' };

describe('settings', () => {
  test('have defaults', () => {
    expect(readSettings(needed, undefined, {})).toMatchObject({
      cluster: 'tidemark',
      listen: '127.0.0.1:7600',
      acknowledgement: 'quorum-ack',
      fsync: 'on',
      peer: {},
      groups: 1,
      'snapshot-entries': 100_000,
      'snapshot-bytes': 67_108_864,
      secrets: { peer: undefined, client: undefined, operator: undefined },
    });
  });

  test('come from the file, and a flag wins', () => {
    const path = file('node: n1\ndata: d\npeer:\n  n2: 127.0.0.1:2\nelection-ms: 500\ngroups: 4\nadmin: off\n');
    const settings = readSettings({ groups: '2', peer: ['n3=[::1]:3'] }, path, {});
    expect(settings).toMatchObject({ groups: 2, peer: { n3: '[::1]:3' }, 'election-ms': 500, admin: 'off' });
  });

  test('secrets come from files or the environment', () => {
    const path = file(`${SECRET}\n`, 'secret');
    const env = { TIDEMARK_STORE_CLIENT_SECRET: `${SECRET} 2` };
    const { secrets } = readSettings({ ...needed, 'peer-secret-file': path }, undefined, env);
    expect(secrets.peer?.toString()).toBe(SECRET);
    expect(secrets.client?.toString()).toBe(`${SECRET} 2`);
    expect(secrets.operator).toBeUndefined();
  });

  test.each<[string, Parameters<typeof readSettings>[0], string]>([
    ['a missing one', { data: 'd' }, '--node is missing.'],
    ['no number', { ...needed, groups: 'many' }, '--groups must be a number.'],
    ['too high', { ...needed, groups: '1000' }, '--groups must be at most 256.'],
    ['no whole number', { ...needed, groups: '1.5' }, '--groups must be a whole number.'],
    ['too few bytes', { ...needed, 'snapshot-bytes': '1' }, '--snapshot-bytes must be at least 4096.'],
    ['no address', { ...needed, listen: 'here' }, "--listen must be 'host:port'."],
    ['no peer', { ...needed, peer: ['n2'] }, "--peer must be 'node=host:port'."],
    ['a peer at no address', { ...needed, peer: ['n2=x'] }, "--peer (n2) must be 'host:port'."],
    [
      'an unknown word',
      { ...needed, acknowledgement: 'fast' },
      '--acknowledgement must be one of leader-ack, quorum-ack, all-ack, all-applied.',
    ],
    ['an unknown defect', { ...needed, defect: 'none' }, /^--defect must be one of ack-before-quorum, /],
    [
      'a stranger for a learner',
      { ...needed, learner: ['n9'] },
      '--learner n9 is neither this node nor one of its peers.',
    ],
    ['nobody to vote', { ...needed, learner: ['n1'] }, 'There is no voter among the nodes.'],
    ['nobody to join', { ...needed, join: true }, '--join needs the members of the cluster, by --peer.'],
    ['impatience', { ...needed, 'election-ms': '100' }, '--election-ms must be at least twice --heartbeat-ms.'],
    [
      'an open admin port',
      { ...needed, admin: '0.0.0.0:80' },
      'The admin port at 0.0.0.0:80 can be reached from outside: give --operator-secret-file as well.',
    ],
    ['a secret that is not there', { ...needed, 'peer-secret-file': '/nowhere' }, /^--peer-secret-file: ENOENT/],
  ] as [string, Parameters<typeof readSettings>[0], string][])(
    '%s is refused in one sentence',
    (_, flags, sentence) => {
      expect(() => readSettings(flags, undefined, {})).toThrow(sentence);
      expect(() => readSettings(flags, undefined, {})).toThrow(BadInput);
    },
  );

  test.each([
    [
      'an unknown field',
      'node: n1\ndata: d\nelection: built-in\nhartbeat-ms: 5\n',
      /store\.yaml:4: There is no setting 'hartbeat-ms'\. Valid: node, /,
    ],
    ['a wrong type', 'node: n1\ndata: d\n\ngroups: [1]\n', /store\.yaml:4: groups must be a number\.$/],
    ['a wrong value', 'node: n1\ndata: d\nfsync: sometimes\n', /store\.yaml:3: fsync must be one of on, off\.$/],
    ['a doubled field', 'node: n1\nnode: n2\n', /store\.yaml:2: Map keys must be unique/],
    ['no settings', '- n1\n', /store\.yaml:1: must hold settings/],
    ['no YAML', 'node: "n1\n', /store\.yaml:\d: /],
  ])('%s in the file is refused with its line', (_, text, sentence) => {
    expect(() => readSettings({}, file(text), {})).toThrow(sentence);
  });

  test('a secret that can be guessed is refused, and not repeated', () => {
    const message = ((): string => {
      try {
        readSettings(needed, undefined, { TIDEMARK_STORE_PEER_SECRET: 'hunter2' });
        return '';
      } catch (error) {
        return (error as Error).message;
      }
    })();
    expect(message).toBe('TIDEMARK_STORE_PEER_SECRET must hold at least 16 bytes.');
  });
});

describe('the program', () => {
  test.each<[string, string[], RegExp]>([
    ['no arguments', [], /^tidemark-store: --node is missing\.\n$/],
    ['an unknown flag', ['--nod', 'n1'], /^tidemark-store: unknown option '--nod'.*\n$/],
    [
      'a bad value',
      ['--node', 'n1', '--data', 'd', '--groups', '0'],
      /^tidemark-store: --groups must be at least 1\.\n$/,
    ],
    [
      'a data directory that is a file',
      ['--node', 'n1', '--data', '/dev/null', '--admin', 'off'],
      /^tidemark-store: .*\n$/,
    ],
    ['rollback without a folder', ['rollback', 'list'], /^tidemark-store: required option '--data <folder>'/],
    ['an unknown command', ['rolback'], /^tidemark-store: .*\n$/],
  ])('%s: one sentence, 254', (_, args, sentence) => {
    const { code, err, out } = run(args);
    expect(err).toMatch(sentence);
    expect([code, out]).toEqual([254, '']);
  });

  test('--help names every setting, and is no failure', () => {
    const { code, out } = run(['--help']);
    expect(code).toBe(0);
    for (const name of settingNames) expect(out).toContain(`--${name}`);
  });

  test('a folder of another cluster, a folder in use and a port in use are refused', async () => {
    const cluster = await TestCluster.make({ nodes: 1 });
    try {
      const [node] = cluster.nodes;
      node.start();
      await cluster.leader();
      const args = (data: string, port: number): string[] => {
        return ['--node', 'n1', '--data', data, '--listen', `127.0.0.1:${port}`, '--admin', 'off', '--cluster'];
      };
      const refused = (given: string[], sentence: RegExp): void => {
        const { code, err } = run(given);
        expect(err).toMatch(sentence);
        expect(code).toBe(254);
      };
      refused([...args(node.data, 0), 'test'], /^tidemark-store: .*(lock|use|process).*\n$/i);
      refused([...args(join(folder, 'other'), node.port), 'test'], /^tidemark-store: .*EADDRINUSE.*\n$/);
      node.signal('SIGTERM');
      expect(await node.ended()).toBe(0);
      refused([...args(node.data, 0), 'another'], /^tidemark-store: .*cluster.*\n$/);
    } finally {
      await cluster.close();
    }
  });
});
