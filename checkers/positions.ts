/**
 * Places in a replication group's history, and their order.
 *
 * Places of one group are ordered by (history, at), lexicographically: that is the order of a leader's log, where a higher
 * term goes on from some place of a lower one. A history that is not numbered (a replication id) has an order only within
 * itself. Places of different groups have none.
 */
import { type History, NONE } from '../history/history.ts';

/** The three columns that make up a place, by row. */
export interface Places {
  /** Index into `groups`; NONE: no place. */
  readonly group: Int32Array;
  /** Reference to the term, timeline or replication id. */
  readonly history: Int32Array;
  readonly at: Float64Array;
}

export function versionsOf(history: History): Places {
  return { group: history.versionGroup, history: history.versionHistory, at: history.versionAt };
}

export function positionsOf(history: History): Places {
  return { group: history.positionGroup, history: history.positionHistory, at: history.positionAt };
}

/** The number of a history (a term) behind its reference; NaN where it is none. */
export function termOf(reference: number): number {
  return (reference & 1) === 0 ? reference >> 1 : Number.NaN;
}

/** Below 0: the place of row a comes first. NaN: they have no order, or one row has no place. */
export function comparePlaces(places: Places, a: number, b: number): number {
  if (places.group[a] === NONE || places.group[a] !== places.group[b]) return Number.NaN;
  if (places.history[a] === places.history[b]) return places.at[a] - places.at[b];
  return termOf(places.history[a]) - termOf(places.history[b]);
}

/** `(3,118)`, as it is printed; where there are several groups, `(g1,3,118)`. */
export function placeText(history: History, places: Places, row: number): string {
  const group = history.groups.length > 1 ? `${history.groups[places.group[row]]},` : '';
  return `(${group}${String(history.values.get(places.history[row]))},${places.at[row]})`;
}

/** ` of g1`, after a term; nothing where there is only one group. */
export function ofGroup(history: History, group: number): string {
  return history.groups.length > 1 ? ` of ${history.groups[group]}` : '';
}

/** In place of a group: versions place the key in several. */
export const MOVED = -2;

/** For each key the group that holds it, as far as versions tell: NONE where they do not. `moved`: a key that is MOVED, or NONE. */
export function groupsOfKeys(history: History): { readonly groups: Int32Array; readonly moved: number } {
  const groups = new Int32Array(history.keys.length).fill(NONE);
  let moved: number = NONE;
  for (let row = 0; row < history.length; row++) {
    const group = history.versionGroup[row];
    const key = history.key[row];
    if (group === NONE) continue;
    if (groups[key] === NONE) groups[key] = group;
    else if (groups[key] !== group) groups[(moved = key)] = MOVED;
  }
  return { groups, moved };
}
