/**
 * What a model knows that saves the search orders: which states nobody can tell apart any more, and which lead nowhere.
 *
 * An outlook is a machine for one problem. It may look at what is left to place, and treats as one all states that differ
 * only in what nobody will look for again. Everything it says is exact: no order is lost that would have ended well, but for
 * such as end as well in another way.
 */
import type { State } from '../model.ts';
import type { Places, Problem } from './problem.ts';

/** What is not placed yet, as the search goes on. */
export interface Left extends Places {
  /** The event at which the search stands: what was called before it is pending, or over. */
  readonly event: number;
  /** Whether the operation is still to be placed, pending or not called yet. */
  has(op: number): boolean;
  /** Whether the operation, which is left, need not be placed: another one absorbed it. */
  isSpare(op: number): boolean;
}

export interface Outlook {
  readonly initial: State;
  /** As that of the machine, but for an operation of the problem in place of its row. */
  step(state: State, op: number): State;
  /**
   * The state after `op` was placed, as it is for those that are left; ILLEGAL where something that is left, and must be placed,
   * could not be any more. `after` is what `step` made of `before`.
   */
  settle(before: State, after: State, op: number, left: Left): State;
  /** A state from which nobody will find anything but by an operation that resets it. */
  readonly lost?: State;
  /** Nobody is left who would notice what the operation leaves; if need not be placed, it will not be. */
  isMute?(op: number, left: Left): boolean;
  /** Mute from the beginning, and finds nothing: once it makes no difference to the state, it is placed. */
  readonly idle?: Uint8Array;
  isIdle?(state: State, op: number, left: Left): boolean;
  /** 1: leaves its own state whatever was there before. */
  readonly resets?: Uint8Array;
  /** 1: may always happen, and tells nothing: just before one that resets, nobody notices it. */
  readonly absorbed?: Uint8Array;
  /**
   * All that are not pure commute: they are placed ahead of need only where a read that is pending gets what it needs. Tells
   * whether one of those can, from here, by some of the other operations that are pending.
   */
  serves?(state: State, waiting: readonly number[], pending: readonly number[]): boolean;
  /** For each candidate: 0 where one of those waiting finds what it needs right after it; 1 after another one more; 2 otherwise. */
  ranks?(state: State, waiting: readonly number[], candidates: readonly number[]): readonly number[];
}

/** `left` is as the search stands whenever it is asked. */
export type OutlookOf = (problem: Problem, left: Left, initial: State) => Outlook;
