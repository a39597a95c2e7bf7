/** Whatever a driver does, the question ends, with the reason. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MILLISECOND } from '../../history/clock.ts';
import { asset } from '../entry.ts';
import { GivenCluster } from '../environments/endpoints/endpoints.ts';
import driver from '../systems/driver.ts';
import type { System } from '../system.ts';

const program = asset('harness/driver-protocol/testdata/driver.mjs');
let folder = '';
let cluster: GivenCluster;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidemark-driver-'));
  const run = { id: 'r1', logs: join(folder, 'logs') };
  cluster = new GivenCluster(new Map([['n1', '127.0.0.1:1']]), () => ({}), { observe: () => undefined, run });
});
afterEach(async () => {
  await cluster.destroy();
  rmSync(folder, { recursive: true, force: true });
});

async function systemOf(misdeed: string, after = 0): Promise<System> {
  const command = `'${process.execPath}' '${program}' ${misdeed} ${after} '${join(folder, 'store')}'`;
  const configured = await driver.configured?.(new Map([['driver', command]]));
  if (configured === undefined) throw new Error('not configured');
  return configured;
}

/** What became of a read, in the words of a history. */
async function reads(system: System, times = 1, withinMs = 20_000): Promise<string[]> {
  const options = { session: 's1', device: 'd1', home: 'here', readPath: 'only', writePath: 'only', attempt: 0 };
  const client = await system.connect(cluster, options, new Map());
  const ended: string[] = [];
  for (let i = 0; i < times; i++) {
    const deadline = cluster.clock.now() + withinMs * MILLISECOND;
    ended.push(
      await (client.read?.({ key: 'x' }, deadline) ?? Promise.reject(new Error('no read'))).then(
        ({ value }) => `ok ${JSON.stringify(value)}`,
        (error: Error) => `${error.name === 'Refused' ? 'fail' : 'info'} ${error.message}`,
      ),
    );
    await cluster.clock.sleepUntil(cluster.clock.now() + 60 * MILLISECOND);
  }
  await client.close();
  return ended;
}

describe('an operation is info, with the reason, and counted, where the driver', () => {
  test.each([
    ['nonsense', 'info the driver wrote a line that is no JSON: Segmentation fault', 'driver lines that are no answer'],
    ['twice', 'info the driver answered question 2 twice', 'driver second answers'],
    ['late', 'info the driver did not answer within 298 ms', 'driver late answers'],
    ['silence', 'info the driver did not answer within 298 ms', 'driver silences'],
    ['deaf', 'info the driver did not answer within 298 ms', 'driver silences'],
    ['flood', 'info the driver answered question -1, which nobody had asked', 'driver lines that are no answer'],
    ['exit', 'info the driver ended with code 3: fatal: the store is on fire', 'driver ends of their own'],
    ['throw', 'info the driver ended with code 1: Error: the store is on fire', 'driver ends of their own'],
    ['long-line', 'info the driver wrote a line of more than 8 MiB', 'driver lines that are no answer'],
    ['no-value', 'info the driver answered ok to a read, and gave no value', 'driver lines that are no answer'],
    ['stranger', 'info the driver names the node "n7"; there are n1', 'driver lines that are no answer'],
    [
      'large-value',
      `info the driver gave a value of more than 64 KiB: "${'x'.repeat(79)}…`,
      'driver lines that are no answer',
    ],
    [
      'not-utf-8',
      'info the driver wrote a line that is not UTF-8: {"id":2,"type":"ok","value":"\ufffd\ufffd"}',
      'driver lines that are no answer',
    ],
    [
      'no-error',
      'info the driver answered fail without an error, which says what was refused: {"id":2,"type":"fail"}',
      'driver lines that are no answer',
    ],
    [
      'no-id',
      'info the driver wrote a line without an id: {"type":"ok","value":null}',
      'driver lines that are no answer',
    ],
  ])('%s', async (misdeed, ending, counted) => {
    // Deadlines are in whole milliseconds of what is left.
    const [ended] = await reads(await systemOf(misdeed), 1, ending.includes('within') ? 300 : 20_000);
    expect(ended?.replace(/within 29\d ms/, 'within 298 ms')).toBe(ending);
    await cluster.destroy();
    expect(cluster.statistics()).toEqual({ [counted]: 1 });
  });
});

test('a driver that has misbehaved is replaced, and the next operation is done', async () => {
  expect(await reads(await systemOf('exit', 1), 3)).toEqual([
    'ok null',
    'info the driver ended with code 3: fatal: the store is on fire',
    'ok null',
  ]);
});

