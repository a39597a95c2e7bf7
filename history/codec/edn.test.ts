import { markColon } from '../values.ts';
import { readdirSync, readFileSync } from 'node:fs';
import { parseEDNString, toEDNString } from 'edn-data';
import { fc } from '../../test-support/properties.ts';
import { describe, expect, test } from 'vitest';
import { need, vectors } from '../../test-support/need.ts';
import { BadHistory } from '../builder.ts';
import { NEVER } from '../history.ts';
import type { Value } from '../operation.ts';
import { EdnReader } from './edn-reader.ts';
import { ednDecoder, readEdn } from './edn.ts';

const one = (text: string): Value => new EdnReader(text).next() as Value; // END is a symbol, and fails the test

describe('EDN values', () => {
  test.each<[string, Value]>([
    ['nil', null],
    ['true', true],
    ['-12', -12],
    ['+7', 7],
    ['3N', 3],
    ['1.5e3M', 1500],
    ['22/7', '22/7'],
    ['-6/4', '-3/2'],
    ['4/2', 2],
    ['0x6a3', 1699],
    ['-0X10N', -16],
    ['017', 15],
    ['00', 0],
    ['2r101', 5],
    ['36rZn', 1283],
    ['0xffffffffffffffff', '\u000018446744073709551615'],
    ['007.5', 7.5],
    ['#object[java.net.SocketTimeoutException 0x6a3 "read timed out"]', ['java.net.SocketTimeoutException', 1699, 'read timed out']],
    [':a/b', ':a/b'],
    ['sym-bol?', 'sym-bol?'],
    ['\\a \\b', 'a'],
    ['\\newline', '\n'],
    ['\\u00e9', 'é'],
    ['\\;', ';'],
    ['"a\\n\\"\\u0041; #_"', 'a\n"A; #_'],
    ['[1, (2 "x") [] ]', [1, [2, 'x'], []]],
    ['#{3 1 2}', { '#set': [1, 2, 3] }],
    ['{:b 2, :a [1]}', { ':a': [1], ':b': 2 }],
    ['{[1] 2 3 4}', { '#map': [[3, 4], [[1], 2]] }],
    ['#inst "2020-01-01T00:00:00Z"', '2020-01-01T00:00:00Z'],
    ['#jepsen.history.Op{:f :read}', { ':f': ':read' }],
    ['#_ [ignored #_ twice] #_x ; and this\n 5', 5],
    ['^{:line 3} [1]', [1]],
    ['##NaN', '##NaN'],
  ])('%s', (text, value) => {
    expect(one(text)).toEqual(value);
  }); // biome-ignore format: a table

  test('equal sets and maps are equal in any order', () => {
    expect(JSON.stringify(one('#{1 "b" nil}'))).toBe(JSON.stringify(one('#{nil 1 "b"}')));
    expect(JSON.stringify(one('{:a 1 :b 2}'))).toBe(JSON.stringify(one('{:b 2 :a 1}')));
  });

  test.each([
    ['[1 2', "The file ends before ']'."],
    ['[1 }', "'}' closes nothing."],
    ['"abc', 'The file ends within a string.'],
    ['{:a}', 'A map has a key without a value.'],
    ['"\\q"', '\\q is no escape of EDN.'],
    ['\\bogus', '\\bogus is no character of EDN.'],
    ['12abc', '"12abc" is neither a number nor a name.'],
    ['08', '"08" is neither a number nor a name.'],
    ['0xfg', '"0xfg" is neither a number nor a name.'],
    ['2r102', '"2r102" is neither a number nor a name.'],
    ['37r1', '"37r1" is neither a number nor a name.'],
    ['-08', '"-08" is neither a number nor a name.'],
    ['1/0', '"1/0" is neither a number nor a name.'],
    ['#_', 'The file ends within a value.'],
    ['['.repeat(100_000), 'This is nested deeper than 500 levels.'],
  ])('%.20s is refused', (text, reason) => {
    expect(() => one(`\n${text}`)).toThrow(new BadHistory(reason, 2));
  });

  test('reads what another reader reads', () => {
    const leaf = fc.oneof(
      fc.constant(null),
      fc.boolean(),
      fc.integer(),
      fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 }).map((number) => number + 0),
      fc.string(),
    );
    const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
      tree: fc.oneof(
        { depthSize: 'small' },
        leaf,
        fc.array(tie('tree')),
        fc.dictionary(fc.stringMatching(/^[a-z]+$/), tie('tree')),
      ),
    }));
    const keyed = (value: unknown, ofText = (text: string): string => text): unknown => {
      if (typeof value === 'string') return ofText(value);
      if (Array.isArray(value)) return value.map((inner) => keyed(inner, ofText));
      if (typeof value !== 'object' || value === null) return value;
      return Object.fromEntries(Object.entries(value).map(([name, inner]) => [`:${name}`, keyed(inner, ofText)]));
    };
    const written = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(written);
      if (typeof value !== 'object' || value === null) return value;
      return { map: Object.entries(value).map(([name, inner]) => [{ key: name }, written(inner)]) };
    };
    fc.assert(
      fc.property(tree, (value) => {
        const text = toEDNString(written(value) as never);
        expect(keyed(parseEDNString(text, { mapAs: 'object', keywordAs: 'string' }))).toEqual(keyed(value));
        // The other reader makes one of the keyword and the string.
        expect(one(text)).toEqual(keyed(value, markColon));
      }),
      process.env['TIDEMARK_DEEP'] ? { numRuns: 10_000 } : { numRuns: 300, seed: 7 },
    );
  });
});

