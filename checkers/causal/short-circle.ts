/** A short circle of conflicts. */
import type { Conflict } from './past.ts';

/** From how many conflicts a short circle is sought. */
const STARTS = 50;

/** Few conflicts each of which leads on to the next, and the last to the first; undefined if there are none. */
export function shortestCircle(
  conflicts: readonly Conflict[],
  leadsTo: (a: Conflict, b: Conflict) => boolean,
): readonly Conflict[] | undefined {
  const following = conflicts.map((a) => conflicts.filter((b) => leadsTo(a, b)));
  const after = new Map(conflicts.map((conflict, i) => [conflict, following[i]]));
  // What leads to nothing that is left is on no circle.
  const left = new Set(conflicts);
  for (let before = -1; before !== left.size; ) {
    before = left.size;
    for (const conflict of left) if (!(after.get(conflict) ?? []).some((next) => left.has(next))) left.delete(conflict);
  }
  let best: readonly Conflict[] | undefined;
  for (const start of [...left].slice(0, STARTS)) {
    const cameFrom = new Map<Conflict, Conflict | undefined>([[start, undefined]]);
    for (const at of cameFrom.keys()) {
      const next = after.get(at) ?? [];
      if (next.includes(start)) {
        const circle: Conflict[] = [];
        for (let c: Conflict | undefined = at; c !== undefined; c = cameFrom.get(c)) circle.unshift(c);
        if (best === undefined || circle.length < best.length) best = circle;
        break;
      }
      for (const other of next) if (left.has(other) && !cameFrom.has(other)) cameFrom.set(other, at);
    }
  }
  return best;
}
