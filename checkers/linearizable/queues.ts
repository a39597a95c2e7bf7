/**
 * Queues without a search, where that can be exact.
 *
 * Where each value is enqueued once, what goes wrong with a queue shows in pairs of values (Henzinger, Sezgin & Vafeiadis
 * 2013; Bouajjani, Emmi, Enea & Hamza 2015): a value taken that was never put in, taken twice, or before it was put in; two
 * values put in one after the other and taken the other way round; and "empty" answered while, at every moment of the call,
 * some value was surely inside. If none of these is there, the values can be put in an order: "enqueued before" and "dequeued
 * before" are interval orders, and a circle of both has a circle of two in it.
 *
 * Of a value that is enqueued several times, the copies are told apart by their number. What holds for every way to number
 * them shows what is wrong; a way that fits shows that nothing is. Between the two, it takes a search.
 *
 * A value that nobody took and whose enqueue was not answered may be left out. A dequeue of unknown outcome may have taken
 * any one value that nobody else took: those that had to be taken by some moment must find as many such dequeues asked for
 * by then (Hall). A drain that overlaps nothing is as many dequeues, one after the other, and an empty queue at its end.
 */
import type { Anomaly, Budget } from '../checker.ts';
import type { Closer, Decision } from '../model.ts';
import { NEVER, NONE, OK } from '../../history/history.ts';
import type { History } from '../../history/history.ts';
import { DEQUEUE, DRAIN, drained, ENQUEUE, foundEmpty } from '../search/queue-words.ts';
import { Numbering } from '../search/numbering.ts';
import { clashIn } from './fifo-clash.ts';
import { impossibleBy, type PairProblem, pairUp, type Span } from './fifo-pairs.ts';
import {
  firstOut,
  foundEmptyWrongly,
  type Item,
  neverEnqueued,
  ofOthers,
  type Taking,
  takenBefore,
  takenOutOfOrder,
  takenTooOften,
  unpaired,
} from './queue-anomalies.ts';

export function decideFifo(history: History, rows: Int32Array, _: unknown, budget: Budget): Decision | undefined {
  return decide(history, rows, true, budget);
}

export function decideUnordered(history: History, rows: Int32Array, _: unknown, budget: Budget): Decision | undefined {
  return decide(history, rows, false, budget);
}

function decide(history: History, rows: Int32Array, isFifo: boolean, budget: Budget): Decision | undefined {
  const taken = collect(history, rows);
  if (taken === undefined) return undefined;
  const decision = decideBy(history, taken, isFifo, budget);
  if (decision === undefined || decision === 'possible' || !('rough' in decision)) return decision;
  return isFifo && taken.guesses.length === 0
    ? { ...decision, closer: () => closerLook(history, taken, budget) }
    : decision;
}

function decideBy(history: History, taken: Collected, isFifo: boolean, budget: Budget): Decision | undefined {
  const { enqueues, takings, empties, guesses, numbering } = taken;
  const puts = byValue(numbering.count, enqueues, (row) => numbering.of(history.value[row]));
  const takes = byValue(numbering.count, takings, (taking) => numbering.of(taking.reference));
  const wrong = countEach(history, puts, takes);
  if (wrong !== undefined) return wrong;
  const isUnique = puts.every((rows) => rows.length <= 1);
  const items: Item[] = [];
  for (let v = 0; v < numbering.count; v++) {
    if (puts[v].length === 1) items.push(itemOf(history, puts[v][0], takes[v][0]));
    // Which copies a dequeue of unknown outcome took, nobody knows.
    else if (guesses.length === 0) items.push(...loosely(history, puts[v], takes[v]));
  }
  const disorder = wrongWith(history, items, taken, isFifo);
  if (disorder !== undefined) return disorder;
  const isDecided = isFifo ? isUnique : isUnique || empties.length === 0;
  if (isDecided) return guesses.length === 0 || empties.length === 0 ? 'possible' : undefined;
  if (guesses.length > 0) return undefined;
  if (fitsSomehow(history, puts, takes, taken, isFifo)) return 'possible';
  return isFifo ? pairedUp(history, taken, budget) : undefined;
}

