/**
 * YCSB's distributions of keys (B. F. Cooper et al., "Benchmarking Cloud Serving Systems with YCSB", SoCC 2010), by its own
 * formulas, so that a mix here asks for keys as often as YCSB's does:
 *
 * - zipfian: ranks by the method of J. Gray et al. ("Quickly Generating Billion-Record Synthetic Databases", SIGMOD 1994),
 *   exponent 0.99, of 10^10 items; scattered over the records by FNV-1a (YCSB's ScrambledZipfianGenerator);
 * - latest: the newest record is the most popular one, the one before it the next (SkewedLatestGenerator);
 * - uniform.
 */
import type { Random } from '../../history/random.ts';
import { power } from '../../results/arithmetic.ts';

export const distributions = ['zipfian', 'latest', 'uniform'] as const;
export type Distribution = (typeof distributions)[number];

/** YCSB's ZIPFIAN_CONSTANT. */
const THETA = 0.99;
/** ScrambledZipfianGenerator's ITEM_COUNT, and zeta of so many: a sum that takes too long to be made each time. */
const SCRAMBLED_ITEMS = 10_000_000_000;
const SCRAMBLED_ZETA = 26.46902820178302;

/** Sum of 1 / i^0.99 for i from 1 to n. */
export class Zeta {
  #n = 0;
  #sum = 0;

  /** For n that mostly grow: what was summed is kept. */
  of(n: number): number {
    if (n < this.#n) [this.#n, this.#sum] = [0, 0];
    while (this.#n < n) this.#sum += 1 / power(++this.#n, THETA);
    return this.#sum;
  }
}

const ALPHA = 1 / (1 - THETA);
const ZETA_2 = 1 + 1 / power(2, THETA);
const HALF_TO_THETA = power(0.5, THETA);

/** A rank from 0 to n - 1, 0 the most frequent: Gray's formula, as ZipfianGenerator.nextLong has it. `zeta` is that of n. */
export function zipfianRank(n: number, zeta: number, u: number): number {
  const uz = u * zeta;
  if (uz < 1 || n === 1) return 0;
  if (uz < 1 + HALF_TO_THETA) return 1;
  const eta = (1 - power(2 / n, 1 - THETA)) / (1 - ZETA_2 / zeta);
  return Math.min(n - 1, Math.floor(n * power(eta * u - eta + 1, ALPHA)));
}

/** Uniform in [0, 1), with 53 bits: 32 are too few to name 10^10 items. */
function fine(random: Random): number {
  return (random.u32() * 2_097_152 + (random.u32() >>> 11)) / 9_007_199_254_740_992;
}

const OFFSET = 0xcbf29ce484222325n;
const PRIME = 0x100000001b3n;

/** FNV-1a over the eight bytes of a number, lowest first, made positive: YCSB's Utils.fnvhash64. */
export function fnvHash64(value: number): bigint {
  let hash = OFFSET;
  let rest = BigInt(value);
  for (let i = 0; i < 8; i++) {
    hash = BigInt.asUintN(64, (hash ^ (rest & 0xffn)) * PRIME);
    rest >>= 8n;
  }
  const signed = BigInt.asIntN(64, hash);
  return signed < 0n ? -signed : signed;
}

/** Draws numbers of records, of which there are `records` (at least one) at the moment. */
export class Keys {
  readonly #distribution: Distribution;
  readonly #zeta: Zeta;

  /** `zeta` may be shared among those that draw from the same records. */
  constructor(distribution: Distribution, zeta: Zeta = new Zeta()) {
    this.#distribution = distribution;
    this.#zeta = zeta;
  }

  draw(random: Random, records: number): number {
    switch (this.#distribution) {
      case 'uniform':
        return random.below(records);
      case 'latest':
        return records - 1 - zipfianRank(records, this.#zeta.of(records), fine(random));
      case 'zipfian':
        return Number(fnvHash64(zipfianRank(SCRAMBLED_ITEMS, SCRAMBLED_ZETA, fine(random))) % BigInt(records));
    }
  }
}
