import { violated } from './invariant.ts';
import type { Entry, Key, Snapshot, StoredValue, Token, Value } from './types.ts';

/** One value of one key, and the entry that made it. */
export interface Version {
  readonly term: number;
  readonly index: number;
  readonly value: Value;
  /** What its writer had seen of other groups. */
  readonly after: Token | undefined;
  /** What the key held before; cut off once this version is committed. */
  previous: Version | undefined;
}

/** Equality of values: that of their JSON texts. */
export function sameValue(a: Value, b: Value): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  return JSON.stringify(a) === JSON.stringify(b);
}

/** A committed state that somebody reads while the state goes on. */
interface Pin {
  readonly index: number;
  /** What was overwritten since: the version at the pin, by the committed version that now stands for its key. */
  readonly kept: Map<Version, Version>;
}

/** The committed values as they were when the image was taken, in portions. */
export interface Image {
  /** At most so many values; undefined at the end. */
  next(most: number): StoredValue[] | undefined;
  release(): void;
}

/**
 * The state machine, with several versions above the commit index: the newest version of a key is what the whole log
 * says (`local`), the newest one at or below the commit index is what is committed (`committed`). An entry is applied
 * when it enters the log, and undone in constant time when it is truncated. A cas looks at the whole log before it, so
 * it decides alike on every replica whose log has that prefix.
 */
export class State {
  #newest = new Map<Key, Version>();
  /** What each entry above the commit index made; undefined for a noop and for a cas that did not match. */
  #made: (Version | undefined)[] = [];
  /** Their stamps, at the same places. */
  #stamps: (number | undefined)[] = [];
  /** Entries of `#made` before this one are committed. */
  #head = 0;
  #committed = 0;
  #stampMs: number | undefined;
  #pins: Pin[] = [];

  get committedIndex(): number {
    return this.#committed;
  }

  get lastIndex(): number {
    return this.#committed + this.#made.length - this.#head;
  }

  /** Stamp of the last committed entry that has one, ms. */
  get stampMs(): number | undefined {
    return this.#stampMs;
  }

  /** How many versions are kept for images alone. */
  get versionsKept(): number {
    return this.#pins.reduce((sum, pin) => sum + pin.kept.size, 0);
  }

  /** Returns the version that the entry made, if it made one. */
  apply(entry: Entry): Version | undefined {
    if (entry.index !== this.lastIndex + 1) violated(`entry ${entry.index} applied to a state at ${this.lastIndex}`);
    const made = this.#make(entry);
    this.#made.push(made);
    this.#stamps.push(entry.stampMs);
    return made;
  }

