/**
 * Consistent prefix (Terry 2013): there is one order of the writes of which every state shows some prefix, and a later state of the
 * same log no shorter one.
 *
 * A state is one read of several keys, or what the reads of one life of one node, in one term, show at one position: judged within one
 * replication group, never across. The order is any that real time and versions allow (sessions/prefix/problem.ts): all writes that
 * were acknowledged or read are in it, so an acknowledged write that a failover undid is missing from every state after it.
 * Order within sessions is not asked for: that is monotonic writes.
 */
import { FAIL, type History, NONE, OK, READ, TRANSACTION } from '../../history/history.ts';
import type { Anomaly, Checker, Budget, Semantics, Verdict } from '../checker.ts';
import { placeText, positionsOf } from '../positions.ts';
import { explainClaim } from '../sessions/claim-words.ts';
import { committed } from '../sessions/committed.ts';
import { withEvidence } from '../sessions/evidence.ts';
import { Findings } from '../sessions/findings.ts';
import { type Missing, missingWrites } from '../sessions/prefix/missing.ts';
import {
  ambiguousReads,
  happenedWrites,
  type Problem,
  problemOf,
  type Shown,
  shownStates,
} from '../sessions/prefix/problem.ts';
import { replay } from '../sessions/prefix/replay.ts';
import { searchOrder } from '../sessions/prefix/search.ts';
import { smallestReads } from '../sessions/prefix/smallest.ts';
import {
  movedDoubt,
  NO_STATES,
  operationsOf,
  prepare,
  type Prepared,
  reportUnwritten,
  verdictOf,
} from '../sessions/rule.ts';
import { showed } from '../sessions/showed.ts';
import { capital, key, server, value, when } from '../sessions/words.ts';

function explainMissing({ history, registers }: Prepared, { read, write, via }: Missing): Anomaly {
  const newer = registers.source[via];
  const older = registers.source[read];
  const both = showed({ history, registers, via, read, write });
  const order =
    write === newer || registers.precedes(write, newer)
      ? `before ${value(history, newer)} was asked for`
      : `with a lower version ${placeText(history, registers.versions, write)} than ${value(history, newer)}`;
  const between =
    write === newer ? '' : `; ${value(history, write)} had been written to ${key(history, write)} ${order}`;
  return {
    kind: 'state that is no prefix',
    // A node's name stays as it is.
    sentence: `${history.node[read] === NONE ? capital(both) : both}${between}.`,
    operations: operationsOf(history, [older, write, newer, via, read, ...proofs(registers, [older, write])]),
  };
}

/** For writes of unknown outcome the reads that show that they had happened. */
function proofs({ history, done }: Prepared['registers'], writes: readonly number[]): number[] {
  return writes.flatMap((write) =>
    write < 0 || history.outcome[write] === OK ? [] : [history.ret.indexOf(done[write])],
  );
}

function explainKnot({ history, registers }: Prepared, problem: Problem, reads: readonly number[]): Anomaly {
  const positions = positionsOf(history);
  const shown: string[] = [];
  let state = 0;
  let last = NONE;
  for (const read of reads) {
    while (problem.start[state + 1] <= read) state++;
    const row = problem.reads[read];
    const what = `${value(history, row)} in ${key(history, row)}`;
    if (state === last) shown[shown.length - 1] += ` and ${what}`;
    else {
      const place = history.positionGroup[row] === NONE ? '' : ` at ${placeText(history, positions, row)}`;
      shown.push(`${server(history, row)}${place} showed${when(history, row)} ${what}`);
    }
    last = state;
  }
  const rows = reads.map((read) => problem.reads[read]);
  return {
    kind: 'contradictory order',
    sentence: `No order of the writes has a prefix for each of these states: ${shown.join('; ')}.`,
    operations: operationsOf(history, [...rows, ...rows.map((row) => registers.source[row])]),
  };
}

/** Reads of states that show a write besides, there or before. */
function comparedReads({ source }: Prepared['registers'], { states, start, before, reads }: Shown): number {
  let compared = 0;
  /** Reads of writes so far in the log. */
  let shown = 0;
  for (let state = 0; state < states; state++) {
    if (before[state] === NONE) shown = 0;
    for (let i = start[state]; i < start[state + 1]; i++) if (source[reads[i]] >= 0) shown++;
    for (let i = start[state]; i < start[state + 1]; i++) {
      if (shown > (source[reads[i]] >= 0 ? 1 : 0)) compared++;
    }
  }
  return compared;
}

const prepareCommitted = (history: History, semantics: Semantics): Prepared => prepare(committed(history), semantics);

/** Looks for states that miss a write, and then for an order. Returns the reason to stop, where there is one. */
function look(prepared: Prepared, problem: Problem, findings: Findings, budget: Budget): string | undefined {
  const { registers } = prepared;
  missingWrites(problem, (missing) => findings.add(() => explainMissing(prepared, missing)));
  for (const claim of registers.falseClaims) findings.add(() => explainClaim(registers, claim));
  const stopped = budget.spent();
  if (findings.count > 0 || stopped !== undefined) return stopped;
  const { complete, order } = replay(problem);
  if (complete) return undefined;
  const outcome = searchOrder(problem, order(), budget);
  if (outcome.type === 'stopped') return outcome.reason;
  if (outcome.type === 'none') {
    const reads = smallestReads(problem, outcome.states, budget);
    findings.add(() => explainKnot(prepared, problem, reads));
  }
  return undefined;
}

function judge(history: History, budget: Budget, semantics: Semantics): Verdict {
  const prepared = prepareCommitted(history, semantics);
  const { registers } = prepared;
  const shown = shownStates(registers);
  const pairs = comparedReads(registers, shown);
  const examined = {
    operations: history.operations,
    reads: pairs,
    writes: happenedWrites(registers),
    states: shown.states,
    pairs,
    ambiguous: ambiguousReads(registers),
  };
  const findings = new Findings();
  reportUnwritten(prepared, findings);
  // The order of versions is one that all states are prefixes of, as has been looked at already.
  if (!registers.settled || shown.hasBatches) {
    const stopped = look(prepared, problemOf(prepared, shown), findings, budget);
    if (stopped !== undefined) return findings.verdict(examined, stopped);
  }
  if (findings.count > 0) return findings.verdict(examined);
  const nothing = shown.states === 0 ? NO_STATES : NOTHING;
  const verdict = verdictOf(prepared, findings, examined, nothing, movedDoubt(history, shown.moved));
  // A prefix that ends within a transaction is none, and is not looked for here.
  const doubt = verdict.type === 'valid' && hasTransactions(prepared.history);
  return doubt ? { type: 'unknown', reason: TRANSACTIONS, examined } : verdict;
}

export default {
  name: 'consistent-prefix',
  decides: 'consistent-prefix',
  check: withEvidence(judge, prepareCommitted),
} satisfies Checker;

/** Whether a transaction made several writes, which become visible together. */
function hasTransactions({ length, flags, f, outcome, batch }: History): boolean {
  let writing = NONE;
  for (let row = 0; row < length; row++) {
    if ((flags[row] & TRANSACTION) === 0 || f[row] === READ || outcome[row] === FAIL) continue;
    if (batch[row] === writing) return true;
    writing = batch[row];
  }
  return false;
}

const TRANSACTIONS =
  'transactions made several writes each: whether states show parts of them is judged by causal and sequential';
const NOTHING = 'no state showed a write together with anything else';
