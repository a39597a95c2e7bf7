import { gzipSync } from 'node:zlib';
import { fc } from '../../test-support/properties.ts';
import { describe, expect, test } from 'vitest';
import { BadHistory, historyFromEvents } from '../builder.ts';
import { type History, NONE } from '../history.ts';
import type { Event, Value } from '../operation.ts';
import { eventsOf } from '../testing.ts';
import { type Decoded, encodeEvent, JsonlDecoder, readJsonl } from './jsonl.ts';

function decode(text: string | Uint8Array, chunkBytes = 1 << 20): Decoded {
  const decoder = new JsonlDecoder({ file: 'f' });
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += chunkBytes) decoder.push(bytes.subarray(at, at + chunkBytes));
  return decoder.end();
}

async function* inChunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  await Promise.resolve();
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** All that a history says, row by row; lines.test.ts sees to its lines. */
function contents(history: History): unknown {
  const rows = Array.from({ length: history.length }, (_, row) => ({
    ...history.operation(row),
    line: undefined,
    completionLine: undefined,
    call: history.call[row],
    ret: history.ret[row],
    batch: history.batch[row],
    flags: history.flags[row],
    intended: history.intended[row],
  }));
  return { rows, notes: history.notes, positions: history.positions, operations: history.operations };
}

const encode = (events: readonly Event[]): string => events.map((event) => `${encodeEvent(event)}\n`).join('');

const value: fc.Arbitrary<Value> = fc.oneof(
  fc.integer({ min: -5, max: 5 }),
  fc.constantFrom<Value>(
    null,
    true,
    false,
    '',
    'a',
    'é',
    '"\\\n',
    '\ud800',
    0x3fffffff,
    0x40000000,
    -0x40000000,
    -0x40000001,
  ),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number + 0),
  fc.string(),
  fc.constantFrom<Value>([1, 2], [], { a: 1 }, [null, 'x']),
);
const position = fc.record({
  group: fc.constantFrom('g0', 'g"1'),
  history: fc.oneof(fc.nat(9), fc.constantFrom('timeline')),
  at: fc.nat(1000),
});
const name = fc.constantFrom('a', 'b', 'ü', 'c\\d', '');
const optional = { requiredKeys: [] } satisfies { requiredKeys: [] };
const asked = fc.record({ session: name, device: name, path: name, intended: fc.nat() }, optional);
const answered = fc.record(
  {
    node: name,
    role: fc.constantFrom('leader', 'follower', 'candidate', 'learner'),
    version: position,
    position,
    error: name,
  },
  optional,
);

/** One operation at a time, with notes in between: enough for a codec. */
const journal: fc.Arbitrary<Event[]> = fc
  .array(
    fc.record({
      f: fc.constantFrom('read', 'write', 'cas', 'readMany', 'append', 'put', 'get'),
      key: fc.oneof(fc.constantFrom<string | number>('x', 'y', 'é', '5', 5, -1), fc.string()),
      value,
      other: value,
      type: fc.constantFrom('ok', 'fail', 'info', 'never'),
      mismatch: fc.boolean(),
      asked,
      answered,
      note: fc.option(value),
    }),
    { maxLength: 12 },
  )
  .map((steps) => {
    const events: Record<string, unknown>[] = [];
    const push = (event: Record<string, unknown>): void => void events.push({ time: events.length * 1000, ...event });
    steps.forEach((step, process) => {
      const { f, key } = step;
      const many = f === 'readMany';
      const base = { process, f, ...(many ? {} : { key }) };
      const request = many ? [key, 'k2'] : f === 'cas' ? [step.value, step.other] : f === 'read' ? null : step.value;
      push({ ...base, type: 'invoke', value: request, ...step.asked });
      if (step.note !== null) push({ process: 'nemesis', type: 'info', f: 'cut', value: step.note });
      if (step.type === 'never') return;
      const { version, ...rest } = step.answered;
      const versions = many && version !== undefined ? { version: [null, version] } : version ? { version } : {};
      const answer = many ? [step.value, step.other] : f === 'read' ? step.value : request;
      const mismatch = f === 'cas' && step.mismatch ? { error: 'mismatch', actual: step.other } : {};
      push({ ...base, type: step.type, value: answer, ...rest, ...versions, ...mismatch });
    });
    return events as unknown as Event[]; // of the journal's shape by construction
  });

