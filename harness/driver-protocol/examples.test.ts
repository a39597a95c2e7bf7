/** The example drivers against real stores: the acceptance suite, and a run to its verdict. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MILLISECOND, realClock } from '../../history/clock.ts';
import { missing, need } from '../../test-support/need.ts';
import { tidemark } from '../../test-support/tidemark.ts';
import { asset } from '../entry.ts';
import { freePorts } from '../ports.ts';

const clock = realClock();

test.each(readdirSync(asset('examples/drivers')))('%s has below 100 lines', (file) => {
  const lines = readFileSync(asset(`examples/drivers/${file}`), 'utf8').split('\n').length - 1;
  expect(lines).toBeLessThan(100);
});

describe('with Redis, a master and a replica', { timeout: 300_000 }, () => {
  need('redis');
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-redis-'));
  const servers: ChildProcess[] = [];
  let endpoints: string[] = [];

  beforeAll(async () => {
    if (missing('redis') !== undefined) return;
    const [master, replica] = await freePorts(2);
    const quiet = [
      '--save',
      '',
      '--appendonly',
      'no',
      '--dir',
      folder,
      '--repl-diskless-sync-delay',
      '0',
      '--bind',
      '127.0.0.1',
    ];
    const start = (port: number, ...more: string[]): void =>
      void servers.push(spawn('redis-server', ['--port', String(port), ...quiet, ...more], { stdio: 'ignore' }));
    start(master);
    start(replica, '--replicaof', `127.0.0.1 ${master}`);
    for (let i = 0; !/master_link_status:up/.test(await info(replica)); i++) {
      if (i > 1000) throw new Error('the replica did not find its master');
      await clock.sleepUntil(clock.now() + 50 * MILLISECOND);
    }
    endpoints = [`--endpoint`, `n1=127.0.0.1:${master}`, '--endpoint', `n2=127.0.0.1:${replica}`];
  }, 120_000);
  afterAll(() => {
    for (const server of servers) server.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });

  test.each([
    ['redis.py', 'python3'],
    ['redis.sh', 'bash'],
    ['redis.go', 'go'],
  ] as const)('%s passes the acceptance suite, and a run comes to a verdict', async (file, interpreter) => {
    if (interpreter !== 'bash') need(interpreter);
    const driver = interpreter === 'go' ? built(folder, file) : `${interpreter} '${asset(`examples/drivers/${file}`)}'`;
    const checked = await tidemark(['driver', 'check', driver, ...endpoints], { cwd: folder });
    expect(checked.stdout, checked.stderr).not.toMatch(/FAILED|not shown/);
    expect(checked.code, checked.stderr).toBe(0);
    const ran = await tidemark(
      ['run', '--driver', driver, ...endpoints, '--duration', '4s', '--rate', '150', '--json'],
      {
        cwd: folder,
      },
    );
    const record = JSON.parse(ran.stdout) as {
      counts: Record<string, number>;
      cells: { guarantee: string; readPath: string; state: string }[];
    };
    expect(ran.stderr).not.toMatch(/went wrong/);
    expect(record.counts['ok']).toBeGreaterThan(50);
    expect(record.cells.filter(({ state }) => state === 'broken' || state === 'violated')).toEqual([]);
    expect(record.cells.some(({ guarantee, readPath }) => guarantee === 'linearizable' && readPath === 'master')).toBe(
      true,
    );
    expect(Object.keys(record.counts).filter((name) => name.startsWith('driver '))).toEqual([]);
  });

  test('a wrong endpoint is one sentence, and no password is in it', async () => {
    need('python3');
    const [nobody] = await freePorts(1);
    const driver = `python3 '${asset('examples/drivers/redis.py')}'`;
    const ran = await tidemark(
      ['run', '--driver', driver, '--endpoint', `n1=127.0.0.1:${nobody}`, '--duration', '1s'],
      {
        cwd: folder,
        env: { REDIS_PASSWORD: 'correct-horse' },
      },
    );
    expect(ran.code).toBe(254);
    expect(ran.stderr.trim().split('\n').at(-1)).toBe(
      `tidemark: n1 at 127.0.0.1:${nobody} cannot be used: ConnectionRefusedError: [Errno 111] Connection refused`,
    );
    const refused = await tidemark(['run', '--driver', driver, ...endpoints, '--duration', '1s'], {
      cwd: folder,
      env: { REDIS_PASSWORD: 'correct-horse' },
    });
    expect(refused.code).toBe(254);
    expect(refused.stderr).toMatch(/cannot be used: .*AUTH/);
    expect(refused.stdout + refused.stderr).not.toContain('correct-horse');
    const unchecked = await tidemark(['driver', 'check', driver, ...endpoints], {
      cwd: folder,
      env: { REDIS_PASSWORD: 'correct-horse' },
    });
    expect(unchecked.code).toBe(254);
    expect(unchecked.stderr).toMatch(/cannot be used: .*AUTH.*correct\?\n$/);
  });
});

/** A driver in Go, as its command. */
function built(folder: string, file: string): string {
  const program = join(folder, 'driver');
  const env = { ...process.env, GOCACHE: join(folder, 'go'), GOFLAGS: '' };
  execFileSync('go', ['build', '-o', program, asset(`examples/drivers/${file}`)], { env, stdio: 'pipe' });
  return `'${program}'`;
}

function info(port: number): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(port, '127.0.0.1', () => socket.end('INFO replication\r\n'));
    socket.on('data', (bytes) => (text += bytes.toString()));
    socket.on('error', () => resolve(''));
    socket.on('close', () => resolve(text));
  });
}
