/**
 * Clusters while they grow: each value written to a key, with the operations that found it, numbered in the order in which they
 * became known. Typed arrays only: a run has millions of them.
 */
import { NEVER, NONE } from '../../history/history.ts';
import { mix } from '../sessions/row-table.ts';
import { widened } from './widened.ts';

/** Bits of `state`. */
export const SWAP = 1; // written by a cas
export const LINKED = 2; // … which stands after the cluster of the value that it replaced
export const DEAD = 4; // the write was refused: nobody may find the value, until it is written anew

export class ClusterTable {
  #count = 0;
  key: Int32Array = new Int32Array(64);
  value = new Int32Array(64);
  /** Of the write; NONE for the initial value. */
  row = new Int32Array(64);
  state = new Uint8Array(64);
  /** The earliest return (-1: before everything; NEVER) and the latest call among its own operations. */
  first = new Int32Array(64);
  last = new Int32Array(64);
  /** The cluster of the same key whose first return came before. */
  earlier = new Int32Array(64);
  /** The cluster of the cas that replaced the value. */
  next = new Int32Array(64);
  /** Clusters joined by cas are one block: towards its representative, which knows its extent. */
  #parent = new Int32Array(64);
  blockFirst = new Int32Array(64);
  blockLast = new Int32Array(64);
  /** Number plus one, by hash; a power of two long, at most half full. */
  #slots = new Int32Array(128);

  /** The cluster of a value, or NONE. */
  find(key: number, value: number): number {
    return this.#slots[this.#slot(key, value)] - 1;
  }

  /** There must be none of that value yet. */
  add(key: number, value: number, row: number, called: number, state: number): number {
    const c = this.#count++;
    if (c === this.key.length) this.#widen(c * 2);
    this.key[c] = key;
    this.value[c] = value;
    this.#slots[this.#slot(key, value)] = c + 1;
    this.renew(c, row, called, state);
    return c;
  }

  /** A write of a value whose earlier write was refused. */
  renew(c: number, row: number, called: number, state: number): void {
    this.row[c] = row;
    this.state[c] = state;
    this.first[c] = this.blockFirst[c] = NEVER;
    this.last[c] = this.blockLast[c] = called;
    this.earlier[c] = this.next[c] = NONE;
    this.#parent[c] = c;
  }

  block(c: number): number {
    const parent = this.#parent;
    let root = c;
    while (parent[root] !== root) root = parent[root];
    for (let at = c; at !== root; ) {
      const up = parent[at];
      parent[at] = root;
      at = up;
    }
    return root;
  }

  /** One block of two, given by their representatives. */
  join(a: number, b: number): void {
    this.#parent[b] = a;
    if (this.blockFirst[b] < this.blockFirst[a]) this.blockFirst[a] = this.blockFirst[b];
    if (this.blockLast[b] > this.blockLast[a]) this.blockLast[a] = this.blockLast[b];
  }

  #slot(key: number, value: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let at = mix(key, value) & mask;
    for (let c = slots[at] - 1; c !== NONE; c = slots[at] - 1) {
      if (this.value[c] === value && this.key[c] === key) break;
      at = (at + 1) & mask;
    }
    return at;
  }

  #widen(length: number): void {
    this.key = widened(this.key, length - 1);
    this.value = widened(this.value, length - 1);
    this.row = widened(this.row, length - 1);
    this.state = widened(this.state, length - 1);
    this.first = widened(this.first, length - 1);
    this.last = widened(this.last, length - 1);
    this.earlier = widened(this.earlier, length - 1);
    this.next = widened(this.next, length - 1);
    this.#parent = widened(this.#parent, length - 1);
    this.blockFirst = widened(this.blockFirst, length - 1);
    this.blockLast = widened(this.blockLast, length - 1);
    this.#slots = new Int32Array(length * 2);
    // The newest one is not in the table yet.
    for (let c = 0; c < this.#count - 1; c++) this.#slots[this.#slot(this.key[c], this.value[c])] = c + 1;
  }
}
