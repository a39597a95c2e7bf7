/**
 * What the log on disk says of one group: kept while it is written, and made again from the items when it is read.
 *
 * The newest image is a floor: what lies at or below it is committed, and a write that speaks of it changes nothing.
 */
import type { Entry, GroupId, NodeId, Position, TermStart } from '../../core/types.ts';
import type { LoggedImage, LoggedState } from './items.ts';

/** What a write does to the log of its group. */
export interface Change {
  readonly term?: number;
  readonly votedFor?: NodeId | null;
  readonly snapshot?: Position;
  readonly truncateFrom?: number;
  readonly entries?: readonly Entry[];
}

/** So many images are kept: one more than needed, for when the newest turns out to be damaged. */
const IMAGES_KEPT = 2;

export class GroupLog {
  readonly group: GroupId;
  term = 0;
  votedFor: NodeId | null = null;
  last = 0;
  /** Where terms begin, from the one that covers the floor on. */
  #terms: TermStart[] = [];
  #images: Position[] = [];

  constructor(group: GroupId) {
    this.group = group;
  }

  /** Oldest first. */
  get images(): readonly Position[] {
    return this.#images;
  }

  get floor(): number {
    return this.#images.at(-1)?.index ?? 0;
  }

  get state(): LoggedState {
    const { group, term, votedFor, last } = this;
    return { type: 'state', group, term, votedFor, last, terms: this.#terms, images: this.#images };
  }

  set state(state: LoggedState) {
    this.term = state.term;
    this.votedFor = state.votedFor;
    this.last = state.last;
    this.#terms = [...state.terms];
    this.#images = [...state.images];
  }

  /** Says why the write cannot follow what is there, or undefined. */
  unfit(write: Change): string | undefined {
    if (write.term !== undefined && write.term < this.term) return `term ${write.term} comes after term ${this.term}`;
    const from = write.truncateFrom ?? Number.POSITIVE_INFINITY;
    const last = write.snapshot?.index ?? Math.max(this.floor, Math.min(this.last, from - 1));
    const first = write.entries?.[0]?.index ?? last + 1;
    if (first > last + 1) return `entry ${first} comes after entry ${last}`;
    if (first < last + 1 && first > this.floor) return `entry ${first} comes again after entry ${last}`;
    return undefined;
  }

  /** The first index that the write replaces, removes or adds; what lies before it stays. */
  write(write: Change): number {
    if (write.term !== undefined) this.term = write.term;
    if (write.votedFor !== undefined) this.votedFor = write.votedFor;
    let from = this.last + 1;
    if (write.snapshot !== undefined) {
      from = 0;
      this.#begin(write.snapshot, []);
    }
    if (write.truncateFrom !== undefined && write.truncateFrom <= this.last) {
      this.last = Math.max(this.floor, write.truncateFrom - 1);
      from = Math.min(from, this.last + 1);
      while (this.#terms.length > 0 && this.#terms[this.#terms.length - 1].index > this.last) this.#terms.pop();
    }
    for (const entry of write.entries ?? []) this.#append(entry);
    return from;
  }

  /** Whether the log holds the image's place, and so may go on behind it. */
  holds(image: Position): boolean {
    return image.index <= this.last && this.#termAt(image.index) === image.term;
  }

  image(image: Omit<LoggedImage, 'type' | 'group'>): void {
    const position: Position = { term: image.term, index: image.index };
    if (image.reset) {
      this.#begin(position, this.#images);
      return;
    }
    this.#images = [...this.#images, position].slice(-IMAGES_KEPT);
    const later = this.#terms.filter((start) => start.index > position.index);
    this.#terms = [position, ...later];
  }

  /** The log goes on behind `image`, whatever it held. */
  #begin(image: Position, before: readonly Position[]): void {
    this.#images = [...before, { term: image.term, index: image.index }].slice(-IMAGES_KEPT);
    this.#terms = [{ term: image.term, index: image.index }];
    this.last = image.index;
  }

  #append(entry: Entry): void {
    if (entry.index <= this.last) return;
    this.last = entry.index;
    if (this.#terms.at(-1)?.term !== entry.term) this.#terms.push({ term: entry.term, index: entry.index });
  }

  #termAt(index: number): number | undefined {
    return this.#terms.findLast((start) => start.index <= index)?.term;
  }
}
