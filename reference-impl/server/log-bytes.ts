/**
 * About how many bytes of entries one group's log holds, up to which place. Counted once, when entries are handed to the
 * disk; remembered only every so many bytes, so that what is remembered is small, and what is looked up nearly right.
 */
import { entryBytes } from '../core/entry-size.ts';
import type { DiskWrite, Entry } from '../core/types.ts';

/** All entries up to `index` together, since counting began. */
interface Mark {
  readonly index: number;
  readonly bytes: number;
}

export class LogBytes {
  readonly #grain: number;
  /** Ascending; the first one is where the count begins, or the last place that was forgotten. */
  #marks: Mark[];
  #last: number;
  #total = 0;

  /** `grain`: between two remembered places, bytes. */
  constructor(grain: number, index: number, entries: readonly Entry[]) {
    this.#grain = grain;
    this.#marks = [{ index, bytes: 0 }];
    this.#last = index;
    for (const entry of entries) if (entry.index > index) this.#add(entry);
  }

  /** Of all entries, since counting began; falls only where entries are undone. */
  get total(): number {
    return this.#total;
  }

  wrote({ snapshot, truncateFrom, entries }: DiskWrite): void {
    if (snapshot !== undefined) {
      this.#marks = [{ index: snapshot.index, bytes: this.#total }];
      this.#last = snapshot.index;
    }
    if (truncateFrom !== undefined) this.#cut(truncateFrom);
    if (entries !== undefined) for (const entry of entries) this.#add(entry);
  }

  #add(entry: Entry): void {
    this.#total += entryBytes(entry);
    this.#last = entry.index;
    if (this.#total - this.#marks[this.#marks.length - 1].bytes >= this.#grain) {
      this.#marks.push({ index: entry.index, bytes: this.#total });
    }
  }

  /** What lies between the last mark that stays and `from` is not counted any more: less than a grain. */
  #cut(from: number): void {
    if (from > this.#last) return;
    const marks = this.#marks;
    while (marks.length > 1 && marks[marks.length - 1].index >= from) marks.pop();
    this.#last = from - 1;
    this.#total = marks[marks.length - 1].bytes;
  }

  /** Of the entries up to `index`, since counting began. */
  upTo(index: number): number {
    return this.#marks[this.#atOrBelow(index)].bytes;
  }

  /** The lowest remembered place behind which the entries up to `index` take at most `bytes`. */
  behind(index: number, bytes: number): number {
    let i = this.#atOrBelow(index);
    const end = this.#marks[i].bytes;
    while (i > 0 && end - this.#marks[i - 1].bytes <= bytes) i--;
    return this.#marks[i].index;
  }

  /** Places below `index` are not asked for any more. */
  forget(index: number): void {
    const keep = this.#atOrBelow(index);
    if (keep > 0) this.#marks = this.#marks.slice(keep);
  }

  /** From the end: what is asked for is recent. The first mark where all are above. */
  #atOrBelow(index: number): number {
    let i = this.#marks.length - 1;
    while (i > 0 && this.#marks[i].index > index) i--;
    return i;
  }
}
