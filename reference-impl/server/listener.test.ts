import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { Turn } from '../wire/connection.ts';
import { helloFrame } from '../wire/hello.ts';
import { unguessable } from './clock.ts';
import { Listener } from './listener.ts';
import { Log } from './log.ts';

const open: { close: () => void }[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

async function listening(
  greetingMs: number,
): Promise<{ said: string[]; dial: () => Promise<Socket>; there: Listener }> {
  const said: string[] = [];
  const there = new Listener({
    host: '127.0.0.1',
    port: 0,
    connectionsMax: 10,
    greetingMs,
    keeper: {
      node: 'n1',
      groups: 1,
      cluster: 'test',
      agreed: { 'election-ms': 300, 'origins-kept': 1000, 'clock-drift-ppm': 1000 },
      secrets: {},
      admits: () => true,
      unguessable,
    },
    turn: new Turn(),
    budget: { held: 0, most: 1e6 },
    log: new Log('n1', 'text', (line) => void said.push(line)),
    welcome: () => ({ take: (frame) => void frame.rest() }),
  });
  open.push(there);
  const port = await there.listen();
  const dial = async (): Promise<Socket> => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    open.push({ close: () => void socket.destroy() });
    await once(socket, 'connect');
    return socket;
  };
  return { said, dial, there };
}

test('who sends nonsense is cut off, with a reason in the log, and the others go on', async () => {
  const { said, dial, there } = await listening(10_000);
  const good = await dial();
  const nonce = Buffer.alloc(32);
  good.write(helloFrame({ role: 'client', cluster: 'test', from: 'x', to: undefined, groups: 0, nonce }));
  await once(good, 'data');
  for (const [nonsense, reason] of [
    [Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'), /a frame of more than \d+ bytes/],
    [Buffer.alloc(64), /an empty frame/],
    [Buffer.from([0, 0, 0, 1, 1, 2, 3, 4, 0xc0]), /a wrong checksum/],
  ] as const) {
    const bad = await dial();
    const closed = once(bad, 'close');
    bad.write(nonsense);
    await closed;
    expect(said.at(-1)).toMatch(/warning: the connection from 127\.0\.0\.1:\d+ is closed: /);
    expect(said.at(-1)).toMatch(reason);
  }
  expect(there.rejected.malformed).toBe(3);
  expect([there.connections, good.destroyed]).toEqual([1, false]);
});

test('who says nothing is shown out', async () => {
  const { said, dial, there } = await listening(30);
  const silent = await dial();
  await once(silent, 'close');
  expect(said.at(-1)).toMatch(/is not let in: said nothing for 30 ms/);
  expect([there.connections, there.rejected.turnedAway]).toEqual([0, 1]);
});
