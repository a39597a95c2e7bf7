/**
 * Sequences of integers as states, taken from in front and added to behind; equal sequences are one state, and each step
 * costs next to nothing, however long they are.
 *
 * All that was ever added is a tree, each node behind its parent. A sequence is its last node and its length. The first
 * node is found by jumps (Myers 1983: a random-access stack). Equal sequences in different branches are found by a
 * polynomial hash, and compared node by node up to where the branches meet.
 */
import type { State } from '../model.ts';
import { ILLEGAL } from '../model.ts';
import { Buckets, Ints, mix } from './ints.ts';

const BASE = 0x01000193;
const OTHER_BASE = 0x5bd1e995;
const SEED = 0x3c6ef372;
const OTHER_SEED = 0x1f83d9ab;

export class Sequences {
  // Nodes: number 0 is before all others.
  readonly #parent = new Ints();
  readonly #jump = new Ints();
  readonly #depth = new Ints();
  readonly #value = new Ints();
  // States: number 0 is the empty sequence.
  readonly #last = new Ints();
  readonly #length = new Ints();
  readonly #hash = new Ints();
  readonly #otherHash = new Ints();
  readonly #states = new Buckets((state) => this.#hash.get(state));
  /** Powers of the bases. */
  readonly #power = new Ints();
  readonly #otherPower = new Ints();

  constructor() {
    this.#addNode(0, 0, 0, 0);
    this.#power.push(1);
    this.#otherPower.push(1);
    this.#intern(0, 0, 0, 0);
  }

  get bytes(): number {
    return 4 * (this.#parent.bytes + this.#last.bytes) + 2 * this.#power.bytes + this.#states.bytes;
  }

  length(state: State): number {
    return this.#length.get(state);
  }

  /** The first value; ILLEGAL where there is none. */
  first(state: State): number {
    const length = this.#length.get(state);
    if (length === 0) return ILLEGAL;
    return this.#value.get(this.#firstNode(state));
  }

  /** The values, in order. */
  list(state: State): number[] {
    const values: number[] = [];
    let node = this.#last.get(state);
    for (let left = this.#length.get(state); left > 0; left--) {
      values.push(this.#value.get(node));
      node = this.#parent.get(node);
    }
    return values.reverse();
  }

  push(state: State, value: number): State {
    const parent = this.#last.get(state);
    const hash = (Math.imul(this.#hash.get(state), BASE) + mix(value, 0, SEED)) | 0;
    const other = (Math.imul(this.#otherHash.get(state), OTHER_BASE) + mix(value, 0, OTHER_SEED)) | 0;
    const length = this.#length.get(state) + 1;
    const known = this.#find(hash, other, length, (node, left) => {
      return this.#value.get(node) === value && this.#same(this.#parent.get(node), parent, left - 1);
    });
    if (known !== -1) return known;
    const depth = this.#depth.get(parent);
    const jump = this.#jump.get(parent);
    const far = depth - this.#depth.get(jump) === this.#depth.get(jump) - this.#depth.get(this.#jump.get(jump));
    const node = this.#addNode(parent, far ? this.#jump.get(jump) : parent, depth + 1, value);
    return this.#intern(node, length, hash, other);
  }

  /** Without its first value. */
  shift(state: State): State {
    const length = this.#length.get(state) - 1;
    const first = this.#value.get(this.#firstNode(state));
    while (this.#power.length <= length) {
      this.#power.push(Math.imul(this.#power.get(this.#power.length - 1), BASE));
      this.#otherPower.push(Math.imul(this.#otherPower.get(this.#otherPower.length - 1), OTHER_BASE));
    }
    const last = this.#last.get(state);
    const hash = (this.#hash.get(state) - Math.imul(mix(first, 0, SEED), this.#power.get(length))) | 0;
    const other = (this.#otherHash.get(state) - Math.imul(mix(first, 0, OTHER_SEED), this.#otherPower.get(length))) | 0;
    const known = this.#find(hash, other, length, (node, left) => this.#same(node, last, left));
    return known === -1 ? this.#intern(last, length, hash, other) : known;
  }

  #find(hash: number, other: number, length: number, same: (node: number, left: number) => boolean): State {
    return this.#states.find(
      hash,
      (state) =>
        this.#otherHash.get(state) === other &&
        this.#length.get(state) === length &&
        same(this.#last.get(state), length),
    );
  }

  /** Whether the `left` nodes that end with `a` and with `b` hold the same. */
  #same(a: number, b: number, left: number): boolean {
    for (; left > 0 && a !== b; left--) {
      if (this.#value.get(a) !== this.#value.get(b)) return false;
      a = this.#parent.get(a);
      b = this.#parent.get(b);
    }
    return true;
  }

  #firstNode(state: State): number {
    let node = this.#last.get(state);
    const depth = this.#depth.get(node) - this.#length.get(state) + 1;
    while (this.#depth.get(node) > depth) {
      const jump = this.#jump.get(node);
      node = this.#depth.get(jump) >= depth ? jump : this.#parent.get(node);
    }
    return node;
  }

  #addNode(parent: number, jump: number, depth: number, value: number): number {
    this.#parent.push(parent);
    this.#jump.push(jump);
    this.#depth.push(depth);
    this.#value.push(value);
    return this.#parent.length - 1;
  }

  #intern(last: number, length: number, hash: number, other: number): State {
    const state = this.#last.length;
    this.#last.push(last);
    this.#length.push(length);
    this.#hash.push(hash);
    this.#otherHash.push(other);
    this.#states.add(hash, state);
    return state;
  }
}
