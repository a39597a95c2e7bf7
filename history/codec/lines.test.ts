/** From which line of a file each operation was read, whatever the file looks like. */
import { gzipSync } from 'node:zlib';
import { fc } from '../../test-support/properties.ts';
import { describe, expect, test } from 'vitest';
import { historyFromEvents } from '../builder.ts';
import type { History } from '../history.ts';
import { fromShared, toShared } from '../table.ts';
import { readHistory } from './read.ts';

const effort = process.env['TIDEMARK_DEEP'] ? { numRuns: 20_000 } : { numRuns: 200, seed: 7 };

async function read(text: string, chunk = 1 << 20, firstLine?: number): Promise<History> {
  const bytes = text.startsWith('gz') ? gzipSync(text.slice(2)) : Buffer.from(text);
  async function* chunks(): AsyncGenerator<Uint8Array> {
    await Promise.resolve();
    for (let at = 0; at < bytes.length; at += chunk) yield bytes.subarray(at, at + chunk);
  }
  const options = { processes: 'overlapping', ...(firstLine === undefined ? {} : { firstLine }) } as const;
  return (await readHistory(chunks(), options)).history;
}

/** `2-5` for what was called on line 2 and ended on line 5. */
const linesOf = (history: History): string[] =>
  Array.from({ length: history.length }, (_, row) => {
    const { line, completionLine } = history.operation(row);
    return `${line ?? ''}-${completionLine ?? ''}`;
  });

/** An event, and what stands before it. */
interface Piece {
  readonly process: number;
  readonly type: string;
  readonly f: string;
  readonly before: string;
}

/** Each process in its turn; an `info` retires it. A transaction has three parts, so three rows. */
const pieces = (fillers: readonly string[]): fc.Arbitrary<Piece[]> =>
  fc
    .array(
      fc.record({
        caller: fc.nat(2),
        f: fc.constantFrom('read', 'read', 'write', 'txn'),
        type: fc.constantFrom('ok', 'ok', 'ok', 'fail', 'info', 'never'),
        before: fc.constantFrom(...fillers),
      }),
      { maxLength: 24 },
    )
    .map((steps) => {
      const list: Piece[] = [];
      const open = new Map<number, { process: number; f: string }>();
      let next = 10;
      for (const { caller, f, type, before } of steps) {
        const asked = open.get(caller);
        if (asked === undefined) {
          const process = type === 'never' ? next++ : next;
          if (type !== 'never') open.set(caller, { process: next++, f });
          list.push({ process, type: 'invoke', f, before });
        } else {
          list.push({ ...asked, type: type === 'never' ? 'ok' : type, before });
          open.delete(caller);
        }
      }
      return list;
    });

const PARTS = 3;

function jsonOf({ process, type, f }: Piece, at: number): string {
  const value = f === 'txn' ? '[["w","x",1],["r","x",2],["r","y",3]]' : '1';
  return `{"time":${at},"process":${process},"type":"${type}","f":"${f}",${f === 'txn' ? '' : '"key":"x",'}"value":${value}}`;
}

function ednOf({ process, type, f }: Piece, at: number): string {
  const value = f === 'txn' ? '[[:w "x" 1]\n [:r "x" 2] [:r "y" 3]]' : '1';
  return `{:time ${at}, :process ${process}, :type :${type}, :f :${f}, ${f === 'txn' ? '' : ':key "x", '}:value ${value}}`;
}

/** The file, and by counting its newlines what `linesOf` has to say. */
function written(
  list: readonly Piece[],
  head: string,
  textOf: (piece: Piece, at: number) => string,
  after: (at: number) => string,
): { text: string; lines: string[] } {
  let text = head;
  const open = new Map<number, number>();
  const ends = new Map<number, number>();
  const begun: { readonly at: number; readonly f: string }[] = [];
  const lineOf: number[] = [];
  list.forEach((piece, at) => {
    text += piece.before;
    lineOf.push(text.split('\n').length);
    text += textOf(piece, at) + after(at);
    if (piece.type === 'invoke') {
      open.set(piece.process, at);
      begun.push({ at, f: piece.f });
    } else ends.set(open.get(piece.process) ?? -1, at);
  });
  const lines = begun.flatMap(({ at, f }) => {
    const end = ends.get(at);
    return Array.from(
      { length: f === 'txn' ? PARTS : 1 },
      () => `${lineOf[at]}-${end === undefined ? '' : lineOf[end]}`,
    );
  });
  return { text, lines };
}

