/**
 * The library: verdicts on recorded histories, for code that is not ours.
 *
 * ```ts
 * import { checkLinearizable, readHistory, withinSteps } from 'tidemark/checkers';
 *
 * const { history } = await readHistory('journal.jsonl'); // JSON Lines (gzipped or not), or EDN of Jepsen and Knossos
 * const verdict = checkLinearizable(history, { initial: 0, budget: withinSteps(1_000_000) });
 * if (verdict.type === 'invalid') for (const { sentence } of verdict.anomalies) console.log(sentence);
 * if (verdict.type === 'unknown') console.log(verdict.reason);
 * ```
 *
 * Events may also be given as they are: `checkLinearizable([{ type: 'invoke', time: 0, process: 0, f: 'write', key: 'x',
 * value: 1 }, …])`. Their order is the order of the events; operations of which only times are known go through
 * {@link historyFromOperations}.
 *
 * Versions that a store reports are claims. `linearizable` does not look at them: it is valid where values and time allow an order, though
 * versions prove a read of a repeated value stale, or contradict one another; `sequential`, `monotonic-reads` and `read-your-writes` tell.
 *
 * A process has one operation open at a time, and events that say otherwise are refused: they are mostly a mistake of
 * whoever recorded them. Where several callers share a number on purpose, say so:
 *
 * ```ts
 * const verdict = checkLinearizable([
 *   { type: 'invoke', time: 0, process: 2, f: 'write', key: 'x', value: 1 },
 *   { type: 'invoke', time: 1, process: 2, f: 'write', key: 'x', value: 2 }, // the first one is still open
 *   { type: 'ok', time: 2, process: 2, f: 'write', key: 'x', value: 2 },     // the end of the second, by its value
 *   { type: 'ok', time: 3, process: 2, f: 'write', key: 'x', value: 1 },
 * ], { processes: 'overlapping' });
 * ```
 *
 * Each operation is then judged as if it had a process of its own. A completion belongs to the oldest open operation of its
 * process that it can belong to: same method, same key, same written value or cas pair. Which of several open reads of a key
 * an answer belongs to nobody knows: events are linearizable if they are so for some dealing of the answers, invalid only if
 * for none, and unknown where there are too many to try; every other guarantee takes the oldest read. For the session
 * guarantees the operations stay in one session, in which those that overlap have no order. `readHistory` and
 * `historyFromEvents` take the option too, and deal answers to the oldest.
 */
import type { Anomaly, Budget, Checker, Semantics, Verdict } from './checker.ts';
import { semanticsOf, unlimited } from './checker.ts';
import { judgeDealings } from './dealings.ts';
import { judgedOn } from './kinds.ts';
import boundedStaleness from './guarantees/bounded-staleness.ts';
import convergent from './guarantees/convergent.ts';
import durable from './guarantees/durable.ts';
import fenced from './guarantees/fenced.ts';
import sequential from './guarantees/sequential.ts';
import causal from './guarantees/causal.ts';
import causalMemory from './guarantees/causal-memory.ts';
import causalWeak from './guarantees/causal-weak.ts';
import consistentPrefix from './guarantees/consistent-prefix.ts';
import set from './guarantees/set.ts';
import queue from './guarantees/queue.ts';
import log from './guarantees/log.ts';
import counter from './guarantees/counter.ts';
import lock from './guarantees/lock.ts';
import linearizable from './guarantees/linearizable.ts';
import monotonicReads from './guarantees/monotonic-reads.ts';
import monotonicWrites from './guarantees/monotonic-writes.ts';
import oneLeaderPerTerm from './guarantees/one-leader-per-term.ts';
import readYourWrites from './guarantees/read-your-writes.ts';
import writesFollowReads from './guarantees/writes-follow-reads.ts';
import { readEvents } from '../history/builder.ts';
import { HistoryBuilder } from '../history/builder.ts';
import type { BuilderOptions } from '../history/builder.ts';
import type { Guarantee } from '../history/guarantee.ts';
import type { History } from '../history/history.ts';
import type { Event } from '../history/operation.ts';

export { unlimited, defaultSemantics } from './checker.ts';
export type { Anomaly, Budget, Checker, Evidence, Semantics, Verdict } from './checker.ts';
export { models } from './linearizable/models.ts';
export type { Model } from './model.ts';
export { BadModel, modelOf } from './own-model.ts';
export type { ModelOperation, OwnModel } from './own-model.ts';
export {
  BadHistory,
  EventFields,
  HistoryBuilder,
  INVOKE,
  historyFromEvents,
  historyFromOperations,
} from '../history/builder.ts';
export type { BuilderOptions, SpannedOperation } from '../history/builder.ts';
export { readHistory } from '../history/codec/read.ts';
export { reportStaleness } from './staleness/report.ts';
export type { StalenessReport } from './staleness/report.ts';
export { guarantees } from '../history/guarantee.ts';
export type { Guarantee } from '../history/guarantee.ts';
export type { History, Operation } from '../history/history.ts';
export type { Completion, Event, Invocation, Key, Note, Position, Value } from '../history/operation.ts';

