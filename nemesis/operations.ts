/** Faults that ask operations of the cluster: nobody knows how long it takes to answer, or whether it does. */
import { MILLISECOND } from '../history/clock.ts';
import type { NodeId } from '../history/operation.ts';
import {
  type Effect,
  type Injected,
  type Injection,
  type Levers,
  type Operation,
  REFUSED,
  UNKNOWN,
  type Wait,
} from './fault.ts';

/** Pause before an operation is asked for again: doubled each time, up to the longest. */
const PAUSE_NS = 100 * MILLISECOND;
const PAUSE_NS_MAX = 1_000 * MILLISECOND;
const ATTEMPTS_MAX = 40;

export interface Asking {
  readonly operate: Levers['operate'];
  readonly wait: Wait;
  /** Told the outcome of every attempt. */
  readonly note: (outcome: Injection) => void;
  /** Asked before every further attempt. */
  readonly giveUp?: () => boolean;
}

/** Asks until it is done. False when it was given up; throws when it was asked for too often. */
export async function insist(operation: Operation, { operate, wait, note, giveUp }: Asking): Promise<boolean> {
  let pauseNs = PAUSE_NS;
  let last: Effect = {};
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const outcome = await operate(operation);
    note(outcome);
    last = outcome.effect();
    if (done(last)) return true;
    if (giveUp?.() === true) return false;
    await wait(pauseNs);
    if (giveUp?.() === true) return false;
    pauseNs = Math.min(2 * pauseNs, PAUSE_NS_MAX);
  }
  throw new Error(`${operation.type} was not done: ${Object.keys(last).join(', ')}`);
}

export function done(effect: Effect): boolean {
  return Object.entries(effect).some(([name, n]) => n > 0 && !name.startsWith(REFUSED) && !name.startsWith(UNKNOWN));
}

export function mayBeDone(effect: Effect): boolean {
  return done(effect) || Object.keys(effect).some((name) => name.startsWith(UNKNOWN));
}

/** What an {@link underway} fault is given. */
export interface Stage {
  /** Adds to the effect. */
  readonly note: (outcome: Injection) => void;
  /** Healing has begun: what has not been asked yet is not asked any more. */
  readonly over: () => boolean;
}

/**
 * A fault whose deeds go on after it was injected. Healing waits for `deeds` to end, which must look at `over`, and then for
 * `cure`. What either throws is thrown by healing.
 */
export function underway(
  targets: readonly NodeId[],
  deeds: (stage: Stage) => Promise<void>,
  cure: (stage: Stage) => Promise<void> = () => Promise.resolve(),
): Injected {
  const outcomes: Injection[] = [];
  let over = false;
  const stage: Stage = { note: (outcome) => void outcomes.push(outcome), over: () => over };
  let failure: { readonly error: unknown } | undefined;
  const doing = deeds(stage).catch((error: unknown) => {
    failure = { error };
  });
  let healing: Promise<void> | undefined;
  const heal = async (): Promise<void> => {
    over = true;
    await doing;
    await cure(stage);
    if (failure !== undefined) throw failure.error;
  };
  return {
    targets,
    heal: () => (healing ??= heal()),
    effect() {
      const sum: Record<string, number> = {};
      for (const outcome of outcomes) {
        for (const [name, n] of Object.entries(outcome.effect())) sum[name] = (sum[name] ?? 0) + n;
      }
      return sum;
    },
  };
}
