/**
 * The embedded PostgreSQL: one server for a working directory, shared by all runs in it.
 *
 * Everything lies in one folder, `.tidemark/postgres`:
 *
 *   data/        the cluster            users/    one file for every process that uses the server, by its ProcessId
 *   lib/         links to libraries     server    who serves and where, while it does; see {@link Server}
 *   server.log                          stopping  the same, once it has been told to stop
 *
 * A process enters by registering and, if nobody serves, starting a server; it leaves by taking its registration away and,
 * if nobody else is registered, stopping the server. Both happen under a lock, in one synchronous stretch. The server is a
 * shell script that makes the cluster if there is none, then becomes postgres; so it comes up on its own, however busy
 * the event loop of the run that started it. Registrations of dead processes count for nothing: whoever enters or leaves
 * removes them, and a watcher beside the server stops it when all its users have been killed.
 *
 * Measured on 2 cores: 0.6 s for the first start, 0.05 s for any other, 0.02 s to stop. fsync and synchronous_commit
 * stay on: what was saved survives a loss of power (a save is one commit, so there is nothing to gain).
 */
import { spawn } from 'node:child_process';
import {
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Clock } from '../history/clock.ts';
import { MILLISECOND } from '../history/clock.ts';
import { isAlive, pidOf, type ProcessId, processId, underLock } from './lock.ts';
import { chooseRunAs, findNative, giveTo, linkLibraries, type Native } from './native.ts';
import { DatabaseUnavailable } from './unavailable.ts';

export const USER = 'tidemark';
export const PORT = 5432;

/** Who serves, and the folder of its socket. On disk: two lines. */
export interface Server {
  readonly process: ProcessId;
  readonly socket: string;
}

export interface EmbeddedOptions {
  /** `.tidemark/postgres`, made if need be. */
  readonly folder: string;
  readonly clock: Clock;
  readonly patienceMs: number;
  /** Where the package is; found if absent. */
  readonly native?: Native;
  /** For root: the one way to try. */
  readonly runAs?: 'namespace' | 'setpriv';
}

/** A process's right to use the server. */
export interface Lease {
  readonly server: Server;
  /** Gives the right up; the last one stops the server and waits until it is gone, a second at most. */
  leave(): Promise<void>;
}

let leases = 0;

/** Registers, and returns once the server takes connections. Rejects with DatabaseUnavailable only. */
export async function enter(options: EmbeddedOptions): Promise<Lease> {
  const embedded = { ...options, folder: resolve(options.folder) };
  const user = join(embedded.folder, 'users', `${processId(process.pid) ?? process.pid}-${++leases}`);
  const leave = () => leaveServer(embedded, user);
  try {
    const native = options.native ?? findNative();
    mkdirSync(join(embedded.folder, 'users'), { recursive: true });
    return { server: await ready(embedded, user, native), leave };
  } catch (error) {
    await leave().catch(() => undefined); // what went wrong first is what the user must read
    if (error instanceof DatabaseUnavailable) throw error;
    throw new DatabaseUnavailable(`the embedded PostgreSQL did not start: ${(error as Error).message}`, '', {
      cause: error,
    });
  }
}

/** Waits for a server that is ready, starting one as often as it takes. */
async function ready(options: EmbeddedOptions, user: string, native: Native): Promise<Server> {
  const { folder, clock } = options;
  const lock = join(folder, 'lock');
  let begin = 0;
  let failures = 0;
  const patience = patient(options);
  for (;;) {
    const state = await underLock(lock, clock, () => {
      writeFileSync(user, '');
      begin = logSize(folder);
      return ensure(options, native);
    });
    if (state.type === 'serving') {
      while (isAlive(state.server.process)) {
        if (isReady(folder, state.server)) return state.server;
        await patience.tick(`its log ends with: ${lastLine(folder, 0)}`);
      }
      if (++failures >= 3 && !isPassing(folder, begin)) throw failed(folder, begin);
      await patience.tick(`it ended with: ${lastLine(folder, begin)}`);
    } else {
      await patience.tick('the previous server does not stop');
    }
  }
}

type State = { readonly type: 'serving'; readonly server: Server } | { readonly type: 'stopping' };

/** Under the lock: the server that serves, or a new one. */
function ensure(options: EmbeddedOptions, native: Native): State {
  const { folder } = options;
  const old = readServer(join(folder, 'server'));
  if (old !== undefined && isAlive(old.process)) return { type: 'serving', server: old };
  const stopping = readServer(join(folder, 'stopping'));
  if (stopping !== undefined && isAlive(stopping.process)) return { type: 'stopping' };
  for (const dead of [old, stopping]) {
    if (dead !== undefined) removeSocket(dead);
  }
  rmSync(join(folder, 'stopping'), { force: true });
  removeStalePid(folder);
  return { type: 'serving', server: start(options, native) };
}

