// long because: all of it needs the one cluster that was seeded and the means to start, kill and watch servers on it
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { readFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { entry } from '../harness/entry.ts';
import { MILLISECOND, realClock, SECOND } from '../history/clock.ts';
import { missing, need } from '../test-support/need.ts';
import { sampleRecord } from '../test-support/sample-record.ts';
import { type Database, openDatabase, within } from './database.ts';
import { endUnused } from './embedded.ts';
import { loadRun } from './load.ts';
import { isAlive, pidOf, processId } from './lock.ts';
import { migrations } from './migrate.ts';
import { findNative } from './native.ts';
import { saveRun } from './save.ts';
import { isWatched, markStopping, serving, stopping } from './server.ts';
import { DatabaseUnavailable } from './unavailable.ts';

need('postgres');

const clock = realClock();
const isRoot = process.getuid?.() === 0;
const parent = realpathSync(mkdtempSync(join(tmpdir(), 'tm-database-')));
const folders: string[] = [];
const filesAtRest = ['data', 'lib', 'server.log', 'users'];

/** A `.tidemark` of its own; its server, if a test failed to stop it, is ended in the end. */
function newFolder(name: string): string {
  const folder = join(parent, name, '.tidemark');
  mkdirSync(folder, { recursive: true });
  folders.push(folder);
  return folder;
}

/** The same with a cluster that is there already: a copy is quicker than initdb. */
function seededFolder(name: string): string {
  const folder = newFolder(name);
  mkdirSync(join(folder, 'postgres'));
  const copied = spawnSync('cp', ['-a', join(seed, 'postgres', 'data'), join(folder, 'postgres', 'data')]);
  if (copied.status !== 0) throw new Error(String(copied.stderr));
  return folder;
}

function serverOf(folder: string): { readonly process: string; readonly socket: string } {
  const server = serving(join(folder, 'postgres'));
  if (server === undefined) throw new Error('nobody serves');
  return server;
}

async function until(condition: () => boolean, seconds: number): Promise<boolean> {
  const end = clock.now() + seconds * SECOND;
  while (!condition() && clock.now() < end) await clock.sleepUntil(clock.now() + 20 * MILLISECOND);
  return condition();
}

/** Another process, from dist: opens the database, runs `body` with it, and ends. */
function another(folder: string, body: string, options: object = {}): ChildProcess {
  const code = `
    import { openDatabase } from ${JSON.stringify(pathToFileURL(entry('results/database')).href)};
    import { saveRun } from ${JSON.stringify(pathToFileURL(entry('results/save')).href)};
    const database = await openDatabase({ folder: ${JSON.stringify(folder)} });
    ${body}`;
  return spawn(process.execPath, ['--input-type=module', '-e', code], {
    stdio: ['ignore', 'pipe', 'pipe'],
    ...options,
  });
}

async function ended(child: ChildProcess): Promise<{ readonly code: number | null; readonly output: string }> {
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (output += String(chunk)));
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { code, output };
}

async function unreachable(url: string): Promise<{ readonly error: Error; readonly ms: number }> {
  const from = clock.now();
  const error = await openDatabase({ folder: parent, url }).then(
    () => new Error('it opened'),
    (thrown: Error) => thrown,
  );
  return { error, ms: (clock.now() - from) / MILLISECOND };
}

/** A server that accepts and says nothing. */
async function neverAnswered(): ReturnType<typeof unreachable> {
  const silent = createServer(() => undefined).listen(0, '127.0.0.1');
  await new Promise((resolve) => silent.once('listening', resolve));
  const { port } = silent.address() as AddressInfo; // it listens on TCP
  const result = await unreachable(`postgres://127.0.0.1:${port}/x`);
  silent.close();
  return result;
}

/** Kills the only user of a server; answers whether the server stops by itself. */
async function orphaned(folder: string): Promise<boolean> {
  const child = another(folder, "console.log('open'); setInterval(() => {}, 1000);");
  await new Promise((resolve) => child.stdout?.once('data', resolve));
  const { process: server } = serverOf(folder);
  child.kill('SIGKILL');
  return until(() => !isAlive(server), 10);
}

