/**
 * Denials that the constructed order does not satisfy: another order might, and it differs only nearby. So the search is given
 * the part of a key around them, ever larger until it decides; the whole key comes last.
 *
 * A window lies between two moments at which it is certain what the register held, for a value was found before and after
 * them. It is decided by two questions. Can what the order places in the window be placed otherwise, beginning with the value
 * held before it and ending with the one held after it, so that all denials are satisfied? Then that is an order of the
 * whole. If not: is it impossible even when whatever reaches out of the window may be missing from it? Then no order of the
 * whole exists, for it would contain one of the window. Everything else needs a larger window.
 */
import type { Anomaly } from '../checker.ts';
import type { Machine } from '../model.ts';
import { ILLEGAL } from '../model.ts';
import { NEVER, NONE } from '../../history/history.ts';
import type { History } from '../../history/history.ts';
import { historyOf, mapColumns } from '../../history/table.ts';
import type { Problem } from '../search/problem.ts';
import { layOut } from '../search/problem.ts';
import type { SearchResult } from '../search/search.ts';
import { search } from '../search/search.ts';
import { shrink } from '../search/shrink.ts';
import { fewest } from '../explain/fewest.ts';
import { explainCore } from './core.ts';
import type { Denial, DenialContext, Denials } from './denials.ts';
import { anomaly, extremes } from './evidence.ts';
import type { SearchContext } from './objects.ts';
import { DENIES, SWAPS, WRITES, found, reference, registerMachine } from './register.ts';
import { isSatisfied } from './timeline.ts';
import type { Timeline } from './timeline.ts';
import { deedOf, show, showOf } from './words.ts';

type Impossible = SearchResult & { readonly type: 'impossible' };

export type WindowsOutcome =
  | { readonly type: 'found' }
  | { readonly type: 'impossible'; readonly anomaly?: Anomaly }
  | { readonly type: 'open' };

/** Clusters to each side of a denial, at first; then four times as many, up to the largest. */
const RADIUS = 1;
const RADIUS_MAX = 1024;
/** Orders tried for one question: those of a window that can be decided at all are mostly found at once. */
const STEPS_MAX = 30_000;
/** Indeterminate operations called before a window that may happen in it: with more, all but nothing is impossible. */
const STRAY_MAX = 48;
/** How many of them a window may try to use. */
const STRAYS_TRIED = 12;

interface Window {
  /** The clusters that certainly hold where it begins and ends; NONE: it begins, or ends, with the key. */
  readonly before: number;
  readonly after: number;
  /** Positions of events: everything in the window happens between them. */
  readonly from: number;
  readonly until: number;
}

/** One that is decided, with what it may have used up. */
interface Decided extends Window {
  readonly strays: readonly number[];
}

/** `rows`: all relevant rows of one key but the settled, ascending; `left`: its denials that are left, ascending. */
export function searchWindows(
  context: DenialContext,
  searching: SearchContext,
  denials: Denials,
  rows: Int32Array,
  left: readonly Denial[],
): WindowsOutcome {
  const { call, ret } = context.history;
  const windows = new KeyWindows(context, searching, denials.timeline, rows);
  const decided: Decided[] = [];
  for (const denial of left) {
    const last = decided.at(-1);
    if (last !== undefined && last.from < call[denial.row] && ret[denial.row] < last.until) continue;
    let floor: Window | undefined;
    for (let radius = RADIUS; ; radius *= 4) {
      if (radius > RADIUS_MAX || searching.budget.spent() !== undefined) return { type: 'open' };
      let window = joined(windows.around(denial, radius), floor);
      // What overlaps is decided anew, as one.
      for (let other = decided.at(-1); other !== undefined && window.from < other.until; other = decided.at(-1)) {
        windows.release(other.strays);
        decided.pop();
        window = joined(window, other);
        floor = window;
      }
      const placed = windows.place(window);
      if (placed !== undefined) {
        decided.push({ ...window, strays: placed });
        break;
      }
      const impossible = windows.refute(window);
      if (impossible !== undefined) return impossible;
    }
  }
  return { type: 'found' };
}

function joined(window: Window, other: Window | undefined): Window {
  if (other === undefined) return window;
  const { before, from } = other.from < window.from ? other : window;
  const { after, until } = other.until > window.until ? other : window;
  return { before, from, after, until };
}

class KeyWindows {
  readonly #context: DenialContext;
  readonly #searching: SearchContext;
  readonly #timeline: Timeline;
  readonly #rows: Int32Array;
  /** Per index in `#rows`: the latest return so far of what returned. */
  readonly #reach: Int32Array;
  /** Writes and cas of which nobody knows whether they happened, and those among them that a decided window may use. */
  readonly #strays: readonly number[];
  readonly #used = new Set<number>();

  constructor(context: DenialContext, searching: SearchContext, timeline: Timeline, rows: Int32Array) {
    this.#context = context;
    this.#searching = searching;
    this.#timeline = timeline;
    this.#rows = rows;
    this.#reach = new Int32Array(rows.length);
    const { ret } = context.history;
    const strays: number[] = [];
    let latest = -1;
    for (let i = 0; i < rows.length; i++) {
      if (ret[rows[i]] === NEVER) strays.push(rows[i]);
      else if (ret[rows[i]] > latest) latest = ret[rows[i]];
      this.#reach[i] = latest;
    }
    this.#strays = strays;
  }

