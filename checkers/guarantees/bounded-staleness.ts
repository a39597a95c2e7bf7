/**
 * Bounded staleness: every read returns the newest value as of some moment at most Δ before its invocation (Golab, Li & Shah 2011,
 * k- and Δ-atomicity; here Δ looks back from the invocation, as stores state it). Δ is the path's own, from its name
 * (`bounded-500ms`), or given. Every operation on the key is evidence of what was newer, but for reads of what is uncommitted;
 * only reads that have a bound are blamed, and only when the least age that the history proves exceeds it; or several together, where
 * no order of the writes lets each of them be as fresh as its bound says (staleness/together.ts). What was undone later is a loss, never staleness; so a write that
 * nobody ever read may be one, and leaves the verdict open instead.
 */
import { boundMsOf } from '../../history/guarantee.ts';
import { type History, NONE, OK, READ } from '../../history/history.ts';
import type { Anomaly, Checker, Semantics } from '../checker.ts';
import { committed } from '../sessions/committed.ts';
import { Findings } from '../sessions/findings.ts';
import { ambiguity } from '../sessions/ambiguity.ts';
import { AMBIGUOUS, INITIAL, Registers, UNWRITTEN } from '../sessions/registers.ts';
import { explainUnwritten, operationsOf } from '../sessions/rule.ts';
import { undoneWrites } from '../sessions/survival.ts';
import { olderThan } from '../sessions/showed.ts';
import { call, instant } from '../linearizable/words.ts';
import { amount, answer, key, server, value } from '../sessions/words.ts';
import { contradictionsOf, explainTogether, inMs } from '../staleness/together.ts';
import { effectsOf, type Effects, type ReadAge, readAges } from '../staleness.ts';

const MILLISECOND = 1e6;

/** For each row the bound on its age in nanoseconds; NaN where it is no answered read, or none was given. */
function boundsOf(history: History, { blame, boundMs }: Semantics): Float64Array {
  const { length, f, outcome, path, paths } = history;
  const ofPath = paths.map((name) => {
    const mine = blame === undefined ? !name.startsWith('node:') : name === blame;
    return mine ? (boundMs ?? boundMsOf(name) ?? Number.NaN) * MILLISECOND : Number.NaN;
  });
  const unnamed = blame === undefined && boundMs !== undefined ? boundMs * MILLISECOND : Number.NaN;
  const bounds = new Float64Array(length).fill(Number.NaN);
  for (let row = 0; row < length; row++) {
    if (f[row] === READ && outcome[row] === OK) bounds[row] = path[row] === NONE ? unnamed : ofPath[path[row]];
  }
  return bounds;
}

/** Without the reads that tell nothing of what had taken effect; those of the path that is judged stay. */
function evidenceIn(history: History, { uncommitted = [], blame }: Semantics): History {
  const without = history.paths.map((name) => name !== blame && uncommitted.includes(name));
  if (!without.includes(true)) return history;
  const { f, path } = history;
  return history.filter((row) => f[row] !== READ || path[row] === NONE || !without[path[row]]);
}

function explainAge(registers: Registers, { shownBy, time }: Effects, age: ReadAge, bound: number): Anomaly {
  const { history, source } = registers;
  const { row, lowNs, newer } = age;
  const by = shownBy[newer];
  const how = by === newer ? 'acknowledged' : 'read';
  // Where time alone does not say which of the two is the newer one.
  const isClaimed = source[row] !== INITIAL && !registers.precedes(source[row], newer);
  const claimed = isClaimed ? `, ${olderThan(registers, source[row], newer)},` : '';
  const shown = source[row] === INITIAL ? `${value(history, row)}, the initial value` : value(history, row);
  return {
    kind: 'too stale',
    sentence:
      `${server(history, row)} answered a read of ${key(history, row)} invoked at ${instant(history.callTime[row])} with ${shown}` +
      `${claimed === '' ? ',' : claimed} then out of date for at least ${inMs(lowNs)}, where ${inMs(bound)} are allowed: ${value(history, newer)} had been ${how} at ` +
      `${instant(time[newer])}.`,
    operations: operationsOf(history, [source[row], newer, by, row]),
  };
}

/** No moment up to its answer had that value. */
function explainEarly(history: History, row: number, source: number): Anomaly {
  return {
    kind: 'read before write',
    sentence: `The read of ${key(history, row)}${answer(history, row)} returned ${value(history, row)}, which was asked to be written only later${call(history, source, ', at ')}.`,
    operations: operationsOf(history, [source, row]),
  };
}

