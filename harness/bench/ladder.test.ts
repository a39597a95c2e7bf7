import { expect, it } from 'vitest';
import { Random } from '../../history/random.ts';
import { type Climb, climb } from './ladder.ts';

function climbed(from: number, most: number, holds: (rate: number) => boolean): Climb & { readonly tried: number[] } {
  const search = climb(from, most);
  const tried: number[] = [];
  let next = search.next();
  while (next.done !== true) {
    tried.push(next.value);
    next = search.next(holds(next.value));
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
  expect(climbed(100, 400, () => true)).toEqual({ held: 400, failed: undefined, tried: [100, 200, 400] });
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

it('ends, whatever it is told', () => {
  const random = new Random('nonsense');
  for (let round = 0; round < 50; round++) {
    expect(climbed(random.between(1, 200), 50_000, () => random.chance(0.5)).tried.length).toBeLessThan(50);
  }
});
