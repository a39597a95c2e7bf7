/** Read-your-writes and monotonic-reads: what a session has done binds what it reads later, key by key. */
import { NONE, OK, READ } from '../../history/history.ts';
import type { Anomaly, Budget, Verdict } from '../checker.ts';
import { type Demand, Demands } from './demands.ts';
import { Findings, onceOf } from './findings.ts';
import { Pairs } from './pairs.ts';
import { AMBIGUOUS, NOTHING, UNWRITTEN } from './registers.ts';
import { type Binding, Bound, type Prepared, reportCommon, verdictOf } from './rule.ts';
import { type Wanted, WantedOrder } from './wanted-order.ts';

export interface ThreadRule {
  readonly binding: Binding;
  explain(demand: Demand, read: number): Anomaly;
  /** `session s3 wrote 1 and then read 2`. */
  clause(wanted: Wanted): { readonly text: string; readonly rows: readonly number[] };
  /** Why nothing could be examined. */
  readonly nothing: string;
}

const ASK_EVERY = 8192;

export function judgeThreads(prepared: Prepared, budget: Budget, rule: ThreadRule): Verdict {
  const { history, registers, threads, events } = prepared;
  const { f, outcome, key, length } = history;
  const { source } = registers;
  const lists = new Pairs(threads.count, history.keys.length, length);
  const demands = new Demands(registers, Math.max(lists.count, length));
  const order = new WantedOrder(registers, demands);
  const findings = new Findings();
  const sessions = new Uint8Array(threads.count);
  const counts = { reads: 0, writes: 0, sessions: 0, pairs: 0, ambiguous: 0 };
  const examined = (): { operations: number } & typeof counts => ({ operations: history.operations, ...counts });
  const fail = (demand: number, read: number): void => {
    const failed = demands.get(demand);
    findings.add(() => rule.explain(failed, read), onceOf(history, read, source[read], demand));
  };

  const beginRead = (row: number): void => {
    const shown = source[row];
    if (shown === NOTHING || shown === UNWRITTEN) return;
    const list = lists.of(threads.of[row], key[row]);
    const newest = demands.newest(list);
    if (newest === NONE) return;
    if (shown === AMBIGUOUS) {
      counts.ambiguous++;
      return;
    }
    counts.reads++;
    counts.pairs++;
    if (sessions[threads.of[row]] === 0) {
      sessions[threads.of[row]] = 1;
      counts.sessions++;
    }
    // As it is nearly always.
    if (demands.older(newest) === NONE && demands.met(newest, shown) > 0) return;
    for (let demand = demands.older(newest); demand !== NONE; demand = demands.older(demand)) counts.pairs++;
    const failed = demands.failed(list, shown);
    if (failed !== NONE) fail(failed, row);
    else order.add(list, row, shown);
  };

  const bound = new Bound(prepared, rule.binding);
  let asked = 0;
  for (let position = 0; position < events.length; position++) {
    if (position + demands.steps >= asked) {
      asked = position + demands.steps + ASK_EVERY;
      const stopped = budget.spent();
      if (stopped !== undefined) return findings.verdict(examined(), stopped);
    }
    const event = events[position];
    if (event === NONE) continue;
    const row = event >> 1;
    if ((event & 1) === 1) {
      const write = bound.by(row);
      if (write >= 0) demands.add(lists.of(threads.of[row], key[row]), write, row, NONE);
    } else if (f[row] !== READ) {
      if (registers.isAcknowledged(row)) counts.writes++;
    } else if (outcome[row] === OK) beginRead(row);
  }
  const stopped = reportCommon(prepared, order, findings, budget, (wanted) => rule.clause(wanted));
  if (stopped !== undefined) return findings.verdict(examined(), stopped);
  return verdictOf(prepared, findings, examined(), rule.nothing);
}
