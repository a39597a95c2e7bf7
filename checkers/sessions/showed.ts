/** How a read shows less than it owes. */
import { type History, NONE, OK } from '../../history/history.ts';
import { placeText, positionsOf } from '../positions.ts';
import { INITIAL, type Registers } from './registers.ts';
import { key, server, value, when } from './words.ts';

/** How it is known that a write, or INITIAL, is older than another one of its key. Where only versions say so, they are told. */
export function olderThan(registers: Registers, older: number, newer: number): string {
  if (older === INITIAL) return 'the initial value';
  if (registers.precedes(older, newer)) {
    const { outcome, ret, call } = registers.history;
    if (outcome[older] === OK && ret[older] < call[newer]) return 'written before it';
    return `which had been read before the write of ${value(registers.history, newer)} was invoked`;
  }
  const version = (write: number): string => placeText(registers.history, registers.versions, write);
  return `by its version ${version(older)} older than ${version(newer)}`;
}

/** `n2 (follower) showed 17 in y at position (3,118), and at (3,120) x as 5, written before 12`. */
export function showed(parts: {
  readonly history: History;
  readonly registers: Registers;
  readonly via: number;
  readonly read: number;
  /** What is missing. */
  readonly write: number;
}): string {
  const { history, registers, via, read, write } = parts;
  const shown = registers.source[read];
  const how =
    shown !== INITIAL && registers.precedes(shown, write) ? 'an older write' : olderThan(registers, shown, write);
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

/** `2 is shown with 3 of y`; where positions say that it was one state, they are told. */
export function shownWith(history: History, read: number, via: number): string {
  const [shown, other] = [value(history, read), `${value(history, via)} of ${key(history, via)}`];
  if (via === read || history.positionGroup[via] === NONE) return `${shown} is shown with ${other}`;
  const positions = positionsOf(history);
  const place = (row: number): string => placeText(history, positions, row);
  return `${shown} is shown at position ${place(read)} with ${other} at ${place(via)}`;
}
