/**
 * The few things that are asked of a file system, each with what it promises after a power failure: nothing until `sync`
 * (a file's bytes) or `syncFolder` (which names there are).
 *
 * {@link forgetfulFiles} keeps exactly what is not promised in this process's memory, so that `kill -9` does what a power
 * failure may do. {@link realFiles} are the kernel's.
 */
import { close, constants, fdatasync, fsync, ftruncate, open, rename, unlink, write } from 'node:fs';
import { dirname } from 'node:path';

export interface OpenFile {
  readonly path: string;
  /** All of `bytes`, which may be used again when it resolves. */
  write(bytes: Uint8Array, at: number): Promise<void>;
  /** These bytes are durable when it resolves; it promises nothing of what else was written. */
  writeDurably(bytes: Uint8Array, at: number): Promise<void>;
  /** Fills an empty file with zeros, durably: later syncs within it change no metadata, and no room is missing. */
  allocate(bytes: number): Promise<void>;
  /** What was written is durable when it resolves (fdatasync). */
  sync(): Promise<void>;
  /** The same, for a file that was just made: also where the kernel's files are not synced otherwise. */
  syncMade(): Promise<void>;
  truncate(bytes: number): Promise<void>;
  close(): Promise<void>;
}

export interface Files {
  /** Opens for writing; creates or empties it if `fresh`. */
  open(path: string, fresh: boolean): Promise<OpenFile>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  syncFolder(folder: string): Promise<void>;
  /** Brings everything to disk: a graceful stop. */
  flush(): Promise<void>;
}

const ZEROS = Buffer.alloc(1 << 20);

/**
 * `sync: false`: a sync does nothing and says it did, as with stores that answer from memory and leave their log to the
 * kernel. Files are made durably all the same, once a segment: after a power failure an end is missing then, and what is missing was
 * acknowledged. Were whole segments missing, the log would be known to be damaged, and nobody would lead.
 */
export function realFiles(sync: boolean): Files {
  return {
    open: (path, fresh) => openReal(path, fresh, sync),
    rename: (from, to) => promised((done) => rename(from, to, done)),
    remove: (path) => promised((done) => unlink(path, done)),
    syncFolder,
    flush: () => Promise.resolve(),
  };
}

/**
 * Whoever writes durably does so through a second descriptor, opened with O_DSYNC: each write returns when its bytes are
 * on disk, as after an fdatasync (open(2)), and waits for a thread of the pool once instead of twice.
 */
async function openReal(path: string, fresh: boolean, sync: boolean): Promise<OpenFile> {
  const fd = await descriptor(path, constants.O_RDWR | (fresh ? constants.O_CREAT | constants.O_TRUNC : 0));
  if (!sync) return realFile(path, fd, undefined);
  try {
    return realFile(path, fd, await descriptor(path, constants.O_WRONLY | constants.O_DSYNC));
  } catch (error) {
    await closed(fd);
    throw error;
  }
}

/** `dsync`: the same file, opened with O_DSYNC; undefined where nothing is synced. */
function realFile(path: string, fd: number, dsync: number | undefined): OpenFile {
  const sync = dsync !== undefined;
  return {
    path,
    write: (bytes, at) => writeAll(fd, bytes, at),
    writeDurably: (bytes, at) => writeAll(dsync ?? fd, bytes, at),
    allocate: (bytes) => allocate(fd, bytes, sync),
    sync: () => (sync ? promised((done) => fdatasync(fd, done)) : Promise.resolve()),
    syncMade: () => promised((done) => fdatasync(fd, done)),
    truncate: (bytes) => promised((done) => ftruncate(fd, bytes, done)),
    async close() {
      if (dsync !== undefined) await closed(dsync);
      await closed(fd);
    },
  };
}

async function allocate(fd: number, bytes: number, sync: boolean): Promise<void> {
  // A chunk at a time: the pool that runs this runs the syncs of the log as well.
  for (let at = 0; at < bytes; at += ZEROS.length) {
    await writeAll(fd, ZEROS.subarray(0, Math.min(ZEROS.length, bytes - at)), at);
  }
  if (sync) await promised((done) => fdatasync(fd, done));
}

/** One change to names that the folder does not promise yet. */
type Renaming = { readonly folder: string; run(): Promise<void> };

