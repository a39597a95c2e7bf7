import { describe, expect, it } from 'vitest';
import { Random } from '../history/random.ts';
import { exp, ln, normalAbove, normalTail, power } from './arithmetic.ts';
import { type Block, bootstrap, median, midRanks, rankTest, shareInterval, shift } from './statistics.ts';

// Figures of scipy 1.17.1 (stats.mannwhitneyu, binomtest, norm) and of R's help page of wilcox.test, which say the same.
const males = [19, 22, 16, 29, 24];
const females = [20, 11, 17, 12];
/** Permeability constants of human chorioamnion, R: `W = 35, p-value = 0.1272`; interval -0.15 … 0.76, estimate 0.305. */
const term = [0.8, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46];
const weeks = [1.15, 0.88, 0.9, 0.74, 1.21];
/** airquality: ozone in May and August; R: `W = 127.5, p-value = 0.0001208`. */
const may = [41, 36, 12, 18, 28, 23, 19, 8, 7, 16, 11, 14, 18, 14, 34, 6, 30, 11, 1, 11, 4, 32, 23, 45, 115, 37];
const august = [
  39, 9, 16, 78, 35, 66, 122, 89, 110, 44, 28, 65, 22, 59, 23, 31, 44, 21, 9, 45, 168, 73, 76, 118, 84, 85,
];

describe('the rank test', () => {
  it.each([
    ['males and females', males, females, 3, 0.9682539682539683, 0.05555555555555555],
    ['permeability', weeks, term, 35, 0.1272061272061272, 0.8967698967698967],
    [
      'twelve and sixteen',
      Array.from({ length: 12 }, (_, i) => i + 1),
      Array.from({ length: 16 }, (_, i) => i + 4.5),
      156,
      0.002198098038722618,
      0.998144387133484,
    ],
    ['ties', [1, 2, 2, 3, 5, 5], [2, 3, 5, 6, 6, 7], 28.5, 0.06277056277056277, 0.9696969696969697],
  ])('counts out small samples: %s', (_, a, b, u, greater, less) => {
    const test = rankTest([{ a, b }]);
    expect(test).toMatchObject({ u, method: 'exact' });
    expect(test.pGreater).toBeCloseTo(greater, 12);
    expect(test.pLess).toBeCloseTo(less, 12);
  });

  it('approximates large samples with ties, corrected for both ties and continuity', () => {
    const test = rankTest([{ a: may, b: august }], 'normal');
    expect(test.u).toBe(548.5);
    expect(test.pGreater).toBeCloseTo(6.040391538438717e-5, 14);
    expect(test.pLess).toBeCloseTo(0.9999439498752809, 12);
    expect(Math.abs(rankTest([{ a: may, b: august }], 'exact').pGreater - 6e-5)).toBeLessThan(3e-5);
  });

  it('deals ranks within blocks only, aligned at their means', () => {
    const blocks: Block[] = [
      { a: [10, 11.5], b: [12.1, 11] },
      { a: [20, 21.2], b: [22.3, 21.1] },
      { a: [5, 6.1], b: [6.3, 7.4] },
      { a: [30, 33.1], b: [32, 34.7] },
    ];
    const test = rankTest(blocks);
    // All 6^4 ways, counted in Python.
    expect(test.u).toBe(51);
    expect(test.pGreater).toBeCloseTo(0.03780864197530864, 12);
    expect(test.pLess).toBeCloseTo(0.9675925925925926, 12);
    // What drifts between the blocks hides the difference from a test that knows no blocks.
    expect(rankTest([{ a: blocks.flatMap((x) => x.a), b: blocks.flatMap((x) => x.b) }]).pGreater).toBeGreaterThan(0.2);
    const drifted = blocks.map(({ a, b }, i) => ({ a: a.map((x) => x + 100 * i), b: b.map((x) => x + 100 * i) }));
    expect(rankTest(drifted).pGreater).toBeCloseTo(test.pGreater, 12);
  });

  it('agrees with itself: the normal approximation is near what is counted', () => {
    const random = new Random('approximation');
    for (let round = 0; round < 30; round++) {
      const blocks = Array.from({ length: 8 }, () => ({
        a: [random.fraction(), random.fraction()],
        b: [random.fraction(), random.fraction() + 0.1],
      }));
      const [exact, normal] = [rankTest(blocks, 'exact'), rankTest(blocks, 'normal')];
      expect(Math.abs(exact.pGreater - normal.pGreater)).toBeLessThan(0.02);
    }
  });

  it('raises no more false alarms than its level says', () => {
    const random = new Random('level');
    let alarms = 0;
    for (let round = 0; round < 1_000; round++) {
      const blocks = Array.from({ length: 4 }, (_, i) => ({
        a: [i + random.fraction(), i + random.fraction()],
        b: [i + random.fraction(), i + random.fraction()],
      }));
      if (rankTest(blocks).pGreater <= 0.05) alarms++;
    }
    expect(alarms / 1_000).toBeLessThan(0.06);
    expect(alarms / 1_000).toBeGreaterThan(0.03);
  });

  it('shares the middle of equal ranks', () => {
    expect(midRanks([3, 1, 3, 2])).toEqual([3.5, 1, 3.5, 2]);
  });
});

