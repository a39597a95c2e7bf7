/** The first completion of a key that makes the history up to it impossible, and how things stood before it. */
import type { Budget, Verdict } from '../checker.ts';
import type { Machine } from '../model.ts';
import { FAIL, INFO, NEVER, NONE } from '../../history/history.ts';
import type { History } from '../../history/history.ts';
import { historyOf } from '../../history/table.ts';
import { explore } from './frontier.ts';
import type { Window } from './frontier.ts';
import type { Stuck } from './last-state.ts';
import { wholeOf } from './whole.ts';
import { Windows } from './windows.ts';

export interface Failure {
  readonly row: number;
  /** Undefined where that would take too long. */
  readonly frontier: Stuck | undefined;
  readonly window: Window | undefined;
}

const WHOLE_MAX = 200_000;
const STEPS_OF_WHOLE = 500_000;
const STEPS_PER_WINDOW = 20_000;
const WINDOWS = [32, 256, 2048];

/**
 * Undefined where the key is linearizable, or that cannot be told any more.
 *
 * @param key number of the key, or of the object where it is several
 * @param judge decides any history of the key; asked about beginnings of it where it is too long to be looked through
 */
export function firstFailure(
  history: History,
  machine: Machine,
  key: number,
  judge: (part: History) => Verdict,
  budget: Budget,
  whole = wholeOf(history),
): Failure | undefined {
  const windows = new Windows(history, machine, whole);
  const all = windows.whole(key, NEVER, WHOLE_MAX);
  if (all !== undefined) {
    const frontier = explore(history, machine, all, budget, STEPS_OF_WHOLE);
    if (frontier.type === 'found') return undefined;
    if (frontier.type === 'stuck') return { row: frontier.row, frontier, window: all };
  }
  const row = bisect(history, whole.of, key, judge);
  if (row === NONE) return undefined;
  const until = history.ret[row] + 1;
  for (const size of WINDOWS) {
    const window = windows.last(key, until, size);
    if (window === undefined) break;
    const frontier = explore(history, machine, window, budget, STEPS_PER_WINDOW);
    // A window allows more than the history: what is stuck in it is stuck, and nothing was before.
    if (frontier.type === 'stuck' && frontier.row === row) return { row, frontier, window };
  }
  return { row, frontier: undefined, window: undefined };
}

/** A beginning of an impossible history may be possible; what follows an impossible beginning never is. */
function bisect(history: History, of: Int32Array, key: number, judge: (part: History) => Verdict): number {
  const own = history.filter((row) => of[row] === key);
  const returns = [...own.ret.keys()].filter((row) => own.ret[row] !== NEVER).sort((a, b) => own.ret[a] - own.ret[b]);
  let [low, high] = [0, returns.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const verdict = judge(beginning(own, own.ret[returns[middle]]));
    if (verdict.type === 'unknown' && !verdict.reason.startsWith('nothing to examine')) return NONE;
    if (verdict.type === 'invalid') high = middle;
    else low = middle + 1;
  }
  if (low === returns.length) return NONE;
  const position = own.ret[returns[low]];
  return history.ret.indexOf(position);
}

/** What is known at an event: operations that have not ended by then are open, and those refused later left out. */
export function beginning(history: History, position: number): History {
  const { call, ret, outcome } = history;
  const part = history.filter((row) => call[row] <= position && (ret[row] <= position || outcome[row] !== FAIL));
  const isOpen = (row: number): boolean => part.ret[row] > position;
  return historyOf({
    ...part,
    ret: part.ret.map((at, row) => (isOpen(row) ? NEVER : at)),
    outcome: part.outcome.map((how, row) => (isOpen(row) ? INFO : how)),
  });
}
