/**
 * For each beginning of a list of writes, those of the highest versions in it: one of each order that its versions belong to. That is
 * one where places are numbered, and one for each replication id where they are not. Beginnings share what they have in common.
 */
import { doubled } from './pairs.ts';
import type { Registers } from './registers.ts';

export class HighestVersions {
  readonly #registers: Registers;
  /** For each place the first link of its beginning, plus one. */
  readonly #first: Int32Array;
  /** Of each link its place, the write there, and the next link, plus one. */
  #place = new Int32Array(64);
  #write = new Int32Array(64);
  #next = new Int32Array(64);
  #links = 0;
  /** First link of the list at hand, plus one. */
  #last = 0;

  constructor(registers: Registers, places: number) {
    this.#registers = registers;
    this.#first = new Int32Array(places);
  }

  /** The next place begins another list. */
  begin(): void {
    this.#last = 0;
  }

  push(place: number, write: number): void {
    const registers = this.#registers;
    if (registers.hasVersion(write)) {
      let same = this.#last;
      while (same !== 0 && Number.isNaN(registers.compare(this.#write[same - 1], write))) same = this.#next[same - 1];
      if (same === 0) this.#last = this.#link(place, write, this.#last);
      else if (registers.compare(this.#write[same - 1], write) < 0) {
        this.#last = this.#link(place, write, this.#without(same));
      }
    }
    this.#first[place] = this.#last;
  }

  /** The links of the beginning that ends at a place: the first one, or NONE; the others through `next`. */
  first(place: number): number {
    return this.#first[place] - 1;
  }

  next(link: number): number {
    return this.#next[link] - 1;
  }

  /** Where the write of a link lies. */
  place(link: number): number {
    return this.#place[link];
  }

  /** The list at hand without one of its links: what comes before that is copied. */
  #without(gone: number): number {
    let list = this.#next[gone - 1];
    for (let at = this.#last; at !== gone; at = this.#next[at - 1]) {
      list = this.#link(this.#place[at - 1], this.#write[at - 1], list);
    }
    return list;
  }

  #link(place: number, write: number, next: number): number {
    if (this.#links === this.#place.length) {
      this.#place = doubled(this.#place);
      this.#write = doubled(this.#write);
      this.#next = doubled(this.#next);
    }
    this.#place[this.#links] = place;
    this.#write[this.#links] = write;
    this.#next[this.#links] = next;
    return ++this.#links;
  }
}