/** Below a path of 200 characters. */
const seed = newFolder('x'.repeat(200));
/** What takes its time goes on while other tests run. */
let orphanStops: Promise<boolean>;
let silence: ReturnType<typeof unreachable>;

beforeAll(async () => {
  if (missing('postgres') !== undefined) return;
  silence = neverAnswered();
  const database = await openDatabase({ folder: seed });
  await database.close();
  orphanStops = orphaned(seededFolder('orphan'));
});

afterAll(() => {
  for (const folder of folders) {
    for (const server of [serving(join(folder, 'postgres')), stopping(join(folder, 'postgres'))]) {
      if (server === undefined) continue;
      if (isAlive(server.process)) process.kill(pidOf(server.process), 'SIGQUIT');
      rmSync(server.socket, { recursive: true, force: true });
    }
  }
  rmSync(parent, { recursive: true, force: true });
});

describe('the embedded server', () => {
  test('below a path of 200 characters starts, links its libraries outside node_modules, and stops with its last user', async () => {
    const folder = seed;
    const before = readdirSync(findNative().libraries);
    const database = await openDatabase({ folder });
    const server = serverOf(folder);
    const second = await openDatabase({ folder });
    expect(serverOf(folder)).toEqual(server);
    expect(Buffer.byteLength(`${server.socket}/.s.PGSQL.5432`)).toBeLessThanOrEqual(107);
    expect(statSync(server.socket).mode & 0o777).toBe(0o700);
    expect(readdirSync(join(folder, 'postgres', 'lib'))).toContain('libicui18n.so.60');
    expect(readdirSync(findNative().libraries)).toEqual(before);
    await database.close();
    await database.close();
    expect((await second.sql`select 1 as one`)[0]).toEqual({ one: 1 });
    await second.close();
    expect(isAlive(server.process)).toBe(false);
    expect(existsSync(server.socket)).toBe(false);
    expect(readdirSync(join(folder, 'postgres')).sort()).toEqual(filesAtRest);
  });

  test('keeps its socket out of a temporary folder of a long name', async () => {
    const folder = seed;
    const before = process.env['TMPDIR'];
    const long = join(parent, 't'.repeat(100));
    mkdirSync(long);
    process.env['TMPDIR'] = long;
    try {
      const database = await openDatabase({ folder });
      expect(dirname(serverOf(folder).socket)).not.toBe(long);
      await database.close();
    } finally {
      if (before === undefined) delete process.env['TMPDIR'];
      else process.env['TMPDIR'] = before;
    }
  });

  test('is started once by two processes that come at the same moment, and both save', async () => {
    const folder = newFolder('two');
    const record = (id: string) => JSON.stringify(sampleRecord({ id }));
    const ids = ['20261121-000000-000-000001', '20261121-000000-000-000002'];
    const children = ids.map((id) =>
      another(folder, `await saveRun(database, ${record(id)}); await database.close();`),
    );
    for (const { code, output } of await Promise.all(children.map(ended))) expect(output + code).toBe('0');
    expect(serving(join(folder, 'postgres'))).toBeUndefined();
    expect(
      readFileSync(join(folder, 'postgres', 'server.log'), 'utf8').match(/creating configuration files/g),
    ).toHaveLength(1);
    const database = await openDatabase({ folder });
    for (const id of ids) expect(await loadRun(database, id)).toEqual(sampleRecord({ id }));
    await database.close();
  });

  test('comes up while the event loop is busy', async () => {
    const folder = seed;
    const opening = openDatabase({ folder, patienceMs: 300 });
    await until(() => serving(join(folder, 'postgres')) !== undefined, 5);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 700);
    const database = await opening;
    await database.close();
  });

  test('that cannot start is a reason, not a wait', async () => {
    const native = { ...findNative(), initdb: '/bin/false' };
    const opening = openDatabase({ folder: newFolder('broken'), embedded: { native } });
    await clock.sleepUntil(clock.now() + 300 * MILLISECOND); // nobody awaits it yet: that must not be an unhandled rejection
    await expect(opening).rejects.toThrow(/^the embedded PostgreSQL ends at once: /);
    await expect(opening).rejects.toBeInstanceOf(DatabaseUnavailable);
  });
});

