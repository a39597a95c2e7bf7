/**
 * What a sequential model is: how one object behaves when operations are applied to it one at a time.
 *
 * A model never sees two operations at once; the search tries orders and asks the model whether each step is legal. States
 * are integers that the model interns (two states are the same iff their integers are), so that the search stores and
 * compares them cheaply. A model is one file in checkers/models/ with a default export named as the file.
 */
import type { Anomaly, Budget, Semantics } from './checker.ts';
import type { History } from '../history/history.ts';
import type { Method, Value } from '../history/operation.ts';
import type { Deeds } from './search/cells.ts';
import type { OutlookOf } from './search/outlook.ts';
import type { Core } from './search/shrink.ts';

/** A state of the object, interned by the machine. Negative odd numbers are never states. */
export type State = number;

/** The step is impossible; no such value; no such state. */
export const ILLEGAL: State = -1;

/** A model bound to one history: all operations are named by their row. */
export interface Machine {
  readonly initial: State;
  /** Whether the row says or does anything: an unanswered read, a definite refusal do not. */
  relevant(row: number): boolean;
  /** Whether the row leaves every state as it is: reads, failed cas. */
  pure(row: number): boolean;
  /** The state after the row took effect with the outcome that was recorded, or ILLEGAL. */
  step(state: State, row: number): State;
  /** A state as a value that a reader understands: what the register holds, the elements of a queue. */
  show?(state: State): Value;
  /**
   * Only for registers, that is: where what an operation needs and leaves are single states, whatever came before. `needs`
   * is the state a read or cas must find (ILLEGAL: any), `leaves` what a write or cas leaves (ILLEGAL: no change). It
   * lets the search discard orders that nobody could tell apart.
   */
  readonly register?: {
    needs(row: number): State;
    leaves(row: number): State;
  };
  /** Only for objects that are cells: what the row finds there, denies and leaves. It spares explanations what nobody could notice. */
  deeds?(row: number): Deeds;
  /** Why a row cannot be judged by this model, as in `an add of "x", which is no integer`; undefined where it can. */
  meaningless?(row: number): string | undefined;
  /**
   * Whether steps that build on the state may lead to one in which the answer of the row is right; false only where surely none
   * do. Where it is absent: they may. It spares explanations what leads nowhere.
   */
  mayLeadTo?(state: State, row: number): boolean;
  /** Rows of one number do the same. Where it is absent: rows of one method, value and expected value. */
  kind?(row: number): number;
  /** Saves the search orders, where the model can tell which matter. */
  readonly outlook?: OutlookOf;
  /** Bytes that its states take. */
  bytes?(): number;
}

export interface Model {
  readonly name: string;
  /** One sentence, as printed by `tidemark catalog`. */
  readonly about: string;
  /** What it gives a meaning to; a key that was asked for anything else stays undecided. */
  readonly methods: readonly Method[];
  /**
   * What one object is. By default each key, and then a batch (a transaction, a read of many keys) is as many operations as
   * it has rows. Otherwise a batch is one operation, which is named by its first row: `linked`, the keys that batches
   * connect; `whole`, all keys.
   */
  readonly partition?: 'linked' | 'whole';
  /** Whether batches may be transactions; only where they are one operation. */
  readonly transactions?: boolean;
  machine(history: History, semantics: Semantics): Machine;
  /**
   * Decides one object without a search, exactly; undefined where that is beyond it. `rows` are all relevant rows of the
   * object, ascending.
   */
  decide?(history: History, rows: Int32Array, semantics: Semantics, budget: Budget): Decision | undefined;
}

/**
 * `rough`: what it shows is more, or less, than it takes; a search tells it better, where there are few operations. `stuck`: the row
 * that has no place, where what was before it may be told by a moment shortly before. `closer`: the few operations that cannot all
 * stand, found by what the model knows; it takes about as long as deciding, and answers undefined where that was not enough.
 */
export type Decision =
  | 'possible'
  | Anomaly
  | { readonly rough: Anomaly; readonly stuck?: number; readonly closer?: () => Closer | undefined };

export interface Closer {
  readonly core: Core;
  /** What is said of it, where more can be said than that it has no place. */
  readonly told?: { readonly kind: string; readonly sentence: string };
  /** What is said after that; begins with a space, or is nothing. */
  readonly note: string;
}
