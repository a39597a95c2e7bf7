import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { missing, need } from '../test-support/need.ts';
import { sampleRecord } from '../test-support/sample-record.ts';
import { type Database, openDatabase } from './database.ts';
import { findRun, knownIds, listRuns, loadRun } from './load.ts';
import type { RunRecord } from './record.ts';
import { saveRun } from './save.ts';

need('postgres');

let folder: string;
let database: Database;

beforeAll(async () => {
  if (missing('postgres') !== undefined) return;
  folder = mkdtempSync(join(tmpdir(), 'tm-save-'));
  database = await openDatabase({ folder });
});

afterAll(async () => {
  await database?.close();
  rmSync(folder ?? '', { recursive: true, force: true });
});

describe('a run', () => {
  test('comes back from the database as it was saved', async () => {
    const record = sampleRecord();
    await saveRun(database, record);
    const loaded = await loadRun(database, record.id);
    expect(loaded).toEqual(record);
    // Names keep their order, so that a report prints as it did.
    expect(JSON.stringify(loaded?.plan)).toBe(JSON.stringify(record.plan));
    expect(JSON.stringify(loaded?.counts)).toBe(JSON.stringify(record.counts));
    expect(JSON.stringify(loaded?.cells[0].anomalies)).toBe(JSON.stringify(record.cells[0].anomalies));
  });

  test('saved again replaces itself', async () => {
    const id = '20261121-070341-000-again0';
    await saveRun(database, sampleRecord({ id }));
    const changed = sampleRecord({ id, verdict: 'kept', cells: [], failovers: [], labels: {} });
    await Promise.all([saveRun(database, changed), saveRun(database, changed)]);
    expect(await loadRun(database, id)).toEqual(changed);
    const [{ left }] = await database.sql<[{ left: number }]>`
      select count(*)::integer as left from tidemark.anomalies where run = ${id}`;
    expect(left).toBe(0);
  });

  test('may hold any text that JavaScript can', async () => {
    const odd = 'NUL \0, ESC \u001b0000, lone \ud800 and \udc00, pair \u{1f30a}, \\u0000, "quoted", \u2028, µ';
    const id = '20261121-070342-000-odd000';
    const [cell] = sampleRecord().cells;
    const [anomaly] = cell.anomalies;
    const record = sampleRecord({
      id,
      command: odd,
      labels: { [odd]: odd },
      plan: { [odd]: [odd], big: 2 ** 53 - 1, small: 5e-324, huge: 1.7976931348623157e308 },
      seed: 2 ** 53 - 1,
      cells: [
        {
          ...cell,
          note: odd,
          anomalies: [
            {
              ...anomaly,
              sentence: odd,
              operations: [{ ...anomaly.operations[0], key: odd, value: { [odd]: 'x'.repeat(1_000_000) } }],
            },
          ],
        },
      ],
    });
    await saveRun(database, record);
    expect(await loadRun(database, id)).toEqual(record);
    expect(await findRun(database, odd)).toEqual({ type: 'found', id });
  });

  test('that cannot be saved leaves nothing behind', async () => {
    const id = '20261121-070343-000-broken';
    const record = sampleRecord({ id });
    const broken = { ...record, cells: [{ ...record.cells[0], state: 'no such state' as 'kept' }] };
    await expect(saveRun(database, broken)).rejects.toThrow('verdicts_state_check');
    expect(await loadRun(database, id)).toBeUndefined();
  });
});

