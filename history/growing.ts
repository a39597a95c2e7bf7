/** A history while it is being made: for those who judge it at once, and do not wait for its end. */
import type { Columns, History, PlacedNote } from './history.ts';
import type { Texts } from './texts.ts';
import type { Values } from './values.ts';

/**
 * What there is so far. A row is there from its invocation on; until its completion its outcome is INFO and its `ret` NEVER, which is
 * just what it would be if nothing more came.
 */
export interface Growing {
  /**
   * The columns as they are now. Never keep one: arrays are replaced when they grow. A column that no row has had anything for is
   * empty.
   */
  readonly columns: Columns;
  readonly values: Values;
  /** Numbers of paths by their names. */
  readonly paths: Pick<Texts, 'intern'>;
  /** Those who are given the same object hear of the same writes, one after the other: what is to be known of these they may share. */
  readonly writes: object;
  /** All rows so far as a history of its own. Costs as much as there are rows. */
  snapshot(): History;
}

/** Hears of rows and notes in the order of the journal, each when the columns hold what is known of it. */
export interface Listener {
  invoked(row: number): void;
  /** It has ended: `outcome` is final. An operation whose outcome is unknown has no `ret`. */
  completed(row: number): void;
  noted(note: PlacedNote): void;
}

/** An entry of a column that may be empty still. */
export function entry(column: Int32Array, row: number, none: number): number {
  return column.length === 0 ? none : column[row];
}
