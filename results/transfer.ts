/**
 * Runs in one file, from one database to another: gzipped JSON Lines.
 *
 *   {"tidemark":"runs","schema":1,"runs":2}
 *   {"type":"run","record":{…}}                                             the RunRecord of results/record.ts
 *   {"type":"chunk","sha256":"…","place":0,"gzip":"…"}                      of its journal, if that is stored; base64
 *   {"type":"journal","sha256":"…","bytes":13791718,"chunks":4}             its journal is whole
 *   {"type":"end","runs":2}                                                 the file is whole
 *
 * A line takes 256 MiB at the most, unpacked: longer ones are neither written nor read.
 * A run is imported as it is saved: whole or not at all. A file that ends early has said so by then, and what came before it is there.
 */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync, renameSync, rmSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip, gunzipSync } from 'node:zlib';
import type { Database } from './database.ts';
import { type Chunk, completeJournal, isOfRun, type Journal, saveChunk } from './journals.ts';
import { loadRun } from './load.ts';
import type { RunRecord } from './record.ts';
import { saveRun } from './save.ts';
import { reasonOf } from './unavailable.ts';
import type { Check } from './shape.ts';
import { recordOf } from './valid.ts';

const SCHEMA = 1;

/**
 * A line is one text while it is read or written, and Node's have 512 MiB at the most. The records of real runs stay below one; chunks
 * of journals are of 4 MiB, packed.
 */
export const LINE_MAX_BYTES = 256 * 1024 * 1024;
const LINE_MAX = '256 MiB';
const NEWLINE = 0x0a;

/** A file that holds no runs, or not all that it should. */
export class BadFile extends Error {}

export interface Exported {
  readonly runs: number;
  readonly journals: number;
}

/** Where runs come from. */
export interface Source {
  load(id: string): Promise<RunRecord | undefined>;
  /** The journal of a run in chunks, where there is one to go with it. */
  journal(record: RunRecord): Promise<{ readonly journal: Journal; readonly chunks: AsyncIterable<Chunk> } | undefined>;
}

/** Writes runs into a new file; a file that is there already is left alone. Ids that are no runs are an error. */
export async function exportRuns(source: Source, ids: readonly string[], file: string): Promise<Exported> {
  if (existsSync(file)) throw new BadFile(`${file} is there already`);
  const counts = { runs: 0, journals: 0 };
  const unfinished = `${file}.new`;
  try {
    await pipeline(
      Readable.from(linesOf(source, ids, counts)),
      createGzip({ level: 6 }),
      createWriteStream(unfinished, { flags: 'wx' }),
    );
    renameSync(unfinished, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') rmSync(unfinished, { force: true });
    throw error;
  }
  return counts;
}

async function* linesOf(
  source: Source,
  ids: readonly string[],
  counts: { runs: number; journals: number },
): AsyncGenerator<string> {
  yield line({ tidemark: 'runs', schema: SCHEMA, runs: ids.length });
  const written = new Set<string>();
  for (const id of ids) {
    const record = await source.load(id);
    if (record === undefined) throw new BadFile(`run ${id} is gone`);
    yield line({ type: 'run', record }, `run ${id} is too long to be imported again: it takes more than ${LINE_MAX}`);
    counts.runs++;
    const { journalSha256: sha256 } = record;
    const found = written.has(sha256) ? undefined : await source.journal(record);
    if (found === undefined) continue;
    for await (const { gzip, place } of found.chunks)
      yield line({ type: 'chunk', sha256, place, gzip: Buffer.from(gzip).toString('base64') });
    yield line({ type: 'journal', ...found.journal });
    written.add(sha256);
    counts.journals++;
  }
  yield line({ type: 'end', runs: ids.length });
}

/** Throws a {@link BadFile} that says `tooLong`, if it would be. */
function line(value: object, tooLong = ''): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    if (!(error as Error).message.startsWith('Invalid string length')) throw error;
  }
  if (text === undefined || Buffer.byteLength(text) > LINE_MAX_BYTES) throw new BadFile(tooLong);
  return `${text}\n`;
}

