import { afterEach, describe, expect, test } from 'vitest';
import { Random } from '../../../history/random.ts';
import { CrashFiles } from './testdata/crash-files.ts';
import { opened, type Opened, quick, removeFolders, temporaryFolder } from './testdata/harness.ts';
import { drive, until } from './testdata/drive.ts';
import { Twin } from './testdata/twin.ts';

const SEEDS = process.env['TIDEMARK_DEEP'] === undefined ? 30 : 2000;
const seeds = Array.from({ length: SEEDS }, (_, i) => i);

afterEach(removeFolders);

/** The process that crashes is this one: it would still have the lock. */
const lock = (): Promise<() => Promise<void>> => Promise.resolve(() => Promise.resolve());

describe('a power failure', () => {
  test.each(seeds)('at any moment loses nothing that was synced (%i)', async (seed) => {
    const random = new Random(`power/${seed}`);
    const twin = new Twin(random.fork('twin'), ['g0', 'g1']);
    const options = { groups: ['g0', 'g1'], segmentBytes: random.between(2000, 20_000) };
    const place = temporaryFolder();
    for (let life = 0; life < 4; life++) {
      const files = new CrashFiles(random.between(3, 150));
      const stopped = (): boolean => files.crashed;
      const opening = opened(place, options, { lock, opening: files, running: files });
      let store: Opened | undefined;
      await until(
        opening.then((made) => (store = made)),
        stopped,
      );
      if (store !== undefined) {
        expect(store.said).toEqual([]);
        expect(store.storage.recovered.some((durable) => durable.damaged)).toBe(false);
        if (life > 0) twin.restart(store.storage.recovered);
        await drive(store, twin, random, random.between(1, 60), stopped);
      }
      await files.crash(random);
      const after = await opened(place, options, quick);
      expect(after.storage.recovered.some((durable) => durable.damaged)).toBe(false);
      expect(twin.prefixOf(after.storage.recovered)).toBeGreaterThanOrEqual(store?.ticket() ?? 0);
      twin.restart(after.storage.recovered);
      await after.storage.close();
    }
  });
});
