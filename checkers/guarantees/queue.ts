/**
 * Queue: every value whose enqueue was acknowledged is dequeued once, and nothing else is (as Jepsen's total-queue; values may be
 * enqueued several times, and are counted). Unexpected is what was never enqueued, only refused, or enqueued only later;
 * duplicated, what was dequeued more often than it may have been enqueued. Lost is what was not dequeued although the queue was
 * empty after its enqueue had been acknowledged: a dequeue of null or a drain proves that. A dequeue of unknown outcome may have
 * taken one value, and a drain of unknown outcome any; that many may be missing. Without such a proof nothing is lost yet, and
 * the verdict stays open.
 *
 * Order is asked for by the model `fifo-queue` only: then no value may be dequeued, for certain, before one that was enqueued
 * before it for certain, nor while that one is never dequeued; and what a drain lists, it took in that order. Otherwise these are
 * counted. Which of several enqueues of a value a dequeue belongs to is not known: `linearizable` tries them all.
 */
import { FAIL, type History, INFO, NEVER, NONE, NULL_REF, OK } from '../../history/history.ts';
import type { Anomaly, Checker, Follower } from '../checker.ts';
import { confirming } from '../online/confirming.ts';
import { ElementStream, queueMethods } from '../online/elements.ts';
import { Elements, INEXACT, Lists, methodCode, refusedRow } from '../collections/elements.ts';
import { eachOvertaken, Passages } from '../collections/order.ts';
import { Findings } from '../sessions/findings.ts';
import { operationsOf } from '../sessions/rule.ts';
import { amount, answer, key, valueTextOf } from '../sessions/words.ts';

const ENQUEUE = methodCode('enqueue');
const DEQUEUE = methodCode('dequeue');
const DRAIN = methodCode('drain');

/** Of a value that came again and again, no more operations than these are shown. */
const COPIES_SHOWN = 40;

/** Per value of a key; NONE where there is no such row. */
class Counts {
  readonly elements = new Elements();
  readonly attempts: Int32Array;
  readonly acknowledged: Int32Array;
  readonly taken: Int32Array;
  /** Rows of enqueues that may have happened, and of dequeues and drains that took the value after one of them was invoked. */
  readonly passages: Passages;
  /** The enqueue that was invoked first. */
  readonly enqueue: Int32Array;

  constructor({ length, f, key: keyOf, value }: History) {
    for (let row = 0; row < length; row++) if (f[row] === ENQUEUE) this.elements.add(keyOf[row], value[row]);
    const { count } = this.elements;
    [this.attempts, this.acknowledged, this.taken] = [0, 0, 0].map(() => new Int32Array(count)) as Triple;
    this.passages = new Passages(count);
    this.enqueue = this.passages.firstPut;
  }

  find({ key: keyOf, value }: History, row: number): number {
    return this.elements.find(keyOf[row], value[row]);
  }
}
type Triple = [Int32Array<ArrayBuffer>, Int32Array<ArrayBuffer>, Int32Array<ArrayBuffer>];

function shownAs(
  history: History,
  row: number,
  ref: number,
  kind: string,
  why: string,
  others: readonly number[],
): Anomaly {
  const how = history.f[row] === DRAIN ? 'drain' : 'dequeue';
  return {
    kind,
    sentence: `The ${how} of ${key(history, row)}${answer(history, row)} returned ${valueTextOf(history.values, ref)}${why}.`,
    operations: operationsOf(history, [...others, row]),
  };
}

/** Values taken by one row: `take` is called for each. Returns false for a dequeue that found the queue empty. */
function eachTaken({ f, value }: History, lists: Lists, row: number, take: (ref: number) => void): boolean {
  if (f[row] === DEQUEUE) {
    if (value[row] === NULL_REF) return false;
    take(value[row]);
  } else for (const ref of lists.refs(value[row]) ?? []) take(ref);
  return true;
}

