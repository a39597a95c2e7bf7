/** Small numbers 0, 1, 2 … for references, so that they can be places in an array. */
export class Numbering {
  readonly #sorted: Int32Array;

  /** @param references in any order, with repetitions */
  constructor(references: Iterable<number>) {
    const sorted = Int32Array.from(references).sort();
    let count = 0;
    for (let i = 0; i < sorted.length; i++) if (i === 0 || sorted[i] !== sorted[i - 1]) sorted[count++] = sorted[i];
    this.#sorted = sorted.slice(0, count);
  }

  get count(): number {
    return this.#sorted.length;
  }

  /** The number of the reference; -1 for one that was not given. */
  of(reference: number): number {
    const sorted = this.#sorted;
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
