import { expect, test } from 'vitest';
import type { Bundle } from '../core/messages.ts';
import type { Durable, Entry, Snapshot, SnapshotReader, Steps } from '../core/types.ts';
import { generator } from '../core/testdata/chaos.ts';
import { atEndOfTurn } from './clock.ts';
import { Host } from './host.ts';
import { LogBytes } from './log-bytes.ts';
import { Log } from './log.ts';
import { Metrics } from './metrics.ts';
import type { Storage } from './storage.ts';

const LIMIT = 1024 * 1024;
const VALUE = 'v'.repeat(64 * 1024);

function entry(index: number, value: string): Entry {
  return { term: 1, index, command: { type: 'write', key: 'x', value } };
}

function snapshotAt(index: number): Snapshot {
  const members = { voters: ['n1'], learners: [] };
  return { index, term: 1, values: [], requests: [], terms: [], members, membersIndex: 0 };
}

/** A host whose core and disk do as they are told at once: what images it takes, and what of the log it gives up. */
function hosted(recovered: readonly Durable[] = [], keep = 10_000) {
  const images: number[] = [];
  let committed = 0;
  let kept = 1;
  const core: Steps<Bundle> = {
    receive: () => undefined,
    request: () => undefined,
    synced: () => undefined,
    fired: () => undefined,
    diskChanged: () => undefined,
    elect: () => undefined,
    snapshot: () => ({ head: { index: committed } }) as SnapshotReader, // the disk asks for nothing else
    compacted: (_group, index) => void (kept = index + 1),
    status: () => expect.fail('nobody asks for it'),
    statuses: () => [],
  };
  const storage: Storage = {
    recovered,
    write: () => undefined,
    snapshot: (_group, { head: { index } }) => {
      images.push(index);
      return Promise.resolve({ index, bytes: 0 });
    },
    compact: () => undefined,
    keepUndone: () => Promise.resolve(),
    statistics: () => ({ logBytes: 0, segments: 1, writes: 0, syncs: 0, syncMs: zero, waitingMs: 0, full: false }),
    close: () => Promise.resolve(),
  };
  const host = new Host({
    boot: () => core,
    storage,
    send: () => undefined,
    log: new Log('n1', 'text', () => undefined),
    metrics: new Metrics(),
    snapshots: { entries: 100_000, bytes: LIMIT, keep },
    acknowledgement: 'quorum-ack',
    fatal: (error) => {
      throw error;
    },
    told: () => undefined,
  });
  return {
    host,
    images,
    kept: () => kept,
    commit: async (index: number) => {
      committed = index;
      host.tell({ type: 'committed', index });
      await new Promise<void>(atEndOfTurn);
    },
  };
}
const zero = { last: 0, highest: 0 };

test('large values to one key are reason for a snapshot long before they are many, and few of them stay', async () => {
  const { host, images, kept, commit } = hosted();
  const held: number[] = [];
  for (let index = 1; index <= 200; index++) {
    host.write({ ticket: index, entries: [entry(index, VALUE)] });
    await commit(index);
    held.push(index - kept() + 1);
  }
  expect(images.slice(0, 3)).toEqual([16, 32, 48]);
  // At once after an image, and right before the next one.
  expect(held[15]).toBe(3);
  expect(Math.max(...held)).toBe(18);
});

test('what is not committed is no reason for a snapshot, nor what was undone', async () => {
  const { host, images, commit } = hosted();
  const some = (from: number, to: number): Entry[] =>
    Array.from({ length: to - from + 1 }, (_, i) => entry(from + i, VALUE));
  host.write({ ticket: 1, entries: some(1, 30) });
  await commit(10);
  expect(images).toEqual([]);
  host.write({ ticket: 2, truncateFrom: 11, entries: [entry(11, 'small')] });
  await commit(11);
  host.write({ ticket: 3, entries: some(12, 16) });
  await commit(16);
  expect(images).toEqual([]);
  host.write({ ticket: 4, entries: [entry(17, VALUE)] });
  await commit(17);
  expect(images).toEqual([17]);
});

test('a log that is long already is counted at start, but for what the snapshot covers', async () => {
  const entries = Array.from({ length: 20 }, (_, i) => entry(i + 1, VALUE));
  const durable = { group: 'g0', term: 1, votedFor: null, entries };
  const without = hosted([durable]);
  await without.commit(20);
  expect(without.images).toEqual([20]);
  const covered = hosted([{ ...durable, snapshot: snapshotAt(15) }]);
  await covered.commit(20);
  expect(covered.images).toEqual([]);
});

test('a snapshot that the leader sent begins the count anew', async () => {
  const { host, images, commit } = hosted();
  for (let index = 1; index <= 15; index++) host.write({ ticket: index, entries: [entry(index, VALUE)] });
  host.write({ ticket: 16, snapshot: snapshotAt(100), entries: [entry(101, VALUE), entry(102, VALUE)] });
  await commit(102);
  expect(images).toEqual([]);
});

test('small entries stay in the log by their number', async () => {
  const { host, images, kept, commit } = hosted([], 100);
  const one = 128 + 1 + 8;
  const many = Math.ceil((LIMIT * 1.02) / one);
  host.write({ ticket: 1, entries: Array.from({ length: many }, (_, i) => entry(i + 1, '')) });
  await commit(many);
  expect([images, kept()]).toEqual([[many], many - 100 + 1]);
});

/** Against a list of all entries. */
test('the bytes of a log are counted to within a grain and an entry, whatever was undone and replaced', () => {
  for (let seed = 1; seed <= 8; seed++) {
    const random = generator(seed);
    const upTo = (most: number): number => Math.floor(random() * (most + 1));
    const grain = 1000;
    const largest = 400 + 137;
    const counted = new LogBytes(grain, 0, []);
    const sizes: number[] = [];
    let undone = 0;
    for (let step = 0; step < 200; step++) {
      const from = random() < 0.1 && sizes.length > 0 ? 1 + upTo(sizes.length - 1) : undefined;
      if (from !== undefined) {
        sizes.length = from - 1;
        undone++;
      }
      const value = 'v'.repeat(upTo(400));
      sizes.push(value.length + 137);
      counted.wrote({
        ticket: step,
        ...(from !== undefined && { truncateFrom: from }),
        entries: [entry(sizes.length, value)],
      });
      const index = upTo(sizes.length);
      const exact = sizes.slice(0, index).reduce((sum, size) => sum + size, 0);
      expect(counted.upTo(index)).toBeLessThanOrEqual(exact);
      expect(counted.upTo(index)).toBeGreaterThan(exact - (undone + 1) * (grain + largest));
      const behind = counted.behind(index, 3000);
      const tail = sizes.slice(behind, index).reduce((sum, size) => sum + size, 0);
      expect(tail).toBeLessThan(3000 + (undone + 1) * (grain + largest));
    }
    const last = sizes.length;
    const [all, tail] = [counted.upTo(last), counted.behind(last, 3000)];
    counted.forget(tail);
    expect([counted.upTo(last), counted.behind(last, 3000)]).toEqual([all, tail]);
  }
});
