import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { missing, need } from '../../../test-support/need.ts';
import { until } from '../testing.ts';
import { lockFolder } from './lock.ts';
import { claimBySocket, type Claimed } from './lock-socket.ts';
import { removeFolders, temporaryFolder } from './testdata/harness.ts';

/** As somebody does who saw the name when nobody listened there yet. */
const removing = vi.hoisted(() => ({ times: 0 }));
vi.mock('node:fs', async (original) => {
  const real = await original<typeof import('node:fs')>();
  const readdirSync = (folder: string): string[] => {
    if (removing.times > 0) {
      removing.times--;
      for (const name of real.readdirSync(folder)) real.rmSync(`${folder}/${name}`);
    }
    return real.readdirSync(folder);
  };
  return { ...real, readdirSync };
});

const isLinux = process.platform === 'linux';
const sockets = (folder: string): string[] => readdirSync(folder).filter((name) => name.endsWith('.socket'));

/** Leaves sockets behind as processes do that are killed, and copies of a folder. */
function leave(folder: string, names: readonly string[]): void {
  const program = `for (const name of process.argv.slice(1)) require('node:net').createServer().listen(name);
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), 50);`;
  spawnSync(process.execPath, ['-e', program, ...names], { cwd: folder });
}

afterEach(removeFolders);

describe.runIf(isLinux)('the socket in a folder', () => {
  test('of a process that is gone hinders nobody, and is removed', async () => {
    // A longer path than the address of a socket may be.
    const folder = join(temporaryFolder(), 'x'.repeat(200));
    mkdirSync(folder);
    const left = ['lock-0000000000000000.socket', 'lock-1111111111111111.socket'];
    leave(folder, left);
    expect(sockets(folder)).toEqual(left);
    const said: string[] = [];
    const unlock = await lockFolder(folder, (_, sentence) => void said.push(sentence));
    expect(sockets(folder)).toHaveLength(1);
    expect(left).not.toContain(sockets(folder)[0]);
    expect(said).toEqual([]);
    await unlock();
    expect(readdirSync(folder)).toEqual([]);
  });

  test('keeps out whoever does not see the other locks', async () => {
    const folder = temporaryFolder();
    const first = (await claimBySocket(folder)) as Claimed; // nobody else is there
    expect(await claimBySocket(folder)).toBe('taken');
    await expect(lockFolder(folder)).rejects.toThrow(`${folder} is in use by another process`);
    expect(sockets(folder)).toHaveLength(1);
    await first.release();
    const unlock = await lockFolder(folder);
    await unlock();
  });

  test('is of one at most of many that start at once', async () => {
    const folder = temporaryFolder();
    leave(folder, ['lock-0000000000000000.socket']);
    for (let round = 0; round < 20; round++) {
      const claims = await Promise.all(Array.from({ length: 4 }, () => claimBySocket(folder)));
      const ours = claims.filter((claim) => claim !== 'taken');
      expect(ours.length).toBeLessThanOrEqual(1);
      for (const claim of ours) await claim.release();
    }
    expect(sockets(folder)).toEqual([]);
  });

  test('that was removed before it listened is replaced by another', async () => {
    const folder = temporaryFolder();
    removing.times = 2;
    const claim = (await claimBySocket(folder)) as Claimed; // nobody else is there
    expect(removing.times).toBe(0);
    expect(claim.lacking).toBeUndefined();
    expect(sockets(folder)).toHaveLength(1);
    expect(await claimBySocket(folder)).toBe('taken');
    await claim.release();
  });

  test('is missed in the log where it cannot be made', async () => {
    const folder = temporaryFolder();
    removing.times = 5;
    const said: string[] = [];
    const unlock = await lockFolder(folder, (level, sentence) => void said.push(`${level}: ${sentence}`));
    expect(said).toEqual([expect.stringMatching(/^warning: .* processes in other containers are not kept out\.$/)]);
    await unlock();
  });
});

describe('a process in namespaces of its own', () => {
  need('namespaces');
  let child: ChildProcess | undefined;
  afterEach(() => child?.kill('SIGKILL'));

  test('is refused the folder of another, and keeps others out of its own', async () => {
    if (missing('namespaces') !== undefined) return;
    const bin = fileURLToPath(new URL('../../../bin/tidemark-store.mjs', import.meta.url));
    const folder = join(temporaryFolder(), 'dd');
    const node = ['--node', 'n1', '--data', folder, '--listen', '127.0.0.1:0', '--admin', 'off'];
    const alone = ['-Urnpf', '--mount-proc', '--kill-child', process.execPath, bin, ...node];
    const ended = (): { readonly status: number | null; readonly stderr: string } =>
      spawnSync('unshare', alone, { encoding: 'utf8', timeout: 10_000, killSignal: 'SIGKILL' });
    const unlock = await lockFolder(mkdirSync(folder) ?? folder);
    const refused = ended();
    await unlock();
    expect(refused.stderr).toContain(`${folder} is in use by another process`);
    expect(refused.status).toBe(254);
    let log = '';
    const running = spawn('unshare', alone, { stdio: ['ignore', 'ignore', 'pipe'] });
    child = running;
    running.stderr.on('data', (text: Buffer) => (log += text.toString()));
    await until('it to listen', () => log.includes('listens on port'));
    await expect(lockFolder(folder)).rejects.toThrow(`${folder} is in use by another process`);
    const second = ended();
    expect(second.stderr).toContain(`${folder} is in use by another process`);
    expect(second.status).toBe(254);
    running.kill('SIGKILL');
    await until('its lock to be let go of', () => lockFolder(folder).then((one) => one().then(() => true)));
  });
});
