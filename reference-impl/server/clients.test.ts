import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { expect, test } from 'vitest';
import type { Reader } from '../wire/bytes.ts';
import { Connection, type ConnectionOptions, Turn } from '../wire/connection.ts';
import { readResponse, writeRequest } from '../wire/requests.ts';
import { ClientSession } from './clients.ts';
import { atEndOfTurn } from './clock.ts';

const turn = new Turn();

function options(onFrame: (frame: Reader) => void): Omit<ConnectionOptions, 'socket'> {
  const traffic = { bytesIn: 0, bytesOut: 0, framesIn: 0, framesOut: 0 };
  return { turn, budget: { held: 0, most: 1e6 }, traffic, onFrame, onClose: () => undefined };
}

test('a client’s connection asks what comes while earlier requests wait, and answers in the order of the answers', async () => {
  const asked: number[] = [];
  let session: ClientSession | undefined;
  const server = createServer((socket) => {
    const connection = new Connection({ socket, ...options((frame) => session?.take(frame)) });
    session = new ClientSession(connection, (_session, number) => void asked.push(number));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1'); // a server on TCP has a port
  const answered: number[] = [];
  const client = new Connection({
    socket,
    ...options((frame) => {
      while (frame.left > 0) {
        answered.push(frame.whole());
        readResponse(frame);
      }
    }),
  });
  await once(socket, 'connect');
  for (const number of [1, 2, 3]) {
    writeRequest(client.out, number, { type: 'write', key: 'x', value: number });
    // In frames of their own.
    client.flush();
  }
  for (let turns = 0; turns < 1000 && asked.length < 3; turns++) await new Promise<void>(atEndOfTurn);
  expect(asked).toEqual([1, 2, 3]);
  for (const number of [3, 1, 2]) session?.answer(number, { type: 'refused', code: 'NOT_LEADER' });
  for (let turns = 0; turns < 1000 && answered.length < 3; turns++) await new Promise<void>(atEndOfTurn);
  expect(answered).toEqual([3, 1, 2]);
  socket.destroy();
  server.close();
});
