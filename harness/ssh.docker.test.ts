/** `--env ssh` as users meet it: the program from dist, on containers that run sshd. */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { missing, need } from '../test-support/need.ts';
import { keyPair } from './environments/ssh/testing-keys.ts';
import { buildFirst, type Ended, tidemark } from '../test-support/tidemark.ts';
import { SECOND } from '../history/clock.ts';
import { asset } from './entry.ts';
import { flags, killAgents, type Machines, machines, traces, until } from './environments/ssh/testing-machines.ts';

let cwd: string;
let all: Machines;

beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'tm-ssh-run-'));
  if (missing('docker') !== undefined) return;
  buildFirst();
  all = await machines(3);
  // Two have a Node of their own, one is given ours.
  for (const i of [0, 1]) all.on(i, 'ln', '-s', '/opt/node-of-others/node', '/usr/local/bin/node');
}, 600_000);
afterAll(() => {
  if (missing('docker') === undefined) all.remove();
  rmSync(cwd, { recursive: true, force: true });
});

const small = ['--write-path', 'quorum-ack', '--read-path', 'leader,follower', '--set', 'sessions=24', '--rate', '150'];

function run(settings: Readonly<Record<string, string>>, ...args: readonly string[]): Promise<Ended> {
  return tidemark(['run', '--env', 'ssh', ...flags(settings), ...small, ...args], { cwd });
}

/** That a run is refused before it starts, in this sentence, and nothing was done. */
async function refused(
  settings: Readonly<Record<string, string>>,
  why: RegExp,
  ...args: readonly string[]
): Promise<void> {
  const before = readdirSync(cwd).length;
  const ended = await run(settings, ...args);
  expect(ended.stderr).toMatch(why);
  expect([ended.code, ended.stdout, ended.stderr.split('\n').length]).toEqual([254, '', 2]);
  expect(readdirSync(cwd).length).toBe(before);
}

