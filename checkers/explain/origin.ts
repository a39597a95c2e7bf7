/**
 * Where the answer comes from that found no place: the operations after which it would have one.
 *
 * Shrinking leaves what cannot all stand, whichever of the others happened. Of a read of 3 beside a write of 8 that is all it
 * takes; yet a reader asks who wrote 3. So what is shown is a story of its own: all of it but the operation that got stuck can
 * stand alone, and that one could have been answered so, had these operations come in another order.
 */
import type { Budget } from '../checker.ts';
import type { Machine, State } from '../model.ts';
import { ILLEGAL } from '../model.ts';
import { NEVER } from '../../history/history.ts';
import type { History } from '../../history/history.ts';
import { refuteWith } from '../search/shrink.ts';
import type { Core } from '../search/shrink.ts';
import { Noticed } from '../search/noticed.ts';
import { layOut } from '../search/problem.ts';
import { search } from '../search/search.ts';

/** `impossible`: no operations asked for by then lead to the answer that got stuck, in whatever order. */
export type Origin =
  | {
      readonly type: 'story';
      /** Rows that cannot all stand, whichever of the others happened; ascending. */
      readonly rows: readonly number[];
      /** The one of them that found no place, and the states before it: that of the core, or one that returned later. */
      readonly stuck: number;
      readonly states: readonly State[];
      /** Those after which the one that got stuck would have a place, in that order. */
      readonly last: readonly number[];
      /** Whether nothing of it can be spared. */
      readonly minimal: boolean;
    }
  | { readonly type: 'impossible' }
  | { readonly type: 'unknown' };

export interface Asked {
  readonly history: History;
  readonly machine: Machine;
  readonly budget: Budget;
}

/** Of longer ones it is not told which others lead to an answer. */
const LAST_MAX = 6;
/** What is looked through for them. */
const DEPTH_MAX = 10;
/** Stories of more are not told. */
const ROWS_MAX = 10;
/** All parts of a story of so many are looked at; of longer ones, those that lack one operation. */
const PARTS_OF = 7;
/** Orders tried for one question. */
const STEPS_MAX = 20_000;
/** Steps tried for one answer. */
const WAYS_MAX = 4000;
/** Operations without a place in a story that is being told, for each of which more is added. */
const ADDED_MAX = 4;
/** Of more operations, not all are tried as parts of a story. */
const LONG = 300;

/** `rows`: all that counts of one object, ascending; the core is among them. */
export function originOf(asked: Asked, all: ArrayLike<number>, core: Core): Origin {
  const { history, machine } = asked;
  const { stuck } = core;
  const rows = noticedBy(machine, all, new Set(core.rows));
  const until = history.ret[stuck];
  const before = core.rows.filter((row) => row !== stuck);
  const earlier: number[] = [];
  for (let i = 0; i < rows.length && history.call[rows[i]] < until; i++) earlier.push(rows[i]);
  // The latest first: of several that would do, the nearest is shown.
  const changes = earlier.filter((row) => row !== stuck && !machine.pure(row)).reverse();
  const way = shortestWay(asked, changes, before, stuck);
  if (way === 'none' && before.length === 0) return { type: 'impossible' };
  if (typeof way === 'string') return { type: 'unknown' };
  const caused = withCauses(asked, changes, before, way);
  const story = caused.type === 'stands' ? caused.rows : withAll(asked, changes, before, stuck, until);
  // What the answer would follow from may itself have no place beside the others, though it returned later: then that is told.
  const told = story === undefined ? (caused.type === 'clashes' ? caused.rows : undefined) : [...story, stuck];
  if (told === undefined || told.length > ROWS_MAX) return { type: 'unknown' };
  return fewestOf(asked, rows, core, [...new Set(told)]);
}

interface Caused {
  /** Whether they can all stand; where one clashes, it has no place although all that it would follow from is there. */
  readonly type: 'stands' | 'clashes' | 'unknown';
  readonly rows: readonly number[];
}

/** The operations, and what each of them that is astray without it would follow from. */
function withCauses(
  asked: Asked,
  changes: readonly number[],
  before: readonly number[],
  way: readonly number[],
): Caused {
  const story = new Set([...before, ...way]);
  for (let added = 0; ; added++) {
    const astray = firstAstray(asked, story);
    if (astray === undefined) return { type: 'stands', rows: [...story] };
    if (astray === 'unknown' || added === ADDED_MAX) return { type: 'unknown', rows: [...story] };
    const cause = shortestWay(asked, changes, before, astray);
    if (typeof cause === 'string') return { type: 'unknown', rows: [...story] };
    if (cause.every((row) => story.has(row))) return { type: 'clashes', rows: [...story] };
    for (const row of cause) story.add(row);
  }
}