export function forgetfulFiles(sync: boolean): Files {
  const real = realFiles(true);
  const names: Renaming[] = [];
  const opened = new Set<ForgetfulFile>();
  const runNames = async (folder: string | undefined): Promise<void> => {
    const due = names.filter((one) => folder === undefined || one.folder === folder);
    for (const one of due) {
      names.splice(names.indexOf(one), 1);
      await one.run();
    }
  };
  return {
    async open(path, fresh) {
      const file = new ForgetfulFile(await real.open(path, fresh), sync, (closed) => opened.delete(closed));
      opened.add(file);
      return file;
    },
    rename(from, to) {
      names.push({ folder: dirname(to), run: () => real.rename(from, to) });
      return Promise.resolve();
    },
    remove(path) {
      names.push({ folder: dirname(path), run: () => real.remove(path) });
      return Promise.resolve();
    },
    async syncFolder(folder) {
      if (!sync) return;
      await runNames(folder);
      await real.syncFolder(folder);
    },
    async flush() {
      for (const file of opened) await file.flush();
      const folders = new Set(names.map((one) => one.folder));
      await runNames(undefined);
      for (const folder of folders) await real.syncFolder(folder);
    },
  };
}

/** One change to a file that the disk does not have yet, and the bytes that it touches. */
interface Forgettable {
  readonly from: number;
  readonly to: number;
  run(): Promise<void>;
}

class ForgetfulFile implements OpenFile {
  readonly path: string;
  readonly #real: OpenFile;
  readonly #sync: boolean;
  readonly #gone: (file: ForgetfulFile) => void;
  #waiting: Forgettable[] = [];
  #closed = false;

  constructor(real: OpenFile, sync: boolean, gone: (file: ForgetfulFile) => void) {
    this.path = real.path;
    this.#real = real;
    this.#sync = sync;
    this.#gone = gone;
  }

  write(bytes: Uint8Array, at: number): Promise<void> {
    const kept = Uint8Array.from(bytes);
    this.#waiting.push({ from: at, to: at + kept.length, run: () => this.#real.write(kept, at) });
    return Promise.resolve();
  }

  async writeDurably(bytes: Uint8Array, at: number): Promise<void> {
    await this.write(bytes, at);
    if (!this.#sync) return;
    const to = at + bytes.length;
    for (const one of this.#waiting.filter((one) => one.from < to && one.to > at)) await this.#run(one);
    await this.#real.sync();
  }

  allocate(bytes: number): Promise<void> {
    return this.#real.allocate(bytes);
  }

  sync(): Promise<void> {
    return this.#sync ? this.flush() : Promise.resolve();
  }

  syncMade(): Promise<void> {
    return this.sync();
  }

  truncate(bytes: number): Promise<void> {
    const to = Number.POSITIVE_INFINITY;
    this.#waiting.push({ from: bytes, to, run: () => this.#real.truncate(bytes) });
    return Promise.resolve();
  }

  /** The descriptor stays open for what the file still keeps to itself. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#waiting.length === 0) await this.#end();
  }

  async flush(): Promise<void> {
    while (this.#waiting.length > 0) await this.#run(this.#waiting[0]);
    await this.#real.sync();
    if (this.#closed) await this.#end();
  }

  async #run(one: Forgettable): Promise<void> {
    await one.run();
    this.#waiting = this.#waiting.filter((other) => other !== one);
  }

  async #end(): Promise<void> {
    this.#gone(this);
    await this.#real.close();
  }
}

async function writeAll(fd: number, bytes: Uint8Array, at: number): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    done += await new Promise<number>((resolve, reject) => {
      write(fd, bytes, done, bytes.length - done, at + done, (error, written) =>
        error === null ? resolve(written) : reject(error),
      );
    });
  }
}

function descriptor(path: string, flags: number): Promise<number> {
  return new Promise((resolve, reject) => {
    open(path, flags, 0o600, (error, fd) => (error === null ? resolve(fd) : reject(error)));
  });
}

async function syncFolder(folder: string): Promise<void> {
  const fd = await descriptor(folder, constants.O_RDONLY);
  try {
    // Not fdatasync: what a file system holds for data of a folder, and what for its metadata, is nowhere said.
    await promised((done) => fsync(fd, done));
  } finally {
    await closed(fd);
  }
}

function closed(fd: number): Promise<void> {
  return promised((done) => close(fd, done));
}

function promised(call: (done: (error: NodeJS.ErrnoException | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    call((error) => (error === null ? resolve() : reject(error)));
  });
}

/** No room, or no more of what this user may have: it can be tried again. */
export function isFull(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ENOSPC' || code === 'EDQUOT';
}
