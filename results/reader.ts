/**
 * A connection for statements that somebody else wrote, and that are to change nothing.
 *
 * A read-only transaction is not enough where one is superuser, as Tidemark is in the embedded database: COPY runs programs and writes
 * files, functions of the server read files and end other sessions, and what a session has set or renounced (SET ROLE, SET SESSION
 * AUTHORIZATION) a statement may take back. So there it logs in as a role that may read all data and has no other right: there is nothing
 * to go back to. The role is made when it is missing, in databases of earlier versions too; it is no part of the schema.
 */
import { connect, CONNECT_TIMEOUT_MS, type Database, end, type Sql, within } from './database.ts';

/** What `tidemark sql` without --write is in the embedded database. */
export const READER = 'tidemark_reader';

export interface Reader {
  readonly sql: Sql;
  /** How psql finds it. */
  readonly environment: Database['environment'];
  /** Never rejects, never hangs. Harmless twice. */
  close(): Promise<void>;
}

/** Of a given database it is the connection that was given, with all the rights of its user. */
export async function openReader(database: Database): Promise<Reader> {
  const { server } = database;
  if (server === undefined)
    return { sql: database.sql, environment: database.environment, close: () => Promise.resolve() };
  await makeReader(database.sql);
  const sql = connect({ server }, READER);
  const close = (): Promise<void> => end({ sql }, database.clock);
  try {
    // The client never answers `reserve` when that is the first that is asked of it.
    await within(database.clock, CONNECT_TIMEOUT_MS, 'no answer', sql`select 1`);
  } catch (error) {
    await close();
    throw error;
  }
  return { sql, environment: { ...database.environment, PGUSER: READER }, close };
}

/**
 * Large objects are the one thing that everybody may make; they are taken from the role, together with everybody. Several processes may
 * do this at once: the others wait. One statement, hence one transaction.
 */
async function makeReader(sql: Sql): Promise<void> {
  const [{ there }] = await sql<[{ there: boolean }]>`
    select exists (select from pg_roles where rolname = ${READER}) as there`;
  if (there) return;
  await sql.unsafe(`do $$
    begin
      perform pg_advisory_xact_lock(hashtextextended('${READER}', 0));
      if exists (select from pg_roles where rolname = '${READER}') then return; end if;
      create role ${READER} login in role pg_read_all_data;
      execute format('revoke temporary on database %I from public', current_database());
      revoke execute on function lo_creat(integer), lo_create(oid), lo_from_bytea(oid, bytea) from public;
    end $$`);
}
