/**
 * Causal memory (Ahamad et al. 1995; CM in Bouajjani, Enea, Guerraoui & Hamza 2017): each session has one order of the writes in its causal
 * past, in which every one of its reads stands. A cas of which the session was never told that it happened is no read of the session:
 * what it found is explained by what precedes it alone, as each operation is in the definition of 2017.
 */
import type { Checker, Verdict } from '../checker.ts';
import { type Case, invalid, judge, standing } from '../causal/judge.ts';
import { judgeMemory } from '../causal/memory.ts';
import { smallest } from '../causal/reduce.ts';
import { eachSessionStands } from '../causal/sweep.ts';
import { hasVersionOrder } from '../sequential/versions.ts';

function decide(at: Case): Verdict {
  // Whatever has one order for all operations has one for each session.
  if (hasVersionOrder(at)) return standing(at);
  const memory = judgeMemory(at);
  return memory.count > 0 ? invalid(memory, at.examined) : standing(at, memory.doubt);
}

export default {
  name: 'causal-memory',
  decides: 'causal-memory',
  check: (history, budget, semantics) =>
    smallest(history, budget, semantics, (...of) => judge(...of, decide, 'all denials', eachSessionStands)),
} satisfies Checker;
