/** When writes are invoked and done, in the order of events. */
import { NEVER } from '../../../history/history.ts';
import type { Registers } from '../registers.ts';

/**
 * Moments of the writes that certainly happened: twice the row where a write is invoked, plus one where it is done; by ascending
 * event position. A write that is done at the very position of its invocation is invoked first.
 */
export function momentsOf(registers: Registers): Int32Array {
  const { call, length, positions } = registers.history;
  const { done } = registers;
  /** For each event position its first moment, plus one; and for each write the moment after it is done, in the same way. */
  const first = new Int32Array(positions);
  const next = new Int32Array(length);
  let count = 0;
  for (let row = length - 1; row >= 0; row--) {
    if (done[row] === NEVER) continue;
    next[row] = first[done[row]];
    first[done[row]] = row * 2 + 2;
    count += 2;
  }
  const moments = new Int32Array(count);
  let end = 0;
  let row = 0;
  for (let position = 0; position < positions; position++) {
    for (; row < length && call[row] <= position; row++) {
      if (done[row] !== NEVER) moments[end++] = row * 2;
    }
    for (let at = first[position]; at !== 0; at = next[(at >> 1) - 1]) moments[end++] = at - 1;
  }
  return moments;
}
