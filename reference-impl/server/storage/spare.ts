/**
 * The file that will be the next segment, made and filled with zeros while the current one is written. A sync within an
 * allocated file has no metadata to write (measured: about a third less time than a sync of a file that grows), and
 * cannot run out of room.
 */
import { join } from 'node:path';
import type { Files, OpenFile } from './files.ts';

/** Segments begin small, so that a process that starts often does not write much, and double up to their size. */
const FIRST_BYTES = 1 << 20;

export interface Spare {
  readonly file: OpenFile;
  readonly allocated: number;
}

export class Spares {
  readonly #files: Files;
  readonly #folder: string;
  readonly #bytesMax: number;
  #made = 0;
  #ready: Promise<Spare | undefined> = Promise.resolve(undefined);

  constructor(files: Files, folder: string, bytesMax: number) {
    this.#files = files;
    this.#folder = folder;
    this.#bytesMax = bytesMax;
  }

  /** What the segment of so high a number, counted from 0 since the process began, is allocated to. */
  bytesOf(number: number): number {
    return Math.min(this.#bytesMax, FIRST_BYTES * 2 ** Math.min(number, 20));
  }

  /** Begins to make one. That there is no room is found out when it is needed. */
  prepare(bytes: number): void {
    this.#ready = this.#make(bytes).catch(() => undefined);
  }

  /** A file of at least so many bytes. It is handed out again until it is `used`. */
  async get(bytes: number): Promise<Spare> {
    const ready = await this.#ready;
    if (ready !== undefined && ready.allocated >= bytes) return ready;
    if (ready !== undefined) await this.#drop(ready.file);
    this.#ready = Promise.resolve(undefined);
    const made = await this.#make(bytes);
    this.#ready = Promise.resolve(made);
    return made;
  }

  used(): void {
    this.#ready = Promise.resolve(undefined);
  }

  async close(): Promise<void> {
    const ready = await this.#ready;
    if (ready !== undefined) await this.#drop(ready.file);
  }

  async #make(bytes: number): Promise<Spare> {
    const file = await this.#files.open(join(this.#folder, `${++this.#made}.tmp`), true);
    try {
      await file.allocate(bytes);
      return { file, allocated: bytes };
    } catch (error) {
      await this.#drop(file);
      throw error;
    }
  }

  async #drop(file: OpenFile): Promise<void> {
    await file.close();
    await this.#files.remove(file.path);
  }
}
