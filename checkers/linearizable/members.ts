/** The operations of clusters that a chain joins, and the fewest of them that force the chain's place among the others. */
import { NEVER, NONE } from '../../history/history.ts';
import type { History } from '../../history/history.ts';
import { rowsAbout } from './evidence.ts';
import type { Explainer } from './evidence.ts';
import { READS, SILENT, SWAPS, WRITES, found, reference } from './register.ts';

/** Of each cluster of a chain: the operation that returned first, and the one called last; NONE where nobody found it. */
export interface Members {
  readonly chain: readonly number[];
  /** All its operations, in the order of their calls. */
  readonly rows: readonly number[];
  readonly places: ReadonlyMap<number, number>;
  readonly first: Int32Array;
  readonly last: Int32Array;
  /** Over the whole chain. The initial value was there before everything. */
  readonly firstRet: number;
  readonly lastCall: number;
}

/** Two operations of one chain, maybe the same. */
export interface Ends {
  readonly first: number;
  readonly last: number;
}

export function membersOf(explainer: Explainer, key: number, chain: readonly number[]): Members {
  const { history } = explainer;
  const places = new Map(chain.map((c, place) => [clusterValue(explainer, c), place]));
  const first = new Int32Array(chain.length).fill(NONE);
  const last = new Int32Array(chain.length).fill(NONE);
  let lastCall = -1;
  if (chain[0] >= history.length) first[0] = chain[0];
  const rows = rowsAbout(explainer, key, new Set(places.keys()), chain);
  for (const row of rows) {
    const place = placeOf(explainer, { places }, row);
    if (first[place] === NONE || history.ret[row] < retOf(history, first[place])) first[place] = row;
    if (last[place] === NONE || history.call[row] > history.call[last[place]]) last[place] = row;
    lastCall = Math.max(lastCall, history.call[row]);
  }
  const firstRet = first.reduce(
    (least, row) => (row === NONE ? least : Math.min(least, retOf(history, row))),
    Infinity,
  );
  return { chain, rows, places, first, last, firstRet, lastCall };
}

/** Where in the chain the cluster of an operation stands; NONE: it is of another. */
export function placeOf(explainer: Explainer, { places }: Pick<Members, 'places'>, row: number): number {
  const { history, reading, survey } = explainer;
  if (row >= history.length) return 0;
  const what = survey.deeds[row];
  if (what === SILENT) return NONE;
  if (what === READS) return places.get(found(history, reading, row)) ?? NONE;
  return what === WRITES || what === SWAPS ? (places.get(reference(reading, history.value[row])) ?? NONE) : NONE;
}

/** Writes of unknown outcome of what operations of a chain found: who sees these shown sees that they were asked for, and excuse nothing. */
export function openWritesOf(explainer: Explainer, members: Members, rows: readonly number[]): number[] {
  return rows
    .map((row) => placeOf(explainer, members, row))
    .filter((place) => place !== NONE)
    .map((place) => members.chain[place])
    .filter((c) => c < explainer.history.length && explainer.history.ret[c] === NEVER);
}

export function isInitial({ history }: Explainer, { chain }: Members): boolean {
  return chain[0] >= history.length;
}

export function retOf(history: History, row: number): number {
  return row >= history.length ? -1 : history.ret[row];
}

/**
 * An operation that was over before `until`, and one that was asked for after `since`, with as few cas as possible between
 * them; one operation that is both, where there is one. The write where it will do, for a reader looks for it; and the
 * first that came too late.
 */
export function nearest(
  explainer: Explainer,
  members: Members,
  until: number,
  since: number,
  how?: 'by its write',
): Ends {
  const { history } = explainer;
  const { first, last, chain } = members;
  const fromTheBeginning = isInitial(explainer, members);
  const both = fromTheBeginning || how === 'by its write' ? NONE : oneOf(explainer, members, until, since);
  if (both !== NONE) return { first: both, last: both };
  let [begun, ended] = [NONE, NONE];
  let best = { begun: 0, ended: 0, apart: chain.length };
  for (let place = 0; place < chain.length; place++) {
    if (fromTheBeginning) begun = 0;
    else if (first[place] !== NONE && retOf(history, first[place]) < until) begun = place;
    if (last[place] !== NONE && history.call[last[place]] > since) ended = place;
    const apart = Math.abs(begun - ended);
    if (begun !== NONE && ended !== NONE && apart < best.apart) best = { begun, ended, apart };
  }
  const write = chain[best.begun];
  if (how === 'by its write' && retOf(history, write) >= until) return nearest(explainer, members, until, since);
  const isOver = retOf(history, write) < until;
  if (isOver && best.apart === 0 && write < history.length && history.call[write] > since)
    return { first: write, last: write };
  return {
    first: isOver ? write : first[best.begun],
    last: firstAfter(explainer, members, best.ended, since),
  };
}

/** The operation at `place` called first after `since`; there is one. */
export function firstAfter(explainer: Explainer, members: Members, place: number, since: number): number {
  const { call } = explainer.history;
  const after = members.rows.find((row) => call[row] > since && placeOf(explainer, members, row) === place);
  return after ?? members.last[place];
}

/** The operation that came first of those that do for both ends; NONE where there is none. */
function oneOf(explainer: Explainer, members: Members, until: number, since: number): number {
  const { call, ret } = explainer.history;
  return members.rows.find((row) => call[row] > since && ret[row] < until) ?? NONE;
}

/** The nearest place before `to` of which an operation was asked for after the cluster at `to` had been found. */
export function nearestBefore({ history }: Explainer, { first, last }: Members, to: number): number {
  let place = to - 1;
  while (place > 0 && (last[place] === NONE || history.call[last[place]] <= retOf(history, first[to]))) place--;
  return place;
}

export function clusterValue({ history, reading }: Explainer, c: number): number {
  return c < history.length ? reference(reading, history.value[c]) : reading.initial;
}
