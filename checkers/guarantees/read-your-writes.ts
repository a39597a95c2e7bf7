/**
 * Read-your-writes (Terry et al. 1994): a read sees every earlier acknowledged write of its own session to that key, or a
 * later one. A write that was lost after its acknowledgement is still owed to its session. One of unknown outcome is owed by
 * nobody; a session that has read it and then no longer does has met a breach of monotonic reads.
 */
import type { History } from '../../history/history.ts';
import type { Anomaly, Checker, Follower, Budget, Semantics, Verdict } from '../checker.ts';
import { followThreads } from '../online/threads.ts';
import { judgeThreads } from '../sessions/by-thread.ts';
import type { Demand } from '../sessions/demands.ts';
import { withEvidence } from '../sessions/evidence.ts';
import { operationsOf, type Prepared, prepareSessions } from '../sessions/rule.ts';
import { olderThan } from '../sessions/showed.ts';
import { answer, capital, value, wrote } from '../sessions/words.ts';

function explain({ history, registers, threads }: Prepared, { write, by }: Demand, read: number): Anomaly {
  const shown = registers.source[read];
  const how = olderThan(registers, shown, write);
  const source = answer(history, read);
  const lost = registers.seen[write] === 0 ? `; no read ever returned ${value(history, write)}` : '';
  return {
    kind: 'own write not seen',
    sentence:
      `${capital(threads.name(read))} ${wrote(history, write)} and then read ${value(history, read)}, ${how}` +
      `${source === '' ? '' : `,${source}`}${lost}.`,
    operations: operationsOf(history, [shown, write, by, read]),
  };
}

function judge(history: History, budget: Budget, semantics: Semantics): Verdict {
  const prepared = prepareSessions(history, semantics);
  const { history: rows } = prepared;
  return judgeThreads(prepared, budget, {
    binding: 'acknowledged',
    explain: (demand, read) => explain(prepared, demand, read),
    clause: ({ write, by, read, shown }) => ({
      text: `${prepared.threads.name(read)} wrote ${value(rows, write)} and then read ${value(rows, read)}`,
      rows: [write, by, shown, read],
    }),
    nothing: 'no read follows an acknowledged write of its own session to the same key',
  });
}

export default {
  name: 'read-your-writes',
  decides: 'read-your-writes',
  check: withEvidence(judge, prepareSessions),
  follow(growing, budget, semantics): Follower {
    return followThreads(this, growing, budget, semantics, 'own writes');
  },
} satisfies Checker;