const effort = process.env['TIDEMARK_DEEP'] ? { numRuns: 10_000 } : { numRuns: 300, seed: 7 };

describe('round trip', () => {
  test('a journal reads back as the history of its events, wherever it is cut into chunks', () => {
    fc.assert(
      fc.property(journal, fc.integer({ min: 1, max: 300 }), (events, chunkBytes) => {
        expect(contents(decode(encode(events), chunkBytes).history)).toEqual(contents(historyFromEvents(events)));
      }),
      effort,
    );
  });

  test('however JSON may be written: order of fields, spaces, escapes, unknown and nested fields', () => {
    const style = fc.record({
      reverse: fc.boolean(),
      spaces: fc.boolean(),
      escapes: fc.boolean(),
      extra: fc.option(value),
    });
    fc.assert(
      fc.property(journal, style, (events, { reverse, spaces, escapes, extra }) => {
        const lines = events.map((event) => {
          const entries = Object.entries(JSON.parse(encodeEvent(event)) as Record<string, Value>);
          if (reverse) entries.reverse();
          if (extra !== null) entries.splice(1, 0, ['extra"', extra], ['indexes', extra], ['keyed', null]);
          const text = spaces
            ? `  { ${entries.map(([field, v]) => `${JSON.stringify(field)} : ${JSON.stringify(v)}`).join(' , ')} } \r`
            : JSON.stringify(Object.fromEntries(entries));
          const escaped = (string: string): string => {
            const units = Array.from({ length: string.length }, (_, at) =>
              string.charCodeAt(at).toString(16).padStart(4, '0'),
            );
            return `"${units.map((unit) => `\\u${unit}`).join('')}"`;
          };
          return escapes ? text.replace(/"(?:[^"\\]|\\.)*"/g, (token) => escaped(JSON.parse(token) as string)) : text;
        });
        const parsed = lines.map((line) => JSON.parse(line) as Event);
        expect(contents(decode(lines.join('\n')).history)).toEqual(contents(historyFromEvents(parsed)));
      }),
      effort,
    );
  });

  test('fields that the byte scanner knows end up in the same places as through JSON.parse', () => {
    const line =
      '{"index":7,"time":5,"process":3,"type":"invoke","f":"cas","key":"x","value":[1,"a"],"session":"s","device":"d","path":"p","intended":4}\n' +
      '{"index":9,"time":6,"process":3,"type":"fail","f":"cas","key":"x","value":[1,"a"],"error":"mismatch","actual":5,"node":"n1","role":"learner","version":["g",2,8],"position":["g","t",9]}\n';
    const viaParse = line.replaceAll('"process"', '"\\u0070rocess"');
    const { history } = decode(line);
    expect(contents(history)).toEqual(contents(decode(viaParse).history));
    expect(history.operation(0)).toEqual({
      index: 7, completionIndex: 9, process: 3, f: 'cas', outcome: 'fail', key: 'x', expected: 1, value: 'a', actual: 5, line: 1, completionLine: 2,
      session: 's', device: 'd', path: 'p', node: 'n1', role: 'learner', callTime: 5, retTime: 6,
      version: { group: 'g', history: 2, at: 8 }, position: { group: 'g', history: 't', at: 9 },
    }); // biome-ignore format: a table
  });
});

describe('integers past 2^53', () => {
  const write = (process: number, text: string): string =>
    `{"time":${process},"process":${process},"type":"invoke","f":"write","key":"x","value":${text}}\n`;

  test('stay different values', () => {
    const { history } = decode(
      write(0, '9007199254740993') + write(1, '9007199254740992') + write(2, '9007199254740993'),
    );
    expect(history.value[0]).toBe(history.value[2]);
    expect(history.value[0]).not.toBe(history.value[1]);
    expect(history.operation(0).value).toBe('9007199254740993');
  });

  test('are the same value inside lists and alone, and do not harm times', () => {
    const times =
      '{"time":1700000000000000000,"process":3,"type":"invoke","f":"read","key":12345678901234567890,"value":null}\n';
    const { history } = decode(write(0, '[1,9007199254740993]') + write(1, '[1,9007199254740992]') + times);
    expect(history.value[0]).not.toBe(history.value[1]);
    expect(history.callTime[2]).toBe(1.7e18);
  });
});

