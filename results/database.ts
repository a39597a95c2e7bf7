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
import { type Clock, MILLISECOND, realClock, SECOND } from '../history/clock.ts';
import { type EmbeddedOptions, enter, type Lease } from './embedded.ts';
import { migrate } from './migrate.ts';
import { PORT, type Server, USER } from './server.ts';
import { DatabaseUnavailable, reasonOf } from './unavailable.ts';

export type Sql = postgres.Sql;

export interface Database {
  /** The connection as it is now; ask again after `reopen`. */
  readonly sql: Sql;
  /** `embedded PostgreSQL in .tidemark/postgres`, or host, port and name of the given one; never a password. */
  readonly description: string;
  readonly clock: Clock;
  /** How psql finds it: PGHOST and the like, a password among them. */
  readonly environment: Readonly<Record<string, string>>;
  /** The embedded server as it is now; undefined where the database was given. */
  readonly server: Server | undefined;
  /** Connects anew, if need be to a server started anew. Rejects with DatabaseUnavailable; then the old connection stays. */
  reopen(): Promise<void>;
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
export const CONNECT_TIMEOUT_MS = 3_000;

/** How long a server may take to recover after a crash. */
const RECOVERY_MS = 15_000;

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
  const embedded = { folder, clock, patienceMs: options.patienceMs ?? 20_000, ...options.embedded };
  const open = () => openServer(embedded);
  return database(await open(), clock, `embedded PostgreSQL in ${folder}`, open);
}

async function openServer(embedded: EmbeddedOptions): Promise<Link> {
  const { clock } = embedded;
  const patience = clock.now() + RECOVERY_MS * MILLISECOND;
  for (let attempt = 1; ; attempt++) {
    const lease = await enter(embedded);
    const sql = connect({ server: lease.server });
    try {
      await prepare(sql, embedded.clock);
      const environment = {
        PGHOST: lease.server.socket,
        PGPORT: String(PORT),
        PGUSER: USER,
        PGDATABASE: 'postgres',
        PGSSLMODE: 'disable',
      };
      return { sql, lease, environment };
    } catch (error) {
      await end({ sql, lease }, clock);
      // It may have been killed between entering and connecting; then entering again starts another. One that is being ended closes its
      // socket first, and on a busy machine goes on being there for a while.
      const isEnding = isGone(error) && clock.now() < patience;
      if ((attempt >= 3 && !isEnding) || error instanceof DatabaseUnavailable)
        throw unavailable('the embedded PostgreSQL', error);
      if (isEnding) await clock.sleepUntil(clock.now() + 20 * MILLISECOND);
    }
  }
}

/** Nobody listens at the socket. */
function isGone(error: unknown): boolean {
  return ['ECONNREFUSED', 'ENOENT'].includes(String((error as { readonly code?: unknown } | null)?.code));
}

async function openGiven(url: string, clock: Clock): Promise<Database> {
  if (!/^postgres(ql)?:\/\//.test(url)) {
    throw new DatabaseUnavailable(
      'TIDEMARK_DATABASE_URL does not begin with postgres://',
      'It reads postgres://user:password@host:5432/database.',
    );
  }
  const description = `PostgreSQL at ${url.replace(/^\w+:\/\/([^/]*@)?/, '').replace(/\?.*$/, '')}`; // no password
  const open = async (): Promise<Link> => {
    let sql: Sql | undefined;
    try {
      sql = connect({ url });
      await prepare(sql, clock);
      return { sql, environment: environmentOf(url) };
    } catch (error) {
      if (sql !== undefined) void end({ sql }, clock); // it takes its time, and nobody needs the outcome
      throw unavailable(description, error);
    }
  };
  return database(await open(), clock, description, open);
}

type Target = { readonly url: string } | { readonly server: Server };

