/**
 * Which write each read returned, and which of two writes is the older one.
 *
 * Versions are used where the store reports them, and values where it does not: a value that exactly one write of the key
 * may have written names its write. Versions are claims, and are held against one another (claims.ts); a claim that
 * contradicts the values is not used.
 */
import { CAS, FAIL, type History, NEVER, NONE, NULL_REF, OK, READ, TRANSACTION } from '../../history/history.ts';
import type { Semantics } from '../checker.ts';
import { comparePlaces, type Places } from '../positions.ts';
import type { FalseClaim } from './claims.ts';
import { mix, RowTable } from './row-table.ts';

/** In place of the row of a write: what a read returned if it was no write's value. */
export const INITIAL = -1;
/** No write that may have happened wrote this value to this key. */
export const UNWRITTEN = -2;
/** Several writes wrote this value, and no version tells them apart. */
export const AMBIGUOUS = -3;
/** Not a read, or one that says nothing. */
export const NOTHING = -4;

/**
 * Reference to what a register holds, by the reference to a value in the history. Null stands for the initial value, written or
 * read, unless it matches any state; in the string model it is the empty string.
 */
export function registerValues(history: Pick<History, 'values'>, semantics: Semantics): (reference: number) => number {
  const initial = history.values.intern(semantics.initial);
  if (semantics.model === 'string') {
    const empty = history.values.intern('');
    return (reference) => (reference === NULL_REF ? empty : reference);
  }
  return semantics.nilRead === 'any'
    ? (reference) => reference
    : (reference) => (reference === NULL_REF ? initial : reference);
}

export class Registers {
  readonly history: History;
  /** For each row the write whose value an ok read returned, or one of the words above. */
  readonly source: Int32Array;
  /** For each write the event position by which it had certainly taken effect: it was acknowledged, or read. Or NEVER. */
  readonly done: Int32Array;
  /** Versions of the writes: acknowledged with it, or said by a read that returned it. */
  readonly versions: Places;
  readonly falseClaims: readonly FalseClaim[];
  /** Whether a read returned this write. */
  readonly seen: Uint8Array;

  readonly #claims: FalseClaim[] = [];
  readonly #held: (reference: number) => number;
  /** Reference of what a register holds before the first write. */
  readonly #initial: number;
  readonly #anyNull: boolean;
  /** Keys that something other than read, write and cas was done to. */
  readonly #otherKeys: Uint8Array;
  readonly #byValue: RowTable;
  /** The next write of the same value to the same key. */
  readonly #alike: Int32Array;
  readonly #byVersion: RowTable;

  constructor(history: History, semantics: Semantics) {
    const { length } = history;
    this.history = history;
    this.source = new Int32Array(length).fill(NOTHING);
    this.done = new Int32Array(length).fill(NEVER);
    this.seen = new Uint8Array(length);
    this.falseClaims = this.#claims;
    this.#held = registerValues(history, semantics);
    this.#initial = this.#held(history.values.intern(semantics.initial));
    this.#anyNull = semantics.nilRead === 'any';
    this.#otherKeys = new Uint8Array(history.keys.length);
    this.#alike = new Int32Array(length).fill(NONE);
    let writes = 0;
    for (let row = 0; row < length; row++) {
      if (history.f[row] > CAS) this.#otherKeys[history.key[row]] = 1;
      if (this.isWrite(row)) writes++;
    }
    this.#byValue = new RowTable(writes);
    this.#byVersion = new RowTable(writes);
    this.versions = {
      group: new Int32Array(length).fill(NONE),
      history: new Int32Array(length).fill(NONE),
      at: new Float64Array(length).fill(Number.NaN),
    };
    this.#placeWrites();
    this.#placeReads();
  }

  /** Whether the row is a write or cas that may have taken effect. */
  isWrite(row: number): boolean {
    const { f, outcome } = this.history;
    return f[row] !== READ && f[row] <= CAS && outcome[row] !== FAIL;
  }

  isAcknowledged(row: number): boolean {
    return this.isWrite(row) && this.history.outcome[row] === OK;
  }

  hasVersion(write: number): boolean {
    return write >= 0 && this.versions.group[write] !== NONE;
  }

  /** Below 0: write a comes before write b by their versions. NaN: versions do not say. */
  compare(a: number, b: number): number {
    return a < 0 || b < 0 ? Number.NaN : comparePlaces(this.versions, a, b);
  }

  /** Whether a had certainly taken effect before b was asked for. INITIAL comes before everything. */
  precedes(a: number, b: number): boolean {
    if (a === INITIAL) return b !== INITIAL;
    return a >= 0 && b >= 0 && this.done[a] < this.history.call[b];
  }

