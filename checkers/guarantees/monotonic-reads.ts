/** Monotonic reads (Terry et al. 1994): successive reads of one key in one session never go back to an older write. */
import type { History } from '../../history/history.ts';
import type { Anomaly, Checker, Follower, Budget, Semantics, Verdict } from '../checker.ts';
import { followThreads } from '../online/threads.ts';
import { judgeThreads } from '../sessions/by-thread.ts';
import type { Demand } from '../sessions/demands.ts';
import { withEvidence } from '../sessions/evidence.ts';
import { operationsOf, type Prepared, prepareSessions } from '../sessions/rule.ts';
import { olderThan } from '../sessions/showed.ts';
import { answer, capital, key, value } from '../sessions/words.ts';

function explain({ history, registers, threads }: Prepared, { write, by }: Demand, read: number): Anomaly {
  const shown = registers.source[read];
  const source = answer(history, read);
  const how = `${olderThan(registers, shown, write)}${source === '' ? '' : ','}`;
  const sentence =
    `${capital(threads.name(read))} read ${value(history, by)} from ${key(history, by)}${answer(history, by).replace(' from ', ' on ')} ` +
    `and then ${value(history, read)}, ${how}${source}.`;
  return { kind: 'read went back', sentence, operations: operationsOf(history, [shown, write, by, read]) };
}

function judge(history: History, budget: Budget, semantics: Semantics): Verdict {
  const prepared = prepareSessions(history, semantics);
  const { history: rows } = prepared;
  return judgeThreads(prepared, budget, {
    binding: 'seen',
    explain: (demand, read) => explain(prepared, demand, read),
    clause: ({ by, read }) => ({
      text: `${prepared.threads.name(read)} read ${value(rows, by)} and then ${value(rows, read)}`,
      rows: [by, read],
    }),
    nothing: 'no session read a key again after it had read a write there',
  });
}

export default {
  name: 'monotonic-reads',
  decides: 'monotonic-reads',
  check: withEvidence(judge, prepareSessions),
  follow(growing, budget, semantics): Follower {
    return followThreads(this, growing, budget, semantics, 'what was read');
  },
} satisfies Checker;
