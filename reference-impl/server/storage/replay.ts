/** The items of the log, applied one after another: what it says of each group, with the entries. */
import type { Entry, GroupId } from '../../core/types.ts';
import { GroupLog } from './group-log.ts';
import type { Item, LoggedImage, LoggedState, LoggedWrite } from './items.ts';
import type { Segment } from './segment.ts';

/** Of one group. */
export class Replayed {
  readonly log: GroupLog;
  /** From `first` on, without a gap. */
  #entries: Entry[] = [];
  #first = 1;
  #begun = false;

  constructor(group: GroupId) {
    this.log = new GroupLog(group);
  }

  /** The first index that is not gone with older segments or behind an older image; `log.last + 1` if there is none. */
  get first(): number {
    return this.#first;
  }

  /** From `index` on. */
  entriesFrom(index: number): readonly Entry[] {
    return index <= this.#first ? this.#entries : this.#entries.slice(index - this.#first);
  }

  /** Forgets all entries, because there is nothing left that they follow. */
  clear(): void {
    this.#entries = [];
    this.#first = this.log.last + 1;
  }

  /** Throws where the write does not follow what is there. Returns the first index that it changes. */
  write(write: LoggedWrite): number {
    const why = this.log.unfit(write);
    if (why !== undefined) throw new Error(why);
    this.#begun = true;
    const from = this.log.write(write);
    if (write.snapshot !== undefined) this.#restart(write.snapshot.index + 1);
    else this.#cut(from);
    for (const entry of write.entries) {
      if (entry.index >= this.#first + this.#entries.length) this.#entries.push(entry);
    }
    return from;
  }

  /** What a segment's beginning says goes: recovery may have changed it since the segment before. */
  state(state: LoggedState): void {
    if (this.#begun && state.last > this.log.last) {
      throw new Error(`entries ${this.log.last + 1} to ${state.last} of group ${state.group} are missing`);
    }
    if (this.#begun) this.#cut(state.last + 1);
    else this.#first = state.last + 1;
    this.#begun = true;
    this.log.state = state;
  }

  image(image: LoggedImage): void {
    this.log.image(image);
    if (image.reset) this.#restart(image.index + 1);
    // The newest one may turn out to be damaged: then the one before and the entries from there do.
    else if (this.log.images.length > 1) this.#forget(this.log.images[0].index);
  }

  #restart(first: number): void {
    this.#entries = [];
    this.#first = first;
  }

  #cut(from: number): void {
    if (from < this.#first) this.#restart(from);
    else if (from - this.#first < this.#entries.length) this.#entries.length = from - this.#first;
  }

  #forget(index: number): void {
    if (index < this.#first) return;
    this.#entries = this.#entries.slice(index + 1 - this.#first);
    this.#first = index + 1;
  }
}

export class Replay {
  readonly groups = new Map<GroupId, Replayed>();

  group(group: GroupId): Replayed {
    let replayed = this.groups.get(group);
    if (replayed === undefined) this.groups.set(group, (replayed = new Replayed(group)));
    return replayed;
  }

  /** Throws where the item does not follow what is there. `segments`: those read, the item's own last. */
  apply(item: Item, segments: readonly Segment[]): void {
    switch (item.type) {
      case 'write': {
        const replayed = this.group(item.group);
        const { last } = replayed.log;
        const from = replayed.write(item);
        if (from <= last) for (const segment of segments) segment.cut(item.group, from);
        if (item.entries.length > 0) segments.at(-1)?.holds(item.group, replayed.log.last);
        return;
      }
      case 'state':
        this.group(item.group).state(item);
        for (const segment of segments) segment.cut(item.group, item.last + 1);
        return;
      case 'image':
        this.group(item.group).image(item);
        if (item.reset) for (const segment of segments) segment.cut(item.group, item.index + 1);
        return;
      case 'end':
      case 'note':
        return;
    }
  }
}
