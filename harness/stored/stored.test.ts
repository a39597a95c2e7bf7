import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { missing, need } from '../../test-support/need.ts';
import { sampleRecord } from '../../test-support/sample-record.ts';
import { type Ended, tidemark } from '../../test-support/tidemark.ts';
import type { Io } from '../command.ts';
import { sql } from './sql.ts';
import { createRunFolder, writeRunFiles } from '../../results/files.ts';
import type { SeriesRecord } from '../../results/record.ts';

need('postgres');

const home = mkdtempSync(join(tmpdir(), 'tm-stored-'));
const other = join(home, 'other');
const at =
  (cwd: string) =>
  async (command: readonly string[], input = ''): Promise<Ended> => {
    const env = { TIDEMARK_DATABASE_URL: undefined };
    return tidemark(command, { cwd, input, env });
  };
const here = at(home);
const there = at(other);

const hostile = '20261121-070341-000-hostil';
const plain = '20261121-070342-000-plain0';

beforeAll(async () => {
  mkdirSync(other);
  if (missing('postgres') !== undefined) return;
  const run = await here([
    'run',
    '--duration',
    '1s',
    '--quiet',
    '--fault',
    'none',
    '--store-journal',
    '--label',
    'kind=real',
  ]);
  expect(run.stderr).toBe('');
  const odd = {
    labels: { '<script>': '\u001b[31m\u202egnitirw', nul: '\0' },
    system: 'a\tb',
    command: 'two\u2028lines',
  };
  for (const record of [sampleRecord({ id: hostile, ...odd }), sampleRecord({ id: plain, labels: {} })])
    writeRunFiles(createRunFolder(join(home, '.tidemark'), record.id), record, 'the report\n');
});

afterAll(() => rmSync(home, { recursive: true, force: true }));

const json = ({ stdout }: Ended): readonly Record<string, unknown>[] =>
  stdout
    .trim()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

test('a run comes back from the database as it stands in its files', async () => {
  const [run] = readdirSync(join(home, '.tidemark', 'runs')).filter((id) => id !== hostile && id !== plain);
  const stored = JSON.parse(readFileSync(join(home, '.tidemark', 'runs', run, 'verdicts.json'), 'utf8')) as object;
  const [shown] = json(await here(['show', run, '--json']));
  expect(shown).toEqual({ ...stored, type: 'run' });
  expect(shown).toMatchObject({ machine: { processors: expect.any(Number) as number }, series: { stepNs: 1e9 } });
});

test('runs in files are imported once, and those that cannot be are named', async () => {
  expect(await here(['results', 'import', hostile])).toMatchObject({
    code: 0,
    stdout: '1 run imported, 0 there already\n',
  });
  const all = await here(['results', 'import', '--json']);
  expect(json(all)).toEqual([{ schema: 1, type: 'import', run: plain, outcome: 'imported' }]);
  expect((await here(['results', 'import'])).stdout).toBe('0 runs imported, 0 there already\n');
  const journal = await here(['results', 'import', plain, '--journal']);
  expect(journal.code).toBe(254);
  expect(journal.stderr).toMatch(
    new RegExp(`^tidemark: the journal of run ${plain} was not stored: there is no .*jsonl\\.\n$`),
  );
  expect(await here(['results', 'import', 'nobody'])).toMatchObject({
    code: 254,
    stderr: expect.stringContaining("There is no run 'nobody'"),
  });
  expect((await here(['results', 'import', 'nothing.tidemark'])).stderr).toBe(
    'tidemark: There is no file nothing.tidemark.\n',
  );
});

