import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { expect, test } from 'vitest';
import { Connection, Turn } from '../wire/connection.ts';
import { FrameWriter } from '../wire/frames.ts';
import { Door, payloads } from '../wire/hello.ts';
import { atEndOfTurn, unguessable } from './clock.ts';
import { Log } from './log.ts';
import { PeerInbound, Peers } from './peers.ts';
import { until } from './testing.ts';

const agreed = { 'election-ms': 300, 'origins-kept': 1000, 'clock-drift-ppm': 1000 };

test('a peer that is silent is given up, and dialled anew', async () => {
  const turn = new Turn();
  const budget = { held: 0, most: 1e6 };
  const traffic = { bytesIn: 0, bytesOut: 0, framesIn: 0, framesOut: 0 };
  /** As after a cut behind which TCP has not noticed anything: the connection stands, and nothing comes. */
  const state = { dialled: 0, silent: false };
  const keeper = { node: 'n2', groups: 1, cluster: 'test', agreed, secrets: {}, admits: () => true, unguessable };
  const server = createServer((socket) => {
    state.dialled++;
    const door = new Door(keeper);
    let inbound: PeerInbound | undefined;
    const connection = new Connection({
      socket,
      turn,
      budget,
      traffic,
      onFrame: (frame) => {
        if (state.silent) frame.rest();
        else if (inbound !== undefined) inbound.take(frame);
        else {
          const { send, admitted } = door.next(frame);
          connection.sendFrame(send);
          if (admitted) inbound = new PeerInbound(connection, admitted, () => undefined);
        }
      },
      onClose: () => undefined,
    });
    connection.payloadBytesMax = payloads.peer;
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const said: string[] = [];
  const log = new Log('n1', 'text', (line) => void said.push(line));
  const about = { self: 'n1', cluster: 'test', groups: 1, agreed, secret: undefined, turn, budget, log };
  const peers = new Peers({ ...about, pingMs: 10, silenceMs: 60 });
  const { port } = server.address() as AddressInfo; // a server on TCP has one
  peers.set(new Map([['n2', `127.0.0.1:${port}`]]));
  try {
    await until('a sign of life', () => peers.status()['n2'].roundTripMs !== undefined);
    expect(state.dialled).toBe(1);
    state.silent = true;
    await until('it to be given up', () => said.some((line) => /n2 is not reached.*silent for \d+ ms/.test(line)));
    state.silent = false;
    await until('it to be reached again', () => peers.status()['n2'].connected && state.dialled > 1);
    expect(said.at(-1)).toContain('n2 is reached at');
  } finally {
    peers.close();
    server.close();
  }
});

test('a peer that pings and takes no answers is cut off, with a reason, before they are many', async () => {
  const traffic = { bytesIn: 0, bytesOut: 0, framesIn: 0, framesOut: 0 };
  const ended: (Error | undefined)[] = [];
  const nonce = Buffer.alloc(32);
  const hello = { role: 'peer', cluster: 'test', from: 'n2', to: 'n1', groups: 1, nonce } as const;
  const server = createServer((socket) => {
    // As when the buffers of both kernels are full: what is written stays here.
    socket.cork();
    const connection: Connection = new Connection({
      socket,
      turn: new Turn(),
      budget: { held: 0, most: 1e6 },
      traffic,
      onFrame: (frame) => inbound.take(frame),
      onClose: (why) => void ended.push(why),
    });
    const inbound = new PeerInbound(connection, hello, () => undefined);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1'); // a server on TCP has a port
  socket.on('error', () => undefined);
  const ping = new FrameWriter();
  ping.nil();
  const pings = Buffer.concat(new Array<Buffer>(20_000).fill(ping.take()));
  try {
    await once(socket, 'connect');
    socket.write(pings);
    // All of them taken, or the connection gone.
    await until('an end', () => ended.length > 0 || traffic.framesIn === 20_000);
    await new Promise<void>(atEndOfTurn);
    expect(ended).toEqual([new Error('n2 does not take the answers to its pings')]);
    expect(traffic.bytesOut).toBeLessThan(129 * 1024);
  } finally {
    socket.destroy();
    server.close();
  }
});
