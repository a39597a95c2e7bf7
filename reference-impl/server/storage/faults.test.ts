import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { need } from '../../../test-support/need.ts';
import { after } from '../clock.ts';
import type { DiskWrite } from '../../core/types.ts';
import { realFiles } from './files.ts';
import { lockFolder } from './lock.ts';
import { readRollback } from './rollback.ts';
import { FaultyFiles } from './testdata/faulty-files.ts';
import {
  copyOf,
  entries,
  entry,
  opened,
  type Opened,
  removeFolders,
  snapshot,
  temporaryFolder,
} from './testdata/harness.ts';

afterEach(removeFolders);

const pause = (ms: number): Promise<void> => new Promise((resolve) => void after(ms, resolve));

async function onFaulty(place: string): Promise<{ store: Opened; files: FaultyFiles }> {
  const files = new FaultyFiles();
  const store = await opened(
    place,
    { segmentBytes: 4096 },
    { lock: lockFolder, opening: realFiles(true), running: files },
  );
  return { store, files };
}

describe('a full disk', () => {
  // Of the fault: the operation that fails, and the write that meets it.
  const writes: readonly [string, string, DiskWrite][] = [
    ['write', '.log', { ticket: 2, entries: entries(4, 6) }],
    ['sync', '.log', { ticket: 2, entries: entries(4, 6) }],
    ['write', 'votes', { ticket: 2, term: 2, votedFor: 'n2', entries: entries(4, 6) }],
    ['write', '.snapshot', { ticket: 2, snapshot: snapshot(3, 1, 900), entries: entries(4, 6) }],
    ['allocate', '.tmp', { ticket: 2, entries: [...entries(4, 5), entry(6, 1, 'x'.repeat(9000))] }],
  ];
  test.each(writes)(
    'at %s of %s: nothing is acknowledged until there is room, and nothing is lost',
    async (...given) => {
      const [operation, file, write] = given;
      const place = temporaryFolder();
      const { store, files } = await onFaulty(place);
      store.storage.write({ ticket: 1, term: 1, entries: entries(1, 3) });
      await store.synced(1);
      const failed: string[] = [];
      files.partly = 40;
      files.fault = (what, path) => {
        // The first segment is written under the name that it was made with.
        const isIt = what === operation && (path.includes(file) || (file === '.log' && path.includes('.tmp')));
        if (isIt) failed.push(path);
        return isIt ? 'ENOSPC' : undefined;
      };
      store.storage.write(write);
      store.storage.write({ ticket: 3, entries: entries(7, 8) });
      while (failed.length < 4) await pause(5);
      expect(store.ticket()).toBe(1);
      expect(store.states).toEqual(['full']);
      expect(store.storage.statistics().full).toBe(true);
      const killed = copyOf(place);
      files.fault = () => undefined;
      await store.synced(3);
      expect(store.states).toEqual(['full', 'ok']);
      expect(store.failures).toEqual([]);
      await store.storage.close();

      const early = await opened(killed, { segmentBytes: 4096 });
      expect(early.storage.recovered[0].entries.slice(0, 3)).toEqual(entries(1, 3));
      expect(early.storage.recovered[0].damaged).toBeUndefined();
      await early.storage.close();
      const late = await opened(place, { segmentBytes: 4096 });
      const [found] = late.storage.recovered;
      expect([...(found.snapshot ? entries(1, 3) : []), ...found.entries]).toEqual([
        ...entries(1, 3),
        ...(write.entries ?? []),
        ...entries(7, 8),
      ]);
      await late.storage.close();
    },
  );

  test('does not keep a node from stopping; what was not acknowledged is given up', async () => {
    const place = temporaryFolder();
    const { store, files } = await onFaulty(place);
    files.fault = (operation) => (operation === 'write' ? 'ENOSPC' : undefined);
    store.storage.write({ ticket: 1, entries: entries(1, 3) });
    await pause(30);
    await store.storage.close();
    expect(store.ticket()).toBe(0);
    const again = await opened(place);
    expect(again.storage.recovered[0].entries).toEqual([]);
    expect(again.storage.recovered[0].damaged).toBeUndefined();
    await again.storage.close();
  });

  test('holds up what is undone, too', async () => {
    const place = temporaryFolder();
    const { store, files } = await onFaulty(place);
    files.fault = (_, path) => (path.includes('rollback') ? 'EDQUOT' : undefined);
    files.partly = 10;
    const record = { group: 'g0', entry: entry(3), acknowledged: true, at: '2026-01-01T00:00:00.000Z' };
    const kept = store.storage.keepUndone([record]);
    while (store.states.length === 0) await pause(5);
    files.fault = () => undefined;
    await kept;
    expect(store.states).toEqual(['full', 'ok']);
    expect((await readRollback(place)).map(({ id }) => id)).toEqual(['g0/1/3']);
    await store.storage.close();
  });

  test('really: on a file system of 3 MB', async () => {
    need('mount');
    const place = temporaryFolder();
    const mounted = join(place, 'mounted');
    mkdirSync(mounted);
    expect(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', mounted]).status).toBe(0);
    const ballast = join(mounted, 'ballast');
    writeFileSync(ballast, Buffer.alloc(1 << 20));
    const options = { segmentBytes: 128 << 10 };
    try {
      const folder = join(mounted, 'data');
      const first = await opened(folder, options);
      let last = 0;
      while (!first.states.includes('full')) {
        first.storage.write({ ticket: ++last, entries: [entry(last, 1, 'x'.repeat(5000))] });
        await Promise.race([first.synced(last), pause(50)]);
      }
      const acknowledged = first.ticket();
      expect(acknowledged).toBeGreaterThan(100);
      expect(acknowledged).toBeLessThan(last);
      // A process that is stopped or started on the full disk finds what was acknowledged, and waits.
      await first.storage.close();
      const second = await opened(folder, options);
      const { length } = second.storage.recovered[0].entries;
      expect(length).toBeGreaterThanOrEqual(acknowledged);
      second.storage.write({ ticket: 1, entries: entries(length + 1, length + 3) });
      await pause(100);
      expect([second.states, second.ticket()]).toEqual([['full'], 0]);
      rmSync(ballast);
      await second.synced(1);
      expect(second.states).toEqual(['full', 'ok']);
      await second.storage.close();
      const third = await opened(folder, options);
      expect(third.storage.recovered[0].entries.slice(length)).toEqual(entries(length + 1, length + 3));
      expect(third.said).toEqual([]);
      await third.storage.close();
    } finally {
      spawnSync('umount', ['-l', mounted]);
    }
  });
});

describe('a write or sync that fails for good', () => {
  test.each(['write', 'sync'])(
    'ends the storage: nothing is tried again, nothing is acknowledged (%s)',
    async (operation) => {
      const place = temporaryFolder();
      const { store, files } = await onFaulty(place);
      store.storage.write({ ticket: 1, entries: entries(1, 3) });
      await store.synced(1);
      files.fault = (what) => (what === operation ? 'EIO' : undefined);
      store.storage.write({ ticket: 2, entries: entries(4, 6) });
      while (store.failures.length === 0) await pause(5);
      files.fault = () => undefined;
      store.storage.write({ ticket: 3, entries: entries(7, 9) });
      await pause(50);
      expect(store.failures.map((error) => error.message)).toEqual([`EIO: ${operation}`]);
      expect(store.ticket()).toBe(1);
      await store.storage.close();
    },
  );
});

describe('what was not synced', () => {
  test('is gone with a killed process, where files are forgetful', async () => {
    const place = temporaryFolder();
    const store = await opened(place, { files: 'forgetful' });
    store.storage.write({ ticket: 1, term: 1, votedFor: 'n1', entries: entries(1, 3) });
    const before = copyOf(place);
    await store.synced(1);
    const killed = copyOf(place);
    await store.storage.close();
    for (const [folder, count] of [
      [before, 0],
      [killed, 3],
      [place, 3],
    ] as const) {
      const again = await opened(folder);
      expect(again.storage.recovered[0]).toMatchObject({ term: count && 1, entries: entries(1, count) });
      await again.storage.close();
    }
  });

  test('counts as durable without syncs, and is lost if nothing but they would have brought it to disk', async () => {
    for (const files of ['real', 'forgetful'] as const) {
      const place = temporaryFolder();
      const store = await opened(place, { files, fsync: 'off', segmentBytes: 2000 });
      for (let ticket = 1; ticket <= 30; ticket++) {
        store.storage.write({ ticket, term: ticket, entries: entries(10 * ticket - 9, 10 * ticket) });
        await store.synced(ticket);
      }
      expect(store.storage.statistics().syncs).toBe(0);
      const killed = await opened(copyOf(place));
      expect(killed.storage.recovered).toEqual([
        files === 'real'
          ? { group: 'g0', term: 30, votedFor: null, entries: entries(1, 300) }
          : { group: 'g0', term: 0, votedFor: null, entries: [] },
      ]);
      await killed.storage.close();
      await store.storage.close();
      const stopped = await opened(place);
      expect(stopped.storage.recovered[0].entries).toEqual(entries(1, 300));
      expect(stopped.said).toEqual([]);
      await stopped.storage.close();
    }
  });
});
