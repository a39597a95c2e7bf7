/**
 * Set: every element whose add was acknowledged is in the set for good (as Jepsen's set-full). An element is known from the
 * acknowledgement of its add, or from the first answer that shows it. It is lost if a read that was invoked after that misses it,
 * and nothing shows it again: no read with it returned after that read was invoked. If it is shown again it was only stale: a
 * count, with the time from when it was known to the last read that missed it. Twice in one answer, it is duplicated; what was
 * never added, only refused, or not yet added when it was shown, is unexpected.
 *
 * That reads are up to date is asked by `linearizable` with the model `set`.
 */
import { FAIL, type History, INFO, NEVER, NONE, NULL_REF, OK, READ } from '../../history/history.ts';
import type { Anomaly, Budget, Checker, Follower, Semantics, Verdict } from '../checker.ts';
import { confirming } from '../online/confirming.ts';
import { ElementStream, setMethods } from '../online/elements.ts';
import { Elements, INEXACT, itemsOf, Lists, methodCode, rankMs, refusedRow } from '../collections/elements.ts';
import { Findings } from '../sessions/findings.ts';
import { operationsOf } from '../sessions/rule.ts';
import { instant } from '../linearizable/words.ts';
import { amount, answer, capital, key, valueTextOf } from '../sessions/words.ts';

const ADD = methodCode('add');

/** What is known of each element; positions of events and rows. */
class Known {
  readonly elements = new Elements();
  /** The add of it that was invoked first, of those that may have happened; NONE: all were refused, or there is none. */
  add = new Int32Array(0);
  /** Position from which it is known, and the row that tells. */
  since = new Int32Array(0);
  by = new Int32Array(0);
  /** The read showing it that returned last, and the read missing it after it was known that was invoked last. */
  shown = new Int32Array(0);
  missed = new Int32Array(0);

  constructor(history: History, isSet: Uint8Array) {
    const { f, key: keyOf, value, outcome, ret, length } = history;
    for (let row = 0; row < length; row++) {
      if (f[row] === ADD && isSet[keyOf[row]] === 1) this.elements.add(keyOf[row], value[row]);
    }
    const { count } = this.elements;
    [this.add, this.by, this.shown, this.missed] = [0, 0, 0, 0].map(() => new Int32Array(count).fill(NONE));
    this.since = new Int32Array(count).fill(NEVER);
    for (let row = 0; row < length; row++) {
      if (f[row] !== ADD || isSet[keyOf[row]] === 0 || outcome[row] === FAIL) continue;
      const element = this.elements.find(keyOf[row], value[row]);
      if (this.add[element] === NONE) this.add[element] = row;
      if (outcome[row] === OK && ret[row] < this.since[element]) {
        this.since[element] = ret[row];
        this.by[element] = row;
      }
    }
  }
}

/** Keys that nothing else was done to than adding elements and reading lists; if nothing was added, nothing can be in them. */
function setsIn(history: History, lists: Lists): Uint8Array {
  const { length, f, key: keyOf, outcome, value, keys } = history;
  const isSet = new Uint8Array(keys.length);
  const isOther = new Uint8Array(keys.length);
  for (let row = 0; row < length; row++) {
    if (f[row] === ADD) isSet[keyOf[row]] = 1;
    else if (f[row] !== READ) isOther[keyOf[row]] = 1;
    // An answer that is a number belongs to a counter; whatever begins no list is not parsed.
    else if (outcome[row] === OK && value[row] !== NULL_REF && lists.refs(value[row]) === undefined)
      isOther[keyOf[row]] = 1;
    else if (outcome[row] === OK && value[row] !== NULL_REF) isSet[keyOf[row]] = 1;
  }
  for (let k = 0; k < keys.length; k++) if (isOther[k] === 1) isSet[k] = 0;
  return isSet;
}

function explainLost(history: History, known: Known, element: number): Anomaly {
  const { add, by, missed, elements } = known;
  const what = valueTextOf(history.values, elements.ref(element));
  const told = by[element];
  const time = history.retTime[told];
  const how = history.f[told] === ADD ? 'acknowledged' : 'shown by a read';
  const row = missed[element];
  return {
    kind: 'lost element',
    sentence:
      `${what}, whose add to ${key(history, row)} was ${how}${Number.isNaN(time) ? '' : ` at ${instant(time)}`}, ` +
      `is missing from the read${answer(history, row)}, and no later answer shows it.`,
    operations: operationsOf(history, [add[element], told, row]),
  };
}

function explainShown(
  history: History,
  row: number,
  ref: number,
  kind: string,
  why: string,
  others: readonly number[],
): Anomaly {
  const what = valueTextOf(history.values, ref);
  return {
    kind,
    sentence: capital(`the read of ${key(history, row)}${answer(history, row)} shows ${what}${why}.`),
    operations: operationsOf(history, [...others, row]),
  };
}

interface Shown {
  /** Reads in the order of invocation. */
  readonly reads: readonly number[];
  readonly budget: Budget;
  readonly initial: ReadonlySet<number>;
}

