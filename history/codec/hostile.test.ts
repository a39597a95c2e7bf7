/** Files that nobody writes by mistake, or only by a big one: each is one sentence with its line, or is read for what it says. */
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { History } from '../history.ts';
import { BadHistory } from '../builder.ts';
import type { DecodeOptions } from './jsonl.ts';
import { readHistory } from './read.ts';

async function* inPieces(content: string | Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  await Promise.resolve();
  const all = Buffer.from(content);
  for (let at = 0; at < all.length; at += size) yield all.subarray(at, at + size);
}

const LIMIT = 1 << 20;
const read = async (content: string | Uint8Array, options: DecodeOptions = {}): Promise<History> =>
  (await readHistory(inPieces(content, 100_000), { file: 'f', lineBytesMax: LIMIT, ...options })).history;
const refusal = async (content: string | Uint8Array, options: DecodeOptions = {}): Promise<string> => {
  try {
    await read(content, options);
  } catch (error) {
    if (error instanceof BadHistory) return error.message;
    throw error;
  }
  return 'nothing is wrong';
};

const write = (process: number, value: string, more = ''): string =>
  `{"process":${process},"type":"invoke","f":"write","key":"x","value":${value}${more}}\n`;
const ednWrite = (process: number, value: string): string =>
  `{:process ${process}, :type :invoke, :f :write, :value ${value}}\n`;
const good = write(0, '1');
const ednGood = ednWrite(0, '1');
const many = (text: string, bytes: number): string => text.repeat(Math.ceil(bytes / text.length));
const bytesOf = (text: string): Buffer => Buffer.from(text, 'latin1');

describe('size', () => {
  const LONG = 'which is more than an event may take.';
  test.each<[string, string | Uint8Array, string]>([
    ['a line without an end', `${good}${many('y', LIMIT * 3)}`, `f, line 2: This line is longer than 1 MiB, ${LONG}`],
    ['a line of spaces', `${good}${many(' ', LIMIT * 3)}`, `f, line 2: This line is longer than 1 MiB, ${LONG}`],
    ['a string without an end', `${good}{"process":1,"f":"${many('y', LIMIT * 3)}`, `f, line 2: This line is longer than 1 MiB, ${LONG}`],
    ['newlines', many('\n', LIMIT * 3), `f, line ${LIMIT + 1}: Blank lines go on for more than 1 MiB, ${LONG}`],
    ['lines of spaces', `${good}${many('   \n', LIMIT * 3)}`, `f, line ${LIMIT / 4 + 2}: Blank lines go on for more than 1 MiB, ${LONG}`],
    ['a map without an end', `${ednGood}{:process 1 :a "${many('y', LIMIT * 3)}`, 'f, line 2: This goes on for more than 1 MiB without an event.'],
    ['an array of one string', `[${many('"', 1)}${many('y', LIMIT * 3)}`, 'f, line 1: This goes on for more than 1 MiB without an event.'],
    ['an event of an array without an end', `[{"a":"${many('y', LIMIT * 3)}`, 'f, line 1: This goes on for more than 1 MiB without an event.'],
  ])('%s', async (_what, content, message) => {
    expect(await refusal(content)).toBe(message);
    expect(await refusal(gzipSync(content))).toBe(message);
  }); // biome-ignore format: a table

  test('a long line is read up to the limit', async () => {
    const value = `"${'v'.repeat(LIMIT - 200)}"`;
    expect((await read(good + write(1, value) + write(2, '3'))).length).toBe(3);
    expect((await read(ednGood + ednWrite(1, value) + ednWrite(2, '3'))).length).toBe(3);
  });

  test('what is repeated a thousandfold in little gzip is judged as it is', async () => {
    const pair =
      '{"process":0,"type":"invoke","f":"read","key":"x","value":null}\n{"process":0,"type":"ok","f":"read","key":"x","value":null}\n'; // prettier-ignore
    expect((await read(gzipSync(pair.repeat(20_000)))).length).toBe(20_000);
  });
});

