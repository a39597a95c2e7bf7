import type { Effect, Injection } from '../../../nemesis/fault.ts';

/** Heals once, and remembers the effect as it was then. */
export function injection(undo: () => Promise<void>, effect: () => Effect): Injection {
  let final: Effect | undefined;
  return {
    async heal() {
      if (final !== undefined) return;
      final = effect();
      await undo();
    },
    effect: () => final ?? effect(),
  };
}
