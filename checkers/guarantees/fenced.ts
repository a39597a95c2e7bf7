/**
 * Fencing (Gray & Cheriton 1989): nothing invoked after an acknowledgement of a higher term returned is acknowledged by a lower
 * term of the same group. A deposed leader that still acknowledges is what it forbids. The higher term may have been acknowledged
 * through any path.
 */
import { type History, NONE, OK, READ } from '../../history/history.ts';
import type { Anomaly, Checker, Follower, Semantics } from '../checker.ts';
import { confirming } from '../online/confirming.ts';
import { FencedStream } from '../online/fenced.ts';
import { ofGroup, termOf } from '../positions.ts';
import { blamedRows } from '../sessions/blame.ts';
import { explainClaim } from '../sessions/claim-words.ts';
import { claimsToBlame, isOfPosition } from '../sessions/claims.ts';
import { Findings } from '../sessions/findings.ts';
import { Registers } from '../sessions/registers.ts';
import { eventsOf } from '../sessions/threads.ts';
import { instant } from '../linearizable/words.ts';
import { amount, key, server, value, when } from '../sessions/words.ts';

function explain(history: History, higher: number, row: number): Anomaly {
  const term = (write: number): string =>
    `${termOf(history.versionHistory[write])}${ofGroup(history, history.versionGroup[write])}`;
  const invoked = Number.isNaN(history.callTime[row])
    ? 'invoked after that'
    : `invoked at ${instant(history.callTime[row])}`;
  return {
    kind: 'acknowledged by a deposed leader',
    sentence:
      `${history.node[higher] === NONE ? 'An unnamed node' : server(history, higher)} acknowledged ${value(history, higher)} to ${key(history, higher)} in term ${term(higher)}` +
      `${when(history, higher)}, and then ${server(history, row)} acknowledged ${value(history, row)} to ${key(history, row)}, ` +
      `${invoked}, in the lower term ${term(row)}.`,
    operations: [history.operation(higher), history.operation(row)].sort((a, b) => a.index - b.index),
  };
}

/**
 * Terms are claims too. A write of which two versions are told, or whose version another write has, tells no term; where nobody but what
 * is blamed here can have said what is false, that is an anomaly, and otherwise it leaves the verdict open.
 */
function judgeClaims(history: History, semantics: Semantics, findings: Findings, isBlamed: (row: number) => boolean) {
  const registers = new Registers(history, semantics);
  const contradicted = new Set<number>();
  for (const claim of claimsToBlame(registers.falseClaims, isBlamed)) {
    if (isOfPosition(claim) || claim.type === 'order against real time') continue;
    const writes = claim.rows
      .map((row) => (history.f[row] === READ ? registers.source[row] : row))
      .filter((row) => row >= 0 && registers.isAcknowledged(row) && history.versionGroup[row] !== NONE);
    if (writes.length === 0) continue;
    for (const write of writes) contradicted.add(write);
    // Where one path is blamed, no read is: it may be what is false.
    if (claim.rows.every(isBlamed)) findings.add(() => explainClaim(registers, claim));
  }
  return contradicted;
}

export default {
  name: 'fenced',
  decides: 'fenced',
  check(history, _budget, semantics) {
    const { f, outcome, versionGroup, versionHistory } = history;
    const findings = new Findings();
    const isBlamed = blamedRows(history, semantics);
    const contradicted = judgeClaims(history, semantics, findings, isBlamed);
    /** By group, the write acknowledged with the highest term so far. */
    const highest = new Map<number, number>();
    const terms = new Set<string>();
    let writes = 0;
    for (const event of eventsOf(history)) {
      const row = event >> 1;
      if (event === NONE || f[row] === READ || outcome[row] !== OK || versionGroup[row] === NONE) continue;
      if (contradicted.has(row)) continue;
      const term = termOf(versionHistory[row]);
      if (Number.isNaN(term)) continue;
      const best = highest.get(versionGroup[row]);
      const known = best === undefined ? Number.NEGATIVE_INFINITY : termOf(versionHistory[best]);
      if ((event & 1) === 1) {
        if (term > known) highest.set(versionGroup[row], row);
        continue;
      }
      if (!isBlamed(row)) continue;
      writes++;
      terms.add(`${versionGroup[row]} ${term}`);
      if (best !== undefined && term < known) findings.add(() => explain(history, best, row));
    }
    const examined = { operations: history.operations, writes, terms: terms.size };
    const doubt =
      contradicted.size > 0
        ? `the versions of ${amount(contradicted.size, 'acknowledged write')} contradict other claims`
        : writes === 0
          ? 'no acknowledged write tells its term'
          : undefined;
    return findings.verdict(examined, doubt);
  },
  follow(growing, budget, semantics): Follower {
    return confirming(this, growing, budget, semantics, new FencedStream(growing, semantics));
  },
} satisfies Checker;
