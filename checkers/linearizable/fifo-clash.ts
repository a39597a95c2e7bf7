/**
 * Of a queue, first in, first out, that no order leads through: the few operations that cannot all stand.
 *
 * The sequences of pairs (fifo-pairs.ts) are gone through all at once, one pair longer each time. Where all of them consist of the
 * same operations, these can be left out: what is left of an order without its first pairs is one of a queue that was empty at
 * first. So what is left is as impossible as the whole wherever it is impossible at all; of that, operations are spared one by
 * one: they may have happened at their times, or not.
 */
import type { Budget } from '../checker.ts';
import { EMPTY, type PairProblem, Pairs, type Side, type Span, pairUp } from './fifo-pairs.ts';

export interface Clash {
  /** Rows that cannot all stand, whichever of the others did, once the first pairs are left out; ascending. */
  readonly rows: readonly number[];
  /** The one of them that is over last. */
  readonly stuck: number;
  /** Whether no single one of them can be spared. */
  readonly minimal: boolean;
  /** How many pairs were left out, and who took the last of them. */
  readonly pairs: number;
  readonly last: number | undefined;
}

/** Sequences gone on with, in all: other objects want their share of the budget. */
const SEQUENCES = 10_000;
const SEQUENCES_PER_OPERATION = 8;
/** Beginnings that all sequences have in common: as many are remembered, and tried. */
const BEGINNINGS_MAX = 64;
const TRIED_MAX = 24;
/** Shorter by more pairs than these, a beginning is not looked at where a longer one will do. */
const NEAR = 8;
/** Pairs tried for the question whether what is left is impossible, and whether it is without one operation more. */
const STEPS_FOR_ALL = 50_000;
const STEPS_MAX = 2000;
/** Questions of one clash that found no answer, and all of them. */
const GIVEN_UP_MAX = 30;
const QUESTIONS_MAX = 1000;
/** So many operations are easily looked at. */
const FEW = 10;

/**
 * Undefined where it takes too long to find it. The problem must be impossible.
 *
 * What is left after the longest beginning mostly clashes in two operations, yet of copies taken almost at once a wrong one
 * may be among those left out. So the next shorter ones are looked at too, for a few more operations that show more of it.
 */
export function clashIn(problem: PairProblem, budget: Budget): Clash | undefined {
  const beginnings = beginningsOf(problem, budget);
  if (beginnings === undefined) return undefined;
  let shortest: Clash | undefined;
  for (const { pairs, last, ...taken } of beginnings.slice(-TRIED_MAX).reverse()) {
    if (budget.spent() !== undefined || (shortest !== undefined && pairs < shortest.pairs - NEAR)) break;
    const rest = withoutFirst(problem, taken);
    const listed = new Set<number>();
    const paired = pairUp(rest, budget, STEPS_FOR_ALL, listed);
    if (paired === undefined) break;
    if (paired === 'possible') continue;
    const clash = { ...shrunk(rest, listed, budget), pairs, last };
    if (clash.rows.length > 2 && clash.rows.length <= FEW) return clash;
    if (shortest === undefined || shortest.rows.length > FEW || shortest.rows.length < 2) shortest = clash;
  }
  return shortest;
}

interface Taken {
  readonly base: number;
  /** Behind all that are taken, those that are. */
  readonly behind: readonly number[];
}

/** A sequence, by what it consists of. */
interface Sequence {
  readonly enqueues: Taken;
  readonly dequeues: Taken;
  readonly empties: Taken;
  readonly enqueuedAt: number;
  readonly dequeuedAt: number;
}

export interface Beginning extends Pick<Sequence, 'enqueues' | 'dequeues'> {
  readonly pairs: number;
  readonly last: number | undefined;
}

const NOTHING: Taken = { base: 0, behind: [] };

/** Of all sequences: what the first pairs consist of, wherever it is the same of all; the longest last. */
export function beginningsOf(problem: PairProblem, budget: Budget): readonly Beginning[] | undefined {
  const pairs = new Pairs(problem);
  const found: Beginning[] = [];
  let level = new Map<string, Sequence>();
  const first = { enqueues: NOTHING, dequeues: NOTHING, empties: NOTHING, enqueuedAt: -1, dequeuedAt: -1 };
  level.set(nameOf(first), first);
  let before: Sequence = first;
  const stepsMax = SEQUENCES + SEQUENCES_PER_OPERATION * (problem.enqueues.length + problem.dequeues.length);
  let steps = 0;
  for (let count = 0; level.size > 0; count++) {
    const one = agreed([...level.values()]);
    if (one !== undefined) {
      found.push({ ...one, pairs: count, last: lastOf(problem, one.dequeues) });
      if (found.length === 2 * BEGINNINGS_MAX) found.splice(1, BEGINNINGS_MAX);
    }
    const next = new Map<string, Sequence>();
    // It grows while it is gone through: by the same with an answer "empty" more.
    for (const sequence of level.values()) {
      if (++steps > stepsMax || (steps % 256 === 0 && budget.spent() !== undefined)) return undefined;
      restore(pairs, sequence, before);
      before = sequence;
      for (const choice of pairs.choices()) {
        const after = afterTaking(pairs, sequence, choice);
        const among = choice[0] === EMPTY ? level : next;
        const name = nameOf(after);
        if (!among.has(name)) among.set(name, after);
      }
    }
    level = next;
  }
  return found;
}

/** What all have taken, where that is the same. */
function agreed(sequences: readonly Sequence[]): Pick<Sequence, 'enqueues' | 'dequeues'> | undefined {
  const [one] = sequences;
  const name = `${textOf(one.enqueues)} ${textOf(one.dequeues)}`;
  return sequences.every((other) => `${textOf(other.enqueues)} ${textOf(other.dequeues)}` === name) ? one : undefined;
}

