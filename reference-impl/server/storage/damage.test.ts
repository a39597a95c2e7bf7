import { readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { Random } from '../../../history/random.ts';
import { Writer } from '../../wire/bytes.ts';
import { after } from '../clock.ts';
import { StorageRefused } from '../storage.ts';
import { RECORD_HEAD_BYTES, readHead, sealRecord } from './frame.ts';
import { readerOf } from './image.ts';
import { packWrite } from './items.ts';
import { RecordReader } from './reader.ts';
import { drive } from './testdata/drive.ts';
import {
  copyOf,
  entries,
  opened,
  type Opened,
  quick,
  removeFolders,
  snapshot,
  temporaryFolder,
} from './testdata/harness.ts';
import { Twin } from './testdata/twin.ts';

const FLIPS = process.env['TIDEMARK_DEEP'] === undefined ? 100 : 5000;

afterEach(removeFolders);

/** Files of a folder and below that a disk may damage. */
function filesIn(folder: string): readonly string[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name !== 'lock');
  return names.map((name) => join(folder, name)).filter((path) => statSync(path).isFile());
}

function flip(path: string, bit: number): void {
  const bytes = readFileSync(path);
  bytes[bit >>> 3] ^= 1 << (bit & 7);
  writeFileSync(path, bytes);
}

/** The log of a folder, last segment last. */
function segmentsOf(folder: string): readonly string[] {
  const log = join(folder, 'log');
  return readdirSync(log)
    .filter((name) => name.endsWith('.log'))
    .sort()
    .map((name) => join(log, name));
}

/** Where the records of a segment end, and what the next one needs. */
async function endOf(path: string): Promise<{ offset: number; next: number; seed: number; last: number }> {
  const reader = await RecordReader.open(path, 'log');
  if (!(reader instanceof RecordReader)) throw new Error(reader.type);
  let next = reader.head.first;
  let last = 0;
  for (;;) {
    const at = reader.offset;
    if (reader.next() === undefined && (await reader.more()) !== undefined) break;
    if (reader.offset === at) continue;
    last = at;
    next++;
  }
  const head = readHead(readFileSync(path), 'log');
  await reader.close();
  return { offset: reader.offset, next, seed: head.type === 'good' ? head.seed : 0, last };
}

/** Until the storage has written the note behind its last record. */
async function noted(store: Opened): Promise<void> {
  const { syncs } = store.storage.statistics();
  for (let waits = 0; waits < 200 && store.storage.statistics().syncs === syncs; waits++) {
    await new Promise<void>((resolve) => void after(10, resolve));
  }
}

async function openedOrRefused(folder: string): Promise<Opened | undefined> {
  try {
    return await opened(folder, { groups: ['g0', 'g1'] }, quick);
  } catch (error) {
    expect(error).toBeInstanceOf(StorageRefused);
    return undefined;
  }
}

/** Everything that was synced is there, or it is said that something may be missing; and nothing else ever is. */
function judge(store: Opened, twin: Twin): 'whole' | 'damaged' {
  for (const durable of store.storage.recovered) {
    const { term, votedFor } = twin.state(durable.group ?? 'g0');
    // One flipped bit is in the log or in the file beside it.
    expect(durable).toMatchObject({ term, votedFor });
    if (durable.damaged) expect(twin.foreign(durable)).toBeUndefined();
    else expect(twin.complete(durable)).toBe(true);
  }
  return store.storage.recovered.some((durable) => durable.damaged) ? 'damaged' : 'whole';
}

/** A folder with some segments and images, all of it synced. */
async function worked(seed: string, graceful: boolean): Promise<{ folder: string; twin: Twin }> {
  const random = new Random(seed);
  const twin = new Twin(random.fork('twin'), ['g0', 'g1']);
  const place = temporaryFolder();
  const options = { groups: ['g0', 'g1'], segmentBytes: random.between(2000, 8000) };
  for (let life = 0; life < 2; life++) {
    const store = await opened(place, options, quick);
    await drive(store, twin, random, 40);
    await store.synced(twin.writes);
    if (life === 1 && !graceful) {
      await noted(store);
      const folder = copyOf(place);
      await store.storage.close();
      return { folder, twin };
    }
    await store.storage.close();
    if (life === 0) twin.restart((await recoveredOf(place)) ?? []);
  }
  return { folder: place, twin };
}

