import { once } from 'node:events';
import { createServer, connect, type AddressInfo, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { atEndOfTurn } from '../server/clock.ts';
import { Connection, type Traffic, Turn } from './connection.ts';

/** A connection over loopback, and the numbers of each frame that came out at its other end. */
async function pair(): Promise<{ from: Connection; frames: number[][]; traffic: Traffic; close: () => void }> {
  const frames: number[][] = [];
  const traffic: Traffic = { bytesIn: 0, bytesOut: 0, framesIn: 0, framesOut: 0 };
  const turn = new Turn();
  const over = (socket: Socket): Connection =>
    new Connection({
      socket,
      turn,
      budget: { held: 0, most: 1e6 },
      traffic,
      onFrame: (frame) => {
        const numbers: number[] = [];
        while (frame.left > 0) numbers.push(frame.whole());
        frames.push(numbers);
      },
      onClose: () => undefined,
    });
  const server = createServer(over).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1'); // a server on TCP has a port
  await once(socket, 'connect');
  const close = (): void => {
    socket.destroy();
    server.close();
  };
  return { from: over(socket), frames, traffic, close };
}

test('what is queued in one turn of the event loop leaves as one frame at the end of the turn', async () => {
  const { from, frames, traffic, close } = await pair();
  const arrived = async (count: number): Promise<void> => {
    for (let turns = 0; turns < 1000 && frames.flat().length < count; turns++) await new Promise<void>(atEndOfTurn);
  };
  for (let i = 0; i < 100; i++) {
    from.out.number(i);
    from.queued();
  }
  expect(traffic.framesOut).toBe(0);
  await arrived(100);
  from.out.number(100);
  from.queued();
  await arrived(101);
  expect(frames).toEqual([Array.from({ length: 100 }, (_, i) => i), [100]]);
  expect(traffic).toMatchObject({ framesOut: 2, framesIn: 2 });
  close();
});