  #make(entry: Entry): Version | undefined {
    const command = entry.command;
    if (command.type === 'noop' || command.type === 'members') return undefined;
    const previous = this.#newest.get(command.key);
    if (command.type === 'cas' && !sameValue(previous === undefined ? null : previous.value, command.expected)) {
      return undefined;
    }
    const value = command.type === 'cas' ? command.next : command.value;
    const version: Version = { term: entry.term, index: entry.index, value, after: entry.after, previous };
    this.#newest.set(command.key, version);
    return version;
  }

  /** Everything up to `index` is committed: older versions of what it overwrote are dropped. */
  commit(index: number): void {
    if (index < this.#committed || index > this.lastIndex) violated(`commit ${index} of a state at ${this.lastIndex}`);
    for (; this.#committed < index; this.#committed++) {
      const made = this.#made[this.#head];
      if (made?.previous !== undefined) {
        for (const pin of this.#pins) keep(pin, made, made.previous);
        made.previous = undefined;
      }
      const stampMs = this.#stamps[this.#head];
      if (stampMs !== undefined) this.#stampMs = stampMs;
      this.#made[this.#head++] = undefined;
    }
    if (this.#head > 1024 && this.#head * 2 > this.#made.length) {
      this.#made = this.#made.slice(this.#head);
      this.#stamps = this.#stamps.slice(this.#head);
      this.#head = 0;
    }
  }

  /**
   * Takes back the entries from the newest down to `index`, given in the order of the log. Returns what each of them had
   * replaced: a value, null for none, undefined where it replaced nothing.
   */
  undo(entries: readonly Entry[]): (Value | undefined)[] {
    const overwrote: (Value | undefined)[] = [];
    for (let i = entries.length - 1; i >= 0; i--) {
      const { index, command } = entries[i];
      if (index !== this.lastIndex || index <= this.#committed) {
        violated(`entry ${index} undone in a state at ${this.lastIndex}`);
      }
      const made = this.#made.pop();
      this.#stamps.pop();
      overwrote.push(made === undefined ? undefined : (made.previous?.value ?? null));
      if (made === undefined || command.type === 'noop' || command.type === 'members') continue;
      if (made.previous === undefined) this.#newest.delete(command.key);
      else this.#newest.set(command.key, made.previous);
    }
    return overwrote.reverse();
  }

  /** What the whole log says, uncommitted suffix included. */
  local(key: Key): Version | undefined {
    return this.#newest.get(key);
  }

  committed(key: Key): Version | undefined {
    return upTo(this.#newest.get(key), this.#committed);
  }

  /**
   * The committed values as they are now. Costs nothing to take; while it is held, each key that is overwritten keeps
   * one more version, and nothing is left of that after the release.
   */
  image(): Image {
    const pin: Pin = { index: this.#committed, kept: new Map() };
    this.#pins.push(pin);
    // A key that is committed never leaves its place in the map; one that comes later is above the pin.
    const keys = this.#newest.entries();
    let ended = false;
    return {
      next: (most) => {
        if (ended) return undefined;
        const values: StoredValue[] = [];
        while (values.length < most) {
          const next = keys.next();
          if (next.done === true) {
            ended = true;
            return values.length > 0 ? values : undefined;
          }
          const [key, newest] = next.value;
          const version = atPin(newest, pin);
          if (version !== undefined) values.push(stored(key, version));
        }
        return values;
      },
      release: () => {
        ended = true;
        pin.kept.clear();
        this.#pins = this.#pins.filter((other) => other !== pin);
      },
    };
  }

  /** Becomes the committed state of a snapshot. Images of what was before stay what they are. */
  load(snapshot: Snapshot): void {
    this.#begin(snapshot.index, snapshot.stampMs);
    for (const { key, term, index, value, after } of snapshot.values) {
      this.#newest.set(key, { term, index, value, after, previous: undefined });
    }
  }

  /** Becomes as `base` is, with these entries behind, the first ones committed up to `committed`. */
  rebuild(base: State, entries: readonly Entry[], committed: number): void {
    this.#begin(base.#committed, base.#stampMs);
    for (const [key, version] of base.#newest) this.#newest.set(key, { ...version });
    for (const entry of entries) this.apply(entry);
    this.commit(committed);
  }

  #begin(index: number, stampMs: number | undefined): void {
    // Whoever reads an image of the old state goes on reading the old map, which nobody changes any more.
    this.#newest = new Map();
    this.#pins = [];
    this.#made = [];
    this.#stamps = [];
    this.#head = 0;
    this.#committed = index;
    this.#stampMs = stampMs;
  }
}

function upTo(newest: Version | undefined, index: number): Version | undefined {
  let version = newest;
  while (version !== undefined && version.index > index) version = version.previous;
  return version;
}

/** `made` is being committed over `previous`, which is being forgotten. */
function keep(pin: Pin, made: Version, previous: Version): void {
  if (previous.index <= pin.index) {
    pin.kept.set(made, previous);
    return;
  }
  const version = pin.kept.get(previous);
  if (version === undefined) return;
  pin.kept.delete(previous);
  pin.kept.set(made, version);
}

/** The version that stood at the pin: in the chain still, or kept for its end. */
function atPin(newest: Version, pin: Pin): Version | undefined {
  for (let version: Version = newest; ; version = version.previous) {
    if (version.index <= pin.index) return version;
    if (version.previous === undefined) return pin.kept.get(version);
  }
}

function stored(key: Key, { term, index, value, after }: Version): StoredValue {
  return after === undefined ? { key, term, index, value } : { key, term, index, value, after };
}