describe('after a kill', () => {
  let folder: string;
  beforeAll(() => {
    if (missing('postgres') === undefined) folder = seededFolder('killed');
  });

  test('of the server, the next to save starts another', async () => {
    const database = await openDatabase({ folder });
    const first = serverOf(folder);
    // Its backends go on for a moment: such a save may still succeed. Here it must not.
    const [{ backend }] = await database.sql<[{ backend: number }]>`select pg_backend_pid() as backend`;
    for (const pid of [pidOf(first.process), backend]) process.kill(pid, 'SIGKILL');
    await until(() => processId(backend) === undefined, 5);
    const record = sampleRecord();
    await saveRun(database, record);
    expect(serverOf(folder).process).not.toBe(first.process);
    expect(await loadRun(database, record.id)).toEqual(record);
    await database.close();
    expect(existsSync(first.socket)).toBe(false);
  });

  test('of the server, several find it dead at once', async () => {
    const database = await openDatabase({ folder });
    process.kill(pidOf(serverOf(folder).process), 'SIGKILL');
    const others = await Promise.all([openDatabase({ folder }), openDatabase({ folder }), database.reopen()]);
    const { process: server } = serverOf(folder);
    for (const other of others) await other?.close();
    expect((await database.sql`select 1 as one`)[0]).toEqual({ one: 1 });
    await database.close();
    expect(isAlive(server)).toBe(false);
  });

  test('of the server, one that no longer listens and has not ended yet is waited for', async () => {
    const database = await openDatabase({ folder });
    const first = serverOf(folder);
    rmSync(join(first.socket, '.s.PGSQL.5432')); // as a server's socket is closed before its process is gone
    const other = openDatabase({ folder });
    const isOpen = await Promise.race([other.then(() => true), clock.sleepUntil(clock.now() + 300 * MILLISECOND)]);
    expect(isOpen).toBeUndefined();
    process.kill(pidOf(first.process), 'SIGKILL');
    await (await other).close();
    expect(serverOf(folder).process).not.toBe(first.process);
    await database.close();
  });

  test('of a user, its registration counts for nothing', async () => {
    const child = another(folder, "console.log('open'); setInterval(() => {}, 1000);");
    await new Promise((resolve) => child.stdout?.once('data', resolve));
    const { process: server } = serverOf(folder);
    const database = await openDatabase({ folder });
    child.kill('SIGKILL');
    await ended(child);
    expect(serverOf(folder).process).toBe(server);
    await database.close();
    expect(isAlive(server)).toBe(false);
  });

  test('of its only user, the server stops by itself', async () => {
    expect(await orphanStops).toBe(true);
    const folder = join(parent, 'orphan', '.tidemark');
    const database = await openDatabase({ folder });
    await database.close();
    expect(readdirSync(join(folder, 'postgres')).sort()).toEqual(filesAtRest);
  });

  test.each(['serves', 'was told to stop', 'is dead'])(
    'of its only user, the server that %s is ended at once where that is asked for, and its watcher and its socket are gone',
    async (how) => {
      const postgres = join(folder, 'postgres');
      const child = another(folder, "console.log('open'); setInterval(() => {}, 1000);");
      await new Promise((resolve) => child.stdout?.once('data', resolve));
      expect(await endUnused({ folder: postgres, clock })).toBeUndefined();
      const server = serverOf(folder);
      child.kill('SIGKILL');
      await ended(child);
      if (how === 'is dead') process.kill(pidOf(server.process), 'SIGKILL');
      if (how === 'was told to stop') markStopping(postgres);
      // On a machine that is slow enough, it has ended by itself.
      expect([server, undefined]).toContainEqual(await endUnused({ folder: postgres, clock }, true));
      expect([server, undefined]).toContainEqual(await endUnused({ folder: postgres, clock }));
      expect([isAlive(server.process), isWatched(server), existsSync(server.socket)]).toEqual([false, false, false]);
      expect(readdirSync(postgres).sort()).toEqual(expect.arrayContaining(['data', 'server.log', 'users']));
      expect(await endUnused({ folder: postgres, clock })).toBeUndefined();
    },
  );

  test('of everything, a pid that another process has got since is in nobody’s way', async () => {
    const data = join(folder, 'postgres', 'data');
    const other = spawn('sleep', ['60']); // no ancestor of the server: PostgreSQL looks away from those by itself
    writeFileSync(join(data, 'postmaster.pid'), `${other.pid}\n${data}\n1\n5432\n/tmp\n\n0 0\nready\n`);
    if (isRoot) chownSync(join(data, 'postmaster.pid'), statSync(data).uid, statSync(data).gid);
    const database = await openDatabase({ folder });
    other.kill();
    await database.close();
  });

  test('of everything, a server that nobody reaped is in nobody’s way', async () => {
    const data = join(folder, 'postgres', 'data');
    // What the shell has become never asks for its child, which ends after that: a shell may ask for one that ends sooner.
    const parent = spawn('sh', ['-c', 'sleep 0.3 & echo $!; exec sleep 60']);
    const pid = await new Promise<number>((resolve) => parent.stdout.once('data', (said) => resolve(Number(said))));
    await vi.waitFor(() => expect(processId(pid)).toBeUndefined(), 10_000);
    expect(existsSync(`/proc/${pid}`)).toBe(true);
    writeFileSync(join(data, 'postmaster.pid'), `${pid}\n${data}\n1\n5432\n/tmp\n\n0 0\nready\n`);
    if (isRoot) chownSync(join(data, 'postmaster.pid'), statSync(data).uid, statSync(data).gid);
    const database = await openDatabase({ folder });
    parent.kill();
    await database.close();
  });

  test('of everything but one process of the server, that is waited for', async () => {
    const data = join(folder, 'postgres', 'data');
    const dead = spawn('sleep', ['60']); // stands for a server that nobody has reaped yet
    const backend = spawn('sleep', ['60'], { cwd: data });
    writeFileSync(join(data, 'postmaster.pid'), `${dead.pid}\n${data}\n1\n5432\n/tmp\n\n0 0\nready\n`);
    if (isRoot) chownSync(join(data, 'postmaster.pid'), statSync(data).uid, statSync(data).gid);
    const opening = openDatabase({ folder });
    const isOpen = await Promise.race([opening.then(() => true), clock.sleepUntil(clock.now() + 300 * MILLISECOND)]);
    expect(isOpen).toBeUndefined();
    backend.kill();
    const database = await opening;
    dead.kill();
    await database.close();
  });

  test('of the holder of the lock, the lock is taken from it', async () => {
    const dead = spawnSync('true');
    expect(processId(dead.pid)).toBeUndefined();
    writeFileSync(join(folder, 'postgres', 'lock'), `${dead.pid}-1-1`);
    const database = await openDatabase({ folder });
    await database.close();
    expect(existsSync(join(folder, 'postgres', 'lock'))).toBe(false);
  });
});

