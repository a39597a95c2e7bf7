/** Reads that are left aside, in words. */
import { NONE, OK, READ } from '../../history/history.ts';
import { placesOf } from '../explain/places.ts';
import { AMBIGUOUS, type Registers } from './registers.ts';
import { amount, key, value } from './words.ts';

/** So many of the reads that are judged are, and the first of them is named. */
export function ambiguity(
  registers: Registers,
  count: number,
  isJudged: (row: number) => boolean = () => true,
): string {
  const said = `${amount(count, 'read')} returned a value that several writes wrote, and no version tells them apart`;
  const { history, source } = registers;
  const { f, outcome, length } = history;
  let read = NONE;
  for (let row = 0; row < length && read === NONE; row++) {
    if (f[row] === READ && outcome[row] === OK && source[row] === AMBIGUOUS && isJudged(row)) read = row;
  }
  if (read === NONE) return said;
  const writes: number[] = [];
  for (let row = 0; row < length; row++) {
    if (history.key[row] === history.key[read] && history.value[row] === history.value[read] && registers.isWrite(row))
      writes.push(row);
  }
  if (writes.length < 2) return said; // it may be the initial value, or no register
  const place = placesOf(history, [read]);
  const first = count === 1 ? place : `the first, ${place},`;
  return `${said}: ${first} read ${value(history, read)} from ${key(history, read)}, which ${placesOf(history, writes)} wrote`;
}