  /** Whether a write (or INITIAL) is strictly older than another write of the same key, by version or in real time. */
  older(a: number, b: number): boolean {
    return this.precedes(a, b) || this.compare(a, b) < 0;
  }

  /** Whether two reads returned different values; null is none where it matches any. */
  differ(a: number, b: number): boolean {
    const { value } = this.history;
    if (this.#anyNull && (value[a] === NULL_REF || value[b] === NULL_REF)) return false;
    return this.#held(value[a]) !== this.#held(value[b]);
  }

  #placeWrites(): void {
    const { history } = this;
    const { key, outcome, ret, flags } = history;
    for (let row = 0; row < history.length; row++) {
      if (!this.isWrite(row)) continue;
      const slot = this.#valueSlot(row);
      this.#alike[row] = this.#byValue.at(slot);
      this.#byValue.put(slot, row);
      if (outcome[row] !== OK) continue;
      this.done[row] = ret[row];
      if (history.versionGroup[row] === NONE) continue;
      const place = this.#versionSlot(row);
      const holder = this.#byVersion.at(place);
      if (holder === NONE) this.#byVersion.put(place, row);
      else if ((flags[row] & TRANSACTION) === 0 || key[row] === key[holder]) {
        this.#claims.push({ type: 'one version, two writes', rows: [holder, row] });
      }
      this.#adopt(row, row);
    }
  }

  #placeReads(): void {
    const { f, outcome, ret, call } = this.history;
    for (let row = 0; row < this.history.length; row++) {
      if (f[row] !== READ || outcome[row] !== OK) continue;
      const write = this.#sourceOf(row);
      this.source[row] = write;
      if (write < 0) continue;
      this.seen[write] = 1;
      // A read from the future is another checker's business; here a write is never done before it was asked for.
      this.done[write] = Math.min(this.done[write], Math.max(ret[row], call[write]));
    }
  }

  #sourceOf(read: number): number {
    const { history } = this;
    const { key, value, versionGroup } = history;
    if (this.#otherKeys[key[read]] === 1) return AMBIGUOUS;
    if (this.#anyNull && value[read] === NULL_REF) return NOTHING;
    const shown = this.#held(value[read]);
    const first = this.#byValue.at(this.#valueSlot(read));
    const claimed = versionGroup[read] === NONE ? NONE : this.#byVersion.at(this.#versionSlot(read));
    if (claimed !== NONE) {
      if (key[claimed] === key[read] && this.#held(value[claimed]) === shown) return claimed;
      this.#claims.push({ type: 'version of another write', rows: [claimed, read] });
    }
    if (first === NONE) return shown === this.#initial ? INITIAL : UNWRITTEN;
    const versioned = versionGroup[read] !== NONE && claimed === NONE;
    if (this.#alike[first] === NONE && (shown !== this.#initial || versioned)) {
      if (versioned && this.hasVersion(first))
        this.#claims.push({ type: 'two versions, one write', rows: [first, read] });
      else if (versioned) this.#learn(first, read);
      return first;
    }
    const unplaced = versioned ? this.#onlyUnplaced(first) : NONE;
    if (unplaced === NONE) return AMBIGUOUS;
    this.#learn(unplaced, read);
    return unplaced;
  }

  /** The one write of this value whose version nobody has said yet; NONE if there are several or none. */
  #onlyUnplaced(first: number): number {
    let found = NONE;
    for (let write = first; write !== NONE; write = this.#alike[write]) {
      if (this.hasVersion(write)) continue;
      if (found !== NONE) return NONE;
      found = write;
    }
    return found;
  }

  #learn(write: number, read: number): void {
    this.#adopt(write, read);
    this.#byVersion.put(this.#versionSlot(read), write);
  }

  #adopt(write: number, from: number): void {
    const { versions, history } = this;
    versions.group[write] = history.versionGroup[from];
    versions.history[write] = history.versionHistory[from];
    versions.at[write] = history.versionAt[from];
  }

  #valueSlot(row: number): number {
    const { key, value } = this.history;
    const held = this.#held(value[row]);
    return this.#byValue.slot(
      mix(key[row], held),
      (other) => key[other] === key[row] && this.#held(value[other]) === held,
    );
  }

  /** By the version that the row itself claims. */
  #versionSlot(row: number): number {
    const { versions } = this;
    const { versionGroup, versionHistory, versionAt } = this.history;
    const hash = mix(versionHistory[row] + versionGroup[row] * 7, versionAt[row] | 0);
    return this.#byVersion.slot(
      hash,
      (write) =>
        versions.at[write] === versionAt[row] &&
        versions.history[write] === versionHistory[row] &&
        versions.group[write] === versionGroup[row],
    );
  }
}
