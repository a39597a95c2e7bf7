/** `tidemark sql`: psql on the results database, or one query. */
import { spawn } from 'node:child_process';
import { MILLISECOND } from '../../history/clock.ts';
import type { Database, Sql } from '../../results/database.ts';
import { openReader } from '../../results/reader.ts';
import { fromStoredText } from '../../results/text.ts';
import type { Io } from '../command.ts';
import { BadInput, HARNESS_FAILED, KEPT } from '../errors.ts';
import { withDatabase } from '../stored-run.ts';
import { count, table } from '../table.ts';
import { nanosecondsOf } from '../times.ts';

export interface SqlFlags {
  readonly write?: true | undefined;
  readonly timeout: string;
  readonly json?: true | undefined;
}

/** A table on a terminal is for reading; --json gives all, whole. */
const ROWS_MAX = 1_000;
const CELL_MAX = 80;
const AT_ONCE = 500;

export async function sql(given: string | undefined, flags: SqlFlags, io: Io): Promise<void> {
  const timeoutNs = nanosecondsOf(flags.timeout);
  // The server counts milliseconds, and takes none of them for no limit.
  if (timeoutNs === undefined || timeoutNs < MILLISECOND)
    throw new BadInput(`--timeout ${flags.timeout}: a time from 1ms on is needed, such as 30s or 5m.`);
  const attended = (io.stdin as Partial<NodeJS.ReadStream>).isTTY === true;
  const query = given ?? (attended ? undefined : await textOf(io.stdin));
  if (query === undefined && flags.json === true) throw new BadInput('--json goes with a query.');
  if (query !== undefined && query.trim() === '')
    throw new BadInput("A query is needed, as an argument or on standard input: tidemark sql 'select * from runs'.");
  const write = flags.write === true;
  await withDatabase(io, async (database) => {
    const reader = write ? undefined : await openReader(database);
    try {
      if (query === undefined) return await psql((reader ?? database).environment, write, io);
      const asking = {
        write,
        embedded: database.server !== undefined,
        timeoutMs: timeoutNs / MILLISECOND,
        json: flags.json === true,
      };
      await ask((reader ?? database).sql, query, asking, io);
      io.exit(KEPT);
    } finally {
      await reader?.close();
    }
  });
}

async function textOf(stream: NodeJS.ReadableStream): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(Buffer.from(part));
  return Buffer.concat(parts).toString('utf8');
}

async function psql(environment: Database['environment'], write: boolean, io: Io): Promise<void> {
  const options = `-c search_path=tidemark,public${write ? '' : ' -c default_transaction_read_only=on'}`;
  const env = { ...io.env, ...environment, PGOPTIONS: options, PGAPPNAME: 'tidemark sql' };
  // Control-C is psql's, which ends a query by it; we stay, because the server stays as long as we do.
  const ignore = (): void => undefined;
  process.on('SIGINT', ignore);
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      const child = spawn('psql', [], { stdio: 'inherit', env });
      child.on('error', reject);
      child.on('close', resolve);
    });
    io.exit(code === 0 ? KEPT : HARNESS_FAILED);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new BadInput(
      "psql is not installed (package postgresql-client); a query needs none: tidemark sql 'select * from runs'.",
    );
  } finally {
    process.off('SIGINT', ignore);
  }
}

interface Asking {
  readonly write: boolean;
  /** Whether --write gives more rights, too. */
  readonly embedded: boolean;
  readonly timeoutMs: number;
  readonly json: boolean;
}

async function ask(sql: Sql, query: string, asking: Asking, io: Io): Promise<void> {
  const { write, timeoutMs, json } = asking;
  const connection = await sql.reserve();
  try {
    await connection`set search_path = tidemark, public`;
    await connection.unsafe(`set statement_timeout = ${Math.round(timeoutMs)}`);
    await connection.unsafe(`set default_transaction_read_only = ${write ? 'off' : 'on'}`);
    if (json) await printJson(connection, query, io);
    else await printTable(connection, query, io);
  } catch (error) {
    throw sentenceOf(error, query, asking);
  } finally {
    connection.release(); // it is closed with the database, right after this
  }
}

