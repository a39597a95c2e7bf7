/**
 * Sequential consistency: first what is cheap and enough, then what is cheap and needed, then the search. What rests on knowing which write
 * each read found leaves open what does not tell that, by values or versions; then all orders are searched by what keys hold (orders.ts).
 */
import { CAS, NONE } from '../../history/history.ts';
import type { Budget, Semantics, Verdict } from '../checker.ts';
import type { History } from '../../history/history.ts';
import { type Case, convergence, exactPast, invalid, judge, standing, wrongCircles } from '../causal/judge.ts';
import { judgeMemory } from '../causal/memory.ts';
import { smallest } from '../causal/reduce.ts';
import linearizable from '../guarantees/linearizable.ts';
import { explainForced, explainNoOrder } from './explain.ts';
import { findOrder, repair, type Repaired } from './repair.ts';
import type { SessionOrder } from '../causal/order.ts';
import type { Units } from '../causal/units.ts';
import { OneOrder } from './search.ts';
import { judgeByOrders } from './search-all.ts';
import { hasVersions, judgeVersions } from './versions.ts';

/** How often the first try may ask the budget: it is not worth more. Some for each so many rows besides. */
const FIRST_TRY = 64;
const ROWS_PER_ASKING = 64;

/** Up to so many rows, what an anomaly is made smaller to is searched as well where values tell too little. */
const SEARCHED_ROWS = 64;

export function judgeSequential(history: History, budget: Budget, semantics: Semantics): Verdict {
  const verdict = smallest(history, budget, semantics, judgePart);
  return history.length <= SEARCHED_ROWS ? verdict : elseByOrders(verdict, history, budget, semantics);
}

/** With fewer reads the values may tell less: without the search, what is not needed would be kept since it cannot be judged without it. */
function judgePart(history: History, budget: Budget, semantics: Semantics): Verdict {
  const verdict = judgeWhole(history, budget, semantics);
  return history.length <= SEARCHED_ROWS ? elseByOrders(verdict, history, budget, semantics) : verdict;
}

function elseByOrders(verdict: Verdict, history: History, budget: Budget, semantics: Semantics): Verdict {
  if (verdict.type !== 'unknown' || budget.spent() !== undefined) return verdict;
  const { answered = 0 } = verdict.examined;
  if (answered === 0 || isForeign(history)) return verdict;
  // What versions contradict has been found by now (versions.ts); where they leave a read open, what values allow may stand.
  return judgeByOrders(history, budget, semantics, verdict.examined);
}

/** Whether something was asked for that registers do not know. */
function isForeign({ f, length }: History): boolean {
  for (let row = 0; row < length; row++) if (f[row] > CAS) return true;
  return false;
}

function judgeWhole(history: History, budget: Budget, semantics: Semantics): Verdict {
  // Versions are held against the answers, whatever values alone would allow.
  const byValues = !hasVersions(history);
  const easily = byValues ? isLinearizable(history, budget, semantics) : undefined;
  let found: Repaired | undefined;
  const quickly = (units: Units, sessions: SessionOrder): boolean => {
    if (byValues) found = findOrder(units, sessions, budget);
    return found === 'an order';
  };
  return easily ?? judge(history, budget, semantics, (at) => decide(at, found), 'none', quickly);
}

/** Linearizability is local and the stronger: where every key has it, the whole is sequential. Not so for operations on several keys. */
function isLinearizable(history: History, budget: Budget, semantics: Semantics): Verdict | undefined {
  for (let row = 0; row < history.length; row++) if (history.batch[row] !== NONE) return undefined;
  let left = FIRST_TRY + history.length / ROWS_PER_ASKING;
  const brief: Budget = { spent: () => budget.spent() ?? (--left < 0 ? 'enough' : undefined) };
  const verdict = linearizable.check(history, brief, semantics);
  return verdict.type === 'valid' ? verdict : undefined;
}

function decide(at: Case, found: Repaired | undefined): Verdict {
  const byVersions = judgeVersions(at);
  if (byVersions !== undefined) return byVersions;
  const repaired = found ?? repair(at, at.budget);
  if (repaired === 'an order') return standing(at);
  const converging = convergence(at);
  if (converging.count > 0) {
    const { wrong } = exactPast(at);
    return invalid(wrong.count > 0 ? wrong : wrongCircles(at, converging), at.examined);
  }
  if (repaired !== 'open') return invalid({ anomalies: [explainForced(at, repaired.units)], count: 1 }, at.examined);
  const memory = judgeMemory(at);
  if (memory.count > 0) return invalid(memory, at.examined);
  const hidden = new Uint8Array(at.history.length);
  const searched = new OneOrder(at, hidden).search(at.budget);
  if (searched === 'an order') return standing(at);
  if (searched !== 'none') {
    return standing(at, `neither an order of all operations was found nor that there is none: ${searched.undecided}`);
  }
  // A write of unknown outcome that nobody read was left out, and might be what a refused cas had found.
  if (at.past.denials.length > 0 && at.examined.indeterminate > 0) {
    return standing(at, 'failed cas that do not say what they found may have found a write of unknown outcome');
  }
  return invalid({ anomalies: [explainNoOrder(at, hidden)], count: 1 }, at.examined);
}
