import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createRunFolder, writeRunFiles } from '../../results/files.ts';
import { sampleRecord } from '../../test-support/sample-record.ts';
import type { Io } from '../command.ts';
import { exportRuns } from './export.ts';
import { prune } from './prune.ts';
import { sql } from './sql.ts';

let cwd: string;
let said: { out: string; err: string; readonly codes: number[] };

beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'tm-away-'));
  said = { out: '', err: '', codes: [] };
});

afterEach(() => rmSync(cwd, { recursive: true, force: true }));

/** Where the database cannot be had. */
function away(): Io {
  return {
    out: (text) => void (said.out += text),
    err: (text) => void (said.err += text),
    drained: () => Promise.resolve(),
    stdin: process.stdin,
    env: { TIDEMARK_DATABASE_URL: 'postgres://127.0.0.1:1/x' },
    cwd,
    terminal: { out: false, err: false },
    colour: { out: false, err: false },
    argv: [],
    exit: (code) => void said.codes.push(code),
  };
}

test('without the database, runs in files are exported by name, and all runs are not', async () => {
  const record = sampleRecord();
  writeRunFiles(createRunFolder(join(cwd, '.tidemark'), record.id), record, 'the report\n');
  const options = { output: 'runs.tidemark', journal: false, json: false };
  await expect(exportRuns([], options, away())).rejects.toThrow(
    'What is in the database cannot be seen now, so not all runs can be exported; those in files can be named.',
  );
  expect(existsSync(join(cwd, 'runs.tidemark'))).toBe(false);
  await exportRuns([record.id], options, away());
  expect(said).toMatchObject({ out: '1 run and 0 journals in runs.tidemark\n', codes: [0] });
});

test('without the database, nothing is pruned', async () => {
  const flags = { olderThan: '0h', keep: [], yes: true } as const;
  await expect(prune(flags, away())).rejects.toThrow(
    'What is in the database cannot be seen now; nothing was removed.',
  );
});

test.each(['0s', '0ms', '0.999ms', 'long'])('sql --timeout %s would be no limit, and is refused', async (timeout) => {
  await expect(sql('select 1', { timeout }, away())).rejects.toThrow(
    `--timeout ${timeout}: a time from 1ms on is needed, such as 30s or 5m.`,
  );
});

test('sql --timeout 1ms is a limit', async () => {
  await expect(sql('select 1', { timeout: '1ms' }, away())).rejects.toThrow("can't be used");
});