const NOTE_EDN = '{:process :nemesis, :type :info, :f :cut} ';
const NOTE = '"process":"nemesis","type":"info","f":"cut","value":null}\n';

describe('each operation names the lines it was read from', () => {
  const holds = (shape: fc.Arbitrary<{ text: string; lines: string[] }>): Promise<void> =>
    fc.assert(
      fc.asyncProperty(shape, fc.integer({ min: 1, max: 200 }), async ({ text, lines }, chunk) => {
        const history = await read(text, chunk);
        expect(linesOf(history)).toEqual(lines);
        expect(linesOf(fromShared(toShared(history)))).toEqual(lines);
        const odd = (row: number): boolean => row % 2 === 1;
        expect(linesOf(history.filter(odd))).toEqual(lines.filter((_, row) => odd(row)));
      }),
      effort,
    );

  test('in JSON Lines, with a header, blank lines, carriage returns and notes', () =>
    holds(
      fc
        .tuple(pieces(['', '', '', '\n', '  \r\n\n', `{${NOTE}`]), fc.constantFrom('', '{"tidemark":1}\n', '\n\n'))
        .map(([list, head]) => written(list, head, jsonOf, () => '\n')),
    ));

  test('in a JSON array, on one line or many', () =>
    holds(
      fc
        .tuple(pieces(['', '\n', ' \n\n', '']), fc.constantFrom('[', '\n[\n'))
        .map(([list, head]) => written(list, head, jsonOf, (at) => (at === list.length - 1 ? '' : ',')))
        .map(({ text, lines }) => ({ text: `${text}]`, lines })),
    ));

  test('in EDN, several on a line, on several lines, between comments and what is discarded', () =>
    holds(
      fc
        .tuple(
          pieces(['', ' ', '\n', '\n\n', '; so {it} went\n', '#_ {:process\n 1} \n', NOTE_EDN]),
          fc.constantFrom('', '[', '\n(\n', '; a history\n'),
          fc.constantFrom('\n', ' ', '\n\n\n'),
        )
        .map(([list, head, after]) => {
          const { text, lines } = written(list, head, ednOf, () => after);
          return { text: text + (head.includes('[') ? ']' : head.includes('(') ? ')' : ''), lines };
        }),
    ));
});

test('gzipped, after a byte order mark, and from another line than the first', async () => {
  const text = `${jsonOf({ process: 0, type: 'invoke', f: 'read', before: '' }, 0)}\n`;
  expect(linesOf(await read(`gz\n${text}`))).toEqual(['2-']);
  expect(linesOf(await read(`\uFEFF${text}`))).toEqual(['1-']);
  expect(linesOf(await read(`[${text}]`, 9, 7))).toEqual(['7-']);
  expect(linesOf(await read(text, 9, 7))).toEqual(['7-']);
});

test('a history that was made in memory has no lines', () => {
  const history = historyFromEvents([{ time: 0, process: 0, type: 'invoke', f: 'read', key: 'x', value: null }]);
  expect(history.lines).toBeUndefined();
  expect(history.operation(0)).not.toHaveProperty('line');
});

test('an event a line costs nothing, an end without a position a few bytes', async () => {
  const events = (type: string, from: number): string =>
    Array.from({ length: 1000 }, (_, i) =>
      ['invoke', type].map((one) => jsonOf({ process: from + i, type: one, f: 'read', before: '' }, 0)).join('\n'),
    ).join('\n');
  const plain = await read(`{"tidemark":1}\n${events('ok', 0)}\n`);
  expect(plain.lines?.bytes).toBeLessThan(100);
  expect(linesOf(plain).at(-1)).toBe('2000-2001');
  const open = await read(`${events('info', 0)}\n`);
  expect(open.lines?.bytes).toBeLessThan(1000 * 8 + 100);
  expect(linesOf(open).at(-1)).toBe('1999-2000');
});
