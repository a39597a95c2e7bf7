/** Guesses at what failed cas found that do not say it. */
import { FAIL, INFO, NONE } from '../../history/history.ts';
import { DENIES, reference, SWAPS, WRITES } from '../linearizable/register.ts';
import { type Units, unitOf } from './units.ts';

/**
 * The same units, where each of these denials is a read of the latest write of another value that was asked for before it ended, or
 * before it began. Those for which there is no such write stay as they are.
 */
export function guess(
  units: Units,
  denials: readonly number[],
  latest: 'before its end' | 'before its beginning',
): Units {
  const { history, reading, deeds } = units;
  const { length, call, ret, key, value, expected, outcome, keys } = history;
  const source = units.source.slice();
  const active = units.active.slice();
  const readBy = units.readBy.slice();
  /** Per key: the two latest writes, of which one at least is of another value. */
  const last = new Int32Array(keys.length).fill(NONE);
  const last2 = new Int32Array(keys.length).fill(NONE);
  const until = (denial: number): number => (latest === 'before its end' ? ret[denial] : call[denial]);
  const sorted = [...denials].sort((a, b) => until(a) - until(b));
  let row = 0;
  for (const denial of sorted) {
    for (; row < length && call[row] < until(denial); row++) {
      // An unread cas of unknown outcome would have to be explained itself.
      const writes = deeds[row] === WRITES || (deeds[row] === SWAPS && outcome[row] !== INFO);
      if (!writes || outcome[row] === FAIL) continue;
      last2[key[row]] = last[key[row]];
      last[key[row]] = row;
    }
    const k = key[denial];
    const isOther = (write: number): boolean =>
      write !== NONE && reference(reading, value[write]) !== reference(reading, expected[denial]);
    const found = isOther(last[k]) ? last[k] : isOther(last2[k]) ? last2[k] : NONE;
    if (found === NONE || deeds[denial] !== DENIES) continue;
    source[denial] = found;
    readBy[unitOf(history, found)]++;
    active[unitOf(history, found)] = 1;
  }
  return { ...units, source, active, readBy };
}
