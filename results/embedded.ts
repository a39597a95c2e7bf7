/**
 * The embedded PostgreSQL: one server for a working directory, shared by all runs in it.
 *
 * Everything lies in one folder, `.tidemark/postgres`:
 *
 *   data/        the cluster            users/    one file for every process that uses the server, by its ProcessId
 *   lib/         links to libraries     server    who serves and where, while it does
 *   server.log                          stopping  the same, once it has been told to stop
 *
 * A process enters by registering and, if nobody serves, starting a server; it leaves by taking its registration away and,
 * if nobody else is registered, stopping the server. Both happen under a lock, in one synchronous stretch. The server is a
 * shell script that makes the cluster if there is none, then becomes postgres; so it comes up on its own, however busy
 * the event loop of the run that started it. Registrations of dead processes count for nothing: whoever leaves removes
 * them, and a watcher beside the server stops it when all its users have been killed.
 *
 * Measured on 2 cores: 0.5 s for the first start, 0.04 s for any other, 0.01 s to stop. fsync and synchronous_commit stay
 * on: what was saved survives a loss of power, and as a save is one commit there is nothing to gain.
 */
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Clock, MILLISECOND, SECOND } from '../history/clock.ts';
import { isAlive, pidOf, processId, underLock } from './lock.ts';
import { findNative, type Native } from './native.ts';
import {
  endsForNow,
  isReady,
  isWatched,
  lastWords,
  logSize,
  markStopping,
  removeSocket,
  removeStalePid,
  type Server,
  serving,
  startServer,
  stopping,
  sweepStopped,
} from './server.ts';
import { DatabaseUnavailable, reasonOf } from './unavailable.ts';

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
  /** Gives the right up; the last one stops the server and waits until it is gone, a second at most. Harmless twice. */
  leave(): Promise<void>;
}

const END_NS = 10 * SECOND;

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
    throw new DatabaseUnavailable(`the embedded PostgreSQL did not start: ${reasonOf(error)}`, '', { cause: error });
  }
}

/** Waits for a server that is ready, starting one as often as it takes. */
async function ready(options: EmbeddedOptions, user: string, native: Native): Promise<Server> {
  const { folder, clock } = options;
  const patience = patient(options);
  for (let deaths = 0; ; ) {
    const state = await underLock(join(folder, 'lock'), clock, () => {
      writeFileSync(user, '');
      return { begin: logSize(folder), ...ensure(options, native) };
    });
    if (state.type === 'stopping') {
      await patience.tick(state.why);
      continue;
    }
    while (isAlive(state.server.process)) {
      if (isReady(folder, state.server)) return state.server;
      await patience.tick(`its log ends with: ${lastWords(folder, state.begin)}`);
    }
    const words = lastWords(folder, state.begin);
    if (++deaths >= 3 && !endsForNow(folder, state.begin)) {
      throw new DatabaseUnavailable(
        `the embedded PostgreSQL ends at once: ${words}`,
        `Its log is ${join(folder, 'server.log')}.`,
      );
    }
    await patience.tick(`it ended with: ${words}`);
  }
}

type State =
  | { readonly type: 'serving'; readonly server: Server }
  | { readonly type: 'stopping'; readonly why: string };

/** Under the lock: the server that serves, or a new one. */
function ensure({ folder, runAs }: EmbeddedOptions, native: Native): State {
  const old = serving(folder);
  if (old !== undefined && isAlive(old.process)) return { type: 'serving', server: old };
  const last = stopping(folder);
  if (last !== undefined && isAlive(last.process))
    return { type: 'stopping', why: 'the previous server does not stop' };
  for (const dead of [old, last]) {
    if (dead !== undefined) removeSocket(dead);
  }
  const left = removeStalePid(folder);
  if (left !== undefined)
    return { type: 'stopping', why: `of the previous server, which was killed, a process (pid ${left}) does not end` };
  return { type: 'serving', server: startServer(folder, native, runAs) };
}

async function leaveServer({ folder, clock }: EmbeddedOptions, user: string): Promise<void> {
  if (!existsSync(user)) return;
  const lock = join(folder, 'lock');
  const stopped = await underLock(lock, clock, () => {
    rmSync(user, { force: true });
    const server = anyUser(folder) ? undefined : serving(folder);
    if (server === undefined) return undefined;
    markStopping(folder);
    if (isAlive(server.process)) signal(pidOf(server.process), 'SIGINT'); // a fast shutdown: it waits for no client
    return server;
  });
  if (stopped === undefined) return;
  for (let waited = 0; waited < 200 && isAlive(stopped.process); waited++) {
    await clock.sleepUntil(clock.now() + 5 * MILLISECOND);
  }
  if (isAlive(stopped.process)) return; // it ends by itself; the next to enter waits for it and sweeps
  signal(-pidOf(stopped.process), 'SIGKILL'); // what is left of its group is the watcher
  await underLock(lock, clock, () => sweepStopped(folder, stopped));
}

/**
 * Ends what only the dead still use, which would end by itself within seconds: the server, its watcher, the folder of its socket. Returns
 * it, or undefined where there is none. Throws {@link DatabaseUnavailable} where it does not end within ten seconds.
 */
export async function endUnused(
  { folder, clock }: Pick<EmbeddedOptions, 'folder' | 'clock'>,
  dryRun = false,
): Promise<Server | undefined> {
  if (!existsSync(join(folder, 'users'))) return undefined;
  const lock = join(folder, 'lock');
  const unused = await underLock(lock, clock, () => {
    const serves = serving(folder);
    const server = serves ?? stopping(folder);
    if (server === undefined || anyUser(folder) || !isLeft(server)) return undefined;
    if (dryRun) return server;
    if (serves !== undefined) markStopping(folder);
    if (isAlive(server.process)) signal(pidOf(server.process), 'SIGINT');
    return server;
  });
  if (unused === undefined || dryRun) return unused;
  const by = clock.now() + END_NS;
  while (isLeft(unused)) {
    if (!isAlive(unused.process)) {
      // While its watcher is in its group, no other group has that number.
      if (isWatched(unused)) signal(-pidOf(unused.process), 'SIGKILL');
      await underLock(lock, clock, () => sweepStopped(folder, unused));
    }
    if (clock.now() > by)
      throw new DatabaseUnavailable(`the embedded PostgreSQL (pid ${pidOf(unused.process)}) has not ended within 10 s`);
    await clock.sleepUntil(clock.now() + 5 * MILLISECOND);
  }
  return unused;
}

function isLeft(server: Server): boolean {
  return isAlive(server.process) || existsSync(server.socket) || isWatched(server);
}

/** Under the lock: whether a living process is registered. Removes the registrations of dead ones. */
function anyUser(folder: string): boolean {
  for (const user of readdirSync(join(folder, 'users'))) {
    if (isAlive(user.slice(0, user.lastIndexOf('-')))) return true;
    rmSync(join(folder, 'users', user), { force: true });
  }
  return false;
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It went away by itself.
  }
}

/**
 * Spends patience by what the event loop had for us: a run that kept the loop busy for seconds has not waited for seconds.
 */
function patient({ clock, patienceMs }: EmbeddedOptions): { tick(why: string): Promise<void> } {
  let spent = 0;
  return {
    async tick(why) {
      if (spent > patienceMs) {
        throw new DatabaseUnavailable(`the embedded PostgreSQL is not ready after ${patienceMs} ms; ${why}`);
      }
      const before = clock.now();
      await clock.sleepUntil(before + 5 * MILLISECOND);
      spent += Math.min((clock.now() - before) / MILLISECOND, 50);
    },
  };
}