describe.skipIf(!isRoot)('for root', () => {
  const waysWork = ['unshare --user', 'setpriv --ambient-caps=+dac_override --inh-caps=+dac_override'].every(
    (way) => spawnSync('sh', ['-c', `${way} true`]).status === 0,
  );

  test.skipIf(!waysWork)(
    'the server runs by way of a namespace and of setpriv, below a folder that is root’s alone',
    async () => {
      const folder = seededFolder('root');
      chmodSync(dirname(folder), 0o700);
      const database = await openDatabase({ folder, embedded: { runAs: 'namespace' } });
      await saveRun(database, sampleRecord());
      await database.close();
      expect(statSync(join(folder, 'postgres', 'data', 'PG_VERSION')).uid).toBe(0);
      // The way may change from one start to the next.
      const again = await openDatabase({ folder, embedded: { runAs: 'setpriv' } });
      expect(statSync(join(folder, 'postgres', 'data', 'PG_VERSION')).uid).toBe(65_534);
      expect(await loadRun(again, sampleRecord().id)).toEqual(sampleRecord());
      await again.close();
      const back = await openDatabase({ folder });
      expect(await loadRun(back, sampleRecord().id)).toEqual(sampleRecord());
      await back.close();
    },
  );

  // One that has no name in /etc/passwd, and in deep tests one that has.
  test.each(process.env['TIDEMARK_DEEP'] === undefined ? [54_321] : [54_321, 1])(
    'in the folder of user %i, the files stay theirs, who goes on using them',
    async (uid) => {
      const folder = newFolder(`user-${uid}`);
      chmodSync(parent, 0o755);
      chmodSync(dirname(folder), 0o700);
      for (const path of [dirname(folder), folder]) chownSync(path, uid, uid);
      const save = `await saveRun(database, ${JSON.stringify(sampleRecord())}); await database.close();`;
      const asThem = { uid, gid: uid, cwd: '/', env: { PATH: process.env['PATH'] } };
      expect(await ended(another(folder, save, asThem))).toEqual({ code: 0, output: '' });
      const database = await openDatabase({ folder });
      expect(await loadRun(database, sampleRecord().id)).toEqual(sampleRecord());
      await database.close();
      expect(await ended(another(folder, save, asThem))).toEqual({ code: 0, output: '' });
    },
  );
});

