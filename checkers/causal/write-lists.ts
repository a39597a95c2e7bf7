/**
 * The writes to each key by chain, newest first, with the jump pointers of Myers (An applicative random-access stack, 1983): the
 * newest one up to some index is found in logarithmic time.
 */
import { NONE } from '../../history/history.ts';
import { IntList } from './int-list.ts';

export class WriteLists {
  /** Per key: its first list, or NONE. Lists are linked by `next`; each is of one chain and begins with row `newest`. */
  readonly first: Int32Array;
  readonly chain = new IntList();
  readonly newest = new IntList();
  readonly next = new IntList();
  /** Per row of a write: its index in its chain. */
  readonly index: Int32Array;
  readonly #before: Int32Array;
  readonly #jump: Int32Array;
  readonly #depth: Int32Array;

  constructor(keys: number, rows: number) {
    this.first = new Int32Array(keys).fill(NONE);
    this.index = new Int32Array(rows);
    this.#before = new Int32Array(rows);
    this.#jump = new Int32Array(rows);
    this.#depth = new Int32Array(rows);
  }

  add(key: number, chain: number, row: number, index: number): void {
    this.index[row] = index;
    let list = this.first[key];
    while (list !== NONE && this.chain.items[list] !== chain) list = this.next.items[list];
    if (list === NONE) {
      this.chain.push(chain);
      this.newest.push(row);
      this.next.push(this.first[key]);
      this.first[key] = this.chain.length - 1;
      this.#before[row] = NONE;
      this.#jump[row] = NONE;
      return;
    }
    const before = this.newest.items[list];
    const jump = this.#jump[before];
    const far = jump === NONE ? NONE : this.#jump[jump];
    const isEven = far !== NONE && this.#depth[before] - this.#depth[jump] === this.#depth[jump] - this.#depth[far];
    this.#before[row] = before;
    this.#jump[row] = isEven ? far : before;
    this.#depth[row] = this.#depth[before] + 1;
    this.newest.items[list] = row;
  }

  /** The newest write of a list whose index is at most `index`; NONE if there is none. */
  upTo(list: number, index: number): number {
    let row = this.newest.items[list];
    while (row !== NONE && this.index[row] > index) {
      const jump = this.#jump[row];
      row = jump !== NONE && this.index[jump] > index ? jump : this.#before[row];
    }
    return row;
  }
}
