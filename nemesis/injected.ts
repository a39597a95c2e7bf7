/** Injections of levers, made into the one of a fault. */
import type { NodeId } from '../history/operation.ts';
import type { Injected, Injection } from './fault.ts';

/** Effects are summed by name. `heal` heals every one, also when another throws, and then throws what the first threw. */
export function injected(targets: readonly NodeId[], ...injections: readonly Injection[]): Injected {
  return {
    targets,
    async heal() {
      const errors: unknown[] = [];
      for (const injection of injections) await injection.heal().catch((error: unknown) => errors.push(error));
      if (errors.length > 0) throw errors[0];
    },
    effect() {
      const sum: Record<string, number> = {};
      for (const injection of injections) {
        for (const [name, n] of Object.entries(injection.effect())) sum[name] = (sum[name] ?? 0) + n;
      }
      return sum;
    },
  };
}
