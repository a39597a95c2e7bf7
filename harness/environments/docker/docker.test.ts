/** What needs no engine: subnets, whose leftovers are whose, what goes into an image. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { buildFirst } from '../../../test-support/tidemark.ts';
import { lines } from './agent/protocol.ts';
import { digest, packed, removePacked, storeContext } from './context.ts';
import { Engine } from './engine.ts';
import { leftovers } from './leftovers.ts';
import { overlap, subnet } from './network.ts';
import { labels, owner, ownerMark, stateOf } from './owner.ts';
import { openToOthers, publishOn, reachOf, settings } from './settings.ts';

describe('subnets', () => {
  test('are 1,024 of 198.19.0.0/16, none in another', () => {
    expect([subnet(0).cidr, subnet(5).cidr, subnet(1023).cidr]).toEqual([
      '198.19.0.0/26',
      '198.19.1.64/26',
      '198.19.255.192/26',
    ]);
    expect([subnet(5).address(1), subnet(1023).address(62)]).toEqual(['198.19.1.65', '198.19.255.254']);
    const all = Array.from({ length: 1024 }, (_, i) => subnet(i).cidr);
    expect(all.every((cidr) => overlap(cidr, '198.18.0.0/15'))).toBe(true);
    expect(all.every((cidr, i) => i === 0 || !overlap(cidr, all[i - 1]))).toBe(true);
  });

  test.each([
    ['198.19.1.64/26', '198.19.1.0/24', true],
    ['198.19.1.0/24', '198.19.1.64/26', true],
    ['198.19.1.64/26', '198.19.1.128/26', false],
    ['198.19.1.64/26', '10.0.0.0/8', false],
    ['198.19.1.64/26', '0.0.0.0/0', true],
    ['198.19.1.64/26', 'fd00::/64', false],
    ['198.19.1.70/26', '198.19.1.64/32', true], // what is not at its start is taken for its network
  ])('%s and %s overlap: %s', (a, b, so) => {
    expect([overlap(a, b), overlap(b, a)]).toEqual([so, so]);
  });
});

/** A process of this machine that has just ended. */
function deadOwner(): string {
  const { stdout } = spawnSync('sh', ['-c', 'cut -d" " -f1,22 /proc/self/stat'], { encoding: 'utf8' });
  const [pid, start] = stdout.trim().split(' ');
  return owner().replace(/\d+-\d+$/, `${pid}-${start}`);
}

