/**
 * Counter while the history is made: the bounds of a read are known when it returns, and can only become narrower: by additions, open
 * then, that are refused later.
 */
import type { Growing } from '../../history/growing.ts';
import { FAIL, OK, READ } from '../../history/history.ts';
import type { Semantics } from '../checker.ts';
import { methodCode } from '../collections/elements.ts';
import type { Suspecting } from './confirming.ts';

const ADD = methodCode('add');

/** A read that returned while additions were open: how far its answer lies within its bounds. */
interface Answered {
  readonly at: number;
  aboveLeast: number;
  belowGreatest: number;
}

class Sums {
  addedCertainly = 0;
  takenCertainly = 0;
  addedPerhaps = 0;
  takenPerhaps = 0;
  /** Additions that have not ended. */
  open = 0;
  /** Whether something else was asked of it: it is no counter. */
  isOther = false;
  answered: Answered[] = [];
}

export class CounterStream implements Suspecting {
  suspects = false;
  readonly #growing: Growing;
  readonly #from: number;
  readonly #anyNull: boolean;
  readonly #sums: Sums[] = [];
  /** By row, for open reads: what was certain when they were invoked. */
  readonly #reads = new Map<number, { readonly added: number; readonly taken: number }>();

  constructor(growing: Growing, { initial, nilRead }: Semantics) {
    this.#growing = growing;
    this.#from = typeof initial === 'number' ? initial : 0;
    this.#anyNull = nilRead === 'any';
  }

  invoked(row: number): void {
    const { f } = this.#growing.columns;
    const sums = this.#of(row);
    if (f[row] === READ) this.#reads.set(row, { added: sums.addedCertainly, taken: sums.takenCertainly });
    else if (f[row] !== ADD) sums.isOther = true;
    if (f[row] !== ADD) return;
    const by = this.#amount(row);
    sums.open++;
    if (by < 0) sums.takenPerhaps += by;
    else sums.addedPerhaps += by;
  }

  completed(row: number): void {
    const { f } = this.#growing.columns;
    if (f[row] === READ) this.#answered(row);
    else if (f[row] === ADD) this.#ended(row);
  }

  #ended(row: number): void {
    const { outcome, call } = this.#growing.columns;
    const sums = this.#of(row);
    const by = this.#amount(row);
    if (outcome[row] === OK) {
      if (by < 0) sums.takenCertainly += by;
      else sums.addedCertainly += by;
    } else if (outcome[row] === FAIL) {
      if (by < 0) sums.takenPerhaps -= by;
      else sums.addedPerhaps -= by;
      for (let i = sums.answered.length - 1; i >= 0 && sums.answered[i].at > call[row]; i--) {
        const read = sums.answered[i];
        if (by < 0) read.aboveLeast += by;
        else read.belowGreatest -= by;
        if (read.aboveLeast < 0 || read.belowGreatest < 0) this.suspects = true;
      }
    }
    if (--sums.open === 0) sums.answered = [];
  }

  #answered(row: number): void {
    const { outcome, value, ret } = this.#growing.columns;
    const then = this.#reads.get(row);
    this.#reads.delete(row);
    if (then === undefined || outcome[row] !== OK) return;
    const held = this.#growing.values.get(value[row]);
    if (held === null ? this.#anyNull : typeof held !== 'number') return;
    const sums = this.#of(row);
    const found = typeof held === 'number' ? held : this.#from;
    const aboveLeast = found - (this.#from + then.added + sums.takenPerhaps);
    const belowGreatest = this.#from + then.taken + sums.addedPerhaps - found;
    if (aboveLeast < 0 || belowGreatest < 0) {
      if (!sums.isOther) this.suspects = true;
    } else if (sums.open > 0) sums.answered.push({ at: ret[row], aboveLeast, belowGreatest });
  }

  /** What an addition was asked to add; 0 where it is no number: that key is no counter. */
  #amount(row: number): number {
    const by = this.#growing.values.get(this.#growing.columns.value[row]);
    return typeof by === 'number' ? by : 0;
  }

  #of(row: number): Sums {
    return (this.#sums[this.#growing.columns.key[row]] ??= new Sums());
  }
}
