/**
 * Many stored runs, and how long one waits for what is asked of them.
 *
 *   npm run bench:results -- [--runs 10000] [--folder DIR] [--seed 1]
 *
 * Runs are copies of real ones (simulated: one whole with all series, one broken, and as campaigns store them), with other ids, times,
 * branches, labels and figures; they are saved as any run is. With --folder they go into DIR/.tidemark and stay, to be looked at; what is
 * there already is not stored again. The median of five times counts; exit code 1 if listing or comparing takes 200 ms or longer.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asset } from '../harness/entry.ts';
import { BROKEN } from '../harness/errors.ts';
import { MILLISECOND, realClock, SECOND } from '../history/clock.ts';
import { Random } from '../history/random.ts';
import { type Database, openDatabase } from '../results/database.ts';
import { findRun, listRuns, loadRun } from '../results/load.ts';
import type { RunRecord } from '../results/record.ts';
import { saveRun } from '../results/save.ts';
import { argumentsOf } from './arguments.ts';
import { recordOfRun } from './record-of-run.ts';

const { runs = 10_000, folder: kept, seed = 1 } = argumentsOf({ runs: 'count', folder: 'text', seed: 'count' });
const LIMIT_MS = 200;
const folder = kept ?? mkdtempSync(join(tmpdir(), 'tidemark-many-'));
const clock = realClock();
const database = await openDatabase({ folder: join(folder, '.tidemark') });
try {
  await fill(database);
  await measure(database);
} finally {
  await database.close();
}
if (kept === undefined) rmSync(folder, { recursive: true, force: true });

async function fill({ sql }: Database): Promise<void> {
  const [{ there }] = await sql<[{ there: number }]>`select count(*)::integer as there from tidemark.runs`;
  if (there >= runs) return;
  const some = { durationNs: 10 * SECOND, readPaths: ['leader', 'follower'], writePaths: ['quorum-ack', 'leader-ack'] };
  const whole = await recordOfRun(some, true);
  const broken = await recordOfRun({ ...some, settings: { defect: 'ack-before-quorum' } }, true);
  const lean = await recordOfRun(some, false);
  const random = new Random(`many-runs/${seed}`);
  const from = clock.now();
  let next = there;
  const saver = async (): Promise<void> => {
    for (let n = next++; n < runs; n = next++) {
      const template = n % 10 === 0 ? broken : n % 2 === 0 ? whole : lean;
      await saveRun(database, varied(template, n, random.fork(n)));
      if (n % 1_000 === 0) console.error(`${n} of ${runs} runs`);
    }
  };
  await Promise.all([saver(), saver()]);
  const seconds = (clock.now() - from) / SECOND;
  console.log(
    `${runs - there} runs saved in ${seconds.toFixed(0)} s (${((1_000 * seconds) / (runs - there)).toFixed(1)} ms each)`,
  );
  await sql`analyze`;
}

/** One every 13 minutes, which makes three months of ten thousand. */
function varied(record: RunRecord, n: number, random: Random): RunRecord {
  const minutes = n * 13;
  const at = (divisor: number, modulo: number): string =>
    String(Math.floor(minutes / divisor) % modulo).padStart(2, '0');
  const day = Math.floor(minutes / 1_440);
  const date = [2026, String(1 + Math.floor(day / 28)).padStart(2, '0'), String(1 + (day % 28)).padStart(2, '0')];
  const time = [at(60, 24), at(1, 60), '00'];
  const branch = random.pick(['main', 'main', 'main', 'release/2', 'faster-reads', 'leases', 'try/snapshots']);
  const scale = (90 + random.below(21)) / 100;
  return {
    ...record,
    id: `${date.join('')}-${time.join('')}-000-${String(n).padStart(6, '0')}`,
    createdAt: `${date.join('-')}T${time.join(':')}.000Z`,
    seed: n,
    system: random.pick(['reference', 'reference', 'etcd', 'redis']),
    labels: { kind: random.pick(['nightly', 'commit', 'weekly']), build: String(n) },
    git: { revision: String(n).padStart(40, '0'), branch, dirty: false },
    latencies: record.latencies.map((latency) => ({
      ...latency,
      p50Ns: Math.round(latency.p50Ns * scale),
      p99Ns: Math.round(latency.p99Ns * scale),
    })),
  };
}

async function measure(database: Database): Promise<void> {
  const { sql } = database;
  const [{ size, there }] = await sql<[{ size: string; there: number }]>`
    select pg_size_pretty(pg_database_size(current_database())) as size,
      (select count(*)::integer from tidemark.runs) as there`;
  console.log(`${there} runs stored, ${size}`);
  const ids = (await listRuns(database, {})).map(({ id }) => id);
  const [a, b] = [ids[Math.floor(ids.length / 3)], ids[Math.floor(ids.length / 2)]];
  const cwd = folder;
  const bin = asset('bin/tidemark.mjs');
  const command = async (...args: readonly string[]): Promise<void> => {
    const { status } = spawnSync(process.execPath, [bin, ...args], { cwd, stdio: 'ignore' });
    if (status !== 0) throw new Error(`tidemark ${args.join(' ')} ended with ${status}`);
  };
  const asked: readonly (readonly [what: string, limited: boolean, work: () => Promise<unknown>])[] = [
    ['list: the 20 newest', true, () => listRuns(database, { limit: 20 })],
    ['list: 20 of a branch', true, () => listRuns(database, { branch: 'leases', limit: 20 })],
    ['list: 20 of a label', true, () => listRuns(database, { label: 'kind=weekly', limit: 20 })],
    ['list: 20 broken ones', true, () => listRuns(database, { verdict: 'broken', limit: 20 })],
    ['list: 20 by words', true, () => listRuns(database, { search: 'etcd weekly leases', limit: 20 })],
    ['list: by words that nowhere stand', true, () => listRuns(database, { search: 'nowhere', limit: 20 })],
    ['list: page 400', true, () => listRuns(database, { limit: 20, skip: 8_000 })],
    ['list: all of them', false, () => listRuns(database, {})],
    ['find: by the beginning of an id', true, () => findRun(database, a.slice(0, 15))],
    ['find: by a label', true, () => findRun(database, 'build=77')],
    ['compare: both records loaded', true, () => Promise.all([loadRun(database, a), loadRun(database, b)])],
    ['view promises', false, () => sql`select * from tidemark.promises`],
    [
      'view leader_versus_follower of a run',
      true,
      () => sql`select * from tidemark.leader_versus_follower where run = ${a}`,
    ],
    ['view failovers_by_cause', false, () => sql`select * from tidemark.failovers_by_cause`],
    ['tidemark list, the whole command', false, () => command('list')],
  ];
  for (const [what, limited, work] of asked) {
    const times: number[] = [];
    for (let i = 0; i < 5; i++) {
      const from = clock.now();
      await work();
      times.push((clock.now() - from) / MILLISECOND);
    }
    times.sort((x, y) => x - y);
    const late = limited && times[2] >= LIMIT_MS;
    if (late) process.exitCode = BROKEN;
    console.log(
      `${what.padEnd(40)} median ${times[2].toFixed(0).padStart(5)} ms, worst ${times[4].toFixed(0).padStart(5)} ms${late ? `  ABOVE ${LIMIT_MS} ms` : ''}`,
    );
  }
}
