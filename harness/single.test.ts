import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { runIds } from '../results/files.ts';
import type { Io } from './command.ts';
import { runCommand, type RunFlags } from './run-command.ts';

const flags: RunFlags = {
  system: 'reference',
  env: 'simulation',
  workload: [],
  fault: ['none'],
  seed: '1',
  duration: '1s',
  nodes: '3',
  load: 'open',
  rate: '50',
  readPath: [],
  writePath: [],
  guarantee: [],
  set: [],
  label: [],
  report: [],
  keep: 'failed',
  database: false,
  json: true,
};

it('a run without a database asks for none, and keeps its files', async () => {
  const cwd = mkdtempSync(join(tmpdir(), 'tidemark-single-test-'));
  const said = { out: '', err: '' };
  const io = {
    out: (text: string) => void (said.out += text),
    err: (text: string) => void (said.err += text),
    cwd,
    env: { TIDEMARK_DATABASE_URL: 'postgres://127.0.0.1:1/none' },
    terminal: { out: false, err: false },
    colour: { out: false, err: false },
  } as unknown as Io;
  await runCommand(flags, io, () => true);
  expect(said.err).toBe('');
  const { id } = JSON.parse(said.out) as { readonly id: string };
  expect(runIds(join(cwd, '.tidemark'))).toEqual([id]);
  expect(existsSync(join(cwd, '.tidemark/postgres'))).toBe(false);
  await expect(runCommand({ ...flags, storeJournal: true }, io, () => true)).rejects.toThrow(
    '--store-journal puts the journal into the database: it does not go with --no-database.',
  );
  rmSync(cwd, { recursive: true });
});
