import { describe, expect, it } from 'vitest';
import { MILLISECOND, SECOND } from '../history/clock.ts';
import { Random } from '../history/random.ts';
import type { Strike } from './fault.ts';
import { IN_FORCE_MAX, plan } from './schedule.ts';

const kinds = Array.from({ length: 12 }, (_, i) => ({ name: `f${i}` }));
const seeds = Array.from({ length: 300 }, (_, i) => i + 1);

function schedule(
  seed: number,
  faults: readonly { name: string; lastsMs?: readonly [number, number] }[] = kinds,
): readonly Strike[] {
  return plan({ random: new Random(seed), faults, from: 5 * SECOND, until: 50 * SECOND });
}

/** How many are in force at each instant that one begins. */
function crowds(strikes: readonly Strike[]): number[] {
  return strikes.map(({ at }) => strikes.filter((other) => other.at <= at && at < other.at + other.durationNs).length);
}

describe('plan', () => {
  it('is a function of the seed', () => {
    expect(schedule(7)).toEqual(schedule(7));
    expect(schedule(7)).not.toEqual(schedule(8));
  });

  it('stays in the window, in order, healed at its end', () => {
    for (const seed of seeds) {
      const strikes = schedule(seed);
      expect(strikes.map(({ at }) => at)).toEqual(strikes.map(({ at }) => at).sort((a, b) => a - b));
      for (const { at, durationNs } of strikes) {
        expect(at).toBeGreaterThanOrEqual(5 * SECOND);
        expect(at + durationNs).toBeLessThanOrEqual(50 * SECOND);
        expect(durationNs).toBeGreaterThanOrEqual(400 * MILLISECOND);
        expect(Number.isInteger(at) && Number.isInteger(durationNs)).toBe(true);
      }
    }
  });

  it('uses every kind before any again', () => {
    for (const seed of seeds) {
      const names = schedule(seed).map(({ fault }) => fault);
      expect(names).toHaveLength(15);
      expect(new Set(names.slice(0, 12)).size).toBe(12);
      expect(new Set(names.slice(12)).size).toBe(3);
    }
    expect(schedule(1, [{ name: 'only' }]).map(({ fault }) => fault)).toEqual(Array.from({ length: 15 }, () => 'only'));
  });

  it('overlaps faults, though never more than it may, and leaves calm between the rounds', () => {
    let overlapping = 0;
    for (const seed of seeds) {
      const strikes = schedule(seed);
      const crowd = crowds(strikes);
      expect(Math.max(...crowd)).toBeLessThanOrEqual(IN_FORCE_MAX);
      overlapping += crowd.filter((n) => n === 2).length;
      const calm = strikes.filter(
        ({ at }, i) =>
          i > 0 && strikes.slice(0, i).every((other) => other.at + other.durationNs <= at - 500 * MILLISECOND),
      );
      expect(calm.length).toBeGreaterThanOrEqual(3);
    }
    expect(overlapping / seeds.length).toBeGreaterThan(4);
  });

  it('lets a fault say how long it lasts', () => {
    for (const seed of seeds) {
      const brief = schedule(seed, [...kinds, { name: 'brief', lastsMs: [500, 600] }]).filter(
        ({ fault }) => fault === 'brief',
      );
      expect(brief.length).toBeGreaterThanOrEqual(1);
      for (const { durationNs } of brief) expect(durationNs).toBeLessThanOrEqual(600 * MILLISECOND);
    }
  });

  it('makes do with a short window, and with none', () => {
    const at = (span: number): readonly Strike[] =>
      plan({ random: new Random(1), faults: kinds, from: 0, until: span });
    expect(at(12 * SECOND)).toHaveLength(12);
    expect(Math.max(...crowds(at(12 * SECOND)))).toBeLessThanOrEqual(IN_FORCE_MAX);
    expect(at(5 * SECOND)).toHaveLength(5);
    expect(at(SECOND - 1)).toEqual([]);
    expect(plan({ random: new Random(1), faults: [], from: 0, until: 50 * SECOND })).toEqual([]);
  });
});
