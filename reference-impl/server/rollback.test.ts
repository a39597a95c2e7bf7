import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Command } from '../core/types.ts';
import type { RollbackRecord } from './storage.ts';
import { TestCluster, expectType, freePorts, runBeside } from './testing.ts';

/** Processes from dist, and one node that wants a secret of its clients. */
describe('tidemark-store rollback', () => {
  let cluster: TestCluster;
  let folder: string;
  let secret: string;
  let data: string;
  let nobody: string;
  let made = 0;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tidemark-rollback-'));
    secret = join(folder, 'secret');
    writeFileSync(secret, 'the secret of all clients\n');
    cluster = await TestCluster.make({ nodes: 1, args: ['--client-secret-file', secret] });
    cluster.start();
    await cluster.leader();
    nobody = `127.0.0.1:${(await freePorts(1))[0]}`;
  });
  afterAll(async () => {
    await cluster.close();
    rmSync(folder, { recursive: true });
  });
  beforeEach(() => {
    data = join(folder, `data-${made++}`);
    mkdirSync(data);
  });

  function keep(...records: (Partial<RollbackRecord> & { readonly command: Command })[]): void {
    const lines = records.map(({ command, ...more }, i) => {
      const entry = { term: 1, index: i + 2, command };
      return JSON.stringify({ group: 'g0', entry, acknowledged: true, at: '2026-01-01T00:00:00.000Z', ...more });
    });
    rmSync(join(data, 'replayed.jsonl'), { force: true });
    writeFileSync(join(data, 'rollback.jsonl'), `${lines.join('\n')}\n`);
  }

  function replay(...more: string[]): ReturnType<typeof runBeside> {
    const to = ['--to', cluster.nodes[0].address, '--cluster', 'test', '--client-secret-file', secret];
    return runBeside(['rollback', 'replay', '--data', data, ...(more[0] === '--to' ? [] : to), ...more]);
  }

  test('of a folder that is not there, and of a damaged line, says so', async () => {
    const list = (from: string): ReturnType<typeof runBeside> => runBeside(['rollback', 'list', '--data', from]);
    expect(await list(data)).toEqual({ code: 0, out: '0 undone, 0 replayed\n' });
    expect(await list(join(data, 'no'))).toEqual({
      code: 254,
      out: `tidemark-store: There is no data directory ${join(data, 'no')}.\n`,
    });
    for (const damage of ['{"group":', '{"group":"g0"}', '7']) {
      keep({ command: { type: 'write', key: 'a', value: 1 } });
      const file = join(data, 'rollback.jsonl');
      writeFileSync(file, `${damage}\n`, { flag: 'a' });
      const out = `tidemark-store: ${file}:2: This line is damaged: ${damage}\n`;
      expect(await list(data)).toEqual({ code: 254, out });
    }
  });

  test('refuses, before anything is replayed, to replay to nobody or to whom it does not belong', async () => {
    keep(
      { command: { type: 'write', key: 'a', value: 1 }, overwrote: null },
      { command: { type: 'write', key: 'b', value: 1 }, overwrote: null },
    );
    const [{ address }] = cluster.nodes;
    const known = ['--client-secret-file', secret];
    const cases: [string[], RegExp][] = [
      [['--to', nobody, '--cluster', 'test', ...known], /ECONNREFUSED/],
      [['--to', address, '--cluster', 'other', ...known], /cluster/],
      [['--to', address, '--cluster', 'test'], /secret/],
      [['--to', address, '--to', nobody, '--cluster', 'test'], /secret/],
    ];
    for (const [given, reason] of cases) {
      const { code, out } = await replay(...given);
      expect(out).toMatch(/^tidemark-store: Nothing can be asked of 127.*\.\n$/);
      expect(out).toMatch(reason);
      expect(code).toBe(254);
    }
    const { code, out } = await replay('--to', nobody, '--to', address, '--cluster', 'test', ...known);
    expect([code, out]).toEqual([0, expect.stringMatching(/\n2 replayed, 0 left alone, 0 failed\n$/)]);
  });

  test('ends at the newest undone value of a key, where nobody has written since and what was there is known', async () => {
    keep(
      { command: { type: 'write', key: 'k', value: 1 }, overwrote: null, committed: true },
      { command: { type: 'write', key: 'k', value: 2 }, overwrote: 1, committed: true },
      { command: { type: 'cas', key: 'k', expected: 2, next: 3 }, overwrote: 2, committed: true },
      { command: { type: 'cas', key: 'k', expected: 9, next: 4 }, committed: true },
      { command: { type: 'write', key: 'u', value: 1 }, overwroteUnknown: true, committed: true },
      { command: { type: 'cas', key: 'u', expected: 1, next: 2 }, overwroteUnknown: true, committed: true },
      { command: { type: 'cas', key: 'u', expected: 7, next: 8 }, overwroteUnknown: true, committed: true },
    );
    const { out: listed } = await runBeside(['rollback', 'list', '--data', data]);
    expect(listed).toMatch(/write "k" 1 over null, committed\n.*write "k" 2 over 1, committed\n/);
    expect(listed).toMatch(/cas "k" 9 to 4, committed\n.*write "u" 1 over what is not known, committed\n/);
    const line = cluster.nodes[0].dial({ secret: Buffer.from('the secret of all clients') });
    const read = { type: 'read', path: 'leader', keys: ['k', 'u'], waitMs: 0 } as const;
    try {
      await expectType(line, { type: 'write', key: 'u', value: 'since' }, 'written');
      const first = await replay();
      expect(first.out).toMatch(/cas "k" 9 to 4: changed no key\n/);
      expect(first.out).toMatch(/write "u" 1: what it had overwritten is not known; --force asks it again\n/);
      expect(first.out).toMatch(/\n3 replayed, 4 left alone, 0 failed\n$/);
      expect((await expectType(line, read, 'read')).values).toEqual([3, 'since']);
      const forced = await replay('--force');
      expect(forced.out).toMatch(/"u" holds 2, which is not what the entry expects\n/);
      expect(forced.out).toMatch(/\n2 replayed, 5 left alone, 0 failed\n$/);
      expect((await expectType(line, read, 'read')).values).toEqual([3, 2]);
      // What is older than one that was replayed by itself does not come after it.
      keep(
        { command: { type: 'write', key: 'u', value: 8 }, overwrote: 7 },
        { command: { type: 'write', key: 'u', value: 9 }, overwrote: 2, acknowledgedUnknown: true },
      );
      await replay('--id', 'g0/1/3');
      expect((await replay('--force')).out).toMatch(/^g0\/1\/2 a later one of its key was replayed\n/);
      expect((await expectType(line, read, 'read')).values).toEqual([3, 9]);
    } finally {
      line.close();
    }
  });
});