describe('depth', () => {
  const deep = (open: string, close: string): string => open.repeat(100_000) + close.repeat(100_000);
  test.each([
    ['JSON', `${good}${write(1, deep('[', ']'))}`, 'f, line 2: This is nested deeper than 500 levels.'],
    ['JSON that never closes', `${good}${write(1, '['.repeat(100_000))}`, 'f, line 2: This is nested deeper than 500 levels.'],
    ['JSON objects', `${good}${write(1, deep('{"a":', '}'))}`, 'f, line 2: This is nested deeper than 500 levels.'],
    ['an array', `[${good},\n${write(1, deep('[', ']'))}]`, 'f, line 3: This is nested deeper than 500 levels.'],
    ['EDN', `${ednGood}${ednWrite(1, deep('[', ']'))}`, 'f, line 2: This is nested deeper than 500 levels.'],
    ['EDN maps', `${ednGood}${ednWrite(1, deep('{:a ', '}'))}`, 'f, line 2: This is nested deeper than 500 levels.'],
    ['EDN sets', `${ednGood}${ednWrite(1, deep('#{', '}'))}`, 'f, line 2: This is nested deeper than 500 levels.'],
    ['tags of tags', `${ednGood}${ednWrite(1, `${'#a '.repeat(100_000)}1`)}`, 'f, line 2: This is nested deeper than 500 levels.'],
    ['metadata of metadata', `${ednGood}${ednWrite(1, `${'^a '.repeat(100_000)}1`)}`, 'f, line 2: This is nested deeper than 500 levels.'],
    ['discards of discards', `${ednGood}${ednWrite(1, `${'#_ '.repeat(100_000)}1`)}`, 'f, line 2: This is nested deeper than 500 levels.'],
  ])('%s', async (_what, content, message) => {
    expect(await refusal(content)).toBe(message);
  }); // biome-ignore format: a table
});

describe('bytes', () => {
  const sentence = 'This is not UTF-8: other bytes could make two values one.';
  test.each<[string, Uint8Array, string]>([
    ['JSON Lines', bytesOf(good + write(1, '"\xff"') + write(2, '"\xfe"')), `f, line 2: ${sentence}`],
    ['a character cut short', bytesOf(good + write(1, '"\xe2\x82"')), `f, line 2: ${sentence}`],
    ['a surrogate', bytesOf(good + write(1, '"\xed\xa0\x80"')), `f, line 2: ${sentence}`],
    ['a key', bytesOf(good + write(1, '1').replace('"x"', '"\xff"')), `f, line 2: ${sentence}`],
    ['the last line', bytesOf(good + write(1, '"\xff"').trim()), `f, line 2: ${sentence}`],
    ['EDN', bytesOf(ednGood + ednWrite(1, '"\xff"')), `f, line 2: ${sentence}`],
    ['UTF-16, little end first', Buffer.from(`\ufeff${good}`, 'utf16le'), 'f: This is UTF-16: a history is UTF-8.'],
    ['UTF-16, without a mark', Buffer.from(good, 'utf16le'), 'f: This is UTF-16: a history is UTF-8.'],
    ['UTF-16, big end first', Buffer.from(`\ufeff${good}`, 'utf16le').swap16(), 'f: This is UTF-16: a history is UTF-8.'],
    ['zip', bytesOf('PK\x03\x04\x14\0\0\0'), 'f: This is a zip archive: unpack it first (gzip is read as it is).'],
    ['zstd', bytesOf('\x28\xb5\x2f\xfd\x04\0'), 'f: This is packed with zstd: unpack it first (gzip is read as it is).'],
    ['gzip in gzip', gzipSync(gzipSync(good)), 'f: This is packed with gzip twice: unpack it first (gzip is read as it is).'],
    ['NUL at the beginning', bytesOf(`\0\0\0\0\0${good}`), 'f: This is neither JSON Lines, JSON nor EDN.'],
    ['NUL far down', bytesOf(Array.from({ length: 100 }, (_, n) => write(n, '1')).join('') + write(100, '"a\0b"')), 'f, line 101: This is not JSON: {"process":100,"type":"invoke","f":"write","key":"x","value"….'],
  ])('%s', async (_what, content, message) => {
    expect(await refusal(content)).toBe(message);
  }); // biome-ignore format: a table

  test('a byte order mark and Windows line ends are none of it, in EDN too', async () => {
    const edn = `\ufeff${ednGood}${ednWrite(1, '2')}`.replaceAll('\n', '\r\n');
    expect((await read(edn)).length).toBe(2);
  });
});

