/** Whose operations are judged, where the semantics name one path: the rest of the history is evidence. */
import { type History, READ } from '../../history/history.ts';
import type { Semantics } from '../checker.ts';

/** Whether a row may be blamed: all may where no path is named, and otherwise what the path did other than read. */
export function blamedRows(history: History, { blame }: Semantics): (row: number) => boolean {
  if (blame === undefined) return () => true;
  const path = history.paths.indexOf(blame);
  return path === -1 ? () => false : (row) => history.path[row] === path && history.f[row] !== READ;
}
