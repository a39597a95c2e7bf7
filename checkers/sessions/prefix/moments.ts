/** When writes are invoked and done, in the order of events. */
import type { Problem } from './problem.ts';

/**
 * For each moment twice the index into `writes`, plus one where the write is done; by ascending event position. Of one position
 * the invocations come first.
 */
export function momentsOf({ history, registers, writes }: Problem): Int32Array {
  const { length } = writes;
  const sorted = new Float64Array(length * 2);
  for (let i = 0; i < length; i++) {
    sorted[i] = history.call[writes[i]] * length * 2 + i;
    sorted[length + i] = registers.done[writes[i]] * length * 2 + length + i;
  }
  sorted.sort();
  return Int32Array.from(sorted, (moment) => {
    const code = moment % (length * 2);
    return code < length ? code * 2 : (code - length) * 2 + 1;
  });
}