describe('two values never become one', () => {
  const different: readonly (readonly [string, string])[] = [
    ['9007199254740993', '9007199254740992'],
    ['1e400', 'null'],
    ['1e400', '1e401'],
    ['-1e400', '1e400'],
    ['1e-400', '0'],
    ['9007199254740993.0', '9007199254740992'],
    ['"\\ud800"', '"\\udbff"'],
    ['"\\ud800"', '"\\ufffd"'],
    ['"9007199254740993"', '9007199254740993'],
    ['"1e400"', '1e400'],
    ['"__proto__"', '"constructor"'],
    ['{"__proto__":1}', '{}'],
    ['{"__proto__":1}', '{"__proto__":2}'],
    ['{"constructor":1}', '{"toString":1}'],
    ['"a\\u0000"', '"a"'],
    ['true', '"true"'],
    ['[1]', '1'],
  ];
  test.each(different)('%s and %s, in JSON', async (one, other) => {
    const { value } = await read(write(0, one) + write(1, other) + write(2, one));
    expect(value[0]).toBe(value[2]);
    expect(value[0]).not.toBe(value[1]);
  });

  test.each([
    ['9007199254740993', '9007199254740992'],
    ['1e400', 'nil'],
    ['1e400M', '1e401M'],
    [':a', '"a"'],
    [':a', '":a"'],
    ['[:a]', '[":a"]'],
    [':é/ü', '":é/ü"'],
    ['{:a 1}', '{":a" 1}'],
    ['"\\u003aa"', ':a'],
    ['1/3', '1/4'],
    ['{:__proto__ 1}', '{}'],
    ['##Inf', '##-Inf'],
    ['\\a', '"b"'],
  ])('%s and %s, in EDN', async (one, other) => {
    const { value } = await read(ednWrite(0, one) + ednWrite(1, other) + ednWrite(2, one));
    expect(value[0]).toBe(value[2]);
    expect(value[0]).not.toBe(value[1]);
  });

  test('a text that looks like the mark of a number is refused', async () => {
    expect(await refusal(good + write(1, '"\\u00009007199254740993"'))).toMatch(/^f, line 2: This is not JSON/);
    expect(await refusal(ednGood + ednWrite(1, '"\\u00009007199254740993"'))).toBe(
      'f, line 2: A string must not begin with NUL and a digit.',
    );
    expect(await refusal(ednGood + ednWrite(1, '"\\u0000:a"'))).toBe(
      'f, line 2: A string must not begin with NUL and a colon.',
    );
  });
});

test.each([['1', '1.0'], ['0', '-0'], ['0', '-0.0'], ['1000', '1e3'], ['"a"', '"\\u0061"'], ['1e21', '1000000000000000000000'], ['[1,2]', '[1.0, 2]']])(
  '%s and %s are one value',
  async (one, other) => {
    const { value } = await read(write(0, one) + write(1, other));
    expect(value[0]).toBe(value[1]);
  },
); // biome-ignore format: a table

