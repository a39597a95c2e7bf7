import { fc } from '../../test-support/properties.ts';
import { describe, expect, test } from 'vitest';
import { historyFromEvents } from '../builder.ts';
import type { History } from '../history.ts';
import type { Value } from '../operation.ts';
import { eventsOf } from '../testing.ts';
import { readEdn, TUPLED } from './edn.ts';
import { encodeEvent, JsonlDecoder } from './jsonl.ts';
import { isTupled, writeEdn, writeJsonl } from './write.ts';

const deep = process.env['TIDEMARK_DEEP'] !== undefined;
const effort = deep ? { numRuns: 20_000 } : { numRuns: 200, seed: 7 };

/** All that a checker can see; the numbers of the journal are given anew. */
function contents(history: History): unknown {
  const rows = Array.from({ length: history.length }, (_, row) => {
    const { index: _i, completionIndex: _c, line: _l, completionLine: _e, ...told } = history.operation(row);
    return {
      ...told,
      call: history.call[row],
      ret: history.ret[row],
      batch: history.batch[row],
      flags: history.flags[row],
      intended: history.intended[row],
    }; // prettier-ignore
  });
  const notes = history.notes.map(({ at, ...note }) => ({ ...note, at }));
  return { rows, notes, positions: history.positions, operations: history.operations };
}

function readJsonl(text: string): History {
  const decoder = new JsonlDecoder();
  decoder.push(Buffer.from(text));
  return decoder.end().history;
}

const value = fc.constantFrom<Value>(
  null,
  1,
  -5,
  2 ** 40,
  1.5,
  1e21,
  'a',
  ':k',
  ':a b',
  'é"\n',
  '\ud800',
  true,
  [1, [2]],
  [],
  { a: { ':b': null } },
  { '#set': [1, 2] },
  { '#map': [[1, 2]] },
); // prettier-ignore
const step = fc.record({
  f: fc.constantFrom('read', 'write', 'cas', 'readMany', 'txn', 'send', 'poll', 'dequeue', 'acquire', 'add'),
  process: fc.nat(3),
  key: fc.nat(2),
  value,
  other: value,
  type: fc.constantFrom('ok', 'fail', 'info', 'never'),
  error: fc.constantFrom(undefined, 'mismatch'),
  actual: fc.boolean(),
  told: fc.boolean(),
  note: fc.boolean(),
}); // prettier-ignore

/** Operations of several processes at once, each process in its turn; `info` retires a process. */
const journal = fc.tuple(fc.array(step, { maxLength: 14 }), fc.nat(2), fc.boolean()).map(([steps, keys, timed]) => {
  const events: Record<string, unknown>[] = [];
  const push = (event: Record<string, unknown>): void =>
    void events.push({ ...(timed ? { time: (events.length >> 1) * 10 } : {}), ...event });
  const open = new Map<number, () => void>();
  let next = 10;
  const numbers = new Map<number, number>();
  for (const { f, process: caller, key, value: first, other, type, error, actual, told, note } of steps) {
    open.get(caller)?.();
    open.delete(caller);
    const process = numbers.get(caller) ?? caller;
    const name = keys === 0 ? 'x' : key % 2 === 0 ? `k${key}` : key;
    const many = f === 'readMany' || f === 'txn';
    const base = { process, f, ...(many ? {} : { key: name }) };
    const asked =
      f === 'readMany'
        ? [name, 'k2']
        : f === 'txn'
          ? [
              ['r', name, null],
              ['append', 'k2', other],
            ]
          : f === 'cas'
            ? [first, other]
            : ['read', 'poll', 'dequeue', 'acquire'].includes(f)
              ? null
              : first; // prettier-ignore
    const answer =
      f === 'readMany'
        ? [first, other]
        : f === 'txn'
          ? [
              ['r', name, first],
              ['append', 'k2', other],
            ]
          : f === 'send'
            ? [3, first]
            : ['read', 'poll', 'dequeue', 'acquire'].includes(f)
              ? first
              : asked; // prettier-ignore
    push({ ...base, type: 'invoke', value: asked, ...(told ? { session: 's', path: 'p', intended: 1 } : {}) });
    if (note) push({ process: 'nemesis', type: 'info', f: 'cut', value: other });
    if (type === 'never' || type === 'info') numbers.set(caller, next++);
    if (type === 'never') continue;
    const mismatch =
      f === 'cas' && type === 'fail' && error !== undefined ? { error, ...(actual ? { actual: first } : {}) } : {}; // prettier-ignore
    const places = told
      ? {
          node: 'n1',
          role: 'leader',
          position: ['g', 1, 2],
          version: f === 'readMany' ? [['g', 1, 2], null] : many ? null : ['g', 't', 3],
        }
      : {}; // prettier-ignore
    open.set(caller, () => push({ ...base, type, value: type === 'ok' ? answer : asked, ...mismatch, ...places }));
  }
  for (const end of open.values()) end();
  return historyFromEvents(events as never);
});

describe('what is written reads back as the same history', () => {
  test('as our journal', () => {
    fc.assert(
      fc.property(journal, (history) => {
        expect(contents(readJsonl([...writeJsonl(history)].join('')))).toEqual(contents(history));
      }),
      effort,
    );
  });

  test('as EDN, with tuples where there are several keys', () => {
    fc.assert(
      fc.property(journal, (history) => {
        const text = [...writeEdn(history)].join('');
        expect(contents(readEdn(text).history)).toEqual(contents(history));
        expect(text.startsWith(TUPLED)).toBe(isTupled(history));
      }),
      effort,
    );
  });
});

test('EDN as the tools of Jepsen want it', () => {
  const journalOf = (...lines: string[]): History =>
    readJsonl(
      eventsOf(...lines)
        .map((event) => `${encodeEvent(event)}\n`)
        .join(''),
    ); // prettier-ignore
  expect([...writeEdn(journalOf('p0: w x 1', 'p1: r x 1'))].join('').split('\n')[3]).toMatch(
    /^\{:index 3, :time \d+, :process 1, :type :ok, :f :read, :key "x", :value 1\}$/,
  );
  expect([...writeEdn(journalOf('p0: w x 1', 'p1: r y null'))].join('').split('\n')[4]).toMatch(
    /^\{:index 3, :time \d+, :process 1, :type :ok, :f :read, :value \["y" nil\]\}$/,
  );
});

test('keywords and the strings of the same characters stay apart, there and back again', () => {
  const texts = [':a', '":a"', '[:a ":a"]', '{":a" :a}', '":two words"'];
  const write = (text: string, process: number): string =>
    `{:process ${process}, :type :invoke, :f :write, :value ${text}}`;
  const history = readEdn(texts.map(write).join('\n')).history;
  const journal = [...writeJsonl(history)].join('');
  expect(journal).toContain('"value":":a"}');
  for (const back of [history, readJsonl(journal)]) {
    const values = [...writeEdn(back)].join('').matchAll(/:value (.*)\}\n/g);
    expect([...values].map(([, text]) => text)).toEqual(texts);
  }
});

test('numbers that no double holds keep their digits', () => {
  const write = (process: number, text: string): string =>
    `{"process":${process},"type":"invoke","f":"write","key":"x","value":${text}}\n`;
  const text = [...writeEdn(readJsonl(write(0, '9007199254740993') + write(1, '[1e400]')))].join('');
  expect(text).toContain(':value 9007199254740993}');
  expect(text).toContain(':value [1e400]}');
  expect([...writeJsonl(readEdn(text).history)].join('')).toContain('"value":[1e400]}');
});
