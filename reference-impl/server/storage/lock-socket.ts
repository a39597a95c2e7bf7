/**
 * The part of the lock that reaches across containers: a socket with a name in the folder. Whoever can open the name and
 * shares the kernel reaches the process behind it, whatever network or pid namespaces the two are in; and behind the name
 * of a process that has ended, or behind a copy of it, there is nobody.
 *
 * Each process takes a name of its own, which is never used again, and listens before it looks for others. So of two
 * that start at once at least one sees the other (perhaps both do, and neither stays), and a name behind which there is
 * nobody can be removed without a lock. But for one that is bound and does not listen yet: its owner finds it
 * missing, and takes another.
 */
import { closeSync, constants, existsSync, openSync, readdirSync, rmSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { unguessable } from '../clock.ts';

const NAME = /^lock-[0-9a-f]{16}\.socket$/;
const ATTEMPTS = 5;

export interface Claimed {
  /** Why others cannot see that this process has it. */
  readonly lacking?: string;
  readonly release: () => Promise<void>;
}

export async function claimBySocket(folder: string): Promise<Claimed | 'taken'> {
  // Names of sockets have 107 bytes at most: they are given relative to the open folder, wherever that lies.
  const fd = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  const at = `/proc/self/fd/${fd}`;
  let server: Server | undefined;
  const release = async (): Promise<void> => {
    await closed(server);
    closeSync(fd);
  };
  let lacking = 'others that started removed its name again and again';
  try {
    if (!existsSync(at)) return { lacking: '/proc is not mounted', release };
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      await closed(server);
      const own = `lock-${unguessable(8).toString('hex')}.socket`;
      const listening = await listen(`${at}/${own}`);
      server = typeof listening === 'string' ? undefined : listening;
      if (typeof listening === 'string') lacking = listening;
      const names = readdirSync(folder).filter((name) => NAME.test(name));
      for (const name of names) {
        if (name === own) continue;
        if (await isAnswered(`${at}/${name}`)) {
          await release();
          return 'taken';
        }
        rmSync(join(folder, name), { force: true });
      }
      if (server === undefined) break;
      if (names.includes(own)) return { release };
    }
    return { lacking, release };
  } catch (error) {
    await release();
    throw error;
  }
}

/** Or why not. */
function listen(path: string): Promise<Server | string> {
  const server = createServer((connection) => connection.destroy());
  return new Promise((resolve) => {
    // Later ones, of connections that were not taken, mean nothing: the kernel had connected them.
    server.on('error', (error) => resolve(error.message));
    server.listen({ path, exclusive: true }, () => {
      server.unref();
      resolve(server);
    });
  });
}

/** Decided at once: the kernel connects, or does not, without the process behind the name. */
function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    // Whoever has no time (EAGAIN), or does not let us in (EACCES), may well be there.
    socket.once('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT');
    });
  });
}

/** Removes its name, too. */
function closed(server: Server | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (server?.listening === true) server.close(() => resolve());
    else resolve();
  });
}
