/** What each row of a history of registers needs, denies and leaves, as numbers of pairs of key and value, and how much of each is to come. */
import { NONE } from '../../history/history.ts';
import type { Units } from '../causal/units.ts';
import { DENIES, found, READS, reference, SWAPS, WRITES } from '../linearizable/register.ts';

export class Demands {
  /** Per row: the pair that it must find, that it must not find, that it leaves; NONE for none. */
  readonly needs: Int32Array;
  readonly denies: Int32Array;
  readonly leaves: Int32Array;
  /** Per row that leaves a pair: the one before it. */
  readonly replaced: Int32Array;
  /** Per key: the pair that it holds. */
  readonly held: Int32Array;
  /** Per key: failed cas to come that do not say what they found. */
  readonly denials: Int32Array;
  /** Per pair: rows to come that must find it, that must or may, and that leave it. */
  readonly must: Int32Array;
  readonly left: Int32Array;
  readonly writers: Int32Array;
  readonly #key: Int32Array;

  /** @param rows those that count */
  constructor({ history, reading, deeds }: Units, rows: readonly number[]) {
    const { length, key, value, expected } = history;
    this.needs = new Int32Array(length).fill(NONE);
    this.denies = new Int32Array(length).fill(NONE);
    this.leaves = new Int32Array(length).fill(NONE);
    this.replaced = new Int32Array(length);
    // Keys are numbered anew: those of other rows are no part of a state.
    this.#key = new Int32Array(length);
    const keys = new Map<number, number>();
    const pairs = new Map<number, number>();
    const pair = (row: number, ref: number): number => {
      const at = this.#key[row] * 2 ** 32 + (ref >>> 0);
      const known = pairs.get(at) ?? pairs.size;
      pairs.set(at, known);
      return known;
    };
    const initials: number[] = [];
    for (const row of rows) {
      const known = keys.get(key[row]) ?? keys.size;
      this.#key[row] = known;
      if (known === keys.size) {
        keys.set(key[row], known);
        initials.push(pair(row, reading.initial));
      }
      const what = deeds[row];
      if (what === READS) this.needs[row] = pair(row, found(history, reading, row));
      if (what === SWAPS) this.needs[row] = pair(row, reference(reading, expected[row]));
      if (what === DENIES) this.denies[row] = pair(row, reference(reading, expected[row]));
      if (what === SWAPS || what === WRITES) this.leaves[row] = pair(row, reference(reading, value[row]));
    }
    this.held = Int32Array.from(initials);
    this.denials = new Int32Array(keys.size);
    this.must = new Int32Array(pairs.size);
    this.left = new Int32Array(pairs.size);
    this.writers = new Int32Array(pairs.size);
  }

  get keys(): number {
    return this.held.length;
  }

  readonly keyOf = (row: number): number => this.#key[row];

  count(row: number, isOptional: boolean, by: number): void {
    if (this.needs[row] !== NONE) {
      this.left[this.needs[row]] += by;
      if (!isOptional) this.must[this.needs[row]] += by;
    }
    if (this.leaves[row] !== NONE) this.writers[this.leaves[row]] += by;
    if (this.denies[row] !== NONE) this.denials[this.#key[row]] += by;
  }

  /** Whether a pair must still be found, and nothing leaves it any more. */
  isLost(pair: number): boolean {
    return this.must[pair] > 0 && this.writers[pair] === 0;
  }

  /** Whether something must be found that nothing leaves. */
  isHopeless(): boolean {
    const held = new Set(this.held);
    return this.must.some((count, pair) => count > 0 && this.writers[pair] === 0 && !held.has(pair));
  }
}
