/**
 * One process a data directory. On Linux the lock is an abstract socket named for the folder's device and inode: the
 * kernel lets go of it when the process ends, however it ends, so that nothing stale is ever left. It reaches as far as
 * the network namespace; a socket with a name in the folder reaches everybody on this kernel, containers that share a
 * volume above all (`lock-socket.ts`). Elsewhere, and to say who it is, there is the file `lock` with pid and start of
 * its process, which reaches as far as the pid namespace.
 */
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { type StorageOptions, StorageRefused } from '../storage.ts';
import { isFull } from './files.ts';
import { type Claimed, claimBySocket } from './lock-socket.ts';

/** Call it to let go. */
export type Unlock = () => Promise<void>;

interface Holder {
  readonly pid: number;
  /** Ticks since the machine began; 0 where that is not known. */
  readonly started: number;
  /** Device and inode: a copy of the folder is not locked by whoever uses the folder. */
  readonly folder: string;
}

export async function lockFolder(folder: string, log: StorageOptions['log'] = () => undefined): Promise<Unlock> {
  const path = join(folder, 'lock');
  const { dev, ino } = statSync(folder, { bigint: true });
  const identity = `${dev}-${ino}`;
  const socket = await listen(identity);
  const held = readHolder(path, identity);
  if (socket === 'taken' || (held !== undefined && isAlive(held))) {
    if (socket !== 'taken') await closed(socket);
    const who = held === undefined ? 'another process' : `process ${held.pid}`;
    throw new StorageRefused(`${folder} is in use by ${who}.`);
  }
  const claim = await claimInFolder(folder, socket);
  if (claim?.lacking !== undefined) {
    log(
      'warning',
      `${folder} has no socket of this process (${claim.lacking}): processes in other containers are not kept out.`,
    );
  }
  const letGo = async (): Promise<void> => {
    await claim?.release();
    await closed(socket);
  };
  const mine: Holder = { pid: process.pid, started: startOf(process.pid) ?? 0, folder: identity };
  try {
    writeFileSync(path, `${JSON.stringify(mine)}\n`);
  } catch (error) {
    // A node starts on a full disk, too: to say so, and to go on when there is room.
    if (!isFull(error)) {
      await letGo();
      throw error;
    }
  }
  return async () => {
    rmSync(path, { force: true });
    await letGo();
  };
}

async function claimInFolder(folder: string, socket: Server | undefined): Promise<Claimed | undefined> {
  if (process.platform !== 'linux') return undefined;
  try {
    const claim = await claimBySocket(folder);
    if (claim !== 'taken') return claim;
  } catch (error) {
    await closed(socket);
    throw error;
  }
  await closed(socket);
  throw new StorageRefused(`${folder} is in use by another process (in another container, or another namespace).`);
}

async function listen(identity: string): Promise<Server | undefined | 'taken'> {
  if (process.platform !== 'linux') return undefined;
  const server = createServer((connection) => connection.destroy());
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve('taken');
      else reject(error);
    });
    server.listen({ path: `\0tidemark-store-${identity}`, exclusive: true }, () => {
      server.unref();
      resolve(server);
    });
  });
}

function closed(server: Server | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (server === undefined) resolve();
    else server.close(() => resolve());
  });
}

function readHolder(path: string, identity: string): Holder | undefined {
  try {
    const { pid, started, folder } = JSON.parse(readFileSync(path, 'utf8')) as Partial<Holder>;
    if (typeof pid !== 'number' || typeof started !== 'number' || folder !== identity) return undefined;
    return { pid, started, folder };
  } catch {
    return undefined; // there is none, or its process was killed while it wrote
  }
}

/** Whether that very process still runs: its number may be another's by now. */
function isAlive(holder: Holder): boolean {
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  const started = startOf(holder.pid);
  return started === undefined ? holder.pid !== process.pid : started === holder.started;
}

/** No process starts then: for one that has ended and that nobody has asked after (a zombie). */
const OVER = -1;

/** From /proc: the 22nd field, counted behind the name in brackets, which may hold anything. */
function startOf(pid: number): number | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return OVER;
    const started = Number(fields[19]);
    return Number.isFinite(started) ? started : undefined;
  } catch {
    return undefined;
  }
}