  release(strays: readonly number[]): void {
    for (const row of strays) this.#used.delete(row);
  }

  /** The window that reaches at least so many clusters to each side of what the denial denies. */
  around({ cluster }: Denial, radius: number): Window {
    const { first, last } = this.#context.clusters;
    const { previous, next } = this.#timeline;
    const end = (neighbours: Int32Array): number => {
      let c = cluster;
      for (let i = 0; c !== NONE && (i < radius || first[c] >= last[c]); i++) c = neighbours[c];
      return c;
    };
    const start = end(previous);
    const before = start < this.#context.history.length ? start : NONE; // the initial value begins with the key
    const after = end(next);
    const from = before === NONE ? -1 : first[before];
    return { before, from, after, until: after === NONE ? NEVER : last[after] };
  }

  /**
   * Whether what the timeline places in the window can be placed otherwise there, so that all denials are satisfied: the strays it
   * may have used, or undefined if that was not found.
   */
  place(window: Window): readonly number[] | undefined {
    const { history } = this.#context;
    const strays = this.#freeStrays(window);
    const rows = [...this.#placedIn(window), ...strays].sort((a, b) => a - b);
    const closed = enclose(history, rows, window.until);
    const base = registerMachine(closed, this.#searching.semantics);
    const end = window.after === NONE ? NONE : rows.length;
    const machine: Machine = {
      ...base,
      initial: this.#valueOf(window.before),
      ...(end === NONE ? {} : endingWith(base, end, this.#valueOf(window.after))),
    };
    const order = Array.from({ length: end === NONE ? rows.length : rows.length + 1 }, (_, i) => i);
    const { budget } = this.#searching;
    const result = search(layOut(closed, machine, order), machine, { budget, stepsMax: STEPS_MAX });
    if (result.type !== 'found') return undefined;
    for (const row of strays) this.#used.add(row);
    return strays;
  }

  /** Whether what happened in the window could not have, even if whatever reaches out of it may be missing. */
  refute(window: Window): WindowsOutcome | undefined {
    const { history, clusters, survey } = this.#context;
    const { call, ret } = history;
    const strays = this.#strays.filter((row) => call[row] <= window.from && clusters.first[row] > window.from);
    if (strays.length > STRAY_MAX) return undefined;
    const rows = [...strays];
    const reachesOut = (row: number): boolean => call[row] <= window.from || ret[row] >= window.until;
    for (const row of this.#rowsIn(window)) {
      const what = survey.deeds[row];
      const changes = what === WRITES || what === SWAPS;
      // What was found before the window began has happened by then.
      if (changes ? clusters.first[row] > window.from : !reachesOut(row)) rows.push(row);
    }
    rows.sort((a, b) => a - b);
    const missing = Uint8Array.from(rows, (row) => (reachesOut(row) ? 1 : 0));
    const machine = { ...this.#searching.machine, initial: this.#valueOf(window.before) };
    const problem = layOut(history, machine, rows, missing);
    const { budget } = this.#searching;
    const result = search(problem, machine, { budget, stepsMax: STEPS_MAX });
    if (result.type !== 'impossible') return undefined;
    if (!this.#searching.explains) return { type: 'impossible' };
    return { type: 'impossible', anomaly: this.#explain(window, machine, problem, result) };
  }

  #explain(window: Window, machine: Machine, problem: Problem, result: Impossible): Anomaly {
    const { history, survey, reading, clusters: ends } = this.#context;
    const searching = { ...this.#searching, machine };
    const core = shrink(history, machine, problem, result, searching.budget);
    const own = [...new Set([...core.rows, core.stuck])];
    if (window.before === NONE) return explainCore(searching, this.#rows, core);
    const key = history.key[core.stuck];
    const { first, last } = extremes({ history, reading, survey, ends }, key, [window.before]);
    const showers = [window.before, first, last].filter((row, i, all) => all.indexOf(row) === i && !own.includes(row));
    const less = fewest(history, this.#searching.machine, [...own, ...showers], searching.budget);
    // Where it could not be told whether one can be spared, all are shown.
    const shown = less?.rows ?? [...own, ...showers];
    const isShower = (row: number): boolean => showers.includes(row);
    const rest = less === undefined ? core : { ...less, rows: shown.filter((row) => !isShower(row)), minimal: true };
    const { kind, sentence } = explainCore(searching, this.#rows, rest, false);
    const left = shown.filter((row) => isShower(row) && row !== rest.stuck);
    if (left.length === 0) return anomaly(history, kind, sentence, shown);
    const text = showOf(history.values, this.#valueOf(window.before));
    const known = left.map((row) => deedOf(history, row)).join(', ');
    const begins = ` Before, ${show(history.keys[key])} held ${text}, as is known from ${known}.`;
    return anomaly(history, kind, sentence + begins, shown);
  }

  /** Rows that are pending at some moment of the window, strays called before it excepted. */
  *#rowsIn({ from, until }: Window): Iterable<number> {
    const { call, ret } = this.#context.history;
    const rows = this.#rows;
    let [low, high] = [0, rows.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (call[rows[middle]] > from) high = middle;
      else low = middle + 1;
    }
    const inside = low;
    while (low > 0 && this.#reach[low - 1] > from) low--;
    for (let i = low; i < rows.length && call[rows[i]] < until; i++) {
      const row = rows[i];
      if (ret[row] > from && (i >= inside || ret[row] !== NEVER)) yield row;
    }
  }

  /** Rows that the timeline places in the window, and denials that it does not satisfy there. */
  #placedIn(window: Window): number[] {
    const { call } = this.#context.history;
    const { from: begins } = this.#timeline;
    const isInside = (moment: number): boolean => moment > window.from && moment < window.until;
    const placed = this.#strays.filter(
      (row) => call[row] <= window.from && begins[row] !== NEVER && isInside(begins[row]),
    );
    for (const row of this.#rowsIn(window)) if (this.#isPlacedIn(row, window)) placed.push(row);
    return placed;
  }

  #isPlacedIn(row: number, window: Window): boolean {
    const { history, reading, survey, clusters } = this.#context;
    const { call, ret, key, expected } = history;
    const { from, until } = this.#timeline;
    const isInside = (moment: number): boolean => moment > window.from && moment < window.until;
    const what = survey.deeds[row];
    if (what === WRITES || what === SWAPS) return from[row] !== NEVER && isInside(from[row]);
    if (what !== DENIES) {
      const c = clusters.of(key[row], found(history, reading, row));
      return isInside(Math.max(call[row], from[c]));
    }
    const c = clusters.of(key[row], reference(reading, expected[row]));
    if (!isSatisfied(history, this.#timeline, c, row)) return call[row] > window.from && ret[row] < window.until;
    return isInside(from[c] >= call[row] ? call[row] : until[c]);
  }

  /** The last writes before the end of the window that may have happened unseen, and that no other window uses. */
  #freeStrays(window: Window): readonly number[] {
    const { call } = this.#context.history;
    const free: number[] = [];
    for (let i = this.#strays.length - 1; i >= 0 && free.length < STRAYS_TRIED; i--) {
      const row = this.#strays[i];
      const isFree = this.#timeline.from[row] === NEVER && !this.#used.has(row);
      if (isFree && call[row] < window.until) free.push(row);
    }
    return free;
  }

  /** Reference of what a cluster holds; at the beginning of the key, the initial value. */
  #valueOf(cluster: number): number {
    const { history, reading } = this.#context;
    if (cluster === NONE || cluster >= history.length) return reading.initial;
    return reference(reading, history.value[cluster]);
  }
}

/** These rows as a history of their own in which all that returned did so by the end of the window; and one row more. */
function enclose(history: History, rows: readonly number[], until: number): History {
  const events: { readonly at: number; readonly row: number; readonly ends: boolean }[] = [];
  rows.forEach((row, i) => {
    events.push({ at: history.call[row], row: i, ends: false });
    if (history.ret[row] !== NEVER) events.push({ at: Math.min(history.ret[row], until), row: i, ends: true });
  });
  events.sort((a, b) => a.at - b.at || a.row - b.row);
  const length = rows.length + 1;
  const call = new Int32Array(length);
  const ret = new Int32Array(length).fill(NEVER);
  events.forEach(({ row, ends }, position) => {
    if (ends) ret[row] = position;
    else call[row] = position;
  });
  call[length - 1] = events.length;
  ret[length - 1] = events.length + 1;
  const all = Int32Array.from([...rows, rows[0]]);
  const bytes = (from: Uint8Array): Uint8Array => Uint8Array.from(all, (row) => from[row]);
  const integers = (from: Int32Array): Int32Array => all.map((row) => from[row]);
  const floats = (from: Float64Array): Float64Array => Float64Array.from(all, (row) => from[row]);
  const columns = mapColumns(
    (name) => bytes(history[name]),
    (name) => integers(history[name]),
    (name) => floats(history[name]),
  );
  const {
    filter: _filter,
    operation: _operation,
    length: _length,
    eventIndex: _index,
    lines: _lines,
    ...tables
  } = history;
  return historyOf({ ...tables, ...columns, call, ret, positions: events.length + 2, operations: length });
}

/** A machine of which the last operation finds this value, whatever it looks like in the history. */
function endingWith(base: Machine, end: number, value: number): Partial<Machine> {
  return {
    relevant: (row) => row === end || base.relevant(row),
    pure: (row) => row === end || base.pure(row),
    step: (state, row) => (row === end ? (state === value ? state : ILLEGAL) : base.step(state, row)),
    register: {
      needs: (row) => (row === end ? value : (base.register?.needs(row) ?? ILLEGAL)),
      leaves: (row) => (row === end ? ILLEGAL : (base.register?.leaves(row) ?? ILLEGAL)),
    },
  };
}
