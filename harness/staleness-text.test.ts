import { afterAll, beforeAll, expect, test } from 'vitest';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeEvent } from '../history/codec/jsonl.ts';
import { eventsOf } from '../history/testing.ts';
import { buildFirst, tidemark } from '../test-support/tidemark.ts';

const lines = [
  'p0: w x 1 time=0',
  'p0: w x 2 time=10000000',
  'p1: r x 2 time=11000000 path=leader node=n1 role=leader',
  'p1: r x 1 time=12000000 path=follower node=n2 role=follower',
  'p1: r x 2 time=13000000 path=follower node=n3 role=follower',
];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidemark-stale-'));
  buildFirst();
  const events = eventsOf(...lines).map((event) => `${encodeEvent(event)}\n`);
  writeFileSync(join(folder, 'stale.jsonl'), events.join(''));
});
afterAll(() => rmSync(folder, { recursive: true }));

test('check --staleness tells Δ, k, ages and the curve, and changes no verdict', async () => {
  const of = ['check', 'stale.jsonl', '--guarantee', 'linearizable'];
  const [plain, asked] = [await tidemark(of, { cwd: folder }), await tidemark([...of, '--staleness'], { cwd: folder })];
  expect([plain.code, asked.code]).toEqual([1, 1]);
  expect(plain.stdout).not.toContain('staleness');
  expect(asked.stdout).toMatch(/^stale\.jsonl: staleness \(3 reads, 2 writes; /m);
  expect(asked.stdout).toContain(
    '  Δ 2.00 ms: linearizable once every read may answer as of 2.00 ms before it was invoked\n',
  );
  expect(asked.stdout).toContain('  k 2: every read returns one of the 2 latest writes\n');
  expect(asked.stdout).toMatch(/^ {2}follower n2 \(follower\) +1 +100\.0 % +1 +2\.00 ms/m);
  expect(asked.stdout).toMatch(/^ +0 +66\.67 % \(3\) +100 % \(1\) +50\.00 % \(2\) +0\.00 % \(1\) +100 % \(1\)$/m);
});

test('and as JSON', async () => {
  const { stdout } = await tidemark(['check', 'stale.jsonl', '--staleness', '--json', '--path', 'follower'], {
    cwd: folder,
  });
  const last = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Record<string, unknown>;
  expect(last).toMatchObject({
    schema: 1,
    file: 'stale.jsonl',
    staleness: {
      deltaNs: 2e6,
      k: { atLeast: 2, atMost: 2 },
      groups: [{ path: 'follower', reads: 2 }, { node: 'n2' }, { node: 'n3' }],
    },
  });
});
