/** A run that is followed: it stops at the first broken promise, at the same event each time, and never without one. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SECOND } from '../history/clock.ts';
import type { RunRecord } from '../results/record.ts';
import { tidemark } from '../test-support/tidemark.ts';
import { defaultPlan, type Plan, resolvePlan } from './plan.ts';
import { judgeRun } from './record-run.ts';
import { renderReport } from './report-text.ts';
import { type Ended, executeRun } from './run.ts';

let folder: string;
let made = 0;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidemark-following-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function run(
  asked: Partial<Plan>,
  bail: boolean,
): Promise<{ readonly ended: Ended; readonly record: RunRecord; readonly lines: readonly string[] }> {
  const plan = await resolvePlan({ ...defaultPlan, durationNs: 3 * SECOND, ...asked });
  const journal = join(folder, `${made++}.jsonl`);
  const ended = await executeRun(plan, { journal, bail });
  const record = await judgeRun({ plan, ended, journal, id: 'test', labels: {}, histograms: false });
  return { ended, record, lines: readFileSync(journal, 'utf8').trimEnd().split('\n') };
}

const hasty: Partial<Plan> = {
  faults: ['isolate-leader'],
  readPaths: ['leader'],
  writePaths: ['quorum-ack'],
  settings: { defect: 'ack-before-quorum' },
};

describe('--bail 1', { timeout: 120_000 }, () => {
  it('stops at the first broken promise; up to there the journal is that of the whole run', async () => {
    const whole = await run(hasty, false);
    const first = await run(hasty, true);
    const again = await run(hasty, true);
    const { bail } = first.ended;
    expect(bail).toMatchObject({ guarantee: 'linearizable', writePath: 'quorum-ack', readPath: 'leader' });
    expect(again.ended.bail).toEqual(bail);
    expect(again.ended.journalSha256).toBe(first.ended.journalSha256);
    // The header is the first line.
    const upTo = (bail?.event ?? 0) + 2;
    expect(JSON.parse(first.lines[upTo - 1])).toMatchObject({ index: bail?.event, type: 'ok' });
    expect(first.lines.slice(0, upTo)).toEqual(whole.lines.slice(0, upTo));
    expect(first.lines.length).toBeLessThan(whole.lines.length / 2);
    expect((bail?.at ?? 0) + (bail?.sparedNs ?? 0)).toBe(3 * SECOND);

    expect(first.record).toMatchObject({ verdict: 'broken', exitCode: 1 });
    expect(first.record.command).toMatch(/ --bail 1$/);
    const report = renderReport(first.record, { color: false });
    expect(report).toMatch(
      /STOPPED 0\.\d{3} s into the load, at event \d+: linearizable \(writes quorum-ack, reads leader\) was broken; 2\.\d s of 3\.0 s were spared/,
    );
    expect(report).toContain(bail?.sentence);
  });

  it('stops at a promise of the whole system, told by what nodes say of themselves', async () => {
    const { ended, record } = await run(
      {
        durationNs: 6 * SECOND,
        faults: ['strike-new-leader'],
        guarantees: ['one-leader-per-term'],
        settings: { defect: 'vote-before-fsync', election: 'built-in' },
      },
      true,
    );
    expect(ended.bail).toMatchObject({ guarantee: 'one-leader-per-term', kind: 'two leaders in one term' });
    expect(record).toMatchObject({ verdict: 'broken', exitCode: 1 });
  });

  it('stops no run that keeps its promises, and changes nothing in its journal', async () => {
    for (const seed of [1, 2]) {
      const followed = await run({ seed }, true);
      expect(followed.ended.bail, `seed ${seed}`).toBeUndefined();
      expect(followed.record.verdict, `seed ${seed}`).not.toBe('broken');
      const plan = await resolvePlan({ ...defaultPlan, durationNs: 3 * SECOND, seed });
      const alone = await executeRun(plan, { journal: join(folder, `${made++}.jsonl`), bail: false });
      expect(followed.ended.journalSha256).toBe(alone.journalSha256);
    }
  });

  it('is a single run with --runs 1 too; more than one broken promise needs more runs', async () => {
    const cwd = mkdtempSync(join(folder, 'c-'));
    const env = { TIDEMARK_DATABASE_URL: 'postgres://127.0.0.1:9/none' };
    const hastily = [
      'run',
      '--duration',
      '6s',
      '--fault',
      'isolate-leader',
      '--read-path',
      'leader',
      '--write-path',
      'quorum-ack',
    ];
    const args = [...hastily, '--set', 'defect=ack-before-quorum', '--bail'];
    const alone = await tidemark([...args, '1', '--json'], { cwd, env });
    const campaign = await tidemark([...args, '1', '--runs', '1', '--json'], { cwd, env });
    const bailOf = (stdout: string): unknown => (JSON.parse(stdout.split('\n')[0]) as RunRecord).plan.bail;
    expect(alone.code).toBe(1);
    expect(campaign.code).toBe(1);
    expect(bailOf(alone.stdout)).toBeDefined();
    expect(bailOf(campaign.stdout)).toEqual(bailOf(alone.stdout));
    expect(await tidemark([...args, '2'], { cwd, env })).toMatchObject({ code: 254, stdout: '' });
  });

  it('says what it cannot stop for, and refuses to where that is all there is', async () => {
    const cwd = mkdtempSync(join(folder, 'c-'));
    const refused = await tidemark(['run', '--guarantee', 'convergent,durable', '--bail', '1'], { cwd });
    expect(refused).toMatchObject({ code: 254, stdout: '' });
    expect(refused.stderr).toContain(
      '--bail 1 would never stop this run: of what is promised here, durable, convergent can only be told at the end.',
    );
    const none = await tidemark(
      ['run', '--guarantee', 'linearizable', '--read-path', 'local', '--bail', '1', '--runs', '1'],
      { cwd },
    );
    expect(none.code).toBe(254);
    expect(none.stderr).toContain('nothing that is judged is promised here');
    const noted = await tidemark(
      ['run', '--guarantee', 'linearizable,convergent', '--duration', '1s', '--fault', 'none', '--bail', '1'],
      { cwd, env: { TIDEMARK_DATABASE_URL: 'postgres://127.0.0.1:9/none' } },
    );
    expect(noted.stderr).toContain('--bail 1 stops for linearizable; told only at the end: convergent.\n');
  });
});
