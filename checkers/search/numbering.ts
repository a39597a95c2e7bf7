/** Small numbers 0, 1, 2 … for references, so that they can be places in an array. */
export class Numbering {
  readonly #sorted: Int32Array;
  /** Number plus one of each reference from the lowest on, where they lie close together; otherwise empty. */
  readonly #direct: Int32Array;

  /** @param references in any order, with repetitions */
  constructor(references: readonly number[]) {
    const sorted = Int32Array.from(references).sort();
    let count = 0;
    for (let i = 0; i < sorted.length; i++) if (i === 0 || sorted[i] !== sorted[i - 1]) sorted[count++] = sorted[i];
    this.#sorted = sorted.slice(0, count);
    const span = count === 0 ? 0 : sorted[count - 1] - sorted[0] + 1;
    this.#direct = new Int32Array(span <= 8 * count ? span : 0);
    if (this.#direct.length > 0) for (let n = 0; n < count; n++) this.#direct[sorted[n] - sorted[0]] = n + 1;
  }

  get count(): number {
    return this.#sorted.length;
  }

  reference(number: number): number {
    return this.#sorted[number];
  }

  /** The number of the reference; -1 for one that was not given. */
  of(reference: number): number {
    const sorted = this.#sorted;
    if (this.#direct.length > 0) {
      const at = reference - sorted[0];
      return at >= 0 && at < this.#direct.length ? this.#direct[at] - 1 : -1;
    }
    let low = 0;
    let high = sorted.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      if (sorted[middle] === reference) return middle;
      if (sorted[middle] < reference) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }
}
