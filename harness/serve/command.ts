/** `tidemark serve`: listens until it is told to end. */
import { generateKeySync } from 'node:crypto';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { serve } from '@hono/node-server';
import { printable } from '../../checkers/explain/labels.ts';
import { realClock } from '../../history/clock.ts';
import type { Io } from '../command.ts';
import { BadInput, KEPT } from '../errors.ts';
import { appOf } from './app.ts';
import { type Guarding, isLoopback } from './guard.ts';
import { RunSource } from './source.ts';

export interface ServeFlags {
  readonly port: string;
  readonly host: string;
  readonly allowHost: readonly string[];
  readonly requireToken?: true | undefined;
  readonly json?: true | undefined;
}

const TOKEN_MIN = 16;

export async function serveRuns(flags: ServeFlags, io: Io): Promise<void> {
  const { host } = flags;
  const port = portOf(flags.port);
  const token = tokenOf(flags, io);
  const warn = (sentence: string): void => io.err(`tidemark: ${printable(sentence)}\n`);
  const source = await RunSource.open({ folder: join(io.cwd, '.tidemark'), url: io.env.TIDEMARK_DATABASE_URL, warn });
  let ending = false;
  let guarding: Guarding = { port, address: host, allowed: flags.allowHost, token };
  const app = appOf({ source, guarding: () => guarding, clock: realClock(), ending: () => ending, warn });
  try {
    const server = await listening(app.fetch, host, port);
    const { port: bound } = server.address() as AddressInfo; // it listens on TCP
    guarding = { ...guarding, port: bound };
    const name = host.includes(':') ? `[${host}]` : host;
    const address = `http://${name}:${bound}/${token === undefined ? '' : `?token=${encodeURIComponent(token)}`}`;
    if (flags.json === true) io.out(`${JSON.stringify({ schema: 1, type: 'serving', address })}\n`);
    else io.out(`${address}\n`);
    if (flags.json !== true) io.err('tidemark: serving the stored runs there; Control-C ends it\n');
    await told();
    ending = true;
    await closed(server);
  } finally {
    await source.close();
  }
  io.exit(KEPT);
}

function portOf(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535)
    throw new BadInput(`--port ${text}: a number from 0 to 65535 is needed.`);
  return port;
}

/** Off the loopback there always is one. */
function tokenOf({ host, requireToken }: ServeFlags, io: Io): string | undefined {
  const given = io.env.TIDEMARK_TOKEN ?? '';
  if (given !== '' && !/^[\w.~+-]+$/.test(given))
    throw new BadInput('TIDEMARK_TOKEN: letters, digits and . ~ + _ - are needed.');
  if (given !== '' && given.length < TOKEN_MIN)
    throw new BadInput(`TIDEMARK_TOKEN: at least ${TOKEN_MIN} characters are needed.`);
  if (given !== '') return given;
  if (isLoopback(host) && requireToken !== true) return undefined;
  return generateKeySync('hmac', { length: 192 }).export().toString('base64url');
}

function listening(fetch: Parameters<typeof serve>[0]['fetch'], hostname: string, port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = serve({ fetch, hostname, port }, () => resolve(server)) as Server; // no other kind is asked for
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why =
        {
          EADDRINUSE: 'the port is taken',
          EACCES: 'this user may not listen there',
          EADDRNOTAVAIL: 'this machine has no such address',
          ENOTFOUND: 'there is no such address',
        }[error.code ?? ''] ?? error.message;
      reject(new BadInput(`--host ${hostname} --port ${port}: ${why}.`, { cause: error }));
    });
  });
}

/** Until Control-C, or whatever ends programs. */
function told(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
}

/** Views of runs in progress would hold their connections for ever. */
function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
