/** Sequential consistency: first what is cheap and enough, then what is cheap and needed, then the search. */
import { NONE } from '../../history/history.ts';
import type { Anomaly, Budget, Semantics, Verdict } from '../checker.ts';
import type { History } from '../../history/history.ts';
import { type Case, convergence, exactPast, invalid, judge, standing, wrongCircles } from '../causal/judge.ts';
import { judgeMemory } from '../causal/memory.ts';
import { anomalyOf, did } from '../causal/words.ts';
import linearizable from '../guarantees/linearizable.ts';
import { OneOrder } from './search.ts';

/** How often the first try may ask the budget: it is not worth more. */
const FIRST_TRY = 64;
/** Up to how many reads the fewest are sought that cannot stand together. */
const READS_TRIED = 400;

export function judgeSequential(history: History, budget: Budget, semantics: Semantics): Verdict {
  return isLinearizable(history, budget, semantics) ?? judge(history, budget, semantics, decide, 'none');
}

/** Linearizability is local and the stronger: where every key has it, the whole is sequential. Not so for operations on several keys. */
function isLinearizable(history: History, budget: Budget, semantics: Semantics): Verdict | undefined {
  for (let row = 0; row < history.length; row++) if (history.batch[row] !== NONE) return undefined;
  let left = FIRST_TRY;
  const brief: Budget = { spent: () => budget.spent() ?? (--left < 0 ? 'enough' : undefined) };
  const verdict = linearizable.check(history, brief, semantics);
  return verdict.type === 'valid' ? verdict : undefined;
}

function decide(at: Case): Verdict {
  const converging = convergence(at);
  if (converging.count > 0) {
    const { wrong } = exactPast(at);
    return invalid(wrong.count > 0 ? wrong : wrongCircles(at, converging), at.examined);
  }
  const memory = judgeMemory(at);
  if (memory.count > 0) return invalid(memory, at.examined);
  const hidden = new Uint8Array(at.history.length);
  const found = new OneOrder(at, hidden).search(at.budget);
  if (found === 'an order') return standing(at);
  if (found !== 'none') {
    return standing(at, `neither an order of all operations was found nor that there is none: ${found.undecided}`);
  }
  // A write of unknown outcome that nobody read was left out, and might be what a refused cas had found.
  if (at.past.denials.length > 0 && at.examined.indeterminate > 0) {
    return standing(at, 'failed cas that do not say what they found may have found a write of unknown outcome');
  }
  return invalid({ anomalies: [explain(at)], count: 1 }, at.examined);
}

/** The reads that cannot all stand, none of which can be left out; of very many, all. */
function explain(at: Case): Anomaly {
  const { history, source } = at.units;
  const { denials } = at.past;
  const reads = [...source.keys()].filter((row) => source[row] !== NONE).concat(denials);
  const hidden = new Uint8Array(history.length);
  if (reads.length <= READS_TRIED) {
    for (const read of reads) {
      hidden[read] = 1;
      if (at.budget.spent() !== undefined || new OneOrder(at, hidden).search(at.budget) !== 'none') hidden[read] = 0;
    }
  }
  const kept = reads.filter((read) => hidden[read] === 0);
  const said = kept.slice(0, 8).map((read) => `${at.threads.name(read)} ${did(at, read)}`);
  const more = kept.length > said.length ? `; and ${kept.length - said.length} more` : '';
  return anomalyOf(
    history,
    'no one order',
    `No one order of all operations explains this: ${said.join('; ')}${more}.`,
    kept.flatMap((read) => [read, source[read]]),
  );
}