function countTaken(
  history: History,
  counts: Counts,
  lists: Lists,
  findings: Findings,
): { taken: number; empty: number[]; copies: readonly number[] } {
  const { length, f, outcome, key: keyOf, ret, call } = history;
  const empty: number[] = []; // rows that prove their queue empty
  const copies: number[] = []; // rows that took what was enqueued several times, each with its element
  let taken = 0;
  for (let row = 0; row < length; row++) {
    if ((f[row] !== DEQUEUE && f[row] !== DRAIN) || outcome[row] !== OK) continue;
    const some = eachTaken(history, lists, row, (ref) => {
      taken++;
      const element = counts.elements.find(keyOf[row], ref);
      const enqueue = element === NONE ? NONE : counts.enqueue[element];
      if (enqueue === NONE || call[enqueue] > ret[row]) {
        const why =
          enqueue !== NONE
            ? ', which was enqueued only later'
            : element === NONE
              ? ', which was never enqueued'
              : ', whose enqueue was refused';
        findings.add(() => {
          const tried = enqueue === NONE ? refusedRow(history, ENQUEUE, row, ref) : enqueue;
          return shownAs(history, row, ref, 'unexpected value', why, [tried]);
        });
        return;
      }
      const before = counts.passages.lastTake[element];
      counts.passages.take(history, element, row);
      if (counts.attempts[element] > 1) copies.push(row, element);
      if (++counts.taken[element] > 1 && counts.attempts[element] === 1) {
        findings.add(() => duplicated(history, row, ref, 'once', [enqueue, before]));
      }
    });
    if (!some || f[row] === DRAIN) empty.push(row);
  }
  countCopies(history, counts, copies, findings);
  return { taken, empty, copies };
}

function duplicated(history: History, row: number, ref: number, how: string, others: readonly number[]): Anomaly {
  const why = `, which was enqueued ${how} and had been taken as often`;
  return shownAs(history, row, ref, 'duplicated value', why, others);
}

/**
 * Of a value that is enqueued several times: whoever takes it for the i-th time has his answer after it was enqueued i times.
 */
function countCopies(history: History, counts: Counts, copies: readonly number[], findings: Findings): void {
  if (copies.length === 0) return;
  const { length, f, outcome, call, ret } = history;
  const taken = new Int32Array(counts.elements.count);
  const asked = new Int32Array(counts.elements.count);
  const order = Int32Array.from({ length: copies.length / 2 }, (_, i) => 2 * i);
  order.sort((a, b) => ret[copies[a]] - ret[copies[b]]);
  let put = 0;
  for (const i of order) {
    const [row, element] = [copies[i], copies[i + 1]];
    for (; put < length && call[put] < ret[row]; put++) {
      if (f[put] !== ENQUEUE || outcome[put] === FAIL) continue;
      asked[counts.find(history, put)]++;
    }
    if (++taken[element] <= asked[element]) continue;
    const times = asked[element] === 1 ? 'once' : `${asked[element]} times`;
    const how = asked[element] < counts.attempts[element] ? `${times} by then` : times;
    findings.add(() =>
      duplicated(history, row, counts.elements.ref(element), how, copiesBy(history, counts, copies, i)),
    );
  }
}

/** Enqueues of a value asked for, and dequeues of it answered, before the answer of one of these. */
function copiesBy(history: History, counts: Counts, copies: readonly number[], at: number): readonly number[] {
  const { length, f, outcome, call, ret } = history;
  const [row, element] = [copies[at], copies[at + 1]];
  const found: number[] = [];
  for (let put = 0; put < length && call[put] < ret[row]; put++) {
    if (f[put] === ENQUEUE && outcome[put] !== FAIL && counts.find(history, put) === element) found.push(put);
  }
  for (let i = 0; i < copies.length; i += 2) {
    if (copies[i + 1] === element && ret[copies[i]] < ret[row]) found.push(copies[i]);
  }
  // The sentence counts them.
  return found.sort((a, b) => a - b).slice(-COPIES_SHOWN);
}

interface Loss {
  readonly proof: number;
  /** Values that were acknowledged before it and never taken; all but `excused` of them are lost. */
  readonly missing: readonly number[];
  readonly excused: number;
}

