/**
 * What causal consistency speaks of: operations that read and write at once. A unit is a single operation, or all rows of a
 * `readMany` or a transaction; it is named by its first row. Its reads are told apart from what it read of its own, and each is
 * given the write it returned; of its writes to one key only the last is visible to others.
 *
 * Real time plays no part here, but for the order within a session (sessions.ts).
 */
import { CAS, INFO, METHODS, NONE, TRANSACTION, type History } from '../../history/history.ts';
import type { Semantics } from '../checker.ts';
import { placesOf } from '../explain/places.ts';
import {
  ABSURD,
  DENIES,
  deed,
  found,
  READS,
  reference,
  type RegisterReading,
  registerReading,
  SILENT,
  SWAPS,
  WRITES,
} from '../linearizable/register.ts';
import { WriteTable } from '../linearizable/write-table.ts';
import { IntList } from './int-list.ts';
import { contradicts } from '../sessions/claims.ts';
import { prepare } from '../sessions/rule.ts';
import { Duplicates } from './duplicates.ts';
import { INITIAL } from './initial.ts';

export { INITIAL };
/** A write whose value its own transaction replaced; besides the words of linearizable/register.ts. */
export const OVERWRITTEN = 6;

/** What is wrong with one read, by rows. */
export interface BadRead {
  readonly type: 'never written' | 'intermediate value' | 'own future' | 'not its own write' | 'refused without cause';
  readonly row: number;
  /** The write whose value it is, or should have been; NONE where there is none. */
  readonly write: number;
}

export interface Units {
  readonly history: History;
  readonly reading: RegisterReading;
  /** Per row, what it says or does. SILENT also where it read what its own transaction wrote. */
  readonly deeds: Uint8Array;
  /** Per row that READS or SWAPS: the row of the write it found, or INITIAL; otherwise NONE. */
  readonly source: Int32Array;
  /** Per unit: 1 if it says or does anything. A write of unknown outcome that nobody read does not. */
  readonly active: Uint8Array;
  /** Per unit: how many rows of other units found what it wrote. */
  readonly readBy: Int32Array;
  /** Whether some unit has more than one row. */
  readonly batches: boolean;
  readonly bad: readonly BadRead[];
  /** Why no verdict other than invalid can be given; undefined where one can. */
  readonly doubt: string | undefined;
  /** Per key: operations that write or may have written. */
  readonly writesOf: Int32Array;
  readonly examined: Examined;
}

export interface Examined {
  readonly operations: number;
  readonly reads: number;
  readonly writes: number;
  readonly keys: number;
  readonly transactions: number;
  /** `readMany`; absent where there is none. */
  readonly readsOfManyKeys?: number;
  readonly indeterminate: number;
  readonly failedCas: number;
  /** Rows that say or do something, and were answered. */
  readonly answered: number;
}

/** What the unit of a row of several is called: as it was recorded. */
export function unitName({ flags }: History, row: number): 'transaction' | 'readMany' {
  return (flags[row] & TRANSACTION) === 0 ? 'readMany' : 'transaction';
}

/** The unit of a row. */
export function unitOf(history: History, row: number): number {
  return history.batch[row] === NONE ? row : history.batch[row];
}

/** One past the last row of a unit. */
export function endOf(history: History, unit: number): number {
  if (history.batch[unit] === NONE) return unit + 1;
  let row = unit + 1;
  while (row < history.length && history.batch[row] === unit) row++;
  return row;
}

export function unitsOf(history: History, semantics: Semantics): Units {
  return new UnitsBuilder(history, semantics).build();
}

class UnitsBuilder {
  readonly #history: History;
  readonly #reading: RegisterReading;
  readonly #areContradicted: () => boolean;
  readonly #deeds: Uint8Array;
  readonly #source: Int32Array;
  readonly #active: Uint8Array;
  readonly #readBy: Int32Array;
  readonly #bad: BadRead[] = [];
  readonly #writesOf: Int32Array;
  readonly #lowest: Int32Array;
  readonly #highest: Int32Array;
  #foreign = NONE;
  #batches = false;

