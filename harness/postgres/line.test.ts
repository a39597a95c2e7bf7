import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { SECOND } from '../../history/clock.ts';
import { Refused } from '../../history/store.ts';
import { NotSent } from '../stores/client.ts';
import { close, open, refusalIn } from './line.ts';

test.each([
  ['25006', 'READ_ONLY'],
  ['40001', 'SERIALIZATION_FAILURE'],
  ['40P01', 'DEADLOCK'],
  ['57014', 'CANCELLED'],
  ['53300', 'NO_ROOM'],
  ['CONNECT_TIMEOUT', 'NOT_SENT'],
])('%s is a definite refusal: %s', (code, name) => {
  const refusal = refusalIn(Object.assign(new Error('as the server says'), { code }));
  expect(refusal).toBeInstanceOf(Refused);
  expect((refusal as Refused).code).toBe(name);
});

// Shut down, crashed, broken off, what a socket may say after it was sent, and the one that says itself that nobody knows.
const afterwards = ['57P01', '57P02', 'CONNECTION_CLOSED', 'ECONNRESET', 'ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH'];
test.each([...afterwards, '40003', 'XX000', ''])('%s leaves it open', (code) => {
  const error = Object.assign(new Error('as the server says'), { code });
  expect(refusalIn(error)).toBe(error);
});

describe('a connection', () => {
  const servers: Server[] = [];
  afterEach(() => servers.splice(0).forEach((server) => server.close()));

  /** Counts who comes, and does with them what it is told. */
  async function serve(
    meet: (socket: Socket) => void,
  ): Promise<{ readonly port: number; readonly came: () => number }> {
    let came = 0;
    const server = createServer((socket) => {
      came++;
      socket.on('error', () => undefined);
      meet(socket);
    });
    servers.push(server);
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    return { port: (server.address() as AddressInfo).port, came: () => came };
  }

  test('that ends before it can be used is not made again, and nothing was sent', async () => {
    const { port, came } = await serve((socket) => socket.destroy());
    const line = await open({ host: '127.0.0.1', port }, 5 * SECOND);
    const asked = await line.sql`select 1`.then(
      () => 'ok',
      (error: unknown) => error,
    );
    expect(asked).toBeInstanceOf(NotSent);
    expect(came()).toBe(1);
    expect(() => line.sql).toThrow(NotSent);
    close(line);
  });

  test('that cannot be had was not sent over', async () => {
    const { port } = await serve((socket) => socket.destroy());
    const [server] = servers.splice(0);
    await new Promise((resolve) => server.close(resolve));
    const line = await open({ host: '127.0.0.1', port }, 5 * SECOND);
    await expect(line.sql`select 1`.then(() => 'ok')).rejects.toBeInstanceOf(NotSent);
    close(line);
  });
});
