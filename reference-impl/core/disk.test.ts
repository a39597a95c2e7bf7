import { expect, it } from 'vitest';
import { DILIGENT, Disk } from './disk.ts';
import { Log } from './log.ts';
import { generator } from './testdata/chaos.ts';
import type { DiskWrite, Entry } from './types.ts';

function entry(term: number, index: number): Entry {
  return { term, index, command: { type: 'noop' } };
}

/** What `durable` claims is held against a disk that really does the writes. */
it('never claims an entry that the disk does not hold, and claims all of them in the end', () => {
  let installed = 0;
  for (let seed = 1; seed <= 40; seed++) {
    const random = generator(seed);
    const upTo = (most: number): number => Math.floor(random() * (most + 1));
    const log = new Log([]);
    const disk = new Disk(0, DILIGENT);
    /** Index of the snapshot on disk, and the entries behind it. */
    let base = 0;
    let onDisk: Entry[] = [];
    let healed = false;
    const inFlight: DiskWrite[] = [];
    let term = 1;
    const hand = (): void => {
      const write = disk.next(log, term, null, 0);
      if (write !== undefined) inFlight.push(write);
    };
    const sync = (): void => {
      const write = inFlight.shift();
      if (write === undefined) return;
      if (write.snapshot !== undefined) {
        base = write.snapshot.index;
        onDisk = [];
        installed++;
      }
      if (write.truncateFrom !== undefined) onDisk.splice(write.truncateFrom - base - 1);
      for (const written of write.entries ?? []) expect(base + onDisk.push(written)).toBe(written.index);
      healed ||= write.healed === true;
      disk.synced(write.ticket);
    };
    const install = (): void => {
      const common = Math.max(log.base, upTo(log.lastIndex));
      if (common < log.lastIndex) log.truncateFrom(common + 1);
      const index = common + 1 + upTo(5);
      const terms = [...log.termsUpTo(common), { term: ++term, index: common + 1 }];
      log.reset({ term, index, terms });
      const members = { voters: [], learners: [] };
      disk.replaced({ term, index, terms, members, membersIndex: 0, values: [], requests: [] }, common);
    };
    for (let step = 0; step < 200; step++) {
      const draw = random();
      if (draw < 0.4) {
        log.append(entry(term, log.lastIndex + 1));
        disk.appended(log.lastIndex);
      } else if (draw < 0.5 && log.lastIndex > log.base) {
        const from = log.first + upTo(log.lastIndex - log.first);
        log.truncateFrom(from);
        disk.truncated(from);
        term++;
      } else if (draw < 0.55) disk.metaChanged();
      else if (draw < 0.58) install();
      else if (draw < 0.62) log.compact(Math.min(disk.handed, disk.durable, log.base + upTo(5)));
      else sync();
      hand();
      for (let index = Math.max(log.base, base) + 1; index <= disk.durable; index++) {
        expect(onDisk[index - base - 1], `seed ${seed}, step ${step}, index ${index}`).toBe(log.at(index));
      }
    }
    disk.healed();
    for (hand(); inFlight.length > 0; hand()) sync();
    expect(disk.durable).toBe(log.lastIndex);
    expect(disk.metaDurable).toBe(true);
    expect(healed).toBe(true);
    expect(onDisk.slice(Math.max(0, log.base - base))).toEqual(log.slice(log.first, log.lastIndex));
  }
  expect(installed).toBeGreaterThan(50);
});

it('groups entries while a write is under way, and lets term and vote pass at once', () => {
  const log = new Log([]);
  const disk = new Disk(0, DILIGENT);
  const add = (): DiskWrite | undefined => {
    log.append(entry(1, log.lastIndex + 1));
    disk.appended(log.lastIndex);
    return disk.next(log, 1, null, 0);
  };
  expect(add()).toEqual({ ticket: 1, entries: [entry(1, 1)] });
  expect(add()).toBeUndefined();
  expect(add()).toBeUndefined();
  disk.metaChanged();
  expect(disk.next(log, 2, 'n1', 0)).toEqual({
    ticket: 2,
    term: 2,
    votedFor: 'n1',
    entries: [entry(1, 2), entry(1, 3)],
  });
  expect(disk.metaDurable).toBe(false);
  disk.synced(2);
  expect(disk.metaDurable).toBe(true);
  expect(disk.durable).toBe(3);
});
