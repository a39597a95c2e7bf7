/** Read-your-writes and monotonic-reads: what a session has done binds what it reads later, key by key. */
import { NONE, OK, READ } from '../../history/history.ts';
import type { Anomaly, Budget, Verdict } from '../checker.ts';
import { addDemand, type Demand, failedDemand } from './demands.ts';
import { Findings } from './findings.ts';
import { AMBIGUOUS, NOTHING, UNWRITTEN } from './registers.ts';
import { type Prepared, type Remember, reportCommon, verdictOf } from './rule.ts';
import { slotsOf } from './threads.ts';
import { type Wanted, WantedOrder } from './wanted-order.ts';

export interface ThreadRule {
  readonly remember: Remember;
  /** Whether a value that nobody wrote breaks it. */
  readonly blamesUnwritten: boolean;
  explain(demand: Demand, read: number): Anomaly;
  /** `session s3 wrote 1 and then read 2`. */
  clause(wanted: Wanted): { readonly text: string; readonly rows: readonly number[] };
  /** Why nothing could be examined. */
  readonly nothing: string;
}

const ASK_EVERY = 8191;

export function judgeThreads(prepared: Prepared, budget: Budget, rule: ThreadRule): Verdict {
  const { history, registers, threads, events } = prepared;
  const slots = slotsOf(history, threads);
  const demands: (Demand[] | undefined)[] = new Array<Demand[] | undefined>(slots.count);
  const order = new WantedOrder(registers);
  const findings = new Findings();
  const sessions = new Uint8Array(threads.count);
  const counts = { reads: 0, writes: 0, sessions: 0, pairs: 0, ambiguous: 0 };
  const examined = (): { operations: number } & typeof counts => ({ operations: history.operations, ...counts });

  const beginRead = (row: number): void => {
    const due = demands[slots.of[row]];
    const shown = registers.source[row];
    if (due === undefined || shown === NOTHING) return;
    if (shown === AMBIGUOUS || (shown === UNWRITTEN && !rule.blamesUnwritten)) {
      if (shown === AMBIGUOUS) counts.ambiguous++;
      return;
    }
    counts.reads++;
    counts.pairs += due.length;
    if (sessions[threads.of[row]] === 0) {
      sessions[threads.of[row]] = 1;
      counts.sessions++;
    }
    const failed = shown === UNWRITTEN ? due[due.length - 1] : failedDemand(registers, due, shown);
    if (failed !== undefined) findings.add(() => rule.explain(failed, row));
    else order.add(due, row, shown);
  };

  const end = (row: number): void => {
    const write = rule.remember(row);
    if (write < 0) return;
    const slot = slots.of[row];
    const due = demands[slot];
    const demand = { write, by: row, via: NONE };
    if (due === undefined) demands[slot] = [demand];
    else addDemand(registers, due, demand);
  };

  for (let position = 0; position < events.length; position++) {
    if ((position & ASK_EVERY) === ASK_EVERY) {
      const stopped = budget.spent();
      if (stopped !== undefined) return findings.verdict(examined(), stopped);
    }
    const event = events[position];
    if (event === NONE) continue;
    const row = event >> 1;
    if ((event & 1) === 1) end(row);
    else if (history.f[row] === READ && history.outcome[row] === OK) beginRead(row);
    else if (registers.isAcknowledged(row)) counts.writes++;
  }
  const stopped = reportCommon(prepared, order, findings, budget, (wanted) => rule.clause(wanted));
  if (stopped !== undefined) return findings.verdict(examined(), stopped);
  return verdictOf(findings, examined(), rule.nothing);
}