/** For each queue the proof of emptiness that convicts of the most. */
function lossesOf(history: History, counts: Counts, empty: readonly number[]): readonly Loss[] {
  const { length, f, outcome, key: keyOf, ret, call, keys } = history;
  const byKey = keys.map(() => ({ acks: [] as number[], open: [] as number[], drains: NEVER, proofs: [] as number[] }));
  for (let row = 0; row < length; row++) {
    const of = byKey[keyOf[row]];
    if (f[row] === ENQUEUE && outcome[row] === OK) of.acks.push(row);
    if (f[row] === DEQUEUE && outcome[row] === INFO) of.open.push(row);
    if (f[row] === DRAIN && outcome[row] === INFO) of.drains = Math.min(of.drains, call[row]);
  }
  for (const row of empty) byKey[keyOf[row]].proofs.push(row);
  const left = counts.taken.slice(); // of the values seen so far, how often they may still have been taken
  const invokedBefore = (rows: readonly number[], position: number): number => {
    let [low, high] = [0, rows.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (call[rows[middle]] < position) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  return byKey.flatMap(({ acks, open, drains, proofs }): Loss[] => {
    acks.sort((a, b) => ret[a] - ret[b]);
    const missing: number[] = [];
    let best: { proof: number; missing: number; excused: number } | undefined;
    let at = 0;
    for (const proof of proofs) {
      for (; at < acks.length && ret[acks[at]] < call[proof]; at++) {
        const element = counts.find(history, acks[at]);
        if (left[element]-- <= 0) missing.push(acks[at]);
      }
      if (drains < ret[proof]) continue; // one of unknown outcome may have taken all the rest
      const excused = invokedBefore(open, ret[proof]);
      const lost = missing.length - excused;
      if (lost > 0 && lost > (best === undefined ? 0 : best.missing - best.excused))
        best = { proof, missing: missing.length, excused };
    }
    return best === undefined
      ? []
      : [{ proof: best.proof, missing: missing.slice(0, best.missing), excused: best.excused }];
  });
}

function explainLoss(history: History, counts: Counts, copies: readonly number[], row: number, loss: Loss): Anomaly {
  const { proof, missing, excused } = loss;
  const text = valueTextOf(history.values, history.value[row]);
  const how = history.f[proof] === DRAIN ? 'a drain' : 'a dequeue';
  const some =
    excused === 0
      ? ''
      : ` (one of ${missing.length} such values, of which dequeues of unknown outcome can have taken ${excused})`;
  const found = `though ${how} invoked later found the queue empty`;
  const element = counts.find(history, row);
  const taken = counts.taken[element];
  if (taken === 0) {
    return {
      kind: 'lost value',
      sentence: `${text}, whose enqueue to ${key(history, row)} was acknowledged, was never dequeued${some}, ${found}.`,
      operations: operationsOf(history, [row, proof]),
    };
  }
  const { length, f, outcome, call, ret } = history;
  const puts: number[] = [];
  for (let put = 0; put < length && call[put] < call[proof]; put++) {
    const isOne = f[put] === ENQUEUE && outcome[put] === OK && ret[put] < call[proof];
    if (isOne && counts.find(history, put) === element) puts.push(put);
  }
  const takes = copies.filter((_, i) => copies[i + 1] === element && i % 2 === 0);
  const rows = [...puts, ...takes].sort((a, b) => a - b).slice(-COPIES_SHOWN);
  return {
    kind: 'lost value',
    sentence:
      `${amount(puts.length, 'enqueue')} of ${text} to ${key(history, row)} were acknowledged, and it was dequeued ` +
      `${taken === 1 ? 'only once' : `only ${taken} times`}${some}, ${found}.`,
    operations: operationsOf(history, [...rows, row, proof]),
  };
}

export default {
  name: 'queue',
  decides: 'queue',
  check(history, _budget, { model }) {
    const { length, f, outcome } = history;
    const counts = new Counts(history);
    const lists = new Lists(history);
    const findings = new Findings();
    let [enqueues, unknown] = [0, 0];
    for (let row = 0; row < length; row++) {
      if (f[row] !== ENQUEUE || outcome[row] === FAIL) continue;
      const element = counts.find(history, row);
      enqueues++;
      counts.attempts[element]++;
      if (outcome[row] === OK) counts.acknowledged[element]++;
      else unknown++;
      counts.passages.put(history, element, row);
    }
    for (let row = 0; row < length; row++) if (f[row] === DRAIN && outcome[row] === OK) lists.refs(history.value[row]);
    if (lists.isInexact) return { type: 'unknown', reason: INEXACT, examined: { operations: history.operations } };
    const { taken, empty, copies } = countTaken(history, counts, lists, findings);
    for (const loss of lossesOf(history, counts, empty)) {
      for (const row of loss.missing.slice(loss.excused))
        findings.add(() => explainLoss(history, counts, copies, row, loss));
    }
    let [recovered, left] = [0, 0];
    for (let element = 0; element < counts.elements.count; element++) {
      recovered += Math.max(
        0,
        Math.min(counts.taken[element], counts.attempts[element]) - counts.acknowledged[element],
      );
      left += Math.max(0, counts.acknowledged[element] - counts.taken[element]);
    }
    const isOrdered = model === 'fifo-queue';
    let reordered = 0;
    const overtaken = (explain: () => Anomaly): void => {
      reordered++;
      if (isOrdered) findings.add(explain);
    };
    judgeOrder(history, counts, lists, overtaken);
    const examined = {
      operations: history.operations,
      enqueues,
      dequeued: taken,
      indeterminate: unknown,
      recovered,
      'not dequeued': left,
      reordered,
    };
    const doubt =
      enqueues === 0 || taken + empty.length === 0
        ? 'nothing was enqueued and dequeued'
        : left > 0
          ? `${amount(left, 'acknowledged value')} ${left === 1 ? 'was' : 'were'} never dequeued, and no answer proves the queue empty without dequeues of unknown outcome`
          : undefined;
    return findings.verdict(examined, doubt);
  },
  follow(growing, budget, semantics): Follower {
    return confirming(this, growing, budget, semantics, new ElementStream(growing, queueMethods, null));
  },
} satisfies Checker;

/** Values that others overtook: among all events, and within each drain. */
function judgeOrder(history: History, counts: Counts, lists: Lists, tell: (explain: () => Anomaly) => void): void {
  const { length, f, outcome, key: keyOf, value, call, ret, keys } = history;
  const { elements, passages, taken, attempts } = counts;
  const openFrom = new Int32Array(keys.length).fill(NEVER);
  for (let row = length - 1; row >= 0; row--) {
    if (outcome[row] === INFO && (f[row] === DEQUEUE || f[row] === DRAIN)) openFrom[keyOf[row]] = call[row];
  }
  const isSound = (element: number): boolean => taken[element] <= attempts[element];
  const judged = { count: elements.count, key: (element: number) => elements.key(element), isSound, openFrom };
  eachOvertaken(history, passages, judged, (a, b) => tell(() => explainOrder(history, counts, a, b)));
  for (let row = 0; row < length; row++) {
    if (f[row] !== DRAIN || outcome[row] !== OK) continue;
    let latest = NONE; // of those listed so far, the one that was put in last
    for (const ref of lists.refs(value[row]) ?? []) {
      const element = elements.find(keyOf[row], ref);
      const put = element === NONE ? NONE : passages.firstPut[element];
      if (put === NONE || call[put] > ret[row] || !isSound(element)) continue;
      const before = latest;
      if (before !== NONE && call[passages.firstPut[before]] > ret[passages.lastPut[element]])
        tell(() => explainDrain(history, counts, row, element, before));
      if (before === NONE || call[put] > call[passages.firstPut[before]]) latest = element;
    }
  }
}

function explainDrain(history: History, counts: Counts, row: number, early: number, late: number): Anomaly {
  const text = (element: number): string => valueTextOf(history.values, counts.elements.ref(element));
  const { firstPut, lastPut } = counts.passages;
  return {
    kind: 'reordered',
    sentence:
      `The drain of ${key(history, row)}${answer(history, row)} returned ${text(late)} before ${text(early)}, ` +
      `though ${text(early)} had been enqueued before the enqueue of ${text(late)} was invoked.`,
    operations: operationsOf(history, [lastPut[early], firstPut[late], row]),
  };
}

function explainOrder(history: History, counts: Counts, early: number, late: number): Anomaly {
  const text = (element: number): string => valueTextOf(history.values, counts.elements.ref(element));
  const { firstPut, lastPut, firstTake, lastTake } = counts.passages;
  const rows = [lastPut[early], lastTake[early], firstPut[late], firstTake[late]];
  const when =
    lastTake[early] === NONE
      ? `and ${text(early)} never was`
      : `before the ${history.f[lastTake[early]] === DRAIN ? 'drain' : 'dequeue'} of ${text(early)} was invoked`;
  return {
    kind: 'reordered',
    sentence:
      `${text(late)} was dequeued from ${key(history, rows[0])} ${when}, ` +
      `though ${text(early)} had been enqueued before the enqueue of ${text(late)} was invoked.`,
    operations: operationsOf(history, rows),
  };
}
