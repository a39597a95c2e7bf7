/** What `tidemark cleanup` ends besides what environments left. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cleanUp } from './cleanup.ts';
import type { Io } from './command.ts';

test('what only a killed run used of the results database is removed, and named', async () => {
  const cwd = mkdtempSync(join(tmpdir(), 'tm-cleanup-'));
  const socket = mkdtempSync(join(tmpdir(), 'tidemark-'));
  try {
    const postgres = join(cwd, '.tidemark', 'postgres');
    mkdirSync(join(postgres, 'users'), { recursive: true });
    writeFileSync(join(postgres, 'users', '4194304000-1-1'), ''); // no machine has such a pid
    writeFileSync(join(postgres, 'server'), `4194304000-1\n${socket}\n`);
    const said: string[] = [];
    const io = { cwd, env: {}, out: (text: string) => said.push(text), err: () => undefined } as unknown as Io;
    const options = { images: false, settings: new Map<string, string>(), json: false };
    const what = `the process 4194304000, PostgreSQL of .tidemark/postgres, which nobody used, and the folder ${socket}\n`;
    await cleanUp({ ...options, dryRun: true }, io);
    expect([said.at(-1), existsSync(socket)]).toEqual([`would remove ${what}`, true]);
    await cleanUp({ ...options, dryRun: false }, io);
    expect([said.at(-1), existsSync(socket)]).toEqual([`removed ${what}`, false]);
  } finally {
    rmSync(cwd, { recursive: true });
    rmSync(socket, { recursive: true, force: true });
  }
});
