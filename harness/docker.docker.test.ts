/** `--env docker` as users meet it: the program from dist, killed and not. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Docker from 'dockerode';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MILLISECOND, realClock, SECOND } from '../history/clock.ts';
import { missing, need } from '../test-support/need.ts';
import { buildFirst, tidemark } from '../test-support/tidemark.ts';
import { asset } from './entry.ts';
import { prepared } from './environments/docker/deploy.ts';
import { labels } from './environments/docker/owner.ts';

const clock = realClock();
const docker = new Docker();
let cwd: string;

beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'tm-docker-run-'));
  if (missing('docker') !== undefined) return;
  buildFirst();
  await prepared(new Map());
}, 600_000);
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

/** Containers, volumes and networks of all runs that begin with this. */
async function ofRun(run: string): Promise<readonly string[]> {
  const filters = { label: [labels.run] };
  const [containers, volumes, networks] = await Promise.all([
    docker.listContainers({ all: true, filters }),
    docker.listVolumes({ filters }),
    docker.listNetworks({ filters }),
  ]);
  const names = [
    ...containers.map(({ Names }) => Names[0]),
    ...volumes.Volumes.map(({ Name }) => Name),
    ...networks.map(({ Name }) => Name),
  ];
  return names.filter((name) => name.includes(run));
}

function runs(): readonly string[] {
  const folder = join(cwd, '.tidemark', 'runs');
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => !name.startsWith('.'))
    .sort();
}

const small = ['--env', 'docker', '--write-path', 'quorum-ack', '--read-path', 'leader,follower'];

/** Starts a run and waits until its clients are driven. */
async function started(...args: string[]): Promise<{ readonly run: string; kill(): Promise<void> }> {
  const before = new Set(runs());
  const child = spawn(process.execPath, [asset('bin/tidemark.mjs'), 'run', ...args], { cwd, stdio: 'ignore' });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const deadline = clock.now() + 100 * SECOND;
  for (;;) {
    const run = runs().find((name) => !before.has(name));
    if (run !== undefined && /"phase","value":"faults"/.test(journalOf(run))) {
      return {
        run,
        kill: () => {
          child.kill('SIGKILL');
          return ended;
        },
      };
    }
    if (clock.now() > deadline) {
      child.kill('SIGKILL');
      throw new Error('the run did not start');
    }
    await clock.sleepUntil(clock.now() + 100 * MILLISECOND);
  }
}

function journalOf(run: string): string {
  try {
    return readFileSync(join(cwd, '.tidemark', 'runs', run, 'journal.jsonl'), 'utf8');
  } catch {
    return ''; // not begun
  }
}

describe('tidemark run --env docker', () => {
  need('docker');

  test('judges a run with faults as in simulation, counts what they did, and leaves nothing', async () => {
    const faults = 'one-way-cut,kill-random,split-majority';
    const ended = await tidemark(['run', ...small, '--duration', '15s', '--fault', faults, '--seed', '3'], { cwd });
    expect([ended.code, ended.stderr.match(/went wrong.*/)?.[0]]).toEqual([0, undefined]);
    expect(ended.stdout).toMatch(/verdict {2}KEPT/);
    expect(ended.stdout).toMatch(/quorum-ack +leader +kept/);
    expect(ended.stdout).toMatch(/(?:one-way-cut|split-majority) +[1-9]\d* +[\d,]+ packets dropped/);
    expect(ended.stdout).toMatch(/kill-random +[1-9]\d* +[1-9]\d* nodes? killed/);
    const [run] = runs().slice(-1);
    expect(readdirSync(join(cwd, '.tidemark', 'runs', run, 'nodes')).sort()).toEqual(['n1.log', 'n2.log', 'n3.log']);
    expect(await ofRun(run)).toEqual([]);
  }, 120_000);

  test('a killed harness leaves what cleanup removes, a living one keeps its own, and the journal is judged', async () => {
    const living = await started(...small, '--duration', '300s', '--fault', 'one-way-cut');
    try {
      const dead = await started(...small, '--duration', '300s', '--fault', 'one-way-cut');
      await dead.kill();
      expect((await ofRun(dead.run)).length).toBe(7);
      const dry = await tidemark(['cleanup', '--dry-run'], { cwd });
      expect([dry.code, dry.stdout.match(/would remove/g)?.length]).toEqual([0, 7]);
      expect((await ofRun(dead.run)).length).toBe(7);
      const cleaned = await tidemark(['cleanup', '--json'], { cwd });
      const lines = cleaned.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { readonly run: string });
      expect(lines.map(({ run }) => run)).toEqual(Array(7).fill(dead.run));
      expect(await ofRun(dead.run)).toEqual([]);
      expect((await ofRun(living.run)).length).toBe(7);
      const journal = join(cwd, '.tidemark', 'runs', dead.run, 'journal.jsonl');
      const judged = await tidemark(['check', journal, '--guarantee', 'read-your-writes'], { cwd });
      expect(judged.stdout).toMatch(/read-your-writes (?:valid|invalid)/);
    } finally {
      await living.kill();
    }
    // The next run's start finds the other one.
    const next = await tidemark(['run', ...small, '--duration', '1500ms', '--fault', 'none', '--quiet'], { cwd });
    expect(next.stderr).toContain('removed what interrupted runs had left');
    expect(await ofRun(living.run)).toEqual([]);
  }, 400_000);

  test('settings that the store refuses are the user’s to mend', async () => {
    const set = ['--set', 'election-ms=50', '--set', 'heartbeat-ms=40'];
    const ended = await tidemark(['run', ...small, ...set, '--quiet'], { cwd });
    expect(ended.code).toBe(254);
    expect(ended.stderr).toMatch(
      /tidemark: the cluster did not start: n\d ended by itself after [\d.]+ s: code 254: tidemark-store: --election-ms must be at least twice --heartbeat-ms\.\n$/,
    );
  }, 60_000);

  test('an image that is not to be had is named', async () => {
    const ended = await tidemark(['run', ...small, '--set', 'base-image=tidemark.invalid/nothing:1'], { cwd });
    expect(ended.code).toBe(254);
    expect(ended.stderr).toMatch(
      /\ntidemark: The image tidemark\.invalid\/nothing:1 cannot be pulled \(.+\): --set base-image names one that can, or is on the engine\.\n$/s,
    );
    const own = ['--system', 'redis', '--fault', 'none', '--set', 'image=tidemark.invalid/nothing:1'];
    const other = await tidemark(['run', '--env', 'docker', '--duration', '1s', ...own], { cwd });
    expect(other.code).toBe(254);
    expect(other.stderr).toMatch(/\ntidemark: The image .+ cannot be pulled \(.+\): --set image names one that can/s);
  }, 60_000);
});

describe('without an engine', () => {
  const env = { DOCKER_HOST: 'unix:///nowhere/docker.sock' };
  const sentence =
    'No Docker engine answers at unix:///nowhere/docker.sock (ENOENT): start one, or say in DOCKER_HOST where it is.\n';

  test('a run is refused before it starts', async () => {
    const before = readdirSync(cwd).length;
    const ended = await tidemark(['run', '--env', 'docker'], { cwd, env });
    expect([ended.code, ended.stderr]).toEqual([254, `tidemark: ${sentence}`]);
    expect(readdirSync(cwd).length).toBe(before);
  });

  test('cleanup says that nobody looked', async () => {
    const ended = await tidemark(['cleanup'], { cwd, env });
    expect([ended.code, ended.stdout, ended.stderr]).toEqual([
      254,
      '',
      `tidemark: docker: nothing was looked for. ${sentence}`,
    ]);
  });
});
