/**
 * Zones (Gibbons and Korach): whether blocks of operations, one a value, can stand one after the other.
 *
 * A block whose first return comes before its last call is *forward*: it certainly holds the register from that return to that
 * call. Any other is *backward* and fits into any moment from its last call to its first return. An order exists iff no
 * two forward zones overlap and no backward zone lies within a forward one. Positions of events are unique, so one scan over
 * them finds every violation without sorting.
 */
import { NEVER } from '../../history/history.ts';
import type { History } from '../../history/history.ts';

export interface Blocks {
  /** Per cluster: the earliest return and the latest call in the block that begins with it; NEVER: no block, or no need. */
  readonly first: Int32Array;
  readonly last: Int32Array;
  /** Per key: 1 to pass over it. */
  readonly skip: Uint8Array;
}

/** Calls `cross` with two blocks for each violation. */
export function scanZones(
  history: History,
  blocks: Blocks,
  cross: (key: number, one: number, other: number) => void,
): void {
  const { length, key, keys } = history;
  const { first, last, skip } = blocks;
  /** The cluster whose block begins (forward) or must have begun (backward) at each position, plus one. */
  const at = new Int32Array(history.positions);
  const heldUntil = new Int32Array(keys.length).fill(-1);
  const holder = new Int32Array(keys.length);
  for (let k = 0; k < keys.length; k++) {
    heldUntil[k] = last[length + k];
    holder[k] = length + k;
  }
  for (let c = 0; c < length; c++) {
    const f = first[c];
    const s = last[c];
    if (f !== 0 && f !== NEVER && s >= 0) at[f < s ? f : s] = c + 1;
  }
  for (let position = 0; position < at.length; position++) {
    if (at[position] === 0) continue;
    const c = at[position] - 1;
    const k = key[c];
    if (skip[k] === 1) continue;
    const f = first[c];
    const s = last[c];
    if (f < s) {
      if (f < heldUntil[k]) cross(k, holder[k], c);
      if (s > heldUntil[k]) {
        heldUntil[k] = s;
        holder[k] = c;
      }
    } else if (f < heldUntil[k]) {
      cross(k, holder[k], c);
    }
  }
}
