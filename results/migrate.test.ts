import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { asset } from '../harness/entry.ts';
import { missing, need } from '../test-support/need.ts';
import { type Database, openDatabase, type Sql } from './database.ts';
import { listRuns, loadRun } from './load.ts';
import { migrate, migrations } from './migrate.ts';
import type { RunRecord } from './record.ts';
import { saveRun } from './save.ts';
import { PORT, serving, USER } from './server.ts';
import { toStoredJson } from './text.ts';

need('postgres');

const known = migrations();
let folder: string;
let embedded: Database;
const open: Sql[] = [];

beforeAll(async () => {
  if (missing('postgres') !== undefined) return;
  folder = mkdtempSync(join(tmpdir(), 'tm-migrate-'));
  embedded = await openDatabase({ folder });
});

afterAll(async () => {
  for (const sql of open) await sql.end({ timeout: 1 });
  await embedded?.close();
  rmSync(folder ?? '', { recursive: true, force: true });
});

/** A connection to a database of its own, which has had the migrations up to `version`. */
async function databaseOf(name: string, version: number): Promise<Sql> {
  await embedded.sql.unsafe(`create database ${name}`);
  const server = serving(join(folder, 'postgres'));
  const sql = postgres({
    path: `${server?.socket}/.s.PGSQL.${PORT}`,
    user: USER,
    database: name,
    max: 4,
    fetch_types: false,
    onnotice: () => undefined,
  });
  open.push(sql);
  await migrate(sql, known.slice(0, version));
  return sql;
}

/** As a program of now sees it. */
function seen(sql: Sql): Database {
  return { ...embedded, sql, clock: embedded.clock };
}

/** A run as programs recorded it when the schema had this version: written down once, and never changed. */
function recordOf(version: number): RunRecord {
  const last = [5, 4, 3, 1].find((one) => one <= version) ?? 1;
  return JSON.parse(readFileSync(asset(`results/testdata/record-${last}.json`), 'utf8')) as RunRecord; // our own file
}

/** Saves as a program of that version did. */
async function saveThen(sql: Sql, version: number, record: RunRecord): Promise<void> {
  // The first version had no functions: with those of the second, its tables are filled as they were.
  if (version === 1) await sql.unsafe(readFileSync(known[1]?.file ?? '', 'utf8'));
  await sql`select tidemark.save_run(${toStoredJson(record)}::text::json)`;
  if (version === 1) await sql`drop function tidemark.save_run, tidemark.load_run, tidemark.iso`;
}

describe.each(known.slice(0, -1).map(({ version }) => version))('a database of version %i', (version) => {
  test('is brought to this one with its runs, by several programs at once', async () => {
    const sql = await databaseOf(`version_${version}`, version);
    const record = recordOf(version);
    await saveThen(sql, version, record);
    await Promise.all([migrate(sql), migrate(sql), migrate(sql)]);
    const database = seen(sql);
    // What was not recorded then is absent now.
    expect(await loadRun(database, record.id)).toEqual(record);
    const [run] = await listRuns(database, { search: 'ticket=t-1 ledger kill-leader', limit: 1 });
    expect(run).toMatchObject({ workloads: ['register', 'ledger'], faults: ['kill-leader'], operations: 20_012 });
    const views = await sql<{ name: string }[]>`
      select table_name as name from information_schema.views where table_schema = 'tidemark'`;
    for (const { name } of views) await sql.unsafe(`select * from tidemark.${name}`);
    const again = { ...record, verdict: 'kept' as const };
    await saveRun(database, again);
    expect(await loadRun(database, record.id)).toEqual(again);
  });
});

test('plans name what they name in several shapes', async () => {
  const sql = await databaseOf('shapes', 3);
  const plans = [
    { workloads: 'a,b', fault: [{ name: 'x' }, { other: 1 }] },
    { workload: ['a'], faults: null },
    { workloads: [], faults: [1, 'y'] },
    {},
  ];
  for (const [i, plan] of plans.entries())
    await saveThen(sql, 3, { ...recordOf(3), id: `20260101-000000-000-00000${i}`, plan });
  await migrate(sql);
  const listed = [...(await listRuns(seen(sql)))].reverse().map(({ workloads, faults }) => [workloads, faults]);
  expect(listed).toEqual([
    [['a', 'b'], ['x']],
    [['a'], []],
    [[], ['y']],
    [[], []],
  ]);
});

test('a plan with something else where the view of plans has a number takes no row away', async () => {
  const sql = await databaseOf('plans', 7);
  const plans = [
    { nodes: 2.5, durationNs: 'long', rate: true },
    { nodes: 2 ** 40, durationNs: 1.5e9, rate: 0.25, load: 'open' },
    { nodes: 3, durationNs: null, rate: 5e-324 },
    { nodes: 5, durationNs: 60e9, rate: 600 },
  ];
  for (const [i, plan] of plans.entries())
    await saveThen(sql, 7, { ...recordOf(7), id: `20260101-000000-000-00000${i}`, plan });
  await migrate(sql);
  expect([...(await sql`select nodes, duration_s, load, rate from tidemark.plans order by run`)]).toEqual([
    { nodes: null, duration_s: null, load: null, rate: null },
    { nodes: null, duration_s: 1.5, load: 'open', rate: 0.25 },
    { nodes: 3, duration_s: null, load: null, rate: null },
    { nodes: 5, duration_s: 60, load: null, rate: 600 },
  ]);
});

test('a migration that fails changes nothing', async () => {
  const sql = await databaseOf('failing', 3);
  await saveThen(sql, 3, recordOf(3));
  const file = join(folder, 'bad.sql');
  writeFileSync(file, 'drop table tidemark.labels cascade; select 1 / 0;');
  await expect(migrate(sql, [...known.slice(0, 3), { version: 4, file }])).rejects.toThrow('division by zero');
  const [{ version }] = await sql<[{ version: number }]>`select max(version) as version from tidemark.schema_version`;
  expect(version).toBe(3);
  await migrate(sql);
  expect(await loadRun(seen(sql), recordOf(3).id)).toEqual(recordOf(3));
});
