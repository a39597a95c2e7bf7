/** A plan of triggers on containers, and its replay: the same faults at the same triggers. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Struck } from '../nemesis/nemesis.ts';
import type { RunRecord } from '../results/record.ts';
import { missing, need } from '../test-support/need.ts';
import { buildFirst, tidemark } from '../test-support/tidemark.ts';
import { prepared } from './environments/docker/deploy.ts';
import type { Replayed } from './replay.ts';

let cwd: string;

beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'tm-docker-plan-'));
  if (missing('docker') !== undefined) return;
  buildFirst();
  await prepared(new Map());
}, 600_000);
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

const plan = `
env: docker
seed: 5
rate: 100
write-path: quorum-ack
read-path: [leader, follower]
workload: register
set: { settle-ms: 2000 }
phases:
  - calm: 1s
  - faults: 16s
    streams:
      - { at: 1s, fault: kill, target: leader, for: 3s }
      - { when: new-leader, fault: pause, target: it, for: 1s, times: once }
      - { at: 9s, fault: isolate, target: random-follower, for: 2s }
      - { when: healed, of: isolate, fault: slow-disk, target: n2, with: { delay-ms: 20 }, for: 1s, times: once }
  - calm: 3s
`;

async function run(...args: string[]): Promise<{ readonly record: RunRecord; readonly strikes: readonly Struck[] }> {
  const ended = await tidemark(['run', ...args, '--json'], { cwd });
  expect([0, 2], ended.stderr).toContain(ended.code);
  const record = JSON.parse(ended.stdout) as RunRecord; // with --json there is nothing else
  return { record, strikes: record.plan['strikes'] as readonly Struck[] };
}

describe('a plan file on containers', () => {
  need('docker');

  test('strikes when the cluster does what it waits for, and so does its replay', async () => {
    writeFileSync(join(cwd, 'plan.yaml'), plan);
    const then = await run('--plan', 'plan.yaml');
    const of = (strikes: readonly Struck[], stream: string): Struck | undefined =>
      strikes.find((struck) => struck.stream === stream && struck.skipped === undefined);
    const check = (strikes: readonly Struck[]): void => {
      const [killed, paused, isolated, slowed] = ['2.1', '2.2', '2.3', '2.4'].map((stream) => of(strikes, stream));
      expect(killed?.targets).toEqual([killed?.leader]);
      expect(paused).toMatchObject({ fault: 'pause', because: { type: 'new-leader', node: paused?.targets[0] } });
      expect(paused?.targets).not.toEqual(killed?.targets);
      expect(isolated?.targets).not.toEqual([isolated?.leader]);
      expect(slowed).toMatchObject({ targets: ['n2'], because: { type: 'healed', node: isolated?.targets[0] } });
    };
    check(then.strikes);
    const of2 = (fault: string): RunRecord['faults'][number] | undefined =>
      then.record.faults.find((one) => one.fault === fault);
    expect(of2('kill')?.effect).toMatchObject({ 'nodes killed': 1 });
    expect(of2('pause')?.effect['ms stopped']).toBeGreaterThan(500);
    expect(of2('isolate')?.effect['packets dropped']).toBeGreaterThan(0);

    const again = await run('--replay', then.record.id);
    check(again.strikes);
    expect(again.strikes.map(({ stream, fault }) => [stream, fault])).toEqual(
      then.strikes.map(({ stream, fault }) => [stream, fault]),
    );
    const replay = again.record.plan['replay'] as Replayed; // record-run.ts put it there
    expect(replay).toMatchObject({ run: then.record.id, exact: false, strikes: then.strikes.length });
    expect(replay.alike + (replay.elsewhere ?? 0) + replay.differences.length).toBe(then.strikes.length);
    const [before, now] = [of(then.strikes, '2.3'), of(again.strikes, '2.3')];
    if (now?.leader !== before?.targets[0]) expect(now?.targets).toEqual(before?.targets);
  }, 300_000);

  test('a power cut of all nodes costs acknowledged writes where nothing is synced, and none where it is', async () => {
    const cut = `
env: docker
rate: 100
write-path: quorum-ack
read-path: leader
set: { settle-ms: 2000 }
phases:
  - calm: 4s
  - faults: 3s
    streams: [{ at: 500ms, fault: power-cut, target: all, for: 500ms }]
  - calm: 6s
`;
    writeFileSync(join(cwd, 'cut.yaml'), cut);
    const durable = async (...args: string[]): Promise<string | undefined> => {
      const ended = await tidemark(['run', '--plan', 'cut.yaml', ...args, '--json'], { cwd });
      const { cells, faults } = JSON.parse(ended.stdout) as RunRecord;
      expect(faults.map(({ fault, effect }) => [fault, effect['nodes without power']])).toEqual([['power-cut', 3]]);
      return cells.find(({ guarantee }) => guarantee === 'durable')?.state;
    };
    expect(await durable()).not.toBe('broken'); // undecided where the machine is too busy to answer enough
    expect(await durable('--set', 'fsync=off')).toBe('broken');
  }, 240_000);
});
