/**
 * rollback.jsonl: entries that were undone, a JSON object a line, for an operator to look at and to replay. Which of them
 * were replayed stands in replayed.jsonl, which only the operator's program writes: it may do so beside a running node.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RollbackRecord } from '../storage.ts';
import { type Files, type OpenFile, realFiles } from './files.ts';

const UNDONE = 'rollback.jsonl';
const REPLAYED = 'replayed.jsonl';
const NEWLINE = 10;

export interface KeptUndone extends RollbackRecord {
  /** Group, term and index: no other entry ever has all three. */
  readonly id: string;
  /** ISO 8601; undefined: not replayed. */
  readonly replayedAt: string | undefined;
}

interface Replayed {
  readonly id: string;
  readonly at: string;
}

/** Lines that only grow, each durable before `append` resolves. */
export class LineFile {
  readonly #files: Files;
  readonly #folder: string;
  readonly #name: string;
  #file: OpenFile | undefined;
  #end = 0;
  #before: Promise<void> = Promise.resolve();

  constructor(files: Files, folder: string, name: string) {
    this.#files = files;
    this.#folder = folder;
    this.#name = name;
  }

  /** One after another. What a failed attempt has left is overwritten by the next one. */
  append(items: readonly unknown[]): Promise<void> {
    const mine = this.#before.then(() => this.#append(items));
    this.#before = mine.catch(() => undefined);
    return mine;
  }

  async close(): Promise<void> {
    await this.#before;
    await this.#file?.close();
    this.#file = undefined;
  }

  async #append(items: readonly unknown[]): Promise<void> {
    this.#file ??= await this.#open();
    const bytes = Buffer.from(items.map((item) => `${JSON.stringify(item)}\n`).join(''));
    await this.#file.write(bytes, this.#end);
    await this.#file.sync();
    this.#end += bytes.length;
  }

  async #open(): Promise<OpenFile> {
    const path = join(this.#folder, this.#name);
    const there = await bytesOf(path);
    // A line that was cut off belongs to a write that was never reported as durable.
    this.#end = there === undefined ? 0 : there.lastIndexOf(NEWLINE) + 1;
    const file = await this.#files.open(path, there === undefined);
    if (there === undefined) await this.#files.syncFolder(this.#folder);
    else await file.truncate(this.#end);
    return file;
  }
}

export function rollbackFile(files: Files, folder: string): LineFile {
  return new LineFile(files, folder, UNDONE);
}

/** In the order in which they were undone; once each, though a crash may have made the node keep some twice. */
export async function readRollback(folder: string): Promise<readonly KeptUndone[]> {
  const replayed = new Map((await linesOf<Replayed>(folder, REPLAYED)).map(({ id, at }) => [id, at]));
  const kept = new Map<string, KeptUndone>();
  for (const record of await linesOf<RollbackRecord>(folder, UNDONE)) {
    const id = `${record.group}/${record.entry.term}/${record.entry.index}`;
    if (!kept.has(id)) kept.set(id, { ...record, id, replayedAt: replayed.get(id) });
  }
  return [...kept.values()];
}

/** `at`: wall time, ISO 8601. */
export async function markReplayed(folder: string, ids: readonly string[], at: string): Promise<void> {
  const file = new LineFile(realFiles(true), folder, REPLAYED);
  try {
    await file.append(ids.map((id): Replayed => ({ id, at })));
  } finally {
    await file.close();
  }
}

async function linesOf<Line>(folder: string, name: string): Promise<readonly Line[]> {
  const bytes = await bytesOf(join(folder, name));
  if (bytes === undefined) return [];
  const text = bytes.toString('utf8', 0, bytes.lastIndexOf(NEWLINE) + 1);
  // Written by `append` from the same shape.
  return text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Line]));
}

async function bytesOf(path: string): Promise<Buffer | undefined> {
  return readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
}