/** What no read ever returned: acknowledged, perhaps, and lost. */
function unseenWrites({ history, seen }: Registers): number[] {
  const unseen: number[] = [];
  for (let row = 0; row < history.length; row++) if (history.f[row] !== READ && seen[row] === 0) unseen.push(row);
  return unseen;
}

interface Ages {
  readonly reads: number;
  readonly stale: number;
  /** Too old if no newer write was lost that nobody read; all others are too old for certain. */
  readonly unsure: number;
}

/** How the reads of one history are judged. */
interface Judged {
  readonly registers: Registers;
  readonly semantics: Semantics;
  readonly bounds: Float64Array;
  readonly undone: ReadonlySet<number>;
}

/** Event positions of the invocations of all writes that may have been lost. */
function perhapsLost({ registers, undone }: Judged): ReadonlySet<number> {
  return new Set([...undone, ...unseenWrites(registers).map((row) => registers.history.call[row])]);
}

/** @param blamed per key: set to 1 where a read is blamed */
function judgeAges(judged: Judged, findings: Findings, blamed: Uint8Array): Ages {
  const { registers, semantics, bounds, undone } = judged;
  const { history } = registers;
  let reads = 0;
  let stale = 0;
  // No object for a read that is as fresh as it must be: there may be millions.
  const suspected = readAges(history, { semantics, undone, registers }, (row, lowNs) => {
    if (Number.isNaN(bounds[row])) return false;
    reads++;
    if (lowNs > 0) stale++;
    return lowNs > bounds[row];
  });
  let certain: readonly ReadAge[] = [];
  if (suspected.length > 0) {
    // What only the order of cas proves is found below, with all of its proof (judgeTogether).
    const options = { semantics, undone: perhapsLost(judged), registers, withoutCas: true };
    certain = readAges(history, options, (row, lowNs) => lowNs > bounds[row]);
    const effects = effectsOf(registers);
    for (const age of certain) {
      blamed[history.key[age.row]] = 1;
      findings.add(() => explainAge(registers, effects, age, bounds[age.row]));
    }
  }
  return { reads, stale, unsure: suspected.length - certain.length };
}

/** What reads say together that none of them says alone; the number of keys that stay in doubt. */
function judgeTogether(judged: Judged, findings: Findings, blamed: Uint8Array): number {
  const { registers, semantics, bounds, undone } = judged;
  const suspected = contradictionsOf(registers, semantics, undone, bounds, blamed);
  if (suspected.found.length === 0) return suspected.unsure;
  const { found, clusters } = contradictionsOf(registers, semantics, perhapsLost(judged), bounds, blamed);
  for (const delta of found) findings.add(() => explainTogether(registers, clusters, delta, bounds));
  return suspected.unsure + suspected.found.length - found.length;
}

export default {
  name: 'bounded-staleness',
  decides: 'bounded-staleness',
  check(whole, _budget, semantics) {
    const history = evidenceIn(committed(whole), semantics);
    const registers = new Registers(history, semantics);
    const bounds = boundsOf(history, semantics);
    const findings = new Findings();
    let bounded = 0;
    let ambiguous = 0;
    for (let row = 0; row < history.length; row++) {
      if (Number.isNaN(bounds[row])) continue;
      bounded++;
      if (registers.source[row] === AMBIGUOUS) ambiguous++;
      if (registers.source[row] === UNWRITTEN) findings.add(() => explainUnwritten(history, row));
      const source = registers.source[row];
      if (source >= 0 && history.call[source] > history.ret[row])
        findings.add(() => explainEarly(history, row, source));
    }
    const undone = semantics.undone ?? undoneWrites(history, semantics);
    const judged = { registers, semantics, bounds, undone };
    const blamed = new Uint8Array(history.keys.length);
    const { reads, stale, unsure } = judgeAges(judged, findings, blamed);
    const open = reads === 0 ? 0 : judgeTogether(judged, findings, blamed);
    const doubt =
      bounded === 0
        ? 'no read has a bound: it came by a path bounded-<n>ms, or a bound is given'
        : unsure > 0
          ? `${amount(unsure, 'read')} came too late only if writes that nobody read were not lost`
          : open > 0
            ? `whether all reads of ${amount(open, 'key')} are fresh enough together depends on whether writes were lost`
            : ambiguous > 0
              ? ambiguity(registers, ambiguous, (row) => !Number.isNaN(bounds[row]))
              : reads === 0
                ? 'nothing tells how old the answers were: there are no times'
                : undefined;
    return findings.verdict({ operations: history.operations, reads, stale, ambiguous }, doubt);
  },
} satisfies Checker;