describe('stored runs', () => {
  const runs = [
    sampleRecord({
      id: '20270101-000000-000-aaaaaa',
      createdAt: '2027-01-01T00:00:00.000Z',
      labels: { kind: 'nightly' },
    }),
    sampleRecord({
      id: '20270101-000000-000-aaaaab',
      createdAt: '2027-01-01T00:00:00.000Z',
      system: 'other',
      labels: {},
    }),
    sampleRecord({
      id: '20270102-000000-000-aaaaaa',
      createdAt: '2027-01-02T00:00:00.000Z',
      verdict: 'kept',
      labels: { kind: 'nightly' },
    }),
  ];

  beforeAll(async () => {
    if (missing('postgres') !== undefined) return;
    for (const run of runs) await saveRun(database, run);
  });

  const ids = async (filter: Parameters<typeof listRuns>[1]) => (await listRuns(database, filter)).map((run) => run.id);

  test('are listed newest first, and by what is asked for', async () => {
    const [a, b, c] = runs.map((run) => run.id);
    expect(await ids({ limit: 3 })).toEqual([c, b, a]);
    expect(await ids({ limit: 1 })).toEqual([c]);
    expect(await ids({ system: 'other' })).toEqual([b]);
    expect(await ids({ label: 'nightly' })).toEqual([c, a]);
    expect(await ids({ label: 'kind=nightly', verdict: 'broken' })).toEqual([a]);
    expect(await ids({ idPrefix: '20270101-000000' })).toEqual([b, a]);
    expect(await ids({ environment: 'simulation', branch: 'main', limit: 1, skip: 1 })).toEqual([b]);
    expect(await ids({ branch: 'no such' })).toEqual([]);
    expect(await ids({ revision: '0123456789', limit: 2 })).toEqual([c, b]);
    expect(await ids({ revision: '123456789' })).toEqual([]);
    expect(await ids({ before: '2027-01-02T00:00:00.000Z', limit: 2 })).toEqual([b, a]);
    expect(await ids({ search: 'NIGHTLY  kill-leader', verdict: 'kept' })).toEqual([c]);
    expect(await ids({ search: "20270101 kind=nightly 'a" })).toEqual([a]);
    expect(await ids({ search: '% nightly' })).toEqual([]);
    expect(await knownIds(database, [a, 'nobody'])).toEqual(new Set([a]));
  });

  test('have a summary', async () => {
    const [newest] = await listRuns(database, { limit: 1 });
    expect(newest).toEqual({
      id: '20270102-000000-000-aaaaaa',
      createdAt: '2027-01-02T00:00:00.000Z',
      system: 'reference',
      environment: 'simulation',
      workloads: ['register', 'ledger'],
      faults: ['kill-leader'],
      seed: 7,
      verdict: 'kept',
      exitCode: 1,
      operations: 20_012,
      labels: { kind: 'nightly' },
      branch: 'main',
      revision: '0123456789abcdef0123456789abcdef01234567',
    });
  });

  test('are found as the user names them', async () => {
    expect(await findRun(database, 'last')).toEqual({ type: 'found', id: runs[2].id });
    expect(await findRun(database, '20270102')).toEqual({ type: 'found', id: runs[2].id });
    expect(await findRun(database, '202701')).toEqual({ type: 'ambiguous', ids: runs.map((run) => run.id).reverse() });
    expect(await findRun(database, 'nightly')).toEqual({ type: 'found', id: runs[2].id });
    expect(await findRun(database, '%')).toEqual({ type: 'none' });
    expect(await findRun(database, '')).toEqual({ type: 'none' });
  });
});

test('what a run recorded and was empty is empty, and what it did not record is absent', async () => {
  const { series: _, curves: __, git: ___, ...rest } = sampleRecord({ id: '20261121-070345-000-sparse' });
  const record = { ...rest, standings: [], nodeLatencies: [] };
  await saveRun(database, record);
  expect(await loadRun(database, record.id)).toEqual(record);
});

test('what a run has and the schema does not know is kept beside it', async () => {
  const id = '20261121-070344-000-newer0';
  const [cell, ...cells] = sampleRecord().cells;
  const told = { ...cell, anomalies: cell.anomalies.map((anomaly) => ({ ...anomaly, lastState: { index: 12 } })) };
  const record = {
    ...sampleRecord({ id }),
    cells: [told, ...cells] as unknown as RunRecord['cells'],
    novelty: { deep: [null, 1] },
    nothing: null,
  };
  await saveRun(database, record);
  expect(await loadRun(database, id)).toEqual(record);
});

test('the views answer', async () => {
  const [failover] = await database.sql`
    select * from tidemark.failovers_by_cause where system = 'reference' and cause = 'kill-leader'`;
  expect(failover).toMatchObject({ elected_p50_ms: 612, first_write_max_ms: 650 });
  const promises = await database.sql`select * from tidemark.promises where system = 'other' order by guarantee`;
  expect(promises).toMatchObject([
    { guarantee: 'convergent', kept: '1', broken: '0' },
    { guarantee: 'linearizable', read_path: 'leader', kept: '0', broken: '1', operations: 1_204 },
  ]);
  const [latency] = await database.sql`select * from tidemark.leader_versus_follower limit 1`;
  expect(latency).toMatchObject({ method: 'read', leader_p50_ms: 1.25, follower_p50_ms: null });
});
