/**
 * Which write each read returned, and which of two writes is the older one.
 *
 * Versions are used where the store reports them, and values where it does not: a value that exactly one write of the key may have
 * written names its write. Versions are claims, held against one another (claims.ts); one that contradicts the values is not used.
 *
 * long because: which write a read returned hangs on values, versions and what null stands for at once.
 */
import { CAS, FAIL, type History, NEVER, NONE, NULL_REF, OK, READ, TRANSACTION } from '../../history/history.ts';
import type { Semantics } from '../checker.ts';
import { comparePlaces, type Places, termOf, versionsOf } from '../positions.ts';
import { WriteTable } from '../linearizable/write-table.ts';
import { Buckets } from './buckets.ts';
import { type FalseClaim, verify } from './claims.ts';
import { companionsOf } from './cas-reads.ts';
import { heldForNull } from './held.ts';
import { isAbovePosition } from './position-claims.ts';
import { sharedSecondVersions } from './second-versions.ts';
import { AMBIGUOUS, INITIAL, NOTHING, UNWRITTEN } from './sources.ts';

export { type RegisterValues, registerValues } from './held.ts';
export { AMBIGUOUS, INITIAL, NOTHING, UNWRITTEN } from './sources.ts';

/** Writes of one value to one key: rows plus one, 0: none. */
interface Alike {
  /** The next one, beginning with the first; otherwise in no order. */
  readonly next: Int32Array;
  /** For the first, the one that was invoked next. */
  readonly second: Int32Array;
}

interface Tables {
  /** The first write of each value to each key. */
  readonly byValue: WriteTable;
  readonly byVersion: Buckets;
  /** Keys that something other than read, write and cas was done to. */
  readonly otherKeys: Uint8Array;
  readonly isVersioned: boolean;
  /** Whether all writes that may have happened were acknowledged with a version. */
  readonly areAllVersioned: boolean;
}

/** What placing the writes found. */
interface Placed {
  /** Absent where no value was written twice to a key. */
  readonly alike: Alike | undefined;
  /** Whether no two writes were acknowledged with one version, as those of a transaction are. */
  readonly areVersionsOwn: boolean;
}

export class Registers {
  readonly history: History;
  /** For each row the write whose value an ok read returned, or one of the words above. */
  readonly source: Int32Array;
  /** For each write the event position by which it had certainly taken effect: it was acknowledged, or read. Or NEVER. */
  readonly done: Int32Array;
  /**
   * Versions of the writes: acknowledged with it, or said by a read that returned it. Other rows have no group; neither have those
   * that are contradicted.
   */
  readonly versions: Places;
  /** The same with those that nothing but time contradicts. */
  readonly timeless: Places;
  /** Whether any row has a version. */
  readonly isVersioned: boolean;
  /** Versions and positions that cannot all be true. */
  readonly falseClaims: readonly FalseClaim[];
  /** By row: 1 where the position of a read is contradicted. Absent where none is. */
  readonly doubtful: Uint8Array | undefined;
  /** By key: whether versions of different terms contradict time (claims.ts). Absent where they never do. */
  readonly crossed: Uint8Array | undefined;
  /** Whether versions and positions tell of one log that nobody ever changed (claims.ts). */
  readonly settled: boolean;
  /** Whether a read returned this write. */
  readonly seen: Uint8Array;

  /** Whether a read returned what was asked for only later. */
  hasEarly = false;
  /** Whether a read may have returned any of several writes. */
  hasAmbiguous = false;
  #hasUnwritten = false;
  readonly #claims: FalseClaim[] = [];
  /** Reads that showed a write with the version of another attempt. */
  readonly #seconds: number[] = [];
  /** References of what null stands for. */
  readonly #nullRead: number;
  readonly #nullWritten: number;
  readonly #companions: Uint8Array | undefined;
  /** Reference of what a register holds before the first write. */
  readonly #initial: number;
  readonly #anyNull: boolean;