/** Starts the server, detached; returns at once. */
function start(options: EmbeddedOptions, native: Native): Server {
  const { folder } = options;
  const runAs = chooseRunAs(folder, options.runAs);
  const libraries = /[:;$]/.test(folder) ? undefined : join(folder, 'lib'); // the loader splits and expands at these
  const socket = makeSocketFolder();
  if (runAs.type !== 'self') chownSync(socket, runAs.uid, runAs.gid);
  linkLibraries(native, libraries ?? join(socket, 'lib'));
  if (existsSync(join(folder, 'data'))) giveTo(runAs, join(folder, 'data'));
  if (logSize(folder) > 1_000_000) truncateSync(join(folder, 'server.log'));
  const log = openSync(join(folder, 'server.log'), 'a');
  try {
    const [program, ...rest] = [...runAs.command, '/bin/sh', '-c', script, 'tidemark-postgres'];
    const child = spawn(program, [...rest, folder, native.initdb, native.postgres, socket], {
      cwd: folder,
      detached: true,
      env: {
        PATH: process.env['PATH'] ?? '/usr/bin:/bin',
        LD_LIBRARY_PATH: libraries ?? join(socket, 'lib'),
        LC_ALL: 'C',
        TZ: 'UTC',
      },
      stdio: ['ignore', log, log],
    });
    child.on('error', () => undefined); // reported by the absence of a pid, below
    child.unref();
    const started = child.pid === undefined ? undefined : processId(child.pid);
    if (started === undefined) throw new DatabaseUnavailable(`${program} could not be started`);
    const server = { process: started, socket };
    writeServer(folder, server);
    return server;
  } catch (error) {
    rmSync(socket, { recursive: true, force: true });
    throw error;
  } finally {
    closeSync(log);
  }
}

/**
 * $1 folder, $2 initdb, $3 postgres, $4 folder of the socket. The cluster gets its name only when it is whole. The watcher
 * looks every two seconds whether a user is left; it takes the lock as everybody does, but never steals it.
 */
const script = `
set -eu
umask 077
folder=$1
server=$$
start_of() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20; }
began=$(start_of $server)
if [ ! -f "$folder/data/PG_VERSION" ]; then
  rm -rf "$folder/data.new" "$folder/data"
  "$2" -D "$folder/data.new" -U ${USER} --auth=trust --no-sync -E UTF8 --locale=C --wal-segsize=1 --no-instructions >&2
  mv "$folder/data.new" "$folder/data"
fi
any_user() {
  for file in "$folder"/users/*; do
    user=\${file##*/}
    pid=\${user%%-*}
    [ "\${user%-*}" = "$pid-$(start_of "$pid")" ] && return 0
  done
  return 1
}
watch() {
  set +e
  read -r self _ < /proc/self/stat
  me="$self-$(start_of $self)-0"
  while sleep 2; do
    [ "$(start_of $server)" = "$began" ] || exit 0
    any_user && continue
    printf %s "$me" > "$folder/lock.$me"
    if ln "$folder/lock.$me" "$folder/lock" 2>/dev/null; then
      if ! any_user; then
        mv "$folder/server" "$folder/stopping"
        kill -INT $server
      fi
      rm -f "$folder/lock"
    fi
    rm -f "$folder/lock.$me"
  done
}
watch </dev/null >/dev/null 2>&1 &
exec "$3" -D "$folder/data" -k "$4" -p ${PORT} -c listen_addresses= -c unix_socket_permissions=0700 \\
  -c shared_buffers=32MB -c max_connections=50 -c wal_level=minimal -c max_wal_senders=0 \\
  -c max_logical_replication_workers=0 -c log_checkpoints=off -c autovacuum_naptime=10min
`;

/** A folder of our own with a short path: a socket's path has room for 107 bytes. */
function makeSocketFolder(): string {
  const room = 107 - Buffer.byteLength(`/tidemark-XXXXXX/.s.PGSQL.${PORT}`);
  const parents = [tmpdir(), '/tmp', '/dev/shm'].filter(
    (parent) => Buffer.byteLength(parent) <= room && existsSync(parent),
  );
  let cause: unknown;
  for (const parent of parents) {
    try {
      return mkdtempSync(join(parent, 'tidemark-')); // with mode 0700
    } catch (error) {
      cause = error;
    }
  }
  throw new DatabaseUnavailable('no temporary folder takes a socket', 'Set TMPDIR to a short path that is writable.', {
    cause,
  });
}

function removeSocket(server: Server): void {
  // Only what we made, whatever the file says.
  if (/\/tidemark-[A-Za-z0-9]{6}$/.test(server.socket)) rmSync(server.socket, { recursive: true, force: true });
}

/** PostgreSQL says so itself, in the eighth line of its pid file. */
function isReady(folder: string, server: Server): boolean {
  const lines = readPidFile(folder);
  return lines !== undefined && Number(lines[0]) === pidOf(server.process) && (lines[7] ?? '').startsWith('ready');
}