async function printJson(connection: Sql, query: string, io: Io): Promise<void> {
  for await (const rows of connection.unsafe(query).cursor(AT_ONCE)) {
    const { columns } = rows as unknown as Columns;
    for (const row of rows) {
      const values = columns.map(({ name, type }) => [name, plainValue(row[name], type)]);
      io.out(`${JSON.stringify({ schema: 1, type: 'row', row: Object.fromEntries(values) })}\n`);
    }
    await io.drained();
  }
}

/** What the client's types leave out. */
interface Columns {
  readonly columns: readonly { readonly name: string; readonly type: number }[];
}

async function printTable(connection: Sql, query: string, io: Io): Promise<void> {
  let columns: Columns['columns'] = [];
  const cells: string[][] = [];
  let cut = false;
  for await (const rows of connection.unsafe(query).cursor(AT_ONCE)) {
    columns = (rows as unknown as Columns).columns ?? [];
    for (const row of rows) cells.push(columns.map(({ name, type }) => cellOf(plainValue(row[name], type))));
    cut = cells.length > ROWS_MAX;
    if (cut) break;
  }
  const shown = cells.slice(0, ROWS_MAX);
  const align = columns.map((_, i) =>
    shown.every((row) => row[i] === '' || /^-?[\d.,]+(e[+-]?\d+)?$/.test(row[i]))
      ? ('right' as const)
      : ('left' as const),
  );
  if (columns.length > 0)
    for (const line of table([columns.map(({ name }) => cellOf(name)), ...shown], align)) io.out(`${line}\n`);
  if (cut) io.err(`tidemark: only the first ${count(ROWS_MAX)} rows are shown; --json prints them all\n`);
  else io.err(`${count(cells.length)} ${cells.length === 1 ? 'row' : 'rows'}\n`);
}

const INT8 = 20;
const NUMERIC = 1700;
const TEXTS = 1009;

/** As JSON would have it: numbers are numbers where they fit, times are texts, names are lists. */
function plainValue(value: unknown, type: number): unknown {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string') {
    const number = Number(value);
    if (type === INT8 && Number.isSafeInteger(number)) return number;
    if (type === NUMERIC && Number.isFinite(number)) return number;
    if (type === TEXTS) return elementsOf(value).map(fromStoredText);
    return fromStoredText(value);
  }
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  return value;
}

/** `{a,"b c",NULL}` */
function elementsOf(array: string): readonly string[] {
  return [...array.slice(1, -1).matchAll(/"((?:[^"\\]|\\.)*)"|([^,]+)/g)].map(
    ([, quoted, plain = '']) => quoted?.replace(/\\(.)/g, '$1') ?? plain,
  );
}

/** One line, no control characters, and no longer than can be read. */
function cellOf(value: unknown): string {
  if (value === null) return '';
  if (typeof value === 'number') return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(6)));
  const isText = typeof value === 'string';
  const text = isText ? value : Array.isArray(value) && value.every(isString) ? value.join(', ') : textOfValue(value);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what must not reach a terminal
  const visible = text.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, (character) =>
    character === '\n' ? '⏎' : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return visible.length <= CELL_MAX ? visible : `${visible.slice(0, CELL_MAX - 1)}…`;
}

function isString(value: unknown): value is string {
  return typeof value === 'string';
}

function textOfValue(value: unknown): string {
  return (JSON.stringify(value) ?? '').replace(/^"(.*)"$/, '$1');
}

/** What PostgreSQL does not like about a query is the user's to see to. */
function sentenceOf(error: unknown, query: string, { write, embedded }: Asking): unknown {
  const {
    code = '',
    message,
    position,
    hint,
  } = error as NodeJS.ErrnoException & {
    readonly position?: string;
    readonly hint?: string;
  };
  if (code === '25006' && !write)
    return new BadInput(`The query would change something; --write lets it. (${message})`);
  if (code === '42501' && !write && embedded)
    return new BadInput(`The query would do more than read; --write lets it. (${message})`);
  if (code === '57014') return new BadInput('The query took too long; --timeout gives it more time.');
  if (!/^(42|22|23|0A|21|34|3D|3F|25)/.test(code)) return error;
  const before = query.slice(0, Number(position ?? 1) - 1);
  const line = before.split('\n').length;
  const at = position === undefined ? '' : ` (line ${line}, column ${before.length - before.lastIndexOf('\n')})`;
  const more = hint === undefined ? '' : ` ${hint}`;
  return new BadInput(`${message.charAt(0).toUpperCase()}${message.slice(1)}${at}.${more}`);
}
