/** Connections to one MariaDB server by mysql2: one statement list at a time, each sent once, and no connection made anew. */
import type { Connection, RowDataPacket } from 'mysql2/promise';
import type { Clock } from '../../history/clock.ts';
import type { Instant } from '../../history/operation.ts';
import { Refused } from '../../history/store.ts';
import type { Endpoint } from '../environments/environment.ts';
import { millisecondsLeft, NotSent, within } from '../stores/client.ts';

export type Row = Readonly<Record<string, unknown>>;

/** Rejects with {@link NotSent}: no statement is on its way. */
export async function open(
  clock: Clock,
  { host, port }: Endpoint,
  user: 'tidemark' | 'operator',
  deadline: Instant,
): Promise<Connection> {
  const { createConnection } = await import('mysql2/promise');
  const opening = createConnection({
    host,
    port,
    user,
    database: 'tidemark',
    connectTimeout: millisecondsLeft(clock, deadline),
    multipleStatements: true,
    // Rows that are as they were do not count.
    flags: ['-FOUND_ROWS'],
  }).then((connection) => {
    connection.on('error', () => undefined); // whoever asks is told
    return connection;
  });
  const late = (): Error => new Error('no answer in time');
  return within(clock, deadline, opening, late, close).catch((error: unknown) => {
    throw new NotSent(`${host}:${port}: ${(error as Error).message}`);
  });
}

export function close(connection: Connection): void {
  connection.destroy();
}

/** Several statements at once, and what each of them answered that answers with rows: in order, the last one last. */
export async function ask(
  clock: Clock,
  connection: Connection,
  deadline: Instant,
  statements: string,
  values: readonly (string | number)[] = [],
): Promise<readonly (readonly Row[])[]> {
  const asked = connection.query<RowDataPacket[] | RowDataPacket[][]>(statements, [...values]).catch(refused);
  const [answers] = await within(clock, deadline, asked, () => new Error('no answer in time'));
  return answersWithRows(answers);
}

/** mysql2 makes a list of the answers to several statements, and none of a single one. An answer without rows is an object. */
export function answersWithRows(answers: unknown): readonly (readonly Row[])[] {
  if (!Array.isArray(answers)) return [];
  const isOne = answers.every((row: unknown) => typeof row === 'object' && row !== null && !isAnswer(row));
  return isOne ? [answers as Row[]] : answers.filter((one): one is readonly Row[] => Array.isArray(one));
}

function isAnswer(one: object): boolean {
  return Array.isArray(one) || one.constructor.name === 'ResultSetHeader';
}

/**
 * Errors with which the server says that the statement was undone or never begun: read_only is looked at before it, and once more
 * before its commit, which is then rolled back; after the time for a lock the statement is undone, which is all of an autocommitted
 * transaction; a deadlock's victim is rolled back. What else is asked along with a change takes no locks. A server that is shut down,
 * or whose connection broke, leaves it open.
 */
const definite: Readonly<Record<string, string>> = {
  ER_OPTION_PREVENTS_STATEMENT: 'READ_ONLY',
  ER_LOCK_WAIT_TIMEOUT: 'LOCK_WAIT_TIMEOUT',
  ER_LOCK_DEADLOCK: 'DEADLOCK',
};

function refused(error: unknown): never {
  const { code = '', message } = error as Error & { readonly code?: string };
  if (/closed state/.test(message)) throw new NotSent('the connection is closed');
  throw code in definite ? new Refused(definite[code]) : error;
}