describe('sql', () => {
  test('prints a table, or JSON, and nothing that a terminal would obey', async () => {
    const shown = await here(['sql', `select id, system, operations from runs where id = '${hostile}'`]);
    expect(shown.stdout).toBe(`id                          system    operations\n${hostile}  a\\u0009b       20012\n`);
    const labels = await here(['sql', `select name, value from labels where run = '${hostile}' order by place`]);
    expect(labels.stdout).not.toMatch(/[\0\u001b\u202e]/);
    expect(labels.stdout).toContain('\\u001b[31m\\u202egnitirw');
    const rows = await here(
      ['sql', '--json'],
      `select name, value from labels where run = '${hostile}' order by place`,
    );
    expect(json(rows).map(({ row }) => row)).toEqual([
      { name: '<script>', value: '\u001b[31m\u202egnitirw' },
      { name: 'nul', value: '\0' },
    ]);
    const kinds = await here([
      'sql',
      '--json',
      'select workloads, 1::bigint as n, 1.5::numeric as d, null as no from runs limit 1',
    ]);
    expect(json(kinds)).toMatchObject([
      { row: { workloads: expect.arrayContaining(['register']), n: 1, d: 1.5, no: null } },
    ]);
  });

  test('answers what is asked most', async () => {
    const query =
      'select leader_count > 0 as leader, follower_count > 0 as follower from leader_versus_follower where leader_count > 0 and follower_count > 0 limit 1';
    expect(json(await here(['sql', '--json', query]))).toMatchObject([{ row: { leader: true, follower: true } }]);
    const failovers = await here([
      'sql',
      '--json',
      `select cause, elected_ms, lost_writes from failovers where run = '${plain}' order by place`,
    ]);
    expect(json(failovers).map(({ row }) => row)).toEqual([
      { cause: 'kill-leader', elected_ms: 612, lost_writes: 4 },
      { cause: 'none', elected_ms: null, lost_writes: 0 },
    ]);
  });

  test.each([
    [['delete from runs'], 'The query would change something; --write lets it.'],
    [['selec 1'], 'Syntax error at or near "selec" (line 1, column 1).'],
    [['select 1; select 2'], 'Cannot insert multiple commands into a prepared statement.'],
    [['--timeout', '0.1s', 'select pg_sleep(9)'], 'The query took too long; --timeout gives it more time.'],
    [[''], 'A query is needed'],
  ])('%j ends in one sentence', async (args, sentence) => {
    const ended = await here(['sql', ...args]);
    expect(ended).toMatchObject({ code: 254, stdout: '', stderr: expect.stringContaining(`tidemark: ${sentence}`) });
    expect(ended.stderr.trim().split('\n')).toHaveLength(1);
  });
});

describe('sql without --write', () => {
  const made = join(home, 'made');

  test.each([
    `copy (select 1) to program 'touch ${made}'`,
    `copy (select 1) to '${made}'`,
    `do $$ begin copy pg_temp.t from program 'touch ${made}'; end $$`,
    `select lo_export(1, '${made}')`,
    `select pg_read_file('PG_VERSION')`,
    `select pg_ls_dir('.')`,
    `select set_config('transaction_read_only', 'off', false), lo_from_bytea(0, 'x')`,
    `select pg_terminate_backend(pid) from pg_stat_activity where usename = 'tidemark'`,
    `do $$ begin reset role; reset session authorization; set role tidemark; end $$`,
    `do $$ begin set session authorization tidemark; end $$`,
    `do $$ begin set transaction read write; create temp table t (x text); end $$`,
    `create extension dblink`,
    `alter system set work_mem = '5MB'`,
    `alter role tidemark_reader superuser`,
  ])('%s is refused', async (query) => {
    const ended = await here(['sql', query]);
    expect(ended).toMatchObject({ code: 254, stdout: '' });
    expect(ended.stderr).toMatch(/^tidemark: [^\n]*\n$/);
    expect(existsSync(made)).toBe(false);
  });

  test('a query has no right but to read, even where nothing else would stop it', async () => {
    const rights = `select current_user, session_user, rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls as more,
      has_table_privilege('runs', 'insert, update, delete, truncate, references, trigger') as write,
      has_database_privilege(current_database(), 'create, temporary') as make,
      has_schema_privilege('public', 'create') or has_schema_privilege('tidemark', 'create') as put,
      has_function_privilege('lo_create(oid)', 'execute') or has_function_privilege('lo_creat(int)', 'execute') as objects,
      (select array_agg(roleid::regrole::text) from pg_auth_members where member = pg_roles.oid) as roles
      from pg_roles where rolname = current_user`;
    const [none, ...rest] = json(await here(['sql', '--json', rights]));
    expect(rest).toEqual([]);
    expect(none).toMatchObject({
      row: {
        current_user: 'tidemark_reader',
        session_user: 'tidemark_reader',
        more: false,
        write: false,
        make: false,
        put: false,
        objects: false,
        roles: ['pg_read_all_data'],
      },
    });
    // With it, the first of what was refused above is done.
    expect(await here(['sql', '--write', `copy (select 1) to program 'touch ${made}'`])).toMatchObject({ code: 0 });
    expect(existsSync(made)).toBe(true);
  });

  test.each([
    [undefined, 'tidemark_reader', ' -c default_transaction_read_only=on'],
    [true, 'tidemark', ''],
  ] as const)('psql (--write %s) logs in as %s', async (write, user, more) => {
    const folder = mkdtempSync(join(home, 'psql-'));
    const psql = '#!/bin/sh\nprintf "%s" "$PGUSER $PGOPTIONS" > "$SAID"\n';
    writeFileSync(join(folder, 'psql'), psql, { mode: 0o755 });
    const said = join(folder, 'said');
    const ignore = (): void => undefined;
    await sql(undefined, { timeout: '5m', write }, {
      out: ignore,
      err: ignore,
      exit: ignore,
      stdin: Object.assign(Readable.from([]), { isTTY: true }),
      env: { SAID: said, PATH: `${folder}:${process.env['PATH'] ?? ''}` },
      cwd: home,
    } as unknown as Io);
    expect(readFileSync(said, 'utf8')).toBe(`${user} -c search_path=tidemark,public${more}`);
  });
});

