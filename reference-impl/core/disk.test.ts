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
  for (let seed = 1; seed <= 100; seed++) {
    const random = generator(seed);
    const log = new Log([]);
    const disk = new Disk(0, DILIGENT);
    const onDisk: Entry[] = [];
    const inFlight: DiskWrite[] = [];
    let term = 1;
    const hand = (): void => {
      const write = disk.next(log, term, null, 0);
      if (write !== undefined) inFlight.push(write);
    };
    const sync = (): void => {
      const write = inFlight.shift();
      if (write === undefined) return;
      if (write.truncateFrom !== undefined) onDisk.splice(write.truncateFrom - 1);
      for (const written of write.entries ?? []) expect(onDisk.push(written)).toBe(written.index);
      disk.synced(write.ticket);
    };
    for (let step = 0; step < 200; step++) {
      const draw = random();
      if (draw < 0.4) {
        log.append(entry(term, log.lastIndex + 1));
        disk.appended(log.lastIndex);
      } else if (draw < 0.5 && log.lastIndex > 0) {
        const from = 1 + Math.floor(random() * log.lastIndex);
        log.truncateFrom(from);
        disk.truncated(from);
        term++;
      } else if (draw < 0.55) disk.metaChanged();
      else sync();
      hand();
      const claimed = log.slice(1, disk.durable).every((held, i) => onDisk[i] === held);
      expect(claimed, `seed ${seed}, step ${step}`).toBe(true);
    }
    while (inFlight.length > 0) {
      sync();
      hand();
    }
    expect(disk.durable).toBe(log.lastIndex);
    expect(disk.metaDurable).toBe(true);
    expect(onDisk).toEqual(log.slice(1, log.lastIndex));
  }
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
