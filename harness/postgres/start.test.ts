/** How a node of PostgreSQL starts (docker/systems/postgres/start), with programs in place of PostgreSQL's that say what they were asked for. */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const script = fileURLToPath(new URL('../../docker/systems/postgres/start', import.meta.url));

let folder: string;
let data: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tm-start-'));
  data = join(folder, 'data');
  mkdirSync(data);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Kills whoever has called it, as a fault does. */
const KILL = 'kill -KILL $PPID';
const INITDB = 'mkdir "$2" && echo own >"$2/PG_VERSION" && touch "$2/postgresql.auto.conf"';
const COPY = 'mkdir "$4" && echo copied >"$4/PG_VERSION" && touch "$4/postgresql.auto.conf"';
const HALF = 'mkdir "$4" && echo half >"$4/PG_VERSION" && touch "$4/postgresql.auto.conf" "$4/made"';
const PRIMARY = 'echo f';
/** No server answers as primary before it was asked for the fifth time. */
const PRIMARY_LATE = '[ "$(grep -c ^psql "$TOLD")" -lt 5 ] || echo f';

type Programs = Partial<Record<'initdb' | 'pg_basebackup' | 'pg_rewind' | 'psql' | 'postgres', string>>;

/** Starts a node and waits until it has ended. Returns what it has run, each once however often in turn, and how it ended. */
function start(node: 'n1' | 'n2', programs: Programs): { readonly ran: readonly string[]; readonly killed: boolean } {
  const told = join(folder, 'told');
  writeFileSync(told, '');
  const whole = {
    initdb: INITDB,
    pg_basebackup: COPY,
    pg_rewind: 'false',
    psql: 'false',
    postgres: 'true',
    ...programs,
  };
  const bin = join(folder, 'bin');
  mkdirSync(bin, { recursive: true });
  for (const [name, body] of Object.entries(whole)) {
    const alone = name === 'postgres' ? '$([ "$1" = --single ] && echo " alone")' : '';
    writeFileSync(join(bin, name), `#!/bin/bash\necho "${name}${alone}" >>"$TOLD"\n${body}\n`);
    chmodSync(join(bin, name), 0o755);
  }
  const addresses = { n1: '10.0.0.1', n2: '10.0.0.2' };
  const { signal } = spawnSync(
    'bash',
    [script, node, data, 'operator', addresses.n1, addresses[node], ...Object.values(addresses)],
    { env: { ...process.env, TIDEMARK_POSTGRES_BIN: bin, TOLD: told }, stdio: 'ignore' },
  );
  const ran = readFileSync(told, 'utf8').split('\n').filter(Boolean);
  return { ran: ran.filter((one, i) => one !== ran[i - 1]), killed: signal === 'SIGKILL' };
}

function version(): string {
  return readFileSync(join(data, 'pg/PG_VERSION'), 'utf8').trim();
}

describe('the first node', () => {
  test('makes the database once, and starts as a standby ever after', () => {
    expect(start('n1', {}).ran).toEqual(['initdb', 'postgres alone', 'postgres']);
    expect(existsSync(join(data, 'pg/standby.signal'))).toBe(false);
    expect(start('n1', {}).ran).toEqual(['psql', 'postgres']);
    expect(existsSync(join(data, 'pg/standby.signal'))).toBe(true);
  });

  test('killed while it makes it, makes it anew: nobody can have had it', () => {
    expect(start('n1', { initdb: `${INITDB}; ${KILL}` }).killed).toBe(true);
    expect(start('n1', { initdb: `[ ! -e "$2" ] || exit 1; ${INITDB}` }).ran).toEqual([
      'initdb',
      'postgres alone',
      'postgres',
    ]);
  });

  test('killed once it was made and before that was written down, does not make it again', () => {
    start('n1', {});
    rmSync(join(data, 'begun'));
    start('n1', { psql: PRIMARY, pg_basebackup: KILL });
    expect(start('n1', { psql: PRIMARY }).ran).toEqual(['psql', 'pg_basebackup', 'psql', 'postgres']);
  });
});

describe.each(['n1', 'n2'] as const)('%s, killed in the middle of', (node) => {
  beforeEach(() => {
    expect(start(node, { psql: PRIMARY }).ran.at(-1)).toBe('postgres');
    rmSync(join(data, 'pg/standby.signal'), { force: true });
  });

  test.each([
    ['a copy that has nothing yet', { pg_basebackup: KILL }],
    ['a copy that has half, the files of whoever was copied among it', { pg_basebackup: `${HALF}; ${KILL}` }],
    ['a copy that failed and is tried again', { pg_basebackup: `rm -rf "$4"; ${KILL}` }],
    ['going back', { pg_rewind: `echo half >"$2/PG_VERSION"; ${KILL}` }],
  ])('%s, copies anew as soon as there is a primary, and makes no database of its own', (_, programs) => {
    expect(start(node, { psql: PRIMARY, ...programs }).killed).toBe(true);
    expect(start(node, { psql: PRIMARY_LATE }).ran).toEqual(['psql', 'pg_basebackup', 'psql', 'postgres']);
    expect(version()).toBe('copied');
    expect(existsSync(join(data, 'pg/standby.signal'))).toBe(true);
  });
});
