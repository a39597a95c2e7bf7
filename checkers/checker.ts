/**
 * What a checker is: a pure, total function from a history to a verdict.
 *
 * A checker never reads a clock and never throws for what a history holds: an input that breaks its assumptions (values
 * not unique where the algorithm needs it, versions that no store may report) is `unknown` with the reason, or is judged
 * by another algorithm. Nothing to examine is unknown, never valid.
 */
import type { Growing, Listener } from '../history/growing.ts';
import type { Guarantee } from '../history/guarantee.ts';
import type { History, Operation } from '../history/history.ts';
import type { Value } from '../history/operation.ts';
import type { Model } from './model.ts';

/** How long a checker may go on. Ask inside every loop whose length the history does not bound linearly. */
export interface Budget {
  /** The reason to stop (`"10 s spent"`), or undefined to go on. Cheap: may be asked every few thousand steps. */
  spent(): string | undefined;
  /** How many bytes may still be taken. Ask before taking many at once; absent: as many as there are. */
  bytesLeft?(): number;
}

export const unlimited: Budget = { spent: () => undefined };

/** How a history is to be read. */
export interface Semantics {
  /** What a register holds before the first write. */
  readonly initial: Value;
  /**
   * What a null stands for that was read (or that a failed cas says it found). `any`: it matches every state (Knossos). `initial`: it is
   * the initial value. Null that was written, or expected by a cas, is null. Where it is not given: {@link nilReadFor}.
   */
  readonly nilRead: 'initial' | 'any';
  /** Name of the sequential model, a file in checkers/models/; or a model of one's own (own-model.ts). */
  readonly model: string | Model;
  /** Whether a cas that failed with `mismatch` says something about the state. Knossos ignores it. */
  readonly failedCas: 'constrain' | 'ignore';
  /** Judge what was acknowledged through this path only; everything else in the history is evidence, never blamed. */
  readonly blame?: string;
  /** For bounded-staleness: paths whose reads may show what has not taken effect, and never may. */
  readonly uncommitted?: readonly string[];
  /** For bounded-staleness: how old answers may be, where the paths' names do not say. */
  readonly boundMs?: number;
  /** `undoneWrites` of the whole history, where this is a part of it; found in the history itself if not given. */
  readonly undone?: ReadonlySet<number>;
  /** Whether session guarantees follow the user's session, or each device of it by itself. */
  readonly thread: 'session' | 'device';
}

export const defaultSemantics: Semantics = {
  initial: null,
  nilRead: 'initial',
  model: 'cas-register',
  failedCas: 'constrain',
  thread: 'session',
};

/** How null is read where nobody says: as Knossos's files have it where a register begins with something else than null. */
export function nilReadFor(initial: Value): Semantics['nilRead'] {
  return initial === null ? 'initial' : 'any';
}

/** What is absent is as in {@link defaultSemantics}, and `nilRead` as {@link nilReadFor} has it. */
export function semanticsOf(given: Partial<Semantics>): Semantics {
  return { ...defaultSemantics, nilRead: nilReadFor(given.initial ?? null), ...given };
}

/** One way things could stand just before an operation fits nowhere. */
export interface Configuration {
  /** What the object held. */
  readonly held: Value;
  /** The operation that was linearised last; absent where none was. */
  readonly last?: Operation;
  /** What had been asked for by then and was not linearised yet. */
  readonly pending: readonly Operation[];
}

/** The last state that worked: all that had returned by then had its place in an order. */
export interface LastState {
  /** The operation at whose return no order was left. */
  readonly stuck: Operation;
  /** The completion before that of `stuck`: the last that could be placed. */
  readonly previous?: Operation;
  /** The ways things could stand, a few at the most; `held` of each differs from that of the others where it can. */
  readonly configurations: readonly Configuration[];
  /** The anomaly's operations that were placed, by `index`, in the order of the first configuration. */
  readonly order: readonly number[];
}

/** Operations that cannot all stand, and the sentence that says why. */
export interface Anomaly {
  /** A short name of the kind: `stale read`, `lost write`, `read of a value never written`. */
  readonly kind: string;
  /** One sentence with the values, nodes, times that matter; ends with a full stop. */
  readonly sentence: string;
  /** The fewest that convince, in order of invocation. May be empty where the evidence is notes alone. */
  readonly operations: readonly Operation[];
  /** For orders that were searched for (linearizable): where the last one ended. Found out when it is first read. */
  readonly lastState?: LastState | undefined;
}

/** What a valid verdict rests on: counts by name (`reads`, `writes`, `keys`, …). `operations` is always there. */
export type Evidence = { readonly operations: number } & { readonly [name: string]: number };

/** `count` is how many anomalies there are in all; `anomalies` holds the first, ten at the most: of a key's registers only its first. */
export type Verdict =
  | { readonly type: 'valid'; readonly examined: Evidence }
  | {
      readonly type: 'invalid';
      readonly anomalies: readonly [Anomaly, ...Anomaly[]];
      readonly count: number;
      readonly examined: Evidence;
    }
  | { readonly type: 'unknown'; readonly reason: string; readonly examined: Evidence };

/**
 * A checker at work while the history is being made. It is told of rows and notes in the order of the journal; rows that it is not told
 * of do not exist for it.
 */
export interface Follower extends Listener {
  /**
   * The first anomaly, as soon as nothing that may still happen can mend it: with what is open taken as of unknown outcome, `check` calls
   * what there is invalid. What cannot be told at once may be told late, or only at the end; never too early. Cheap: may be asked
   * after every event.
   */
  broken(): Anomaly | undefined;
  /** The verdict on the whole: that of `check`. */
  end(): Verdict;
}

/** A plug-in: one file in checkers/guarantees/, named for the guarantee it decides. */
export interface Checker {
  readonly name: Guarantee;
  readonly decides: Guarantee;
  check(history: History, budget: Budget, semantics: Semantics): Verdict;
  /** Absent where nothing can be said before the end. `growing.snapshot()` must hold the rows that the follower is told of. */
  follow?(growing: Growing, budget: Budget, semantics: Semantics): Follower;
}