const checkers = {
  linearizable,
  'read-your-writes': readYourWrites,
  'monotonic-reads': monotonicReads,
  'monotonic-writes': monotonicWrites,
  'writes-follow-reads': writesFollowReads,
  'bounded-staleness': boundedStaleness,
  durable,
  fenced,
  convergent,
  'one-leader-per-term': oneLeaderPerTerm,
  sequential,
  causal,
  'causal-memory': causalMemory,
  'causal-weak': causalWeak,
  'consistent-prefix': consistentPrefix,
  set,
  queue,
  log,
  counter,
  lock,
} satisfies { readonly [name in Guarantee]: Checker };

/** How to read the history, and when to give up; what is absent is as `semanticsOf` (checker.ts) has it. */
export interface CheckOptions extends Partial<Semantics> {
  /** Default: {@link unlimited}. */
  readonly budget?: Budget;
  /**
   * `overlapping`: a process may have several operations open at once; see the head of this file. Default: it may not. For
   * events; a {@link History} has been through this.
   */
  readonly processes?: BuilderOptions['processes'];
}

/** @throws RangeError for what is no guarantee */
function checkerOf(guarantee: Guarantee): Checker {
  if (!Object.hasOwn(checkers, guarantee)) {
    throw new RangeError(`There is no guarantee '${guarantee}'. Valid: ${Object.keys(checkers).join(', ')}.`);
  }
  return checkers[guarantee];
}

/** A history in the making, and what is known of it so far. */
export interface Followed {
  /** Takes the next event, in the order of events. Throws BadHistory as {@link check} does. */
  add(event: Event): void;
  /** The first anomaly, as soon as nothing that may still happen can mend it; some guarantees tell late, or only at the end. */
  broken(): Anomaly | undefined;
  /** The verdict of {@link check} on all there is. */
  end(): Verdict;
}

/** Judges one guarantee while the history is being made. */
export function follow(guarantee: Guarantee, options: Omit<CheckOptions, 'processes'> = {}): Followed {
  const { budget = unlimited, ...given } = options;
  const semantics = semanticsOf(given);
  const checker = checkerOf(guarantee);
  const builder = new HistoryBuilder();
  const follower = checker.follow?.(builder.growing, budget, semantics);
  builder.listener = follower;
  return {
    add: (event) => builder.add(event),
    broken: () => follower?.broken(),
    end: () => follower?.end() ?? checker.check(builder.build(), budget, semantics),
  };
}

/**
 * Judges one guarantee. The verdict is `unknown`, with its reason, when the budget is spent or there is nothing to examine.
 *
 * @param history a history, or its events in order
 * @throws BadHistory for events that cannot be: a completion without an invocation, two operations of one
 *   process at once (unless `processes` is `overlapping`)
 * @throws RangeError for what is no guarantee
 */
export function check(guarantee: Guarantee, history: History | Iterable<Event>, options: CheckOptions = {}): Verdict {
  const { budget = unlimited, processes = 'sequential', ...given } = options;
  const semantics = semanticsOf(given);
  const checker = checkerOf(guarantee);
  const judge = (one: History): Verdict => checker.check(judgedOn(one, guarantee, semantics), budget, semantics);
  if (!(Symbol.iterator in history)) return judge(history);
  const { history: read, dealing } = readEvents(history, { processes });
  return guarantee === 'linearizable' && dealing !== undefined
    ? judgeDealings(read, dealing, budget, judge)
    : judge(read);
}

/**
 * Whether each key's operations could have happened one at a time, each at some moment between its call and its return
 * (Herlihy & Wing 1990). Registers whose values are written once are judged in linear time; others by a search, which may
 * exceed any budget.
 *
 * @throws BadHistory as {@link check} does
 */
export function checkLinearizable(history: History | Iterable<Event>, options: CheckOptions = {}): Verdict {
  return check('linearizable', history, options);
}

/** A budget of so many askings; a checker asks every few thousand steps. Deterministic, where a deadline is not. */
export function withinSteps(askings: number): Budget {
  let left = askings;
  return { spent: () => (--left < 0 ? `${askings} steps spent` : undefined) };
}
