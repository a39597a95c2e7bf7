/** Keys of which nobody knows what they hold. */
import { describe, expect, test } from 'vitest';
import type { Event } from '../history/operation.ts';
import { check, type Guarantee } from './index.ts';

type Step = readonly [process: number, f: string, key: string, asked: unknown, answer: unknown];

/** Each after the one before. */
function events(steps: readonly Step[], from = 0): Event[] {
  return steps.flatMap(([process, f, key, asked, answer], i) => [
    { type: 'invoke', time: from + 2 * i, process, f, key, value: asked } as Event,
    { type: 'ok', time: from + 2 * i + 1, process, f, key, value: answer } as Event,
  ]);
}

const txn = (process: number, time: number, type: 'ok' | 'fail', asked: unknown, answer: unknown): Event[] => [
  { type: 'invoke', time, process, f: 'txn', value: asked } as Event,
  { type, time: time + 1, process, f: 'txn', value: answer } as Event,
];

const ofRegisters: readonly Guarantee[] = [
  'linearizable',
  'sequential',
  'causal',
  'causal-memory',
  'causal-weak',
  'read-your-writes',
  'monotonic-reads',
  'consistent-prefix',
];

describe('a key that was only read', () => {
  test.each([
    ['counters', 'add', 1, 0],
    ['sets', 'add', 1, []],
    ['strings', 'append', 'a', ''],
  ])('beside %s is not taken for a register', (_, f, put, initial) => {
    const history = events([
      [0, f, 'a', put, put],
      [1, 'read', 'b', null, initial],
      [1, 'read', 'b', null, initial],
    ]);
    for (const guarantee of ofRegisters) expect(check(guarantee, history).type, guarantee).not.toBe('invalid');
  });

  test('beside lists of Elle is not taken for a register, whether anything was appended to it in vain or not', () => {
    const appended = txn(0, 0, 'ok', [['append', 'a', 1]], [['append', 'a', 1]]);
    const refused = txn(0, 2, 'fail', [['append', 'b', 2]], [['append', 'b', 2]]);
    const read = txn(1, 4, 'ok', [['r', 'b', null]], [['r', 'b', []]]);
    for (const guarantee of ofRegisters) {
      expect(check(guarantee, [...appended, ...read]).type, guarantee).toBe('unknown');
      expect(check(guarantee, [...appended, ...refused, ...read]).type, guarantee).toBe('unknown');
      expect(check(guarantee, [...refused, ...read]).type, guarantee).toBe('unknown');
    }
  });

  test('among registers is one: what nobody wrote is an anomaly', () => {
    const history = events([
      [0, 'write', 'a', 1, 1],
      [1, 'read', 'b', null, 7],
    ]);
    expect(check('linearizable', history).type).toBe('invalid');
    expect(check('causal', history).type).toBe('invalid');
  });

  test('of a set or a counter holds what it held at first', () => {
    const added = events([
      [0, 'add', 'a', 1, 1],
      [1, 'read', 'a', null, [1]],
      [2, 'read', 'b', null, []],
    ]);
    expect(check('set', added).type).toBe('valid');
    expect(check('set', [...added, ...events([[3, 'read', 'c', null, [7]]], 100)]).type).toBe('invalid');
    const counted = events([
      [0, 'add', 'a', 1, 1],
      [1, 'read', 'a', null, 1],
      [2, 'read', 'b', null, 0],
    ]);
    expect(check('counter', counted).type).toBe('valid');
    expect(check('counter', [...counted, ...events([[3, 'read', 'c', null, 7]], 100)]).type).toBe('invalid');
  });
});