/** The first pass: what every answer shows. Returns the reason if the budget ended. */
function lookAtAnswers(
  history: History,
  known: Known,
  lists: Lists,
  { reads, budget, initial }: Shown,
  findings: Findings,
): string | undefined {
  const { key: keyOf, value, ret, call } = history;
  const lastSeen = new Int32Array(known.elements.count).fill(NONE);
  for (const row of reads) {
    const spent = budget.spent();
    if (spent !== undefined) return spent;
    const refs = lists.refs(value[row]) ?? new Int32Array(0);
    const told = new Set<number>(); // strangers, each once an answer
    for (const ref of refs) {
      const element = known.elements.find(keyOf[row], ref);
      const add = element === NONE ? NONE : known.add[element];
      if (add === NONE || call[add] > ret[row]) {
        if (initial.has(ref) || told.has(ref)) continue;
        told.add(ref);
        const why =
          add !== NONE
            ? ', which was added only later'
            : element === NONE
              ? ', which was never added'
              : ', whose add was refused';
        findings.add(() => {
          const tried = add === NONE ? refusedRow(history, ADD, row, ref) : add;
          return explainShown(history, row, ref, 'unexpected element', why, [tried]);
        });
        continue;
      }
      if (lastSeen[element] === row) {
        if (!told.has(ref))
          findings.add(() => explainShown(history, row, ref, 'duplicated element', ' more than once', [add]));
        told.add(ref);
        continue;
      }
      lastSeen[element] = row;
      if (known.shown[element] === NONE || ret[row] > ret[known.shown[element]]) known.shown[element] = row;
      if (ret[row] < known.since[element]) {
        known.since[element] = ret[row];
        known.by[element] = row;
      }
    }
  }
  return undefined;
}

/** The second pass: what each answer misses of what was known. */
function lookForMissing(history: History, known: Known, lists: Lists, { reads, budget }: Shown): string | undefined {
  const { key: keyOf, value, call, keys } = history;
  const { elements, since, missed } = known;
  const ofKey = keys.map((): number[] => []);
  for (let element = 0; element < elements.count; element++)
    if (since[element] !== NEVER) ofKey[elements.key(element)].push(element);
  for (const list of ofKey) list.sort((a, b) => since[a] - since[b]);
  const lastSeen = new Int32Array(elements.count).fill(NONE);
  for (const row of reads) {
    const spent = budget.spent();
    if (spent !== undefined) return spent;
    for (const ref of lists.refs(value[row]) ?? []) {
      const element = elements.find(keyOf[row], ref);
      if (element !== NONE) lastSeen[element] = row;
    }
    for (const element of ofKey[keyOf[row]]) {
      if (since[element] > call[row]) break;
      if (lastSeen[element] !== row) missed[element] = row; // reads come in the order of their calls
    }
  }
  return undefined;
}

function conclude(
  history: History,
  known: Known,
  findings: Findings,
  counted: { adds: number; reads: readonly number[] },
): Verdict {
  const { elements, since, shown, missed, add } = known;
  const { call, ret, callTime, retTime, outcome } = history;
  const lastCall = new Int32Array(history.keys.length).fill(-1);
  for (const row of counted.reads) lastCall[history.key[row]] = Math.max(lastCall[history.key[row]], call[row]);
  let [confirmed, stale, unread, recovered] = [0, 0, 0, 0];
  const latencies: number[] = [];
  for (let element = 0; element < elements.count; element++) {
    if (since[element] === NEVER) continue;
    if (outcome[add[element]] === INFO) recovered++;
    const miss = missed[element];
    const last = shown[element];
    if (miss !== NONE && (last === NONE || ret[last] < call[miss])) {
      findings.add(() => explainLost(history, known, element));
      continue;
    }
    if (miss === NONE && lastCall[elements.key(element)] < since[element]) unread++;
    else confirmed++;
    if (miss !== NONE) {
      stale++;
      const ns = callTime[miss] - retTime[known.by[element]];
      if (!Number.isNaN(ns)) latencies.push(ns);
    }
  }
  const sorted = Float64Array.from(latencies).sort();
  const stability =
    sorted.length === 0
      ? {} // none was stale, or there are no times
      : {
          'ms until stable (p50)': rankMs(sorted, 0.5),
          'ms until stable (p99)': rankMs(sorted, 0.99),
          'ms until stable (max)': rankMs(sorted, 1),
        };
  const examined = {
    operations: history.operations,
    adds: counted.adds,
    reads: counted.reads.length,
    confirmed,
    stale,
    ...stability,
    recovered,
    'never read afterwards': unread,
  };
  const doubt =
    counted.adds === 0 || counted.reads.length === 0
      ? 'there are no keys that elements are added to and whose lists are read'
      : confirmed === 0
        ? `no read was invoked after ${amount(unread, 'add')} had been acknowledged`
        : undefined;
  return findings.verdict(examined, doubt);
}

function readsIn(
  { length, f, outcome, key: keyOf, value }: History,
  isSet: Uint8Array,
  { nilRead }: Semantics,
): number[] {
  const reads: number[] = [];
  for (let row = 0; row < length; row++) {
    if (f[row] !== READ || outcome[row] !== OK || isSet[keyOf[row]] === 0) continue;
    if (value[row] !== NULL_REF || nilRead === 'initial') reads.push(row);
  }
  return reads;
}

export default {
  name: 'set',
  decides: 'set',
  check(history, budget, semantics) {
    const lists = new Lists(history);
    const isSet = setsIn(history, lists);
    const known = new Known(history, isSet);
    const reads = readsIn(history, isSet, semantics);
    const initial = new Set((itemsOf(semantics.initial) ?? []).map((item) => history.values.intern(item)));
    const findings = new Findings();
    const shown: Shown = { reads, budget, initial };
    let adds = 0;
    for (let row = 0; row < history.length; row++) if (history.f[row] === ADD && isSet[history.key[row]] === 1) adds++;
    if (lists.isInexact) return { type: 'unknown', reason: INEXACT, examined: { operations: history.operations } };
    const spent = lookAtAnswers(history, known, lists, shown, findings) ?? lookForMissing(history, known, lists, shown);
    if (spent !== undefined)
      return findings.verdict({ operations: history.operations, adds, reads: reads.length }, spent);
    return conclude(history, known, findings, { adds, reads });
  },
  follow(growing, budget, semantics): Follower {
    return confirming(this, growing, budget, semantics, new ElementStream(growing, setMethods, semantics.initial));
  },
} satisfies Checker;
