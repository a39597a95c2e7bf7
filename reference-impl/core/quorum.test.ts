import { expect, it } from 'vitest';
import { quorumSize, reachedByQuorum } from './quorum.ts';
import { generator } from './testdata/chaos.ts';

/** The naive twin: the highest of the values that a majority has reached, by trying each. */
function naive(reached: readonly number[]): number {
  const held = reached.filter((value) => reached.filter((other) => other >= value).length * 2 > reached.length);
  return Math.max(...held);
}

it('agrees with trying every value', () => {
  const random = generator(1);
  for (let i = 0; i < 20_000; i++) {
    const reached = Array.from({ length: 1 + Math.floor(random() * 7) }, () => Math.floor(random() * 6));
    expect(reachedByQuorum([...reached]), String(reached)).toBe(naive(reached));
  }
});

it('any two quorums share a voter', () => {
  for (let voters = 1; voters < 20; voters++) {
    expect(2 * quorumSize(voters)).toBeGreaterThan(voters);
    expect(2 * (quorumSize(voters) - 1)).toBeLessThanOrEqual(voters);
  }
});
