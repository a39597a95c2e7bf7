/**
 * Causal memory (Ahamad et al. 1995; CM in Bouajjani, Enea, Guerraoui & Hamza 2017): each session has one order of the writes in its causal
 * past, in which every one of its reads stands.
 */
import type { Checker, Verdict } from '../checker.ts';
import { type Case, exactPast, invalid, judge, standing } from '../causal/judge.ts';
import { judgeMemory } from '../causal/memory.ts';

function decide(at: Case): Verdict {
  const memory = judgeMemory(at);
  if (memory.count === 0) return standing(at, memory.doubt);
  // What is wrong with one operation alone says more than what a session cannot have seen.
  const { wrong } = exactPast(at);
  return invalid(wrong.count > 0 ? wrong : memory, at.examined);
}

export default {
  name: 'causal-memory',
  decides: 'causal-memory',
  check: (history, budget, semantics) => judge(history, budget, semantics, decide, 'all denials'),
} satisfies Checker;
