/**
 * The writes to each key by chain, newest first, with the jump pointers of Myers (An applicative random-access stack, 1983): the
 * newest one up to some index is found in logarithmic time.
 */
import { NONE } from '../../history/history.ts';
import { IntList } from './int-list.ts';

/** Up to how many pairs of a key and a chain are addressed directly: two numbers each. */
const PAIRS_MAX = 2 ** 23;

export class WriteLists {
  /**
   * Per key and chain, in rows of `width`: the index in its chain of the newest write, 0 for none. Undefined where keys and chains
   * are too many: then lists are walked.
   */
  newestIndex: Int32Array | undefined;
  width = 0;
  /** As above: the list, plus one. */
  #listAt = new Int32Array(0);
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
    this.newestIndex = new Int32Array(0);
    this.first = new Int32Array(keys).fill(NONE);
    this.index = new Int32Array(rows);
    this.#before = new Int32Array(rows);
    this.#jump = new Int32Array(rows);
    this.#depth = new Int32Array(rows);
  }

  add(key: number, chain: number, row: number, index: number): void {
    this.index[row] = index;
    if (chain >= this.width) this.#widen(chain + 1);
    const list = this.list(key, chain);
    if (this.newestIndex !== undefined) this.newestIndex[key * this.width + chain] = index;
    if (list === NONE) {
      this.chain.push(chain);
      this.newest.push(row);
      this.next.push(this.first[key]);
      this.first[key] = this.chain.length - 1;
      if (this.newestIndex !== undefined) this.#listAt[key * this.width + chain] = this.chain.length;
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

  /** The list of a key and a chain, or NONE. */
  list(key: number, chain: number): number {
    if (this.newestIndex !== undefined) return this.#listAt[key * this.width + chain] - 1;
    let list = this.first[key];
    while (list !== NONE && this.chain.items[list] !== chain) list = this.next.items[list];
    return list;
  }

  #widen(chains: number): void {
    this.width = Math.max(chains, this.width * 2, 8);
    const pairs = this.first.length * this.width;
    if (this.newestIndex === undefined || pairs > PAIRS_MAX) {
      this.newestIndex = undefined;
      this.#listAt = new Int32Array(0);
      return;
    }
    this.newestIndex = new Int32Array(pairs);
    this.#listAt = new Int32Array(pairs);
    for (let key = 0; key < this.first.length; key++) {
      for (let list = this.first[key]; list !== NONE; list = this.next.items[list]) {
        const at = key * this.width + this.chain.items[list];
        this.#listAt[at] = list + 1;
        this.newestIndex[at] = this.index[this.newest.items[list]];
      }
    }
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
