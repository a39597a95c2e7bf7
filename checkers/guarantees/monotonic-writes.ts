/**
 * Monotonic writes (Terry et al. 1994): a state that shows a session's later write shows its earlier ones too. Judged within one
 * state, and in later states of the same log.
 */
import type { History } from '../../history/history.ts';
import type { Anomaly, Checker, Budget, Semantics, Verdict } from '../checker.ts';
import { judgeStates } from '../sessions/by-state.ts';
import type { Demand } from '../sessions/demands.ts';
import { withEvidence } from '../sessions/evidence.ts';
import { operationsOf, type Prepared, prepareSessions } from '../sessions/rule.ts';
import { showed, shownWith } from '../sessions/showed.ts';
import { capital, key, value, wrote } from '../sessions/words.ts';

function explain({ history, registers, threads }: Prepared, { write, by, via }: Demand, read: number): Anomaly {
  const later = registers.source[via];
  const sentence =
    `${capital(threads.name(write))} ${wrote(history, write)} and then ${value(history, later)} to ${key(history, later)}; ` +
    `${showed({ history, registers, via, read, write })}.`;
  const kind = 'later write without an earlier one';
  return { kind, sentence, operations: operationsOf(history, [registers.source[read], write, by, later, via, read]) };
}

function judge(history: History, budget: Budget, semantics: Semantics): Verdict {
  const prepared = prepareSessions(history, semantics);
  const { history: rows } = prepared;
  return judgeStates(prepared, budget, {
    binding: 'own',
    explain: (demand, read) => explain(prepared, demand, read),
    clause: ({ write, by, via, read, shown }) => ({
      text: `${shownWith(rows, read, via)}, which ${prepared.threads.name(write)} wrote after ${value(rows, write)}`,
      rows: [write, by, prepared.registers.source[via], shown, via, read],
    }),
    nothing: 'no state showed a write whose session had written before',
  });
}

export default {
  name: 'monotonic-writes',
  decides: 'monotonic-writes',
  check: withEvidence(judge, prepareSessions),
} satisfies Checker;