/** Which dequeue took which copy, by a search. */
function pairedUp(history: History, taken: Collected, budget: Budget): Decision | undefined {
  const { call } = history;
  const { enqueues, takings, empties } = taken;
  const problem = pairsOf(history, taken);
  const paired = pairUp(problem, budget);
  if (paired !== 'impossible') return paired;
  const answers = [...takings, ...empties].sort((a, b) => a.until - b.until);
  const by = impossibleBy(
    problem,
    answers.map(({ until }) => until),
    budget,
  );
  const stuck = answers.find(({ until }) => until === by) ?? answers[answers.length - 1];
  const placed = enqueues.filter((row) => call[row] < by).length + answers.filter(({ from }) => from < by).length;
  return { rough: unpaired(history, stuck, placed) };
}

function pairsOf(history: History, { enqueues, takings, empties, numbering }: Collected): PairProblem {
  const { call, ret, value } = history;
  const spanOf = (v: number, { row, from, until }: Taking): Span => ({ value: v, row, from, until });
  return {
    enqueues: enqueues.map((row) => ({
      value: numbering.of(value[row]),
      row,
      from: call[row],
      until: ret[row] === NEVER ? Number.POSITIVE_INFINITY : ret[row],
    })),
    dequeues: takings.map((taking) => spanOf(numbering.of(taking.reference), taking)).sort((a, b) => a.from - b.from),
    empties: empties.map((empty) => spanOf(NONE, empty)).sort((a, b) => a.from - b.from),
  };
}

/** What is said of pairs of values is as true of the few where others of the same values are no help. */
const SAYS_ENOUGH = new Set(['out of order', 'empty while something was in it']);

function closerLook(history: History, taken: Collected, budget: Budget): Closer | undefined {
  const clash = clashIn(pairsOf(history, taken), budget);
  if (clash === undefined) return undefined;
  const { rows, stuck, minimal, pairs, last } = clash;
  const alone = decide(history, Int32Array.from(rows), true, budget);
  const isTold =
    typeof alone === 'object' &&
    !('rough' in alone) &&
    SAYS_ENOUGH.has(alone.kind) &&
    alone.operations.length === rows.length;
  return {
    core: { rows, stuck, states: [], minimal },
    note: `${ofOthers(history, rows, taken)}${firstOut(history, pairs, last)}`,
    ...(isTold ? { told: alone } : {}),
  };
}

/** Bad patterns among values each of which is put in, and taken, at most once. */
function wrongWith(
  history: History,
  items: Item[],
  { empties, guesses }: Collected,
  isFifo: boolean,
): Wrong | undefined {
  items.sort((a, b) => a.putFrom - b.putFrom);
  const disorder = isFifo ? (outOfOrder(history, items, guesses) ?? overtaken(history, items, guesses)) : undefined;
  if (disorder !== undefined) return disorder;
  const surely = guesses.length === 0 ? items : items.filter(({ taking }) => taking !== undefined);
  const empty = empties.length === 0 ? undefined : foundEmptyTooSoon(surely, empties);
  if (empty === undefined) return undefined;
  const inside = insideAllAlong(surely, empty);
  return told(foundEmptyWrongly(history, empty.row, inside, guesses.length > 0), guesses, ...inside);
}

type Wrong = Anomaly | { readonly rough: Anomaly };

/** Where values repeat, or nobody knows what was taken, others than those shown may have to do with it. */
function told(anomaly: Anomaly, guesses: readonly number[], ...items: readonly Item[]): Wrong {
  return guesses.length > 0 || items.some(({ copy }) => copy !== undefined) ? { rough: anomaly } : anomaly;
}

/**
 * Copies of one value, as if each had been put in at its earliest and at its latest by itself: the i-th is not put in before
 * the i-th call, and is so by the i-th return; likewise taken. Whatever is wrong with these is wrong with the copies.
 */
function loosely(history: History, puts: readonly number[], takes: readonly Taking[]): Item[] {
  const { call, ret } = history;
  const byRet = [...puts].sort((a, b) => ret[a] - ret[b]);
  const byFrom = [...takes].sort((a, b) => a.from - b.from);
  const byUntil = [...takes].sort((a, b) => a.until - b.until);
  return puts.map((first, i) => {
    const exact = itemOf(history, byRet[i], byUntil[i]);
    const rows = [first, byRet[i], ...(i < takes.length ? [byFrom[i].row, byUntil[i].row] : [])];
    const putFrom = call[first];
    const takenFrom = i < takes.length ? Math.max(putFrom, byFrom[i].from) : Number.POSITIVE_INFINITY;
    return { ...exact, putFrom, takenFrom, copy: { number: i + 1, rows } };
  });
}

