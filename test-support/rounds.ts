/**
 * How often a property is tried, and on what: `TIDEMARK_DEEP` for the many of `npm run test:deep`, `TIDEMARK_SEED` to see again what
 * failed. A failure names the seed and the round.
 */
import { Random } from '../history/random.ts';

export const seed: string = process.env['TIDEMARK_SEED'] ?? '1';

/** 500 rounds in `npm test`, 20,000 in `npm run test:deep`. */
export const rounds: number = process.env['TIDEMARK_DEEP'] === undefined ? 500 : 20_000;

/** For assertions on how often something was drawn in all rounds together. */
export const drawn: string = `with TIDEMARK_SEED=${seed}`;

/** Calls `attempt` with a source of randomness for each round, and what to name in assertions. */
export function eachRound(name: string, attempt: (random: Random, label: string) => void, times = rounds): void {
  const random = new Random(`${name} ${seed}`);
  for (let round = 0; round < times; round++) {
    attempt(random.fork(String(round)), `TIDEMARK_SEED=${seed}, ${name}, round ${round}`);
  }
}
