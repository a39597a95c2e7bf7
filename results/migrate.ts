/** Brings a database to the schema of this version: numbered SQL files, forward only, each once, in one transaction. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Sql } from 'postgres';
import { DatabaseUnavailable } from './unavailable.ts';

interface Migration {
  readonly version: number;
  readonly file: string;
}

/** From sources the SQL lies beside this file; from dist/results it is in the package's results/schema. */
function schemaFolder(): string {
  const beside = fileURLToPath(new URL('schema/', import.meta.url));
  return existsSync(beside) ? beside : fileURLToPath(new URL('../../results/schema/', import.meta.url));
}

/** `0001_runs.sql` → 1. Ascending, without gaps. */
export function migrations(folder = schemaFolder()): readonly Migration[] {
  const files = readdirSync(folder)
    .filter((name) => /^\d{4}_.*\.sql$/.test(name))
    .sort();
  return files.map((name, index) => {
    const version = Number.parseInt(name, 10);
    if (version !== index + 1) throw new Error(`${folder}: ${name} should have the number ${index + 1}`);
    return { version, file: `${folder}/${name}` };
  });
}

/** Any number that other users of the database are unlikely to lock: "tidemark" in ASCII, as a bigint. */
const LOCK = '8388068006826078827';

/** Several processes may do this at once: the first one works, the others wait and find it done. */
export async function migrate(sql: Sql, known: readonly Migration[] = migrations()): Promise<void> {
  const latest = known.length;
  if ((await versionOf(sql)) === latest) return;
  // Not sql.begin: when the connection breaks, it sends a rollback into it all the same, and throws where nobody catches.
  const connection = await sql.reserve();
  try {
    await connection`begin`;
    await upgrade(connection, known);
    await connection`commit`;
  } catch (error) {
    const fromServer =
      error instanceof DatabaseUnavailable || (error as { readonly severity?: unknown }).severity !== undefined;
    if (fromServer) {
      await connection`rollback`;
      connection.release();
    }
    throw error; // and a broken connection is not given back
  }
  connection.release();
}

async function upgrade(sql: Sql, known: readonly Migration[]): Promise<void> {
  const latest = known.length;
  await sql`set local lock_timeout = '15s'`;
  await sql`select pg_advisory_xact_lock(${LOCK}::text::bigint)`;
  await sql`create schema if not exists tidemark`;
  await sql`
    create table if not exists tidemark.schema_version (
      version integer primary key,
      applied_at timestamptz not null default now()
    )`;
  const [{ version }] = await sql<[{ version: number }]>`
    select coalesce(max(version), 0) as version from tidemark.schema_version`;
  if (version > latest) throw tooNew(version, latest);
  for (const migration of known.slice(version)) {
    await sql.unsafe(readFileSync(migration.file, 'utf8'));
    await sql`insert into tidemark.schema_version (version) values (${migration.version})`;
  }
}

/** Undefined when there is no schema yet. */
async function versionOf(sql: Sql): Promise<number | undefined> {
  const [{ exists }] = await sql<[{ exists: boolean }]>`
    select to_regclass('tidemark.schema_version') is not null as exists`;
  if (!exists) return undefined;
  const [{ version }] = await sql<[{ version: number }]>`
    select coalesce(max(version), 0) as version from tidemark.schema_version`;
  return version;
}

function tooNew(version: number, latest: number): DatabaseUnavailable {
  const reason = `the database has schema version ${version}, and this Tidemark knows versions up to ${latest}`;
  return new DatabaseUnavailable(reason, 'Install the newer Tidemark, or use another database.');
}
