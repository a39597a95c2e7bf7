/** Lists of operations by what they find or leave, each in the order of their ends: who of them is left? */
import { NONE } from '../../history/history.ts';
import type { Left } from './outlook.ts';

/** Looking further costs more than it saves; whoever asks takes what was not looked at for left. */
const LOOKED_AT = 64;

export class Lists {
  readonly #from: Int32Array;
  readonly #ops: Int32Array;
  /** Place of each operation's end. */
  readonly #end: Int32Array;

  /** Pairs of a list's number and an operation; `end`: place of each operation's end. */
  constructor(count: number, lists: readonly number[], ops: readonly number[], end: Int32Array) {
    this.#end = end;
    this.#from = new Int32Array(count + 1);
    for (const list of lists) this.#from[list + 1]++;
    for (let list = 0; list < count; list++) this.#from[list + 1] += this.#from[list];
    this.#ops = new Int32Array(lists.length);
    const next = this.#from.slice();
    const byEnd = Int32Array.from(ops, (_, i) => i).sort((a, b) => end[ops[a]] - end[ops[b]]);
    for (const i of byEnd) this.#ops[next[lists[i]]++] = ops[i];
  }

  isEmpty(list: number): boolean {
    return this.#from[list] === this.#from[list + 1];
  }

  /** The one that ends first of those left that `fit`; NONE where there is none, or none was found soon. */
  first(list: number, left: Left, fits?: (op: number) => boolean): number {
    const until = this.#from[list + 1];
    let low = this.#from[list];
    let high = until;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#end[this.#ops[middle]] < left.event) low = middle + 1;
      else high = middle;
    }
    const last = Math.min(until, low + LOOKED_AT);
    for (let i = low; i < last; i++) {
      const op = this.#ops[i];
      if (left.has(op) && (fits === undefined || fits(op))) return op;
    }
    return NONE;
  }

  /** Whether one of those left fits, or may. */
  mayHave(list: number, left: Left, fits?: (op: number) => boolean): boolean {
    if (this.first(list, left, fits) !== NONE) return true;
    return this.#from[list + 1] - this.#from[list] > LOOKED_AT && this.#isLong(list, left);
  }

  #isLong(list: number, left: Left): boolean {
    let low = this.#from[list];
    let high = this.#from[list + 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#end[this.#ops[middle]] < left.event) low = middle + 1;
      else high = middle;
    }
    return this.#from[list + 1] - low > LOOKED_AT;
  }
}
