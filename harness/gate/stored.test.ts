/** What a word means among many stored runs: files alone, as where there is no database. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { sampleRecord } from '../../test-support/sample-record.ts';
import type { Io } from '../command.ts';
import { storedSides } from './stored.ts';

const NEWER = 1_001;
const OLDEST = 'feedbee0feedbee0feedbee0feedbee0feedbee0';

let cwd = '';
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), 'tidemark-stored-test-'));
  for (let i = 0; i <= NEWER; i++) {
    const id = `20270101-000000-000-${String(i).padStart(6, '0')}`;
    const git = { revision: i === 0 ? OLDEST : '0'.repeat(40), branch: i === 0 ? 'gone' : 'main', dirty: false };
    const record = { ...sampleRecord(), id, labels: {}, cells: [], latencies: [], series: undefined, git };
    const folder = join(cwd, '.tidemark', 'runs', id);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'verdicts.json'), JSON.stringify({ schema: 1, ...record }));
  }
});
afterAll(() => rmSync(cwd, { recursive: true }));

it('a commit is found however many runs are newer; what is named instead says of how many it is', async () => {
  const io = { cwd, env: {}, err: () => undefined } as unknown as Io;
  const [found] = await storedSides(['feedbee'], io);
  expect(found.map(({ git }) => git?.revision)).toEqual([OLDEST]);
  expect((await storedSides([OLDEST], io))[0]).toHaveLength(1);
  await expect(storedSides(['feedbef'], io)).rejects.toThrow(
    /no stored run of 'feedbef'.*Branches of the newest 1,000: main\. The newest: 20270101-000000-000-001001, /,
  );
});
