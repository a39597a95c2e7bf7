/**
 * Writes follow reads (Terry et al. 1994): a state that shows a write shows every write its session had read before making it.
 * Judged within one state, and in later states of the same log.
 */
import type { History } from '../../history/history.ts';
import type { Anomaly, Checker, Budget, Semantics, Verdict } from '../checker.ts';
import { judgeStates } from '../sessions/by-state.ts';
import type { Demand } from '../sessions/demands.ts';
import { withEvidence } from '../sessions/evidence.ts';
import { operationsOf, type Prepared, prepareSessions } from '../sessions/rule.ts';
import { showed, shownWith } from '../sessions/showed.ts';
import { capital, key, value, when, wrote } from '../sessions/words.ts';

function explain({ history, registers, threads }: Prepared, { write, by, via }: Demand, read: number): Anomaly {
  const later = registers.source[via];
  const sentence =
    `${capital(threads.name(by))} read ${value(history, by)} from ${key(history, by)}${when(history, by)} and then ` +
    `${wrote(history, later)}; ${showed({ history, registers, via, read, write })}.`;
  const kind = 'write without what it followed';
  return { kind, sentence, operations: operationsOf(history, [registers.source[read], write, by, later, via, read]) };
}

function judge(history: History, budget: Budget, semantics: Semantics): Verdict {
  const prepared = prepareSessions(history, semantics);
  const { history: rows } = prepared;
  return judgeStates(prepared, budget, {
    binding: 'seen',
    explain: (demand, read) => explain(prepared, demand, read),
    clause: ({ write, by, via, read, shown }) => ({
      text: `${shownWith(rows, read, via)}, which ${prepared.threads.name(by)} wrote after reading ${value(rows, write)}`,
      rows: [write, by, prepared.registers.source[via], shown, via, read],
    }),
    nothing: 'no state showed a write whose session had read before making it',
  });
}

export default {
  name: 'writes-follow-reads',
  decides: 'writes-follow-reads',
  check: withEvidence(judge, prepareSessions),
} satisfies Checker;
