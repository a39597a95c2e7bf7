import { expect, it } from 'vitest';
import { Random } from '../../history/random.ts';
import { power } from '../../results/arithmetic.ts';
import { fnvHash64, Keys, Zeta, zipfianRank } from './distributions.ts';

it("hashes as YCSB's Utils.fnvhash64 does", () => {
  // Computed in Python from the definition.
  expect([0, 1, 2, 1000, 9_999_999_999].map(fnvHash64)).toEqual([
    6284781860667377211n,
    8517097267634966620n,
    1820151046732198393n,
    5952875239596136740n,
    3605131173811637474n,
  ]);
});

it('sums zeta, and keeps the sum', () => {
  const zeta = new Zeta();
  expect(zeta.of(1_000)).toBeCloseTo(7.728953217284729, 10);
  expect(zeta.of(100_000)).toBeCloseTo(12.778338062551246, 9);
  expect(zeta.of(2)).toBeCloseTo(1 + 1 / 2 ** 0.99, 12);
});

it("has YCSB's constant for ten thousand million items", () => {
  // Euler and Maclaurin's formula from 10^5 on: the rest of the sum is an integral, up to 1e-10.
  const [m, n, s] = [100_000, 1e10, 0.99];
  const integral = (power(n, 1 - s) - power(m, 1 - s)) / (1 - s);
  const rest = integral + (1 / power(n, s) - 1 / power(m, s)) / 2;
  expect(new Zeta().of(m) + rest).toBeCloseTo(26.46902820178302, 6);
});

it('draws ranks by their weights', () => {
  const n = 1_000;
  const zeta = new Zeta().of(n);
  const random = new Random('zipf');
  const seen = new Float64Array(n);
  const draws = 200_000;
  for (let i = 0; i < draws; i++) seen[zipfianRank(n, zeta, random.fraction())]++;
  // Exact for the first two; Gray's formula is near for the others.
  for (const rank of [0, 1]) expect(seen[rank] / draws).toBeCloseTo(1 / power(rank + 1, 0.99) / zeta, 2);
  const firstTen = seen.slice(0, 10).reduce((sum, x) => sum + x, 0) / draws;
  const expected = new Zeta().of(10) / zeta;
  expect(Math.abs(firstTen - expected)).toBeLessThan(0.03);
  expect(seen.every((count) => count > 0)).toBe(true);
});

it('scatters what is popular, prefers what is newest, or prefers nothing', () => {
  const counts = (distribution: 'zipfian' | 'latest' | 'uniform'): Float64Array => {
    const random = new Random(distribution);
    const keys = new Keys(distribution);
    const seen = new Float64Array(100);
    for (let i = 0; i < 20_000; i++) seen[keys.draw(random, 100)]++;
    return seen;
  };
  const zipfian = counts('zipfian');
  expect(zipfian.indexOf(Math.max(...zipfian))).toBe(Number(fnvHash64(0) % 100n));
  const latest = counts('latest');
  expect(latest.indexOf(Math.max(...latest))).toBe(99);
  expect(latest[99]).toBeGreaterThan(latest[98]);
  expect(latest[98]).toBeGreaterThan(latest[90]);
  const uniform = counts('uniform');
  expect(Math.max(...uniform) / Math.min(...uniform)).toBeLessThan(1.7);
  expect(new Keys('latest').draw(new Random(1), 1)).toBe(0);
});
