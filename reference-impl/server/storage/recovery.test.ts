import { afterEach, describe, expect, test } from 'vitest';
import { Random } from '../../../history/random.ts';
import { atEndOfTurn } from '../clock.ts';
import { realFiles } from './files.ts';
import { readerOf } from './image.ts';
import { lockFolder } from './lock.ts';
import type { Disks } from './open.ts';
import { CrashFiles } from './testdata/crash-files.ts';
import { opened, type Opened, remove, temporaryFolder } from './testdata/harness.ts';
import { Twin } from './testdata/twin.ts';

const SEEDS = process.env['TIDEMARK_DEEP'] === undefined ? 30 : 2000;
const seeds = Array.from({ length: SEEDS }, (_, i) => i);
const GROUPS = ['g0', 'g1'];

const folders: string[] = [];
afterEach(() => {
  for (const made of folders.splice(0)) remove(made);
});

function folder(): string {
  const made = temporaryFolder();
  folders.push(made);
  return made;
}

/** Where nothing fails, syncs only take time. */
const quick: Disks = { lock: lockFolder, opening: realFiles(false), running: realFiles(false) };

/** The process that crashes is this one: it would still have the lock. */
const lock = (): Promise<() => Promise<void>> => Promise.resolve(() => Promise.resolve());

const turn = (): Promise<void> => new Promise(atEndOfTurn);

/** Writes, snapshots and compactions as they come, until `steps` are done or the disk has stopped. */
async function drive(store: Opened, twin: Twin, random: Random, steps: number, stopped: () => boolean): Promise<void> {
  for (let step = 0; step < steps && !stopped(); step++) {
    const group = random.pick(GROUPS);
    const kind = random.below(12);
    if (kind < 9) store.storage.write(twin.next());
    else if (kind === 9) {
      const image = twin.image(group);
      if (image === undefined) continue;
      const written = store.storage.snapshot(group, readerOf(image)).then(
        ({ index }) => store.storage.compact(group, random.between(0, index)),
        () => undefined, // a leader's snapshot came in between
      );
      if (random.chance(0.5)) await until(written, stopped);
    } else if (kind === 10) await until(store.synced(twin.writes), stopped);
    else for (let turns = random.below(8); turns > 0; turns--) await turn();
  }
}

async function until(done: Promise<unknown>, stopped: () => boolean): Promise<void> {
  const isDone = done.then(() => true);
  while (!(await Promise.race([isDone, turn().then(stopped)])));
}

describe('a power failure', () => {
  test.each(seeds)('at any moment loses nothing that was synced (%i)', async (seed) => {
    const random = new Random(`power/${seed}`);
    const twin = new Twin(random.fork('twin'), GROUPS);
    const options = { groups: GROUPS, segmentBytes: random.between(2000, 20_000) };
    const place = folder();
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
