import { createServer, type AddressInfo, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { answers } from './port.ts';

async function askedOf(accept: (socket: Socket) => void): Promise<boolean> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket.on('error', () => undefined));
    accept(socket);
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  try {
    return await answers(`127.0.0.1:${(server.address() as AddressInfo).port}`); // it listens on a port
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
}

test('who takes a connection and keeps it listens, and who cuts it off at once stands in for nobody', async () => {
  expect(await askedOf(() => undefined)).toBe(true);
  expect(await askedOf((socket) => void socket.write('hello'))).toBe(true);
  expect(await askedOf((socket) => void socket.destroy())).toBe(false);
  expect(await askedOf((socket) => void socket.resetAndDestroy())).toBe(false);
  expect(await answers('127.0.0.1:1')).toBe(false);
});