/** `user`: of the embedded server; a URL names its own. */
export function connect(target: Target, user = USER): Sql {
  const options: postgres.Options<Record<string, never>> = {
    max: 2,
    connect_timeout: 2 * (CONNECT_TIMEOUT_MS / 1_000), // only where `within` does not look
    idle_timeout: 60,
    prepare: false, // poolers that share connections between clients lose prepared statements
    fetch_types: false,
    onnotice: () => undefined,
    connection: { application_name: 'tidemark' },
  };
  if ('url' in target) return postgres(target.url, options);
  const path = `${target.server.socket}/.s.PGSQL.${PORT}`;
  return postgres({ ...options, path, user, database: 'postgres', ssl: false });
}

/** Connects and brings the schema up to date. A server that starts, or recovers because a process of its was killed, is waited for. */
async function prepare(sql: Sql, clock: Clock): Promise<void> {
  const patience = clock.now() + RECOVERY_MS * MILLISECOND;
  for (;;) {
    try {
      await within(clock, CONNECT_TIMEOUT_MS, 'no answer', sql`select 1`);
      break;
    } catch (error) {
      const starts = (error as { readonly code?: unknown } | null)?.code === '57P03';
      if (!starts || clock.now() >= patience) throw error;
      await clock.sleepUntil(clock.now() + 100 * MILLISECOND);
    }
  }
  await within(clock, 30_000, 'the schema could not be brought up to date', migrate(sql));
}

/** A connection, and the right to it. */
interface Link {
  readonly sql: Sql;
  readonly lease?: Lease;
  readonly environment: Database['environment'];
}

/** Of a URL, for programs that need not show it in the list of processes. */
function environmentOf(url: string): Readonly<Record<string, string>> {
  const { hostname, port, username, password, pathname, searchParams } = new URL(url);
  const text = decodeURIComponent;
  const given = {
    PGHOST: searchParams.get('host') ?? text(hostname).replace(/^\[(.*)\]$/, '$1'),
    PGPORT: port,
    PGUSER: text(username),
    PGPASSWORD: text(password),
    PGDATABASE: text(pathname.slice(1)),
    PGSSLMODE: searchParams.get('sslmode') ?? searchParams.get('ssl') ?? '',
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== ''));
}

function database(first: Link, clock: Clock, description: string, open: () => Promise<Link>): Database {
  let link = first;
  let closing: Promise<void> | undefined;
  let reopening: Promise<void> | undefined;
  const reopen = async (): Promise<void> => {
    const old = link;
    link = await open();
    void end({ sql: old.sql }, clock); // it takes its time, and nobody needs the outcome
    await old.lease?.leave(); // after entering anew, so that the server is never left alone
  };
  return {
    get sql() {
      return link.sql;
    },
    get environment() {
      return link.environment;
    },
    get server() {
      return link.lease?.server;
    },
    clock,
    description,
    reopen: () => (reopening ??= reopen().finally(() => (reopening = undefined))),
    close: () => (closing ??= end(link, clock)),
  };
}

/** Never rejects, never hangs. */
export async function end({ sql, lease }: Pick<Link, 'sql' | 'lease'>, clock: Clock): Promise<void> {
  await within(clock, 2_000, 'still open', sql.end({ timeout: 1 })).catch(() => undefined); // nothing is lost by leaving it
  await lease?.leave().catch(() => undefined); // the registration expires with this process
}

function unavailable(description: string, error: unknown): DatabaseUnavailable {
  if (error instanceof DatabaseUnavailable) return error;
  return new DatabaseUnavailable(`${description} can't be used: ${reasonOf(error)}`, '', { cause: error });
}

/**
 * Rejects when `work` has not settled in time. What `work` does later is ignored. Where the event loop was busy when the
 * time was over, `work` may be done and not know yet: it gets another second.
 */
export async function within<T>(clock: Clock, ms: number, otherwise: string, work: PromiseLike<T>): Promise<T> {
  let cancel = (): void => undefined;
  const late = new Promise<never>((_, reject) => {
    const expire = () => reject(new DatabaseUnavailable(`${otherwise} within ${ms} ms`));
    const due = clock.now() + ms * MILLISECOND;
    cancel = clock.timer(due, () => {
      const wasBusy = clock.now() - due > 100 * MILLISECOND;
      if (wasBusy) cancel = clock.timer(clock.now() + SECOND, expire);
      else expire();
    });
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    cancel();
  }
}
