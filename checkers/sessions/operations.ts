import type { History } from '../../history/history.ts';
import { shownRow } from './cas-reads.ts';

type Operations = ReturnType<History['operation']>[];

/** The rows that explanations show, by what was made of them: evidence.ts looks at them again. */
const rowsOf = new WeakMap<object, readonly number[]>();

/** Rows as operations, each once, in order of invocation; what stands for no row is left out. */
export function operationsOf(history: History, rows: readonly number[]): Operations {
  const shown = rows.map((row) => shownRow(history, row));
  const distinct = [...new Set(shown)].filter((row) => row >= 0).sort((a, b) => a - b);
  const operations = distinct.map((row) => history.operation(row));
  rowsOf.set(operations, distinct);
  return operations;
}

/** The rows of operations that `operationsOf` returned. */
export function rowsShown(operations: readonly object[]): readonly number[] | undefined {
  return rowsOf.get(operations);
}
