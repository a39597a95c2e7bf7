import type { Position } from './types.ts';

/** Whether `a` is the later of two places in one log, or in two versions of it. */
export function isLater(a: Position, b: Position): boolean {
  return a.term > b.term || (a.term === b.term && a.index > b.index);
}
