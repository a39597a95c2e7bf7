/** What needs no machine: names, known keys, settings, what machines say of themselves. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { keyPair } from './testing-keys.ts';
import { quoted } from './connection.ts';
import { lackingFrom, type OwnNode, readFacts, unfit } from './facts.ts';
import { parseHost, parseList, readHosts } from './hosts.ts';
import { credentials } from './keys.ts';
import { algorithmsFor, fingerprint, judge, keysOf, parseKnownHosts, typeOf } from './known-hosts.ts';
import { choicesOf, settings } from './settings.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tm-ssh-unit-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text, { mode: 0o600 });
  return path;
}

describe('machines', () => {
  test('are named by user, host, port and address', () => {
    expect(parseHost('Ada@Node-1.example:2222=10.0.0.7', 'x')).toEqual({
      user: 'Ada',
      name: 'node-1.example',
      port: 2222,
      address: '10.0.0.7',
    });
    expect(parseHost('198.18.0.2', 'x')).toEqual({ user: userInfo().username, name: '198.18.0.2', port: 22 });
    expect(parseHost('h', 'x', { user: 'u', port: 23 })).toEqual({ user: 'u', name: 'h', port: 23 });
  });

  test.each([
    ['', /'' is no machine/],
    ['a b', /'a b' is no machine/],
    ['-oProxyCommand=x', /is no machine/],
    ['fe80::1', /faults are rules for IPv4/],
    ['h:0', /there is no port 0/],
    ['h:65536', /there is no port 65536/],
    ['h=10.0.0', /10\.0\.0 is no IPv4 address/],
    ['300.1.2.3', /300\.1\.2\.3 is no IPv4 address/],
  ])('%j is refused', (text, why) => {
    expect(() => parseHost(text, '--set hosts=…')).toThrow(why);
  });

  test('come in a list or a file, each once, and mistakes name their line', () => {
    expect(parseList('a, u@b:1 ,c', 'x').map(({ name }) => name)).toEqual(['a', 'b', 'c']);
    expect(() => parseList('a,b,u@a', 'x')).toThrow(/^x: u@a is named twice: each node has a machine of its own\.$/);
    const good = file('good', '# ours\nroot@a\n\nb:23 # a comment\n');
    expect(readHosts(good, 'hosts-file', { user: 'me' })).toEqual([
      { user: 'root', name: 'a', port: 22 },
      { user: 'me', name: 'b', port: 23 },
    ]);
    const bad = file('bad', 'a\n\nb:x\n');
    expect(() => readHosts(bad, 'hosts-file')).toThrow(`${bad}:3: 'b:x' is no machine`);
    expect(() => readHosts(file('none', '#\n'), 'hosts-file')).toThrow('it names no machine');
    expect(() => readHosts(join(folder, 'absent'), 'hosts-file')).toThrow(
      `--set hosts-file: ${join(folder, 'absent')} cannot be read: there is no such file.`,
    );
  });

  test('are a must, from one place', () => {
    expect(() => choicesOf(new Map())).toThrow('--env ssh needs machines');
    expect(() =>
      choicesOf(
        new Map([
          ['hosts', 'a'],
          ['hosts-file', file('one', 'a')],
        ]),
      ),
    ).toThrow('one of them');
    expect(
      choicesOf(new Map(Object.entries({ hosts: 'a', jump: 'j', user: 'u', 'store-port': '9000' }))),
    ).toMatchObject({
      hosts: [{ user: 'u', name: 'a', port: 22 }],
      jump: { user: 'u', name: 'j', port: 22 },
      storePort: 9000,
      folder: '/var/tmp/tidemark',
      reach: 'tunnel',
    });
    expect(choicesOf(new Map([['hosts', 'a']])).reach).toBe('addresses');
  });

  test.each([
    ['folder', '/', 'two folders deep'],
    ['folder', '/home', 'two folders deep'],
    ['folder', 'var/tmp', 'two folders deep'],
    ['folder', '/var/tmp/../../etc', 'two folders deep'],
    ['folder', '/var/tmp/a b', 'two folders deep'],
    ['store-port', '65535', 'a port from 1 to 65534'],
    ['port', 'x', 'a port'],
    ['user', 'a b', 'the name of a user'],
    ['hosts', 'a,,b', "'' is no machine"],
    ['reach', 'x', 'one of auto, addresses, tunnel'],
  ])('--set %s=%s is refused', (name, value, why) => {
    expect(() => settings.find((one) => one.name === name)?.check(value)).toThrow(why);
  });
});

const KEY = 'AAAAC3NzaC1lZDI1NTE5AAAAIBm0Yb4mUqEmQ6k1a3eW1oQbJc3zq2u0V0r7l3d0Q0aP';
/** The example of sshd(8), for 192.168.1.61. */
const HASHED = '|1|F1E1KeoE/eEWhi10WpGv4OdiO6Y=|3988QV0VE8wmZL7suNrYQLITLCg=';

