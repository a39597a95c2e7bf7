/** Of operations that cannot all stand, those that none can be spared of: exactly, for the few that are shown. */
import type { Budget } from '../checker.ts';
import type { Machine, State } from '../model.ts';
import { ILLEGAL } from '../model.ts';
import type { History } from '../../history/history.ts';
import { NEVER } from '../../history/history.ts';
import { explore } from './frontier.ts';
import { OTHER, Windows } from './windows.ts';

export interface Fewest {
  readonly rows: readonly number[];
  /** The row that finds no place, and all that the register can hold by then; none where it may be anything but what is needed. */
  readonly stuck: number;
  readonly states: readonly State[];
}

const STEPS_MAX = 2000;
/** Orders tried for all questions about one anomaly. */
const STEPS_IN_ALL = 100_000;
/** Of more rows than these, only what is near those shown is asked about. */
const ROWS_MAX = 200_000;

/**
 * Of a register. What can be spared is a read, a failed cas, or a write with all that found its value. Undefined where it was
 * not proven that `rows` cannot all stand, whichever of the others happened.
 */
export function fewest(
  history: History,
  machine: Machine,
  rows: readonly number[],
  budget: Budget,
): Fewest | undefined {
  const refute = refuter(history, machine, budget);
  let known = refute(rows);
  if (known === undefined) return undefined;
  for (let i = 0; i < known.rows.length; ) {
    const gone = unitOf(machine, known.rows, known.rows[i]);
    const less = refute(known.rows.filter((row) => !gone.has(row)));
    if (less !== undefined) known = less;
    i = less === undefined ? i + 1 : 0;
  }
  return known;
}

/** Operations of a register called last before it got stuck: so many at first, and then more. */
const SIZES = [32, 256];

/**
 * Of a long key of a register: what cannot stand after whatever it may have held some time before `stuck` returned, by delta
 * debugging (Zeller) over the last operations before. Undefined where that alone does not show it.
 */
export function fewestBefore(history: History, machine: Machine, stuck: number, budget: Budget): Fewest | undefined {
  const windows = new Windows(history, machine);
  const refute = refuter(history, machine, budget);
  for (const size of SIZES) {
    const window = windows.last(history.key[stuck], history.ret[stuck], size);
    if (window === undefined) return undefined;
    const own = window.rows.filter((row) => !window.mayBeMissing.has(row));
    let known = refute(own);
    if (known === undefined) continue;
    for (let part = known.rows.length >> 1; part >= 1; part >>= 1) {
      for (let from = 0; from < known.rows.length; ) {
        const less = refute(known.rows.toSpliced(from, part));
        if (less === undefined) from += part;
        else known = less;
      }
    }
    return fewest(history, machine, known.rows, budget) ?? known;
  }
  return undefined;
}

function refuter(history: History, machine: Machine, budget: Budget): (some: readonly number[]) => Fewest | undefined {
  const windows = new Windows(history, machine);
  const cuts = history.length > ROWS_MAX ? (['near'] as const) : (['near', 'alone'] as const);
  let left = STEPS_IN_ALL;
  return (some) => {
    if (some.length === 0 || left <= 0) return undefined;
    const key = history.key[some[0]];
    const until =
      1 + Math.max(...some.map((row) => (history.ret[row] === NEVER ? history.call[row] : history.ret[row])));
    for (const how of cuts) {
      const window = windows[how](key, some, until);
      if (window === undefined) continue;
      const frontier = explore(history, machine, window, budget, STEPS_MAX);
      left -= frontier.steps;
      if (frontier.type !== 'stuck' || !some.includes(frontier.row)) continue;
      const states = [...new Set(frontier.standings.map(({ state }) => state))];
      return { rows: some, stuck: frontier.row, states: states.includes(OTHER) ? [] : states };
    }
    return undefined;
  };
}

function unitOf(machine: Machine, rows: readonly number[], of: number): ReadonlySet<number> {
  const unit = new Set([of]);
  // A set grows while it is gone through: of cas, what followed from it goes as well.
  for (const row of unit) {
    const left = machine.register?.leaves(row) ?? ILLEGAL;
    if (left === ILLEGAL) continue;
    for (const other of rows) if (machine.register?.needs(other) === left) unit.add(other);
  }
  return unit;
}