test('a second answer that comes later ends the driver, and is counted', async () => {
  expect(await reads(await systemOf('twice-later'), 2)).toEqual(['ok null', 'ok null']);
  expect(cluster.statistics()).toEqual({ 'driver second answers': 2 });
});

test('what a driver says on stderr is in a file of its client, and nothing of it is left running', async () => {
  await reads(await systemOf('exit'));
  expect(readdirSync(join(folder, 'logs'))).toEqual(['s1-d1.log']);
  expect(readFileSync(join(folder, 'logs', 's1-d1.log'), 'utf8')).toBe('fatal: the store is on fire\n');
  await reads(await systemOf('deaf'), 1, 300);
  await cluster.destroy();
  expect(running(program)).toEqual([]);
});

test.each([
  ['no-role', undefined, { node: 'n1', role: 'follower' }],
  ['has-role', undefined, { node: 'n1', role: 'leader' }],
  ['no-role', 'n1', { node: 'n1' }],
] as const)(
  'who answered has the role that the path asks, unless the driver says which, or a node was named: %s',
  async (says, node, servedBy) => {
    const options = { session: 's1', device: 'd1', home: 'here', readPath: 'only', writePath: 'only', attempt: 0 };
    const client = await (await systemOf(says)).connect(cluster, { ...options, ...(node && { node }) }, new Map());
    const answer = await client.read?.({ key: 'x' }, cluster.clock.now() + 20_000 * MILLISECOND);
    expect(answer?.servedBy).toEqual(servedBy);
  },
);

test('what nobody has time to answer is not asked, and so refused', async () => {
  const options = { session: 's1', device: 'd1', home: 'here', readPath: 'only', writePath: 'only', attempt: 0 };
  const client = await (await systemOf('silence')).connect(cluster, options, new Map());
  await expect(client.read?.({ key: 'x' }, cluster.clock.now())).rejects.toMatchObject({
    name: 'Refused',
    code: 'NOT_OPENED',
  });
  await client.close();
  await cluster.destroy();
  expect(cluster.statistics()).toEqual({});
});

test('a password that a driver writes to stderr, in one piece or in two, is not in that file', async () => {
  process.env['STORE_PASSWORD'] = 'hunter22';
  try {
    await reads(await systemOf('tells'));
    await cluster.destroy();
  } finally {
    delete process.env['STORE_PASSWORD'];
  }
  const log = readFileSync(join(folder, 'logs', 's1-d1.log'), 'utf8');
  expect(log).toBe('started with ***\nwent on with ***, and to redis://***@somewhere');
});

test('another process of the driver that says another hello is not used', async () => {
  const [ended] = await reads(await systemOf('other-hello'));
  expect(ended).toBe('fail its hello is not the one it gave before');
});

describe('a command without a hello is refused in one sentence', () => {
  test.each([
    [`'${process.execPath}' '${program}' wrong-hello`, 'its hello speaks protocol 2; "protocol": 1 is needed.'],
    [`'${process.execPath}' '${program}' no-hello`, 'it said no hello within 10 s.'],
    ['/nowhere/at/all', 'it ended with code 127: failed to execute /nowhere/at/all: No such file or directory.'],
    ["sh -c 'echo not found >&2; exit 4'", 'it ended with code 4: not found.'],
    ["echo 'hi there'", 'it wrote a line that is no JSON: hi there.'],
  ])('%s', { timeout: 20_000 }, async (command, said) => {
    const refused = driver.configured?.(new Map([['driver', command]]));
    await expect(refused).rejects.toMatchObject({ name: 'BadInput', message: `--driver ${command}: ${said}` });
  });
});

test('a store that cannot be used is named, and a password is not repeated', async () => {
  process.env['STORE_PASSWORD'] = 'hunter22';
  try {
    const why = await (await systemOf('refuses')).ready?.(cluster);
    expect(why).toBe('n1 at 127.0.0.1:1 cannot be used: wrong password: ***');
  } finally {
    delete process.env['STORE_PASSWORD'];
  }
});

/** Command lines of processes that have this in them, and are not ours. */
function running(part: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map((pid) => (existsSync(`/proc/${pid}/cmdline`) ? textOf(`/proc/${pid}/cmdline`) : ''))
    .filter((line) => line.includes(part) && line.includes(folder));
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'latin1').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}
