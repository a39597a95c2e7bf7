/** Majority arithmetic. Every two majorities of one set of voters share a voter: all of Raft's safety rests on that. */

export function quorumSize(voters: number): number {
  return (voters >> 1) + 1;
}

/**
 * The highest value that a majority has reached: of `n` values the one that at least `quorumSize(n)` are not below.
 * Sorts `reached` in place (the callers keep one scratch array, for this runs with every acknowledgement).
 */
export function reachedByQuorum(reached: number[]): number {
  // Insertion sort, descending: a handful of voters, and nearly sorted from the last time.
  for (let i = 1; i < reached.length; i++) {
    const value = reached[i];
    let j = i - 1;
    while (j >= 0 && reached[j] < value) {
      reached[j + 1] = reached[j];
      j--;
    }
    reached[j + 1] = value;
  }
  return reached[quorumSize(reached.length) - 1];
}
