import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { DecodeOptions } from './jsonl.ts';
import { formatOf, readHistory } from './read.ts';

async function* bytes(content: string | Uint8Array, size = 5): AsyncGenerator<Uint8Array> {
  await Promise.resolve();
  const all = Buffer.from(content);
  for (let at = 0; at < all.length; at += size) yield all.subarray(at, at + size);
}

const read = (content: string | Uint8Array, options: DecodeOptions = {}) =>
  readHistory(bytes(content), { file: 'f', ...options });

/** Goes on for ever; `left` resolves when nobody wants more of it. */
function endless(chunk: Uint8Array): { readonly source: AsyncIterable<Uint8Array>; readonly left: Promise<void> } {
  let leave = (): void => undefined;
  const left = new Promise<void>((resolve) => (leave = resolve));
  const source = async function* (): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        await Promise.resolve();
        yield chunk;
      }
    } finally {
      leave();
    }
  };
  return { source: source(), left };
}

test.each([
  ['its beginning', Buffer.from('nonsense\n'.repeat(1000))],
  ['its first line', Buffer.from('{"nonsense":1}\n'.repeat(1000))],
  ['what is packed', gzipSync('nonsense\n'.repeat(1000))],
  ['the packing', Buffer.concat([gzipSync('').subarray(0, 10), Buffer.alloc(5000, 255)])],
])('a file that is refused for %s is closed', async (_what, chunk) => {
  const { source, left } = endless(chunk);
  await expect(readHistory(source)).rejects.toThrow();
  await left; // or never, and the test ends in vain
});

const invoke = '{"time":0,"process":0,"type":"invoke","f":"write","key":"x","value":3}';
const ok = '{"time":1,"process":0,"type":"ok","f":"write","key":"x","value":3}';

describe('the format is told by the content', () => {
  test.each([
    ['jsonl', `${invoke}\n${ok}\n`],
    ['jsonl', ` \n${invoke}\n${ok}`],
    ['json', `[${invoke},\n ${ok}]`],
    ['edn', '[{:process 0 :type :invoke :f :write :value 3} {:process 0 :type :ok :f :write :value 3}]'],
    ['edn', '; a comment\n({:process 0, :type :invoke, :f :write, :value 3}, {:process 0 :type :ok :f :write})'],
    ['edn', '{:process 0 :type :invoke :f :write :value 3}\n{:process 0 :type :ok :f :write :value 3}\n'],
    ['edn', '#jepsen.history.Op{:process 0 :type :invoke :f :write :value 3}\n#x/Op {:process 0 :type :ok :f :write}'],
  ])('%s: %s', async (format, content) => {
    for (const packed of [content, gzipSync(content)]) {
      const decoded = await read(packed);
      expect(decoded.format).toBe(format);
      expect(decoded.history.length).toBe(1);
      expect(decoded.history.operation(0)).toMatchObject({ f: 'write', value: 3, outcome: 'ok' });
    }
  });

  test.each(['', ' \n', '[]', '()', '; nothing\n[]'])('%j holds no operations', async (content) => {
    expect((await read(content)).history.length).toBe(0);
  });

  test.each([
    ['binary junk', '\x7fELF\x02\x01\x01\0\0\0'],
    ['prose', 'Dear reader'],
    ['a web page', '<!doctype html>'],
    ['numbers', '1 2 3'],
  ])('%s is none of them', async (_what, content) => {
    expect(formatOf(content)).toBeUndefined();
    await expect(read(content)).rejects.toThrow('f: This is neither JSON Lines, JSON nor EDN.');
  });
});

describe('a JSON array', () => {
  test('that nests without end is refused, with its line', async () => {
    const deep = `[${invoke},\n${'['.repeat(200_000)}${']'.repeat(200_000)}]`;
    await expect(read(deep)).rejects.toThrow('f, line 2: This is nested deeper than 500 levels.');
  });

  test('names the event that is wrong', async () => {
    await expect(read(`[${invoke},${invoke}]`)).rejects.toThrow(
      'f, line 1: Event 1: Process 0 invokes an operation while its last one is still open.',
    );
    await expect(read('[7]')).rejects.toThrow('f, line 1: Event 0: An event must be a JSON object, not 7.');
    await expect(read(`[${invoke},`)).rejects.toThrow('f, line 1: The file ends within the list of operations.');
  });

  test('keeps integers past 2^53 apart', async () => {
    const write = (process: number, value: string): string =>
      `{"process":${process},"type":"invoke","f":"write","key":"x","value":${value}}`;
    const { history } = await read(`[${write(0, '9007199254740993')},${write(1, '9007199254740992')}]`);
    expect(history.value[0]).not.toBe(history.value[1]);
  });
});

test('independent tuples give their keys, in JSON as in EDN', async () => {
  const json =
    '{"process":0,"type":"invoke","f":"cas","value":[7,[1,2]]}\n{"process":0,"type":"ok","f":"cas","value":[7,[1,2]]}\n' +
    '{"process":1,"type":"invoke","f":"read","value":["k",null]}\n{"process":1,"type":"info","f":"read","value":null}\n';
  const edn =
    '[{:process 0 :type :invoke :f :cas :value [7 [1 2]]} {:process 0 :type :ok :f :cas :value [7 [1 2]]}' +
    '{:process 1 :type :invoke :f :read :value ["k" nil]} {:process 1 :type :info :f :read :value nil}]';
  for (const content of [json, edn]) {
    const { history } = await read(content, { independent: true });
    expect(history.operation(0)).toMatchObject({ f: 'cas', key: 7, expected: 1, value: 2, outcome: 'ok' });
    expect(history.operation(1)).toMatchObject({ f: 'read', key: 'k', outcome: 'info' });
  }
  await expect(read('{"process":0,"type":"invoke","f":"write","value":3}\n', { independent: true })).rejects.toThrow(
    'f, line 1: With independent keys, a value must be [key, value].',
  );
});