  /** @param companions the rows that stand for what a cas found (cas-reads.ts) */
  constructor(history: History, semantics: Semantics, companions = companionsOf(history)) {
    const { length } = history;
    this.history = history;
    this.source = new Int32Array(length);
    this.done = new Int32Array(length);
    this.seen = new Uint8Array(length);
    const { nullRead, nullWritten } = heldForNull(history, semantics);
    this.#nullRead = nullRead;
    this.#nullWritten = nullWritten;
    this.#companions = companions;
    this.#initial = this.#written(history.values.intern(semantics.initial));
    this.#anyNull = semantics.nilRead === 'any';
    const tables = this.#tables();
    this.isVersioned = tables.isVersioned;
    this.versions = tables.isVersioned ? versionsOfWrites(history, tables) : versionsOf(history);
    this.#placeReads(tables, this.#placeWrites(tables));
    const { claims, timeless, doubtful, crossed, settled } = verify(this, this.#claims, tables.isVersioned);
    this.falseClaims = claims;
    this.timeless = timeless;
    this.doubtful = doubtful;
    this.crossed = crossed;
    this.settled = settled;
    if (this.isVersioned && claims.length > 0) this.#forgetVersions(semantics);
  }

  #tables(): Tables {
    const { f, outcome, key, keys, value, versionGroup, versionAt, groups, length } = this.history;
    const ofNull = this.#nullWritten;
    const writesOf = new Int32Array(keys.length);
    const lowest = new Int32Array(keys.length).fill(0x7fffffff);
    const highest = new Int32Array(keys.length).fill(-0x80000000);
    const otherKeys = new Uint8Array(keys.length);
    const byVersion = new Buckets(versionGroup.length, groups.length);
    let versioned = 0;
    let unversionedWrites = 0;
    for (let row = 0; row < length; row++) {
      if (versionGroup[row] !== NONE) {
        versioned++;
        byVersion.measure(versionGroup[row], versionAt[row]);
      }
      if (f[row] === READ) continue;
      if (f[row] > CAS) otherKeys[key[row]] = 1;
      else if (outcome[row] !== FAIL) {
        const k = key[row];
        const held = value[row] === NULL_REF ? ofNull : value[row];
        writesOf[k]++;
        if (held < lowest[k]) lowest[k] = held;
        if (held > highest[k]) highest[k] = held;
        if (outcome[row] !== OK || versionGroup[row] === NONE) unversionedWrites++;
      }
    }
    byVersion.ready();
    const byValue = new WriteTable(key, writesOf, lowest, highest);
    const isVersioned = versioned > 0;
    return { byValue, byVersion, otherKeys, isVersioned, areAllVersioned: unversionedWrites === 0 };
  }

  /** Whether a read returned what no write can have left. */
  get hasUnwritten(): boolean {
    return this.#hasUnwritten;
  }

  /** A read cannot have that source. */
  disown(read: number): void {
    this.source[read] = UNWRITTEN;
    this.#hasUnwritten = true;
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

  /** Whether versions of different terms contradict time in the key of a row. */
  isCrossed(row: number): boolean {
    return this.crossed !== undefined && this.crossed[this.history.key[row]] !== 0;
  }

  /** Whether two reads returned different values; null is none where it matches any. */
  differ(a: number, b: number): boolean {
    if (this.#saysNothing(a) || this.#saysNothing(b)) return false;
    return this.#shown(a) !== this.#shown(b);
  }

  /** Whether a read found null where that matches anything. */
  #saysNothing(read: number): boolean {
    return this.#anyNull && this.history.value[read] === NULL_REF && !this.#isSwap(read);
  }

  /** Whether a read stands for a cas that succeeded: it found what it says, null too. */
  #isSwap(read: number): boolean {
    return this.#companions?.[read] === 1 && this.history.outcome[read + 1] === OK;
  }