/** All that changed anything and was over by then, which did stand; less what can be spared for that. */
function withAll(
  asked: Asked,
  changes: readonly number[],
  before: readonly number[],
  stuck: number,
  until: number,
): readonly number[] | undefined {
  if (changes.length > LONG) return undefined;
  const over = changes.filter((row) => asked.history.ret[row] < until);
  const open = changes.filter((row) => asked.history.ret[row] >= until);
  const leads = (some: ReadonlySet<number>): boolean => {
    if (firstAstray(asked, some) !== undefined) return false;
    const own = changes.filter((row) => some.has(row));
    return Array.isArray(shortestWay(asked, own, before, stuck));
  };
  const tries = [[], ...open.map((row) => [row]), open].map((more) => new Set([...before, ...over, ...more]));
  let story: ReadonlySet<number> | undefined = tries.find(leads);
  if (story === undefined) return undefined;
  const spare = [...story].filter((row) => !before.includes(row)).sort((a, b) => a - b);
  for (let size = Math.max(1, spare.length >> 1); size >= 1; size >>= 1) {
    for (let from = 0; from < spare.length; ) {
      const part = spare.slice(from, from + size);
      const rest: ReadonlySet<number> = new Set([...story].filter((row) => !part.includes(row)));
      if (leads(rest)) {
        story = rest;
        spare.splice(from, size);
      } else from += size;
    }
  }
  return [...story];
}

interface Told {
  readonly stuck: number;
  readonly states: readonly State[];
  readonly last: readonly number[];
}

/**
 * The smallest part of the story that is one itself, and cannot stand whichever of the others happened. All that was over before
 * the operation that got stuck did stand; so in no part does another get stuck sooner, but in some another does later.
 */
function fewestOf(asked: Asked, rows: ArrayLike<number>, core: Core, story: readonly number[]): Origin {
  const { history, machine, budget } = asked;
  const { call, ret } = history;
  const until = ret[core.stuck];
  const calledBefore = (end: number): readonly number[] => {
    const some: number[] = [];
    for (let i = 0; i < rows.length && call[rows[i]] < end; i++) some.push(rows[i]);
    return some;
  };
  const earlier = calledBefore(until);
  const ends = story.map((row) => ret[row]).filter((end) => end !== NEVER && end > until);
  const later = ends.length === 0 ? earlier : calledBefore(Math.max(...ends));
  const looksLater = later.length - earlier.length <= LONG;
  const wayOf = (some: readonly number[], stuck: number): readonly number[] | undefined => {
    const others = some.filter((row) => row !== stuck);
    const last = shortestWay(asked, others.filter((row) => !machine.pure(row)).reverse(), [], stuck);
    if (typeof last === 'string') return undefined;
    return firstAstray(asked, new Set(others)) === undefined ? last : undefined;
  };
  const told = (some: readonly number[]): Told | undefined => {
    if (budget.spent() !== undefined) return undefined;
    const last = some.includes(core.stuck) ? wayOf(some, core.stuck) : undefined;
    if (last !== undefined && refuteWith(history, machine, earlier, new Set(some), until, budget) !== undefined) {
      return { stuck: core.stuck, states: core.states, last };
    }
    const after = looksLater ? some.filter((row) => ret[row] !== NEVER && ret[row] > until) : [];
    if (!after.some((row) => wayOf(some, row) !== undefined)) return undefined;
    const end = Math.max(...after.map((row) => ret[row]));
    const own = later.filter((row) => call[row] < end);
    const refuted = refuteWith(history, machine, own, new Set(some), end, budget);
    const way = refuted === undefined || !after.includes(refuted.stuck) ? undefined : wayOf(some, refuted.stuck);
    return refuted === undefined || way === undefined ? undefined : { ...refuted, last: way };
  };
  let best = [...story].sort((a, b) => a - b);
  let known: Told | undefined;
  for (let i = 0; best.length > PARTS_OF && i < best.length; ) {
    const less = best.toSpliced(i, 1);
    const toldSo = told(less);
    if (toldSo === undefined) i++;
    else [best, known, i] = [less, toldSo, 0];
  }
  for (const part of best.length <= PARTS_OF ? partsOf(best) : []) {
    const toldSo = told(part);
    if (toldSo === undefined) continue;
    [best, known] = [[...part], toldSo];
    break;
  }
  known ??= told(best);
  if (known === undefined) return { type: 'unknown' };
  return { type: 'story', rows: best, ...known, minimal: core.minimal && budget.spent() === undefined };
}

/** Proper parts of at least two, the smallest first. */
function partsOf(rows: readonly number[]): readonly (readonly number[])[] {
  const parts: number[][] = [];
  for (let bits = 1; bits < 2 ** rows.length - 1; bits++) parts.push(rows.filter((_, i) => ((bits >> i) & 1) === 1));
  return parts.filter(({ length }) => length > 1).sort((a, b) => a.length - b.length);
}

