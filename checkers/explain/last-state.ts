/** The last state that worked: how the object could stand just before the operation that fits nowhere. */
import type { Anomaly, Budget, Configuration, LastState } from '../checker.ts';
import type { Machine, Model, State } from '../model.ts';
import { NEVER, NONE } from '../../history/history.ts';
import type { History } from '../../history/history.ts';
import { explore } from './frontier.ts';
import type { Frontier, Standing, Window } from './frontier.ts';
import { wholeOf } from './whole.ts';
import type { Whole } from './whole.ts';
import { OTHER, Windows } from './windows.ts';

export type Stuck = Frontier & { readonly type: 'stuck' };

const CONFIGURATIONS_SHOWN = 8;
/** Orders tried in one window, and in all: far less than deciding costs. Where dozens are pending, no more would do. */
const STEPS_PER_WINDOW = 300;
const STEPS_OF_ALL = 10_000;
const WINDOWS = [32, 256];
/** Longer than this, a key is not looked at from its beginning. */
const WHOLE_MAX = 20_000;

/**
 * The same anomalies, each that shows operations of one object with the last state that worked. They are found out together
 * when the first of them is read, and the history is held until then: that takes as long as deciding does, and many only
 * want to know whether there is an anomaly.
 */
export function withLastStates(
  anomalies: readonly Anomaly[],
  history: History,
  machine: Machine,
  budget: Budget,
  model?: Model,
): readonly Anomaly[] {
  let find: (() => readonly (LastState | undefined)[]) | undefined = () =>
    lastStatesOf(anomalies, history, machine, budget, wholeOf(history, model));
  let found: readonly (LastState | undefined)[] = [];
  return anomalies.map((anomaly, i) => ({
    ...anomaly,
    get lastState() {
      if (find !== undefined) found = find();
      find = undefined;
      return found[i];
    },
  }));
}

function lastStatesOf(
  anomalies: readonly Anomaly[],
  history: History,
  machine: Machine,
  budget: Budget,
  whole: Whole,
): readonly (LastState | undefined)[] {
  const windows = new Windows(history, machine, whole);
  const looking = { history, machine, whole, windows, budget, stepsLeft: STEPS_OF_ALL };
  return anomalies.map((anomaly) => {
    const shown = rowsShown(history, anomaly, whole).filter((row) => machine.relevant(row));
    const known = anomaly.lastState;
    if (shown.length === 0 || budget.spent() !== undefined) return known;
    return lastStateOf(looking, shown) ?? known;
  });
}

interface Looking {
  readonly history: History;
  readonly machine: Machine;
  readonly whole: Whole;
  readonly windows: Windows;
  readonly budget: Budget;
  stepsLeft: number;
}

/**
 * First with all operations of the object: that is how it stood. Where the first operation that fits nowhere is none of
 * those shown, or that takes too long, with those shown alone, as if nobody knew which of the others happened.
 */
function lastStateOf(looking: Looking, shown: readonly number[]): LastState | undefined {
  const { history, machine, whole, windows, budget } = looking;
  const key = whole.of[shown[0]];
  const until =
    1 + Math.max(...shown.map((row) => (history.ret[row] === NEVER ? history.call[row] : history.ret[row])));
  const isShown = new Set(shown);
  const tryIn = (window: Window | undefined, stepsMax: number): LastState | 'possible' | 'elsewhere' | 'stopped' => {
    if (window === undefined) return 'stopped';
    const frontier = explore(history, machine, window, budget, stepsMax);
    looking.stepsLeft -= frontier.steps;
    if (frontier.type !== 'stuck') return frontier.type === 'found' ? 'possible' : 'stopped';
    return isShown.has(frontier.row) ? describe(history, machine, window, frontier, isShown, whole) : 'elsewhere';
  };
  const ofAll = (window: Window | undefined, stepsMax: number) =>
    looking.stepsLeft <= 0 ? 'stopped' : tryIn(window, Math.min(stepsMax, looking.stepsLeft));
  for (const size of WINDOWS) {
    const lastState = ofAll(windows.last(key, until, size), STEPS_PER_WINDOW);
    if (typeof lastState !== 'string') return lastState;
    if (lastState !== 'possible') break;
  }
  const all = ofAll(windows.whole(key, until, WHOLE_MAX), 4 * STEPS_PER_WINDOW);
  if (typeof all !== 'string') return all;
  const near = tryIn(windows.near(key, shown, until), 4 * STEPS_PER_WINDOW);
  if (typeof near !== 'string') return near;
  const alone = tryIn(windows.alone(key, shown, until), 4 * STEPS_PER_WINDOW);
  return typeof alone === 'string' ? undefined : alone;
}

