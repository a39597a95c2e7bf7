/** A connection to a server in this process: what a busy machine does to the order in which things are heard. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import ssh2, { type ServerChannel } from 'ssh2';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { realClock } from '../../../history/clock.ts';
import { Connection } from './connection.ts';
import { credentials } from './keys.ts';
import { parseKnownHosts } from './known-hosts.ts';
import { keyPair } from './testing-keys.ts';

const clock = realClock();
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tm-ssh-line-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Two ends of a line on which all that is written in one turn of the loop arrives at once. */
function line(): readonly [Duplex, Duplex] {
  const end = (other: () => Duplex): Duplex => {
    let held: Buffer[] = [];
    return new Duplex({
      read: () => undefined,
      write(bytes: Buffer, _, done) {
        if (held.length === 0)
          clock.timer(clock.now(), () => {
            const all = Buffer.concat(held);
            held = [];
            other().push(all);
          });
        held.push(bytes);
        done();
      },
      final(done) {
        clock.timer(clock.now(), () => void other().push(null));
        done();
      },
    });
  };
  const here: Duplex = end(() => there);
  const there: Duplex = end(() => here);
  return [here, there];
}

/** A connection to a server that answers each command so, at once. */
async function connected(answer: (command: string, channel: ServerChannel) => void): Promise<Connection> {
  const [machine, user] = [keyPair(), keyPair()];
  const key = join(folder, 'key');
  writeFileSync(key, user.private, { mode: 0o600 });
  const server = new ssh2.Server({ hostKeys: [machine.private] }, (client) => {
    client
      .on('error', () => undefined)
      .on('authentication', (asked) => asked.accept())
      .on('ready', () => {
        client.on('session', (accept) => {
          accept().on('exec', (go, _, { command }) => answer(command, go()));
        });
      });
  });
  const [here, there] = line();
  server.injectSocket(there as Parameters<typeof server.injectSocket>[0]); // any duplex will do, as it does for clients
  const known = parseKnownHosts(`m ${machine.public}\n`, 'known_hosts');
  const access = { credentials: credentials(key), known, knownHosts: ['known_hosts'] };
  return Connection.open({ user: 'tide', name: 'm', port: 22 }, access, here);
}

describe('a command', () => {
  test('whose beginning, words and end arrive at once is heard to its end', async () => {
    const connection = await connected((command, channel) => {
      channel.write('v22.1.0\n');
      channel.stderr.write('a warning\n');
      if (command.includes('doomed')) channel.exit('KILL');
      else channel.exit(command.includes('true') ? 0 : 3);
      channel.end();
    });
    try {
      const said = { out: 'v22.1.0\n', err: 'a warning\n' };
      expect(await connection.run('trying', 'true')).toEqual({ ...said, code: 0 });
      expect(await connection.run('trying', 'false')).toEqual({ ...said, code: 3 });
      expect(await connection.run('trying', 'doomed')).toEqual({ ...said, code: null, signal: 'SIGKILL' });
      expect(connection.channels).toBe(0);
    } finally {
      connection.close();
    }
  });

  test('whose end nobody tells has no code', async () => {
    const connection = await connected((_, channel) => void channel.end());
    try {
      expect(await connection.run('trying', 'true')).toEqual({ out: '', err: '', code: null });
    } finally {
      connection.close();
    }
  });
});
