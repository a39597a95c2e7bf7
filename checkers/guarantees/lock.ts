/**
 * Lock: no two hold a lock at once, and the fencing tokens of its holders rise (Gray & Cheriton 1989; Burrows 2006). A holder
 * is a session, or a process where there are none. It holds the lock for certain from the answer of its acquire to the invocation of
 * its next release that was not refused, or of an operation of unknown outcome: from then on it may have let go, or lost it. An
 * acquire of unknown outcome is never blamed. A token belongs to one acquisition, and is greater than every token that was
 * answered before the acquire was invoked. Tokens that are no numbers have no order, and are not compared.
 *
 * A client that lost its lock to the end of a lease says so by a release; one that says nothing still holds it.
 */
import { ONLY_LOCK } from '../../history/event-fields.ts';
import { FAIL, type History, INFO, NEVER, NONE, OK } from '../../history/history.ts';
import type { Anomaly, Checker, Follower } from '../checker.ts';
import { confirming } from '../online/confirming.ts';
import { LockStream } from '../online/lock.ts';
import { eachEvent, holdersOf, methodCode } from '../collections/elements.ts';
import { Findings } from '../sessions/findings.ts';
import { operationsOf } from '../sessions/rule.ts';
import { answer, capital, key } from '../sessions/words.ts';

const ACQUIRE = methodCode('acquire');
const RELEASE = methodCode('release');

/** Which holder: `session s1`, `process 3`. */
function who({ session, sessions, process }: History, row: number): string {
  return session[row] === NONE ? `process ${process[row]}` : `session ${sessions[session[row]]}`;
}

/** Which lock; `the lock` in a history that names none. */
function lockName(history: History, row: number): string {
  const name = key(history, row);
  return history.keys.length === 1 && name === ONLY_LOCK ? `the ${name}` : name;
}

function explainTwo(history: History, earlier: number, later: number): Anomaly {
  return {
    kind: 'two holders',
    sentence: capital(
      `${who(history, later)} acquired ${lockName(history, later)}${answer(history, later)} while ${who(history, earlier)} held it, ` +
        `who had acquired it${answer(history, earlier)} and not begun to release it.`,
    ),
    operations: operationsOf(history, [earlier, later]),
  };
}

function explainToken(history: History, earlier: number, later: number): Anomaly {
  const [before, after] = [earlier, later].map((row) => String(history.values.get(history.value[row])));
  return {
    kind: before === after ? 'token given twice' : 'token not risen',
    sentence:
      capital(
        `${who(history, later)} acquired ${lockName(history, later)} with token ${after}${answer(history, later)}, though `,
      ) + `${who(history, earlier)} had been given token ${before}${answer(history, earlier)}.`,
    operations: operationsOf(history, [earlier, later]),
  };
}

/** One lock, as the events go by. */
class Lock {
  /** Acquisitions that are held for certain; more than one holder only where that was blamed. */
  readonly held: number[] = [];
  /** Of the tokens answered so far, the acquire with the greatest; and who was given which. */
  greatest = NONE;
  readonly given = new Map<number, number>();
}

export default {
  name: 'lock',
  decides: 'lock',
  check(history) {
    const { f, outcome, key: keyOf, value, values, keys, ret } = history;
    const holders = holdersOf(history);
    const locks = keys.map(() => new Lock());
    const greatestAtCall = new Int32Array(history.length).fill(NONE);
    const findings = new Findings();
    let [acquisitions, releases, tokens, unheld, unknown] = [0, 0, 0, 0, 0];
    const token = (row: number): number => {
      const given = values.get(value[row]);
      return typeof given === 'number' ? given : Number.NaN;
    };
    const letGo = (lock: Lock, holder: number): number => {
      const before = lock.held.length;
      for (let i = before - 1; i >= 0; i--) if (holders[lock.held[i]] === holder) lock.held.splice(i, 1);
      return before - lock.held.length;
    };
    const acquired = (lock: Lock, row: number): void => {
      acquisitions++;
      const again = lock.held.find((other) => holders[other] === holders[row]);
      for (const other of lock.held) {
        if (holders[other] !== holders[row]) findings.add(() => explainTwo(history, other, row));
      }
      // To acquire again what one holds renews it, and may have the same token.
      const mine = token(row);
      const same = lock.given.get(mine);
      const renewed =
        again !== undefined && same !== undefined && holders[same] === holders[row] && ret[same] >= ret[again];
      if (again === undefined) lock.held.push(row);
      if (Number.isNaN(mine) || renewed) return;
      tokens++;
      const before = greatestAtCall[row];
      if (same !== undefined) findings.add(() => explainToken(history, same, row));
      else if (before !== NONE && token(before) > mine) findings.add(() => explainToken(history, before, row));
      lock.given.set(mine, row);
      if (lock.greatest === NONE || token(lock.greatest) < mine) lock.greatest = row;
    };
    // Whoever does not know what became of an operation, on whatever key, may have been gone for longer than a lease.
    const holding = new Map<number, Set<number>>();
    const takes = (row: number): boolean => f[row] === ACQUIRE || f[row] === RELEASE || outcome[row] === INFO;
    eachEvent(history, takes, (row, isCall) => {
      const lock = locks[keyOf[row]];
      if (!isCall) {
        if (f[row] !== ACQUIRE || outcome[row] !== OK) return;
        acquired(lock, row);
        const mine = holding.get(holders[row]);
        if (mine === undefined) holding.set(holders[row], new Set([keyOf[row]]));
        else mine.add(keyOf[row]);
        return;
      }
      greatestAtCall[row] = lock.greatest;
      if (outcome[row] === INFO && (f[row] === ACQUIRE || f[row] === RELEASE)) unknown++;
      if (f[row] === RELEASE && outcome[row] !== FAIL) {
        releases++;
        if (letGo(lock, holders[row]) === 0 && outcome[row] === OK) unheld++;
      }
      if (outcome[row] === INFO && ret[row] === NEVER) {
        for (const k of holding.get(holders[row]) ?? []) letGo(locks[k], holders[row]);
        holding.delete(holders[row]);
      }
    });
    const examined = {
      operations: history.operations,
      acquisitions,
      releases,
      tokens,
      indeterminate: unknown,
      'releases of what was not held': unheld,
    };
    return findings.verdict(examined, acquisitions === 0 ? 'no lock was acquired' : undefined);
  },
  follow(growing, budget, semantics): Follower {
    return confirming(this, growing, budget, semantics, new LockStream(growing));
  },
} satisfies Checker;