  /** What a read found. */
  #shown(read: number): number {
    const reference = this.history.value[read];
    if (reference !== NULL_REF) return reference;
    return this.#isSwap(read) ? this.#nullWritten : this.#nullRead;
  }

  #written(reference: number): number {
    return reference === NULL_REF ? this.#nullWritten : reference;
  }

  #placeWrites({ byValue, byVersion }: Tables): Placed {
    const { done, source } = this;
    const { batch, key, outcome, ret, flags, f, value, versionGroup, length } = this.history;
    const { group, at } = this.versions;
    const ofNull = this.#nullWritten;
    let alike: Alike | undefined;
    let areVersionsOwn = true;
    for (let row = 0; row < length; row++) {
      source[row] = NOTHING;
      done[row] = NEVER;
      if (f[row] === READ || f[row] > CAS || outcome[row] === FAIL) continue;
      const held = value[row] === NULL_REF ? ofNull : value[row];
      if (!byValue.add(key[row], held, row)) {
        alike ??= { next: new Int32Array(length), second: new Int32Array(length) };
        const same = byValue.get(key[row], held);
        if (alike.next[same] === 0) alike.second[same] = row + 1;
        alike.next[row] = alike.next[same];
        alike.next[same] = row + 1;
      }
      if (outcome[row] !== OK) continue;
      done[row] = ret[row];
      if (versionGroup[row] === NONE) continue;
      const holder = this.#holder(byVersion, row);
      group[row] = versionGroup[row];
      if (holder === NONE) {
        byVersion.put(versionGroup[row], at[row], row);
        continue;
      }
      areVersionsOwn = false;
      if ((flags[row] & TRANSACTION) === 0 || (key[row] === key[holder] && batch[row] !== batch[holder])) {
        this.#claims.push({ type: 'one version, two writes', rows: [holder, row] });
      }
    }
    return { alike, areVersionsOwn };
  }

  #placeReads(tables: Tables, placed: Placed): void {
    const { source, seen, done } = this;
    const { f, outcome, ret, call, key, value, versionGroup, versionHistory, versionAt, length } = this.history;
    const { otherKeys, byValue } = tables;
    const { group, history, at } = this.versions;
    const { alike, areVersionsOwn } = placed;
    const initial = this.#initial;
    for (let row = 0; row < length; row++) {
      if (f[row] !== READ || outcome[row] !== OK) continue;
      let write = AMBIGUOUS;
      if (otherKeys[key[row]] === 0) {
        if (this.#saysNothing(row)) write = NOTHING;
        else {
          const held = value[row] === NULL_REF ? this.#shown(row) : value[row];
          const first = byValue.get(key[row], held);
          // Where value and version name one write, and neither names another, there is nothing more to find out.
          const plain =
            first !== NONE &&
            held !== initial &&
            (alike === undefined || alike.next[first] === 0) &&
            (versionGroup[row] === NONE ||
              (areVersionsOwn &&
                group[first] === versionGroup[row] &&
                at[first] === versionAt[row] &&
                history[first] === versionHistory[row]));
          write = plain ? first : this.#sourceOf(row, first, placed, tables);
        }
      }
      source[row] = write;
      if (write < 0) {
        if (write === UNWRITTEN) this.#hasUnwritten = true;
        if (write === AMBIGUOUS) this.hasAmbiguous = true;
        continue;
      }
      seen[write] = 1;
      // A read from the future is another checker's business; here a write is never done before it was asked for.
      if (ret[row] < call[write]) this.hasEarly = true;
      const by = ret[row] > call[write] ? ret[row] : call[write];
      if (by < done[write]) done[write] = by;
    }
    const holderOf = (row: number): number => this.#holder(tables.byVersion, row);
    for (const claim of sharedSecondVersions(this.history, source, this.#seconds, holderOf)) this.#claims.push(claim);
  }

  /** Which write a read returned is told by values alone where versions contradict one another. */
  #forgetVersions(semantics: Semantics): void {
    const nobody = new Int32Array(this.history.length).fill(NONE);
    const unversioned = { ...this.history, versionGroup: nobody, positionGroup: nobody };
    const plain = new Registers(unversioned, semantics, this.#companions);
    this.source.set(plain.source);
    this.done.set(plain.done);
    this.seen.set(plain.seen);
    this.#hasUnwritten = plain.hasUnwritten;
  }

  #sourceOf(read: number, first: number, { alike }: Placed, { byVersion }: Tables): number {
    const { key, value, flags, versionGroup, call, ret } = this.history;
    const shown = this.#shown(read);
    const isVersioned = versionGroup[read] !== NONE && !isAbovePosition(this.history, read);
    const claimed = isVersioned ? this.#holder(byVersion, read) : NONE;
    if (claimed !== NONE) {
      const isSame = key[claimed] === key[read] && this.#written(value[claimed]) === shown;
      // Nobody is shown what is asked for only later, where something else can have been.
      if (isSame && (call[claimed] < ret[read] || call[first] > ret[read])) return claimed;
      // All writes of a transaction have one version, under which one of them is known.
      const own = (flags[claimed] & TRANSACTION) === 0 ? NONE : this.#ofVersion(read, first, alike);
      if (own !== NONE) return own;
      this.#claims.push({ type: 'version of another write', rows: [claimed, read] });
    }
    if (first === NONE) return shown === this.#initial ? INITIAL : UNWRITTEN;
    if (shown === this.#initial && call[first] > ret[read]) return INITIAL;
    const versioned = isVersioned && claimed === NONE;
    // What was asked for only after the answer cannot be what it showed, where something else can.
    const isOnly =
      alike === undefined ||
      alike.next[first] === 0 ||
      (call[first] < ret[read] && call[alike.second[first] - 1] > ret[read]);
    if (isOnly && (shown !== this.#initial || versioned)) {
      if (versioned && this.hasVersion(first)) {
        if (this.#mayBeTwice(first, read)) this.#seconds.push(read);
        else this.#claims.push({ type: 'two versions, one write', rows: [first, read] });
      } else if (versioned) this.#learn(first, read, byVersion);
      return first;
    }
    const unplaced = versioned ? this.#onlyUnplaced(read, first, alike) : NONE;
    if (unplaced === NONE) return AMBIGUOUS;
    this.#learn(unplaced, read, byVersion);
    return unplaced;
  }

  /**
   * Whether a write may have two versions. What a leader logged and lost its client may send again to the next one: until the first
   * is undone, whoever shows what is not committed shows it with the version of the older term.
   */
  #mayBeTwice(write: number, read: number): boolean {
    const { group, history } = this.versions;
    const { versionGroup, versionHistory, outcome } = this.history;
    const first = termOf(history[write]);
    const second = termOf(versionHistory[read]);
    if (group[write] !== versionGroup[read] || Number.isNaN(first - second) || first === second) return false;
    const isAcknowledged = outcome[write] === OK && versionGroup[write] !== NONE;
    return !isAcknowledged || second < first;
  }

  /** The first among the writes of one value that has the version which a read claims, or NONE. */
  #ofVersion(read: number, first: number, alike: Alike | undefined): number {
    const { group, history, at } = this.versions;
    const { versionGroup, versionHistory, versionAt } = this.history;
    for (let write = first; write !== NONE; write = after(alike, write)) {
      const isSame = at[write] === versionAt[read] && history[write] === versionHistory[read];
      if (isSame && group[write] === versionGroup[read]) return write;
    }
    return NONE;
  }

  /** The one write of this value, asked for before the answer, whose version nobody has said yet; NONE if there are several or none. */
  #onlyUnplaced(read: number, first: number, alike: Alike | undefined): number {
    const { call, ret } = this.history;
    let found = NONE;
    for (let write = first; write !== NONE; write = after(alike, write)) {
      if (this.hasVersion(write) || call[write] > ret[read]) continue;
      if (found !== NONE) return NONE;
      found = write;
    }
    return found;
  }

  #learn(write: number, read: number, byVersion: Buckets): void {
    this.#adopt(write, read);
    byVersion.put(this.history.versionGroup[read], this.history.versionAt[read], write);
  }

  #adopt(write: number, from: number): void {
    const { versions, history } = this;
    versions.group[write] = history.versionGroup[from];
    versions.history[write] = history.versionHistory[from];
    versions.at[write] = history.versionAt[from];
  }

  /** The write that holds the version that a row claims, or NONE. */
  #holder(byVersion: Buckets, row: number): number {
    const { group, history, at } = this.versions;
    const { versionGroup, versionHistory, versionAt } = this.history;
    let write = byVersion.first(versionGroup[row], versionAt[row]);
    while (
      write !== NONE &&
      (at[write] !== versionAt[row] || history[write] !== versionHistory[row] || group[write] !== versionGroup[row])
    ) {
      write = byVersion.next(write);
    }
    return write;
  }
}

/** The next write of the same value to the same key, or NONE. */
function after(alike: Alike | undefined, write: number): number {
  return alike === undefined ? NONE : alike.next[write] - 1;
}

/** The places with which rows were answered, without groups: those that count are named one by one. */
function versionsOfWrites(history: History, { areAllVersioned }: Tables): Places {
  const group = new Int32Array(history.length).fill(NONE);
  const { history: terms, at } = versionsOf(history);
  // Where none is to be learned, nothing is written into the others.
  return areAllVersioned ? { group, history: terms, at } : { group, history: terms.slice(), at: at.slice() };
}
