import { expect, it } from 'vitest';
import { Random } from '../../history/random.ts';
import { type Climb, climb } from './ladder.ts';

function climbed(from: number, most: number, holds: (rate: number) => boolean): Climb & { readonly tried: number[] } {
  const search = climb(from, most);
  const tried: number[] = [];
  let next = search.next();
  while (next.done !== true) {
    tried.push(next.value);
    next = search.next(holds(next.value) ? undefined : `${next.value} was probe ${tried.length}`);
  }
  return { ...next.value, tried };
}

it('finds the highest rate that holds, within 5 %', () => {
  const { held = 0, failed = 0, tried } = climbed(100, 50_000, (rate) => rate <= 1_234);
  expect(held).toBeLessThanOrEqual(1_234);
  expect(failed).toBeGreaterThan(1_234);
  expect(failed / held).toBeLessThanOrEqual(1.05);
  expect(tried.length).toBeLessThan(25);
});

it('stops at the most, and goes below where it began', () => {
  expect(climbed(100, 400, () => true)).toEqual({ held: 400, failed: undefined, why: '', tried: [100, 200, 400] });
  expect(climbed(100, 400, (rate) => rate <= 3)).toMatchObject({ held: 3, failed: 4 });
  expect(climbed(100, 400, () => false)).toMatchObject({ held: undefined, failed: 1 });
  expect(climbed(1_000, 400, () => true)).toMatchObject({ held: 400 });
});

it('is not misled by single bad measurements', () => {
  const random = new Random('noise');
  const { held = 0 } = climbed(100, 50_000, (rate) => rate <= 1_000 && !random.chance(0.1));
  expect(held).toBeGreaterThan(900);
  expect(held).toBeLessThanOrEqual(1_000);
});

it('says why the lowest that did not hold did not, and nothing of a rate that held after all', () => {
  let probes = 0;
  const once = climbed(100, 400, () => ++probes !== 2);
  expect(once).toEqual({ held: 400, failed: undefined, why: '', tried: [100, 200, 200, 200, 400] });
  // Every rate fails the first time; the last that is tried holds all the same.
  const seen = new Set<number>();
  const { held, failed, why, tried } = climbed(100, 50_000, (rate) => {
    if (seen.has(rate)) return rate <= 1_300;
    seen.add(rate);
    return false;
  });
  expect(tried.at(-1)).toBe(held);
  expect(failed).toBeGreaterThan(1_300);
  expect(why).toBe(`${failed} was probe ${tried.lastIndexOf(failed ?? 0) + 1}`);
});

it('ends, whatever it is told', () => {
  const random = new Random('nonsense');
  for (let round = 0; round < 50; round++) {
    expect(climbed(random.between(1, 200), 50_000, () => random.chance(0.5)).tried.length).toBeLessThan(50);
  }
});
