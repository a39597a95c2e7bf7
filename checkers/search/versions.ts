/**
 * Arrays of integers as states: each state is another one with one cell changed, and equal arrays are one state.
 *
 * Only one array is laid out, that of the state looked at last; going to another one costs the changes between the two
 * (Baker's shallow binding). A search goes from a state to its neighbours, mostly.
 */
import type { State } from '../model.ts';
import { Buckets, Ints, mix } from './ints.ts';

const SEED = 0x51ed27;
const OTHER_SEED = 0x2f6e2b1;

export class Versions {
  /** The array of the state `#at`. */
  readonly #cells: Int32Array;
  #at: State = 0;
  // Of each state: the one that it changes, how many changes it is from the first, which cell, and from what to what.
  readonly #parent = new Ints();
  readonly #depth = new Ints();
  readonly #cell = new Ints();
  readonly #before = new Ints();
  readonly #after = new Ints();
  readonly #hash = new Ints();
  readonly #otherHash = new Ints();
  readonly #states = new Buckets((state) => this.#hash.get(state));

  /** State 0 is the array of zeros. */
  constructor(cells: number) {
    this.#cells = new Int32Array(cells);
    this.#add(0, 0, 0, 0, 0, 0, 0);
  }

  get bytes(): number {
    return this.#cells.byteLength + 7 * this.#parent.bytes + this.#states.bytes;
  }

  get(state: State, cell: number): number {
    this.#goTo(state);
    return this.#cells[cell];
  }

  set(state: State, cell: number, value: number): State {
    this.#goTo(state);
    const before = this.#cells[cell];
    if (before === value) return state;
    const hash = this.#hash.get(state) ^ mix(cell, before, SEED) ^ mix(cell, value, SEED);
    const otherHash = this.#otherHash.get(state) ^ mix(cell, before, OTHER_SEED) ^ mix(cell, value, OTHER_SEED);
    const known = this.#states.find(
      hash,
      (other) => this.#otherHash.get(other) === otherHash && this.#isChange(state, cell, value, other),
    );
    if (known !== -1) return known;
    return this.#add(state, this.#depth.get(state) + 1, cell, before, value, hash, otherHash);
  }

  #add(parent: State, depth: number, cell: number, before: number, after: number, hash: number, other: number): State {
    const state = this.#parent.length;
    this.#parent.push(parent);
    this.#depth.push(depth);
    this.#cell.push(cell);
    this.#before.push(before);
    this.#after.push(after);
    this.#hash.push(hash);
    this.#otherHash.push(other);
    this.#states.add(hash, state);
    return state;
  }

  /** Whether `other` is `state` with that one change. */
  #isChange(state: State, cell: number, value: number, other: State): boolean {
    this.#goTo(state);
    const wanted = new Map([[cell, value]]);
    const note = (node: State): void => {
      const touched = this.#cell.get(node);
      if (!wanted.has(touched)) wanted.set(touched, this.#cells[touched]);
    };
    let [a, b] = [state, other];
    while (a !== b) {
      if (this.#depth.get(a) >= this.#depth.get(b)) {
        note(a);
        a = this.#parent.get(a);
      } else {
        note(b);
        b = this.#parent.get(b);
      }
    }
    this.#goTo(other);
    for (const [touched, held] of wanted) if (this.#cells[touched] !== held) return false;
    return true;
  }

  #goTo(state: State): void {
    if (state === this.#at) return;
    const down: State[] = [];
    let [a, b] = [this.#at, state];
    while (a !== b) {
      if (this.#depth.get(a) >= this.#depth.get(b)) {
        this.#cells[this.#cell.get(a)] = this.#before.get(a);
        a = this.#parent.get(a);
      } else {
        down.push(b);
        b = this.#parent.get(b);
      }
    }
    for (let i = down.length - 1; i >= 0; i--) this.#cells[this.#cell.get(down[i])] = this.#after.get(down[i]);
    this.#at = state;
  }
}
