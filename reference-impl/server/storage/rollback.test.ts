import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import type { RollbackRecord } from '../storage.ts';
import { markReplayed, readRollback } from './rollback.ts';
import { entry, opened, removeFolders, temporaryFolder } from './testdata/harness.ts';

afterEach(removeFolders);

function undone(index: number, term = 1): RollbackRecord {
  const at = '2026-01-01T00:00:00.000Z';
  return { group: 'g0', entry: entry(index, term), overwrote: null, acknowledged: index % 2 === 0, at };
}

test('what was undone is kept, in order and once, and may be marked as replayed while the node runs', async () => {
  const place = temporaryFolder();
  expect(await readRollback(place)).toEqual([]);
  const first = await opened(place);
  await Promise.all([first.storage.keepUndone([undone(1), undone(2)]), first.storage.keepUndone([undone(3)])]);
  await markReplayed(place, ['g0/1/2'], '2026-02-02T00:00:00.000Z');
  // As after a crash between this and the write that cuts the log.
  await first.storage.keepUndone([undone(3), undone(3, 2)]);
  await first.storage.close();
  expect(await readRollback(place)).toEqual([
    { ...undone(1), id: 'g0/1/1', replayedAt: undefined },
    { ...undone(2), id: 'g0/1/2', replayedAt: '2026-02-02T00:00:00.000Z' },
    { ...undone(3), id: 'g0/1/3', replayedAt: undefined },
    { ...undone(3, 2), id: 'g0/2/3', replayedAt: undefined },
  ]);
});

test('a line that was not finished is not read, and gone with the next one', async () => {
  const place = temporaryFolder();
  const first = await opened(place);
  await first.storage.keepUndone([undone(1)]);
  await first.storage.close();
  appendFileSync(join(place, 'rollback.jsonl'), '{"group":"g0","entr');
  expect((await readRollback(place)).map(({ id }) => id)).toEqual(['g0/1/1']);
  const second = await opened(place);
  await second.storage.keepUndone([undone(2)]);
  await second.storage.close();
  expect((await readRollback(place)).map(({ id }) => id)).toEqual(['g0/1/1', 'g0/1/2']);
  expect(readFileSync(join(place, 'rollback.jsonl'), 'utf8').split('\n')).toHaveLength(3);
});
