import { describe, expect, test } from 'vitest';
import { withoutSecrets, wordsOf } from './command.ts';
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

test('lines are cut wherever chunks end, and one without an end is not kept', () => {
  const reader = new LineReader();
  expect(reader.push(Buffer.from('ab'))).toEqual([]);
  expect(reader.push(Buffer.from('c\nd\n\ne'))).toEqual(['abc', 'd', '']);
  const euro = Buffer.from('€\n');
  expect(reader.push(euro.subarray(0, 1))).toEqual([]);
  expect(reader.push(euro.subarray(1))).toEqual(['e€']);
  const chunk = Buffer.alloc(1024 * 1024, 'x');
  for (let i = 0; i < LINE_BYTES_MAX / chunk.length; i++) expect(reader.push(chunk)).toEqual([]);
  expect(reader.push(chunk)).toBeUndefined();
});
