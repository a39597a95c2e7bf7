/**
 * The writes of a growing history: which of them a read returned, and which of two is certainly the older one. What `Registers` (in
 * sessions/) says of a whole history, as far as it can be known at the moment; where that is not sure to stay, nothing is said.
 *
 * Writes are numbered in the order of their invocation. Versions are claims: two that contradict each other are reported.
 */
import { entry, type Growing } from '../../history/growing.ts';
import { CAS, FAIL, NEVER, NONE, NULL_REF, OK, READ, TRANSACTION } from '../../history/history.ts';
import type { Semantics } from '../checker.ts';
import { termOf } from '../positions.ts';
import { registerValues } from '../sessions/registers.ts';
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

export class WriteBook {
  /** Set to the key of a contradiction between versions, when one is found; NONE otherwise. For the reader to reset. */
  contradicted = NONE;
  readonly #growing: Growing;
  readonly #held: (reference: number) => number;
  readonly #initial: number;
  readonly #anyNull: boolean;
  #count = 0;
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
    this.#held = registerValues(growing, semantics);
    this.#initial = this.#held(growing.values.intern(semantics.initial));
    this.#anyNull = semantics.nilRead === 'any';
  }

  /** Takes note of an invocation, and numbers it if it is a write. */
  invoked(row: number): void {
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
  numberOf(row: number): number {
    let low = 0;
    let high = this.#count - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#row[middle] <= row) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** Takes note that a write has ended. */
  ended(write: number): void {
    const { columns } = this.#growing;
    const row = this.#row[write];
    this.#state[write] |= columns.outcome[row] === FAIL ? REFUSED : ENDED;
    if (columns.outcome[row] !== OK) return;
    if (this.#done[write] === NEVER) this.#done[write] = columns.ret[row];
    if (entry(columns.versionGroup, row, NONE) === NONE) return;
    const holder = this.#holderOf(row);
    const learned = this.#version[write];
    const isTransaction = (columns.flags[row] & TRANSACTION) !== 0;
    if (
      (holder !== NONE && holder !== write && !isTransaction) ||
      (learned !== NONE && !this.#sameVersion(learned, row))
    )
      this.contradicted = columns.key[row];
    this.#version[write] = row;
    if (holder === NONE) this.#putVersion(write);
    this.#place(write);
  }

  /** The write whose value a read returned that has just ended, or one of the words above. */
  sourceOf(read: number): number {
    const { columns } = this.#growing;
    const key = columns.key[read];
    if (this.#foreign[key] === 1 || (this.#anyNull && columns.value[read] === NULL_REF)) return UNSURE;
    const shown = this.#held(columns.value[read]);
    const versioned = entry(columns.versionGroup, read, NONE) !== NONE;
    const claimed = versioned ? this.#holderOf(read) : NONE;
    if (claimed !== NONE) {
      const row = this.#row[claimed];
      if (columns.key[row] === key && this.#held(columns.value[row]) === shown) return this.#shown(claimed, read);
      // A write that may still be refused has no place that others could claim.
      if (columns.outcome[row] === OK) this.contradicted = key;
      return UNSURE;
    }
    const first = this.#byValue[this.#valueSlot(read)] - 1;
    const state = first === NONE ? REFUSED : this.#state[first] & (REFUSED | REPEATED);
    if (state === REFUSED && shown === this.#initial) return INITIAL;
    if (state !== 0 || shown === this.#initial) return UNSURE;
    if (versioned) {
      if (this.#version[first] !== NONE) {
        if (columns.outcome[this.#row[first]] === OK) this.contradicted = key;
        return UNSURE;
      }
      this.#version[first] = read;
      this.#putVersion(first);
    }
    return this.#shown(first, read);
  }

  /** Whether its fate may still change. */
  isOpen(write: number): boolean {
    return (this.#state[write] & (ENDED | REFUSED)) === 0;
  }

  wasRefused(write: number): boolean {
    return (this.#state[write] & REFUSED) !== 0;
  }

  /** Whether a (or INITIAL) is certainly older than b, in real time or by version. */
  older(a: number, b: number): boolean {
    return a === INITIAL || this.#precedes(a, b) || this.#compare(a, b) < 0;
  }

  /** Whether asking for b asks for a too. */
  implied(a: number, b: number): boolean {
    const { call } = this.#growing.columns;
    const order = this.#compare(a, b);
    if (order < 0) return this.#precedes(a, b) || call[this.#row[a]] <= call[this.#row[b]];
    return this.#precedes(a, b) && this.#version[a] === NONE;
  }

  #precedes(a: number, b: number): boolean {
    return this.#done[a] < this.#growing.columns.call[this.#row[b]];
  }

  /** Below 0: a comes before b by their versions. NaN: versions do not say. */
  #compare(a: number, b: number): number {
    const { versionGroup, versionHistory, versionAt } = this.#growing.columns;
    const one = this.#version[a];
    const other = this.#version[b];
    if (one === NONE || other === NONE || versionGroup[one] !== versionGroup[other]) return Number.NaN;
    if (versionHistory[one] === versionHistory[other]) return versionAt[one] - versionAt[other];
    return termOf(versionHistory[one]) - termOf(versionHistory[other]);
  }

  #shown(write: number, read: number): number {
    const { call, ret } = this.#growing.columns;
    if (this.#done[write] === NEVER) this.#done[write] = Math.max(ret[read], call[this.#row[write]]);
    return write;
  }

  /** Within one term, what is written to a key after an acknowledgement has the higher place. */
  #place(write: number): void {
    const { columns } = this.#growing;
    const { versionHistory, key } = columns;
    const k = key[this.#row[write]];
    const then = this.#highestThen[write];
    const termAt = (one: number): number => versionHistory[this.#version[one]];
    if (then !== NONE && termAt(then) === termAt(write) && this.#compare(write, then) < 0) this.contradicted = k;
    const best = this.#highest[k] - 1;
    if (best === NONE || this.#compare(write, best) > 0 || Number.isNaN(termOf(termAt(best))))
      this.#highest[k] = write + 1;
  }

  #valueSlot(row: number): number {
    const { key, value } = this.#growing.columns;
    const k = key[row];
    const held = this.#held(value[row]);
    const slots = this.#byValue;
    const mask = slots.length - 1;
    let at = mix(k, held) & mask;
    for (let write = slots[at] - 1; write !== NONE; write = slots[at] - 1) {
      const other = this.#row[write];
      if (key[other] === k && this.#held(value[other]) === held) break;
      at = (at + 1) & mask;
    }
    return at;
  }

  /** The write that holds the version which a row claims, or NONE. */
  #holderOf(row: number): number {
    return this.#byVersion[this.#versionSlot(row)] - 1;
  }

  #sameVersion(a: number, b: number): boolean {
    const { versionGroup, versionHistory, versionAt } = this.#growing.columns;
    return (
      versionAt[a] === versionAt[b] && versionHistory[a] === versionHistory[b] && versionGroup[a] === versionGroup[b]
    );
  }

  #versionSlot(row: number): number {
    const { versionGroup, versionHistory, versionAt } = this.#growing.columns;
    const slots = this.#byVersion;
    const mask = slots.length - 1;
    let at = mix(versionHistory[row] + versionGroup[row] * 7, versionAt[row] | 0) & mask;
    for (let write = slots[at] - 1; write !== NONE; write = slots[at] - 1) {
      if (this.#sameVersion(this.#version[write], row)) break;
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
