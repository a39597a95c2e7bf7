/**
 * Linearizability while the history is made.
 *
 * Registers whose values are written once are followed by their zones, exactly: the event that no order can explain is the one that
 * breaks. What zones do not decide (values written again, failed cas that do not say what they found, other models) is judged by
 * `check` whenever there is twice as much of it as the last time, and at the end.
 */
import type { Growing } from '../../history/growing.ts';
import type { Anomaly, Budget, Checker, Follower, Semantics, Verdict } from '../checker.ts';
import { modelNamed } from '../linearizable/models.ts';
import { registerReading } from '../linearizable/register.ts';
import { ZoneStream } from './zone-stream.ts';

/** Completions on doubtful keys before they are judged for the first time. */
const DOUBTS_FIRST = 64;

export function followLinearizable(
  check: Checker['check'],
  growing: Growing,
  budget: Budget,
  semantics: Semantics,
): Follower {
  const model = modelNamed(semantics.model);
  const isRegister = model?.machine(growing.snapshot(), semantics).register !== undefined;
  const zones = isRegister
    ? new ZoneStream(growing, registerReading(growing, semantics), model.methods.includes('cas'))
    : undefined;
  let doubts = 0;
  let judgeAt = DOUBTS_FIRST;
  let confirmed = 0;
  let broken: Anomaly | undefined;

  const judge = (wanted: (key: number) => boolean): Anomaly | undefined => {
    const whole = growing.snapshot();
    const verdict = check(
      whole.filter((row) => wanted(whole.key[row])),
      budget,
      semantics,
    );
    return verdict.type === 'invalid' ? verdict.anomalies[0] : undefined;
  };
  return {
    invoked: (row) => zones?.invoked(row),
    completed(row) {
      zones?.completed(row);
      if (zones === undefined || zones.doubtful(growing.columns.key[row])) doubts++;
    },
    noted: () => undefined,
    broken() {
      if (broken !== undefined) return broken;
      const crossed: readonly number[] = zones?.crossed ?? [];
      while (confirmed < crossed.length && broken === undefined) {
        const key = crossed[confirmed++];
        broken = judge((other) => other === key);
      }
      if (doubts >= judgeAt && broken === undefined) {
        judgeAt = doubts * 2;
        broken = judge((key) => zones?.doubtful(key) ?? true);
      }
      return broken;
    },
    end: (): Verdict => check(growing.snapshot(), budget, semantics),
  };
}
