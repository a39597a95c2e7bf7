/**
 * What is done where the log is found damaged: it is said, remembered until the node has healed, and what is cut off is
 * moved to `damaged-<n>/` for the operator.
 */
import { existsSync } from 'node:fs';
import { copyFile, mkdir, open, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { GroupId } from '../../core/types.ts';
import { StorageRefused } from '../storage.ts';
import type { Files } from './files.ts';
import { replaceFile } from './meta.ts';
import type { Recovery } from './recover.ts';

const NAME = 'damaged.json';

/** The groups that have not healed since the log was found damaged. On disk before anything is cut. */
export class DamageMarks {
  readonly #files: Files;
  readonly #folder: string;
  #groups: readonly GroupId[];

  private constructor(files: Files, folder: string, groups: readonly GroupId[]) {
    this.#files = files;
    this.#folder = folder;
    this.#groups = groups;
  }

  static async read(files: Files, folder: string): Promise<DamageMarks> {
    const path = join(folder, NAME);
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '[]';
      throw error;
    });
    const groups = namesIn(text);
    if (groups === undefined)
      throw new StorageRefused(`${path} cannot be read: it does not hold what a node has written.`);
    return new DamageMarks(files, folder, groups);
  }

  has(group: GroupId): boolean {
    return this.#groups.includes(group);
  }

  async add(groups: readonly GroupId[]): Promise<void> {
    await this.#set([...new Set([...this.#groups, ...groups])]);
  }

  async remove(groups: readonly GroupId[]): Promise<void> {
    await this.#set(this.#groups.filter((group) => !groups.includes(group)));
  }

  async #set(groups: readonly GroupId[]): Promise<void> {
    if (groups.length === this.#groups.length && groups.every((group) => this.has(group))) return;
    await replaceFile(this.#files, this.#folder, NAME, `${JSON.stringify(groups)}\n`);
    this.#groups = groups;
  }
}

function namesIn(text: string): readonly string[] | undefined {
  try {
    const found: unknown = JSON.parse(text);
    return Array.isArray(found) && found.every((name) => typeof name === 'string') ? found : undefined;
  } catch {
    return undefined;
  }
}

/** A folder that is not there yet. */
export async function newDamagedFolder(files: Files, folder: string): Promise<string> {
  let n = 1;
  while (existsSync(join(folder, `damaged-${n}`))) n++;
  const path = join(folder, `damaged-${n}`);
  await mkdir(path);
  await files.syncFolder(folder);
  return path;
}

/**
 * Puts the damaged file and those behind it aside. Of the damaged one a copy: its beginning is good and stays. The last
 * file goes first, so that what is left is the beginning of the log at every moment.
 */
export async function setAside(files: Files, logFolder: string, into: string, recovery: Recovery): Promise<void> {
  const { damage, open: cut } = recovery;
  for (const path of [...(damage?.files ?? [])].reverse()) {
    const copy = join(into, basename(path));
    if (path === cut?.path) {
      await copyFile(path, copy);
      const handle = await open(copy, 'r+');
      await handle.sync();
      await handle.close();
    } else await files.rename(path, copy);
    await files.syncFolder(into);
    await files.syncFolder(logFolder);
  }
}
