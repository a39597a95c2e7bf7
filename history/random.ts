/**
 * The one seeded source of randomness. Every part of a run draws from its own fork, named for what it decides, so that
 * one more draw in one part changes nothing in another.
 *
 * Only integer arithmetic and the four basic operations on doubles are used: IEEE 754 defines those to the bit, whereas
 * `Math.log`, `Math.pow` and `Math.exp` differ between engines and would break replay.
 */

/** FNV-1a over UTF-16 code units, finished with a mix so that near names give far seeds. */
function hash(text: string, seed: number): number {
  let h = seed ^ 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** Natural logarithm for 0 < x <= 1, from basic arithmetic only; relative error below 1e-12. */
function naturalLog(x: number): number {
  let halvings = 0;
  let m = x;
  while (m < 0.70710678118654752) {
    m *= 2;
    halvings++;
  }
  // ln m = 2 artanh((m-1)/(m+1)), |t| <= 0.1716: eleven terms reach double precision.
  const t = (m - 1) / (m + 1);
  const t2 = t * t;
  let term = t;
  let sum = 0;
  for (let k = 1; k < 23; k += 2) {
    sum += term / k;
    term *= t2;
  }
  return 2 * sum - halvings * 0.69314718055994531;
}

/** sfc32 (Chris Doty-Humphrey, PractRand): 128 bits of state, passes BigCrush. */
export class Random {
  readonly #name: string;
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: string | number) {
    this.#name = String(seed);
    this.#a = hash(this.#name, 1) | 0;
    this.#b = hash(this.#name, 2) | 0;
    this.#c = hash(this.#name, 3) | 0;
    for (let i = 0; i < 12; i++) this.u32();
  }

  /** An independent source. The same name from the same source always gives the same fork, whatever was drawn. */
  fork(name: string | number): Random {
    return new Random(`${this.#name}/${name}`);
  }

  /** Uniform in 0 … 2^32-1. */
  u32(): number {
    const t = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + t;
    this.#c |= 0;
    return t >>> 0;
  }

  /** Uniform integer in 0 … n-1, for 1 <= n <= 2^32; the bias is below n / 2^32. */
  below(n: number): number {
    return Math.floor((this.u32() / 4294967296) * n);
  }

  /** Uniform integer in low … high, both included. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  /** Uniform in [0, 1), 32 bits of it. */
  fraction(): number {
    return this.u32() / 4294967296;
  }

  chance(probability: number): boolean {
    return this.u32() < probability * 4294967296;
  }

  /** One of them; throws on an empty list. */
  pick<T>(items: readonly T[]): T {
    if (items.length === 0) throw new Error('pick from an empty list');
    return items[this.below(items.length)];
  }

  /** A shuffled copy (Fisher and Yates). */
  shuffle<T>(items: readonly T[]): T[] {
    const copy = [...items];
    for (let i = copy.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      const held = copy[i];
      copy[i] = copy[j];
      copy[j] = held;
    }
    return copy;
  }

  /** Exponentially distributed with this mean, rounded down to an integer. */
  exponential(mean: number): number {
    return Math.floor(-mean * naturalLog((this.u32() + 1) / 4294967296));
  }
}

/** Draws ranks 0 … n-1, either evenly or by Zipf's law with exponent 1 (weight of rank r: 1 / (r + 1)). */
export class Ranks {
  readonly #cumulative: Float64Array;

  constructor(n: number, distribution: 'uniform' | 'zipfian') {
    this.#cumulative = new Float64Array(n);
    let sum = 0;
    for (let r = 0; r < n; r++) {
      sum += distribution === 'uniform' ? 1 : 1 / (r + 1);
      this.#cumulative[r] = sum;
    }
  }

  draw(random: Random): number {
    const cumulative = this.#cumulative;
    const x = random.fraction() * cumulative[cumulative.length - 1];
    let low = 0;
    let high = cumulative.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (cumulative[middle] > x) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