describe('a given database', () => {
  test('serves as the embedded one does, over a connection that may break', async () => {
    const folder = seededFolder('given');
    const embedded = await openDatabase({ folder });
    const path = `${serverOf(folder).socket}/.s.PGSQL.5432`;
    const open = new Set<Socket>();
    const proxy = createServer((client) => {
      const server = connect(path);
      for (const [from, to] of [
        [client, server],
        [server, client],
      ] as const) {
        open.add(from);
        from.on('error', () => to.destroy()).on('close', () => to.destroy());
        from.pipe(to);
      }
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => proxy.once('listening', resolve));
    const { port } = proxy.address() as AddressInfo; // it listens on TCP
    const given = await openDatabase({
      folder: parent,
      url: `postgres://tidemark:secret@127.0.0.1:${port}/postgres?sslmode=disable`,
    });
    expect(given.description).toBe(`PostgreSQL at 127.0.0.1:${port}/postgres`);
    const held = given.sql`select pg_sleep(60)`.then(
      () => 'slept',
      (error: NodeJS.ErrnoException) => error.code,
    );
    let busy = 0;
    while (busy === 0) {
      [{ busy }] = await embedded.sql<[{ busy: number }]>`
        select count(*)::integer as busy from pg_stat_activity where query like '%pg_sleep(60)%' and pid <> pg_backend_pid()`;
    }
    for (const socket of open) socket.destroy();
    expect(await held).toBe('CONNECTION_CLOSED');
    await saveRun(given, sampleRecord());
    expect(await loadRun(embedded, sampleRecord().id)).toEqual(sampleRecord());
    await given.close();
    proxy.close();
    await embedded.close();
  });

  test.each([
    [
      'postgres://me:secret@127.0.0.1:1/x',
      "PostgreSQL at 127.0.0.1:1/x can't be used: connect ECONNREFUSED 127.0.0.1:1",
    ],
    ['mysql://127.0.0.1/x', 'TIDEMARK_DATABASE_URL does not begin with postgres://'],
  ])('that is not there is a reason: %s', async (url, sentence) => {
    const { error, ms } = await unreachable(url);
    expect(error).toBeInstanceOf(DatabaseUnavailable);
    expect(error.message).toBe(sentence);
    expect(ms).toBeLessThan(5_000);
  });

  test('that never answers is a reason within five seconds', async () => {
    const { error, ms } = await silence;
    expect(error.message).toMatch(/no answer within/);
    expect(ms).toBeLessThan(5_000);
  });
});

test('a deadline does not strike what was done while the event loop was busy', async () => {
  const work = readFile(entry('results/database'), 'utf8');
  const inTime = within(clock, 20, 'too late', work);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
  expect(await inTime).toContain('openDatabase');
  await expect(within(clock, 20, 'too late', new Promise(() => undefined))).rejects.toThrow('too late within 20 ms');
});

describe('the schema', () => {
  test('is made whole from nothing, and one of a newer version is refused', async () => {
    const folder = seededFolder('schema');
    const database: Database = await openDatabase({ folder });
    const versions = await database.sql`select version from tidemark.schema_version order by version`;
    expect(versions.map((row) => row['version'])).toEqual(migrations().map(({ version }) => version));
    const again = await openDatabase({ folder });
    await again.close();
    await database.sql`insert into tidemark.schema_version (version) values (99)`;
    await expect(openDatabase({ folder })).rejects.toThrow(
      `the database has schema version 99, and this Tidemark knows versions up to ${migrations().length}`,
    );
    await database.close();
  });
});