describe('histories in EDN', () => {
  test('Jepsen: notes of the nemesis, times, indices, errors, open operations', () => {
    const { history, warnings } = readEdn(`
      {:process :nemesis, :type :info, :f :start, :value "Cut off {:n1 #{:n2}}", :time 5, :index 0}
      {:process 0, :type :invoke, :f :cas, :value [1 2], :key :x, :time 10, :index 1}
      {:process 1, :type :invoke, :f :write, :value :v, :key :x, :time 11, :index 2}
      {:process 0, :type :fail, :f :cas, :value [1 2], :key :x, :time 12, :error :mismatch, :index 3}
      {:process 1, :type :info, :f :write, :value :v, :key :x, :time 9, :error [:timed-out "5 s"], :index 4}`);
    expect(history.notes).toEqual([
      { type: 'info', process: 'nemesis', f: 'start', value: 'Cut off {:n1 #{:n2}}', time: 5, at: 0 },
    ]);
    expect([...history.ret]).toEqual([2, NEVER]);
    expect([...(history.eventIndex ?? [])]).toEqual([1, 2, 3]);
    expect(history.flags[0]).toBe(1);
    expect(history.operation(1)).toMatchObject({ key: ':x', value: ':v', outcome: 'info' });
    expect(history.retTime[1]).toBe(12);
    expect(warnings).toEqual({ timesBackwards: 1 });
  });

  test('transactions', () => {
    const { history } = readEdn(
      '[{:process 0 :type :invoke :f :txn :value [[:append 5 1] [:r 5 nil]]} {:process 0 :type :ok :f :txn :value [[:append 5 1] [:r 5 [1]]]}]',
    );
    expect([history.operation(0), history.operation(1)]).toMatchObject([
      { f: 'append', key: 5, value: 1 },
      { f: 'read', key: 5, value: [1] },
    ]);
  });

  test.each([
    ['vectors', ':f :txn :value [[:write :x 1] [:read :y nil]]', ':f :txn :value [[:write :x 1] [:read :y 0]]'],
    ['lists', ':f :txn :value ((:write :x 1) (:read :y nil))', ':f :txn :value ((:write :x 1) (:read :y 0))'],
    ['strings', ':f :txn :value [["write" :x 1] ["read" :y nil]]', ':f "txn" :value [["write" :x 1] ["read" :y 0]]'],
    ['no :f', ':value [[:write :x 1] [:read :y nil]]', ':f nil :value [[:write :x 1] [:read :y 0]]'],
  ])("transactions in Knossos's words: %s", (_what, invoked, completed) => {
    const { history } = readEdn(`{:process 0 :type :invoke ${invoked}}\n{:process 0 :type :ok ${completed}}`);
    expect([history.operation(0), history.operation(1)]).toMatchObject([
      { f: 'write', key: ':x', value: 1, outcome: 'ok' },
      { f: 'read', key: ':y', value: 0 },
    ]);
  });

  test('big integers stay apart', () => {
    const { history } = readEdn(
      '[{:process 0 :type :invoke :f :write :value 9007199254740993N} {:process 1 :type :invoke :f :write :value 9007199254740992}]',
    );
    expect(history.value[0]).not.toBe(history.value[1]);
  });

  test('a log that a crash cut off loses its last map; a list that does not end is refused', () => {
    const good = '{:process 0 :type :invoke :f :read :value nil}\n';
    expect(readEdn(`${good}{:process 0 :type :ok :f`).warnings).toEqual({ tornLine: 2 });
    expect(() => readEdn(`[${good}{:process 0 :type`, { file: 'f' })).toThrow("f, line 2: The file ends before '}'.");
    expect(() => readEdn(`[${good}`, { file: 'f' })).toThrow('The file ends within the list of operations.');
    expect(() => readEdn(`[${good}] 3`, { file: 'f' })).toThrow('f, line 2: Something follows the list of operations.');
  });

  test.each([
    ['[3]', 'f, line 1: An operation must be a map with :process, :type, :f and :value.'],
    ['[{:process 0 :type :ok :f :read}]', 'f, line 1: Process 0 completes an operation that it never invoked.'],
    ['{:valid? true}', 'f, line 1: The event names no process.'],
    ['\n[{:process 0 :type :invoke :f :dance}]', 'f, line 2: The operation must be one of read, write'],
  ])('%s is refused', (text, message) => {
    expect(() => readEdn(text, { file: 'f' })).toThrow(message);
  });
});

