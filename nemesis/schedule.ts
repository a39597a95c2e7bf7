/**
 * The plan of a run's faults: a pure function of the seed.
 *
 * The window is divided into equal slots, one strike beginning somewhere in each. So the number of strikes is known
 * beforehand, and every kind comes up before any comes up again (shuffled bags). A strike may last into the next slots,
 * where it overlaps with others, but:
 *
 * - no more than {@link IN_FORCE_MAX} are in force at a time, so that the cluster is not struck dead for good;
 * - every {@link SLOTS_PER_ROUND} slots there is a calm moment with nothing in force, in which it can recover;
 * - all are healed within the window.
 */
import { MILLISECOND, SECOND } from '../history/clock.ts';
import type { Instant } from '../history/operation.ts';
import type { Random } from '../history/random.ts';
import type { Fault, Strike } from './fault.ts';

export const IN_FORCE_MAX = 2;
export const SLOTS_PER_ROUND = 4;
const SLOT_NS = 3 * SECOND;
/** Shorter slots than this leave a fault no time to show. */
export const SLOT_NS_MIN = SECOND;
const LASTS_MS = [1_500, 6_000] as const;
/** A strike begins within this share of its slot. */
const BEGIN_SHARE = 0.5;
/** What the end of its round would cut shorter than this strikes earlier instead. */
const DURATION_NS_LEAST = 400 * MILLISECOND;
/** How long a strike waits at most for somebody to strike. */
const PATIENCE_NS_MAX = 3 * SECOND;
/** Share of the last slot of a round that is calm. */
const CALM_SHARE = 0.3;

export interface Window {
  readonly random: Random;
  readonly faults: readonly Pick<Fault, 'name' | 'lastsMs'>[];
  readonly from: Instant;
  readonly until: Instant;
  /** Not more slots than of this length fit in; at least one a kind if not given. */
  readonly slotNs?: number;
  /** Shortest and longest duration, instead of what suits each kind. */
  readonly lastsNs?: readonly [number, number];
}

/** Strikes in the order of their instants. None when there is no fault or no room for one. */
export function plan({ random, faults, from, until, slotNs, lastsNs }: Window): readonly Strike[] {
  const span = until - from;
  if (faults.length === 0 || span < SLOT_NS_MIN) return [];
  // At least one slot a kind, where that leaves slots long enough.
  const slots =
    slotNs === undefined
      ? Math.min(Math.floor(span / SLOT_NS_MIN), Math.max(faults.length, Math.round(span / SLOT_NS)))
      : Math.max(1, Math.floor(span / Math.max(slotNs, SLOT_NS_MIN)));
  const width = Math.floor(span / slots);
  const names = bags(random.fork('kinds'), faults, slots);
  const times = random.fork('times');
  const calmFrom = names.map((_, slot) => {
    const roundEnd = Math.min(slots, (Math.floor(slot / SLOTS_PER_ROUND) + 1) * SLOTS_PER_ROUND);
    return from + roundEnd * width - Math.floor(width * CALM_SHARE);
  });
  const at = names.map((_, slot) => {
    const drawn = from + slot * width + times.below(Math.floor(width * BEGIN_SHARE));
    return Math.min(drawn, calmFrom[slot] - DURATION_NS_LEAST);
  });
  return names.map((fault, slot): Strike => {
    const [leastMs, mostMs] = lastsNs?.map((ns) => Math.floor(ns / MILLISECOND)) ?? fault.lastsMs ?? LASTS_MS;
    const drawn = times.between(leastMs, mostMs) * MILLISECOND;
    const crowdedFrom = slot + IN_FORCE_MAX < slots ? at[slot + IN_FORCE_MAX] : until;
    const end = Math.min(at[slot] + drawn, calmFrom[slot], crowdedFrom);
    const durationNs = end - at[slot];
    const patienceNs = Math.max(0, Math.min(durationNs - DURATION_NS_LEAST, PATIENCE_NS_MAX));
    return { fault: fault.name, at: at[slot], durationNs, patienceNs };
  });
}

/** `count` items: each once in random order, then each again. */
function bags<T>(random: Random, items: readonly T[], count: number): T[] {
  const drawn: T[] = [];
  while (drawn.length < count) drawn.push(...random.shuffle(items));
  return drawn.slice(0, count);
}