function readPidFile(folder: string): readonly string[] | undefined {
  try {
    return readFileSync(join(folder, 'data', 'postmaster.pid'), 'utf8').split('\n');
  } catch {
    return undefined;
  }
}

/**
 * A killed server leaves its pid file. PostgreSQL removes it at the next start, unless another process has got that pid in
 * the meantime; then we do. A postgres that somebody else started on our data works in that very folder.
 */
function removeStalePid(folder: string): void {
  const pid = Number(readPidFile(folder)?.[0]);
  if (!Number.isInteger(pid) || processId(pid) === undefined) return;
  const data = join(folder, 'data');
  if (workingDirectory(pid) === realpathSync(data)) {
    throw new DatabaseUnavailable(
      `PostgreSQL (pid ${pid}) already serves ${data}, and Tidemark did not start it`,
      'Stop it.',
    );
  }
  rmSync(join(data, 'postmaster.pid'), { force: true });
}

function workingDirectory(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return undefined;
  }
}

async function leaveServer(options: EmbeddedOptions, user: string): Promise<void> {
  const { folder, clock } = options;
  if (!existsSync(user)) return;
  const stopped = await underLock(join(folder, 'lock'), clock, () => {
    rmSync(user, { force: true });
    for (const other of readdirSync(join(folder, 'users'))) {
      if (isAlive(other.slice(0, other.lastIndexOf('-')))) return undefined;
      rmSync(join(folder, 'users', other), { force: true });
    }
    const server = readServer(join(folder, 'server'));
    if (server === undefined) return undefined;
    renameSync(join(folder, 'server'), join(folder, 'stopping'));
    if (isAlive(server.process)) signal(pidOf(server.process), 'SIGINT');
    return server;
  });
  if (stopped === undefined) return;
  for (let waited = 0; waited < 200 && isAlive(stopped.process); waited++)
    await clock.sleepUntil(clock.now() + 5 * MILLISECOND);
  if (isAlive(stopped.process)) return; // it ends by itself; the next to enter waits for it and sweeps
  signal(-pidOf(stopped.process), 'SIGKILL'); // what is left of its group is the watcher
  await underLock(join(folder, 'lock'), clock, () => {
    // Somebody may have started a new one in the meantime, and swept before us.
    if (readServer(join(folder, 'stopping'))?.process === stopped.process) rmSync(join(folder, 'stopping'));
    removeSocket(stopped);
  });
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It went away by itself.
  }
}

function readServer(path: string): Server | undefined {
  try {
    const [started, socket] = readFileSync(path, 'utf8').split('\n');
    return started === '' || socket === undefined ? undefined : { process: started, socket };
  } catch {
    return undefined;
  }
}

function writeServer(folder: string, server: Server): void {
  const path = join(folder, 'server');
  writeFileSync(`${path}.new`, `${server.process}\n${server.socket}\n`);
  renameSync(`${path}.new`, path);
}

/**
 * Spends patience by what the event loop had for us: a run that kept the loop busy for seconds has not waited for seconds.
 */
function patient(options: EmbeddedOptions): { tick(why: string): Promise<void> } {
  const { clock, patienceMs } = options;
  let spent = 0;
  return {
    async tick(why) {
      if (spent > patienceMs)
        throw new DatabaseUnavailable(`the embedded PostgreSQL is not ready after ${patienceMs} ms; ${why}`);
      const before = clock.now();
      await clock.sleepUntil(before + 5 * MILLISECOND);
      spent += Math.min((clock.now() - before) / MILLISECOND, 50);
    },
  };
}

function logSize(folder: string): number {
  return statSync(join(folder, 'server.log'), { throwIfNoEntry: false })?.size ?? 0;
}

function logSince(folder: string, begin: number): string {
  try {
    return readFileSync(join(folder, 'server.log')).subarray(begin).toString('utf8');
  } catch {
    return '';
  }
}

/** Whether the server ended for a reason that goes away: the processes of a killed predecessor take a moment to end. */
function isPassing(folder: string, begin: number): boolean {
  return /still in use|is another postmaster|received (smart|fast|immediate) shutdown/.test(logSince(folder, begin));
}

/** The line of the log that says most. */
function lastLine(folder: string, begin: number): string {
  const lines = logSince(folder, begin)
    .split('\n')
    .filter((line) => line.trim() !== '');
  return lines.findLast((line) => /FATAL|PANIC|error|cannot|could not/i.test(line)) ?? lines.at(-1) ?? 'nothing';
}

function failed(folder: string, begin: number): DatabaseUnavailable {
  const reason = lastLine(folder, begin).replace(/^.*?(FATAL|PANIC|error): */i, '');
  return new DatabaseUnavailable(
    `the embedded PostgreSQL ends at once: ${reason}`,
    `Its log is ${join(folder, 'server.log')}.`,
  );
}
