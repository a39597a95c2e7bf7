import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sleep } from '../clock.ts';
import { lockFolder } from './lock.ts';

let folder: string;
let shell: ChildProcess | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tm-lock-'));
});

afterEach(() => {
  shell?.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

/** A process that has ended, whose parent does not ask after it. */
async function zombie(): Promise<number> {
  const parent = spawn('sh', ['-c', 'sleep 0.2 & echo $!; exec sleep 30'], { stdio: ['ignore', 'pipe', 'ignore'] });
  shell = parent;
  const pid = await new Promise<number>((resolve) => parent.stdout.once('data', (text) => resolve(Number(text))));
  while (!/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))) await sleep(5);
  return pid;
}

test.runIf(process.platform === 'linux')('a killed process that nobody has asked after holds no lock', async () => {
  const pid = await zombie();
  const started = Number(readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ')[19]);
  const { dev, ino } = statSync(folder, { bigint: true });
  const claim = (of: number, since: number): void =>
    writeFileSync(join(folder, 'lock'), JSON.stringify({ pid: of, started: since, folder: `${dev}-${ino}` }));
  claim(pid, started);
  const unlock = await lockFolder(folder);
  await unlock();
  const alive = shell?.pid ?? 0;
  claim(alive, Number(readFileSync(`/proc/${alive}/stat`, 'latin1').split(') ')[1]?.split(' ')[19]));
  await expect(lockFolder(folder)).rejects.toThrow(`${folder} is in use by process ${alive}.`);
});