describe('known keys', () => {
  const known = (text: string, host: string, port = 22) => keysOf(parseKnownHosts(text, 'f'), host, port);

  test('are found by name, pattern, port and hash, as OpenSSH does', () => {
    const line = (names: string): string => `${names} ssh-ed25519 ${KEY} a comment`;
    expect(known(line('a,b'), 'B')).toMatchObject([{ file: 'f', line: 1, type: 'ssh-ed25519' }]);
    expect(known(line('a,b'), 'c')).toEqual([]);
    expect(known(line('*.example,!bad.example'), 'good.example').length).toBe(1);
    expect(known(line('*.example,!bad.example'), 'bad.example')).toEqual([]);
    expect(known(line('1.2.3.?'), '1.2.3.4').length).toBe(1);
    expect(known(line('1.2.3.?'), '1x2.3.4')).toEqual([]);
    expect(known(line('[a]:2222'), 'a', 2222).length).toBe(1);
    expect(known(line('[a]:2222'), 'a')).toEqual([]);
    expect(known(line('a'), 'a', 2222)).toEqual([]);
    expect(known(line(HASHED), '192.168.1.61').length).toBe(1);
    expect(known(line(HASHED), '192.168.1.62')).toEqual([]);
    expect(known(`#${line('a')}\n\n@cert-authority ${line('a')}\nonly two`, 'a')).toEqual([]);
  });

  test('are known, unknown, changed or revoked', () => {
    const [mine, other] = [Buffer.from(KEY, 'base64'), Buffer.from(KEY.replace('Bm0', 'Bm1'), 'base64')];
    const lines = known(`x ssh-ed25519 ${KEY}\na ssh-ed25519 ${KEY}`, 'a');
    expect(judge(lines, mine)).toEqual({ type: 'known' });
    expect(judge(lines, other)).toMatchObject({ type: 'changed', by: { line: 2 } });
    expect(judge([], mine)).toEqual({ type: 'unknown' });
    const revoked = known(`a ssh-ed25519 ${KEY}\n@revoked a ssh-ed25519 ${KEY}`, 'a');
    expect(judge(revoked, mine)).toMatchObject({ type: 'revoked', by: { line: 2 } });
    expect(judge(known(`@revoked * ssh-ed25519 ${KEY}`, 'a'), other)).toEqual({ type: 'unknown' });
  });

  test('decide which of its keys a machine is asked for', () => {
    const types = (...all: string[]) => algorithmsFor(known(all.map((type) => `a ${type} ${KEY}`).join('\n'), 'a'));
    expect(types('ssh-rsa')).toEqual(['rsa-sha2-512', 'rsa-sha2-256']);
    expect(types('ecdsa-sha2-nistp256', 'ssh-ed25519')).toEqual(['ssh-ed25519', 'ecdsa-sha2-nistp256']);
    expect(types('ssh-dss')).toBeUndefined();
    expect(algorithmsFor([])).toBeUndefined();
  });

  test('are shown as OpenSSH shows them', () => {
    expect(fingerprint(Buffer.from('abc'))).toBe('SHA256:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0');
    expect(typeOf(Buffer.from(KEY, 'base64'))).toBe('ssh-ed25519');
    expect(typeOf(Buffer.alloc(2))).toBe('?');
  });
});

describe('keys to log in with', () => {
  const pair = keyPair();

  test('are named, or found where ssh finds them', () => {
    expect(credentials(file('key', pair.private)).tried).toBe(join(folder, 'key'));
    expect(credentials(file('key', pair.private)).methods('u')).toMatchObject([{ type: 'publickey', username: 'u' }]);
    const socket = file('agent', '');
    expect(credentials(undefined, { SSH_AUTH_SOCK: socket }, folder).methods('u')).toEqual([
      { type: 'agent', username: 'u', agent: socket },
    ]);
    expect(() => credentials(undefined, {}, folder)).toThrow('There is no key to log in with');
  });

  test('that do not open or are none are named', () => {
    const closed = keyPair('open');
    const path = file('closed', closed.private);
    expect(() => credentials(path, {})).toThrow(`The key ${path} is encrypted: give its passphrase in`);
    expect(() => credentials(path, { TIDEMARK_SSH_PASSPHRASE: 'wrong' })).toThrow('does not open with the passphrase');
    const open = credentials(path, { TIDEMARK_SSH_PASSPHRASE: 'open' });
    expect(open.methods('u')).toMatchObject([{ passphrase: 'open' }]);
    expect(() => credentials(file('public', pair.public), {})).toThrow('holds a public key');
    expect(() => credentials(file('text', 'hello'), {})).toThrow('holds no private key');
    expect(() => credentials(join(folder, 'absent'), {})).toThrow(
      `The key ${join(folder, 'absent')} cannot be read: there is no such file.`,
    );
    expect(() => credentials(folder, {})).toThrow(`The key ${folder} cannot be read: it is a directory.`);
  });
});

