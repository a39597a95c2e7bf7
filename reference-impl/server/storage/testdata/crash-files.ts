/**
 * Files on which the power fails: at a chosen operation everything stops, and of what was not synced by then some sectors
 * reach the disk and others do not, and some changes of names do.
 */
import { dirname } from 'node:path';
import type { Dice } from './dice.ts';
import { atEndOfTurn } from '../../clock.ts';
import { type Files, type OpenFile, realFiles } from '../files.ts';

const SECTOR_BYTES = 512;

type Pending =
  | { readonly type: 'write'; readonly bytes: Uint8Array; readonly at: number }
  | { readonly type: 'truncate'; readonly bytes: number };

interface Opened {
  readonly real: OpenFile;
  pending: Pending[];
}

export class CrashFiles implements Files {
  readonly #real = realFiles(false);
  readonly #opened: Opened[] = [];
  #names: { readonly folder: string; run(): Promise<void> }[] = [];
  #crashAt: number;
  operations = 0;
  #running = 0;
  crashed = false;

  /** At the operation of this number; `Infinity`: when {@link crash} is called. */
  constructor(crashAt: number) {
    this.#crashAt = crashAt;
  }

  async open(path: string, fresh: boolean): Promise<OpenFile> {
    const file = await this.#do(async () => {
      const opened: Opened = { real: await this.#real.open(path, fresh), pending: [] };
      this.#opened.push(opened);
      return opened;
    });
    const { pending, real } = file;
    const write = (bytes: Uint8Array, at: number): Promise<void> => {
      const kept = Uint8Array.from(bytes);
      return this.#do(async () => void pending.push({ type: 'write', bytes: kept, at }));
    };
    const sync = async (isDue: (one: Pending) => boolean): Promise<void> => {
      // What was written when it began; and it takes its time, in which the power may fail.
      const due = new Set(pending.filter(isDue));
      await this.#do(() => new Promise<void>(atEndOfTurn));
      return this.#do(async () => {
        const later = pending.filter((one) => !due.has(one));
        for (const one of pending.splice(0, pending.length, ...later)) if (due.has(one)) await applied(real, one);
      });
    };
    return {
      path,
      write,
      sync: () => sync(() => true),
      syncMade: () => sync(() => true),
      // The power may fail in between. The sync brings nothing but what overlaps.
      writeDurably: async (bytes, at) => {
        await write(bytes, at);
        const to = at + bytes.length;
        await sync((one) => (one.type === 'truncate' ? one.bytes < to : one.at < to && one.at + one.bytes.length > at));
      },
      truncate: (bytes) => this.#do(async () => void pending.push({ type: 'truncate', bytes })),
      allocate: (bytes) => this.#do(() => real.allocate(bytes)),
      close: () => this.#do(async () => undefined),
    };
  }

  rename(from: string, to: string): Promise<void> {
    return this.#do(async () => void this.#names.push({ folder: dirname(to), run: () => this.#real.rename(from, to) }));
  }

  remove(path: string): Promise<void> {
    return this.#do(async () => void this.#names.push({ folder: dirname(path), run: () => this.#real.remove(path) }));
  }

  syncFolder(folder: string): Promise<void> {
    return this.#do(async () => {
      const due = this.#names.filter((one) => one.folder === folder);
      this.#names = this.#names.filter((one) => one.folder !== folder);
      for (const one of due) await one.run();
    });
  }

  flush(): Promise<void> {
    return Promise.resolve();
  }

  /** Stops everything, and does to the disk what the failure does. */
  async crash(random: Dice): Promise<void> {
    this.crashed = true;
    while (this.#running > 0) await new Promise<void>(atEndOfTurn);
    const chance = random.pick([0, 0.5, 0.9, 1]);
    for (const { real, pending } of this.#opened) {
      for (const one of pending) {
        if (one.type === 'truncate') {
          if (random.chance(chance)) await applied(real, one);
          continue;
        }
        for (let at = 0; at < one.bytes.length; ) {
          const end = Math.min(one.bytes.length, at + SECTOR_BYTES - ((one.at + at) % SECTOR_BYTES));
          if (random.chance(chance)) await real.write(one.bytes.subarray(at, end), one.at + at);
          at = end;
        }
      }
      await real.close();
    }
    for (const one of this.#names.slice(0, random.below(this.#names.length + 1))) await one.run();
  }

  async #do<Result>(operation: () => Promise<Result>): Promise<Result> {
    if (++this.operations >= this.#crashAt) this.crashed = true;
    if (this.crashed) return new Promise(() => undefined);
    this.#running++;
    try {
      return await operation();
    } finally {
      this.#running--;
    }
  }
}

async function applied(real: OpenFile, one: Pending): Promise<void> {
  if (one.type === 'write') await real.write(one.bytes, one.at);
  else await real.truncate(one.bytes);
}
