/** Null beside an initial value that is another: what was read stands for that, and what was written or expected is null. */
import { expect, test } from 'vitest';
import type { Guarantee } from '../history/guarantee.ts';
import { h } from '../history/testing.ts';
import { nilReadFor, semanticsOf } from './checker.ts';
import { check } from './index.ts';

const guarantees: readonly Guarantee[] = ['linearizable', 'sequential', 'causal', 'causal-memory', 'causal-weak'];
const zero = { initial: 0, nilRead: 'initial' } as const;

test.each(guarantees)('%s: a cas that expects null expects null', (guarantee) => {
  const refused = h('p1: w y 1', 'p0 cas x null 2', 'p0 fail error=mismatch actual=0', 'p0: r x 0', 'p0: r y 1');
  expect(check(guarantee, refused, zero).type).toBe('valid');
  expect(check(guarantee, h('p0: cas x null 1', 'p0: r x 1'), zero).type).toBe('invalid');
  expect(check(guarantee, h('p0: w x null', 'p0: cas x null 1', 'p0: r x 1'), zero).type).toBe('valid');
});

test.each(guarantees)('%s: null that was written is not the initial value', (guarantee) => {
  expect(check(guarantee, h('p0: w x null', 'p0: r x 0'), zero).type).toBe('invalid');
});

test('a sentence says null where null was recorded', () => {
  const said = (guarantee: Guarantee, ...lines: string[]): string => {
    const verdict = check(guarantee, h(...lines), zero);
    return verdict.type === 'invalid' ? verdict.anomalies[0].sentence : verdict.type;
  };
  expect(said('causal', 'p0: w x 1', 'p0: r x null')).toBe(
    'Process 0 read null from x, the initial value, though the write of 1 lies in its causal past (process 0 wrote 1 to x, then read null from x).',
  );
  expect(said('causal', 'p0: cas x null 1', 'p0: r x 1')).toContain('swapped null for 1 in x');
  expect(said('linearizable', 'p0: w x 1', 'p0: r x null')).toContain('yet null is the initial value');
});

test('a read of null says nothing where registers begin with something else, unless it is asked for', () => {
  const stale = h('p0: w x 1', 'p0: r x null');
  expect(check('linearizable', stale).type).toBe('invalid');
  expect(check('linearizable', stale, { initial: 0 }).type).toBe('valid');
  expect(check('linearizable', stale, zero).type).toBe('invalid');
  expect([nilReadFor(null), nilReadFor(0), nilReadFor('')]).toEqual(['initial', 'any', 'any']);
  expect(semanticsOf({ initial: 0 })).toMatchObject({ initial: 0, nilRead: 'any' });
});
