import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { need } from '../test-support/need.ts';
import { sampleRecord } from '../test-support/sample-record.ts';
import { openDatabase } from './database.ts';
import {
  createRunFolder,
  findRunFile,
  listRunFiles,
  newRunId,
  readRun,
  runIds,
  unfinishedIds,
  writePlan,
  writeRunFiles,
} from './files.ts';
import type { RunRecord } from './record.ts';
import { saveRun } from './save.ts';
import { openStoredRuns } from './stored.ts';

let folder: string;

beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'tm-files-')), '.tidemark');
});

afterEach(() => rmSync(join(folder, '..'), { recursive: true, force: true }));

function write(changes: Partial<RunRecord>): RunRecord {
  const record = sampleRecord(changes);
  writeRunFiles(createRunFolder(folder, record.id), record, 'the report\n');
  return record;
}

const older = { id: '20261120-000000-000-aaaaaa', createdAt: '2026-11-20T00:00:00.000Z', labels: { kind: 'nightly' } };
const newer = { id: '20261121-000000-000-aaaaaa', createdAt: '2026-11-21T00:00:00.000Z', system: 'other', labels: {} };

describe('the id of a run', () => {
  test('begins with the time and is never given twice', () => {
    const ids = Array.from({ length: 2_000 }, newRunId);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(/^\d{8}-\d{6}-\d{3}-[0-9a-z]{6}$/);
    const times = ids.map((id) => id.slice(0, 19));
    expect(times).toEqual([...times].sort());
  });
});

describe('the folder of a run', () => {
  test('holds the run as it was, its plan and its report', () => {
    const record = write({});
    expect(readRun(folder, record.id)).toEqual(record);
    const path = join(folder, 'runs', record.id);
    expect(JSON.parse(readFileSync(join(path, 'plan.json'), 'utf8'))).toEqual(record.plan);
    expect(readFileSync(join(path, 'report.txt'), 'utf8')).toBe('the report\n');
    expect(() => createRunFolder(folder, record.id)).toThrow('EEXIST');
  });

  test('without verdicts belongs to a run that has not ended', () => {
    const id = newRunId();
    createRunFolder(folder, id);
    expect(readRun(folder, id)).toBeUndefined();
    expect(unfinishedIds(folder)).toEqual([id]);
    expect(listRunFiles(folder)).toEqual([]);
    const path = join(folder, 'runs', id);
    writeFileSync(join(path, 'report.html'), 'of a run that only the database has');
    expect(unfinishedIds(folder)).toEqual([]);
    writePlan(path, {});
    expect(unfinishedIds(folder)).toEqual([id]);
  });

  test('that is damaged is named and left out', () => {
    const record = write(newer);
    write(older);
    const path = join(folder, 'runs', record.id, 'verdicts.json');
    const damaged: string[] = [];
    for (const text of ['{"schema":1,', 'null', '{"schema":2}', '{"schema":1,"id":"x"}']) {
      writeFileSync(path, text);
      expect(listRunFiles(folder, {}, undefined, (sentence) => damaged.push(sentence)).map((run) => run.id)).toEqual([
        older.id,
      ]);
    }
    expect(damaged.map((sentence) => sentence.replace(path, 'FILE').replace(/(is damaged: )[^i].*/, '$1…'))).toEqual([
      'FILE is damaged: …',
      'FILE has schema undefined; this Tidemark reads 1',
      'FILE has schema 2; this Tidemark reads 1',
      "FILE is damaged: it has no 'createdAt'",
    ]);
  });
});

describe('runs in files', () => {
  test('are listed and found as in the database', async () => {
    write(older);
    write(newer);
    expect(runIds(folder)).toEqual([newer.id, older.id]);
    const ids = (filter: Parameters<typeof listRunFiles>[1]) => listRunFiles(folder, filter).map((run) => run.id);
    expect(ids({})).toEqual([newer.id, older.id]);
    expect(ids({ limit: 1 })).toEqual([newer.id]);
    expect(ids({ system: 'reference' })).toEqual([older.id]);
    expect(ids({ label: 'kind=nightly', verdict: 'broken' })).toEqual([older.id]);
    expect(ids({ revision: '0123456789' })).toEqual([newer.id, older.id]);
    expect(ids({ revision: '123456789' })).toEqual([]);
    expect(await findRunFile(folder, 'last')).toEqual({ type: 'found', id: newer.id });
    expect(await findRunFile(folder, '20261120')).toEqual({ type: 'found', id: older.id });
    expect(await findRunFile(folder, '2026')).toEqual({ type: 'ambiguous', ids: [newer.id, older.id] });
    expect(await findRunFile(folder, 'nightly')).toEqual({ type: 'found', id: older.id });
    expect(await findRunFile(folder, 'nobody')).toEqual({ type: 'none' });
  });

  test('are seen alone when there is no database, which looking does not make', async () => {
    const record = write(older);
    const warnings: string[] = [];
    const stored = await openStoredRuns({ folder, warn: (sentence) => warnings.push(sentence) });
    expect((await stored.list({})).map((run) => run.id)).toEqual([older.id]);
    expect(await stored.load(older.id)).toEqual(record);
    await stored.close();
    expect(warnings).toEqual([]);
    expect(existsSync(join(folder, 'postgres'))).toBe(false);
  });

  test('are seen alone, and it is said, when the database can’t be had', async () => {
    write(older);
    const warnings: string[] = [];
    const stored = await openStoredRuns({
      folder,
      url: 'postgres://127.0.0.1:1/x',
      warn: (sentence) => warnings.push(sentence),
    });
    expect(await stored.find('last')).toEqual({ type: 'found', id: older.id });
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/^Only the runs in .*runs are seen: PostgreSQL at 127\.0\.0\.1:1\/x can't be used: /);
  });
});

test('runs in the database and runs in files are seen as one', async () => {
  need('postgres');
  write(older);
  write(newer);
  const saved = sampleRecord({ id: '20261120-120000-000-aaaaaa', createdAt: '2026-11-20T12:00:00.000Z' });
  const database = await openDatabase({ folder });
  await saveRun(database, saved);
  await saveRun(database, sampleRecord(newer));
  await database.close();
  const stored = await openStoredRuns({ folder, warn: (sentence) => expect.unreachable(sentence) });
  expect((await stored.list({})).map((run) => run.id)).toEqual([newer.id, saved.id, older.id]);
  expect((await stored.list({ limit: 2 })).map((run) => run.id)).toEqual([newer.id, saved.id]);
  expect(await stored.load(saved.id)).toEqual(saved);
  expect(await stored.load(older.id)).toEqual(sampleRecord(older));
  expect(await stored.load('20261120-120000-000-nobody')).toBeUndefined();
  await stored.close();
});
