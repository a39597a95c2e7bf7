import { expect, it } from 'vitest';
import { groupOf, SLOTS, slotOf } from './slots.ts';

it('deals keys to the slots that clients of any age compute', () => {
  // Written down once: a change of the hash would send every stored key elsewhere.
  expect(['', 'x', 'y', 'user:1', 'ключ', '😀'].map(slotOf)).toMatchInlineSnapshot(`
    [
      3098,
      911,
      1448,
      1855,
      3386,
      365,
    ]
  `);
  expect([0, 1, 1.5, -1, 1e21].map(slotOf)).toMatchInlineSnapshot(`
    [
      393,
      356,
      684,
      3456,
      1340,
    ]
  `);
});

it('tells a number from its text', () => {
  const same = Array.from({ length: 1000 }, (_, i) => i).filter((i) => slotOf(i) === slotOf(String(i)));
  expect(same.length).toBeLessThan(5);
});

it('spreads keys evenly over slots and groups', () => {
  const perSlot = new Array<number>(SLOTS).fill(0);
  for (let i = 0; i < SLOTS * 50; i++) perSlot[slotOf(`key-${i}`)]++;
  // 50 a slot on average: with a fair hash hardly any slot lies outside five standard deviations.
  expect(Math.min(...perSlot)).toBeGreaterThan(50 - 36);
  expect(Math.max(...perSlot)).toBeLessThan(50 + 36);
  for (const groups of [1, 2, 3, 8, 12]) {
    const perGroup = new Array<number>(groups).fill(0);
    for (let i = 0; i < 12_000; i++) perGroup[groupOf(i, groups)]++;
    for (const count of perGroup)
      expect(Math.abs(count - 12_000 / groups)).toBeLessThan(5 * Math.sqrt(12_000 / groups));
  }
});