export interface Imported {
  readonly id: string;
  /** `there`: the same run was there already. `differs`: another run of this id is there, and stays. */
  readonly outcome: 'imported' | 'there' | 'differs';
}

/**
 * Saves the runs of a file, one after another, telling each. Throws {@link BadFile} for a file that is none of ours, damaged or cut
 * off; what was told by then is saved.
 */
export async function importRuns(
  database: Database,
  file: string,
  { plan, told }: { readonly plan: Check; readonly told: (imported: Imported) => void },
): Promise<void> {
  let number = 0;
  let ended = false;
  const reader = new Importer(database, plan, told);
  for await (const text of linesIn(file)) {
    number++;
    const where = `${file}, line ${number}`;
    if (ended) throw new BadFile(`${where}: something follows the end`);
    const entry = parsed(text, where);
    if (number === 1) {
      if (entry['tidemark'] !== 'runs') throw new BadFile(`${file} is no export of runs`);
      if (entry['schema'] !== SCHEMA)
        throw new BadFile(`${file} has schema ${String(entry['schema'])}; this Tidemark reads ${SCHEMA}`);
    } else if (entry['type'] === 'end') {
      if (entry['runs'] !== reader.runs)
        throw new BadFile(`${where}: ${reader.runs} of ${String(entry['runs'])} runs are there`);
      ended = true;
    } else await reader.take(entry, where);
  }
  if (!ended) throw new BadFile(`${file} ends early, after ${reader.runs} runs; those are saved`);
}

class Importer {
  runs = 0;
  readonly #database: Database;
  readonly #plan: Check;
  readonly #told: (imported: Imported) => void;
  /** Of the journal whose chunks are coming; its name is that of the first. */
  #sha256 = '';
  /** Not of a run that was left out. */
  #wanted = false;
  #hash = createHash('sha256');
  #chunks = 0;
  #bytes = 0;

  constructor(database: Database, plan: Check, told: (imported: Imported) => void) {
    this.#database = database;
    this.#plan = plan;
    this.#told = told;
  }

  async take(entry: Readonly<Record<string, unknown>>, where: string): Promise<void> {
    if (entry['type'] === 'run') return this.#run(entry['record'], where);
    if (entry['type'] === 'chunk' && isChunk(entry)) return this.#chunk(entry, where);
    if (entry['type'] === 'journal' && isJournal(entry)) return this.#journal(entry, where);
    throw new BadFile(`${where}: neither a run nor a part of a journal`);
  }

  async #run(given: unknown, where: string): Promise<void> {
    const record = recordOf(given, this.#plan);
    if (typeof record === 'string') throw new BadFile(`${where}: ${record}`);
    this.runs++;
    const there = await loadRun(this.#database, record.id);
    if (there === undefined) {
      await saveRun(this.#database, record).catch((cause: unknown) => {
        if (!isMisfit(cause)) throw cause;
        throw new BadFile(`${where}: run ${record.id}: ${reasonOf(cause)}`, { cause });
      });
    }
    const outcome = there === undefined ? 'imported' : sameRun(there, record) ? 'there' : 'differs';
    this.#told({ id: record.id, outcome });
  }

  async #chunk({ sha256, place, gzip }: PlainChunk, where: string): Promise<void> {
    if (place !== this.#chunks) throw new BadFile(`${where}: chunk ${place} comes where ${this.#chunks} is due`);
    if (place === 0) await this.#begin(sha256);
    this.#sameJournal(sha256, where);
    const packed = Buffer.from(gzip, 'base64');
    const bytes = unpacked(packed, where);
    this.#hash.update(bytes);
    this.#chunks++;
    this.#bytes += bytes.length;
    if (this.#wanted) await saveChunk(this.#database, { sha256, place, gzip: packed });
  }

  async #begin(sha256: string): Promise<void> {
    this.#sha256 = sha256;
    this.#wanted = await isOfRun(this.#database, sha256);
  }

