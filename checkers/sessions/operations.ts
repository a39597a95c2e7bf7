import type { History } from '../../history/history.ts';
import { shownRow } from './cas-reads.ts';

/** Rows as operations, each once, in order of invocation; what stands for no row is left out. */
export function operationsOf(history: History, rows: readonly number[]): ReturnType<History['operation']>[] {
  const shown = rows.map((row) => shownRow(history, row));
  const distinct = [...new Set(shown)].filter((row) => row >= 0).sort((a, b) => a - b);
  return distinct.map((row) => history.operation(row));
}
