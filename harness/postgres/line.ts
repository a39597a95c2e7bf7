/** Connections to one PostgreSQL server by postgres.js: one at a time, for one client; it sends no query twice. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Notice, Sql } from 'postgres';
import { MILLISECOND, SECOND } from '../../history/clock.ts';
import type { Key } from '../../history/operation.ts';
import { Refused } from '../../history/store.ts';
import type { Endpoint } from '../environments/environment.ts';
import { keyText, NotSent } from '../stores/client.ts';

export interface Line {
  /** Throws {@link NotSent} once the connection has ended: nothing is sent over another one. */
  readonly sql: Sql;
  /** What the server has warned of since it was last taken. */
  warnings(): readonly string[];
  end(): Promise<void>;
}

/** What its session is to be like, in the server's own words. */
export type Parameters = Readonly<Record<string, string>>;

export async function open(endpoint: Endpoint, withinNs: number, parameters: Parameters = {}): Promise<Line> {
  const { default: client } = await import('postgres');
  let said: Notice[] = [];
  let begun = false;
  let ended = false;
  // It would connect again and again where a connection ends before it can be used, and wherever one ended later.
  const socket = async (): Promise<Socket> => {
    if (begun) ended = true;
    if (ended) throw new NotSent('the connection has ended');
    begun = true;
    return connected(endpoint, withinNs);
  };
  const sql = client({
    ...endpoint,
    ...({ socket } as object), // which its types do not know
    user: 'postgres',
    database: 'postgres',
    max: 1,
    connect_timeout: Math.max(0.1, withinNs / SECOND),
    idle_timeout: 0,
    max_lifetime: null,
    fetch_types: false,
    prepare: false, // a plan that went out of date is no reason to send a query again
    connection: parameters,
    onnotice: (notice) => void said.push(notice),
    onclose: () => void (ended = true),
  });
  return {
    get sql() {
      if (ended) throw new NotSent('the connection is closed');
      return sql;
    },
    end: () => sql.end({ timeout: 0 }),
    warnings: () => {
      const words = said.map(({ message }) => message ?? '');
      said = [];
      return words;
    },
  };
}

async function connected(endpoint: Endpoint, withinNs: number): Promise<Socket> {
  const made = connect({ ...endpoint, noDelay: true });
  made.setTimeout(Math.max(1, withinNs / MILLISECOND), () => made.destroy(new NotSent('no connection in time')));
  try {
    await once(made, 'connect');
  } catch (error) {
    throw new NotSent((error as Error).message);
  }
  made.setTimeout(0);
  return made;
}

export function close(line: Line): void {
  line.end().catch(() => undefined);
}

/** What the server says where a commit did not wait for its standbys to the end: it stands here, and nobody knows where else. */
const NOT_WAITED = /synchronous replication/;

export function mustHaveWaited(line: Line): void {
  const warned = line.warnings().find((words) => NOT_WAITED.test(words));
  if (warned !== undefined) throw new Error(warned);
}

/** A key as a literal. Keys that are numbers and keys that look like them are not the same. */
export function literalOf(key: Key): string {
  return quoted(keyText(key));
}

/**
 * As the server reads it with `standard_conforming_strings`, which is on unless somebody turned it off. Statements go with their
 * values in them, in one message each: with parameters postgres.js asks for their types first, and what is lost then was never sent.
 */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/**
 * Errors with which the server says that the statement was undone: not primary, no room, conflicts, cancelled before its commit, not
 * begun. A connection that broke, or a server that was shut down, leaves it open.
 */
const definite: readonly (readonly [prefix: string, code: string])[] = [
  ['25006', 'READ_ONLY'],
  ['57P03', 'STARTING_UP'],
  ['57014', 'CANCELLED'],
  ['55P03', 'LOCKED'],
  ['53', 'NO_ROOM'],
  ['40001', 'SERIALIZATION_FAILURE'],
  ['40P01', 'DEADLOCK'],
  ['42P01', 'NO_TABLE'],
];

/**
 * postgres.js has not come to the end of its greeting, and sends statements after that. What a socket says (ECONNREFUSED, EHOSTUNREACH)
 * is no such word: the system may say it of a connection over which a statement has gone out. {@link connected} knows which one had none.
 */
const NOT_SENT = 'CONNECT_TIMEOUT';

export function refusalIn(error: unknown): unknown {
  const { code = '' } = error as { readonly code?: string };
  if (code === NOT_SENT) return new NotSent(code);
  const found = definite.find(([prefix]) => code.startsWith(prefix));
  return found === undefined ? error : new Refused(found[1]);
}
