/** A user's compose file with a real store: started for the run, struck by the engine, removed. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Docker from 'dockerode';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MILLISECOND, realClock, SECOND } from '../history/clock.ts';
import { missing, need } from '../test-support/need.ts';
import { buildFirst, tidemark } from '../test-support/tidemark.ts';
import { asset } from './entry.ts';
import { prepared } from './environments/docker/deploy.ts';

const clock = realClock();

describe('a compose file', { timeout: 300_000 }, () => {
  for (const what of ['docker', 'compose', 'python3'] as const) need(what);
  const cwd = mkdtempSync(join(tmpdir(), 'tidemark-compose-'));
  const file = join(cwd, 'compose.yaml');
  const driver = `python3 '${asset('examples/drivers/redis.py')}'`;
  let image = '';

  beforeAll(async () => {
    if (missing('docker') !== undefined) return;
    buildFirst();
    ({ image } = await prepared(new Map(), () => undefined, 'redis'));
    writeFileSync(file, compose(image));
  }, 300_000);
  afterAll(() => rmSync(cwd, { recursive: true, force: true }));

  const left = async (): Promise<string[]> => {
    const docker = new Docker();
    const filters = { label: ['com.docker.compose.project'] };
    const [containers, networks] = await Promise.all([
      docker.listContainers({ all: true, filters }),
      docker.listNetworks({ filters }),
    ]);
    const ours = (labels: Record<string, string> | undefined): boolean => labels?.['tidemark.test'] === cwd;
    return [
      ...containers.filter(({ Labels }) => ours(Labels)).map(({ Names }) => Names[0]),
      ...networks.filter(({ Labels }) => ours(Labels)).map(({ Name }) => Name),
    ];
  };

  /** Without disks: who is killed comes back empty, and its replica with it. */
  const compose = (from: string): string => `
x-redis: &redis
  image: ${from}
  entrypoint: [redis-server, --save, '', --appendonly, 'yes', --repl-diskless-sync-delay, '0', --protected-mode, 'no']
services:
  master:
    <<: *redis
    labels: { tidemark.node: n1, tidemark.port: 6379, tidemark.test: '${cwd}' }
    networks: { default: { ipv4_address: 198.19.213.11 } }
  replica:
    <<: *redis
    command: [--replicaof, master, '6379']
    labels: { tidemark.node: n2, tidemark.port: 6379, tidemark.test: '${cwd}' }
    networks: { default: { ipv4_address: 198.19.213.12 } }
networks:
  default:
    labels: { tidemark.test: '${cwd}' }
    ipam: { config: [{ subnet: 198.19.213.0/24 }] }
`;

  test('is started for a run, its nodes killed and paused, and is gone afterwards', async () => {
    const args = ['run', '--driver', driver, '--compose', file, '--duration', '12s', '--rate', '100'];
    const ran = await tidemark([...args, '--fault', 'kill,pause', '--seed', '2', '--json'], { cwd });
    const record = JSON.parse(ran.stdout) as {
      counts: Record<string, number>;
      faults: { fault: string; effect: Record<string, number> }[];
    };
    expect(record.counts['ok'], ran.stderr).toBeGreaterThan(100);
    expect(ran.stderr).not.toMatch(/went wrong/);
    const done = (what: string): number => record.faults.reduce((sum, { effect }) => sum + (effect[what] ?? 0), 0);
    expect(done('nodes killed') + done('nodes paused')).toBeGreaterThan(0);
    expect(record.counts['harness failures'] ?? 0).toBe(0);
    expect(await left()).toEqual([]);
  });

  test('comes to a verdict where kills and pauses meet on one node', async () => {
    const plan = join(cwd, 'meet.yaml');
    const streams = [
      '{ at: 500ms, fault: pause, target: n2, for: 5s }',
      '{ at: 1500ms, fault: kill, target: n2, for: 2s }', // while it is paused; its pause is healed in its next life
      '{ at: 7s, fault: pause, target: n1, for: 3s }',
      '{ at: 8s, fault: pause, target: n1, for: 1s }', // it is paused already
    ];
    writeFileSync(plan, `phases:\n  - faults: 12s\n    streams:\n${streams.map((one) => `      - ${one}\n`).join('')}`);
    const args = ['run', '--driver', driver, '--compose', file, '--rate', '50', '--plan', plan, '--json'];
    const ran = await tidemark(args, { cwd });
    expect([0, 1, 2], ran.stderr).toContain(ran.code);
    const { counts, faults } = JSON.parse(ran.stdout) as {
      counts: Record<string, number>;
      faults: { fault: string; targets: string[]; effect: Record<string, number> }[];
    };
    expect(counts['harness failures'] ?? 0).toBe(0);
    expect(faults.map(({ fault, targets, effect }) => ({ fault, targets, effect }))).toEqual([
      { fault: 'kill', targets: ['n2'], effect: { 'nodes killed': 1 } },
      { fault: 'pause', targets: ['n2'], effect: { 'nodes paused': 1, 'ended while paused': 1 } },
      { fault: 'pause', targets: ['n1'], effect: { 'nodes paused': 1 } },
      { fault: 'pause', targets: ['n1'], effect: { 'nodes paused': 1 } },
    ]);
    expect(await left()).toEqual([]);
  });

  test('that Compose does not take is one sentence, and leaves nothing', async () => {
    const bad = join(cwd, 'bad.yaml');
    writeFileSync(bad, readFileSync(file, 'utf8').replaceAll(image, 'no-such-image:at-all'));
    const ran = await tidemark(['run', '--driver', driver, '--compose', bad, '--duration', '1s'], { cwd });
    expect(ran.code, ran.stderr).toBe(254);
    expect(ran.stderr.trim().split('\n').at(-1)).toMatch(/^tidemark: --compose .*bad\.yaml: .*no-such-image/);
    expect(await left()).toEqual([]);
  });

  test('whose store ends is told by the node, how long it ran, and what it wrote last: 254', async () => {
    const bad = join(cwd, 'ends.yaml');
    const script = 'echo looks for a licence; echo no licence >&2; sleep 1; exit 3';
    const entrypoint = `entrypoint: [sh, -c, '${script}']`;
    writeFileSync(
      bad,
      readFileSync(file, 'utf8')
        .replace(/entrypoint: .*/, entrypoint)
        .replace(/command: .*/, ''),
    );
    const ran = await tidemark(['run', '--driver', driver, '--compose', bad, '--duration', '1s', '--quiet'], { cwd });
    expect(ran.code, ran.stderr).toBe(254);
    expect(ran.stderr).toMatch(
      /tidemark: --compose: the container of n\d has ended with code 3 after \d\.\d s\. It wrote last:\n(?=[^]*  looks for a licence\n)(?=[^]*  no licence\n)/,
    );
    expect(await left()).toEqual([]);
  });

  test('of a killed harness is removed by cleanup', async () => {
    const args = ['run', '--driver', driver, '--compose', file, '--duration', '200s', '--quiet'];
    const child = spawn(process.execPath, [asset('bin/tidemark.mjs'), ...args], { cwd, stdio: 'ignore' });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    const deadline = clock.now() + 100 * SECOND;
    while ((await left()).length < 3 && clock.now() < deadline) await clock.sleepUntil(clock.now() + 100 * MILLISECOND);
    child.kill('SIGKILL');
    await ended;
    expect(await left()).toHaveLength(3);
    const cleaned = await tidemark(['cleanup'], { cwd });
    expect(cleaned.code, cleaned.stderr).toBe(0);
    expect(await left()).toEqual([]);
  });
});
