/** `tidemark doctor` as users meet it: the program from dist, on a real engine, interrupted, and without one. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Docker from 'dockerode';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { missing, need } from '../../test-support/need.ts';
import { buildFirst, tidemark } from '../../test-support/tidemark.ts';
import { asset } from '../entry.ts';
import { prepared } from '../environments/docker/deploy.ts';
import environment from '../environments/docker/index.ts';
import { labels } from '../environments/docker/owner.ts';
import type { Echoes } from './probe.ts';

const docker = new Docker();
let cwd: string;

beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'tm-doctor-'));
  buildFirst();
  if (missing('docker') === undefined) await prepared(new Map());
}, 600_000);
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

async function left(run: string): Promise<readonly string[]> {
  const filters = { label: [`${labels.run}=${run}`] };
  const [containers, volumes, networks] = await Promise.all([
    docker.listContainers({ all: true, filters }),
    docker.listVolumes({ filters }),
    docker.listNetworks({ filters }),
  ]);
  return [
    ...containers.map(({ Id }) => Id),
    ...volumes.Volumes.map(({ Name }) => Name),
    ...networks.map(({ Id }) => Id),
  ];
}

const runOf = (stderr: string): string => /containers of (\S+) are up/.exec(stderr)?.[1] ?? 'none';

interface Line {
  readonly type: string;
  readonly check?: string;
  readonly state?: string;
  readonly lever: string;
  readonly what: string;
  readonly outcome: string;
  readonly why?: string;
  readonly seen: { readonly before: unknown; readonly during: unknown; readonly after: unknown };
}

describe('tidemark doctor', () => {
  need('docker');

  test('sees every lever act and be undone, by what is not the lever, and leaves nothing', async () => {
    const ended = await tidemark(['doctor', '--json'], { cwd });
    const lines = ended.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Line);
    const rows = lines.filter(({ type }) => type === 'lever');
    expect(rows.filter(({ outcome }) => outcome !== 'works')).toEqual([]);
    expect([ended.code, ended.stderr.match(/tidemark: .*/)?.[0]]).toEqual([0, undefined]);
    expect(new Set(rows.map(({ lever }) => lever))).toEqual(new Set(environment.levers));
    const checks = new Map(lines.map(({ check, state }) => [check, state]));
    expect([checks.get('Docker engine'), checks.get('NFQUEUE'), checks.get('shim tm-io.so')]).toEqual([
      'ok',
      'ok',
      'ok',
    ]);

    const seen = <T>(lever: string, what = ''): { before: T; during: T; after: T } => {
      const row = rows.find((one) => one.lever === lever && one.what.includes(what));
      return row?.seen as { before: T; during: T; after: T }; // what the probe says; compared below
    };
    const calm = { there: 20, back: 20, connection: 'connects' };
    expect(seen('cut')).toEqual({ before: calm, during: { there: 0, back: 20, connection: 'times out' }, after: calm });
    const middle = ({ ms }: Echoes): number => [...ms].sort((a, b) => a - b)[ms.length >> 1];
    const delay = seen<Echoes>('shape', 'delay');
    expect(middle(delay.during) - middle(delay.before)).toBeGreaterThanOrEqual(45);
    expect(middle(delay.after)).toBeLessThan(45);
    const loss = seen<Echoes>('shape', 'loss');
    expect([loss.before, loss.after].map(({ order }) => order.length)).toEqual([200, 200]);
    expect(loss.during.order.length).toBeLessThan(180);
    expect(seen<Echoes>('shape', 'duplication').during.order.length).toBeGreaterThan(220);
    const rate = seen<{ bytes: number; ms: number }>('throttle');
    expect(rate.during.bytes / rate.during.ms).toBeLessThan(130);
    expect(rate.after.bytes / rate.after.ms).toBeGreaterThan(300);
    expect(seen('cutClients', 'requests').during).toEqual({ client: false, node: 'connects' });
    expect(seen('cutClients', 'answers').during).toEqual({ client: false, node: 'connects' });
    const killed = seen<{ pid: number } | undefined>('kill');
    expect(killed.during).toBeUndefined();
    expect(killed.after?.pid).not.toBe(killed.before?.pid);
    const paused = seen<{ pid: number; state: string }>('pause');
    expect([paused.during.state, paused.after.pid]).toEqual(['T', paused.before.pid]);
    const clock = seen<{ ms: number }>('clock', 'ahead');
    expect(Math.abs(clock.during.ms - 3_600_000)).toBeLessThan(1000);
    expect(Math.abs(clock.after.ms)).toBeLessThan(1000);
    const slow = seen<number>('slowDisk');
    expect([slow.during >= 80, slow.after < slow.during]).toEqual([true, true]);
    expect(seen('fillDisk').during).toEqual({ write: 'ENOSPC', read: 'well' });
    expect(seen('failDisk', 'writes').during).toEqual({ write: 'EIO', read: 'well' });
    expect(seen('failDisk', 'reads').during).toEqual({ write: 'well', read: 'EIO' });
    expect(seen<{ bytes: number }>('cutPower').during.bytes).toBeLessThan(15_000);
    expect(seen<{ share: number }>('squeeze', 'processors').during.share).toBeLessThan(0.08);

    expect(await left(runOf(ended.stderr))).toEqual([]);
  }, 240_000);

  test('leaves nothing when it is interrupted, and tells what it has seen', async () => {
    const child = spawn(process.execPath, [asset('bin/tidemark.mjs'), 'doctor', '--lever', 'pause,kill,cut,slowDisk'], {
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => void (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      const was = runOf(stderr);
      stderr += text;
      if (was === 'none' && runOf(stderr) !== 'none') child.kill('SIGINT');
    });
    const code = await new Promise((resolve) => child.on('close', resolve));
    expect([code, stderr]).toEqual([2, expect.stringContaining('healing and removing what was made')]);
    expect(stdout).toMatch(/\d of \d work/);
    expect(await left(runOf(stderr))).toEqual([]);
  }, 120_000);

  test('does not know every lever', async () => {
    const ended = await tidemark(['doctor', '--lever', 'paus'], { cwd });
    expect([ended.code, ended.stderr]).toEqual([
      254,
      expect.stringMatching(/^tidemark: There is no lever 'paus'\. Did you mean 'pause'\? Valid: cut, shape, /),
    ]);
  });
});

test('without an engine, the doctor looks at the machine alone and says so', async () => {
  const env = { DOCKER_HOST: 'unix:///nowhere/docker.sock' };
  const ended = await tidemark(['doctor'], { cwd, env });
  const sentence =
    'No Docker engine answers at unix:///nowhere/docker.sock (ENOENT): start one, or say in DOCKER_HOST where it is.';
  expect([ended.code, ended.stderr]).toEqual([254, `tidemark: no lever was tried. ${sentence}\n`]);
  expect(ended.stdout).toMatch(/^Docker engine +missing +No Docker engine answers at .*To install: /m);
  expect(ended.stdout).toMatch(/^PostgreSQL +(?:ok|missing) /m);
  const json = await tidemark(['doctor', '--json'], { cwd, env });
  expect(json.code).toBe(254);
  expect(JSON.parse(json.stdout.trim().split('\n').at(-1) ?? '')).toEqual({
    schema: 1,
    type: 'untried',
    why: sentence,
  });
});
