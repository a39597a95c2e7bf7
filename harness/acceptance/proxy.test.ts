import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Gathering, Mark, Proxy } from './proxy.ts';

/** Says what it is told. */
let echo: Server;
let proxy: Proxy;
const clients: Socket[] = [];

beforeEach(async () => {
  echo = createServer((socket) => socket.on('error', () => undefined).pipe(socket)).listen(0, '127.0.0.1');
  await once(echo, 'listening');
  const address = echo.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  proxy = await Proxy.before(`127.0.0.1:${address.port}`);
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await proxy.close();
  echo.close();
});

async function client(): Promise<Socket> {
  const [host, port] = proxy.address.split(':');
  const socket = connect({ host, port: Number(port), noDelay: true });
  clients.push(socket);
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

/** What comes back; undefined where the connection is cut instead. */
async function said(socket: Socket, text: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    socket.once('data', (bytes) => resolve(bytes.toString()));
    socket.once('close', () => resolve(undefined));
    socket.write(text);
  });
}

test('of several marks each is counted for itself, as it is and in base64', async () => {
  const [short, long] = [new Mark('tm-one'), new Mark('tm-another-that-is-longer')];
  proxy.watch(short);
  proxy.watch(long);
  const socket = await client();
  await said(socket, 'tm-one tm-one ');
  await said(socket, `tm-another-that-is-longer ${Buffer.from('key tm-one').toString('base64')} `);
  expect([short.passed, long.passed]).toEqual([3, 1]);
});

test('a mark that comes in two pieces is counted once, whatever else is looked for', async () => {
  const [short, long] = [new Mark('tm-one'), new Mark('tm-another-that-is-longer')];
  proxy.watch(short);
  proxy.watch(long);
  const socket = await client();
  for (const piece of ['tm-o', 'ne tm-another-', 'that-is-longer', ' and more']) await said(socket, piece);
  expect([short.passed, long.passed]).toEqual([1, 1]);
});

test('each mark cuts the connection on which it passes, and no other', async () => {
  const [first, second] = [new Mark('tm-first', 1), new Mark('tm-second', 2)];
  proxy.watch(first);
  proxy.watch(second);
  const [one, two, three] = [await client(), await client(), await client()];
  const answers = await Promise.all([said(one, 'tm-first'), said(two, 'tm-second'), said(three, 'tm-third')]);
  expect(answers).toEqual([undefined, 'tm-second', 'tm-third']);
  expect(await Promise.all([said(two, 'tm-second'), said(three, 'tm-third')])).toEqual([undefined, 'tm-third']);
  expect([first.passed, second.passed]).toEqual([1, 2]);
});

test('what is looked for no more is neither counted nor cut', async () => {
  const mark = new Mark('tm-one', 1);
  proxy.watch(mark);
  proxy.unwatch();
  expect(await said(await client(), 'tm-one')).toBe('tm-one');
  expect(mark.passed).toBe(0);
});

test('where a mark gathers, nobody who sent it hears anything before all have sent it, and others do', async () => {
  const gathering = new Gathering('tm-one', 2);
  proxy.watch(gathering);
  const [one, two, other] = [await client(), await client(), await client()];
  const heard: string[] = [];
  const first = said(one, 'tm-one tm-one').then((text) => heard.push(`first ${text}`)); // twice by one is not two
  await said(other, 'what');
  await said(other, 'else');
  expect(heard).toEqual([]);
  const second = said(two, 'tm-one').then((text) => heard.push(`second ${text}`));
  await Promise.all([first, second]);
  expect([...heard].sort()).toEqual(['first tm-one tm-one', 'second tm-one']);
  expect(await said(one, 'tm-one')).toBe('tm-one');
});

test('who waits for others that never come hears what the node said once nobody waits any longer', async () => {
  const gathering = new Gathering('tm-one', 2);
  proxy.watch(gathering);
  const [one, other] = [await client(), await client()];
  const first = said(one, 'tm-one');
  await said(other, 'what');
  gathering.open();
  expect(await first).toBe('tm-one');
});
