/**
 * Opens the results database: PostgreSQL at TIDEMARK_DATABASE_URL, or the embedded one of the working directory.
 *
 * A run opens it at its beginning and awaits it at its end:
 *
 * ```ts
 * const opening = openDatabase({ folder: '.tidemark', url: env.TIDEMARK_DATABASE_URL });
 * …
 * const database = await opening; // or throws DatabaseUnavailable, now and not before
 * ```
 */
import { join, resolve } from 'node:path';
import postgres from 'postgres';
import { type Clock, MILLISECOND, realClock } from '../history/clock.ts';
import { type EmbeddedOptions, enter, type Lease, PORT, USER } from './embedded.ts';
import { migrate } from './migrate.ts';
import { DatabaseUnavailable, reasonOf } from './unavailable.ts';

export type Sql = postgres.Sql;

export interface Database {
  readonly sql: Sql;
  /** `embedded PostgreSQL in .tidemark/postgres`, or host, port and name of the given one; never a password. */
  readonly description: string;
  readonly clock: Clock;
  /** Ends the connections, and the embedded server if nobody else uses it. Harmless twice. Never rejects, never hangs. */
  close(): Promise<void>;
}

export interface DatabaseOptions {
  /** Usually TIDEMARK_DATABASE_URL. Empty or absent: the embedded server. */
  readonly url?: string | undefined;
  /** The `.tidemark` folder; the embedded server lives in its `postgres`. */
  readonly folder: string;
  /** How long the embedded server may take to come up. */
  readonly patienceMs?: number;
  /** For tests. */
  readonly embedded?: Pick<EmbeddedOptions, 'native' | 'runAs'>;
}

/** A given server that does not answer for so long is not there. */
const CONNECT_TIMEOUT_MS = 4_000;

/** Rejects with DatabaseUnavailable only. A rejection that nobody awaits yet is no unhandled one. */
export function openDatabase(options: DatabaseOptions): Promise<Database> {
  const clock = realClock();
  const url = options.url ?? '';
  const opening = url === '' ? openEmbedded(options, clock) : openGiven(url, clock);
  opening.catch(() => undefined); // whoever awaits `opening` still gets it
  return opening;
}

async function openEmbedded(options: DatabaseOptions, clock: Clock): Promise<Database> {
  const folder = join(resolve(options.folder), 'postgres');
  const embedded = { folder, clock, patienceMs: options.patienceMs ?? 15_000, ...options.embedded };
  for (let attempt = 1; ; attempt++) {
    const lease = await enter(embedded);
    const sql = connect({ path: `${lease.server.socket}/.s.PGSQL.${PORT}`, user: USER, database: 'postgres' });
    try {
      await prepare(sql, clock);
      return database(sql, clock, `embedded PostgreSQL in ${folder}`, lease);
    } catch (error) {
      await end(sql, clock);
      await lease.leave().catch(() => undefined); // the reason to leave is what the user must read
      // It may have been killed between entering and connecting; then entering again starts another.
      if (attempt === 3 || error instanceof DatabaseUnavailable) throw unavailable('the embedded PostgreSQL', error);
    }
  }
}

async function openGiven(url: string, clock: Clock): Promise<Database> {
  let address: URL;
  try {
    address = new URL(url);
  } catch (cause) {
    throw new DatabaseUnavailable(
      'TIDEMARK_DATABASE_URL is no URL',
      'It reads postgres://user:password@host:5432/database.',
      { cause },
    );
  }
  if (!/^postgres(ql)?:$/.test(address.protocol)) {
    throw new DatabaseUnavailable(`TIDEMARK_DATABASE_URL begins with ${address.protocol}, not postgres:`);
  }
  const description = `PostgreSQL at ${address.host}${address.pathname}`;
  let sql: Sql | undefined;
  try {
    sql = connect({ url });
    await prepare(sql, clock);
    return database(sql, clock, description);
  } catch (error) {
    if (sql !== undefined) await end(sql, clock);
    throw unavailable(description, error);
  }
}

type Target = { readonly url: string } | { readonly path: string; readonly user: string; readonly database: string };

function connect(target: Target): Sql {
  const options: postgres.Options<Record<string, never>> = {
    max: 2,
    connect_timeout: CONNECT_TIMEOUT_MS / 1_000,
    idle_timeout: 60,
    prepare: false, // poolers that share connections between clients lose prepared statements
    fetch_types: false,
    onnotice: () => undefined,
    connection: { application_name: 'tidemark' },
  };
  return 'url' in target ? postgres(target.url, options) : postgres({ ...options, ...target });
}

/** Connects and brings the schema up to date. */
async function prepare(sql: Sql, clock: Clock): Promise<void> {
  await within(clock, CONNECT_TIMEOUT_MS + 500, 'no answer', sql`select 1`);
  await within(clock, 30_000, 'the schema could not be brought up to date', migrate(sql));
}

function database(sql: Sql, clock: Clock, description: string, lease?: Lease): Database {
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    await end(sql, clock);
    await lease?.leave().catch(() => undefined); // the registration expires with this process
  };
  return { sql, clock, description, close: () => (closing ??= close()) };
}

async function end(sql: Sql, clock: Clock): Promise<void> {
  await within(clock, 2_000, 'still open', sql.end({ timeout: 1 })).catch(() => undefined); // nothing is lost by leaving it
}

function unavailable(description: string, error: unknown): DatabaseUnavailable {
  if (error instanceof DatabaseUnavailable) return error;
  return new DatabaseUnavailable(`${description} can't be used: ${reasonOf(error)}`, '', { cause: error });
}

/** Rejects when `work` has not settled in time. What `work` does later is ignored. */
export async function within<T>(clock: Clock, ms: number, otherwise: string, work: PromiseLike<T>): Promise<T> {
  let cancel = (): void => undefined;
  const late = new Promise<never>((_, reject) => {
    cancel = clock.timer(clock.now() + ms * MILLISECOND, () =>
      reject(new DatabaseUnavailable(`${otherwise} within ${ms} ms`)),
    );
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    cancel();
  }
}
