/** Rows near a moment, found without looking at the others: they ascend by call, and what goes on for long is remembered. */
import type { History } from '../../history/history.ts';

/** Operations that go on for more events than this are remembered; the others are found close to any moment they cover. */
export const LONG = 4096;

const known = new WeakMap<History, Int32Array>();

/** Rows of operations that go on for long, those that never end among them; ascending. */
export function longOpen(history: History): Int32Array {
  const before = known.get(history);
  if (before !== undefined) return before;
  const { length, call, ret } = history;
  let rows = new Int32Array(256);
  let count = 0;
  for (let row = 0; row < length; row++) {
    if (ret[row] - call[row] <= LONG) continue;
    if (count === rows.length) {
      const wider = new Int32Array(4 * count);
      wider.set(rows);
      rows = wider;
    }
    rows[count++] = row;
  }
  rows = rows.subarray(0, count);
  known.set(history, rows);
  return rows;
}

/** The first row called at `position` or later. */
export function rowAt({ call, length }: History, position: number): number {
  let [low, high] = [0, length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (call[middle] < position) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Calls `each`, in the order of rows, with all that were called before `until` and had not returned before `since`. */
export function pendingBetween(history: History, since: number, until: number, each: (row: number) => void): void {
  const { ret } = history;
  const first = since <= LONG ? 0 : rowAt(history, since - LONG);
  if (first > 0) {
    for (const row of longOpen(history)) {
      if (row >= first) break;
      if (ret[row] >= since) each(row);
    }
  }
  const end = rowAt(history, until);
  for (let row = first; row < end; row++) if (ret[row] >= since) each(row);
}
