import { fsync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { type Files, realFiles } from './files.ts';
import { lockFolder } from './lock.ts';
import { entries, opened, type Opened, removeFolders, snapshot, temporaryFolder } from './testdata/harness.ts';
import { readerOf } from './image.ts';

vi.mock('node:fs', async (original) => {
  const real = await original<typeof import('node:fs')>();
  return { ...real, fsync: vi.fn(real.fsync) };
});

afterEach(removeFolders);

/** Closes and opens again. */
async function again(before: Opened): Promise<Opened> {
  await before.storage.close();
  return opened(before.folder);
}

describe('a storage', () => {
  test('gives back what was written', async () => {
    const first = await opened(temporaryFolder());
    expect(first.storage.recovered).toEqual([{ group: 'g0', term: 0, votedFor: null, entries: [] }]);
    first.storage.write({ ticket: 1, term: 2, votedFor: 'n3' });
    first.storage.write({ ticket: 2, entries: entries(1, 5) });
    first.storage.write({ ticket: 3, truncateFrom: 4, entries: entries(4, 6, 2) });
    await first.synced(3);
    const second = await again(first);
    const expected = { group: 'g0', term: 2, votedFor: 'n3', entries: [...entries(1, 3), ...entries(4, 6, 2)] };
    expect(second.storage.recovered).toEqual([expected]);
    second.storage.write({ ticket: 1, term: 3, votedFor: null });
    const third = await again(second);
    expect(third.storage.recovered).toEqual([{ ...expected, term: 3, votedFor: null }]);
    expect([...first.said, ...second.said, ...third.said]).toEqual([]);
    await third.storage.close();
  });

  test('writes what came together with one sync', async () => {
    const { storage, synced } = await opened(temporaryFolder());
    const before = storage.statistics();
    for (let ticket = 1; ticket <= 50; ticket++) storage.write({ ticket, entries: entries(ticket, ticket) });
    await synced(50);
    const after = storage.statistics();
    expect(after.writes - before.writes).toBe(50);
    // One for the segment's beginning, should that be new, and one for all of them.
    expect(after.syncs - before.syncs).toBeLessThanOrEqual(2);
    await storage.close();
  });

  test('goes on over many segments, keeps what follows a snapshot, and forgets what lies before it', async () => {
    const first = await opened(temporaryFolder(), { segmentBytes: 4096 });
    let index = 0;
    for (let ticket = 1; ticket <= 50; ticket++) {
      first.storage.write({ ticket, entries: entries(index + 1, index + 20) });
      index += 20;
      await first.synced(ticket);
    }
    const before = first.storage.statistics();
    expect(before.segments).toBeGreaterThan(3);
    await first.storage.snapshot('g0', readerOf(snapshot(900)));
    first.storage.compact('g0', 900);
    const second = await again(first);
    expect(second.storage.recovered[0].snapshot).toEqual(snapshot(900));
    expect(second.storage.recovered[0].entries).toEqual(entries(901, 1000));
    expect(second.storage.statistics().segments).toBeLessThan(before.segments);
    await second.storage.close();
  });

  test('takes a snapshot in the place of its log', async () => {
    const first = await opened(temporaryFolder());
    first.storage.write({ ticket: 1, entries: entries(1, 9) });
    first.storage.write({ ticket: 2, snapshot: snapshot(20), entries: entries(21, 22) });
    await first.synced(2);
    const second = await again(first);
    const [recovered] = second.storage.recovered;
    expect(recovered.snapshot).toEqual(snapshot(20));
    expect(recovered.entries).toEqual(entries(21, 22));
    await second.storage.close();
  });

  test.each(['are made', 'were made by a process that ended before it synced them'])(
    'is in folders whose names are durable when they %s',
    async (how) => {
      const above = temporaryFolder();
      const folder = join(above, 'deep', 'a', 'b', 'n1');
      if (how !== 'are made') mkdirSync(folder, { recursive: true });
      const synced: string[] = [];
      const running = realFiles(true);
      const opening: Files = {
        ...running,
        syncFolder: (path) => {
          synced.push(path);
          return running.syncFolder(path);
        },
      };
      const first = await opened(folder, {}, { lock: lockFolder, opening, running });
      await first.storage.close();
      for (let path = folder; path !== dirname(above); path = dirname(path)) expect(synced).toContain(path);
      synced.length = 0;
      const second = await opened(folder, {}, { lock: lockFolder, opening, running });
      await second.storage.close();
      expect(synced).not.toContain(above);
    },
  );
});

test('a folder is synced with fsync', async () => {
  vi.mocked(fsync).mockClear();
  await realFiles(true).syncFolder(temporaryFolder());
  expect(fsync).toHaveBeenCalledOnce();
});
