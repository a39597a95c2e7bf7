/**
 * The writes of a growing history: which of them a read returned, and which of two is certainly the older one. What `Registers` (in
 * sessions/) says of a whole history, as far as it can be known at the moment; where that is not sure to stay, nothing is said.
 *
 * Writes are numbered in the order of their invocation. Versions are claims: two that contradict each other are reported.
 */
import { entry, type Growing } from '../../history/growing.ts';
import { CAS, FAIL, NEVER, type Columns, NONE, NULL_REF, OK, READ, TRANSACTION } from '../../history/history.ts';
import type { Semantics } from '../checker.ts';
import { termOf } from '../positions.ts';
import { type RegisterValues, registerValues } from '../sessions/registers.ts';
import { mix } from '../sessions/row-table.ts';
import { widened } from './widened.ts';

/** What a read returned, if it was no write's value. */
export const INITIAL = -1;
/** Nothing that can be relied on. */
export const UNSURE = -2;

/** Per write, or per value of a key. */
const OPEN = 0;
const ENDED = 1; // acknowledged, or nobody will ever know
const REFUSED = 2;
const REPEATED = 4; // of the value's first write: there are others

/** What all who hear of the same writes have in common: their invocations and acknowledgements. Told of each as often as one likes. */
export class Writes {
  /** Key of the contradiction between versions that the last acknowledgement brought, or NONE. */
  contradicted = NONE;
  readonly #growing: Growing;
  readonly #values: RegisterValues;
  #count = 0;
  #lastInvoked: number = NONE;
  #lastEnded: number = NONE;
  #lastWrite: number = NONE;
  #row = new Int32Array(64);
  #state = new Uint8Array(64);
  /** Event by which it had certainly taken effect. */
  #done = new Int32Array(64);
  /** Row whose version is that of the write: its own, or that of a read which returned it. */
  #version = new Int32Array(64);
  /** For writes in the making: the acknowledged write of the highest place when it was invoked. */
  #highestThen = new Int32Array(64);
  #byValue = new Int32Array(128);
  #byVersion = new Int32Array(128);
  #versions = 0;
  /** Per key, plus one: the acknowledged write of the highest place so far. */
  #highest = new Int32Array(16);
  /** Per key: 1 once something else than read, write and cas was asked of it. */
  #foreign = new Uint8Array(16);

  constructor(growing: Growing, semantics: Semantics) {
    this.#growing = growing;
    this.#values = registerValues(growing, semantics);
  }