/** A text that does not become much shorter when it is packed. */
function unlike(length: number): string {
  let [text, last] = ['', 1];
  while (text.length < length) text += (last = (last * 48_271) % 2_147_483_647).toString(36);
  return text;
}

describe('an export', () => {
  const file = join(home, 'runs.tidemark');

  test('brings runs and journals into another database, once', async () => {
    expect((await here(['results', 'export', '--output', file])).stdout).toBe(`3 runs and 1 journal in ${file}\n`);
    expect((await here(['results', 'export', '--output', file])).stderr).toBe(`tidemark: ${file} is there already.\n`);
    expect((await there(['results', 'import', file])).stdout).toBe('3 runs imported, 0 there already\n');
    expect((await there(['results', 'import', file])).stdout).toBe('0 runs imported, 3 there already\n');
    for (const id of [hostile, plain, 'kind=real'])
      expect((await there(['show', id, '--json'])).stdout).toBe((await here(['show', id, '--json'])).stdout);
    const [run] = readdirSync(join(home, '.tidemark', 'runs')).filter((id) => id !== hostile && id !== plain);
    const journal = await there(['results', 'journal', 'kind=real']);
    expect(journal.stdout).toBe(readFileSync(join(home, '.tidemark', 'runs', run, 'journal.jsonl'), 'utf8'));
  });

  test('with another run of an id leaves that out, with its journal, and goes on', async () => {
    const bad = join(home, 'another.tidemark');
    const sha256 = createHash('sha256').update('x').digest('hex');
    const id = '20261121-070344-000-behind';
    const lines = [
      { tidemark: 'runs', schema: 1, runs: 2 },
      { type: 'run', record: sampleRecord({ id: plain, system: 'another', journalSha256: sha256 }) },
      { type: 'chunk', sha256, place: 0, gzip: gzipSync('x').toString('base64') },
      { type: 'journal', sha256, bytes: 1, chunks: 1 },
      { type: 'run', record: sampleRecord({ id }) },
      { type: 'end', runs: 2 },
    ];
    writeFileSync(bad, gzipSync(lines.map((line) => `${JSON.stringify(line)}\n`).join('')));
    expect(await there(['results', 'import', bad])).toEqual({
      code: 0,
      signal: null,
      stdout: '1 run imported, 0 there already, 1 left out\n',
      stderr: `tidemark: another run ${plain} is in the database; it stays, and that of the file is left out.\n`,
    });
    const left = `select sha256 from journal_chunks where sha256 = '${sha256}'`;
    expect(json(await there(['sql', '--json', left]))).toEqual([]);
  });

  test('that is none, cut off or changed is refused with a sentence', async () => {
    const bad = join(home, 'bad.tidemark');
    const says = async (): Promise<string> => {
      const ended = await there(['results', 'import', bad]);
      expect(ended.code).toBe(254);
      return ended.stderr.replaceAll(bad, 'BAD');
    };
    writeFileSync(bad, 'not gzip');
    expect(await says()).toBe('tidemark: BAD is no export of runs, or damaged: it cannot be unpacked.\n');
    writeFileSync(bad, readFileSync(file));
    truncateSync(bad, 20_000);
    expect(await says()).toMatch(/^tidemark: BAD ends early, after \d runs; those are saved\.\n$/);
    const lines = (...values: readonly object[]): void =>
      writeFileSync(bad, gzipSync(values.map((value) => `${JSON.stringify(value)}\n`).join('')));
    lines({ tidemark: 'runs', schema: 2 });
    expect(await says()).toBe('tidemark: BAD has schema 2; this Tidemark reads 1.\n');
    const head = { tidemark: 'runs', schema: 1, runs: 1 };
    lines(head, { type: 'run', record: sampleRecord({ id: '../../escape' }) });
    expect(await says()).toBe("tidemark: BAD, line 2: 'id' of a run must be the id of a run.\n");
    const [cell] = sampleRecord().cells;
    lines(head, { type: 'run', record: sampleRecord({ cells: [{ ...cell, state: 'fine' as 'kept' }] }) });
    expect(await says()).toBe(
      "tidemark: BAD, line 2: 'cells[0].state' of a run must be kept, broken, holds, violated, undecided or not exercised.\n",
    );
    for (const misfit of [{ createdAt: '2026-02-30T00:00:00Z' }, { system: unlike(9_000) }]) {
      lines(head, { type: 'run', record: sampleRecord(misfit) });
      expect(await says()).toContain('line 2: run 20261121-070340-512-k3f9q2: the run does not fit the schema');
    }
    lines({ tidemark: 'runs', schema: '\u001b[31m' });
    expect(await says()).toBe('tidemark: BAD has schema \\u{1b}[31m; this Tidemark reads 1.\n');
  });

  test('with a run that nothing could read is refused at its line and field, and nothing of the run is stored', async () => {
    const { latencies, series } = sampleRecord();
    const id = '20261121-070343-000-broken';
    const bad = join(home, 'unreadable.tidemark');
    for (const [changes, sentence] of [
      [
        { latencies: latencies.map((one) => ({ ...one, histogram: 'AAAA' })) },
        "'latencies[0].histogram' of a run must be an HDR histogram of latencies",
      ],
      [
        { latencies: latencies.map((one) => ({ ...one, count: -5 })) },
        "'latencies[0].count' of a run must be a whole number, not below 0",
      ],
      [{ series: { ...series, stepNs: 0 } as SeriesRecord }, "'series.stepNs' of a run must be a number above 0"],
      [{ plan: { bench: 5 } }, "'plan.bench' of a run must be a map"],
    ] as const) {
      const record = sampleRecord({ id, ...changes });
      const texts = [
        { tidemark: 'runs', schema: 1, runs: 1 },
        { type: 'run', record },
      ].map((one) => JSON.stringify(one));
      writeFileSync(bad, gzipSync(texts.join('\n')));
      const ended = await there(['results', 'import', bad]);
      expect(ended).toMatchObject({ code: 254, stderr: `tidemark: ${bad}, line 2: ${sentence}.\n` });

      const folder = createRunFolder(join(other, '.tidemark'), id);
      writeRunFiles(folder, record, 'the report\n');
      const [one, all] = [await there(['results', 'import', id]), await there(['results', 'import'])];
      const file = join(folder, 'verdicts.json');
      expect(one).toMatchObject({ code: 254, stderr: `tidemark: ${file} is damaged: ${sentence}.\n` });
      expect(all).toMatchObject({ code: 254, stderr: one.stderr });
      rmSync(folder, { recursive: true });
    }
    expect(json(await there(['sql', '--json', `select id from runs where id = '${id}'`]))).toEqual([]);
  });
});

