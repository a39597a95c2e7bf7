/**
 * The outlook of a counter: additions commute, so the order of those that nobody reads between does not matter, and they are placed
 * ahead of need only where a read that is pending gets the sum it needs.
 */
import type { State } from '../model.ts';
import type { Outlook } from './outlook.ts';

/** Words of a set of sums; wider than that, only its bounds are known. */
const WORDS_MAX = 2048;

export interface Sums {
  readonly initial: State;
  step(state: State, op: number): State;
  sum(state: State): number;
}

/** @param amount what an operation adds, or what a read found */
export function sumsOutlook({ initial, step, sum }: Sums, amount: (op: number) => number): Outlook {
  const reached = new Int32Array(WORDS_MAX);
  return {
    initial,
    step,
    settle: (_, after) => after,
    ranks(state, waiting, candidates) {
      const wanted = new Set(waiting.map((op) => amount(op) - sum(state)));
      const pairs = new Set<number>();
      candidates.forEach((op, i) => {
        for (let j = i + 1; j < candidates.length; j++) {
          if (!wanted.has(amount(op) + amount(candidates[j]))) continue;
          pairs.add(op);
          pairs.add(candidates[j]);
        }
      });
      return candidates.map((op) => (wanted.has(amount(op)) ? 0 : pairs.has(op) ? 1 : 2));
    },
    serves(state, waiting, pending) {
      if (waiting.length === 0) return false;
      const held = sum(state);
      let [low, high] = [0, 0];
      for (const op of pending) {
        const added = amount(op);
        if (added < 0) low += added;
        else high += added;
      }
      const inReach = waiting.filter((op) => amount(op) - held >= low && amount(op) - held <= high);
      const words = ((high - low) >> 5) + 1;
      if (inReach.length === 0 || high - low >= 32 * WORDS_MAX) return inReach.length > 0;
      // Bit i: some of the additions make low + i.
      reached.fill(0, 0, words);
      reached[-low >> 5] = 1 << (-low & 31);
      for (const op of pending) shift(reached, words, amount(op));
      return inReach.some((op) => {
        const at = amount(op) - held - low;
        return (reached[at >> 5] & (1 << (at & 31))) !== 0;
      });
    },
  };
}

/** Adds to the set what is `by` more than something in it. */
function shift(set: Int32Array, words: number, by: number): void {
  const [far, near] = [Math.trunc(by / 32), by % 32];
  if (by >= 0) {
    for (let w = words - 1; w >= far; w--) {
      const upper = set[w - far] << near;
      const lower = near === 0 || w === far ? 0 : set[w - far - 1] >>> (32 - near);
      set[w] |= upper | lower;
    }
    return;
  }
  for (let w = 0; w < words + far; w++) {
    const lower = set[w - far] >>> -near;
    const upper = near === 0 || w - far + 1 >= words ? 0 : set[w - far + 1] << (32 + near);
    set[w] |= upper | lower;
  }
}