  /** Takes note of an invocation, and numbers it if it is a write. */
  invoked(row: number): void {
    if (row <= this.#lastInvoked) return;
    this.#lastInvoked = row;
    const { f, key } = this.#growing.columns;
    const k = key[row];
    if (k >= this.#highest.length) {
      this.#highest = widened(this.#highest, k);
      this.#foreign = widened(this.#foreign, k);
    }
    if (f[row] > CAS) this.#foreign[k] = 1;
    if (!this.isWrite(row)) return;
    const write = this.#count++;
    if (write === this.#row.length) this.#widen();
    this.#row[write] = row;
    this.#state[write] = OPEN;
    this.#done[write] = NEVER;
    this.#version[write] = NONE;
    this.#highestThen[write] = this.#highest[k] - 1;
    const slot = this.#valueSlot(row);
    const known = this.#byValue[slot] - 1;
    if (known === NONE || (this.#state[known] & (REFUSED | REPEATED)) === REFUSED) this.#byValue[slot] = write + 1;
    else this.#state[known] |= REPEATED;
  }

  isWrite(row: number): boolean {
    const { f } = this.#growing.columns;
    return f[row] !== READ && f[row] <= CAS;
  }

  /** The number of a write by its row. */
  #numberOf(row: number): number {
    let low = 0;
    let high = this.#count - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#row[middle] <= row) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** Takes note that a write has ended, and says which it is. */
  ended(row: number): number {
    if (row === this.#lastEnded) return this.#lastWrite;
    const write = this.#numberOf(row);
    this.#lastEnded = row;
    this.#lastWrite = write;
    this.contradicted = NONE;
    const { columns } = this.#growing;
    this.#state[write] |= columns.outcome[row] === FAIL ? REFUSED : ENDED;
    if (columns.outcome[row] !== OK) return write;
    this.#done[write] = columns.ret[row];
    if (entry(columns.versionGroup, row, NONE) === NONE) return write;
    const holder = this.holderOf(row);
    const isTransaction = (columns.flags[row] & TRANSACTION) !== 0;
    if (holder !== NONE && !isTransaction) this.contradicted = columns.key[row];
    this.#version[write] = row;
    if (holder === NONE) this.#putVersion(write);
    this.#place(write);
    return write;
  }

  /** Whether its fate may still change. */
  isOpen(write: number): boolean {
    return (this.#state[write] & (ENDED | REFUSED)) === 0;
  }

  isRepeated(write: number): boolean {
    return (this.#state[write] & REPEATED) !== 0;
  }

  wasRefused(write: number): boolean {
    return (this.#state[write] & REFUSED) !== 0;
  }

  rowOf(write: number): number {
    return this.#row[write];
  }

  /** Event by which it was acknowledged, or NEVER. */
  doneBy(write: number): number {
    return this.#done[write];
  }

  /** Row whose version is that of the write, which was acknowledged with it; or NONE. */
  versionOf(write: number): number {
    return this.#version[write];
  }

  isForeign(key: number): boolean {
    return this.#foreign[key] === 1;
  }

  /** The first write of the value that a row holds, or NONE: of those that were not refused, if there is one. */
  firstLike(row: number): number {
    return this.#byValue[this.#valueSlot(row)] - 1;
  }

  /** Whether a write is the only one of its value, and was not refused. */
  isOnly(write: number): boolean {
    return (this.#state[write] & (REFUSED | REPEATED)) === 0;
  }

  /** Whether asking for b asks for a too, by what was acknowledged alone. */
  implied(a: number, b: number): boolean {
    return isImplied(this.#growing.columns, this, a, b);
  }

  /** Within one term, what is written to a key after an acknowledgement has the higher place. */
  #place(write: number): void {
    const { columns } = this.#growing;
    const { versionHistory, key } = columns;
    const k = key[this.#row[write]];
    const then = this.#highestThen[write];
    const termAt = (one: number): number => versionHistory[this.#version[one]];
    if (
      then !== NONE &&
      termAt(then) === termAt(write) &&
      comparePlaces(columns, this.#version[write], this.#version[then]) < 0
    )
      this.contradicted = k;
    const best = this.#highest[k] - 1;
    if (
      best === NONE ||
      comparePlaces(columns, this.#version[write], this.#version[best]) > 0 ||
      Number.isNaN(termOf(termAt(best)))
    )
      this.#highest[k] = write + 1;
  }

  #valueSlot(row: number): number {
    const { f, key, value } = this.#growing.columns;
    const { read, written } = this.#values;
    const k = key[row];
    const held = f[row] === READ ? read(value[row]) : written(value[row]);
    const slots = this.#byValue;
    const mask = slots.length - 1;
    let at = mix(k, held) & mask;
    for (let write = slots[at] - 1; write !== NONE; write = slots[at] - 1) {
      const other = this.#row[write];
      if (key[other] === k && written(value[other]) === held) break;
      at = (at + 1) & mask;
    }
    return at;
  }

  /** The acknowledged write that holds the version which a row claims, or NONE. */
  holderOf(row: number): number {
    return this.#byVersion[this.#versionSlot(row)] - 1;
  }

  #versionSlot(row: number): number {
    const { versionGroup, versionHistory, versionAt } = this.#growing.columns;
    const slots = this.#byVersion;
    const mask = slots.length - 1;
    let at = mix(versionHistory[row] + versionGroup[row] * 7, versionAt[row] | 0) & mask;
    for (let write = slots[at] - 1; write !== NONE; write = slots[at] - 1) {
      if (sameVersion(this.#growing.columns, this.#version[write], row)) break;
      at = (at + 1) & mask;
    }
    return at;
  }

  #putVersion(write: number): void {
    if (++this.#versions * 2 > this.#byVersion.length) {
      const old = this.#byVersion;
      this.#byVersion = new Int32Array(old.length * 2);
      for (const entry of old) if (entry !== 0) this.#byVersion[this.#versionSlot(this.#version[entry - 1])] = entry;
    }
    this.#byVersion[this.#versionSlot(this.#version[write])] = write + 1;
  }

  #widen(): void {
    const length = this.#row.length * 2;
    this.#row = widened(this.#row, length - 1);
    this.#state = widened(this.#state, length - 1);
    this.#done = widened(this.#done, length - 1);
    this.#version = widened(this.#version, length - 1);
    this.#highestThen = widened(this.#highestThen, length - 1);
    const old = this.#byValue;
    this.#byValue = new Int32Array(length * 2);
    for (const entry of old) if (entry !== 0) this.#byValue[this.#valueSlot(this.#row[entry - 1])] = entry;
  }
}

/** When writes were certainly done and where they lie, as far as somebody knows. */
interface Known {
  rowOf(write: number): number;
  doneBy(write: number): number;
  versionOf(write: number): number;
}

function sameVersion({ versionGroup, versionHistory, versionAt }: Columns, a: number, b: number): boolean {
  return (
    versionAt[a] === versionAt[b] && versionHistory[a] === versionHistory[b] && versionGroup[a] === versionGroup[b]
  );
}

/** Below 0: the version of row a comes before that of row b. NaN: they do not say. */
function comparePlaces({ versionGroup, versionHistory, versionAt }: Columns, a: number, b: number): number {
  if (a === NONE || b === NONE || versionGroup[a] !== versionGroup[b]) return Number.NaN;
  if (versionHistory[a] === versionHistory[b]) return versionAt[a] - versionAt[b];
  return termOf(versionHistory[a]) - termOf(versionHistory[b]);
}

function isImplied(columns: Columns, known: Known, a: number, b: number): boolean {
  const { call } = columns;
  const version = known.versionOf(a);
  const order = comparePlaces(columns, version, known.versionOf(b));
  const precedes = known.doneBy(a) < call[known.rowOf(b)];
  if (order < 0) return precedes || call[known.rowOf(a)] <= call[known.rowOf(b)];
  return precedes && version === NONE;
}

/** What one reader knows beyond that: what its reads have shown. */
export class WriteBook {
  /** Set to the key of a contradiction between versions, when one is found; NONE otherwise. For the reader to reset. */
  contradicted = NONE;
  readonly writes: Writes;
  readonly #growing: Growing;
  readonly #values: RegisterValues;
  readonly #initial: number;
  readonly #anyNull: boolean;
  /** By write: the event by which a read had shown it before it was acknowledged, and the read that told its version. */
  readonly #shown = new Map<number, number>();
  readonly #learned = new Map<number, number>();
  /** Writes whose versions reads have told, by the number within the version. */
  readonly #byPlace = new Map<number, number[]>();

  constructor(growing: Growing, semantics: Semantics, writes: Writes) {
    this.writes = writes;
    this.#growing = growing;
    this.#values = registerValues(growing, semantics);
    this.#initial = this.#values.written(growing.values.intern(semantics.initial));
    this.#anyNull = semantics.nilRead === 'any';
  }

  /** Takes note that a write has ended, and says which it is. */
  ended(row: number): number {
    const write = this.writes.ended(row);
    if (this.writes.contradicted !== NONE) this.contradicted = this.writes.contradicted;
    if (this.#learned.size === 0 || this.writes.versionOf(write) !== row) return write;
    const { columns } = this.#growing;
    const isTransaction = (columns.flags[row] & TRANSACTION) !== 0;
    const learned = this.#learned.get(write);
    const wrong =
      learned === undefined ? !isTransaction && this.#learnedHolder(row) !== NONE : !sameVersion(columns, learned, row);
    if (wrong) this.contradicted = columns.key[row];
    this.#learned.delete(write);
    return write;
  }

  /** The write whose value a read returned that has just ended, or one of the words above. */
  sourceOf(read: number): number {
    const { columns } = this.#growing;
    const { writes } = this;
    const key = columns.key[read];
    if (writes.isForeign(key) || (this.#anyNull && columns.value[read] === NULL_REF)) return UNSURE;
    const shown = this.#values.read(columns.value[read]);
    const versioned = entry(columns.versionGroup, read, NONE) !== NONE;
    const claimed = versioned ? this.#holderOf(read) : NONE;
    if (claimed !== NONE) {
      const row = writes.rowOf(claimed);
      if (columns.key[row] === key && this.#values.written(columns.value[row]) === shown)
        return this.#showed(claimed, read);
      // A write that may still be refused has no place that others could claim.
      if (columns.outcome[row] === OK) this.contradicted = key;
      return UNSURE;
    }
    const first = writes.firstLike(read);
    const isRefused = first === NONE || (writes.wasRefused(first) && !writes.isRepeated(first));
    if (isRefused && shown === this.#initial) return INITIAL;
    if (first === NONE || !writes.isOnly(first) || shown === this.#initial) return UNSURE;
    if (versioned) {
      if (this.versionOf(first) !== NONE) {
        if (columns.outcome[writes.rowOf(first)] === OK) this.contradicted = key;
        return UNSURE;
      }
      this.#learned.set(first, read);
      const at = columns.versionAt[read];
      const others = this.#byPlace.get(at);
      if (others === undefined) this.#byPlace.set(at, [first]);
      else others.push(first);
    }
    return this.#showed(first, read);
  }

  /** Whether a (or INITIAL) is certainly older than b, in real time or by version. */
  older(a: number, b: number): boolean {
    if (a === INITIAL || this.doneBy(a) < this.#growing.columns.call[this.rowOf(b)]) return true;
    return comparePlaces(this.#growing.columns, this.versionOf(a), this.versionOf(b)) < 0;
  }

  /** Whether asking for b asks for a too. */
  implied(a: number, b: number): boolean {
    return isImplied(this.#growing.columns, this, a, b);
  }

  rowOf(write: number): number {
    return this.writes.rowOf(write);
  }

  doneBy(write: number): number {
    return (this.#shown.size === 0 ? undefined : this.#shown.get(write)) ?? this.writes.doneBy(write);
  }

  versionOf(write: number): number {
    const own = this.writes.versionOf(write);
    return own !== NONE || this.#learned.size === 0 ? own : (this.#learned.get(write) ?? NONE);
  }

  /** The write that holds the version which a row claims, or NONE. */
  #holderOf(row: number): number {
    const holder = this.writes.holderOf(row);
    return holder !== NONE || this.#learned.size === 0 ? holder : this.#learnedHolder(row);
  }

  /** Of the writes that were read before they were acknowledged, or that never were. */
  #learnedHolder(row: number): number {
    const { columns } = this.#growing;
    for (const write of this.#byPlace.get(columns.versionAt[row]) ?? []) {
      const read = this.#learned.get(write);
      if (read !== undefined && sameVersion(columns, read, row)) return write;
    }
    return NONE;
  }

  #showed(write: number, read: number): number {
    const { call, ret } = this.#growing.columns;
    if (this.doneBy(write) === NEVER) this.#shown.set(write, Math.max(ret[read], call[this.rowOf(write)]));
    return write;
  }
}