describe('the shift', () => {
  it("is R's, with R's interval", () => {
    const { estimate, low, high } = shift([{ a: weeks, b: term }], 0.95);
    expect(estimate).toBeCloseTo(0.305, 9);
    expect(low).toBeCloseTo(-0.15, 6);
    expect(high).toBeCloseTo(0.76, 6);
  });

  it('has no bounds where too little was measured', () => {
    expect(shift([{ a: [1, 2], b: [3, 4] }], 0.95)).toEqual({ estimate: 2, low: -Infinity, high: Infinity });
  });

  it('covers what is true as often as it says', () => {
    const random = new Random('coverage');
    let covered = 0;
    for (let round = 0; round < 100; round++) {
      const blocks = Array.from({ length: 4 }, (_, i) => ({
        a: [i + random.fraction(), i + random.fraction()],
        b: [i + random.fraction() + 0.3, i + random.fraction() + 0.3],
      }));
      const { low, high } = shift(blocks, 0.95);
      if (low <= 0.3 && 0.3 <= high) covered++;
    }
    expect(covered / 100).toBeGreaterThan(0.9);
  });
});

describe('the bootstrap', () => {
  it('finds the interval of a median, the same one for a seed', () => {
    const values = Array.from({ length: 101 }, (_, i) => i);
    const draw = (random: Random): number => median(values.map(() => random.pick(values)));
    const { low, high } = bootstrap(draw, { rounds: 1_000, confidence: 0.95, random: new Random('b') });
    // By order statistics the interval of the median of 101 is that between the 41st and the 61st.
    expect(Math.abs(low - 40)).toBeLessThanOrEqual(3);
    expect(Math.abs(high - 60)).toBeLessThanOrEqual(3);
    expect(bootstrap(draw, { rounds: 1_000, confidence: 0.95, random: new Random('b') })).toEqual({ low, high });
  });
});

describe('the interval of a share', () => {
  it.each([
    [0, 200, 0, 0.018275340355148807],
    [3, 200, 0.003104107621555085, 0.043208281917709784],
    [4, 200, 0.005475565879556446, 0.050413609089896255],
    [18, 20, 0.6830172859809209, 0.9876514728297041],
    [20, 20, 0.8315665290169145, 1],
    [7, 40, 0.07338272935208498, 0.32779013336159446],
  ])('is exact: %i of %i', (hits, of, low, high) => {
    const interval = shareInterval(hits, of);
    expect(interval.low).toBeCloseTo(low, 9);
    expect(interval.high).toBeCloseTo(high, 9);
  });
});

describe('arithmetic', () => {
  it('has logarithm, exponential and power', () => {
    for (const x of [1e-300, 1e-9, 0.1, 0.5, 1, 1.5, 2, 10, 12345.678, 1e300]) {
      expect(exp(ln(x)) / x).toBeCloseTo(1, 11);
    }
    expect(ln(10)).toBeCloseTo(2.302585092994046, 14);
    expect(exp(1)).toBeCloseTo(2.718281828459045, 14);
    expect(power(2, 0.5)).toBeCloseTo(Math.SQRT2, 14);
    expect([ln(0), exp(-1e9), exp(1e9)]).toEqual([-Infinity, 0, Infinity]);
  });

  it.each([
    [0.5, 0.3085375387259869],
    [1.96, 0.024997895148220435],
    [3.9, 4.8096344017602614e-5],
    [4.1, 2.0657506912546717e-5],
    [6, 9.865876450376946e-10],
    [10, 7.61985302416047e-24],
  ])('has the tail of the normal distribution above %d', (z, share) => {
    expect(normalTail(z) / share).toBeCloseTo(1, 9);
    expect(normalTail(-z)).toBeCloseTo(1 - share, 14);
    expect(normalAbove(share)).toBeCloseTo(z, 6);
  });
});