describe('names', () => {
  const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf'];
  test.each(names)('%s as a key, a value, a session and a field', async (name) => {
    const text = `{"process":0,"type":"invoke","f":"write","key":"${name}","value":"${name}","session":"${name}","${name}":{"process":7}}\n`;
    const history = await read(text + text.replace('"process":0', '"process":1').replaceAll(name, 'other'));
    expect(history.operation(0)).toMatchObject({ process: 0, key: name, value: name, session: name });
    expect(history.keys).toHaveLength(2);
    const edn = `{:process 0, :type :invoke, :f :write, :value "${name}", :key "${name}", :${name} {:process 7}}`;
    expect((await read(edn)).operation(0)).toMatchObject({ process: 0, key: name, value: name });
  });

  test.each([
    ['a field twice', good + write(1, '1', ',"value":2'), 'f, line 2: The event names its "value" twice.'],
    ['a field twice, once in disguise', good + write(1, '1', ',"val\\u0075e":2'), 'f, line 2: The event names its "value" twice.'],
    ['a field of EDN twice', `${ednGood}{:process 1, :type :invoke, :f :write, :value 1, :value 2}`, 'f, line 2: A map has :value twice.'],
    ['an unknown f', good + write(1, '1').replace('write', 'dance'), 'f, line 2: The operation must be one of read'],
    ['an unknown f of EDN', ednGood + ednWrite(1, '1').replace('write', 'dance'), 'f, line 2: The operation must be one of read'],
    ['a process that overlaps itself', good + good, 'f, line 2: Process 0 invokes an operation while its last one on line 1 is still open.'],
    ['the same in EDN', ednGood + ednGood, 'f, line 2: Process 0 invokes an operation while its last one on line 1 is still open.'],
    ['a completion without its invocation', good + write(1, '1').replace('invoke', 'ok'), 'f, line 2: Process 1 completes an operation that it never invoked.'],
    ['the same in EDN', ednGood + ednWrite(1, '1').replace('invoke', 'ok'), 'f, line 2: Process 1 completes an operation that it never invoked.'],
  ])('%s', async (_what, content, message) => {
    expect((await refusal(content)).slice(0, message.length)).toBe(message);
  }); // biome-ignore format: a table
});

describe('pairs that nobody has called independent keys', () => {
  const tuples =
    '{:process 0, :type :invoke, :f :write, :value [1 5]}\n{:process 0, :type :ok, :f :write, :value [1 5]}\n{:process 0, :type :invoke, :f :cas, :value [2 [3 4]]}\n'; // prettier-ignore
  test('are refused where all values are such', async () => {
    expect(await refusal(`; a remark\n${tuples}`)).toMatch(
      /^f, line 2: Every value is a pair, .*--independent .*--no-independent /,
    );
    expect((await read(tuples, { independent: true })).keys).toEqual([1, 2]);
    expect((await read(tuples, { independent: false })).keys).toEqual(['register']);
  });

  const json = ['write', 'write', 'cas'].map(
    (f, i) =>
      `{"process":0,"type":"${i === 1 ? 'ok' : 'invoke'}","f":"${f}","value":${i < 2 ? '["x",1]' : '["y",[3,4]]'}}`,
  );
  test.each([
    ['JSON Lines', `${json.join('\n')}\n`, 1],
    ['a JSON array', `[\n${json.join(',\n')}]`, 2],
  ])('are refused in %s too', async (_what, content, line) => {
    const sentence = new RegExp(`^f, line ${line}: Every value is a pair, .*--independent .*--no-independent `);
    expect(await refusal(content)).toMatch(sentence);
    expect((await read(content, { independent: true })).keys).toEqual(['x', 'y']);
    expect((await read(content, { independent: false })).keys).toEqual(['register']);
    const named = content.replaceAll('"value"', '"key":"k","value"');
    expect((await read(named)).keys).toEqual(['k']);
    const single = '{"process":7,"type":"invoke","f":"write","value":1}';
    const among = content.startsWith('[') ? content.replace(/]$/, `,${single}]`) : `${content}${single}\n`;
    expect((await read(among)).keys).toEqual(['register']);
  });

  test('are values where others are none', async () => {
    expect((await read(tuples + ednWrite(1, '7'))).keys).toEqual(['register']);
    expect((await read(ednWrite(1, '[1 2 3]') + tuples)).keys).toEqual(['register']);
  });
});
