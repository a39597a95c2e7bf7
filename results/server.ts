/**
 * One life of the embedded server: how it is started, and what its files say of it. Who may start and stop it, and when,
 * is decided in embedded.ts.
 */
import { spawn } from 'node:child_process';
import {
  chownSync,
  closeSync,
  existsSync,
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
import { join } from 'node:path';
import { type ProcessId, pidOf, processId } from './lock.ts';
import { chooseRunAs, giveTo, linkLibraries, type Native } from './native.ts';
import { DatabaseUnavailable } from './unavailable.ts';

export const USER = 'tidemark';
export const PORT = 5432;

/** Who serves, and the folder of its socket. On disk: two lines. */
export interface Server {
  readonly process: ProcessId;
  readonly socket: string;
}

/** Starts the server, detached, and writes down that it serves; returns at once, long before it is ready. */
export function startServer(folder: string, native: Native, only?: 'namespace' | 'setpriv'): Server {
  const runAs = chooseRunAs(folder, only);
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
    if (child.pid === undefined) throw new DatabaseUnavailable(`${program} could not be started`);
    // It may have ended already; then it goes by a name that no living process has, and counts as dead.
    const server = { process: processId(child.pid) ?? `${child.pid}-0`, socket };
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
socket=$4
server=$$
start_of() {
  { read -r stat < "/proc/$1/stat"; } 2>/dev/null || return 0
  set -- \${stat##*) }
  echo "\${20}"
}
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
  while sleep 2 && [ "$(start_of $server)" = "$began" ]; do
    any_user && continue
    [ -d "$folder/users" ] || kill -INT $server
    printf %s "$me" > "$folder/lock.$me"
    if ln "$folder/lock.$me" "$folder/lock"; then
      any_user || { mv "$folder/server" "$folder/stopping" && kill -INT $server; }
      rm -f "$folder/lock"
    fi
    rm -f "$folder/lock.$me"
  done
  rm -rf "$socket"
}
watch </dev/null >/dev/null 2>&1 &
exec "$3" -D "$folder/data" -k "$socket" -p ${PORT} -c listen_addresses= -c unix_socket_permissions=0700 \\
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

export function removeSocket(server: Server): void {
  // Only what we made, whatever the file says.
  if (/\/tidemark-[A-Za-z0-9]{6}$/.test(server.socket)) rmSync(server.socket, { recursive: true, force: true });
}

/** Whether the watcher beside a server lives, which outlives it by two seconds: the script's words hold a socket that is nobody else's. */
export function isWatched({ socket }: Server): boolean {
  return readdirSync('/proc').some((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      return words.includes('\0tidemark-postgres\0') && words.endsWith(`\0${socket}\0`);
    } catch {
      return false; // it has ended
    }
  });
}

/** PostgreSQL says so itself, in the eighth line of its pid file. */
export function isReady(folder: string, server: Server): boolean {
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
 * A killed server leaves its pid file. PostgreSQL removes it at the next start, unless it finds a process with that pid: another one, which
 * has got it since, or what is left of the server where nobody reaps the dead, as in containers without an init; then we do. A postgres that
 * somebody else started on our data works in that very folder, and so do the processes of a killed one until they have noticed: returns such a
 * process, and removes nothing while there is one.
 */
export function removeStalePid(folder: string): number | undefined {
  const pid = Number(readPidFile(folder)?.[0]);
  if (!Number.isInteger(pid) || !existsSync(`/proc/${pid}`)) return undefined;
  const data = realpathSync(join(folder, 'data'));
  if (workingDirectory(pid) === data) {
    throw new DatabaseUnavailable(
      `PostgreSQL (pid ${pid}) already serves ${data}, and Tidemark did not start it`,
      'Stop it.',
    );
  }
  const [other] = readdirSync('/proc').filter((one) => /^\d+$/.test(one) && workingDirectory(Number(one)) === data);
  if (other !== undefined) return Number(other);
  rmSync(join(data, 'postmaster.pid'), { force: true });
  return undefined;
}

/** Undefined: it has ended. */
function workingDirectory(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return undefined;
  }
}

export function serving(folder: string): Server | undefined {
  return readServer(join(folder, 'server'));
}

export function stopping(folder: string): Server | undefined {
  return readServer(join(folder, 'stopping'));
}

/** Says that the server has been told to stop, or is about to be. */
export function markStopping(folder: string): void {
  renameSync(join(folder, 'server'), join(folder, 'stopping'));
}

/** Removes what a stopped server leaves, unless another has been started and has swept before us. */
export function sweepStopped(folder: string, server: Server): void {
  if (stopping(folder)?.process === server.process) rmSync(join(folder, 'stopping'));
  removeSocket(server);
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
  rmSync(join(folder, 'stopping'), { force: true });
}

export function logSize(folder: string): number {
  return statSync(join(folder, 'server.log'), { throwIfNoEntry: false })?.size ?? 0;
}

function logSince(folder: string, begin: number): string {
  try {
    return readFileSync(join(folder, 'server.log')).subarray(begin).toString('utf8');
  } catch {
    return '';
  }
}

/** Whether a server ended for a reason that goes away: what a killed predecessor leaves behind takes a moment to end. */
export function endsForNow(folder: string, begin: number): boolean {
  return /still in use|is another postmaster|received (smart|fast|immediate) shutdown/.test(logSince(folder, begin));
}

/** The line of the log, from `begin` on, that says most. */
export function lastWords(folder: string, begin: number): string {
  const lines = logSince(folder, begin)
    .split('\n')
    .filter((line) => line.trim() !== '');
  const line = lines.findLast((one) => /FATAL|PANIC|error|cannot|could not/i.test(one)) ?? lines.at(-1) ?? 'nothing';
  return line.replace(/^.*?(FATAL|PANIC|LOG|error): */i, '');
}
