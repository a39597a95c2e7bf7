/**
 * Monotonic-writes and writes-follow-reads: a state that shows a write shows what its session had done before making it.
 *
 * Dependencies are direct: those of the session that made the write. A state is compared with itself and with later states of the
 * same log (states.ts), never with what some other node showed: a reader that roams from a fresh follower to a stale one breaks
 * monotonic reads, and neither of these.
 */
import { type History, NONE, OK, READ, TRANSACTION } from '../../history/history.ts';
import type { Anomaly, Budget, Verdict } from '../checker.ts';
import { addDemand, type Demand, failedDemand } from './demands.ts';
import { Findings } from './findings.ts';
import { AMBIGUOUS, INITIAL } from './registers.ts';
import { operationsOf, type Prepared, type Remember, reportCommon, verdictOf } from './rule.ts';
import { statesOf } from './states.ts';
import { type Wanted, WantedOrder } from './wanted-order.ts';
import { answer, key, value } from './words.ts';

export interface StateRule {
  readonly remember: Remember;
  explain(demand: Demand, read: number): Anomaly;
  clause(wanted: Wanted): { readonly text: string; readonly rows: readonly number[] };
  readonly nothing: string;
}

/** What the writes of a thread depend on, oldest first. */
interface Past {
  readonly writes: number[];
  /** The operation that made each of them count. */
  readonly by: number[];
}

export function judgeStates(prepared: Prepared, budget: Budget, rule: StateRule): Verdict {
  const { history, registers, threads } = prepared;
  const { pasts, length } = dependencies(prepared, rule.remember);
  const order = new WantedOrder(registers);
  const findings = new Findings();
  const counts = { reads: 0, writes: 0, states: 0, pairs: 0, ambiguous: 0 };
  const examined = (): { operations: number } & typeof counts => ({ operations: history.operations, ...counts });
  for (let row = 0; row < history.length; row++) if (registers.isAcknowledged(row)) counts.writes++;

  /** What a state that shows `write` owes, beyond the first `known` dependencies of its thread. */
  const owe = (due: Map<number, Demand[]>, via: number, known: number): number => {
    const write = registers.source[via];
    const past = pasts[threads.of[write]];
    for (let i = known; i < length[write]; i++) {
      const demand = { write: past.writes[i], by: past.by[i], via };
      const list = due.get(history.key[demand.write]);
      if (list === undefined) due.set(history.key[demand.write], [demand]);
      else addDemand(registers, list, demand);
    }
    return Math.max(known, length[write]);
  };
  const judge = (due: ReadonlyMap<number, Demand[]>, read: number): void => {
    const shown = registers.source[read];
    if (shown === AMBIGUOUS) counts.ambiguous++;
    const demands = due.get(history.key[read]);
    if (demands === undefined || shown < INITIAL) return;
    // What a write of the same key asks of itself is no evidence; it can still be broken, by versions out of order.
    const others = demands.reduce((n, { via }) => (via === read ? n : n + 1), 0);
    if (others > 0) counts.reads++;
    counts.pairs += others;
    const failed = failedDemand(registers, demands, shown);
    if (failed !== undefined) findings.add(() => rule.explain(failed, read));
    else order.add(demands, read, shown);
  };

  const { logs, batches } = statesOf(history);
  for (const log of logs) {
    const due = new Map<number, Demand[]>();
    const known = new Map<number, number>();
    for (let from = 0; from < log.length; ) {
      let to = from;
      while (to < log.length && history.positionAt[log[to]] === history.positionAt[log[from]]) to++;
      for (let i = from; i < to; i++) {
        const write = registers.source[log[i]];
        if (write < 0) continue;
        const thread = threads.of[write];
        known.set(thread, owe(due, log[i], known.get(thread) ?? 0));
      }
      for (let i = from; i < to; i++) judge(due, log[i]);
      counts.states++;
      from = to;
      const stopped = budget.spent();
      if (stopped !== undefined) return findings.verdict(examined(), stopped);
    }
  }
  const recent = recentDependencies(prepared, pasts, length);
  for (const batch of batches) {
    counts.states++;
    const due = new Map<number, Demand[]>();
    const keys = new Set(batch.map((row) => history.key[row]));
    for (const via of batch) {
      const write = registers.source[via];
      if (write < 0) continue;
      for (const key of keys) {
        for (const { dependency, by } of recent(write, key)) {
          const demand = { write: dependency, by, via };
          const list = due.get(key);
          if (list === undefined) due.set(key, [demand]);
          else addDemand(registers, list, demand);
        }
      }
    }
    for (const read of batch) judge(due, read);
  }
  reportContradictions(prepared, findings);
  const stopped = reportCommon(prepared, order, findings, budget, (wanted) => rule.clause(wanted));
  if (stopped !== undefined) return findings.verdict(examined(), stopped);
  return verdictOf(
    findings,
    examined(),
    counts.pairs === 0 && logs.length === 0 && !batches.some((b) => b.length > 1) ? NO_STATES : rule.nothing,
  );
}