describe('a header', () => {
  test('is told from events', () => {
    const text = `{"tidemark":1,"system":"reference","paths":["a"]}\n${encode(eventsOf('p0: w x 1'))}`;
    const { header, history } = decode(text);
    expect(header).toEqual({ tidemark: 1, system: 'reference', paths: ['a'] });
    expect(history.length).toBe(1);
    expect(history.eventIndex).toBeUndefined();
  });

  test('of another format is refused', () => {
    expect(() => decode('{"tidemark":2}\n')).toThrow(
      'f, line 1: The journal has format 2; this program reads format 1.',
    );
  });
});

describe('what is amiss', () => {
  const good = encode(eventsOf('p0: w x 1', 'p1: r x 1'));

  test('a last line that was cut off is a warning, wherever it was cut', () => {
    const whole = encode(eventsOf('p0: w x 1', 'p1: r x 1 node=n1 position=g/1/2'));
    const last = whole.lastIndexOf('\n', whole.length - 2) + 1;
    for (let end = last + 1; end < whole.length - 1; end++) {
      const { history, warnings } = decode(whole.slice(0, end));
      expect(warnings).toEqual({ tornLine: 4 });
      expect([history.length, history.positions]).toEqual([2, 3]);
    }
    expect(decode(whole.slice(0, -1)).warnings).toEqual({});
    expect(contents(decode(whole.slice(0, -1)).history)).toEqual(contents(decode(whole).history));
  });

  test.each([
    ['half a line in the middle', `${good}{"time":9,\n${good}`, 5, 'This is not JSON: {"time":9,.'],
    ['something else than an object', '[1]\n', 1, 'An event must be a JSON object, not [1].'],
    [
      'a history a line',
      '{"valid":true,"history":[{"process":0,"type":"invoke","f":"read","key":"x"}]}\n',
      1,
      'This line holds a whole history: put each into a file of its own, its events as lines or as the array they are.',
    ],
    ['an unknown type', '{"process":0,"type":"oops","f":"read","key":"x"}\n', 1, 'The type must be invoke, ok, fail or info, not "oops".'],
    ['an unknown method', '{"process":0,"type":"ok","f":"sing","key":"x"}\n', 1, 'The operation must be one of read, write, cas, add, append, send, poll, enqueue, dequeue, drain, acquire, release, put, get, readMany, txn, not "sing".'],
    ['no process', '{"type":"ok","f":"read","key":"x"}\n', 1, 'The event names no process.'],
    ['no key', `${good}{"process":0,"type":"invoke","f":"read"}\n`, 5, 'The read names no key.'],
    [
      'a key at last',
      '{"process":0,"type":"invoke","f":"read"}\n{"process":1,"type":"invoke","f":"write","key":"x","value":1}\n',
      2,
      'The write names a key, and operations before it named none.',
    ],
    ['a process that is no whole number', '{"process":1.5,"type":"ok","f":"read","key":"x"}\n', 1, 'A process must be an integer from 0, below 2^31, not 1.5.'],
    ['a time that is no number', '{"time":"noon","process":1,"type":"invoke","f":"read","key":"x"}\n', 1, 'The time must be a number of nanoseconds.'],
    ['time that runs backwards', `${good}{"time":1,"process":0,"type":"invoke","f":"read","key":"x"}\n`, 5, 'Time runs backwards, from 3000000 to 1.'],
    ['a second completion', '{"process":4,"type":"invoke","f":"read","key":"x"}\n{"process":4,"type":"info","f":"read","key":"x"}\n{"process":4,"type":"ok","f":"read","key":"x"}\n', 3, 'Process 4 has no operation open: its last one, the read on line 1, was completed on line 2 already.'],
    ['a completion alone', '{"process":4,"type":"ok","f":"read","key":"x"}\n', 1, 'Process 4 completes an operation that it never invoked.'],
    ['another completion', '{"process":4,"type":"invoke","f":"read","key":"x"}\n{"process":4,"type":"ok","f":"write","key":"x"}\n', 2, 'Process 4 invoked a read on line 1 and completes another operation.'],
    ['another key', '{"process":4,"type":"invoke","f":"read","key":"x"}\n{"process":4,"type":"ok","f":"read","key":"y"}\n', 2, 'Process 4 completes its read on line 1 on another key than it invoked it on.'],
    ['two invocations', '{"process":4,"type":"invoke","f":"read","key":"x"}\n{"process":4,"type":"invoke","f":"read","key":"x"}\n', 2, 'Process 4 invokes an operation while its last one on line 1 is still open.'],
    ['a cas of one value', '{"process":4,"type":"invoke","f":"cas","key":"x","value":3}\n', 1, 'The value of a cas must be [expected, next].'],
    ['a session that is no name', '{"process":4,"type":"invoke","f":"write","key":"x","value":1,"session":{"a":1}}\n', 1, 'The session must be a name (a string or a number), such as "s1", not {"a":1}.'],
    ['a device that is no name', '{"process":4,"type":"invoke","f":"write","key":"x","value":1,"device":{}}\n', 1, 'The device must be a name (a string or a number), such as "d1", not {}.'],
    ['a path that is no name', '{"process":4,"type":"invoke","f":"write","key":"x","value":1,"path":["follower"]}\n', 1, 'The path must be a name (a string or a number), such as "follower", not ["follower"].'],
    ['a node that is no name', '{"process":4,"type":"invoke","f":"write","key":"x","value":1,"node":true}\n', 1, 'The node must be a name (a string or a number), such as "n1", not true.'],
    ['a version without its place', '{"process":4,"type":"invoke","f":"write","key":"x","value":1,"version":["g0",2]}\n', 1, 'The version must be [group, history, place], such as ["g0", 3, 118], not ["g0",2].'],
    ['a version that is a number', '{"process":4,"type":"invoke","f":"write","key":"x","value":1,"version":5}\n', 1, 'The version must be [group, history, place], such as ["g0", 3, 118], not 5.'],
    ['versions of a single operation', '{"process":4,"type":"invoke","f":"write","key":"x","value":1,"version":[["g0",2,3]]}\n', 1, 'The version must be [group, history, place], such as ["g0", 3, 118], not [["g0",2,3]].'],
    ['a position with too much', '{"process":4,"type":"invoke","f":"write","key":"x","value":1,"position":["g0",2,3,4]}\n', 1, 'The position must be [group, history, place], such as ["g0", 3, 118], not ["g0",2,3,4].'],
    ['a position without its history', '{"process":4,"type":"invoke","f":"write","key":"x","value":1,"position":{"group":"g0","at":3}}\n', 1, 'The position must be [group, history, place], such as ["g0", 3, 118], not {"group":"g0","at":3}.'],
    ['another value written', '{"process":4,"type":"invoke","f":"write","key":"x","value":1}\n{"process":4,"type":"ok","f":"write","key":"x","value":2}\n', 2, 'Process 4 invoked its write on line 1 with 1 and completes it with 2: an ok write has the value it was invoked with, or null.'],
    ['another pair swapped', '{"process":4,"type":"invoke","f":"cas","key":"x","value":[1,2]}\n{"process":4,"type":"ok","f":"cas","key":"x","value":[3,2]}\n', 2, 'Process 4 invoked its cas on line 1 with [1,2] and completes it with [3,2]: an ok cas has the value it was invoked with, or null.'],
    ['a cas answered with no pair', '{"process":4,"type":"invoke","f":"cas","key":"x","value":[1,2]}\n{"process":4,"type":"ok","f":"cas","key":"x","value":2}\n', 2, 'The value of a cas must be [expected, next], not 2.'],
    ['what nests without end', `${good}{"process":4,"type":"invoke","f":"write","key":"x","value":${'['.repeat(200_000)}${']'.repeat(200_000)}}\n`, 5, 'This is nested deeper than 500 levels.'],
    ['a txn of something else', '{"process":4,"type":"invoke","f":"txn","value":[["x",1,2]]}\n', 1, 'Each part of a txn must be ["r"|"w"|"append", key, value].'],
  ])('%s: file, line and reason', (_what, text, line, reason) => {
    let error: unknown;
    try {
      decode(text);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(BadHistory);
    expect(error).toMatchObject({ file: 'f', line, reason, message: `f, line ${line}: ${reason}` });
  }); // biome-ignore format: a table

  test('numbers are names', () => {
    const [invoke, ok] = [
      '{"process":4,"type":"invoke","f":"write","key":"x","value":1,"session":7,"device":0,"path":2.5}\n',
      '{"process":4,"type":"ok","f":"write","key":"x","value":null,"node":12345678901234567}\n',
    ];
    const { sessions, devices, paths, nodes } = decode(invoke + ok).history;
    expect([sessions, devices, paths, nodes]).toEqual([['7'], ['0'], ['2.5'], ['12345678901234567']]);
  });

  test('the smallest integer that is its own reference is one value however its line is read', () => {
    const line = '"f":"write","key":"x","value":-1073741824';
    const events = `{"process":4,"type":"invoke",${line},"session":"\\u00fc"}\n{"process":4,"type":"ok",${line}}\n`;
    expect(decode(events).history.operation(0).value).toBe(-1073741824);
  });

  test('empty lines, a byte order mark and Windows line ends are none of it', () => {
    const { history } = decode(`\ufeff${good.replaceAll('\n', '\r\n\r\n')}`);
    expect(history.length).toBe(2);
  });
});

describe('from a stream', () => {
  const lines = Array.from({ length: 2000 }, (_, n) => `p${n % 7}: w k${n % 3} ${n}`);
  const text = Buffer.from(encode(eventsOf(...lines)));

  test('lines longer than the window are read', async () => {
    const long = 'v'.repeat(700_000);
    const { history } = await readJsonl(
      inChunks(Buffer.from(encode(eventsOf('p0: w x 1', `p0: w x ${long}`))), 65_536),
    );
    expect(history.operation(1).value).toBe(long);
  });

  test.each([1, 7, 4096, 1 << 20])('gzipped, in chunks of %i bytes', async (size) => {
    const packed = gzipSync(size === 1 ? text.subarray(0, text.indexOf('\n', 2000) + 1) : text);
    const { history } = await readJsonl(inChunks(packed, size));
    expect(history.length).toBeGreaterThan(5);
    if (size > 1) expect(contents(history)).toEqual(contents(decode(text).history));
  });

  test('a torn gzip yields what was in it', async () => {
    const packed = gzipSync(text);
    const { history, warnings } = await readJsonl(inChunks(packed.subarray(0, packed.length >> 1), 4096));
    expect(history.length).toBeGreaterThan(100);
    expect(warnings.tornLine).toBeGreaterThan(100);
  });

  test('a damaged gzip is refused', async () => {
    const packed = gzipSync(text);
    packed.fill(0xff, 100, 200);
    await expect(readJsonl(inChunks(packed, 4096))).rejects.toThrow(/^The gzip data is damaged \(.*\)\.$/);
  });

  test('nothing at all is an empty history', async () => {
    const { history, header } = await readJsonl(inChunks(Buffer.from(''), 1));
    expect([history.length, header]).toEqual([0, undefined]);
    expect(history.batch).toHaveLength(0);
    expect(NONE).toBe(-1);
  });
});

test('a history that names no key is of one object, which may be a lock', () => {
  const step = (f: string, value: string): string =>
    `{"process":0,"type":"invoke","f":"${f}","value":${value}}\n{"process":0,"type":"ok","f":"${f}"}\n`;
  const { history } = decode(step('write', '1') + step('read', 'null') + step('cas', '[1,2]'));
  expect([history.keys, history.length, [...history.key]]).toEqual([['register'], 3, [0, 0, 0]]);
  expect(decode(step('acquire', 'null') + step('release', 'null')).history.keys).toEqual(['lock']);
  expect(decode(step('write', '1').replaceAll('"f"', '"key":"x","f"')).history.keys).toEqual(['x']);
});
