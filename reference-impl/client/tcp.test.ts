import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { Connection, Turn } from '../wire/connection.ts';
import { Door } from '../wire/hello.ts';
import { unguessable } from '../server/clock.ts';
import { dialTcp } from './tcp.ts';

test('a request that had left when its line broke is in doubt; one that had not was never delivered', async () => {
  const turn = new Turn();
  const agreed = { 'election-ms': 300, 'origins-kept': 1000, 'clock-drift-ppm': 1000 };
  const keeper = { node: 'n1', groups: 1, cluster: 'test', agreed, secrets: {}, admits: () => true, unguessable };
  const traffic = { bytesIn: 0, bytesOut: 0, framesIn: 0, framesOut: 0 };
  const server = createServer((socket: Socket) => {
    const door = new Door(keeper);
    let greeted = false;
    const connection = new Connection({
      socket,
      turn,
      budget: { held: 0, most: 1e6 },
      traffic,
      onFrame: (frame) => {
        if (!greeted) connection.sendFrame(door.next(frame).send);
        // It has come, and nobody will ever know what became of it.
        else socket.destroy();
        greeted = true;
      },
      onClose: () => undefined,
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // a server on TCP has one
  const line = dialTcp(`127.0.0.1:${port}`, { cluster: 'test' });
  const write = { type: 'write', key: 'x', value: 1 } as const;
  await expect(line.request(write)).rejects.toMatchObject({ definite: false });
  await expect(line.request(write)).rejects.toMatchObject({ definite: true });
  server.close();
  const nobody = dialTcp(`127.0.0.1:${port}`, { cluster: 'test' });
  await expect(nobody.request(write)).rejects.toMatchObject({ definite: true });
});