describe('prune', () => {
  test('shows what would be lost, and takes it away when it is told to', async () => {
    const asked = ['prune', '--older-than', '0h', '--keep', 'real'];
    const would = await here(asked);
    expect(would.stdout).toMatch(
      /^Would remove 2 runs \(0 kept, 2 broken, 0 undecided\), made 2026-11-21 to 2026-11-21:\n/,
    );
    expect(would.stdout).toContain(
      'with 6 anomalies, 4 latency histograms, 0 stored journals (0.0 kB); 2 folders of files',
    );
    expect(would.stdout).toMatch(/\nNothing was removed; --yes removes them\.\n$/);
    expect(json(await here(['list', '--json']))).toHaveLength(3);
    const did = json(await here([...asked, '--yes', '--json']));
    expect(did.at(-1)).toMatchObject({ type: 'pruned', runs: 2, removed: true, anomalies: 6 });
    expect(json(await here(['list', '--json']))).toMatchObject([{ labels: { kind: 'real' } }]);
    expect(existsSync(join(home, '.tidemark', 'runs', plain))).toBe(false);
    const left =
      'select (select count(*) from anomalies where kind = $$two leaders$$) as anomalies, (select count(*) from journals) as journals';
    expect(json(await here(['sql', '--json', left]))).toMatchObject([{ row: { anomalies: 0, journals: 1 } }]);
    await here(['prune', '--label', 'real', '--yes']);
    expect(json(await here(['sql', '--json', left]))).toMatchObject([{ row: { anomalies: 0, journals: 0 } }]);
  });

  test.each([
    [[], 'Which runs? At least one of --older-than'],
    [['--older-than', 'yesterday'], '--older-than yesterday: a number of hours, days or weeks is needed'],
    [['--verdict', 'good'], "There is no verdict 'good'."],
  ])('%j is not enough', async (args, sentence) => {
    expect(await here(['prune', ...args])).toMatchObject({ code: 254, stderr: expect.stringContaining(sentence) });
  });
});
