/** `run --runs`: lines, summary, resumption, and a seed that is the same alone and among others. */
import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { asset } from './entry.ts';

const bin = asset('bin/tidemark.mjs');
const env = { ...process.env, TIDEMARK_DATABASE_URL: 'postgres://127.0.0.1:9/none' };
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidemark-campaign-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Line {
  readonly type: 'run' | 'campaign';
  readonly seed: number;
  readonly journalSha256: string;
  readonly runs: number;
  readonly verdicts: Readonly<Record<string, number>>;
  readonly cells: readonly { readonly guarantee: string; readonly evidence: Readonly<Record<string, number>> }[];
}

function tidemark(cwd: string, ...args: string[]): { status: number | null; stderr: string; lines: readonly Line[] } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [bin, 'run', ...args], { cwd, env, encoding: 'utf8' });
  const lines = args.includes('--json') ? stdout.trimEnd().split('\n') : [];
  return { status, stderr, lines: lines.map((line) => JSON.parse(line) as Line) }; // our own output
}

const onePair = ['--write-path', 'quorum-ack', '--read-path', 'follower'];
const short = ['--duration', '2s', '--fault', 'isolate-leader', '--guarantee', 'linearizable,durable', ...onePair];

describe('a campaign', { timeout: 60_000 }, () => {
  it('gives each seed the journal it has alone, whatever the jobs, and adds evidence up', () => {
    const cwd = mkdtempSync(join(folder, 'c-'));
    const alone = [3, 4, 5].map((seed) => tidemark(cwd, ...short, '--seed', String(seed), '--json').lines[0]);
    for (const jobs of ['1', '2']) {
      const { lines } = tidemark(cwd, ...short, '--seed', '3', '--runs', '3', '--jobs', jobs, '--fresh', '--json');
      const runs = lines.filter((line) => line.type === 'run').sort((a, b) => a.seed - b.seed);
      expect(runs.map((run) => run.journalSha256)).toEqual(alone.map((run) => run.journalSha256));
      const summary = lines[lines.length - 1];
      expect(summary).toMatchObject({ type: 'campaign', runs: 3 });
      const operations = (of: Line): number => of.cells.reduce((sum, cell) => sum + cell.evidence.operations, 0);
      expect(operations(summary)).toBe(runs.reduce((sum, run) => sum + operations(run), 0));
    }
  });

  it('goes on where it was interrupted, and a torn last line costs one run', () => {
    const cwd = mkdtempSync(join(folder, 'c-'));
    const whole = tidemark(cwd, ...short, '--runs', '4', '--json').lines;
    const campaigns = join(cwd, '.tidemark', 'campaigns');
    const [name] = readdirSync(campaigns);
    expect(name).toMatch(/^[0-9a-f]{16}\.last\.jsonl$/);
    const [first, second] = readFileSync(join(campaigns, name), 'utf8').split('\n');
    const file = join(campaigns, name.replace('.last', ''));
    writeFileSync(file, `${first}\n`);
    appendFileSync(file, second.slice(0, 100));
    const resumed = tidemark(cwd, ...short, '--runs', '4', '--json');
    expect(resumed.stderr).toContain('going on with an interrupted campaign: 1 of 4 runs are judged');
    expect(resumed.lines.filter((line) => line.type === 'run')).toHaveLength(3);
    const [before, after] = [whole, resumed.lines].map((lines) => lines[lines.length - 1]);
    expect(after.verdicts).toEqual(before.verdicts);
    expect(after.cells).toEqual(before.cells);
  });

  it('keeps the files of runs that broke, and of no others; --bail ends it; --last-failed finds them again', () => {
    const cwd = mkdtempSync(join(folder, 'c-'));
    const args = ['--seed', '1', '--duration', '12s', '--fault', 'isolate-leader', '--set', 'defect=ack-before-quorum'];
    const more = ['--guarantee', 'durable', '--jobs', '1', '--quiet', ...onePair];
    const bailed = tidemark(cwd, ...args, ...more, '--runs', '5', '--bail', '1');
    expect(bailed.status).toBe(1);
    expect(bailed.stderr).toContain('runs were not made');
    const kept = (): string[] => readdirSync(join(cwd, '.tidemark', 'runs'));
    expect(kept()).toHaveLength(1);
    expect(tidemark(cwd, ...args, ...more, '--runs', '5').status).toBe(1);
    const failed = kept().length;
    const again = tidemark(cwd, ...args, ...more, '--runs', '5', '--last-failed');
    expect(again.status).toBe(1);
    expect(kept()).toHaveLength(failed * 2);
  });

  it('shares seeds out by --shard', () => {
    const cwd = mkdtempSync(join(folder, 'c-'));
    const seeds = ['1/2', '2/2'].map((shard) =>
      tidemark(cwd, ...short, '--runs', '5', '--shard', shard, '--json')
        .lines.filter((line) => line.type === 'run')
        .map((line) => line.seed)
        .sort((a, b) => a - b),
    );
    expect(seeds).toEqual([
      [1, 3, 5],
      [2, 4],
    ]);
  });
});
