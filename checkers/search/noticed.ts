/**
 * Of objects that are cells: which operations that may be missing can make a difference to those that must stand. What left a value
 * that one of those found can, directly or by what it found itself; and where it is only known what a cell did not hold, all that left
 * anything else there. Any order still is one without the others: what each of those that must stand found was left by one that is kept.
 */
import type { Deeds } from './cells.ts';

export class Noticed {
  readonly #deeds: readonly Deeds[];
  /** By cell and value: those that leave it, as places among the rows. */
  readonly #leaving = new Map<number, Map<number, number[]>>();

  constructor(rows: ArrayLike<number>, deedsOf: (row: number) => Deeds) {
    this.#deeds = Array.from(rows, deedsOf);
    this.#deeds.forEach(({ leaves }, i) => {
      for (let at = 0; at < leaves.length; at += 2) {
        const [cell, value] = [leaves[at], leaves[at + 1]];
        let ofCell = this.#leaving.get(cell);
        if (ofCell === undefined) this.#leaving.set(cell, (ofCell = new Map<number, number[]>()));
        const known = ofCell.get(value);
        if (known === undefined) ofCell.set(value, [i]);
        else known.push(i);
      }
    });
  }

  /** Those that must stand (`spared` is 0), and all that matters to them; places among the rows, ascending. */
  by(spared: ArrayLike<number>): number[] {
    const kept = new Set<number>();
    for (let i = 0; i < spared.length; i++) if (spared[i] === 0) kept.add(i);
    // A set grows while it is gone through.
    for (const i of kept) for (const writer of this.writersFor(i)) kept.add(writer);
    return [...kept].sort((a, b) => a - b);
  }

  /** Those that left what this one found, or something else than what it did not. */
  *writersFor(i: number): Iterable<number> {
    const { finds, denies = [] } = this.#deeds[i];
    for (let at = 0; at < finds.length; at += 2) {
      for (const writer of this.#leaving.get(finds[at])?.get(finds[at + 1]) ?? []) if (writer !== i) yield writer;
    }
    for (let at = 0; at < denies.length; at += 2) {
      for (const [value, writers] of this.#leaving.get(denies[at]) ?? []) if (value !== denies[at + 1]) yield* writers;
    }
  }
}
