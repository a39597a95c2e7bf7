/**
 * Causal convergence (CCv in Bouajjani, Enea, Guerraoui & Hamza 2017; causal consistency in Biswas & Enea 2019, for transactions): each
 * operation is explained by its causal past in an order of writes that is one for all sessions.
 */
import type { Checker, Verdict } from '../checker.ts';
import { type Case, convergence, exactPast, invalid, judge, standing, wrongCircles } from '../causal/judge.ts';
import { smallest } from '../causal/reduce.ts';

function decide(at: Case): Verdict {
  const converging = convergence(at);
  if (converging.count === 0) return standing(at);
  // What is wrong with one operation alone says more than a circle of several.
  const { wrong } = exactPast(at);
  return invalid(wrong.count > 0 ? wrong : wrongCircles(at, converging), at.examined);
}

export default {
  name: 'causal',
  decides: 'causal',
  check: (history, budget, semantics) => smallest(history, budget, semantics, (...of) => judge(...of, decide)),
} satisfies Checker;
