/**
 * Zones (Gibbons and Korach): whether blocks of operations, one a value, can stand one after the other.
 *
 * A block whose first return comes before its last call is *forward*: it certainly holds the register from that return to that
 * call. Any other is *backward* and fits into any moment from its last call to its first return. An order exists iff no
 * two forward zones overlap and no backward zone lies within a forward one. Positions of events are unique, so one scan over
 * them finds every violation without sorting.
 */
import { NEVER, NONE } from '../../history/history.ts';
import type { History } from '../../history/history.ts';

export interface Blocks {
  /** Per cluster: the earliest return and the latest call in the block that begins with it; NEVER: no block, or no need. */
  readonly first: Int32Array;
  readonly last: Int32Array;
  /** Per key: 1 to pass over it. */
  readonly skip: Uint8Array;
}

/**
 * Per event position, the cluster (plus one; 0: none) of the block that begins there: a forward one at its first return, a
 * backward one at its last call. Where no zones cross, this is an order in which the blocks of each key can stand, after
 * the one of the initial value.
 */
export function orderBlocks(history: History, blocks: Blocks): Int32Array {
  const { first, last } = blocks;
  const order = new Int32Array(history.positions);
  for (let c = 0; c < history.length; c++) {
    const f = first[c];
    if (f === 0 || f === NEVER) continue;
    order[f < last[c] ? f : last[c]] = c + 1;
  }
  return order;
}

/** Calls `cross` with two blocks: once for each that holds the register across others, however many those are. */
export function scanZones(
  history: History,
  blocks: Blocks,
  order: Int32Array,
  cross: (key: number, one: number, other: number) => void,
): void {
  const { length, key, keys } = history;
  const { first, last, skip } = blocks;
  const heldUntil = last.slice(length);
  const holder = Int32Array.from(keys, (_, k) => length + k);
  const crossed = new Int32Array(keys.length).fill(NONE);
  for (let position = 0; position < order.length; position++) {
    const c = order[position] - 1;
    if (c < 0) continue;
    const k = key[c];
    if (skip[k] === 1) continue;
    const f = first[c];
    const s = last[c];
    if (f < heldUntil[k] && crossed[k] !== holder[k]) {
      crossed[k] = holder[k];
      cross(k, holder[k], c);
    }
    if (f < s && s > heldUntil[k]) {
      heldUntil[k] = s;
      holder[k] = c;
    }
  }
}
