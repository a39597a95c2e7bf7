/** One lever, pulled once: what was seen before, while it was in force, and after its cure, and how long each step took. */
import { type Clock, MILLISECOND } from '../../history/clock.ts';
import type { Effect, Injection, Lever, Levers } from '../../nemesis/fault.ts';

export type DoctoredLever = Exclude<Lever, 'operate'>;

export type Phase = 'before' | 'during' | 'after';

/** `Seen`: what the probe measured. */
export interface TrialSpec<Seen> {
  readonly lever: DoctoredLever;
  /** Whom it strikes, and how hard. */
  readonly what: string;
  /** Within which applying and healing are meant to be done, each, ms: it is pulled {@link PULLS} times for that. */
  readonly aimMs?: number;
  look(phase: Phase): Promise<Seen>;
  text(seen: Seen): string;
  pull(levers: Partial<Levers>): Promise<Injection> | undefined;
  /** Whether this is as without a fault. */
  well(seen: Seen, before: Seen): boolean;
  /** Whether this is what the fault is meant to do. */
  hurt(seen: Seen, before: Seen): boolean;
}

/**
 * `works`: seen to act and to be undone. `unclear`: the machine was not calm before it. `not here`: this machine cannot.
 * `failed`: it could not be pulled, or not be measured.
 */
export type Outcome = 'works' | 'no effect' | 'not undone' | 'unclear' | 'not here' | 'failed';

export interface Row {
  readonly lever: DoctoredLever;
  readonly what: string;
  readonly outcome: Outcome;
  readonly why?: string;
  readonly before?: string;
  readonly during?: string;
  readonly after?: string;
  /** The same as numbers. */
  readonly seen?: { readonly before: unknown; readonly during?: unknown; readonly after?: unknown };
  /** From the pull of the lever until it said that it is in force, or undone; the median where there are `times`. */
  readonly applyMs?: number;
  readonly healMs?: number;
  readonly aimMs?: number;
  /** Of each pull, where there is an aim; it is looked at in the first. */
  readonly times?: { readonly applyMs: readonly number[]; readonly healMs: readonly number[] };
  /** How many times it was looked before it was seen as it should be: 1, but on a busy machine; or in vain. */
  readonly looks?: { readonly before: number; readonly during?: number; readonly after?: number };
  /** The agent's own count, for comparison. */
  readonly counted?: Effect;
}

export interface Trial extends Pick<TrialSpec<unknown>, 'lever' | 'what'> {
  /** `looks`: how often at most in each phase, where it does not look as it should. */
  run(levers: Partial<Levers>, clock: Clock, looks?: number): Promise<Row>;
}

/** A busy machine disturbs a measurement now and then: what does not look as it should is looked at again. */
const LOOKS = 4;
const PULLS = 5;
const BETWEEN_NS = 200 * MILLISECOND;

export function trial<Seen>(spec: TrialSpec<Seen>): Trial {
  const { lever, what } = spec;
  return { lever, what, run: (levers, clock, looks = LOOKS) => run(spec, levers, clock, looks) };
}

async function run<Seen>(spec: TrialSpec<Seen>, levers: Partial<Levers>, clock: Clock, most: number): Promise<Row> {
  const { lever, what, aimMs } = spec;
  let row: Omit<Row, 'outcome'> = { lever, what, ...(aimMs !== undefined && { aimMs }) };
  let injection: Injection | undefined;
  try {
    const before = await look(spec, 'before', most, (seen) => spec.well(seen, seen));
    row = { ...row, before: spec.text(before.seen), seen: { before: before.seen }, looks: { before: before.looks } };
    if (!before.right) return { ...row, outcome: 'unclear', why: 'it was not calm before' };
    const pulled = clock.now();
    injection = await spec.pull(levers);
    if (injection === undefined) return { ...row, outcome: 'not here', why: 'this environment has no such lever' };
    row = { ...row, applyMs: (clock.now() - pulled) / MILLISECOND };
    const during = await look(spec, 'during', most, (seen) => spec.hurt(seen, before.seen));
    row = {
      ...row,
      during: spec.text(during.seen),
      seen: { before: before.seen, during: during.seen },
      looks: { before: before.looks, during: during.looks },
    };
    const healing = clock.now();
    await injection.heal();
    row = { ...row, healMs: (clock.now() - healing) / MILLISECOND, counted: injection.effect() };
    const after = await look(spec, 'after', most, (seen) => spec.well(seen, before.seen));
    row = {
      ...row,
      after: spec.text(after.seen),
      seen: { before: before.seen, during: during.seen, after: after.seen },
      looks: { before: before.looks, during: during.looks, after: after.looks },
    };
    if (!after.right) return { ...row, outcome: 'not undone', why: 'what is seen after the cure is not as it was' };
    if (!during.right)
      return { ...row, outcome: 'no effect', why: 'what is seen under it is not what it is meant to do' };
    return { ...row, ...(await timed(spec, levers, clock, row)), outcome: 'works' };
  } catch (error) {
    const why = (error as Error).message;
    if (row.applyMs === undefined || row.healMs !== undefined) return { ...row, outcome: 'failed', why };
    return healed(row, injection, why);
  }
}

/** One pull says little of how long it takes on a machine that does other things too. */
async function timed<Seen>(
  { aimMs, pull }: TrialSpec<Seen>,
  levers: Partial<Levers>,
  clock: Clock,
  { applyMs = 0, healMs = 0 }: Pick<Row, 'applyMs' | 'healMs'>,
): Promise<Partial<Row>> {
  if (aimMs === undefined) return {};
  const times = { applyMs: [applyMs], healMs: [healMs] };
  for (let pulls = 1; pulls < PULLS; pulls++) {
    await clock.sleepUntil(clock.now() + BETWEEN_NS); // what was killed is going again
    const from = clock.now();
    const injection = await pull(levers);
    const inForce = clock.now();
    await injection?.heal();
    times.applyMs.push((inForce - from) / MILLISECOND);
    times.healMs.push((clock.now() - inForce) / MILLISECOND);
  }
  return { applyMs: median(times.applyMs), healMs: median(times.healMs), times };
}

function median(ms: readonly number[]): number {
  return [...ms].sort((a, b) => a - b)[ms.length >> 1];
}

/** Looked at in vain, or healed in vain: in any case it is not to stay in force. */
async function healed(row: Omit<Row, 'outcome'>, injection: Injection | undefined, why: string): Promise<Row> {
  try {
    await injection?.heal();
    return { ...row, outcome: 'failed', why };
  } catch (error) {
    return { ...row, outcome: 'not undone', why: `${why}; ${(error as Error).message}` };
  }
}

async function look<Seen>(
  spec: TrialSpec<Seen>,
  phase: Phase,
  most: number,
  isRight: (seen: Seen) => boolean,
): Promise<{ readonly seen: Seen; readonly right: boolean; readonly looks: number }> {
  for (let looks = 1; ; looks++) {
    const seen = await spec.look(phase);
    const right = isRight(seen);
    if (right || looks === most) return { seen, right, looks };
  }
}