  /** What is looked at is what all chunks come to, and what is stored lies under the name of each. */
  #sameJournal(sha256: string, where: string): void {
    if (sha256 !== this.#sha256)
      throw new BadFile(`${where}: the journal ${sha256} comes among chunks of the journal ${this.#sha256}`);
  }

  async #journal(journal: Journal, where: string): Promise<void> {
    if (this.#chunks === 0) await this.#begin(journal.sha256);
    this.#sameJournal(journal.sha256, where);
    const found = { sha256: this.#hash.digest('hex'), bytes: this.#bytes, chunks: this.#chunks };
    this.#hash = createHash('sha256');
    this.#chunks = 0;
    this.#bytes = 0;
    const whole = found.sha256 === journal.sha256 && found.bytes === journal.bytes && found.chunks === journal.chunks;
    if (!whole) throw new BadFile(`${where}: the journal ${journal.sha256} is not what its name says`);
    if (this.#wanted) await completeJournal(this.#database, found);
  }
}

type PlainChunk = Omit<Chunk, 'gzip'> & { readonly gzip: string };

function isChunk(entry: Readonly<Record<string, unknown>>): entry is Readonly<Record<string, unknown>> & PlainChunk {
  return isSha256(entry['sha256']) && Number.isSafeInteger(entry['place']) && typeof entry['gzip'] === 'string';
}

function isJournal(entry: Readonly<Record<string, unknown>>): entry is Readonly<Record<string, unknown>> & Journal {
  return isSha256(entry['sha256']) && Number.isSafeInteger(entry['bytes']) && Number.isSafeInteger(entry['chunks']);
}

function isSha256(value: unknown): boolean {
  return typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);
}

function unpacked(packed: Buffer, where: string): Buffer {
  try {
    return gunzipSync(packed, { maxOutputLength: 64 * 1024 * 1024 });
  } catch (cause) {
    throw new BadFile(`${where}: a chunk cannot be unpacked`, { cause });
  }
}

/** Constraints, types and limits of the schema: classes 22, 23 and 54; and what cannot be one text, or is nested too deep. */
export function isMisfit(error: unknown): boolean {
  return error instanceof RangeError || /^(2[23]|54)/.test(String((error as { readonly code?: unknown } | null)?.code));
}

/** Names in any order. */
function sameRun(a: RunRecord, b: RunRecord): boolean {
  return sorted(a) === sorted(b);
}

function sorted(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

function parsed(text: string, where: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value as Readonly<Record<string, unknown>>;
  } catch {
    // said below
  }
  throw new BadFile(`${where}: no JSON object`);
}

/**
 * Lines end at \n alone: what else ends a line elsewhere, U+2028 say, may stand in a text of JSON. What is left after the last one is a
 * line only where the file has not been cut off.
 */
async function* linesIn(file: string): AsyncGenerator<string> {
  const source = createReadStream(file);
  const unpacking = source.pipe(createGunzip());
  source.on('error', (error) => unpacking.destroy(error));
  let number = 1;
  let begun: Buffer[] = [];
  let bytes = 0;
  const ended = (): string => {
    const text = Buffer.concat(begun, bytes).toString('utf8');
    number++;
    begun = [];
    bytes = 0;
    return text;
  };
  const take = (part: Buffer): void => {
    bytes += part.length;
    if (bytes > LINE_MAX_BYTES) throw new BadFile(`${file}, line ${number}: it is longer than ${LINE_MAX}`);
    begun.push(part);
  };
  try {
    for await (const piece of unpacking as AsyncIterable<Buffer>) {
      let from = 0;
      for (let end = piece.indexOf(NEWLINE); end !== -1; end = piece.indexOf(NEWLINE, from)) {
        take(piece.subarray(from, end));
        yield ended();
        from = end + 1;
      }
      take(piece.subarray(from));
    }
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'Z_DATA_ERROR') throw new BadFile(`${file} is no export of runs, or damaged: it cannot be unpacked`);
    if (code !== 'Z_BUF_ERROR') throw error;
    return; // it ends early
  } finally {
    source.destroy();
  }
  if (bytes > 0) yield ended();
}