export function describe(
  history: History,
  machine: Machine,
  window: Window,
  frontier: Stuck,
  shown: ReadonlySet<number>,
  whole = wholeOf(history),
): LastState {
  const previous = previousOk(history, window, frontier.row);
  const standings = fullest(frontier);
  const pending = frontier.pending.filter((row) => row !== frontier.row);
  const order = standings.length === 0 ? [] : placedRows(standings[0]).filter((row) => shown.has(row));
  return {
    stuck: whole.operation(frontier.row),
    ...(previous === NONE ? {} : { previous: whole.operation(previous) }),
    configurations: standings.map((standing) => configurationOf(whole, machine, standing, pending)),
    order: order.map((row) => indexOf(history, row)),
  };
}

/** All that was placed, in order. */
function placedRows(standing: Standing): number[] {
  const rows: number[] = [];
  for (let { placed } = standing; placed !== undefined; placed = placed.before) rows.push(placed.row);
  return rows.reverse();
}

/** The row that returned last before `stuck` did. */
export function previousOk({ ret }: History, { rows, mayBeMissing }: Window, stuck: number): number {
  let last = NONE;
  for (const row of rows) {
    if (ret[row] < ret[stuck] && !mayBeMissing.has(row) && (last === NONE || ret[row] > ret[last])) last = row;
  }
  return last;
}

/** One for each state, in which the most is placed: what could have been placed is not what stands in the way. */
export function fullest({ standings }: Stuck): Standing[] {
  const byState = new Map<State, Standing>();
  for (const standing of standings) {
    const known = byState.get(standing.state);
    if (standing.state !== OTHER && (known === undefined || standing.done.size > known.done.size)) {
      byState.set(standing.state, standing);
    }
  }
  return [...byState.values()].slice(0, CONFIGURATIONS_SHOWN);
}

export function configurationOf(
  whole: Whole,
  machine: Machine,
  { state, done, placed }: Standing,
  pending: readonly number[],
): Configuration {
  return {
    held: machine.show === undefined ? state : machine.show(state),
    ...(placed === undefined ? {} : { last: whole.operation(placed.row) }),
    pending: pending.filter((row) => !done.has(row)).map((row) => whole.operation(row)),
  };
}

/** Rows of the operations shown, by their place in the journal; none where they are of several objects. */
export function rowsShown(history: History, { operations }: Anomaly, { of } = wholeOf(history)): number[] {
  const rows: number[] = [];
  for (const { index, key } of operations) {
    let row = rowAt(history, index);
    // The rows of one invocation lie side by side, one a key.
    while (row < history.length && indexOf(history, row) === index && history.keys[history.key[row]] !== key) row++;
    if (row === history.length || indexOf(history, row) !== index) return [];
    rows.push(row);
  }
  return rows.every((row) => of[row] === of[rows[0]]) ? rows : [];
}

function indexOf({ call, eventIndex }: History, row: number): number {
  return eventIndex === undefined ? call[row] : eventIndex[call[row]];
}

/** The first row whose invocation has this index in the journal, or a greater one. */
function rowAt(history: History, index: number): number {
  let [low, high] = [0, history.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (indexOf(history, middle) < index) low = middle + 1;
    else high = middle;
  }
  return low;
}