interface Place {
  readonly state: State;
  readonly row: number;
  readonly before: Place | undefined;
  readonly depth: number;
}

type Way = readonly number[] | 'none' | 'unknown';

/**
 * As few operations as it takes, in an order after which `goal` could be answered as it was; those of the core where they
 * do as well as others. `none`: there is no such order.
 */
function shortestWay(
  { history, machine, budget }: Asked,
  changes: readonly number[],
  core: readonly number[],
  goal: number,
): Way {
  // What was asked for later can lead to nothing that was answered.
  const earlier = changes.filter((row) => row !== goal && history.call[row] < history.ret[goal]);
  const own = noticedBy(machine, [...earlier, goal], new Set([goal])).filter((row) => row !== goal);
  const candidates = [...own.filter((row) => core.includes(row)), ...own.filter((row) => !core.includes(row))];
  if (machine.register !== undefined) return registerWay(machine, candidates, goal);
  const kinds = kindsOf(history, machine, candidates);
  const seen = new Set<string>();
  let steps = 0;
  let isCut = false;
  let places: Place[] = [{ state: machine.initial, row: -1, before: undefined, depth: 0 }];
  while (places.length > 0) {
    const next: Place[] = [];
    for (const place of places) {
      if (machine.step(place.state, goal) !== ILLEGAL) return place.depth > LAST_MAX ? 'unknown' : wayTo(place);
      isCut ||= place.depth === DEPTH_MAX;
      if (place.depth === DEPTH_MAX) continue;
      const used = wayTo(place);
      for (const same of kinds) {
        // Of those that do the same, the first is as good as any.
        const row = same.find((one) => !used.includes(one));
        if (row === undefined) continue;
        if (++steps > WAYS_MAX || (steps % 1024 === 0 && budget.spent() !== undefined)) return 'unknown';
        const state = machine.step(place.state, row);
        if (state === ILLEGAL || state === place.state || machine.mayLeadTo?.(state, goal) === false) continue;
        const name = `${state} ${[...used, row].sort((a, b) => a - b).join()}`;
        if (seen.has(name)) continue;
        seen.add(name);
        next.push({ state, row, before: place, depth: place.depth + 1 });
      }
    }
    places = next;
  }
  return isCut ? 'unknown' : 'none';
}

/** The first that leaves what is needed; where that is a cas, what it needs in its turn. */
function registerWay(machine: Machine, candidates: readonly number[], goal: number): Way {
  const way: number[] = [];
  for (let next = goal; machine.step(machine.initial, next) === ILLEGAL; next = way[0]) {
    const row = candidates.find((one) => {
      const left = machine.register?.leaves(one) ?? ILLEGAL;
      return left !== ILLEGAL && !way.includes(one) && machine.step(left, next) !== ILLEGAL;
    });
    if (row === undefined) return way.length === 0 ? 'none' : 'unknown';
    way.unshift(row);
    if (machine.register?.needs(row) === ILLEGAL) break;
    if (way.length === LAST_MAX) return 'unknown';
  }
  return way;
}

/** Of cells, only what can make a difference to some of the rows, and these; in the given order. */
function noticedBy(machine: Machine, rows: ArrayLike<number>, some: ReadonlySet<number>): readonly number[] {
  const all = Array.from(rows);
  if (machine.deeds === undefined) return all;
  const noticed = new Noticed(all, machine.deeds);
  return noticed.by(all.map((row) => (some.has(row) ? 0 : 1))).map((i) => all[i]);
}

/** Rows that do the same, in the given order. */
function kindsOf({ f, value, expected }: History, machine: Machine, rows: readonly number[]): readonly number[][] {
  const kinds = new Map<number | string, number[]>();
  for (const row of rows) {
    const kind = machine.kind?.(row) ?? `${f[row]} ${value[row]} ${expected[row]}`;
    const same = kinds.get(kind);
    if (same === undefined) kinds.set(kind, [row]);
    else same.push(row);
  }
  return [...kinds.values()];
}

function wayTo(place: Place): number[] {
  const rows: number[] = [];
  for (let at: Place | undefined = place; at !== undefined && at.row !== -1; at = at.before) rows.push(at.row);
  return rows.reverse();
}

/** The operation that gets stuck where nothing but these happened; undefined where none does. */
function firstAstray({ history, machine, budget }: Asked, rows: ReadonlySet<number>): number | 'unknown' | undefined {
  if (rows.size === 0) return undefined;
  const problem = layOut(
    history,
    machine,
    [...rows].sort((a, b) => a - b),
  );
  const result = search(problem, machine, { budget, stepsMax: STEPS_MAX });
  if (result.type === 'found') return undefined;
  return result.type === 'stopped' ? 'unknown' : problem.row[result.stuck];
}
