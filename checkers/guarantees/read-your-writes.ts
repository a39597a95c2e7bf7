/**
 * Read-your-writes (Terry et al. 1994): a read sees every earlier acknowledged write of its own session to that key, or a
 * later one. A write that was lost after its acknowledgement is still owed to its session. One of unknown outcome is owed
 * once its session has read it, from that read on: then it has happened.
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

/** `wrote 17 to x (ok at 1.204 s)`; where only a read of its own told the session that it had, that read too. */
function wroteOwn(history: History, write: number, by: number): string {
  if (by === write) return wrote(history, write);
  return `${wrote(history, write)}, read ${value(history, by)}${answer(history, by)}`;
}

function explain({ history, registers, threads }: Prepared, { write, by }: Demand, read: number): Anomaly {
  const shown = registers.source[read];
  const how = olderThan(registers, shown, write);
  const source = answer(history, read);
  const lost = registers.seen[write] === 0 ? `; no read ever returned ${value(history, write)}` : '';
  return {
    kind: 'own write not seen',
    sentence:
      `${capital(threads.name(read))} ${wroteOwn(history, write, by)} and then read ${value(history, read)}, ${how}` +
      `${source === '' ? '' : `,${source}`}${lost}.`,
    operations: operationsOf(history, [shown, write, by, read]),
  };
}

function judge(history: History, budget: Budget, semantics: Semantics): Verdict {
  const prepared = prepareSessions(history, semantics);
  const { history: rows } = prepared;
  return judgeThreads(prepared, budget, {
    binding: 'own',
    explain: (demand, read) => explain(prepared, demand, read),
    clause: ({ write, by, read, shown }) => ({
      text:
        `${prepared.threads.name(read)} wrote ${value(rows, write)}${by === write ? '' : ', read it'} and then ` +
        `read ${value(rows, read)}`,
      rows: [write, by, shown, read],
    }),
    nothing:
      'no read follows a write of its own session to the same key that was acknowledged, or that the session had read',
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
