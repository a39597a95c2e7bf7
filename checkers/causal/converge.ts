/**
 * Causal convergence: the causal order and the conflicts have a common order, in which all sessions may agree (CyclicCF in
 * Bouajjani et al. 2017).
 */
import { NONE } from '../../history/history.ts';
import type { IntList } from './int-list.ts';
import { Knots } from './knots.ts';
import type { SessionOrder } from './order.ts';
import type { Conflict, Past } from './past.ts';
import { endOf, type Units, unitOf } from './units.ts';

const CIRCLES_MAX = 10;

/** One step of a circle: along the causal order, or by a conflict. By units. */
export interface Step {
  readonly from: number;
  readonly to: number;
  readonly conflict: Conflict | undefined;
}

export interface Convergence {
  /** Short circles, one for each knot. */
  readonly circles: readonly (readonly Step[])[];
  readonly count: number;
}

export function converge(units: Units, sessions: SessionOrder, past: Past): Convergence {
  return circlesOf(units, sessions, past, past.conflicts);
}

/** Circles of the causal order and these edges, each of which is three integers: from, to (units), and what it says. */
export function circlesOf(units: Units, sessions: SessionOrder, past: Past, conflicts: IntList): Convergence {
  const { place } = past;
  /** Per place, plus one: how many more conflicts go back over it than over the one before. */
  let back: Int32Array | undefined;
  for (let i = 0; i < conflicts.length; i += 3) {
    const from = place[conflicts.items[i]];
    const to = place[conflicts.items[i + 1]];
    if (from < to) continue;
    back ??= new Int32Array(past.length + 1);
    back[to]++;
    back[from + 1]--;
  }
  if (back === undefined) return { circles: [], count: 0 };
  return inWindows(units, sessions, past, conflicts, back);
}

/** Every circle lies where conflicts go back over the order of the pass: only these places make up the graph. */
function inWindows(
  units: Units,
  sessions: SessionOrder,
  past: Past,
  conflicts: IntList,
  back: Int32Array,
): Convergence {
  const { place, order } = past;
  const { history, source } = units;
  /** Per place: its node, or NONE. */
  const node = back;
  const placeOf = new Int32Array(past.length);
  let over = 0;
  let nodes = 0;
  for (let at = 0; at < past.length; at++) {
    over += back[at];
    if (over > 0) placeOf[nodes] = at;
    node[at] = over > 0 ? nodes++ : NONE;
  }
  const knots = new Knots(nodes);
  const link = (from: number, to: number, label: number): void => {
    const [a, b] = [node[place[from]], node[place[to]]];
    if (a !== NONE && b !== NONE) knots.edge(a, b, label);
  };
  for (let n = 0; n < nodes; n++) {
    const unit = order[placeOf[n]];
    for (let row = unit, end = endOf(history, unit); row < end; row++) {
      if (source[row] >= 0) link(unitOf(history, source[row]), unit, NONE);
    }
    sessions.eachPrevious(unit, (previous) => link(previous, unit, NONE));
  }
  for (let i = 0; i < conflicts.length; i += 3) link(conflicts.items[i], conflicts.items[i + 1], i);
  const { circles, count } = knots.circles(CIRCLES_MAX);
  const unitAt = (n: number): number => order[placeOf[n]];
  const step = (edge: number): Step => {
    const label = knots.label(edge);
    const [from, to] = [unitAt(knots.from(edge)), unitAt(knots.to(edge))];
    return { from, to, conflict: label === NONE ? undefined : { from, to, read: conflicts.at(label + 2) } };
  };
  return { circles: circles.map((circle) => circle.map(step)), count };
}
