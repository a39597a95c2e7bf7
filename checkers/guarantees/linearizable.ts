/**
 * Linearizability (Herlihy & Wing 1990), key by key: it is a local property.
 *
 * Registers whose values are all written once are judged in linear time by their zones; whatever that does not decide,
 * and every other model, goes to the search.
 *
 * By values and time alone. Versions are claims, which neither make an answer right nor wrong here: that a read of a repeated value was
 * stale by its version, or that versions contradict one another, is for `sequential` and the session guarantees to tell.
 */
import type { Anomaly, Budget, Checker, Semantics, Verdict } from '../checker.ts';
import type { History } from '../../history/history.ts';
import { withLastStates } from '../explain/last-state.ts';
import { modelNamed, models } from '../linearizable/models.ts';
import { checkObjects } from '../linearizable/objects.ts';
import { checkRegisters } from '../linearizable/registers.ts';
import { followLinearizable } from '../online/linearizable.ts';

const ANOMALIES_SHOWN = 10;

function check(history: History, budget: Budget, semantics: Semantics): Verdict {
  const model = modelNamed(semantics.model);
  if (model === undefined) {
    const names = models.map(({ name }) => name).join(', ');
    return {
      type: 'unknown',
      reason: `there is no model '${String(semantics.model)}'; valid: ${names}`,
      examined: { operations: history.operations },
    };
  }
  const machine = model.machine(history, semantics);
  const isRegister = machine.register !== undefined;
  const { examined: rows, ...outcome } = isRegister
    ? checkRegisters(history, model, semantics, budget)
    : checkObjects(history, model, semantics, budget);
  const { anomalies, count, undecided, seesNothing } = outcome;
  // An operation on several keys is several rows, and those that tell nothing are not looked at.
  const examined = { ...rows, operations: history.operations, rows: rows.operations };
  const [first, ...rest] = anomalies;
  if (first !== undefined) {
    const explained = [first, ...rest.slice(0, ANOMALIES_SHOWN - 1)];
    const told = withLastStates(explained, history, machine, budget, model);
    const shown = told as [Anomaly, ...Anomaly[]]; // as many as before
    return { type: 'invalid', anomalies: shown, count, examined };
  }
  if (undecided.length > 0) {
    const more =
      undecided.length === 1 ? '' : ` (and ${undecided.length - 1} more ${undecided.length === 2 ? 'key' : 'keys'})`;
    return { type: 'unknown', reason: `${undecided[0]}${more}`, examined };
  }
  if (seesNothing !== undefined) return { type: 'unknown', reason: seesNothing, examined };
  return { type: 'valid', examined };
}

export default {
  name: 'linearizable',
  decides: 'linearizable',
  check,
  follow: (growing, budget, semantics) => followLinearizable(check, growing, budget, semantics),
} satisfies Checker;
