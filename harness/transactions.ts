/** Transactions in a run's history: how they are called, and how they are judged beside operations on one key. */
import type { Budget, Checker, Follower, Semantics, Verdict } from '../checkers/checker.ts';
import { confirming } from '../checkers/online/confirming.ts';
import type { Growing } from '../history/growing.ts';
import { type History, TRANSACTION } from '../history/history.ts';
import { evidentModel } from './evident.ts';

/** What an operation on several keys is, by one of its rows. */
export function batchName({ flags }: History, row: number): 'txn' | 'readMany' {
  return (flags[row] & TRANSACTION) === 0 ? 'readMany' : 'txn';
}

/**
 * Transactions are linearizable as operations on all their keys at once, which is strict serializability; other keys are so each by
 * itself. The first of the two that is not says why.
 */
export function checkLinearizable(checker: Checker, history: History, budget: Budget, semantics: Semantics): Verdict {
  const { flags, key, keys, length } = history;
  const together = new Uint8Array(keys.length);
  let some = false;
  for (let row = 0; row < length; row++) {
    if ((flags[row] & TRANSACTION) === 0) continue;
    together[key[row]] = 1;
    some = true;
  }
  if (!some) return checker.check(history, budget, semantics);
  const transactions = history.filter((row) => together[key[row]] === 1);
  const model = evidentModel(transactions);
  const first = checker.check(transactions, budget, { ...semantics, ...(model !== undefined && { model }) });
  const rest = history.filter((row) => together[key[row]] === 0);
  if (rest.length === 0 || first.type === 'invalid') return first;
  const second = checker.check(rest, budget, semantics);
  const examined = { ...first.examined };
  for (const [name, n] of Object.entries(second.examined)) examined[name] = (examined[name] ?? 0) + n;
  if (second.type === 'invalid' || first.type === 'valid') return { ...second, examined };
  return { ...first, examined };
}

/**
 * {@link checkLinearizable} while the history is made. Keys that no transaction touches are followed as ever; transactions are judged all
 * together, again whenever there is a quarter more: what they break is told that much later.
 */
export function followLinearizable(checker: Checker, growing: Growing, budget: Budget, semantics: Semantics): Follower {
  const alone = checker.follow?.(growing, budget, semantics);
  const check = (history: History): Verdict => checkLinearizable(checker, history, budget, semantics);
  const stream = { suspects: false, invoked: (): void => undefined, completed: wary };
  const together = confirming({ check }, growing, budget, semantics, stream);
  function wary(row: number): void {
    if ((growing.columns.flags[row] & TRANSACTION) !== 0) stream.suspects = true;
  }
  return {
    invoked(row) {
      alone?.invoked(row);
      together.invoked(row);
    },
    completed(row) {
      alone?.completed(row);
      together.completed(row);
    },
    noted(note) {
      alone?.noted(note);
      together.noted(note);
    },
    broken: () => alone?.broken() ?? together.broken(),
    end: () => check(growing.snapshot()),
  };
}
