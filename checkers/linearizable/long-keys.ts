/** Explains long keys that the search could not order: by their end, for delta debugging of the whole would take too long. */
import type { Anomaly } from '../checker.ts';
import { cutsBefore } from '../explain/cut.ts';
import type { Cut } from '../explain/cut.ts';
import { fewestBefore } from '../explain/fewest.ts';
import { explore } from '../explain/frontier.ts';
import { describe, rowsShown } from '../explain/last-state.ts';
import { layOut } from '../search/problem.ts';
import { search } from '../search/search.ts';
import { shrink } from '../search/shrink.ts';
import { explainCore } from './core.ts';
import { anomaly } from './evidence.ts';
import type { SearchContext } from './objects.ts';
import { deedOf, ret, show } from './words.ts';

/** Operations of one key that delta debugging masters without help. */
export const LONG = 300;
/** More than these are too many to show, of shorter keys too: of counters and locks all that ever happened matters. */
export const MANY = 12;

const STEPS_MAX = 20_000;
/** Ends of a key that are looked at, and the operations of the longest. */
const CUTS_TRIED = 8;
const CUT_MAX = 1000;
/** States longer than this are not told: a set or queue of thousands says nothing to a reader. */
const HELD_MAX = 200;

/** `rows`: all relevant rows of one key, ascending; `stuck`: the row that found no place. Undefined where no short end shows it. */
export function explainLong(context: SearchContext, rows: Int32Array, stuck: number): Anomaly | undefined {
  const { history, machine, budget } = context;
  if (machine.register !== undefined) {
    const less = fewestBefore(history, machine, stuck, budget);
    // A register's writes that nobody noticed make a cut less than the whole: these keys are not cut.
    return less === undefined ? undefined : explainCore(context, rows, { ...less, minimal: true });
  }
  let best: Anomaly | undefined;
  for (const cut of cutsBefore(history, machine, rows, stuck, budget).slice(0, CUTS_TRIED)) {
    // An early one leaves about as much to look through as there was.
    if (budget.spent() !== undefined || cut.rows.length > CUT_MAX) break;
    const anomaly = explainCut(context, cut);
    if (anomaly === undefined) break;
    // Two at least, where there are two: what clashes, rather than one that clashes with what is told.
    if (best === undefined || anomaly.operations.length > 1) best = anomaly;
    if (best.operations.length > 1) break;
  }
  return best;
}

function explainCut(context: SearchContext, cut: Cut): Anomaly | undefined {
  const { history, machine, budget } = context;
  const since = { ...machine, initial: cut.state };
  const problem = layOut(history, since, cut.rows, cut.mayBeMissing);
  const result = search(problem, since, { budget, stepsMax: STEPS_MAX });
  if (result.type !== 'impossible') return undefined;
  const core = shrink(history, since, problem, result, budget);
  const { kind, sentence, operations } = explainCore(
    { ...context, machine: since, after: cut.after },
    Int32Array.from(cut.rows),
    core,
  );
  const held = show(machine.show?.(cut.state) ?? cut.state);
  const isLarge = held.length > HELD_MAX;
  const at = ret(history, cut.after, ' (at ');
  const by = `${deedOf(history, cut.after, context.whole !== undefined)}${at === '' ? '' : `${at})`}`;
  const before = ` Every order of what must have happened by the end of ${by} leads to ${isLarge ? 'the same state' : held}.`;
  if (isLarge) return { kind, sentence: sentence + before, operations };
  const mayBeMissing = new Set(cut.rows.filter((_, i) => cut.mayBeMissing[i] === 1));
  const window = { rows: cut.rows, mayBeMissing, states: [cut.state] };
  const frontier = explore(history, since, window, budget, STEPS_MAX);
  const shown = new Set(rowsShown(history, { kind, sentence, operations }));
  if (frontier.type !== 'stuck' || !shown.has(frontier.row)) return { kind, sentence: sentence + before, operations };
  const lastState = describe(history, since, window, frontier, shown);
  return { kind, sentence: sentence + before, operations, lastState };
}

/** Of operations that cannot all stand, more than a reader looks at and of which the fewest were not found: those about the end are shown. */
export function lastFew(context: SearchContext, rows: Int32Array, stuck: number): Anomaly {
  const { history, whole } = context;
  const until = history.ret[stuck];
  const before = rows.filter((row) => row !== stuck && history.call[row] < until);
  const around = before.filter((row) => history.ret[row] > history.call[stuck]);
  const few = [...(around.length === 0 ? before : around).slice(1 - MANY), stuck];
  const sentence =
    `No order is left by the end of ${deedOf(history, stuck, context.whole !== undefined)}${ret(history, stuck)}: the ${before.length + 1} operations asked ` +
    `for by then have none in which all were answered as they were. It was not found which few of them show it; ` +
    `those shown were under way with it.`;
  return anomaly(history, 'no possible order', sentence, few, whole);
}