/** A state holds one value of each key, however often one read asks for it. A transaction may write between its reads. */
function reportContradictions({ history, registers }: Prepared, findings: Findings): void {
  const { batch, f, flags, key, length, outcome } = history;
  for (let from = 0, to = 0; from < length; from = to) {
    to = from + 1;
    if (batch[from] === NONE || (flags[from] & TRANSACTION) !== 0 || f[from] !== READ || outcome[from] !== OK) continue;
    const first = new Map<number, number>();
    for (to = from; to < length && batch[to] === batch[from]; to++) {
      const other = first.get(key[to]);
      const row = to;
      if (other === undefined) first.set(key[to], to);
      else if (registers.differ(other, to)) findings.add(() => explainContradiction(history, other, row));
    }
  }
}

function explainContradiction(history: History, first: number, second: number): Anomaly {
  return {
    kind: 'state that contradicts itself',
    sentence:
      `One read of several keys returned both ${value(history, first)} and ${value(history, second)} for ` +
      `${key(history, first)}${answer(history, first)}.`,
    operations: operationsOf(history, [first]),
  };
}

const NO_STATES = 'no state is known: the reads are neither of several keys at once nor tied to a place in a node';

/** For each thread what it did, and for each write how much of that came before it. */
function dependencies(
  { history, registers, threads, events }: Prepared,
  remember: Remember,
): { readonly pasts: readonly Past[]; readonly length: Int32Array } {
  const pasts = Array.from({ length: threads.count }, (): Past => ({ writes: [], by: [] }));
  const length = new Int32Array(history.length);
  for (const event of events) {
    if (event === NONE) continue;
    const row = event >> 1;
    const past = pasts[threads.of[row]];
    if ((event & 1) === 0) {
      if (registers.isWrite(row)) length[row] = past.writes.length;
      continue;
    }
    if (history.f[row] === READ && history.outcome[row] !== OK) continue;
    const write = remember(row);
    // Reading the same write again and again binds no further.
    if (write < 0 || past.writes[past.writes.length - 1] === write) continue;
    past.writes.push(write);
    past.by.push(row);
  }
  return { pasts, length };
}

/**
 * Finds the newest dependencies of a write on one key. Walks back only as far as they may be concurrent: once a dependency had
 * come to count before another one was even invoked, whatever counted earlier is older still.
 */
function recentDependencies(
  { history, threads }: Prepared,
  pasts: readonly Past[],
  length: Int32Array,
): (write: number, key: number) => { readonly dependency: number; readonly by: number }[] {
  const byKey = new Map<number, number[]>();
  const keys = history.keys.length;
  pasts.forEach(({ writes }, thread) => {
    writes.forEach((write, i) => {
      const slot = thread * keys + history.key[write];
      const list = byKey.get(slot);
      if (list === undefined) byKey.set(slot, [i]);
      else list.push(i);
    });
  });
  return (write, key) => {
    const thread = threads.of[write];
    const list = byKey.get(thread * keys + key) ?? [];
    const past = pasts[thread];
    let low = 0;
    let high = list.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (list[middle] < length[write]) low = middle + 1;
      else high = middle;
    }
    const found: { readonly dependency: number; readonly by: number }[] = [];
    let newest = NONE;
    for (let i = low - 1; i >= 0; i--) {
      const dependency = past.writes[list[i]];
      const by = past.by[list[i]];
      if (history.ret[by] < newest) break;
      found.push({ dependency, by });
      newest = Math.max(newest, history.call[dependency]);
    }
    return found;
  };
}
