/** Values that were written to one key more than once: which of the writes a read returned, only a version can tell. */
import { type History, NONE, OK, READ } from '../../history/history.ts';
import { placesOf } from '../explain/places.ts';
import { readReference, type RegisterReading, reference } from '../linearizable/register.ts';
import { show, showOf } from '../linearizable/words.ts';
import { mix, RowTable } from '../sessions/row-table.ts';
import { INITIAL } from './initial.ts';

/** The writes of one value to one key. */
interface Alike {
  /** INITIAL among them where it is the initial value. */
  readonly rows: number[];
  /** One that no version tells from the others, and how many there are. */
  open: number;
  openCount: number;
}

export class Duplicates {
  readonly #history: History;
  readonly #reading: RegisterReading;
  readonly #areContradicted: () => boolean;
  /** Whether versions are believed; undefined: nobody has asked. */
  #trusted: boolean | undefined;
  /** By key and reference. */
  readonly #alike = new Map<number, Map<number, Alike>>();
  #byVersion: RowTable | undefined;
  /** Writes of one value that claim one version. */
  readonly #clashing = new Set<number>();
  /** The first read that nobody can place. */
  #unplaced = NONE;
  #unplacedRef = NONE;
  #unplacedCount = 0;

  /** @param areContradicted whether versions contradict one another: then they tell nothing */
  constructor(history: History, reading: RegisterReading, areContradicted: () => boolean) {
    this.#history = history;
    this.#reading = reading;
    this.#areContradicted = areContradicted;
  }

  get any(): boolean {
    return this.#alike.size > 0;
  }

  has(key: number, ref: number): boolean {
    return this.#alike.get(key)?.has(ref) === true;
  }

  /** `other` is the write of the same value that came first; absent for the initial value. */
  add(key: number, ref: number, row: number, other = INITIAL): void {
    const ofKey = this.#alike.get(key) ?? new Map<number, Alike>();
    this.#alike.set(key, ofKey);
    let alike = ofKey.get(ref);
    if (alike === undefined) {
      alike = { rows: [], open: NONE, openCount: 0 };
      ofKey.set(ref, alike);
      this.#join(alike, other);
    }
    this.#join(alike, row);
  }

  #join(alike: Alike, row: number): void {
    alike.rows.push(row);
    if (row !== INITIAL && this.#history.outcome[row] === OK && this.#history.versionGroup[row] !== NONE) return;
    alike.open = row;
    alike.openCount++;
  }

  /**
   * The one write that a read can have returned; NONE if there are several. A version names a write only if that write was
   * acknowledged with it; a version that none of them has belongs to the only one that has none.
   */
  written(read: number, ref: number): number {
    const { key, versionGroup, f } = this.#history;
    if (f[read] === READ && versionGroup[read] !== NONE && (this.#trusted ??= !this.#areContradicted())) {
      const fit = this.#ofVersion(read);
      const alike = this.#alike.get(key[read])?.get(ref);
      if (fit !== NONE && !this.#clashing.has(fit)) return fit;
      if (fit === NONE && alike?.openCount === 1) return alike.open;
    }
    if (this.#unplacedCount++ === 0) {
      this.#unplaced = read;
      this.#unplacedRef = ref;
    }
    return NONE;
  }

  /** The acknowledged write of the same key, value and version. */
  #ofVersion(read: number): number {
    const table = (this.#byVersion ??= this.#versionTable());
    return table.at(this.#slot(table, read));
  }

  #versionTable(): RowTable {
    const { outcome, versionGroup } = this.#history;
    const writes = [...this.#alike.values()].flatMap((ofKey) => [...ofKey.values()].flatMap(({ rows }) => rows));
    const table = new RowTable(writes.length);
    for (const write of writes) {
      if (write === INITIAL || outcome[write] !== OK || versionGroup[write] === NONE) continue;
      const slot = this.#slot(table, write);
      if (table.at(slot) === NONE) table.put(slot, write);
      else this.#clashing.add(table.at(slot));
    }
    return table;
  }

  #slot(table: RowTable, row: number): number {
    const { f, key, value, versionGroup, versionHistory, versionAt } = this.#history;
    const held = (f[row] === READ ? readReference : reference)(this.#reading, value[row]);
    return table.slot(
      mix(key[row] + versionHistory[row] * 31, versionAt[row] | 0),
      (other) =>
        key[other] === key[row] &&
        reference(this.#reading, value[other]) === held &&
        versionGroup[other] === versionGroup[row] &&
        versionHistory[other] === versionHistory[row] &&
        versionAt[other] === versionAt[row],
    );
  }

  /** Why reads were left out; undefined where none was. */
  doubt(): string | undefined {
    const { key, keys, values } = this.#history;
    const read = this.#unplaced;
    if (read === NONE) return undefined;
    const x = show(keys[key[read]]);
    const value = showOf(values, this.#unplacedRef);
    const rows = this.#alike.get(key[read])?.get(this.#unplacedRef)?.rows ?? [];
    const writes = placesOf(
      this.#history,
      rows.filter((write) => write !== INITIAL),
    );
    const also = this.#unplacedRef === this.#reading.initial ? ' and is its initial value' : '';
    const more = this.#unplacedCount === 1 ? '' : ` (and ${this.#unplacedCount - 1} more such reads)`;
    return (
      `${value} was written to ${x} by ${writes}${also}, and nothing tells which of these ` +
      `${placesOf(this.#history, [read])} read${more}; causality needs values that are written once, or versions`
    );
  }
}