async function recoveredOf(folder: string): Promise<Opened['storage']['recovered'] | undefined> {
  const store = await openedOrRefused(folder);
  await store?.storage.close();
  return store?.storage.recovered;
}

describe.each([true, false])('a flipped bit (stopped gracefully: %s)', (graceful) => {
  test('is harmless, or it is said that writes may be missing, or the folder is refused', async () => {
    const random = new Random(`flips/${graceful}`);
    const seen = { whole: 0, damaged: 0, refused: 0 };
    for (let i = 0; i < FLIPS; ) {
      const { folder, twin } = await worked(`flips/${graceful}/${i}`, graceful);
      const files = filesIn(folder);
      for (let j = 0; j < 10; j++, i++) {
        const copy = copyOf(folder);
        const path = join(copy, random.pick(files).slice(folder.length));
        flip(path, random.below(statSync(path).size * 8));
        const store = await openedOrRefused(copy);
        if (store === undefined) seen.refused++;
        else {
          const outcome = judge(store, twin);
          seen[outcome]++;
          if (outcome === 'damaged') expect(store.said.join()).toContain('error: ');
          await store.storage.close();
        }
      }
    }
    expect(seen.damaged).toBeGreaterThan(0);
    expect(seen.whole).toBeGreaterThan(0);
  });
});