describe('a machine', () => {
  const own: OwnNode = { platform: 'linux', processor: 'x64', libc: '2.28' };
  const said = (
    more: Readonly<Record<string, string>> = {},
    has = 'tar sudo gcc iptables iptables-save iptables-restore',
  ) => {
    const lines = {
      system: 'Linux',
      processor: 'x86_64',
      libc: 'glibc 2.36',
      uid: '1000',
      sudo: 'yes',
      address: '10.0.0.2',
      room: '9999999',
      node: ' ',
      ...more,
    };
    return readFacts(
      [...Object.entries(lines).map(([k, v]) => `${k}=${v}`), ...has.split(' ').map((p) => `has=${p}`)].join('\n'),
    );
  };
  const why = (...given: Parameters<typeof said>) => unfit(said(...given), '/var/tmp/t', 7600, own);

  test('can have a node, or says why not', () => {
    expect(why()).toBeUndefined();
    expect(why({ system: 'Darwin' })).toBe('runs Darwin, and nodes need Linux');
    expect(why({}, 'sudo')).toBe('has no tar: install it');
    expect(why({ foreign: "it holds 'x', which is no run's" })).toMatch(
      /^has a folder \/var\/tmp\/t that is not ours to use \(it holds 'x'/,
    );
    expect(why({ taken: '1DB0' })).toMatch(/^has somebody listening on port 7600 or 7601/);
    expect(why({ room: '1024' })).toMatch(/^has only 1 MiB of room below \/var\/tmp\/t/);
  });

  test('runs its own Node if that is new enough, else ours if it can', () => {
    expect(said({ node: 'v20.19.0 /usr/bin/node' }).node).toBe('/usr/bin/node');
    expect(said({ node: 'v22.1.0 /usr/bin/node' }).node).toBe('/usr/bin/node');
    expect(said({ node: 'v20.9.1 /usr/bin/node' }).node).toBeUndefined();
    expect(said({ node: 'v18.20.4 /usr/bin/node' }).node).toBeUndefined();
    expect(why({ processor: 'aarch64' })).toMatch(
      /^has no Node 20\.19 or later in its PATH, .*\(arm64, glibc 2\.36\): install Node there$/,
    );
    expect(why({ libc: '' })).toMatch(/glibc none/);
    expect(why({ libc: 'glibc 2.27' })).toMatch(/has no Node/);
    expect(why({ libc: 'glibc 2.27', node: 'v20.19.0 /usr/bin/node' })).toBeUndefined();
  });

  test('lacks levers for want of root, iptables or gcc, each named', () => {
    const lacking = (...given: Parameters<typeof said>) => Object.fromEntries(lackingFrom(said(...given), true));
    expect(lacking()).toEqual({});
    expect(lacking({ uid: '0', sudo: '' })).toEqual({});
    const refused = 'no root: sudo: a password is required';
    expect(lacking({ sudo: 'sudo: a password is required' })).toEqual({
      cut: refused,
      cutClients: refused,
      shape: refused,
      throttle: refused,
    });
    const none = 'no root: it has no sudo';
    expect(lacking({ sudo: 'sh: 1: sudo: not found' }, 'tar')).toEqual({
      cut: none,
      cutClients: none,
      shape: none,
      throttle: none,
    });
    const missing = 'it has no iptables-restore: install iptables';
    expect(lacking({}, 'tar sudo')).toEqual({ cut: missing, cutClients: missing, shape: missing, throttle: missing });
    expect([...lackingFrom(said({}), false).keys()]).toEqual([
      'shape',
      'throttle',
      'slowDisk',
      'stallDisk',
      'fillDisk',
      'failDisk',
      'cutPower',
      'clock',
    ]);
  });
});

test('a word of the shell is one word, whatever is in it', () => {
  expect(quoted(`a 'b' $c`)).toBe(`'a '\\''b'\\'' $c'`);
});