/** A run with a link cut, in a process of its own. */
async function cutOff(): Promise<{ readonly stop: () => void; readonly kill: () => void }> {
  const args = ['run', '--env', 'ssh', ...flags(all.settings('tide')), ...small, '--nodes', '2', '--duration', '200s'];
  const child = spawn(process.execPath, [asset('bin/tidemark.mjs'), ...args, '--fault', 'one-way-cut'], {
    cwd,
    stdio: 'ignore',
  });
  try {
    const cut = async (): Promise<true | undefined> =>
      tracesOfAll().some((text) => / -j DROP/.test(text)) ? true : undefined;
    await until('a cut', cut, 200 * SECOND);
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
  return { stop: () => void child.kill('SIGSTOP'), kill: () => void child.kill('SIGKILL') };
}

const tracesOfAll = (): readonly string[] => all.names.map((_, i) => traces(all, i));

describe('tidemark run --env ssh', () => {
  need('docker');

  test('a key that is not known is shown and refused, and so is another than is known', async () => {
    const known = readFileSync(join(all.folder, 'known_hosts'), 'utf8').split('\n');
    const less = join(all.folder, 'less');
    writeFileSync(less, `${known.slice(1).join('\n')}\n`);
    const scan = `'ssh-keyscan -p 22 ${all.addresses[0]} >>${less}' adds it`;
    const unknown = `^tidemark: The key of root@${all.addresses[0]} is not in ${less}: it shows ssh-ed25519 SHA256:\\S{43}; .*${scan}\\.\n$`;
    await refused({ ...all.settings(), 'known-hosts': less }, new RegExp(unknown));
    const other = join(all.folder, 'other');
    writeFileSync(other, `# a line\n${all.addresses[1]} ${keyPair().public}\n${known.join('\n')}`);
    writeFileSync(other, readFileSync(other, 'utf8').replace(`${known[1]}\n`, ''));
    const changed = `^tidemark: root@${all.addresses[1]} shows another key than ${other}:2 has of it, so somebody may be in between: `;
    await refused({ ...all.settings(), 'known-hosts': other }, new RegExp(changed));
    expect(tracesOfAll()).toEqual(['', '', '']);
  }, 60_000);

  test('a login, a machine or a folder that is not to be had is named', async () => {
    const stranger = keyPair();
    const key = join(all.folder, 'stranger');
    writeFileSync(key, stranger.private, { mode: 0o600 });
    await refused({ ...all.settings(), key }, /^tidemark: root@\S+ does not let root in: \S+stranger was tried\.\n$/);
    const nobody = { ...all.settings(), hosts: `root@127.0.0.1:1,${all.settings()['hosts']}` };
    await refused(
      nobody,
      /^tidemark: No SSH server answers at 127\.0\.0\.1:1 \(ECONNREFUSED\): start sshd there, or name another port\.\n$/,
    );
    all.on(2, 'sh', '-c', 'mkdir -p /srv/data && echo mine >/srv/data/file');
    const folder =
      /^tidemark: root@\S+ has a folder \/srv\/data that is not ours to use \(it holds 'file', which is no run's\): --set folder=PATH names another\.\n$/;
    await refused({ ...all.settings(), folder: '/srv/data' }, folder);
    expect(all.on(2, 'cat', '/srv/data/file')).toBe('mine');
    await refused(all.settings(), /^tidemark: --nodes 5 needs as many machines, and 3 are named\.\n$/, '--nodes', '5');
  }, 60_000);

  test('what a user may not do is refused by name before the run, and the rest is done', async () => {
    const plain = all.settings('plain');
    await refused(
      plain,
      /^tidemark: The fault 'isolate-leader' cannot be done: it needs cut, which this machine does not offer \(plain@\S+: no root: sudo: a password is required\)\.\n$/,
      '--fault',
      'isolate-leader',
    );
    const ended = await run(plain, '--fault', 'kill-random,slow-disk', '--duration', '8s');
    // So short a run may stay undecided.
    expect([0, 2], ended.stderr).toContain(ended.code);
    expect(ended.stdout).toMatch(/kill-random +[1-9]\d* +[1-9]\d* nodes? killed/);
    expect(ended.stdout).toMatch(/slow-disk +[1-9]\d* +[1-9]\d* syncs delayed/);
    expect(tracesOfAll()).toEqual(['', '', '']);
  }, 120_000);

  test('judges a run with faults, by sudo, counts what they did, and leaves nothing', async () => {
    const faults = 'one-way-cut,slow-link,kill-random,clients-cut-off,narrow-link';
    const ended = await run(all.settings('tide'), '--duration', '20s', '--fault', faults, '--seed', '3');
    expect([ended.code, ended.code === 0 ? '' : ended.stderr]).toEqual([0, '']);
    expect(ended.stdout).toMatch(/verdict {2}KEPT/);
    expect(ended.stdout).toMatch(/quorum-ack +leader +kept/);
    expect(ended.stdout).toMatch(/one-way-cut +[1-9]\d* +[\d,]+ packets dropped/);
    expect(ended.stdout).toMatch(/slow-link +[1-9]\d* +[\d,]+ packets delayed/);
    expect(ended.stdout).toMatch(/kill-random +[1-9]\d* +[1-9]\d* nodes? killed/);
    const folder = join(cwd, '.tidemark', 'runs');
    const [last] = readdirSync(folder).sort().slice(-1);
    expect(readdirSync(join(folder, last, 'nodes')).sort()).toEqual(['n1.log', 'n2.log', 'n3.log']);
    expect(tracesOfAll()).toEqual(['', '', '']);
    expect(readdirSync(join(cwd, '.tidemark'))).not.toContain('ssh');
  }, 180_000);

  test('kill -9 of the harness: agents undo everything; where they are killed too, cleanup does', async () => {
    const register = join(cwd, '.tidemark', 'ssh');
    const rules = (): readonly string[] => tracesOfAll().filter((text) => / -j DROP/.test(text));
    const first = await cutOff();
    first.kill();
    await until(
      'the agents to have undone everything',
      async () => (tracesOfAll().join('') === '' ? true : undefined),
      40 * SECOND,
    );
    const { code, stdout } = await tidemark(['cleanup'], { cwd });
    expect([code, existsSync(register)]).toEqual([0, false]);
    expect(stdout).toMatch(/nothing was left behind|removed the (?:folder|process)/);

    const second = await cutOff();
    // They undo everything as soon as the harness is gone, and it does as soon as they are: neither gets to it.
    second.stop();
    for (const i of all.names.keys()) killAgents(all, i);
    second.kill();
    expect(rules().length).toBeGreaterThan(0);
    const dry = await tidemark(['cleanup', '--dry-run'], { cwd });
    expect([
      dry.code,
      dry.stdout.match(/^would remove the folder tide@\S+:\/var\/tmp\/tidemark\/\S+$/gm)?.length,
    ]).toEqual([0, 2]);
    expect(rules().length).toBeGreaterThan(0);
    // From elsewhere, where nothing is known of it.
    const elsewhere = join(cwd, 'elsewhere');
    mkdirSync(elsewhere);
    const nothing = await tidemark(['cleanup'], { cwd: elsewhere });
    expect(nothing.stdout).not.toContain('tide@');
    expect(rules().length).toBeGreaterThan(0);
    const named = await tidemark(['cleanup', ...flags(all.settings('tide'))], { cwd: elsewhere });
    expect([named.code, named.stdout.match(/^removed the folder tide@/gm)?.length]).toEqual([0, 2]);
    expect(tracesOfAll()).toEqual(['', '', '']);
    expect((await tidemark(['cleanup'], { cwd })).code).toBe(0);
    expect(existsSync(register)).toBe(false);
  }, 600_000);
});
