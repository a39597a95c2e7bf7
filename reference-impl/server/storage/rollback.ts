/**
 * rollback.jsonl: entries that were undone, a JSON object a line, for an operator to look at and to replay. Which of them
 * were replayed stands in replayed.jsonl, which only the operator's program writes: it may do so beside a running node.
 */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { type RollbackRecord, StorageRefused } from '../storage.ts';
import { type Files, type OpenFile, realFiles } from './files.ts';

const UNDONE = 'rollback.jsonl';
const REPLAYED = 'replayed.jsonl';
const NEWLINE = 10;
/** Characters of a damaged line. */
const SHOWN = 60;

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
  const found = await stat(folder).catch(() => undefined);
  if (found?.isDirectory() !== true) throw new StorageRefused(`There is no data directory ${folder}.`);
  const replayed = new Map((await linesOf(folder, REPLAYED, isReplayed)).map(({ id, at }) => [id, at]));
  const kept = new Map<string, KeptUndone>();
  for (const record of await linesOf(folder, UNDONE, isUndone)) {
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

async function linesOf<Line>(
  folder: string,
  name: string,
  isOne: (line: unknown) => line is Line,
): Promise<readonly Line[]> {
  const path = join(folder, name);
  const bytes = await bytesOf(path);
  if (bytes === undefined) return [];
  const lines: Line[] = [];
  for (const [i, text] of bytes
    .toString('utf8', 0, bytes.lastIndexOf(NEWLINE) + 1)
    .split('\n')
    .entries()) {
    if (text === '') continue;
    const line = parsed(text);
    if (!isOne(line)) throw new StorageRefused(`${path}:${i + 1}: This line is damaged: ${text.slice(0, SHOWN)}`);
    lines.push(line);
  }
  return lines;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const key = z.union([z.string(), z.number()]);

/** What is looked at below and by whoever replays; the rest was written by `append` from the same shape. */
const undoneLine = z.object({
  group: z.string(),
  at: z.string(),
  acknowledged: z.boolean(),
  entry: z.object({
    term: z.number(),
    index: z.number(),
    command: z.discriminatedUnion('type', [
      z.object({ type: z.literal('noop') }),
      z.object({ type: z.literal('members'), members: z.object({ voters: z.array(z.string()) }) }),
      z.object({ type: z.literal('write'), key, value: z.unknown() }),
      z.object({ type: z.literal('cas'), key, expected: z.unknown(), next: z.unknown() }),
    ]),
  }),
});
const replayedLine = z.object({ id: z.string(), at: z.string() });

function isUndone(line: unknown): line is RollbackRecord {
  return undoneLine.safeParse(line).success;
}

function isReplayed(line: unknown): line is Replayed {
  return replayedLine.safeParse(line).success;
}

async function bytesOf(path: string): Promise<Buffer | undefined> {
  return readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
}
