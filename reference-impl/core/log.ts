import { invariant, violated } from './invariant.ts';
import type { Entry, Position, TermStart } from './types.ts';

/** Where a log begins in memory: what lies at or below it is compacted, and known by its terms only. */
export interface LogBase extends Position {
  readonly terms: readonly TermStart[];
}

export const NO_BASE: LogBase = { term: 0, index: 0, terms: [] };

/**
 * The log in memory. Indices begin at 1; index 0, term 0 is the place before the first entry. Entries up to `base` are
 * compacted away; the term of every place there ever was stays known, for it is kept by where each term begins.
 */
export class Log {
  #entries: Entry[];
  /** Index of the last compacted entry. */
  #base: number;
  /** Where each term begins, compacted places included; ascending. */
  readonly #terms: TermStart[];

  /** `entries` may begin anywhere up to the place after the base: what the base covers is left out. */
  constructor(entries: readonly Entry[], base: LogBase = NO_BASE) {
    this.#base = base.index;
    this.#terms = base.terms.slice();
    this.#entries = [];
    for (const entry of entriesBehind(base, entries)) this.append(entry);
  }

  /** Index of the last compacted entry; 0 when nothing was compacted. */
  get base(): number {
    return this.#base;
  }

  /** Index of the first entry in memory; one more than the last index when there is none. */
  get first(): number {
    return this.#base + 1;
  }

  get lastIndex(): number {
    return this.#base + this.#entries.length;
  }

  get lastTerm(): number {
    const length = this.#entries.length;
    return length === 0 ? this.#compactedTerm(this.#base) : this.#entries[length - 1].term;
  }

  /** Term of the entry at `index`, be it compacted; undefined where the log never reached. */
  termAt(index: number): number | undefined {
    if (index > this.#base) return this.#entries[index - this.#base - 1]?.term;
    return this.#compactedTerm(index);
  }

  #compactedTerm(index: number): number {
    return index === 0 ? 0 : (this.#terms[lastStartAt(this.#terms, index)]?.term ?? 0);
  }

  at(index: number): Entry {
    const entry = this.#entries[index - this.#base - 1];
    invariant(entry !== undefined, `no entry ${index} in a log of ${this.first} to ${this.lastIndex}`);
    return entry;
  }

  append(entry: Entry): void {
    if (entry.index !== this.lastIndex + 1) violated(`entry ${entry.index} after entry ${this.lastIndex}`);
    if (entry.term !== this.lastTerm) this.#terms.push({ term: entry.term, index: entry.index });
    this.#entries.push(entry);
  }

  /** Removes the entries from `index` on and returns them. */
  truncateFrom(index: number): Entry[] {
    if (index <= this.#base) violated(`truncation from ${index} of a log compacted up to ${this.#base}`);
    const terms = this.#terms;
    while (terms.length > 0 && terms[terms.length - 1].index >= index) terms.pop();
    return this.#entries.splice(index - this.#base - 1);
  }

  /** Entries `from` … `to`, both included. */
  slice(from: number, to: number): Entry[] {
    if (from <= this.#base) violated(`entries from ${from} of a log compacted up to ${this.#base}`);
    return this.#entries.slice(from - this.#base - 1, to - this.#base);
  }

  /** Forgets the entries up to `index` and returns them; their terms stay known. */
  compact(index: number): Entry[] {
    if (index <= this.#base) return [];
    if (index > this.lastIndex) violated(`compaction up to ${index} of a log up to ${this.lastIndex}`);
    const forgotten = this.#entries.slice(0, index - this.#base);
    this.#entries = this.#entries.slice(index - this.#base);
    this.#base = index;
    return forgotten;
  }

  /** Begins anew behind a snapshot; entries that follow it are gone too. */
  reset(base: LogBase): void {
    this.#entries = [];
    this.#base = base.index;
    this.#terms.length = 0;
    for (const start of base.terms) this.#terms.push(start);
  }

  /** Where each term begins, up to `index`. */
  termsUpTo(index: number): TermStart[] {
    return this.#terms.slice(0, lastStartAt(this.#terms, index) + 1);
  }

  /**
   * Highest index up to `index` whose term is at most `term`. Terms never fall along a log, so two logs cannot agree at
   * a place above it: one step of backtracking passes a whole term (Ongaro & Ousterhout 2014, end of 5.3).
   */
  lastNotAbove(index: number, term: number): number {
    const from = Math.min(index, this.lastIndex);
    let i = lastStartAt(this.#terms, from);
    if (i < 0 || this.#terms[i].term <= term) return from;
    while (i > 0 && this.#terms[i - 1].term > term) i--;
    return this.#terms[i].index - 1;
  }

  /** Highest index at which this log has the same entry as another one that ends at `other`. */
  lastCommon(other: LogBase): number {
    let index = Math.min(this.lastIndex, other.index);
    while (index > 0) {
      // Terms never fall along a log: the higher of two different ones is in the other log nowhere before its beginning.
      const ours = this.#terms[lastStartAt(this.#terms, index)];
      const theirs = other.terms[lastStartAt(other.terms, index)];
      if (ours?.term === theirs?.term) return index;
      index = ((ours?.term ?? 0) > (theirs?.term ?? 0) ? ours : theirs).index - 1;
    }
    return 0;
  }

  /** Whether a log that ends at (term, index) has at least what this one has, as votes judge it (5.4.1). */
  isCoveredBy(index: number, term: number): boolean {
    return term > this.lastTerm || (term === this.lastTerm && index >= this.lastIndex);
  }
}

/** The number of the last term that begins at or before `index`; -1 when none does. */
function lastStartAt(terms: readonly TermStart[], index: number): number {
  let low = 0;
  let high = terms.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (terms[middle].index <= index) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/**
 * What of a log on disk follows a snapshot. A log that does not reach the snapshot, or has another entry in its place, is
 * one that the snapshot was to replace: nothing of it counts any more.
 */
export function entriesBehind(base: Position, entries: readonly Entry[]): readonly Entry[] {
  if (base.index === 0 || entries.length === 0) return entries;
  const skip = base.index + 1 - entries[0].index;
  if (skip < 0) violated(`the log begins at ${entries[0].index}, its snapshot ends at ${base.index}`);
  if (skip === 0) return entries[0].term < base.term ? [] : entries;
  if (skip > entries.length || entries[skip - 1].term !== base.term) return [];
  return entries.slice(skip);
}
