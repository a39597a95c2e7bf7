import { describe, expect, test } from 'vitest';
import { HistoryBuilder } from './builder.ts';
import { NONE } from './history.ts';
import { bytesOf, fromShared, toShared } from './table.ts';
import { h } from './testing.ts';
import { Texts } from './texts.ts';
import { Values } from './values.ts';

describe('a shared history', () => {
  const history = h(
    'p0: w x 1 session=a',
    'p1: r* x,5 1,"s"',
    'nemesis cut {"n":1}',
    'p0: cas x 1 "long value"',
    'p2 w y 3',
  );

  test('is the same history, over the same memory', () => {
    const copy = fromShared(structuredClone(toShared(history)));
    expect(copy.f.buffer).not.toBe(undefined);
    for (let row = 0; row < history.length; row++) expect(copy.operation(row)).toEqual(history.operation(row));
    expect(copy.keys).toEqual(history.keys);
    expect(copy.notes).toEqual(history.notes);
    expect([copy.operations, copy.positions, copy.length]).toEqual([
      history.operations,
      history.positions,
      history.length,
    ]);
    expect(copy.value.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect([...copy.batch]).toEqual([...history.batch]);
  });

  test('may be filtered and interned into, on both sides, without either seeing it', () => {
    const copy = fromShared(toShared(history));
    const there = copy.values.intern('new there');
    const here = history.values.intern('new here');
    expect([copy.values.get(there), history.values.get(here)]).toEqual(['new there', 'new here']);
    expect(copy.values.intern('long value')).toBe(history.values.intern('long value'));
    expect(copy.filter((row) => row > 2).operation(0)).toEqual(history.operation(3));
  });

  test('rows that are not there are no operations', () => {
    expect(() => history.operation(5)).toThrow('No row 5 in a history of 5 rows.');
    expect(() => history.operation(NONE)).toThrow(RangeError);
  });
});

test('columns that nobody uses cost nothing each: a plain register takes less than 60 bytes an operation', () => {
  const builder = new HistoryBuilder();
  for (let n = 0; n < 4000; n++) {
    builder.add({ type: 'invoke', time: 2 * n, process: n % 5, f: 'write', key: 'x', value: n });
    builder.add({ type: 'ok', time: 2 * n + 1, process: n % 5, f: 'write', key: 'x', value: n });
  }
  const history = builder.build();
  expect(history.node).toBe(history.batch);
  expect(history.node).toHaveLength(4000);
  expect(bytesOf(history) / 4000).toBeLessThan(60);
});

describe('Texts', () => {
  test('numbers texts in the order of first sight, through growth and collisions', () => {
    const texts = new Texts();
    const words = Array.from({ length: 5000 }, (_, n) => `w${(n * 7919) % 3000}${n % 3 === 0 ? 'é' : ''}`);
    const known = new Map<string, number>();
    for (const word of words) {
      if (!known.has(word)) known.set(word, known.size);
      expect(texts.intern(word)).toBe(known.get(word));
    }
    expect(texts.size).toBe(known.size);
    expect(texts.texts()).toEqual([...known.keys()]);
    expect(texts.intern('')).toBe(known.size);
    expect(texts.text(known.size)).toBe('');
  });
});

describe('Values', () => {
  test('equal values have equal references, others have not', () => {
    const values = new Values();
    const all = [
      null,
      0,
      1,
      -1,
      '1',
      'null',
      '',
      1.5,
      0x3fffffff,
      0x40000000,
      -0x40000000,
      -0x40000001,
      true,
      [1],
      ['1'],
      {},
    ];
    const references = all.map((value) => values.intern(value));
    expect(new Set(references).size).toBe(all.length);
    expect(all.map((value) => values.intern(value))).toEqual(references);
    expect(references.map((reference) => values.get(reference))).toEqual(all);
    expect(Object.is(values.get(values.intern(-0)), 0)).toBe(true);
    expect(references.every((reference) => (reference | 0) === reference)).toBe(true);
  });
});
