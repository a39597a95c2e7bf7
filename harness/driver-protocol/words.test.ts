import { describe, expect, test } from 'vitest';
import { SecretScreen, withoutSecrets, wordsOf } from './command.ts';
import { LINE_BYTES_MAX, LineReader } from './lines.ts';
import { answerOf, helloOf } from './words.ts';

const hello = {
  id: 0,
  type: 'hello',
  protocol: 1,
  methods: ['read', 'write'],
  readPaths: ['a', { name: 'b' }],
  writePaths: ['w'],
};
const said = (fields: object): unknown => helloOf(answerOf(JSON.stringify({ ...hello, ...fields })));

describe('a hello', () => {
  test('needs methods and paths, and no more: the first read path is the strongest, the last reads the state', () => {
    expect(said({})).toMatchObject({
      name: 'driver',
      strongest: 'a',
      state: 'b',
      sight: false,
      promises: [],
      tokenPaths: [],
    });
  });

  test.each<[object, string]>([
    [{ methods: [] }, "its hello's methods is empty; at least one is needed"],
    [{ methods: ['read'] }, "its hello has neither 'read' and 'write' nor 'send' and 'poll' among its methods"],
    [
      { methods: ['read', 'wriet'] },
      "its hello's methods names 'wriet', and there is no such method (did you mean 'write'?)",
    ],
    [{ readPaths: 'a' }, 'its hello\'s readPaths is "a"; a list is needed'],
    [{ readPaths: ['a', 'a'] }, "its hello's readPaths name 'a' twice"],
    [{ readPaths: ['all'] }, 'its hello\'s readPaths[0] is called "all"'],
    [{ strongest: 'c' }, "its hello's strongest names 'c', and there is no such read path"],
    [
      { promises: [{ read: 'a', guarantees: ['linearisable'] }] },
      "there is no such guarantee (did you mean 'linearizable'?)",
    ],
    [{ promises: [{ write: 'v', guarantees: ['durable'] }] }, "its hello's promises[0].write names 'v'"],
    [{ settings: ['password'] }, 'a secret comes in an environment variable'],
    [{ protocol: '1' }, 'its hello speaks protocol "1"; "protocol": 1 is needed'],
    [{ sight: 'yes' }, 'its hello\'s sight is "yes"; true or false is needed'],
  ])('%j is refused with what would be right', (fields, sentence) => {
    expect(() => said(fields)).toThrow(sentence);
  });
});

test('words are split as a shell splits them', () => {
  expect(wordsOf('--driver', ` python3 'my driver.py' --x="a b"\\ c '' `)).toEqual([
    'python3',
    'my driver.py',
    '--x=a b c',
    '',
  ]);
  expect(() => wordsOf('--driver', "python3 'x")).toThrow("--driver python3 'x: a quote (') is not closed.");
  expect(() => wordsOf('--driver', '  ')).toThrow('--driver needs a command');
});

test('secrets are taken out of what others write', () => {
  const env = { REDIS_PASSWORD: 'hunter22', SSH_AUTH_SOCK: '/tmp/agent', PIN_TOKEN: '12' };
  expect(withoutSecrets('redis://me:pw@host: hunter22 at /tmp/agent, 12', env)).toBe(
    'redis://***@host: *** at /tmp/agent, 12',
  );
});

test('of two secrets of which one has the other in it, nothing of the longer is left', () => {
  expect(withoutSecrets('abcdefgh', { A_TOKEN: 'abcd', B_TOKEN: 'abcdefgh' })).toBe('***');
});

describe('secrets are taken out of what comes in pieces', () => {
  const env = { REDIS_PASSWORD: 'hunter22', OTHER_TOKEN: 'päss€', KEY_SECRET: 'first line\nsecond line' };
  const text = 'hello hunter22\npäss€\nfirst line\nfirst line\nsecond line\nredis://me:pw@host: hunter2 hunter22';
  const clean = 'hello ***\n***\nfirst line\n***\nredis://***@host: hunter2 ***';

  test('wherever they are cut', () => {
    const bytes = Buffer.from(text);
    for (let cut = 0; cut <= bytes.length; cut++) {
      const screen = new SecretScreen(env);
      const shown = [screen.push(bytes.subarray(0, cut)), screen.push(bytes.subarray(cut)), screen.end()];
      expect(shown.join('')).toBe(clean);
    }
    const screen = new SecretScreen(env);
    const shown = [...bytes].map((byte) => screen.push(Buffer.from([byte])));
    expect([...shown, screen.end()].join('')).toBe(clean);
  });

  test('in a line without end too, and that is not held back for ever', () => {
    const screen = new SecretScreen(env);
    let shown = '';
    for (let i = 0; i < 10_000; i++) {
      shown += screen.push(Buffer.from('x hunte'));
      shown += screen.push(Buffer.from('r22 '));
    }
    expect(shown.length).toBeGreaterThan(10_000 * 6 - 20_000);
    expect(shown + screen.end()).toBe('x *** '.repeat(10_000));
  });

  test('and a secret that is said over and over is no reason to hold back without end', () => {
    const screen = new SecretScreen({ A_PASSWORD: 'aaaa' });
    let shown = '';
    for (let i = 0; i < 100; i++) shown += screen.push(Buffer.alloc(1000, 'a'));
    expect(shown).not.toBe('');
    expect(shown + screen.end()).toMatch(/^[*]+a{0,3}([*]+a{0,3})*$/);
  });
});

test('a line that is not UTF-8 is no value', () => {
  const line = Buffer.concat([
    Buffer.from('{"id":1,"type":"ok","value":"'),
    Buffer.from([0xff, 0xfe]),
    Buffer.from('"}\n'),
  ]);
  expect(() => new LineReader().push(line)).toThrow('the driver wrote a line that is not UTF-8: {"id":1,');
});

test.each(['{"id":1,"type":"fail"}', '{"id":1,"type":"fail","error":""}', '{"id":1,"type":"fail","error":7}'])(
  'a fail that does not say why is no answer: %s',
  (line) => {
    expect(() => answerOf(line)).toThrow('the driver answered fail without an error');
  },
);

test('half a secret is not repeated either', () => {
  process.env['STORE_PASSWORD'] = 'hunter22-hunter22';
  try {
    expect(() => answerOf(`${'x'.repeat(70)} hunter22-hunter22`)).toThrow(/x \*\*\*$/);
  } finally {
    delete process.env['STORE_PASSWORD'];
  }
});

test('lines are cut wherever chunks end, and one without an end is not kept', () => {
  const reader = new LineReader();
  expect(reader.push(Buffer.from('ab'))).toEqual([]);
  expect(reader.push(Buffer.from('c\nd\n\ne'))).toEqual(['abc', 'd', '']);
  const euro = Buffer.from('€\n');
  expect(reader.push(euro.subarray(0, 1))).toEqual([]);
  expect(reader.push(euro.subarray(1))).toEqual(['e€']);
  const chunk = Buffer.alloc(1024 * 1024, 'x');
  for (let i = 0; i < LINE_BYTES_MAX / chunk.length; i++) expect(reader.push(chunk)).toEqual([]);
  expect(() => reader.push(chunk)).toThrow('the driver wrote a line of more than 8 MiB');
});

// Quadratic, this took hours.
test('a value of megabytes is looked through once, not once for each of its letters', () => {
  const value = 'x'.repeat(4 << 20);
  expect(withoutSecrets(`${value} redis://me:pw@host`, {})).toBe(`${value} redis://***@host`);
});