  constructor(history: History, semantics: Semantics) {
    const isString = semantics.model === 'string' && semantics.initial === null;
    this.#history = history;
    const reading = registerReading(history, isString ? { ...semantics, initial: '' } : semantics);
    this.#reading = isString ? { ...reading, nullWritten: reading.initial } : reading;
    this.#areContradicted = () => contradicts(prepare(history, semantics).registers.falseClaims);
    this.#deeds = new Uint8Array(history.length);
    this.#source = new Int32Array(history.length).fill(NONE);
    this.#active = new Uint8Array(history.length);
    this.#readBy = new Int32Array(history.length);
    this.#writesOf = new Int32Array(history.keys.length);
    this.#lowest = new Int32Array(history.keys.length).fill(0x7fffffff);
    this.#highest = new Int32Array(history.keys.length).fill(-0x80000000);
  }

  build(): Units {
    const examined = this.#survey();
    this.#silenceForeignKeys();
    if (this.#batches) this.#readWithinUnits();
    const duplicates = this.#placeReads();
    return {
      history: this.#history,
      reading: this.#reading,
      deeds: this.#deeds,
      source: this.#source,
      active: this.#active,
      readBy: this.#readBy,
      batches: this.#batches,
      bad: this.#bad,
      doubt: this.#foreign === NONE ? duplicates.doubt() : foreignDoubt(this.#history, this.#foreign),
      writesOf: this.#writesOf,
      examined,
    };
  }

  #survey(): Examined {
    const history = this.#history;
    const { length, f, flags, outcome, batch, key, value } = history;
    const deeds = this.#deeds;
    const keyed = new Uint8Array(history.keys.length);
    const counts = { reads: 0, writes: 0, keys: 0, transactions: 0, indeterminate: 0, failedCas: 0, answered: 0 };
    let readsOfManyKeys = 0;
    for (let row = 0; row < length; row++) {
      if (batch[row] === row) {
        if ((flags[row] & TRANSACTION) === 0) readsOfManyKeys++;
        else counts.transactions++;
      }
      if (f[row] > CAS) {
        // One that was refused tells as well what its key holds.
        if (this.#foreign === NONE) this.#foreign = row;
        continue;
      }
      const what = deed(history, this.#reading, row);
      if (what === SILENT) continue;
      if (outcome[row] === INFO) counts.indeterminate++;
      else counts.answered++;
      deeds[row] = what;
      const k = key[row];
      keyed[k] = 1;
      if (what === READS || what === SWAPS) counts.reads++;
      if (what === DENIES || (f[row] === CAS && what === READS)) counts.failedCas++;
      if (what !== WRITES && what !== SWAPS) continue;
      counts.writes++;
      const ref = reference(this.#reading, value[row]);
      this.#writesOf[k]++;
      if (ref < this.#lowest[k]) this.#lowest[k] = ref;
      if (ref > this.#highest[k]) this.#highest[k] = ref;
    }
    for (const used of keyed) counts.keys += used;
    this.#batches = counts.transactions + readsOfManyKeys > 0;
    const { reads, writes, keys, transactions, ...others } = counts;
    const many = readsOfManyKeys === 0 ? {} : { readsOfManyKeys };
    return { operations: history.operations, reads, writes, keys, transactions, ...many, ...others };
  }

  /** What an append or the like leaves behind is nothing that this reads: its key says nothing. Less said is less to break. */
  #silenceForeignKeys(): void {
    const { length, f, key, keys } = this.#history;
    if (this.#foreign === NONE) return;
    const foreign = new Uint8Array(keys.length);
    for (let row = 0; row < length; row++) if (f[row] > CAS) foreign[key[row]] = 1;
    for (let row = 0; row < length; row++) if (foreign[key[row]] === 1) this.#deeds[row] = SILENT;
  }

  /** Within each unit: reads of its own writes, and writes that it replaced itself. */
  #readWithinUnits(): void {
    const { length, batch, key, value, keys, outcome } = this.#history;
    const deeds = this.#deeds;
    /** The last write of the unit at hand to each key; of another unit, if it lies before it. */
    const latest = new Int32Array(keys.length).fill(NONE);
    for (let row = 0; row < length; row++) {
      const unit = batch[row];
      if (unit === NONE || deeds[row] === SILENT) continue;
      const own = latest[key[row]];
      if (deeds[row] === WRITES) {
        if (own >= unit) deeds[own] = OVERWRITTEN;
        latest[key[row]] = row;
      } else if (deeds[row] === READS && own >= unit) {
        const same = found(this.#history, this.#reading, row) === reference(this.#reading, value[own]);
        if (!same && outcome[row] !== INFO) this.#bad.push({ type: 'not its own write', row, write: own });
        deeds[row] = SILENT;
      }
    }
  }

  /** Finds the write of each read, beginning with those of known outcome; what they read happened, and has read itself. */
  #placeReads(): Duplicates {
    const history = this.#history;
    const { length, outcome, key, value } = history;
    const deeds = this.#deeds;
    const table = new WriteTable(key, this.#writesOf, this.#lowest, this.#highest);
    const duplicates = new Duplicates(history, this.#reading, this.#areContradicted);
    for (let row = 0; row < length; row++) {
      const what = deeds[row];
      if (what !== WRITES && what !== SWAPS && what !== OVERWRITTEN) continue;
      const ref = reference(this.#reading, value[row]);
      if (ref === this.#reading.initial) duplicates.add(key[row], ref, row);
      else if (!table.add(key[row], ref, row)) duplicates.add(key[row], ref, row, table.get(key[row], ref));
    }
    const proven = new IntList();
    for (let row = 0; row < length; row++) {
      if (deeds[row] === SILENT || outcome[row] === INFO) continue;
      this.#active[unitOf(history, row)] = 1;
      this.#placeRead(row, table, duplicates, proven);
    }
    for (let i = 0; i < proven.length; i++) {
      for (let row = proven.at(i), end = endOf(history, row); row < end; row++) {
        this.#placeRead(row, table, duplicates, proven);
      }
    }
    return duplicates;
  }

  #placeRead(row: number, table: WriteTable, duplicates: Duplicates, proven: IntList): void {
    const history = this.#history;
    const what = this.#deeds[row];
    if (what === ABSURD) this.#bad.push({ type: 'refused without cause', row, write: NONE });
    if (what !== READS && what !== SWAPS) return;
    const k = history.key[row];
    const ref = what === READS ? found(history, this.#reading, row) : reference(this.#reading, history.expected[row]);
    let write = ref === this.#reading.initial ? INITIAL : table.get(k, ref);
    if (duplicates.any && duplicates.has(k, ref)) {
      write = duplicates.written(row, ref);
      if (write === NONE) return;
    }
    if (write === NONE) {
      this.#bad.push({ type: 'never written', row, write });
      return;
    }
    if (write !== INITIAL) {
      const from = unitOf(history, write);
      if (from === unitOf(history, row)) {
        this.#bad.push({ type: 'own future', row, write });
        return;
      }
      if (this.#deeds[write] === OVERWRITTEN) this.#bad.push({ type: 'intermediate value', row, write });
      this.#readBy[from]++;
      if (this.#active[from] === 0) {
        this.#active[from] = 1;
        if (history.outcome[from] === INFO) proven.push(from);
      }
    }
    this.#source[row] = write;
  }
}

function foreignDoubt(history: History, row: number): string {
  const method = METHODS[history.f[row]];
  const what = history.batch[row] === NONE ? method : `a transaction with ${method}`;
  const where = placesOf(history, [row]);
  if (method === 'append' && history.batch[row] !== NONE) {
    return (
      `${where} is a transaction with append (Elle's list-append), which is read but not judged: record the test with reads and ` +
      'writes of registers (rw-register), which is judged, or give this history to Elle'
    );
  }
  return `only reads, writes and cas of registers are judged, and ${where} is ${what}: lists and other objects need a judge of their own`;
}
