/**
 * Causal consistency, the weak form (CC in Bouajjani, Enea, Guerraoui & Hamza 2017): for each operation there is an order of its causal
 * past that explains what it read. A transaction, or a read of several keys, is one operation, explained by one order.
 */
import type { Checker, Verdict } from '../checker.ts';
import { type Case, convergence, exactPast, invalid, judge, standing } from '../causal/judge.ts';
import { smallest } from '../causal/reduce.ts';

function decide(at: Case): Verdict {
  // Whatever has one order for all has one for each.
  if (convergence(at).count === 0) return standing(at);
  const { past, wrong } = exactPast(at);
  return wrong.count > 0 ? invalid(wrong, at.examined) : standing(at, past.stopped);
}

export default {
  name: 'causal-weak',
  decides: 'causal-weak',
  check: (history, budget, semantics) => smallest(history, budget, semantics, (...of) => judge(...of, decide)),
} satisfies Checker;