function lastOf({ dequeues }: PairProblem, { base, behind }: Taken): number | undefined {
  const at = behind.at(-1) ?? base - 1;
  return at < 0 ? undefined : dequeues[at].row;
}

function textOf({ base, behind }: Taken): string {
  return `${base}:${behind.join()}`;
}

function nameOf({ enqueues, dequeues, empties, enqueuedAt, dequeuedAt }: Sequence): string {
  return `${textOf(enqueues)} ${textOf(dequeues)} ${textOf(empties)} ${enqueuedAt} ${dequeuedAt}`;
}

/** `before` is how they stood last. */
function restore(pairs: Pairs, sequence: Sequence, before: Sequence): void {
  set(pairs.enqueues, sequence.enqueues, before.enqueues);
  set(pairs.dequeues, sequence.dequeues, before.dequeues);
  set(pairs.empties, sequence.empties, before.empties);
  pairs.enqueuedAt = sequence.enqueuedAt;
  pairs.dequeuedAt = sequence.dequeuedAt;
}

function set(side: Side, { base, behind }: Taken, before: Taken): void {
  for (const at of before.behind) side.taken[at] = 0;
  if (base > before.base) side.taken.fill(1, before.base, base);
  else side.taken.fill(0, base, before.base);
  side.base = base;
  for (const at of behind) side.taken[at] = 1;
}

function afterTaking(pairs: Pairs, sequence: Sequence, choice: readonly [number, number]): Sequence {
  pairs.take(choice);
  const { enqueuedAt, dequeuedAt } = pairs;
  pairs.release(choice);
  pairs.enqueuedAt = sequence.enqueuedAt;
  pairs.dequeuedAt = sequence.dequeuedAt;
  const [e, d] = choice;
  const { enqueues, dequeues, empties } = sequence;
  const times = { enqueuedAt, dequeuedAt };
  if (e === EMPTY) return { enqueues, dequeues, empties: withOne(empties, d), ...times };
  return { enqueues: withOne(enqueues, e), dequeues: withOne(dequeues, d), empties, ...times };
}

function withOne({ base, behind }: Taken, at: number): Taken {
  const all = [...behind, at].sort((a, b) => a - b);
  let next = base;
  let over = 0;
  while (over < all.length && all[over] === next) {
    next++;
    over++;
  }
  return { base: next, behind: all.slice(over) };
}

/** What is left once these are left out. "Empty" answered before is as true without them. */
export function withoutFirst(
  { enqueues, dequeues, empties }: PairProblem,
  beginning: Pick<Sequence, 'enqueues' | 'dequeues'>,
): PairProblem {
  const left = (spans: readonly Span[], { base, behind }: Taken): Span[] => {
    const taken = new Set(behind);
    return spans.slice(base).filter((_, i) => !taken.has(base + i));
  };
  return { enqueues: left(enqueues, beginning.enqueues), dequeues: left(dequeues, beginning.dequeues), empties };
}

/** `listed`: those that could have come next at some time; with the others it need not be asked whether they must happen. */
function shrunk(
  rest: PairProblem,
  listed: ReadonlySet<number>,
  budget: Budget,
): Pick<Clash, 'rows' | 'stuck' | 'minimal'> {
  const untilOf = new Map<number, number>();
  for (const spans of [rest.enqueues, rest.dequeues, rest.empties]) {
    for (const { row, until, mayBeMissing } of spans) {
      if (until === Number.POSITIVE_INFINITY || mayBeMissing === true) continue;
      untilOf.set(row, Math.max(until, untilOf.get(row) ?? until));
    }
  }
  const until = (row: number): number => untilOf.get(row) ?? 0;
  const judge = (must: readonly number[]): ReturnType<typeof pairUp> => {
    if (must.length === 0) return 'possible';
    return pairUp(only(rest, new Set(must), Math.max(...must.map(until))), budget, STEPS_MAX);
  };
  const all = [...untilOf.keys()].sort((a, b) => until(a) - until(b));
  const near = all.filter((row) => listed.has(row));
  let must = judge(near) === 'impossible' ? near : all;
  let isSure = true;
  let questions = 0;
  let givenUp = 0;
  for (let size = must.length >> 1; size >= 1; size >>= 1) {
    let isLess = true;
    while (isLess) {
      isLess = false;
      isSure = true;
      for (let from = 0; from < must.length; ) {
        const isTooMuch = questions++ > QUESTIONS_MAX || givenUp > GIVEN_UP_MAX || budget.spent() !== undefined;
        if (isTooMuch) return { ...told(must), minimal: false };
        const fewer = must.toSpliced(from, size);
        const paired = judge(fewer);
        if (paired === undefined) givenUp++;
        isSure &&= paired !== undefined;
        isLess ||= paired === 'impossible';
        if (paired === 'impossible') must = fewer;
        else from += size;
      }
      // Single ones are gone over until none can be spared.
      if (size > 1) break;
    }
  }
  return { ...told(must), minimal: isSure };

  function told(rows: readonly number[]): Pick<Clash, 'rows' | 'stuck'> {
    return { rows: rows.toSorted((a, b) => a - b), stuck: rows.reduce((a, b) => (until(b) > until(a) ? b : a)) };
  }
}

/** Of these rows all must happen, of the others none; what was asked for when all of these were over is of no use to them. */
function only({ enqueues, dequeues, empties }: PairProblem, rows: ReadonlySet<number>, until: number): PairProblem {
  const some = (spans: readonly Span[]): Span[] =>
    spans
      .filter(({ from }) => from <= until)
      .map((span) => (rows.has(span.row) ? span : { ...span, mayBeMissing: true }));
  return { enqueues: some(enqueues), dequeues: some(dequeues), empties: empties.filter(({ row }) => rows.has(row)) };
}
