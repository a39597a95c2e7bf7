/**
 * Followers that suspect and ask: a stream of events says at which one something may have gone wrong, and `check` of what there is
 * says whether it has. So nothing is ever told that `check` would not tell.
 */
import type { Growing } from '../../history/growing.ts';
import type { PlacedNote } from '../../history/history.ts';
import type { Anomaly, Budget, Checker, Follower, Semantics } from '../checker.ts';

export interface Suspecting {
  /** Set when check should be asked; whoever asks resets it. */
  suspects: boolean;
  invoked(row: number): void;
  completed(row: number): void;
  noted?(note: PlacedNote): void;
}

/** After a suspicion that came to nothing check is asked again when there are so many times as many events. */
const PATIENCE = 1.25;

export function confirming(
  checker: Pick<Checker, 'check'>,
  growing: Growing,
  budget: Budget,
  semantics: Semantics,
  stream: Suspecting,
): Follower {
  let broken: Anomaly | undefined;
  let events = 0;
  let askAt = 0;
  return {
    invoked(row) {
      events++;
      stream.invoked(row);
    },
    completed(row) {
      events++;
      stream.completed(row);
    },
    noted(note) {
      events++;
      stream.noted?.(note);
    },
    broken() {
      if (!stream.suspects || broken !== undefined || events < askAt) return broken;
      stream.suspects = false;
      const verdict = checker.check(growing.snapshot(), budget, semantics);
      if (verdict.type === 'invalid') broken = verdict.anomalies[0];
      else askAt = events * PATIENCE;
      return broken;
    },
    end: () => checker.check(growing.snapshot(), budget, semantics),
  };
}
