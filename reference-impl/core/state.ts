import { violated } from './invariant.ts';
import type { Entry, Key, Value } from './types.ts';

/** One value of one key, and the entry that made it. */
export interface Version {
  readonly term: number;
  readonly index: number;
  readonly value: Value;
  /** What the key held before; cut off once this version is committed. */
  previous: Version | undefined;
}

/** Equality of values: that of their JSON texts. */
export function sameValue(a: Value, b: Value): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  return JSON.stringify(a) === JSON.stringify(b);
}

/**
 * The state machine, with several versions above the commit index: the newest version of a key is what the whole log
 * says (`local`), the newest one at or below the commit index is what is committed (`committed`). An entry is applied
 * when it enters the log, and undone in constant time when it is truncated. A cas looks at the whole log before it, so
 * it decides alike on every replica whose log has that prefix.
 */
export class State {
  readonly #newest = new Map<Key, Version>();
  /** What each entry above the commit index made; undefined for a noop and for a cas that did not match. */
  #made: (Version | undefined)[] = [];
  /** Entries of `#made` before this one are committed. */
  #head = 0;
  #committed = 0;

  get committedIndex(): number {
    return this.#committed;
  }

  get lastIndex(): number {
    return this.#committed + this.#made.length - this.#head;
  }

  /** Returns the version that the entry made, if it made one. */
  apply(entry: Entry): Version | undefined {
    if (entry.index !== this.lastIndex + 1) violated(`entry ${entry.index} applied to a state at ${this.lastIndex}`);
    const made = this.#make(entry);
    this.#made.push(made);
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
    const version: Version = { term: entry.term, index: entry.index, value, previous };
    this.#newest.set(command.key, version);
    return version;
  }

  /** Everything up to `index` is committed: older versions of what it overwrote are dropped. */
  commit(index: number): void {
    if (index < this.#committed || index > this.lastIndex) violated(`commit ${index} of a state at ${this.lastIndex}`);
    for (; this.#committed < index; this.#committed++) {
      const made = this.#made[this.#head];
      if (made !== undefined) made.previous = undefined;
      this.#made[this.#head++] = undefined;
    }
    if (this.#head > 1024 && this.#head * 2 > this.#made.length) {
      this.#made = this.#made.slice(this.#head);
      this.#head = 0;
    }
  }

  /** Takes back the entries from the newest down to `index`, given in the order of the log. */
  undo(entries: readonly Entry[]): void {
    for (let i = entries.length - 1; i >= 0; i--) {
      const { index, command } = entries[i];
      if (index !== this.lastIndex || index <= this.#committed) {
        violated(`entry ${index} undone in a state at ${this.lastIndex}`);
      }
      const made = this.#made.pop();
      if (made === undefined || command.type === 'noop' || command.type === 'members') continue;
      if (made.previous === undefined) this.#newest.delete(command.key);
      else this.#newest.set(command.key, made.previous);
    }
  }

  /** What the whole log says, uncommitted suffix included. */
  local(key: Key): Version | undefined {
    return this.#newest.get(key);
  }

  committed(key: Key): Version | undefined {
    let version = this.#newest.get(key);
    while (version !== undefined && version.index > this.#committed) version = version.previous;
    return version;
  }

  /** Throws the state away and makes it again from these entries, the first `committed` of them committed. */
  rebuild(entries: readonly Entry[], committed: number): void {
    this.#newest.clear();
    this.#made = [];
    this.#head = 0;
    this.#committed = 0;
    for (const entry of entries) this.apply(entry);
    this.commit(committed);
  }
}