/** Whether there is nothing wrong with one of the likely ways to say which dequeue took which copy. */
function fitsSomehow(
  history: History,
  puts: readonly number[][],
  takes: readonly Taking[][],
  taken: Collected,
  isFifo: boolean,
): boolean {
  const { ret } = history;
  const byRet = puts.map((rows) => [...rows].sort((a, b) => ret[a] - ret[b]));
  const byUntil = takes.map((list) => [...list].sort((a, b) => a.until - b.until));
  for (const [ins, outs] of [
    [puts, takes],
    [byRet, byUntil],
    [puts, byUntil],
    [byRet, takes],
  ] as const) {
    const items = ins.flatMap((rows, v) => rows.map((row, i) => itemOf(history, row, outs[v][i])));
    const isPossible = items.every(({ putFrom, takenUntil }) => putFrom < takenUntil);
    if (isPossible && wrongWith(history, items, taken, isFifo) === undefined) return true;
  }
  return false;
}

interface Collected {
  readonly enqueues: readonly number[];
  readonly takings: readonly Taking[];
  /** When the queue was found empty. */
  readonly empties: readonly Taking[];
  /** Dequeues of unknown outcome, by call. */
  readonly guesses: readonly number[];
  readonly numbering: Numbering;
}

/** Undefined where a drain overlaps something, so that its moments cannot be told apart. */
function collect(history: History, rows: Int32Array): Collected | undefined {
  const { call, f, outcome, ret, value } = history;
  const enqueues: number[] = [];
  const takings: Taking[] = [];
  const empties: Taking[] = [];
  const guesses: number[] = [];
  const drains: number[] = [];
  let latest = -1;
  let open = -1; // the end of the drain before
  for (const row of rows) {
    if (call[row] < open) return undefined;
    if (f[row] === DRAIN) {
      if (outcome[row] !== OK || latest > call[row]) return undefined;
      drains.push(row);
      open = ret[row];
    }
    if (ret[row] !== NEVER) latest = Math.max(latest, ret[row]);
    if (f[row] === ENQUEUE) enqueues.push(row);
    else if (f[row] === DEQUEUE) {
      const span = { row, reference: value[row], from: call[row], until: ret[row] };
      if (outcome[row] !== OK) guesses.push(row);
      else (foundEmpty(history, row) ? empties : takings).push(span);
    }
  }
  for (const row of drains) {
    const list = drained(history, row) ?? [];
    const moment = (i: number): number => call[row] + ((i + 1) / (list.length + 2)) * (ret[row] - call[row]);
    list.forEach((reference, i) => takings.push({ row, reference, from: moment(i), until: moment(i) }));
    empties.push({ row, reference: 0, from: moment(list.length), until: ret[row] });
  }
  const references = enqueues.map((row) => value[row]);
  for (const { reference } of takings) references.push(reference);
  return { enqueues, takings, empties, guesses, numbering: new Numbering(references) };
}

function byValue<T>(count: number, all: readonly T[], numberOf: (one: T) => number): T[][] {
  const lists: T[][] = Array.from({ length: count }, () => []);
  for (const one of all) lists[numberOf(one)].push(one);
  return lists;
}

/** Of each value, by every moment no more may have been taken for certain than were put in perhaps. */
function countEach(history: History, puts: readonly number[][], takes: readonly Taking[][]): Wrong | undefined {
  for (let v = 0; v < takes.length; v++) {
    if (takes[v].length === 0) continue;
    if (puts[v].length === 0) return neverEnqueued(history, takes[v][0]);
    const taken = takes[v].length === 1 ? takes[v] : [...takes[v]].sort((a, b) => a.until - b.until);
    for (let i = 0; i < taken.length; i++) {
      const tooMany = i >= puts[v].length;
      if (!tooMany && history.call[puts[v][i]] <= taken[i].until) continue;
      const anomaly = tooMany
        ? takenTooOften(history, taken, puts[v])
        : takenBefore(history, taken.slice(0, i + 1), puts[v].slice(0, i + 1));
      return i > 0 && puts[v].length > 1 ? { rough: anomaly } : anomaly;
    }
  }
  return undefined;
}

