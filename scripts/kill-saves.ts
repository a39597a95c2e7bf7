/**
 * Kills what saves runs, and looks whether anything half is there: `kill -9` of the program, of the server's process that works for
 * it, of the whole server, in turn, each at a moment drawn from a seed.
 *
 *   npm run kill:saves -- [--kills 20] [--seed 1] [--record FILE]
 *
 * A program saves one run after another (a real one, a simulated minute, under other ids; or that in FILE) and says before and after
 * each. Whatever it said was saved must be there, whole; whatever it had begun must be there whole or not at all. Exit code 1 if not.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { BROKEN, KEPT } from '../harness/errors.ts';
import { MILLISECOND, realClock } from '../history/clock.ts';
import { Random } from '../history/random.ts';
import { type Database, openDatabase } from '../results/database.ts';
import { loadRun } from '../results/load.ts';
import { pidOf } from '../results/lock.ts';
import type { RunRecord } from '../results/record.ts';
import { saveRun } from '../results/save.ts';
import { serving } from '../results/server.ts';
import { argumentsOf } from './arguments.ts';
import { recordOfRun } from './record-of-run.ts';

const victims = ['program', 'process that serves it', 'server'] as const;

const given = argumentsOf({ kills: 'count', seed: 'count', record: 'text', save: 'text', from: 'count' });
if (given.save === undefined) process.exitCode = await main();
else await saveOneAfterAnother(given.save, given.from ?? 1);

/** The program that is killed. */
async function saveOneAfterAnother(folder: string, from: number): Promise<void> {
  const record = templateIn(folder);
  const database = await openDatabase({ folder });
  for (let n = from; ; n++) {
    process.stdout.write(`begun ${n}\n`);
    await saveRun(database, numbered(record, n));
    process.stdout.write(`saved ${n}\n`);
  }
}

function templateIn(folder: string): RunRecord {
  return JSON.parse(readFileSync(join(folder, 'record.json'), 'utf8')) as RunRecord; // our own file
}

function numbered(record: RunRecord, n: number): RunRecord {
  return { ...record, id: idOf(n), seed: n };
}

function idOf(n: number): string {
  return `20260101-000000-000-${String(n).padStart(6, '0')}`;
}

async function main(): Promise<number> {
  const { kills = 20, seed = 1, record } = given;
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-kill-'));
  const text = record === undefined ? JSON.stringify(await recordOfRun({}, true)) : readFileSync(record, 'utf8');
  writeFileSync(join(folder, 'record.json'), text);
  const database = await openDatabase({ folder });
  const random = new Random(`kill-saves/${seed}`);
  const tally = { saved: 0, whole: 0, absent: 0, wrong: 0 };
  try {
    for (let kill = 0; kill < kills; kill++) {
      const victim = victims[kill % victims.length];
      const told = await killed(folder, database, victim, 1 + kill * 1_000, random.fork(kill));
      if (victim !== 'program') await database.reopen();
      const found = await judged(database, templateIn(folder), told);
      for (const name of ['saved', 'whole', 'absent', 'wrong'] as const) tally[name] += found[name];
      console.log(`${String(kill + 1).padStart(3)}. kill -9 of the ${victim}: ${sentence(found)}`);
    }
    const bytes = text.length;
    console.log(`${kills} kills, records of ${(bytes / 1e6).toFixed(2)} MB: ${sentence(tally)}`);
  } finally {
    await database.close();
    rmSync(folder, { recursive: true, force: true });
  }
  return tally.wrong === 0 ? KEPT : BROKEN;
}

interface Told {
  readonly begun: ReadonlySet<number>;
  readonly saved: ReadonlySet<number>;
}

/** Lets it save a few, then kills while it saves another. */
async function killed(
  folder: string,
  database: Database,
  victim: (typeof victims)[number],
  from: number,
  random: Random,
): Promise<Told> {
  const begun = new Set<number>();
  const saved = new Set<number>();
  const child = spawn(process.execPath, [process.argv[1] ?? '', '--save', folder, '--from', String(from)], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()));
  const enough = 1 + random.below(4);
  for await (const line of createInterface({ input: child.stdout })) {
    const [word, number] = line.split(' ');
    (word === 'begun' ? begun : saved).add(Number(number));
    if (begun.size <= enough || word !== 'begun') continue;
    const clock = realClock();
    await clock.sleepUntil(random.below(80) * MILLISECOND);
    // Whoever loses its server starts another, or goes on with that; then it is ended too.
    if (victim !== 'program') await killServer(folder, database, victim === 'server');
    child.kill('SIGKILL');
    break;
  }
  await ended;
  return { begun, saved };
}

async function killServer(folder: string, database: Database, whole: boolean): Promise<void> {
  const server = serving(join(folder, 'postgres'));
  const backends = await database.sql<{ pid: number }[]>`
    select pid from pg_stat_activity where application_name = 'tidemark' and query like '%save_run%' and pid <> pg_backend_pid()`;
  for (const pid of [
    ...backends.map(({ pid }) => pid),
    ...(whole && server !== undefined ? [pidOf(server.process)] : []),
  ])
    endedAtOnce(pid);
}

/** What ended by itself in between has nothing to lose any more. */
function endedAtOnce(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

interface Found {
  readonly saved: number;
  readonly whole: number;
  readonly absent: number;
  readonly wrong: number;
}

async function judged(database: Database, record: RunRecord, { begun, saved }: Told): Promise<Found> {
  let [whole, absent, wrong] = [0, 0, 0];
  for (const n of begun) {
    const loaded = await loadRun(database, idOf(n));
    if (loaded === undefined && !saved.has(n)) absent++;
    else if (loaded !== undefined && same(loaded, numbered(record, n))) whole++;
    else wrong++;
  }
  const [{ strays }] = await database.sql<[{ strays: number }]>`
    select (
      (select count(*) from tidemark.verdicts where run not in (select id from tidemark.runs))
      + (select count(*) from tidemark.histograms where run not in (select id from tidemark.runs))
      + (select count(*) from tidemark.rate_series where run not in (select id from tidemark.runs)))::integer as strays`;
  return { saved: saved.size, whole, absent, wrong: wrong + strays };
}

function same(a: unknown, b: unknown): boolean {
  return sorted(a) === sorted(b);
}

function sorted(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

function sentence({ saved, whole, absent, wrong }: Found): string {
  return `${saved} said to be saved, ${whole} there and whole, ${absent} not there at all, ${wrong} wrong`;
}
