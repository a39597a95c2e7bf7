import { invariant, violated } from './invariant.ts';
import type { Entry } from './types.ts';

/** The log in memory. Indices begin at 1; index 0, term 0 is the place before the first entry. */
export class Log {
  readonly #entries: Entry[];

  constructor(entries: readonly Entry[]) {
    this.#entries = entries.slice();
    for (let i = 0; i < entries.length; i++) {
      if (entries[i].index !== i + 1) violated(`entry ${entries[i].index} found at place ${i + 1} of the log`);
    }
  }

  get lastIndex(): number {
    return this.#entries.length;
  }

  get lastTerm(): number {
    const length = this.#entries.length;
    return length === 0 ? 0 : this.#entries[length - 1].term;
  }

  /** Term of the entry at `index`; undefined where the log has none. */
  termAt(index: number): number | undefined {
    if (index === 0) return 0;
    return this.#entries[index - 1]?.term;
  }

  at(index: number): Entry {
    const entry = this.#entries[index - 1];
    invariant(entry !== undefined, `no entry ${index} in a log of ${this.#entries.length}`);
    return entry;
  }

  append(entry: Entry): void {
    if (entry.index !== this.#entries.length + 1) violated(`entry ${entry.index} after entry ${this.#entries.length}`);
    this.#entries.push(entry);
  }

  /** Removes the entries from `index` on and returns them. */
  truncateFrom(index: number): Entry[] {
    return this.#entries.splice(index - 1);
  }

  /** Entries `from` … `to`, both included. */
  slice(from: number, to: number): Entry[] {
    return this.#entries.slice(from - 1, to);
  }

  /**
   * Highest index up to `index` whose term is at most `term`. Terms never fall along a log, so two logs cannot agree at
   * a place above it: one step of backtracking passes a whole term (Ongaro & Ousterhout 2014, end of 5.3).
   */
  lastNotAbove(index: number, term: number): number {
    let i = Math.min(index, this.#entries.length);
    while (i > 0 && this.#entries[i - 1].term > term) i--;
    return i;
  }

  /** Whether a log that ends at (term, index) has at least what this one has, as votes judge it (5.4.1). */
  isCoveredBy(index: number, term: number): boolean {
    return term > this.lastTerm || (term === this.lastTerm && index >= this.lastIndex);
  }
}