describe('the log', () => {
  test('cut at any length is known to be cut', async () => {
    const place = temporaryFolder();
    const store = await opened(place, { segmentBytes: 2000 }, quick);
    store.storage.write({ ticket: 1, term: 1, votedFor: 'n1', entries: entries(1, 3) });
    await store.synced(1);
    store.storage.write({ ticket: 2, entries: entries(4, 6) });
    await store.synced(2);
    const folder = copyOf(place);
    await store.storage.close();
    const [segment] = segmentsOf(folder);
    const whole = readFileSync(segment);
    const { offset } = await endOf(segment);
    for (let length = 0; length < whole.length; length += length < offset + 20 ? 1 : 97) {
      const copy = copyOf(folder);
      truncateSync(segmentsOf(copy)[0], length);
      const cut = await opened(copy, {}, quick);
      const [found] = cut.storage.recovered;
      expect(found).toMatchObject({ term: 1, votedFor: 'n1', damaged: true });
      expect(found.entries).toEqual(entries(1, 6).slice(0, found.entries.length));
      await cut.storage.close();
    }
  });

  test.each(['zeros', 'garbage'])(
    'with a last write that did not arrive whole loses just that one (%s)',
    async (rest) => {
      const random = new Random(`torn/${rest}`);
      const place = temporaryFolder();
      const store = await opened(place, { segmentBytes: 2000 }, quick);
      store.storage.write({ ticket: 1, term: 1, votedFor: 'n1', entries: entries(1, 3) });
      await store.synced(1);
      const folder = copyOf(place);
      await store.storage.close();
      const [segment] = segmentsOf(folder);
      const { offset, next, seed } = await endOf(segment);
      const out = new Writer(1000);
      out.at = RECORD_HEAD_BYTES;
      packWrite(out, 'g0', { ticket: 2, term: 2, entries: entries(4, 5) });
      sealRecord(out.bytes, out.at, seed, next, next - 1);
      for (let arrived = 0; arrived <= out.at; arrived++) {
        const copy = copyOf(folder);
        const [path] = segmentsOf(copy);
        const bytes = readFileSync(path);
        out.bytes.copy(bytes, offset, 0, arrived);
        if (rest === 'garbage') for (let at = offset + arrived; at < bytes.length; at++) bytes[at] = random.below(256);
        writeFileSync(path, bytes);
        const torn = await opened(copy, {}, quick);
        const isWhole = arrived === out.at;
        expect(torn.storage.recovered).toEqual([
          { group: 'g0', term: isWhole ? 2 : 1, votedFor: 'n1', entries: entries(1, isWhole ? 5 : 3) },
        ]);
        const isSaid = rest === 'garbage' || (arrived > 0 && !isWhole);
        expect(torn.said.map((sentence) => sentence.split(':')[0])).toEqual(isSaid ? ['warning'] : []);
        // Once cut, it is as good as any.
        torn.storage.write({ ticket: 1, truncateFrom: 3, entries: entries(3, 9, 2) });
        await torn.storage.close();
        const again = await opened(copy, {}, quick);
        expect(again.storage.recovered[0].entries).toEqual([...entries(1, 2), ...entries(3, 9, 2)]);
        expect(again.said).toEqual([]);
        await again.storage.close();
      }
    },
  );

  test('whose last synced record is damaged is known to be damaged once it has rested', async () => {
    const place = temporaryFolder();
    const store = await opened(place, {}, quick);
    store.storage.write({ ticket: 1, entries: entries(1, 3) });
    await store.synced(1);
    const before = (await endOf(segmentsOf(place)[0])).last;
    await noted(store);
    const folder = copyOf(place);
    await store.storage.close();
    flip(segmentsOf(folder)[0], (before + RECORD_HEAD_BYTES) * 8);
    const damaged = await opened(folder, {}, quick);
    expect(damaged.storage.recovered).toEqual([{ group: 'g0', term: 0, votedFor: null, entries: [], damaged: true }]);
    expect(damaged.said[0]).toContain(`byte ${before}: the checksum of a record is wrong`);
    await damaged.storage.close();
  });

  test('that misses a segment is damaged; what is behind the hole is kept aside, and not used', async () => {
    const place = temporaryFolder();
    const store = await opened(place, { segmentBytes: 1000 }, quick);
    for (let ticket = 1; ticket <= 40; ticket++) {
      store.storage.write({ ticket, entries: entries(10 * ticket - 9, 10 * ticket) });
      await store.synced(ticket);
    }
    await store.storage.close();
    const segments = segmentsOf(place);
    expect(segments.length).toBeGreaterThan(4);
    rmSync(segments[2]);
    const damaged = await opened(place, {}, quick);
    const [found] = damaged.storage.recovered;
    expect(found.damaged).toBe(true);
    expect(found.entries.length).toBeGreaterThan(10);
    expect(found.entries).toEqual(entries(1, found.entries.length));
    const kept = readdirSync(join(place, 'damaged-1')).sort();
    expect(kept).toEqual(segments.filter((_, i) => i === 1 || i > 2).map((path) => path.slice(-20)));
    await damaged.storage.close();
  });

  test('of which nothing is left is damaged, not new', async () => {
    const place = temporaryFolder();
    const store = await opened(place, {}, quick);
    store.storage.write({ ticket: 1, term: 3, votedFor: 'n2', entries: entries(1, 3) });
    await store.storage.close();
    for (const path of segmentsOf(place)) rmSync(path);
    const damaged = await opened(place, {}, quick);
    expect(damaged.storage.recovered).toEqual([{ group: 'g0', term: 3, votedFor: 'n2', entries: [], damaged: true }]);
    await damaged.storage.close();
  });

  test('stays damaged over restarts until the node has healed', async () => {
    const place = temporaryFolder();
    const first = await opened(place, { groups: ['g0', 'g1'] }, quick);
    first.storage.write({ ticket: 1, entries: entries(1, 3) });
    first.storage.write({ ticket: 2, group: 'g1', entries: entries(1, 5) });
    await first.storage.close();
    flip(segmentsOf(place)[0], 8 * (statSync(segmentsOf(place)[0]).size - 60));
    for (let life = 0; life < 3; life++) {
      const store = await opened(place, { groups: ['g0', 'g1'] }, quick);
      expect(store.storage.recovered.map((durable) => durable.damaged)).toEqual([true, true]);
      if (life === 2) {
        store.storage.write({ ticket: 1, group: 'g1', snapshot: snapshot(7), healed: true });
        await store.synced(1);
      }
      await store.storage.close();
    }
    const healed = await opened(place, { groups: ['g0', 'g1'] }, quick);
    expect(healed.storage.recovered.map((durable) => durable.damaged)).toEqual([true, undefined]);
    expect(healed.storage.recovered[1].snapshot).toEqual(snapshot(7));
    await healed.storage.close();
  });
});

