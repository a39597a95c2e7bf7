/** How a state broke its word, for the two guarantees that speak of states. */
import { type History, NONE } from '../../history/history.ts';
import { placeText, positionsOf } from '../positions.ts';
import { INITIAL, type Registers } from './registers.ts';
import { key, server, value, when } from './words.ts';

/** `n2 (follower) showed 17 in y at position (3,118), and at (3,120) x as 5, written before 12`. */
export function showed(parts: {
  readonly history: History;
  readonly registers: Registers;
  readonly via: number;
  readonly read: number;
}): string {
  const { history, registers, via, read } = parts;
  const how = registers.source[read] === INITIAL ? 'the initial value' : 'an older write';
  const later = `${value(history, via)} in ${key(history, via)}`;
  const missing = `${value(history, read)}, ${how}, in ${key(history, read)}`;
  if (via === read)
    return `${server(history, read)} showed ${later}${when(history, read)}, by its version the older one`;
  if (history.positionGroup[via] === NONE) {
    return `${server(history, read)} showed ${later} together with ${missing}${when(history, read)}`;
  }
  const positions = positionsOf(history);
  const place = (row: number): string => `at ${placeText(history, positions, row)}`;
  return `${server(history, via)} showed ${later} ${place(via)} and ${missing} ${place(read)}${when(history, read)}`;
}
