/** Machines that are containers with sshd: what levers touch there and what not, ways to log in and through, what is left. */
import { createServer, type Server } from 'node:net';
import { chmodSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { MILLISECOND, SECOND } from '../../../history/clock.ts';
import { missing, need } from '../../../test-support/need.ts';
import { buildFirst } from '../../../test-support/tidemark.ts';
import reference from '../../systems/reference.ts';
import type { SshCluster } from './cluster.ts';
import { cleanUp, deploy, prepare } from './deploy.ts';
import { hostsFor, choicesOf } from './settings.ts';
import { clock, docker, killAgents, machines, type Machines, traces, until } from './testing-machines.ts';
import { Ways } from './ways.ts';

let all: Machines;
const open: SshCluster[] = [];

beforeAll(async () => {
  if (missing('docker') !== undefined) return;
  buildFirst();
  all = await machines(4);
  for (const i of [0, 1, 2, 3]) all.on(i, 'ln', '-s', '/opt/node-of-others/node', '/usr/local/bin/node');
}, 600_000);
afterEach(async () => {
  for (const cluster of open.splice(0)) await cluster.destroy();
}, 60_000);
afterAll(() => {
  if (missing('docker') === undefined) all.remove();
});

type Settings = Readonly<Record<string, string>>;

async function up(count: number, given: Settings): Promise<SshCluster> {
  const nodes = Array.from({ length: count }, (_, i) => `n${i + 1}`);
  const settings = new Map(Object.entries(given));
  const specs = new Map(nodes.map((node) => [node, reference.node(node, nodes, settings)] as const));
  const cluster = await deploy(specs, { seed: 1, settings, observe: () => undefined });
  open.push(cluster);
  await led(cluster);
  return cluster;
}

function led(cluster: SshCluster): Promise<string> {
  return until('a leader', async () => {
    for (const node of cluster.nodes) {
      if (((await cluster.status(node)) as { readonly role: string } | undefined)?.role === 'leader') return node;
    }
    return undefined;
  });
}

/** Whether one machine gets an answer on a port of another's. */
function reaches(from: number, to: number, port: number): boolean {
  const knock = `require('net').connect(${port}, '${all.addresses[to]}').on('connect', () => { console.log('yes'); process.exit() })
    .on('error', () => process.exit()).setTimeout(1500, () => process.exit())`;
  return all.on(from, 'node', '-e', knock) === 'yes';
}

describe('a machine reached by SSH', () => {
  need('docker');

  test('a cut drops the store’s packets from one peer, and nothing else; other rules stay as they are', async () => {
    const other = ['INPUT', '-s', '192.0.2.7/32', '-j', 'DROP'] as const;
    all.on(1, 'iptables', '-A', ...other);
    const cluster = await up(3, all.settings('tide'));
    const rules = (): string => all.on(1, 'iptables-save');
    const from = clock.now();
    const cut = await cluster.levers.cut?.([{ from: 'n1', to: 'n2' }]);
    const cutMs = (clock.now() - from) / MILLISECOND;
    expect([reaches(0, 1, 7600), reaches(0, 1, 22), reaches(2, 1, 7600)]).toEqual([false, true, true]);
    expect((await cluster.lingering()).join()).toMatch(
      /^n2 was not healed: its rules are not what they were: '-A TM-IN-7600 -s \S+ -p tcp -m tcp --[sd]port 7600 -j DROP' is new$/,
    );
    const slow = await cluster.levers.shape?.([{ from: 'n1', to: 'n3' }], { delayNs: 300 * MILLISECOND });
    const knock = clock.now();
    expect(reaches(0, 2, 7600)).toBe(true);
    expect(clock.now() - knock).toBeGreaterThan(300 * MILLISECOND);
    // Somebody else's rule that comes and goes is nobody's business.
    all.on(1, 'iptables', '-A', 'OUTPUT', '-d', '192.0.2.8', '-j', 'DROP');
    await cut?.heal();
    await slow?.heal();
    expect(reaches(0, 1, 7600)).toBe(true);
    expect(await cluster.lingering()).toEqual([]);
    expect(cut?.effect()['packets dropped']).toBeGreaterThan(0);
    expect(slow?.effect()['packets delayed']).toBeGreaterThan(0);
    open.splice(0);
    await cluster.destroy();
    expect(rules()).toContain('-A INPUT -s 192.0.2.7/32 -j DROP');
    expect(rules()).toContain('-A OUTPUT -d 192.0.2.8/32 -j DROP');
    expect([0, 1, 2].map((i) => traces(all, i))).toEqual(['', '', '']);
    process.stdout.write(`by SSH: cut in ${Math.round(cutMs)} ms\n`);
  }, 120_000);

  test('what is there is told before the run: levers, ports, rules of another’s', async () => {
    const levers = ['cut', 'shape', 'slowDisk', 'clock'] as const;
    const told = async (given: Settings): Promise<Readonly<Record<string, string>>> => {
      const settings = new Map(Object.entries({ ...given, hosts: given['hosts'].split(',')[3] }));
      return Object.fromEntries(await prepare({ settings, levers, nodes: 1 }, () => undefined));
    };
    expect(await told(all.settings('tide'))).toEqual({});
    all.on(3, 'mv', '/usr/sbin/iptables-restore', '/usr/sbin/iptables-restore.away');
    all.on(3, 'mv', '/usr/bin/gcc', '/usr/bin/gcc.away');
    const why = `tide@${all.addresses[3]}: it has no iptables-restore: install iptables`;
    try {
      const { cut, shape, clock: skew } = await told(all.settings('tide'));
      expect([cut, shape]).toEqual([why, why]);
      // Ours is copied, where there is a gcc here.
      expect(skew ?? 'it has no gcc').toContain('it has no gcc');
    } finally {
      all.on(3, 'mv', '/usr/sbin/iptables-restore.away', '/usr/sbin/iptables-restore');
      all.on(3, 'mv', '/usr/bin/gcc.away', '/usr/bin/gcc');
    }
    docker('exec', '-d', all.names[3], 'node', '-e', "require('net').createServer().listen(7601)");
    await until('somebody on the port', async () => (reaches(2, 3, 7601) ? true : undefined));
    await expect(told(all.settings())).rejects.toThrow(
      /has somebody listening on port 7600 or 7601: --set store-port=N/,
    );
    expect(await told({ ...all.settings(), 'store-port': '7700' })).toEqual({});
    expect(traces(all, 3)).toBe('');
  }, 120_000);

  test('is reached through a jump host, and clients with it, by the keys of an agent', async () => {
    const socket = join(all.folder, 'agent');
    const agent = await sshAgent(socket, join(all.folder, 'key'));
    const was = process.env['SSH_AUTH_SOCK'];
    process.env['SSH_AUTH_SOCK'] = socket;
    try {
      const { hosts, 'known-hosts': known } = all.settings();
      const [gate, ...behind] = hosts.split(',');
      // Nobody but the gate may log in there, or speak to a store.
      for (const i of [1, 2])
        all.on(i, 'sh', '-c', `iptables -I INPUT -p tcp -s ${all.addresses[0].replace(/\d+$/, '1')} -j REJECT`);
      const cluster = await up(2, {
        hosts: behind.slice(0, 2).join(','),
        jump: gate.replace('root', 'plain'),
        'known-hosts': known,
      });
      // More than one connection carries; one that is being opened may come too late for a client.
      const leader = await led(cluster);
      const lines = Array.from({ length: 10 }, () => cluster.dial(leader));
      const write = (line: (typeof lines)[number], value: number): Promise<unknown> =>
        line.request({ type: 'write', ack: 'all-ack', key: 'k', value }).catch(() => undefined);
      const said = await Promise.all(lines.map((line, i) => write(line, i)));
      expect(said.filter((one) => (one as { type?: string } | undefined)?.type === 'written').length).toBeGreaterThan(
        3,
      );
      const ninth = cluster.dial(leader);
      await until('an answer through another connection', async () => await write(ninth, 99));
      for (const line of [...lines, ninth]) line.close();
      const pause = await cluster.levers.pause?.(['n2']);
      await pause?.heal();
      open.splice(0);
      await cluster.destroy();
    } finally {
      for (const i of [1, 2])
        all.on(i, 'sh', '-c', `iptables -D INPUT -p tcp -s ${all.addresses[0].replace(/\d+$/, '1')} -j REJECT`);
      if (was === undefined) delete process.env['SSH_AUTH_SOCK'];
      else process.env['SSH_AUTH_SOCK'] = was;
      agent.close();
      rmSync(socket, { force: true });
    }
    expect([0, 1, 2].map((i) => traces(all, i))).toEqual(['', '', '']);
  }, 120_000);

  test('carries eight channels a connection and no more, and no command for ever', async () => {
    const choices = choicesOf(new Map(Object.entries(all.settings())));
    const ways = new Ways(choices);
    const connection = await ways.open(hostsFor(choices, 1)[0]);
    let most = 0;
    const work = Array.from({ length: 24 }, async (_, i) => {
      const said = connection.run(`turn ${i}`, `sleep 0.2; echo ${i}`);
      most = Math.max(most, connection.channels);
      return (await said).out.trim();
    });
    expect(await Promise.all(work)).toEqual(Array.from({ length: 24 }, (_, i) => `${i}`));
    expect([most, connection.channels]).toEqual([8, 0]);
    const from = clock.now();
    const late = connection.run('sleeping', 'sleep 987', { ns: SECOND }).catch((error: Error) => error.message);
    // The machine ends it by itself.
    expect(await late).toMatchObject({ code: 124 });
    expect(clock.now() - from).toBeLessThan(8 * SECOND);
    await until('its end there', async () =>
      all.on(0, 'sh', '-c', 'cat /proc/[0-9]*/comm').includes('sleep') ? undefined : true,
    );
    connection.close();
    await expect(connection.run('anything', 'true')).rejects.toThrow(/failed at anything: the connection is closed/);
  }, 60_000);

  test('an agent that is killed is told, and what it left is cleaned up, which leaves others alone', async () => {
    const cluster = await up(2, all.settings('tide'));
    await cluster.levers.cut?.([{ from: 'n1', to: 'n2' }]);
    killAgents(all, 1);
    await until('the loss', async () => (cluster.crashes().length > 0 ? true : undefined));
    expect(cluster.crashes()[0]).toMatch(/^n2 is lost: the SSH connection to tide@\S+ or the agent there has ended/);
    expect((await cluster.lingering()).join()).toContain('nobody knows whether n2 was healed');
    expect(traces(all, 1)).toContain('TM-IN-7600');
    // It is this process's, which lives.
    expect(await cleanUp(false, new Map())).toEqual({ removed: [], failures: [] });
    open.splice(0);
    await cluster.destroy();
    expect([0, 1].map((i) => traces(all, i))).toEqual(['', '']);
  }, 120_000);
});

/** As OpenSSH's, with one key. */
async function sshAgent(socket: string, key: string): Promise<Server> {
  const parsed = ssh2.utils.parseKey(readFileSync(key));
  if (parsed instanceof Error) throw parsed;
  const server = createServer((client) => {
    const protocol = new ssh2.AgentProtocol(false);
    protocol.on('identities', (request) => protocol.getIdentitiesReply(request, [parsed]));
    protocol.on('sign', (request, _key, data) => protocol.signReply(request, parsed.sign(data)));
    client
      .on('error', () => undefined)
      .pipe(protocol)
      .pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  chmodSync(socket, 0o600);
  return server;
}