test('the recorded histories of Knossos read as another reader reads them', () => {
  need('vectors');
  const folder = vectors('knossos-cas-register');
  const files = ['good', 'bad'].flatMap((kind) =>
    readdirSync(`${folder}/${kind}`).map((name) => `${folder}/${kind}/${name}`),
  );
  for (const file of files.filter((_, n) => n % 12 === 0)) {
    const text = readFileSync(file, 'utf8');
    // The other reader keeps no comments apart and wants one value.
    const bare = text.replace(/^;.*$/gm, '').trim();
    const list = bare.startsWith('[') || bare.startsWith('(') ? bare : `[${bare}]`;
    const events = parseEDNString(list, { mapAs: 'object', keywordAs: 'string', listAs: 'array' }) as Record<
      string,
      unknown
    >[];
    const numbered = events.filter(({ process }) => typeof process === 'number');
    const { history } = readEdn(text);
    expect(history.length).toBe(numbered.filter(({ type }) => type === 'invoke').length);
    const answers = numbered.filter(({ type, f }) => type === 'ok' && f === 'read').map(({ value }) => value);
    const rows = Array.from({ length: history.length }, (_, row) => history.operation(row));
    const reads = rows.filter(({ f, outcome }) => f === 'read' && outcome === 'ok');
    reads.sort((a, b) => (a.completionIndex ?? 0) - (b.completionIndex ?? 0));
    expect(reads.map(({ value }) => value)).toEqual(answers);
  }
});

describe('the scanner and the reader of everything say the same', () => {
  const words = (list: readonly string[]): fc.Arbitrary<string> => fc.constantFrom(...list);
  const scalar = words([
    'nil',
    '0',
    '-7',
    '12345',
    '1073741824',
    '-0',
    ':a',
    ':a/b',
    '"x y"',
    '"é"',
    '"\\n"',
    '1.5',
    '3N',
    '{:a 1}',
    '[1 2]',
    'true',
    '9007199254740993',
  ]); // prettier-ignore
  const blank = words([' ', ', ', '\n ', ' ,\t', ' ; "a remark\n', ' #_ {:no "map"} ']);
  const operation = fc.record({
    f: words([':read', ':write', ':cas', '"write"']),
    key: words(['1', ':k', '"k"', '12']),
    a: scalar,
    b: scalar,
    end: words([':ok', ':fail', ':info', 'none']),
    error: words(['', ':error :mismatch', ':error [:timed-out "5 s"]', ':error nil', ':other {:x #{1}}']),
    order: fc.shuffledSubarray([0, 1, 2, 3, 4], { minLength: 5 }),
    blank,
    tag: words(['', '#jepsen.history.Op', '#knossos.op.Op ']),
  }); // prettier-ignore

  test('of maps in any order and style, with independent keys and without, wherever they are cut', () => {
    fc.assert(
      fc.property(
        fc.array(operation, { maxLength: 8 }),
        fc.boolean(),
        fc.integer({ min: 1, max: 90 }),
        words(['', '[]', '()']),
        (operations, independent, size, list) => {
          const text = (plain: boolean): string => {
            const maps = operations.flatMap(({ f, key, a, b, end, error, order, blank: space, tag }, process) => {
              const value = f === ':cas' ? `[${a} ${b}]` : a;
              const map = (type: string, given: string, more: string): string => {
                const told = independent ? `[${key} ${given}]` : given;
                const fields = [
                  `:type ${type}`,
                  `:f ${f}`,
                  `:value ${told}`,
                  `:process ${process}`,
                  `:time ${process}`,
                ];
                const parts = order.map((n) => fields[n]).concat(more === '' ? [] : [more]);
                // A set is nothing that the scanner knows.
                return `${plain ? '' : tag}{${parts.concat(plain ? [':odd #{}'] : []).join(space)}}`;
              };
              const invoke = map(':invoke', f === ':read' ? 'nil' : value, '');
              return end === 'none' ? [invoke] : [invoke, map(end, value, error)];
            });
            return `${list.slice(0, 1)}${maps.join('\n')}${list.slice(1)}`;
          };
          const rowsOf = (given: string, chunk: number): unknown => {
            const decoder = ednDecoder({ independent });
            const bytes = Buffer.from(given);
            for (let at = 0; at < bytes.length; at += chunk) decoder.push(bytes.subarray(at, at + chunk));
            const { history } = decoder.end();
            const unplaced = { line: undefined, completionLine: undefined };
            return Array.from({ length: history.length }, (_, row) => ({ ...history.operation(row), ...unplaced }));
          };
          expect(rowsOf(text(false), size)).toEqual(rowsOf(text(true), 1 << 20));
        },
      ),
      process.env['TIDEMARK_DEEP'] ? { numRuns: 20_000 } : { numRuns: 300, seed: 7 },
    );
  });
});
