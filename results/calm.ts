/** When a run was calm: while its load went on, no fault was in force, nor had one been for a while. */
import { SECOND } from '../history/clock.ts';
import type { RunRecord } from './record.ts';

/** A cluster that was just healed is not calm yet. */
export const RECOVERY_NS = 2 * SECOND;

/**
 * The steps of the run's series that were calm from end to end. The first and the last that anything of the load ended in are none: it
 * began within the one and ended within the other. After its planned end only what was under way then ends.
 */
export function calmSteps({ series, faults, plan }: RunRecord): readonly number[] {
  if (series === undefined) return [];
  const { stepNs, steps, rates } = series;
  const isBusy = (step: number): boolean => rates.some(({ counts }) => counts[step] > 0);
  const all = Array.from({ length: steps }, (_, step) => step);
  const first = all.find(isBusy);
  const last = all.findLast(isBusy);
  if (first === undefined || last === undefined) return [];
  const planned = plan['durationNs'];
  const end = typeof planned === 'number' ? Math.min(last, first + Math.floor(planned / stepNs)) : last;
  return all
    .slice(first + 1, end)
    .filter(
      (step) => !faults.some(({ from, until }) => from <= (step + 1) * stepNs && step * stepNs <= until + RECOVERY_NS),
    );
}
