/** Whether results can be kept in PostgreSQL: the one that is given is asked, or the embedded one is started in a folder that is removed. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { realClock, SECOND } from '../../history/clock.ts';
import { openDatabase } from '../../results/database.ts';
import { DatabaseUnavailable } from '../../results/unavailable.ts';
import type { Check } from './machine.ts';

const check = 'PostgreSQL';
const GIVEN_NS = 5 * SECOND;
const BEGINS_MS = 60_000;

/** `url`: TIDEMARK_DATABASE_URL. Rejects never. */
export function databaseCheck(url: string | undefined): Promise<Check> {
  return url === undefined || url === '' ? embedded() : given(url);
}

async function embedded(): Promise<Check> {
  const folder = mkdtempSync(join(tmpdir(), 'tm-doctor-db-'));
  try {
    const database = await openDatabase({ folder, patienceMs: BEGINS_MS });
    try {
      const [{ version }] = await database.sql<[{ version: string }]>`select version()`;
      return { check, state: 'ok', found: `embedded: it began and answered: ${short(version)}` };
    } finally {
      await database.close();
    }
  } catch (error) {
    const hint = error instanceof DatabaseUnavailable ? error.hint : undefined;
    return {
      check,
      state: 'missing',
      found: `${(error as Error).message}; runs are kept as files only`,
      install: hint !== undefined && hint !== '' ? hint : 'set TIDEMARK_DATABASE_URL to a PostgreSQL of your own',
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Asks it for its version and writes nothing. */
async function given(url: string): Promise<Check> {
  const install =
    'TIDEMARK_DATABASE_URL has to read postgres://user:password@host:5432/database; unset, the embedded one is used';
  if (!/^postgres(?:ql)?:\/\//.test(url))
    return { check, state: 'missing', found: 'TIDEMARK_DATABASE_URL does not begin with postgres://', install };
  const place = url.replace(/^\w+:\/\/(?:[^/]*@)?/, '').replace(/\?.*$/, ''); // no password
  const clock = realClock();
  const sql = postgres(url, { max: 1, connect_timeout: GIVEN_NS / SECOND, onnotice: () => undefined });
  let cancel = (): void => undefined;
  const late = new Promise<never>((_, reject) => {
    cancel = clock.timer(clock.now() + GIVEN_NS, () => reject(new Error(`no answer within ${GIVEN_NS / SECOND} s`)));
  });
  try {
    const [{ version }] = await Promise.race([sql<[{ version: string }]>`select version()`, late]);
    return { check, state: 'ok', found: `at ${place}: ${short(version)}` };
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    return { check, state: 'missing', found: `at ${place}: ${message === '' ? code : message}`, install };
  } finally {
    cancel();
    void sql.end({ timeout: 1 }).catch(() => undefined); // nobody needs the outcome
  }
}

/** `PostgreSQL 18.4`. */
function short(version: string): string {
  return version.split(/ on |,/, 1)[0] ?? version;
}
