/**
 * kill -9 of the harness at random moments: what it had reported 200 ms before is in the journal, which is a prefix of the whole
 * journal of that seed, and can be judged.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { realClock, MILLISECOND, wallTime } from '../history/clock.ts';
import { Random } from '../history/random.ts';
import { asset } from './entry.ts';

const deep = process.env.TIDEMARK_DEEP !== undefined;
const KILLS = deep ? 20 : 2;
/** Virtual time enough for ten seconds and more of real time (deep), or for three. */
const DURATION = deep ? '900s' : '120s';
const MOMENTS_MS = deep ? [500, 9_500] : [500, 1_500];
const SEED = 11;

const bin = asset('bin/tidemark.mjs');
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidemark-kill-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Report {
  readonly time: number;
  readonly index: number;
}

/** No server is left behind by a run that is killed: it is pointed at a database that is not there. */
const env = { ...process.env, TIDEMARK_DATABASE_URL: 'postgres://127.0.0.1:9/none' };
const args = [
  'run',
  '--seed',
  String(SEED),
  '--duration',
  DURATION,
  '--progress',
  'json',
  '--quiet',
  '--guarantee',
  'fenced',
];

/** Starts a run, kills it, and gives what it had reported and the bytes it left. */
async function killedAfter(ms: number): Promise<{ reports: readonly Report[]; killedAt: number; journal: Buffer }> {
  const cwd = mkdtempSync(join(folder, 'run-'));
  const child = spawn(process.execPath, [bin, ...args], { cwd, env, stdio: ['ignore', 'ignore', 'pipe'] });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  let text = '';
  child.stderr.setEncoding('utf8').on('data', (part: string) => (text += part));
  await new Promise<void>((resolve) => child.stderr.once('data', () => resolve()));
  const clock = realClock();
  await clock.sleepUntil(ms * MILLISECOND);
  const killedAt = wallTime().getTime();
  child.kill('SIGKILL');
  await exited;
  const reports = text
    .split('\n')
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line) => JSON.parse(line) as Report); // our own progress lines
  const runs = join(cwd, '.tidemark', 'runs');
  const journal = readFileSync(join(runs, readdirSync(runs)[0], 'journal.jsonl'));
  return { reports, killedAt, journal };
}

describe('kill -9 of a run', () => {
  let whole: Buffer;
  beforeAll(() => {
    const cwd = mkdtempSync(join(folder, 'whole-'));
    const done = spawnSync(process.execPath, [bin, ...args], { cwd, env, maxBuffer: 1e9 });
    expect(done.status).toBe(0);
    const runs = join(cwd, '.tidemark', 'runs');
    whole = readFileSync(join(runs, readdirSync(runs)[0], 'journal.jsonl'));
  }, 120_000);

  const random = new Random('kill');
  for (let i = 0; i < KILLS; i++) {
    const ms = random.between(MOMENTS_MS[0], MOMENTS_MS[1]);
    it(`after ${ms} ms leaves a journal that is a prefix and can be judged`, { timeout: 60_000 }, async () => {
      const { reports, killedAt, journal } = await killedAfter(ms);
      const end = journal.lastIndexOf(10) + 1;
      const complete = journal.subarray(0, end);
      expect(complete.equals(whole.subarray(0, end))).toBe(true);
      const lines = complete.toString('utf8').trimEnd().split('\n');
      const last = lines[lines.length - 1];
      const index = (JSON.parse(last) as { index: number }).index;
      const reported = reports.filter((report) => report.time <= killedAt - 200).map((report) => report.index);
      expect(reported.length).toBeGreaterThan(0);
      expect(index).toBeGreaterThanOrEqual(Math.max(...reported));
      const file = join(folder, `${i}.jsonl`);
      writeFileSync(file, journal);
      const check = spawnSync(process.execPath, [bin, 'check', file, '--guarantee', 'one-leader-per-term', '--json']);
      expect(check.status === 0 || check.status === 2).toBe(true);
      expect(JSON.parse(check.stdout.toString().split('\n')[0])).toMatchObject({
        schema: 1,
        guarantee: 'one-leader-per-term',
      });
    });
  }
});