describe('a damaged snapshot', () => {
  /** Entries to 100, images at 40 and 80. */
  async function withImages(compact: number): Promise<string> {
    const place = temporaryFolder();
    const store = await opened(place, { segmentBytes: 1000 }, quick);
    for (let ticket = 1; ticket <= 10; ticket++) {
      store.storage.write({ ticket, entries: entries(10 * ticket - 9, 10 * ticket) });
      await store.synced(ticket);
    }
    await store.storage.snapshot('g0', readerOf(snapshot(40)));
    await store.storage.snapshot('g0', readerOf(snapshot(80, 1, 2000)));
    store.storage.compact('g0', compact);
    await store.storage.close();
    const images = readdirSync(join(place, 'snapshots')).sort();
    expect(images).toHaveLength(2);
    flip(join(place, 'snapshots', images[1]), 8 * 20_000);
    return place;
  }

  test('gives way to the one before, where the log still reaches back to it', async () => {
    const place = await withImages(40);
    const store = await opened(place, {}, quick);
    const expected = [{ group: 'g0', term: 0, votedFor: null, snapshot: snapshot(40), entries: entries(41, 100) }];
    expect(store.storage.recovered).toEqual(expected);
    expect(store.said[0]).toContain('is damaged (the checksum of a record is wrong');
    await store.storage.close();
    const again = await opened(place, {}, quick);
    expect(again.storage.recovered).toEqual(expected);
    expect(again.said).toEqual([]);
    await again.storage.close();
  });

  test('makes the node heal, where the log does not reach back', async () => {
    const place = await withImages(80);
    for (let life = 0; life < 2; life++) {
      const store = await opened(place, {}, quick);
      expect(store.storage.recovered).toEqual([
        { group: 'g0', term: 0, votedFor: null, snapshot: snapshot(40), entries: [], damaged: true },
      ]);
      await store.storage.close();
    }
  });
});

test('an image of a state that the log here does not hold replaces the log', async () => {
  const place = temporaryFolder();
  const store = await opened(place, {}, quick);
  // The core knows entries 3 to 5 of term 2 to be committed, and has not given the write that replaces these yet.
  store.storage.write({ ticket: 1, term: 2, entries: entries(1, 9) });
  await store.storage.snapshot('g0', readerOf(snapshot(5, 2)));
  const killed = copyOf(place);
  store.storage.write({ ticket: 2, truncateFrom: 3, entries: entries(3, 7, 2) });
  await store.storage.close();
  const early = await opened(killed, {}, quick);
  expect(early.storage.recovered[0]).toMatchObject({ snapshot: snapshot(5, 2), entries: [] });
  await early.storage.close();
  const late = await opened(place, {}, quick);
  expect(late.storage.recovered[0]).toMatchObject({ snapshot: snapshot(5, 2), entries: entries(6, 7, 2) });
  await late.storage.close();
});

test('a torn end is cut off and said, is no damage, and the log goes on behind it', async () => {
  const place = temporaryFolder();
  const store = await opened(place);
  store.storage.write({ ticket: 1, term: 1, entries: entries(1, 20) });
  await store.synced(1);
  const [before] = segmentsOf(copyOf(place));
  store.storage.write({ ticket: 2, entries: entries(21, 40) });
  await store.synced(2);
  const killed = copyOf(place);
  await store.storage.close();
  // As if the power had failed in the middle of the second write: the first half of it is on the disk.
  const [segment] = segmentsOf(killed);
  const { offset } = await endOf(before);
  const whole = readFileSync(segment);
  const { offset: end } = await endOf(segment);
  whole.fill(0, offset + ((end - offset) >> 1));
  writeFileSync(segment, whole);
  const torn = await opened(killed);
  expect(torn.said).toEqual([expect.stringMatching(/^warning: The end of the log was torn .* is cut off\.$/)]);
  expect(torn.storage.recovered).toEqual([{ group: 'g0', term: 1, votedFor: null, entries: entries(1, 20) }]);
  torn.storage.write({ ticket: 1, entries: entries(21, 22) });
  await torn.synced(1);
  await torn.storage.close();
  const again = await opened(killed);
  expect([again.said, again.storage.recovered[0].entries]).toEqual([[], entries(1, 22)]);
  await again.storage.close();
});