describe('what is packed for an image', () => {
  test('is removed where its harness is dead, and only there', () => {
    const was = process.env['TMPDIR'];
    const folder = mkdtempSync(join(tmpdir(), 'tm-packed-'));
    process.env['TMPDIR'] = folder;
    try {
      const { tar, end } = packed(new Map([['a', { text: 'a' }]]));
      tar.resume();
      const [living] = readdirSync(folder);
      expect(living.startsWith(`tidemark-image-${ownerMark()}-`)).toBe(true);
      const [place] = ownerMark().split('-');
      const dead = `tidemark-image-${place}-${deadOwner().split(' ').at(-1)}-abcdef`;
      const elsewhere = dead.replace(place, '00000000');
      for (const name of [dead, elsewhere, 'tidemark-image-of-mine']) mkdirSync(join(folder, name));
      expect(removePacked(true)).toEqual([join(folder, dead)]);
      expect(readdirSync(folder).length).toBe(4);
      expect(removePacked(false)).toEqual([join(folder, dead)]);
      expect(readdirSync(folder).sort()).toEqual([elsewhere, living, 'tidemark-image-of-mine'].sort());
      end();
      expect(readdirSync(folder)).not.toContain(living);
    } finally {
      if (was === undefined) delete process.env['TMPDIR'];
      else process.env['TMPDIR'] = was;
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe('owners', () => {
  test('are alive, dead, or elsewhere', () => {
    expect(owner().startsWith(`${hostname()} `)).toBe(true);
    expect(stateOf(owner())).toBe('alive');
    expect(stateOf(deadOwner())).toBe('dead');
    // The same pid, used again by a process that started later.
    expect(stateOf(owner().replace(/-(\d+)$/, '-1'))).toBe('dead');
    expect(stateOf(`other ${owner()}`)).toBe('unknown');
    for (const label of ['', 'x', owner().replace(/ (\d+) (\d+-\d+)$/, ' 1$1 $2')])
      expect(stateOf(label)).toBe('unknown');
  });
});

interface Object {
  readonly name: string;
  readonly owner: string;
  readonly ageMs: number;
  readonly state?: string;
}

/** An engine that knows how to list. */
function engineWith(containers: readonly Object[], networks: readonly Object[], volumes: readonly Object[]): Engine {
  const of = ({ owner }: Object) => ({ [labels.run]: 'r', [labels.owner]: owner });
  const at = ({ ageMs }: Object): string => before(ageMs);
  const docker = {
    listContainers: () =>
      Promise.resolve(
        containers.map((one) => ({
          Names: [`/${one.name}`],
          Labels: of(one),
          Created: (NOW - one.ageMs) / 1000,
          State: one.state ?? 'exited',
        })),
      ),
    listNetworks: () => Promise.resolve(networks.map((one) => ({ Name: one.name, Labels: of(one), Created: at(one) }))),
    listVolumes: () =>
      Promise.resolve({ Volumes: volumes.map((one) => ({ Name: one.name, Labels: of(one), CreatedAt: at(one) })) }),
  };
  return { docker, ask: (_: string, work: (signal: undefined) => unknown) => work(undefined) } as unknown as Engine;
}

const NOW = 1_800_000_000_000;
const HOUR = 3_600_000;

/** `NOW` is 08:00 on 15 January 2027. */
function before(ageMs: number): string {
  const seconds = 8 * 3600 - ageMs / 1000;
  const two = (n: number): string => String(n).padStart(2, '0');
  return `2027-01-15T${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}Z`;
}

describe('leftovers', () => {
  const found = async (...given: Parameters<typeof engineWith>): Promise<readonly string[]> =>
    (await leftovers(engineWith(...given), NOW)).map(({ name }) => name);

  test('of a dead harness go at once, containers first; of a living one never', async () => {
    const dead = deadOwner();
    const mine = owner();
    const listed = await found(
      [
        { name: 'c-dead', owner: dead, ageMs: 0, state: 'running' },
        { name: 'c-mine', owner: mine, ageMs: 3 * HOUR },
      ],
      [
        { name: 'n-dead', owner: dead, ageMs: 0 },
        { name: 'n-mine', owner: mine, ageMs: 3 * HOUR },
      ],
      [
        { name: 'v-mine', owner: mine, ageMs: 3 * HOUR },
        { name: 'v-dead', owner: dead, ageMs: 0 },
      ],
    );
    expect(listed).toEqual(['c-dead', 'v-dead', 'n-dead']);
  });

  test('of who cannot be seen from here go once nothing of theirs runs, and all is old', async () => {
    const elsewhere = 'other b 1 7-7';
    const old = { owner: elsewhere, ageMs: HOUR };
    expect(await found([{ name: 'c', ...old }], [{ name: 'n', ...old }], [])).toEqual(['c', 'n']);
    expect(await found([{ name: 'c', ...old, state: 'running' }], [{ name: 'n', ...old }], [])).toEqual([]);
    expect(await found([{ name: 'c', ...old, state: 'paused' }], [], [])).toEqual([]);
    expect(await found([], [{ name: 'n', owner: elsewhere, ageMs: 1000 }], [{ name: 'v', ...old }])).toEqual([]);
  });
});

describe('the image of the store', () => {
  beforeAll(buildFirst, 600_000);

  test('holds what a node needs, nothing of the harness, and is the same for the same files', () => {
    const context = storeContext();
    const paths = [...context.keys()];
    expect(paths).toContain('dist/harness/environments/docker/agent/main.js');
    expect(paths).toContain('dist/reference-impl/server/main.js');
    expect(paths).toContain('node_modules/zod/package.json');
    expect(paths.filter((path) => /checkers|results|\.d\.ts$|\.ts$|dockerode/.test(path))).toEqual([]);
    expect(digest(context)).toBe(digest(storeContext()));
    expect(digest(new Map([...context, ['more', { text: '' }]]))).not.toBe(digest(context));
    // An empty file and the next one's name are not one file's text.
    expect(digest(new Map([['a', { text: 'b 0\n' }]]))).not.toBe(
      digest(
        new Map([
          ['a', { text: '' }],
          ['b', { text: '' }],
        ]),
      ),
    );
  });
});

test('lines come whole, however they are cut', () => {
  const heard: string[] = [];
  const hear = lines((line) => heard.push(line));
  for (const part of ['{"a"', ':1}\n{"b":2}\n\n', '{', '"c":3}', '\n']) hear(part);
  expect(heard).toEqual(['{"a":1}', '{"b":2}', '{"c":3}']);
});

test('settings are checked, and ports are published where addresses cannot be reached', () => {
  const check = (name: string, value: string) => () => settings.find((one) => one.name === name)?.check(value);
  expect(check('cpus', '0.5')).not.toThrow();
  expect(check('cpus', '0')).toThrow('--set cpus=0: a number from 0.1 to 64 is needed.');
  expect(check('memory-mb', '12')).toThrow('from 128 to 65536');
  expect(check('base-image', `registry:5000/a/b:c@sha256:${'0'.repeat(64)}`)).not.toThrow();
  expect(check('base-image', '-x')).toThrow('the name of an image');
  expect(check('reach', 'both')).toThrow('one of auto, addresses, ports');
  expect(reachOf(new Map(), { isHere: false })).toBe('ports');
  expect(reachOf(new Map(), { isHere: true })).toBe('addresses');
  expect(reachOf(new Map([['reach', 'ports']]), { isHere: true })).toBe('ports');
});

test('who else reaches the nodes is told, where their ports are published for all', () => {
  const far = { isHere: false, host: 'far.example' };
  expect(publishOn(far)).toBe('0.0.0.0');
  expect(openToOthers(new Map(), far)).toMatch(
    /^while a run lasts, whoever reaches far\.example reaches its nodes too, /,
  );
  expect(openToOthers(new Map([['reach', 'addresses']]), far)).toBeUndefined();
  for (const host of ['127.0.0.1', 'localhost']) {
    expect(publishOn({ host })).toBe('127.0.0.1');
    expect(openToOthers(new Map(), { isHere: false, host })).toBeUndefined();
  }
  expect(openToOthers(new Map(), { isHere: true, host: '127.0.0.1' })).toBeUndefined();
});

describe('where an engine is looked for, and what answers in its place', () => {
  const was = process.env['DOCKER_HOST'];
  afterEach(() => {
    if (was === undefined) delete process.env['DOCKER_HOST'];
    else process.env['DOCKER_HOST'] = was;
  });

  test.each([
    ['ssh://root@x', 'ssh:// is not understood'],
    ['foo://x', 'foo:// is not understood'],
    ['//x', 'it has no scheme'],
    ['tcp://127.0.0.1:99999', 'there is no port 99999'],
    ['tcp://127.0.0.1:0', 'there is no port 0'],
    ['tcp://127.0.0.1', 'it names no port'],
    ['tcp://127.0.0.1:docker', 'it names no port'],
    ['tcp://:2375', 'it names no host'],
    ['tcp://a b:2375', 'it names no host'],
  ])('DOCKER_HOST %s is refused, with what would be right', async (host, why) => {
    process.env['DOCKER_HOST'] = host;
    await expect(Engine.reach()).rejects.toThrow(
      `DOCKER_HOST is ${host}, and ${why}: unix:///PATH or tcp://HOST:PORT is needed.`,
    );
  });

  test.each(['tcp://127.0.0.1:1', '127.0.0.1:1', 'tcp://[::1]:1', 'http://127.0.0.1:1/'])(
    'DOCKER_HOST %s is a place where nobody is',
    async (host) => {
      process.env['DOCKER_HOST'] = host;
      await expect(Engine.reach()).rejects.toThrow(/^No Docker engine answers at \S*:1\/? \(/);
    },
  );

  test.each([
    [404, '', 'HTTP status 404, and no word'],
    [500, '', 'HTTP status 500, and no word'],
    [200, '<html></html>', 'what answers there is none'],
    [200, 'null', 'what answers there is none'],
    [400, 'Client sent an HTTP request to an HTTPS server.', 'Client sent an HTTP request to an HTTPS server.'],
  ])('status %d with %j is named', async (status, body, why) => {
    const server = createServer((_, answer) => answer.writeHead(status).end(body));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const host = `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`; // it listens on a port
    process.env['DOCKER_HOST'] = host;
    try {
      await expect(Engine.reach()).rejects.toThrow(
        `No Docker engine answers at ${host} (${why}): start one, or say in DOCKER_HOST where it is.`,
      );
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});