/** A value that is put in by the time it is taken, and not taken before it is asked to be put in. */
function itemOf(history: History, enqueue: number, taking: Taking | undefined): Item {
  const call = history.call[enqueue];
  const ret = history.ret[enqueue] === NEVER ? Number.POSITIVE_INFINITY : history.ret[enqueue];
  return {
    enqueue,
    taking,
    putFrom: call,
    putUntil: Math.min(ret, taking?.until ?? Number.POSITIVE_INFINITY),
    takenFrom: Math.max(call, taking?.from ?? Number.POSITIVE_INFINITY),
    takenUntil: taking?.until ?? Number.POSITIVE_INFINITY,
  };
}

/** Of two that were both taken, the one put in first came out last. */
function outOfOrder(history: History, items: readonly Item[], guesses: readonly number[]): Wrong | undefined {
  const taken = items.filter(({ taking }) => taking !== undefined);
  const byEnd = [...taken].sort((a, b) => a.putUntil - b.putUntil);
  let next = 0;
  let last: Item | undefined;
  for (const item of taken) {
    for (; next < byEnd.length && byEnd[next].putUntil < item.putFrom; next++) {
      if (last === undefined || byEnd[next].takenFrom > last.takenFrom) last = byEnd[next];
    }
    if (last !== undefined && item.takenUntil < last.takenFrom) {
      return told(takenOutOfOrder(history, last, item, guesses.length > 0), guesses, last, item);
    }
  }
  return undefined;
}

/** One that was never taken was put in before another that was: some dequeue of unknown outcome must have taken it. */
function overtaken(history: History, items: readonly Item[], guesses: readonly number[]): Wrong | undefined {
  const taken = items.filter(({ taking }) => taking !== undefined);
  // Of those put in from the i-th on, the one that came out first.
  const firstOut: Item[] = taken.slice();
  for (let i = taken.length - 2; i >= 0; i--) {
    if (firstOut[i + 1].takenUntil < firstOut[i].takenUntil) firstOut[i] = firstOut[i + 1];
  }
  const needy: { readonly item: Item; readonly by: Item }[] = [];
  for (const item of items) {
    if (item.taking !== undefined || item.putUntil === Number.POSITIVE_INFINITY) continue;
    const by = firstOut[firstAfter(taken, item.putUntil)];
    if (by !== undefined) needy.push({ item, by });
  }
  needy.sort((a, b) => a.by.takenUntil - b.by.takenUntil);
  for (let i = 0; i < needy.length; i++) {
    if (i < guesses.length && history.call[guesses[i]] < needy[i].by.takenUntil) continue;
    const { item, by } = needy[i];
    return told(takenOutOfOrder(history, item, by, guesses.length > 0, guesses.slice(0, i)), guesses, item, by);
  }
  return undefined;
}

/** Items are in the order of their calls: the first called after `time`. */
function firstAfter(items: readonly Item[], time: number): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (items[middle].putFrom > time) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** An answer "empty" during all of which something was surely inside. */
function foundEmptyTooSoon(items: readonly Item[], empties: readonly Taking[]): Taking | undefined {
  // Spans in which always something was inside, in order.
  const begins: number[] = [];
  const ends: number[] = [];
  const inside = items.filter(({ putUntil, takenFrom }) => putUntil < takenFrom);
  for (const { putUntil, takenFrom } of inside.sort((a, b) => a.putUntil - b.putUntil)) {
    const last = ends.length - 1;
    if (last >= 0 && putUntil < ends[last]) ends[last] = Math.max(ends[last], takenFrom);
    else {
      begins.push(putUntil);
      ends.push(takenFrom);
    }
  }
  return empties.find(({ from, until }) => {
    let low = 0;
    let high = begins.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (begins[middle] < from) low = middle + 1;
      else high = middle;
    }
    return low > 0 && ends[low - 1] > until;
  });
}

/** As few values as it takes, of which at every moment of the span some one was inside. */
function insideAllAlong(items: readonly Item[], { from, until }: Taking): readonly Item[] {
  const chain: Item[] = [];
  for (let end = from; end <= until; ) {
    let best: Item | undefined;
    for (const item of items) {
      if (!(chain.length === 0 ? item.putUntil < from : item.putUntil < end)) continue;
      if (item.takenFrom > end && (best === undefined || item.takenFrom > best.takenFrom)) best = item;
    }
    if (best === undefined) break;
    chain.push(best);
    end = best.takenFrom;
  }
  return chain;
}
