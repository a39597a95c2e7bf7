/**
 * Journals in the database, where a user wants them there: in chunks of 4 MiB, each a gzip member, by the SHA-256 of the whole.
 *
 * A journal counts once all its chunks are there. So they are sent one by one, and whoever is killed meanwhile leaves nothing that
 * is taken for a journal; who saves it again overwrites what is there. Runs of one seed have one journal.
 */
import { createHash } from 'node:crypto';
import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { type Database, within } from './database.ts';

export const CHUNK_BYTES = 4 * 1024 * 1024;
/** For one chunk. */
const TIMEOUT_MS = 30_000;

const pack = promisify(gzip);
const unpack = promisify(gunzip);

/** A file is not the journal that was to be saved, or a stored one is damaged. */
export class WrongJournal extends Error {}

/** Stores the journal of a run that has been saved. Harmless twice. Throws {@link WrongJournal} when the file is another one. */
export async function saveJournal(database: Database, file: string, sha256: string): Promise<void> {
  if ((await storedJournal(database, sha256)) !== undefined) return;
  const journal = journalIn(file, sha256);
  for await (const chunk of packedFile(file, journal)) await saveChunk(database, chunk);
  await completeJournal(database, journal);
}

/** What a file is as the journal of this name. Throws {@link WrongJournal} when it is another one, or there is none. */
export function journalIn(file: string, sha256: string): Journal {
  if (!existsSync(file)) throw new WrongJournal(`there is no ${file}`);
  const hash = createHash('sha256');
  let chunks = 0;
  let bytes = 0;
  for (const chunk of chunksIn(file)) {
    hash.update(chunk);
    chunks++;
    bytes += chunk.length;
  }
  const found = hash.digest('hex');
  if (found !== sha256) throw new WrongJournal(`${file} is not the journal of this run: its SHA-256 is ${found}`);
  return { sha256, bytes, chunks };
}

/** A journal in a file, packed as it is stored. */
export async function* packedFile(file: string, { sha256 }: Journal): AsyncGenerator<Chunk> {
  let place = 0;
  for (const chunk of chunksIn(file)) yield { sha256, place: place++, gzip: await pack(chunk, { level: 6 }) };
}

/** The pieces of a file; each is another's memory once the next is asked for. */
function* chunksIn(file: string): Generator<Buffer> {
  const memory = Buffer.alloc(CHUNK_BYTES);
  const descriptor = openSync(file, 'r');
  try {
    for (;;) {
      let length = 0;
      for (let read = -1; read !== 0 && length < CHUNK_BYTES; length += read)
        read = readSync(descriptor, memory, length, CHUNK_BYTES - length, null);
      if (length > 0) yield memory.subarray(0, length);
      if (length < CHUNK_BYTES) return;
    }
  } finally {
    closeSync(descriptor);
  }
}

export interface Chunk {
  readonly sha256: string;
  readonly place: number;
  /** A gzip member. */
  readonly gzip: Uint8Array;
}

export async function saveChunk(database: Database, { sha256, place, gzip }: Chunk): Promise<void> {
  await query(database, database.sql`select tidemark.save_chunk(${sha256}, ${place}::integer, ${gzip}::bytea)`);
}

export interface Journal {
  readonly sha256: string;
  /** Unpacked. */
  readonly bytes: number;
  readonly chunks: number;
}

/** Says that all chunks are there. Rejects when they are not. */
export async function completeJournal(database: Database, { sha256, bytes, chunks }: Journal): Promise<void> {
  const { sql } = database;
  await query(database, sql`select tidemark.complete_journal(${sha256}, ${bytes}::bigint, ${chunks}::integer)`);
}

/** Whether it is the journal of a run that is stored; no other is kept. */
export async function isOfRun({ clock, sql }: Database, sha256: string): Promise<boolean> {
  const asked = sql`select id from tidemark.runs where journal_sha256 = ${sha256} limit 1`;
  return (await within(clock, TIMEOUT_MS, 'the database did not answer', asked)).length > 0;
}

/** Undefined when no whole journal of this name is stored. */
export async function storedJournal(database: Database, sha256: string): Promise<Journal | undefined> {
  const rows = await query(
    database,
    database.sql<{ bytes: string; chunks: number }[]>`
    select bytes, chunks from tidemark.journals where sha256 = ${sha256}`,
  );
  const [row] = rows;
  return rows.length === 0 ? undefined : { sha256, bytes: Number(row.bytes), chunks: row.chunks };
}

/** A stored journal piece by piece, as it is stored: gzip members that make up a .gz file. */
export async function* packedChunks(database: Database, { sha256, chunks }: Journal): AsyncGenerator<Chunk> {
  for (let place = 0; place < chunks; place++) {
    const [row] = await query(
      database,
      database.sql<{ gzip: Buffer }[]>`
      select gzip from tidemark.journal_chunks where sha256 = ${sha256} and place = ${place}`,
    );
    if (row === undefined) throw new WrongJournal(`chunk ${place} of the journal ${sha256} is gone`);
    yield { sha256, place, gzip: row.gzip };
  }
}

/** A stored journal, unpacked. Throws {@link WrongJournal} at its end when it is not what was saved. */
export async function* journalBytes(database: Database, journal: Journal): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  for await (const { gzip: packed, place } of packedChunks(database, journal)) {
    const bytes = await unpack(packed).catch((cause: unknown) => {
      throw new WrongJournal(`chunk ${place} of the journal ${journal.sha256} is damaged`, { cause });
    });
    hash.update(bytes);
    yield bytes;
  }
  if (hash.digest('hex') !== journal.sha256)
    throw new WrongJournal(`the journal ${journal.sha256} is damaged: its SHA-256 is another`);
}

function query<T>(database: Database, work: PromiseLike<T>): Promise<T> {
  return within(database.clock, TIMEOUT_MS, 'the database did not answer', work);
}
